"""A real model as judge: asked in both orders, stored under its own name, measured against a person."""

from __future__ import annotations

import pytest

from aligntui.config.paths import Workspace, embedded_model
from aligntui.core.pair import Verdict
from aligntui.core.prompt_format import Message, Mode
from aligntui.data.token_count import read_token_counter
from aligntui.store import ImportHead, ImportRecord, PairFilter
from aligntui.workbench.chat_state import Column
from aligntui.workbench.columns import Columns
from aligntui.workbench.curation.model_judge import ModelJudge
from aligntui.workbench.curation.statistics import verdict_report
from aligntui.workbench.opening import attach_engine, open_workbench, settings_for

PAIRS = (
    (
        "Why is the sky blue?",
        "Air scatters blue light more than red light, so blue reaches us from every side.",
        "xq zz",
    ),
    ("What is 2 + 2?", "2 + 2 is 4.", "Bananas bananas bananas bananas."),
    ("How do I boil an egg?", "Put it into boiling water for eight minutes.", ""),
)


@pytest.mark.real_model
async def test_a_model_judges_in_both_orders_under_its_own_name(tmp_path):
    workspace = Workspace(tmp_path / "work")
    workspace.make()
    bench = open_workbench(workspace, settings_for(workspace, {"adapter": ("",)}), lambda change: None)
    attach_engine(bench)
    chat = bench.chat
    try:
        await Columns(chat).load_base()
        folder = embedded_model()
        counter = read_token_counter(folder)
        records = [
            ImportRecord(
                f"f{n}",
                [Message("user", p)],
                [Message("assistant", c)],
                [Message("assistant", r or " ")],
                mode=Mode.NONE,
            )
            for n, (p, c, r) in enumerate(PAIRS)
        ]
        await chat.store.run(
            lambda store: store.import_records(ImportHead("three", "three.jsonl", annotator="person"), records)
        )
        seen = []
        judge = ModelJudge(chat, Column(), counter)
        progress = await judge.run(PairFilter(), None, lambda p: seen.append(p.done + p.passed))
        assert (progress.done, progress.passed, seen) == (3, 0, [1, 2, 3])
        pairs = await chat.store.run(lambda store: store.list_pairs())
        judged = [pair for pair in pairs if pair.annotator == "judge:base"]
        assert len(judged) == 6 and all(pair.blind for pair in judged)
        assert all(pair.verdict in (Verdict.LEFT, Verdict.RIGHT, Verdict.TIE) for pair in judged)
        by_order = {(pair.left_id, pair.right_id): pair for pair in judged}
        assert len(by_order) == 6 and all((right, left) in by_order for left, right in by_order)
        again = await judge.run(PairFilter(), None, lambda p: None)
        assert (again.done, again.passed) == (0, 9), "what it judged before, and its own verdicts, are passed over"
        rows = await chat.store.run(lambda store: list(store.judgements()))
        report = verdict_report(rows)
        (against,) = report.judges
        assert (report.imported, report.verdicts) == (3, 6)
        assert (against.judge, against.human, against.accuracy.n, against.base_rate.n) == ("judge:base", "person", 3, 3)
        assert against.same_in_both_orders.n == 3
    finally:
        await chat.close()
