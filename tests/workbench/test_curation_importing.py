"""Imports as transactions: files that change, users who give up, tokens, and what is asked of the source."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.core.prompt_format import Message, Mode
from aligntui.data.instruction_library import InstructionLibrary, load_library
from aligntui.data.token_count import TokenCounter, read_token_counter
from aligntui.store import Store, open_store
from aligntui.workbench.curation.importing import COUNTED_AT_ONCE, PROGRESS_EVERY, ImportWish, import_pairs, look

TEMPLATE = (
    "{% if messages[0]['role'] == 'user' and 'refuse' in messages[0]['content'] %}{{ raise_exception('no') }}{% endif %}"
    "{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }} {% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "sessions" / "aligntui.db") as opened:
        yield opened


@pytest.fixture
def library(tmp_path: Path) -> InstructionLibrary:
    return load_library(Workspace(tmp_path))


@pytest.fixture
def counter(tmp_path: Path) -> TokenCounter:
    """One token a word, and a chat template that refuses prompts with a certain word."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path / "model"
    folder.mkdir()
    tokenizer = Tokenizer(models.WordLevel(vocab={"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": TEMPLATE}))
    made = read_token_counter(folder)
    assert made is not None
    return made


def source_of(tmp_path: Path, count: int, **changes: Any) -> Path:
    path = tmp_path / "pairs.jsonl"
    record = {"chosen": "one two three", "rejected": "one two", **changes}
    path.write_text("".join(json.dumps({"prompt": f"say it {n}", **record}) + "\n" for n in range(count)))
    return path


def content(store: Store) -> list[str]:
    with closing(sqlite3.connect(store.path)) as conn:
        return list(conn.iterdump())


def test_a_file_that_changes_while_it_is_read_leaves_the_database_as_it_was(
    store: Store, library: InstructionLibrary, tmp_path: Path
) -> None:
    source = source_of(tmp_path, 3 * PROGRESS_EVERY)
    before = content(store)

    def write_on(done: int) -> None:
        if done == PROGRESS_EVERY:
            with source.open("a") as file:
                file.write('{"prompt": "late", "chosen": "a", "rejected": "b"}\n')

    with pytest.raises(UserError, match="changed while it was read"):
        import_pairs(store, ImportWish(str(source)), library, on_progress=write_on)
    assert content(store) == before

    def replace(done: int) -> None:
        source.unlink()
        source_of(tmp_path, 1)

    with pytest.raises(UserError, match="changed while it was read"):
        import_pairs(store, ImportWish(str(source), skip_bad=True), library, on_progress=replace)
    assert content(store) == before


def test_giving_up_half_way_leaves_the_database_as_it_was(
    store: Store, library: InstructionLibrary, tmp_path: Path
) -> None:
    source = source_of(tmp_path, 2 * PROGRESS_EVERY)
    before = content(store)

    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_pairs(store, ImportWish(str(source)), library, on_progress=interrupt)
    assert content(store) == before
    done = import_pairs(store, ImportWish(str(source)), library)
    assert done.outcome.added == 2 * PROGRESS_EVERY and store.verify() == []


def test_tokens_are_counted_as_the_template_shows_them(
    store: Store, library: InstructionLibrary, counter: TokenCounter, tmp_path: Path
) -> None:
    source = source_of(tmp_path, COUNTED_AT_ONCE + 1, system="be brief")
    done = import_pairs(store, ImportWish(str(source)), library, counter)
    assert done.tokenizer == "model" and done.as_dict()["tokenizer"] == "model"
    counts = {(r.prompt_tokens, r.chosen_tokens, r.rejected_tokens) for r in store.curated_records()}
    # <system> be brief <user> say it N <assistant>
    assert counts == {(8, 3, 2)}


def test_a_template_that_refuses_a_prompt_is_no_reason_to_refuse_the_record(
    store: Store, library: InstructionLibrary, counter: TokenCounter, tmp_path: Path
) -> None:
    source = source_of(tmp_path, 1)
    with source.open("a") as file:
        file.write('{"prompt": "refuse me", "chosen": "a b", "rejected": "c"}\n')
    import_pairs(store, ImportWish(str(source)), library, counter)
    counts = [(r.prompt_tokens, r.chosen_tokens, r.rejected_tokens) for r in store.curated_records()]
    assert counts == [(5, 3, 2), (None, 2, 1)]
    with pytest.raises(UserError, match="refuses the conversation"):
        counter.rendered([Message("user", "refuse me")], "", Mode.NONE)


def test_a_look_reads_the_beginning_only(tmp_path: Path) -> None:
    seen = look(ImportWish(str(source_of(tmp_path, 1500))), 2)
    assert (seen.looked_at, seen.whole, len(seen.records)) == (1000, False, 2)


def test_the_entry_of_an_import_says_where_it_came_from(
    store: Store, library: InstructionLibrary, tmp_path: Path
) -> None:
    source = source_of(tmp_path, 2)
    with source.open("a") as file:
        file.write("no json\n")
    done = import_pairs(store, ImportWish(str(source), skip_bad=True, name="Mine", annotator="them"), library)
    [entry] = store.list_imports()
    assert (entry.source, entry.layout, entry.annotator) == (str(source), "trl", "them")
    assert entry.source_sha256 == done.source.sha256 and entry.counts["bad"] == 1
    assert store.get_session(entry.session_id).name == "Mine"
