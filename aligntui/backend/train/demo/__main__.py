"""`python -m aligntui.backend.train.demo`: train the demo adapter, measure it, write its card, put it into its place.

The training is a run like any other in `build/demo`: a safe stop keeps it, --resume goes on with it, and `--ship FOLDER` copies
what comes with aligntui. With --measure it is trained already.
Pinned in tests/backend/test_demo_run.py.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from aligntui.backend.stdio import settle_environment
from aligntui.core.errors import AligntuiError

OUT = Path("build") / "demo"
SHIPPED = (
    "README.md",
    "adapter_config.json",
    "adapter_model.safetensors",
    "run/config.json",
    "run/config.yaml",
    "run/lineage.json",
    "run/data/manifest.json",
)
"""Of the adapter's folder; the rest of the run, its checkpoints above all, is larger than the adapter."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the value is the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m aligntui.backend.train.demo",
        description="Train the demo adapter by SFT and CITA-KL, and measure it.",
    )
    parser.add_argument("--out", type=Path, default=OUT, help=f"the adapter with its run (default: {OUT})")
    parser.add_argument("--ship", type=Path, default=None, metavar="FOLDER", help="copy there what comes with aligntui")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting of the preset"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run in the folder")
    parser.add_argument("--measure", action="store_true", help="train nothing: measure the adapter in the folder")
    options = parser.parse_args(arguments)
    settle_environment()  # before torch is imported
    try:
        if not options.measure:
            code = _train(options.out, options.set, resume=options.resume)
            if code or not (options.out / "adapter_model.safetensors").is_file():
                return code
        _measure(options.out)
        if options.ship is not None:
            _ship(options.out, options.ship)
    except AligntuiError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _train(out: Path, settings: Sequence[str], *, resume: bool) -> int:
    from aligntui.backend.train.demo.run import write_run
    from aligntui.backend.train.run.__main__ import main as train

    run = out / "run" if resume else write_run(out, settings)
    return train([str(run), *(["--resume"] if resume else [])])


def _measure(out: Path) -> None:
    from aligntui.backend.train.demo.card import write_effect
    from aligntui.backend.train.demo.measuring import measure
    from aligntui.config.training import load_config

    model = load_config(out / "run" / "config.yaml").base.model
    write_effect(out, measure(out, model))


def _ship(out: Path, target: Path) -> None:
    for name in SHIPPED:
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(out / name, place)


if __name__ == "__main__":
    sys.exit(main())
