"""The commands in the docs: every one parses, those of plain blocks are run as they stand there, in their order.

A fence without a word holds commands to be run; ` ```text ` holds output, or patterns of commands, that are only parsed.
A comment `<!-- not run...: why -->` above a block keeps it from being run. The section "Without a screen" of the README is
run by test_readme.py.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from aligntui.cli.app import root
from aligntui.config.keys import ACTIONS
from aligntui.config.paths import Workspace, cache_dir
from aligntui.config.training.presets import preset_names
from aligntui.core.errors import UserError
from aligntui.jobs.folders import list_run_folders
from aligntui.jobs.queue import Queue
from aligntui.jobs.starting import VARIABLE
from aligntui.score.track_a.loading import load_prompts
from tests.cli.conftest import ROOT, InsideCli
from tests.jobs.runs import SCRIPTED, no_process_left, wait_until

PAGES = ("README.md", "docs/training.md", "docs/scoring.md", "docs/curating.md")
NARRATED = (*PAGES, "CHANGELOG.md", "docs/LOG.md")
SLOW = json.dumps([*json.loads(SCRIPTED)[:1], str(ROOT / "tests" / "jobs" / "slow_trainer.py")])
ON_THE_MODEL = ("Does it follow the instruction?", "Training", "Scoring")
"""Sections of the README whose blocks are run on the embedded model."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    section: str
    language: str
    text: str
    not_run: str
    """Why it is not run; empty where it is."""

    @property
    def commands(self) -> list[str]:
        """Its lines that call a program, continued ones in one piece."""
        whole = re.sub(r"\\\n\s*", "", self.text)
        return re.findall(r"^(?:aligntui|torchrun) .*$", whole, re.MULTILINE)


def blocks(page: str) -> list[Block]:
    found: list[Block] = []
    section = reason = ""
    fence: list[str] | None = None
    language = ""
    for line in (ROOT / page).read_text("utf-8").splitlines():
        if fence is not None:
            if line == "```":
                found.append(Block(page, section, language, "\n".join(fence), reason))
                fence, reason = None, ""
            else:
                fence.append(line)
        elif line.startswith("```"):
            fence, language = [], line[3:]
        elif line.startswith("## "):
            section = line[3:]
        elif told := re.fullmatch(r"<!-- not run[^:]*: (.+) -->", line):
            reason = told[1]
    assert fence is None, f"{page}: a fence is not closed"
    return found


def to_run(page: str, *sections: str) -> list[str]:
    """Commands of the plain blocks of some sections, of all without any."""
    return [
        command
        for block in blocks(page)
        if not block.language and not block.not_run and (not sections or block.section in sections)
        for command in block.commands
    ]


