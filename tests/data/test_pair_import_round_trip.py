"""Import after export: the same fields as far as a layout carries them, and always the same file again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.core.errors import UserError
from aligntui.core.prompt_format import ITA_EXPECTED, ITA_INSTRUCTION, ITA_PROMPT, ITA_REJECTED, Message, Mode
from aligntui.data.pair_import import ImportedRecord, ImportReport, accept, make_plan, open_source, read
from aligntui.data.pair_layouts import LAYOUTS, RESPONSE, PreferencePair, misfit, records, whole_characters, write_jsonl

PLAIN = st.text(st.characters(), min_size=1, max_size=30).filter(str.strip)
HEADINGS = (ITA_INSTRUCTION, ITA_PROMPT, ITA_REJECTED, ITA_EXPECTED, RESPONSE)
HOSTILE = st.lists(
    st.sampled_from([*(f"\n\n{one}\n" for one in HEADINGS), *HEADINGS, "\n", "\n\n", "Why?", "a ", '"', "\\", "é"]),
    min_size=1,
    max_size=6,
).map("".join)
HOSTILE_FILLED = HOSTILE.filter(str.strip)


@st.composite
def turns(draw: st.DrawFn, first: str, texts: st.SearchStrategy[str], most: int = 5) -> list[Message]:
    """An odd number of messages in turn, so that the last one is of the same role as the first."""
    count = draw(st.sampled_from(range(1, most + 1, 2)))
    roles = (first, "assistant" if first == "user" else "user")
    return [Message(roles[at % 2], draw(texts)) for at in range(count)]


@st.composite
def pairs(draw: st.DrawFn, texts: st.SearchStrategy[str], most: int = 5) -> PreferencePair:
    return PreferencePair(
        draw(st.one_of(st.just(""), texts)),
        draw(st.sampled_from(list(Mode))),
        draw(turns("user", texts, most)),
        draw(turns("assistant", texts, most)),
        draw(turns("assistant", texts, most)),
        draw(st.integers(1, 3)),
    )


def imported(path: Path, layout: str) -> list[ImportedRecord]:
    source = open_source(path)
    report = ImportReport()
    found = list(accept(read(source, make_plan(source, layout)), report, skip_bad=False))
    assert report.good == len(found)
    assert report.bad == 0
    return found


def clean(messages: list[Message]) -> tuple[Message, ...]:
    return tuple(Message(one.role, whole_characters(one.content)) for one in messages)


def expected(pair: PreferencePair, layout: str) -> dict[str, Any]:
    """What of a pair the layout carries, as the import gives it back."""
    instruction = whole_characters(pair.instruction_in_force)
    mode = {"trl": pair.mode, "alpaca": Mode.SYSTEM}.get(layout, Mode.ITA) if instruction else Mode.NONE
    rejected = None if layout in ("ita", "alpaca") or pair.rejected is None else clean(pair.rejected)
    return {
        "instruction": instruction,
        "mode": mode,
        "prompt": clean(pair.prompt),
        "chosen": clean(pair.chosen),
        "rejected": rejected,
    }


@settings(max_examples=200)
@given(data=st.data(), layout=st.sampled_from(list(LAYOUTS)))
def test_import_after_export_is_the_identity(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, layout: str
) -> None:
    written = data.draw(st.lists(pairs(PLAIN, 1 if layout == "alpaca" else 5), min_size=1, max_size=4))
    if layout == "trl":  # a record holds the injected text and nothing of where it came from
        written = [pair for pair in written if pair.mode is not Mode.INJECTION] or [make_pair()]
    path = tmp_path_factory.mktemp("trip") / "pairs.jsonl"
    write_jsonl(path, records(written, layout))
    for pair, record in zip(written, imported(path, layout), strict=True):
        assert {name: getattr(record, name) for name in expected(pair, layout)} == expected(pair, layout)


@settings(max_examples=300)
@given(data=st.data(), layout=st.sampled_from(list(LAYOUTS)))
def test_an_import_exports_to_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, layout: str
) -> None:
    written = data.draw(st.lists(pairs(HOSTILE_FILLED, 1 if layout == "alpaca" else 3), min_size=1, max_size=3))
    folder = tmp_path_factory.mktemp("trip")
    write_jsonl(folder / "one.jsonl", records(written, layout))
    source = open_source(folder / "one.jsonl")
    for row, record in zip(records(written, layout), read(source, make_plan(source, layout)), strict=True):
        if not isinstance(record, ImportedRecord):
            assert record.kind == "empty", "only a text that is blank below its heading may be refused"
            continue
        pair = record.as_pair()
        # an example that was kept as text is written as one
        assert next(records([pair], "ita" if misfit(pair, layout) else layout)) == row


def make_pair(**changes: Any) -> PreferencePair:
    values: dict[str, Any] = {
        "instruction": "Be concise.",
        "mode": Mode.SYSTEM,
        "prompt": [Message("user", "Why is the sky blue?")],
        "chosen": [Message("assistant", "Rayleigh scattering.")],
        "rejected": [Message("assistant", "Well, it all began long ago.")],
    }
    return PreferencePair(**(values | changes))


def test_alpaca_is_written_as_the_blocks_that_a_chat_renders() -> None:
    (record,) = records([make_pair()], "alpaca")
    assert record == {"instruction": "Be concise.", "input": "Why is the sky blue?", "output": "Rayleigh scattering."}
    (record,) = records([make_pair(mode=Mode.NONE)], "alpaca")
    assert record == {"instruction": "Why is the sky blue?", "input": "", "output": "Rayleigh scattering."}
    long = make_pair(prompt=[Message("user", "a"), Message("assistant", "b"), Message("user", "c")])
    assert misfit(long, "alpaca") == "more than one turn"
    with pytest.raises(UserError, match="more than one turn"):
        list(records([long], "alpaca"))


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_an_example_is_written_where_no_rejected_answer_is_wanted(layout: str) -> None:
    example = make_pair(rejected=None)
    if layout in ("ita", "alpaca"):
        assert misfit(example, layout) == ""
        assert list(records([example], layout)) == list(records([make_pair()], layout))
    else:
        assert misfit(example, layout) == "no rejected answer"
        with pytest.raises(UserError, match="no rejected answer"):
            list(records([example], layout))


@pytest.mark.parametrize("layout", ["trl", "eba", "contrastive-ita"])
def test_the_same_pair_has_one_fingerprint_after_any_number_of_trips(layout: str, tmp_path: Path) -> None:
    prints = []
    pair = make_pair(mode=Mode.ITA)
    for trip in range(3):
        write_jsonl(tmp_path / f"{trip}.jsonl", records([pair], layout))
        (record,) = imported(tmp_path / f"{trip}.jsonl", layout)
        prints.append(record.fingerprint)
        pair = record.as_pair()
    assert set(prints) == {make_pair(mode=Mode.ITA).fingerprint}


@pytest.mark.parametrize(
    "changes",
    [
        {"instruction": "Be brief."},
        {"mode": Mode.ITA},
        {"prompt": [Message("user", "Why is the sky blue? ")]},
        {"chosen": [Message("assistant", "Rayleigh.")]},
        {"rejected": [Message("assistant", "No idea.")]},
        {"rejected": None},
    ],
)
def test_a_fingerprint_sees_every_field(changes: dict[str, Any]) -> None:
    assert make_pair(**changes).fingerprint != make_pair().fingerprint


def test_a_fingerprint_takes_an_instruction_that_is_not_in_force_for_none() -> None:
    none = make_pair(instruction="", mode=Mode.NONE).fingerprint
    assert make_pair(mode=Mode.NONE).fingerprint == none
    assert make_pair(instruction=" \n").fingerprint == none
    assert make_pair(injection_every=3).fingerprint == make_pair().fingerprint
    injected = {make_pair(mode=Mode.INJECTION, injection_every=k).fingerprint for k in (1, 2)}
    assert len(injected) == 2
