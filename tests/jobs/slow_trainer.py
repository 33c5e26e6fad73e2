"""The scripted trainer with many steps, for tests that look at a run while it trains."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.jobs.scripted_trainer import Trainer

if __name__ == "__main__":
    trainer = Trainer(Path(sys.argv[1]), "--resume" in sys.argv)
    trainer.script |= {"steps": 400, "step_s": 0.1, "checkpoint_every": 50}
    sys.exit(trainer.train())