def found_command(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words call, and what is left of them for it."""
    command: Any = get_command(root)
    context = typer.Context(command, info_name="aligntui")
    while words and hasattr(command, "list_commands"):
        below = command.get_command(context, words[0])
        assert below is not None, f"there is no command {words[0]!r}"
        command, words = below, words[1:]
        context = typer.Context(command, info_name=command.name, parent=context)
    return command, words


def every_command() -> Iterator[str]:
    for page in PAGES:
        for block in blocks(page):
            yield from (command for command in block.commands if command.startswith("aligntui "))


@pytest.mark.parametrize("text", sorted(set(every_command())))
def test_every_command_parses(text: str) -> None:
    command, rest = found_command(shlex.split(text)[1:])
    assert not hasattr(command, "list_commands"), "a group is no command"
    command.make_context("aligntui", list(rest))


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_sentences_are_there(page: str) -> None:
    for text in re.findall(r"`aligntui ([a-z][^`]*)`", (ROOT / page).read_text("utf-8")):
        words = re.findall(r"^[a-z-]+(?: [a-z-]+)*", text)[0].split()
        found_command(words)


def test_a_block_that_is_not_run_says_why() -> None:
    reasons = {block.not_run for page in PAGES for block in blocks(page) if block.not_run}
    assert reasons
    for file in re.findall(r"tests/[\w/.]+\.py", " ".join(reasons)):
        assert (ROOT / file).is_file(), file


def test_every_block_of_the_readme_is_run_by_somebody() -> None:
    sections = {block.section for block in blocks("README.md") if block.commands and block.language != "text"}
    assert sections == {"Without a screen", "Curating", *ON_THE_MODEL}


def test_what_the_pages_name_is_there() -> None:
    for page in NARRATED:
        text = (ROOT / page).read_text("utf-8")
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            assert ((ROOT / page).parent / link).exists(), (page, link)
        for file in re.findall(r"`((?:tests|benchmarks|docs|datasets)/[\w/.-]+\.(?:py|md|jsonl))`", text):
            assert (ROOT / file).exists(), (page, file)
    assert set(re.findall(r"--preset ([\w-]+)", "".join(every_command()))) <= set(preset_names())


def test_the_keys_of_screens_are_the_keys_of_the_console() -> None:
    keys = {action.keys for action in ACTIONS}
    told = [
        (page, letter.lower(), number)
        for page in NARRATED
        for letter, number in re.findall(r"Ctrl\+([A-Z])\W+or \W*Alt\+(\d)", (ROOT / page).read_text("utf-8"))
    ]
    assert len(told) >= 8
    for page, letter, number in told:
        assert f"ctrl+{letter},alt+{number}" in keys, (page, letter, number)


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the pages speak of, and everything is run in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    subjects = ("bread", "rain", "trains", "bees", "glass", "salt", "moss", "tin", "kites", "maps", "soap", "rope")
    write(tmp_path / "others.jsonl", *({
        "prompt": f"How does one look after {subject} in a damp house?",
        "chosen": f"Keep the {subject} dry, and look at it once a week for {number + 1} months.",
        "rejected": f"Nobody knows {number + 1} things about {subject}.",
    } for number, subject in enumerate(subjects)))  # fmt: skip
    (tmp_path / "held.txt").write_text("How do bridges bear the wind?\n")
    for name, answer in (("answers", "None of it."), ("newer", "A little of it, and more.")):
        asked = [prompt.prompt for prompt in load_prompts()][:6]
        write(tmp_path / f"{name}.jsonl", *({"prompt": prompt, "response": answer} for prompt in asked))
    own = next(block.text for block in blocks("docs/scoring.md") if block.language == "json")
    (tmp_path / "own.jsonl").write_text(own + "\n")
    return tmp_path


def write(path: Path, *records: Any) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


class DocsCli(InsideCli):
    """Runs what the docs say; a run that is left alone has many steps, so that there is something to look at."""

    trainer = SCRIPTED

    def env(self, **more: str) -> dict[str, str]:
        return super().env(**{VARIABLE: self.trainer, **more})

    def say(self, text: str) -> None:
        words = shlex.split(text)[1:]
        self.trainer = SLOW if {"--detach", "--queue"} & set(words) else SCRIPTED
        done = self.run(*words)
        assert done.code == 0, (text, done.out[-2000:], done.err[-2000:])


@pytest.fixture
def docs(there: Path) -> DocsCli:
    made = DocsCli(there / "home", there / "workspace")
    made.script(delay_s=0.0, load_s=0.0)
    return made


def end_all(docs: DocsCli) -> None:
    """Nothing of a page trains on when it is over."""
    workspace = Workspace(docs.workspace)
    queue = Queue(workspace)

    def over() -> bool:
        for entry in queue.entries():
            with contextlib.suppress(UserError):  # its turn has just come: it is killed below
                queue.remove(entry.name)
        with no_process_left(*list_run_folders(workspace)):
            pass
        return not queue.entries() and not queue.has_worker()

    wait_until(over, 60)


def test_the_training_page(docs: DocsCli) -> None:
    commands = to_run("docs/training.md")
    assert len(commands) > 20
    try:
        for command in commands:
            docs.say(command)
        runs = {run["name"]: run["state"] for run in docs.json("runs", "list")}
    finally:
        end_all(docs)
    assert runs["first"] == "finished" and runs["slow"] in ("running", "starting")
    assert (docs.workspace / "datasets" / "mine" / "v1" / "train.jsonl").is_file()


def test_the_scoring_page(docs: DocsCli, there: Path) -> None:
    docs.adapter("other")
    commands = to_run("docs/scoring.md")
    assert len(commands) > 10
    for command in commands:
        docs.say(command)
    assert (there / "report" / "report.md").is_file() and (there / "comparison" / "report.md").is_file()
    assert len((there / "verdicts.jsonl").read_text().splitlines()) == 4


def test_curating_in_the_readme(docs: DocsCli) -> None:
    commands = to_run("README.md", "Curating")
    assert len(commands) == 5
    for command in commands:
        docs.say(command)


@pytest.mark.real_model
def test_the_readme_on_the_embedded_model(there: Path) -> None:
    cache = str(cache_dir())

    class RealCli(InsideCli):
        def env(self, **more: str) -> dict[str, str]:
            return super().env(**{"ALIGNTUI_CACHE": cache, "ALIGNTUI_THREADS": "2", **more})

    real = RealCli(there / "home", there / "workspace", engine=None)
    for command in to_run("README.md", *ON_THE_MODEL):
        done = real.run(*shlex.split(command)[1:])
        assert done.code == 0, (command, done.out[-2000:], done.err[-2000:])
    assert (there / "workspace/adapters/first/run/checkpoints/step-000002/adapter_model.safetensors").is_file()
    assert (there / "merged" / "model.safetensors").is_file()
    first, after = (real.json("score", "report", name)["run"] for name in ("before", "after"))
    assert first["done"] == after["done"] == 8
