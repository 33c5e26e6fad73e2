"""The embedded model as judge of its own answers: log-probabilities of its letters, read from the real engine."""

from __future__ import annotations

import pytest

from aligntui.config.paths import Workspace
from aligntui.store import open_store
from aligntui.workbench.switching.judging import read_judgements
from tests.cli.conftest import Cli
from tests.cli.switch_runs import bank
from tests.cli.test_real_model import real  # noqa: F401  the fixture

pytestmark = pytest.mark.real_model
QUICK = ("--instructions", "concise,creative", "--max-new-tokens", "8", "--adapter", "", "--no-noise")


def test_the_letters_have_log_probabilities_and_the_place_is_taken_off(real: Cli) -> None:  # noqa: F811
    words = ("switch", "run", "--dataset", bank(real.home, "Why do cats purr?", "What is a fjord?"), *QUICK)
    run = real.json(*words, "--dtype", "float32", timeout_s=300)["run"]
    told = real.json("switch", "judge", run, timeout_s=300)
    assert (told["cells"], told["done"]) == (8, 8)
    with open_store(Workspace(real.workspace).database) as store:
        judged = store.get_run(run)
        said = read_judgements(store, judged)
        assert said is not None and len(said.named) == 4
        replies = dict(store.run_answers(said.run))
    assert all(reply.conditions.dtype == "float32" for reply in replies.values()), "the run's own base judges"
    assert all(reply.text.startswith(("Answer: A", "Answer: B")) for reply in replies.values())
    assert all(value <= 0 for reply in replies.values() for value in reply.logprobs)
    report = real.json("switch", "report", run, timeout_s=300)
    assert report["judging"]["named"] == 4 and report["judging"]["unread"] == 0, "real log-probabilities do not tie"
    assert sum(place["named"]["k"] for place in report["judging"]["places"]) == 4
    (row,) = report["judge"]["sides"]
    assert (row["side"], row["n"], row["chance"]) == ("base", 4, 0.5)
