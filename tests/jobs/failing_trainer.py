"""The scripted trainer that fails at its third step."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.jobs.scripted_trainer import Trainer

if __name__ == "__main__":
    trainer = Trainer(Path(sys.argv[1]), "--resume" in sys.argv)
    trainer.script |= {"fail_at": 3}
    sys.exit(trainer.train())
