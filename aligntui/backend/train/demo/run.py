"""The bundled opposed pairs as the frozen data of a run with the preset `demo-cita`. Pinned in tests/backend/test_demo_run.py."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aligntui.backend.train.demo.records import Example, bundled_records, expand
from aligntui.config.training import TrainingConfig, apply_settings, load_preset, save_config
from aligntui.core.errors import UserError
from aligntui.core.files import write_text_atomic

PRESET = "demo-cita"
PHRASINGS = 3
"""Of every instruction type; each record is frozen once with each."""


def demo_rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]], str]:
    """Training rows, held-out rows and the SHA-256 of the files they come from.

    Both directions of a record stand next to each other under one `pair`; no held-out prompt is trained on.

    Raises:
        UserError: the bundled data are missing or damaged.
    """
    library, train, held_out, digest = bundled_records()
    rows = [
        _row(example, rotation)
        for rotation in range(PHRASINGS)
        for example in expand(train, library, rotation=rotation)
    ]
    return rows, [_row(example, 0) for example in expand(held_out, library)], digest


def write_run(out: Path, settings: Sequence[str] = ()) -> Path:
    """Freeze data and configuration into `out/run`.

    Args:
        out: the adapter folder.
        settings: changes of the preset, `key=value`.

    Returns:
        The run folder.

    Raises:
        UserError: an unknown setting, or a run has begun there.
    """
    config: TrainingConfig = apply_settings(load_preset(PRESET).config, settings)
    run = out / "run"
    if (run / "events.jsonl").exists():
        raise UserError(f"A run has begun in {run}.", "Go on with it by --resume, or name another folder.")
    rows, held_out, digest = demo_rows()
    (run / "data").mkdir(parents=True, exist_ok=True)
    (run / "requests").mkdir(exist_ok=True)
    _write_lines(run / "data" / "train.jsonl", rows)
    _write_lines(run / "data" / "eval.jsonl", held_out)
    manifest = {"source": "opposed-demo (bundled)", "sha256": digest, "records": len(rows), "held_out": len(held_out)}
    write_text_atomic(run / "data" / "manifest.json", json.dumps(manifest, indent=2) + "\n")
    lineage = {"dataset": "opposed-demo", "parent": None, "base_model": config.base.model}
    write_text_atomic(run / "lineage.json", json.dumps(lineage, indent=2) + "\n")
    save_config(config, run / "config.yaml")
    return run


def _row(example: Example, rotation: int) -> dict[str, Any]:
    return {
        "id": f"{example.record}/{example.type}/{rotation + 1}",
        "instruction": example.instruction,
        "prompt": example.prompt,
        "chosen": example.chosen,
        "rejected": example.rejected,
        "pair": f"{example.record}/{rotation + 1}",
    }


def _write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    write_text_atomic(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
