"""The demo adapter by the trainer that users have: `python -m aligntui.backend.train.demo_run --out adapters/demo-cita`.

Writes the bundled opposed pairs as the frozen data of a run, with the preset `demo-cita`, and trains it. The run can be
stopped and, with --resume, gone on with like any other. Pinned in tests/backend/test_run_demo.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aligntui.backend.stdio import settle_environment
from aligntui.config.paths import bundled
from aligntui.config.training import TrainingConfig, apply_settings, load_preset, save_config
from aligntui.core.errors import AligntuiError, UserError
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
    # imports torch, which must not come before the environment is settled
    from aligntui.backend.train.demo_data import data_sha256, expand, read_library, read_records, split

    library_file = bundled("datasets", "instructions", "canonical.jsonl")
    files = sorted(bundled("datasets", "opposed-demo").glob("part-*.jsonl"))
    if not files:
        raise UserError("The bundled opposed pairs are missing.", "They travel with aligntui: install it again.")
    library = read_library(library_file)
    train, held_out = split(read_records(files, library))
    rows = [
        _row(example, rotation)
        for rotation in range(PHRASINGS)
        for example in expand(train, library, rotation=rotation)
    ]
    return rows, [_row(example, 0) for example in expand(held_out, library)], data_sha256([library_file, *files])


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


def _row(example: Any, rotation: int) -> dict[str, Any]:
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; the value is the exit code of the run."""
    parser = argparse.ArgumentParser(
        prog="python -m aligntui.backend.train.demo_run", description="Train the demo adapter by SFT and CITA-KL."
    )
    parser.add_argument("--out", type=Path, default=Path("adapters") / "demo-cita", help="adapter folder")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting of the preset"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run in the folder")
    options = parser.parse_args(arguments)
    settle_environment()
    try:
        run = options.out / "run" if options.resume else write_run(options.out, options.set)
    except AligntuiError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    # after the environment is settled: it imports torch
    from aligntui.backend.train.run.__main__ import main as train

    return train([str(run), *(["--resume"] if options.resume else [])])


if __name__ == "__main__":
    sys.exit(main())
