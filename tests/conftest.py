"""What every test may count on: the embedded model is in the user's cache, and a hang-up ends what a test starts."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from aligntui.config.paths import embedded_model

for number, handler in ((signal.SIGHUP, lambda _number, _frame: None), (signal.SIGINT, signal.default_int_handler)):
    if signal.getsignal(number) is signal.SIG_IGN:
        # below `nohup`, or in the background of a script, every process that is started ignores it, too; what is caught
        # is not inherited
        signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def _embedded_model_is_there() -> None:
    """Fetch the embedded model on a fresh machine, whichever test comes first; one that cannot be fetched is said by the tests that need it.

    Processes that test side by side wait for one another: a fetch holds a lock.
    """
    if embedded_model() is None:
        subprocess.run([sys.executable, "-m", "aligntui", "models", "pull"], check=False, timeout=600)
