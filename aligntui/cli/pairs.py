"""`aligntui pairs`: the commands of the group; each stands in the module of its subject."""

from __future__ import annotations

from aligntui.cli import pairs_export, pairs_import, pairs_lint, pairs_list, pairs_model, pairs_stats, pairs_verdict
from aligntui.cli.app import group

app = group("Judge answers; import, sample, list, lint, measure and export pairs.")

for _name, _command in (
    ("add", pairs_verdict.add),
    ("list", pairs_list.list_all),
    ("undo", pairs_verdict.undo),
    ("tag", pairs_verdict.tag),
    ("delete", pairs_verdict.delete),
    ("restore", pairs_verdict.restore),
    ("import", pairs_import.import_source),
    ("lint", pairs_lint.lint),
    ("stats", pairs_stats.stats),
    ("sample", pairs_model.sample),
    ("propose", pairs_model.propose),
    ("judge", pairs_model.judge),
    ("export", pairs_export.export),
):
    app.command(_name)(_command)
