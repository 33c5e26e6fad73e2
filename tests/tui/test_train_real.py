"""The train screen with the real trainer, on a tiny random model: from the form to a checkpoint in the chat."""

from __future__ import annotations

import json

from aligntui.jobs.folders import run_folder
from aligntui.jobs.starting import VARIABLE
from aligntui.jobs.state import RunState
from aligntui.tui.modals.train_batch import BatchReader
from aligntui.tui.modals.train_ladder import LadderDialog
from aligntui.tui.modals.train_review import TrainReview
from aligntui.tui.screens.chat import ChatScreen
from tests.backend import tiny
from tests.backend.run_folders import RECORDS
from tests.jobs.runs import no_process_left
from tests.tui.test_train_screen import fill, to_train

SETTINGS = (
    "device=cpu dtype=float32 threads=1 rank=4 batch=2 steps.accumulation=1 length=256 lr=0.01 max_steps=6 "
    "checkpoints.every=3 evaluation.every=3 samples.count=1 samples.max_new_tokens=4 report_to="
)


async def test_a_real_run_from_the_form_to_the_chat(console, workspace, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("ALIGNTUI_CACHE", str(tmp_path / "cache"))
    model = tiny.save_llama(tmp_path / "tiny-llama")
    data = tmp_path / "pairs.jsonl"
    lines = [
        {"system": system, "prompt": prompt, "chosen": chosen, "rejected": rejected}
        for system, prompt, chosen, rejected in RECORDS
    ]
    data.write_text("".join(json.dumps({k: v for k, v in line.items() if v}) + "\n" for line in lines))
    with no_process_left(run_folder(workspace, "tried")):
        async with console(adapter=("",)) as c:
            await to_train(c)
            await fill(c, preset="ecliptica-dpo", data=str(data), name="tried", model=str(model), set=SETTINGS)
            await c.until(lambda: isinstance(c.app.screen, TrainReview), "review", deadline_s=60)
            await c.sees("Will it fit?")
            await c.press("p")
            await c.until(lambda: isinstance(c.app.screen, BatchReader), "the first batch", deadline_s=120)
            await c.sees("⟦")
            await c.press("escape")
            await c.until(lambda: isinstance(c.app.screen, TrainReview), "review again")
            await c.press("enter")
            desk = c.app.train_desk
            await c.until(lambda: desk.rows, "listed")
            ended = (RunState.FINISHED, RunState.FAILED, RunState.INTERRUPTED)
            await c.until(lambda: desk.rows[0].run.state in ended, "ended", deadline_s=240)
            assert desk.rows[0].run.state is RunState.FINISHED, c.text()
            await c.sees("● finished")
            story = desk.rows[0].run.story
            assert story.step == story.total_steps == 6 and len(story.curves["loss"]) == 6
            assert {"margin", "chosen_logp", "grad_norm"} <= {name for name, points in story.curves.items() if points}
            await c.press("3")
            await c.sees("and step 6")
            await c.press("c")
            await c.until(lambda: isinstance(c.app.screen, LadderDialog), "ladder")
            await c.sees("tried@3")
            await c.press("G", "k", "enter")
            await c.until(lambda: isinstance(c.app.screen, ChatScreen), "chat")
            await c.sees("is a column now")
