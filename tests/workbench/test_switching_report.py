"""The report on a switch run: its numbers are those of the measures, its files can be read, drawn and made again."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aligntui.core.generation import GenerationRun
from aligntui.core.instruction import CANONICAL_TYPES
from aligntui.core.prompt_format import Mode
from aligntui.core.sampling import Sampling
from aligntui.data.prompt_bank import BankPrompt
from aligntui.data.switch_cases import cross, wordings_of
from aligntui.data.switch_suites import load_suites
from aligntui.score.reporting.document import Document, Table, Value
from aligntui.score.results import Rate
from aligntui.wire.engine import AdapterRef
from aligntui.workbench.generation.cells import Asking, Side
from aligntui.workbench.switching.grid import PROMPT_ID
from aligntui.workbench.switching.measuring import Measured, measure
from aligntui.workbench.switching.plan import Place, SwitchPlan, make_plan
from aligntui.workbench.switching.report_document import SHOWN_CASES, SHOWN_PROMPTS, report_document
from aligntui.workbench.switching.report_files import report_lines, write_report
from aligntui.workbench.switching.report_tables import detectable_cell, drawn_rate
from tests.workbench.switch_bench import BASE, DEMO, data_set, types
from tests.workbench.test_switching_measuring import Words, answered, run_of

SIDES = (Side("base"), Side("demo", DEMO, "a" * 64))
WARM = Asking(Sampling(temperature=0.7))
WORDS = ("concise", "vivid", "formal")
HOSTILE = "| a | <script>alert(1)</script> `x`\n=cmd()\n# no\x1b[31m"


def follows(place: Place) -> str | None:
    """The demo adapter does as it is told, except now and then; the base is concise, or nothing."""
    turn = int(place.prompt.id[1:]) if place.prompt.id[1:].isdigit() else 0
    if not place.side:
        return "" if turn == 1 else f"{HOSTILE} concise"
    return f"{place.prompt.id}: {'vivid' if turn % 3 == 2 else place.wording.type}"


async def measured(plan: SwitchPlan, text: Callable[[Place], str | None] = follows, **run: object) -> Measured:
    stored: GenerationRun = replace(run_of(plan), **run)  # type: ignore[arg-type]
    return await measure(stored, answered(plan, text), Words())


async def small(**more: object) -> Measured:
    return await measured(make_plan(data_set(8, *WORDS, both=True), BASE, SIDES, WARM, **more))  # type: ignore[arg-type]


def table(document: Document, name: str) -> list[dict[str, str | Value]]:
    (found,) = [one for one in document.tables if one.name == name]
    return [dict(zip(found.head, row, strict=True)) for row in found.rows]


def numbers(cell: str | Value) -> tuple[float | int | None, ...]:
    assert isinstance(cell, Value)
    return cell.numbers


async def test_the_numbers_are_those_of_the_measures() -> None:
    found = await small(suites=load_suites(sample=2))
    document, report = report_document(found), found.report
    for row, side in zip(table(document, "switch-rate"), report.nearest.sides, strict=True):
        assert row["side"] == side.side
        assert numbers(row["rate"]) == (side.rate.rate,)
        assert numbers(row["95% interval"]) == (side.rate.low, side.rate.high)
        assert numbers(row["answers"]) == (side.rate.n,) and numbers(row["chance"]) == (side.rate.chance,)
        assert numbers(row["dealt at random"]) == (side.dealt,) and numbers(row["empty"]) == (side.empty,)
    (comparison,) = report.nearest.comparisons
    (row,) = table(document, "comparison")
    difference = comparison.paired.difference
    assert difference.value is not None and difference.low is not None and difference.high is not None
    assert numbers(row["points"]) == (100 * difference.value,)
    assert numbers(row["95% interval"]) == (100 * difference.low, 100 * difference.high)
    assert numbers(row["gained"]) == (comparison.paired.gained,)
    by_instruction = {(row["instruction"], row["side"]): row for row in table(document, "by-instruction")}
    for one in report.nearest.instructions:
        row = by_instruction[one.instruction, one.side]
        assert numbers(row["rate"]) == (one.rate.rate,) and numbers(row["named elsewhere"]) == (one.elsewhere.rate,)
    for one, found_row in zip(comparison.instructions, table(document, "by-instruction-demo"), strict=True):
        assert found_row["instruction"] == one.instruction and numbers(found_row["p corrected"]) == (one.p_corrected,)
    domains = {(row["domain"], row["side"]): numbers(row["rate"]) for row in table(document, "by-domain")}
    assert domains == {(one.group, one.side): (one.rate.rate,) for one in report.nearest.domains}
    for one in report.nearest.confusion:
        rows = table(document, f"confusion-{one.side}")
        assert [tuple(numbers(row[name])[0] for name in (*one.types, "(none)")) for row in rows] == list(one.rows)
    shifts = {(row["side"], row["measure"]): numbers(row["value"])[0] for row in table(document, "shift")}
    for one in report.shifts:
        assert shifts[one.side, "semantic shift"] == one.shift.value and shifts[one.side, "M1"] == one.m1.value
        assert shifts[one.side, "noise floor"] == one.noise.value
    robust = {(row["side"], row["measure"]): numbers(row["value"])[0] for row in table(document, "robustness")}
    assert all(robust[one.side, "ratio of the two"] == one.ratio.value for one in report.robustness)
    assert {one.name for one in document.tables} >= {
        "suite-honest-confident", "suite-strict-permissive", "suite-concise-detailed",
    }  # fmt: skip


async def test_every_result_is_said_in_words() -> None:
    found = await small()
    lines = "\n".join(report_lines(found, 2000))
    for one in (*found.report.nearest.sides, *found.report.nearest.comparisons):
        assert one.wording.sentence in lines
    for one in found.report.shift_comparisons:
        assert all(wording.sentence in lines for _, wording in one.wording)


async def test_what_is_read_is_cut_and_what_is_computed_with_is_whole() -> None:
    found = await small()
    read, whole = report_document(found), report_document(found, whole=True)
    assert len(table(read, "answers")) == SHOWN_PROMPTS * len(WORDS)
    assert len(table(whole, "answers")) == 8 * len(WORDS) * 2
    cases = found.report.nearest.not_switched
    assert len(cases) > SHOWN_CASES == len(table(read, "not-switched"))
    assert len(table(whole, "not-switched")) == len(cases)
    assert {row["answer of base"] for row in table(whole, "answers")} == {"(empty)", f"{HOSTILE} concise".strip()}


async def test_an_unfinished_run_says_what_it_lacks() -> None:
    plan = make_plan(data_set(4, *WORDS), BASE, SIDES, WARM, noise=False)
    found = await measured(plan, lambda place: None if place.prompt.id == "q3" else follows(place))
    text = "\n".join(report_lines(found, 500))
    assert "18 of 24 answers are there" in text and "left out: 3 not answered" in text
    shown = [row["answer of demo"] for row in table(report_document(found), "answers")]
    assert shown.count("(not asked yet)") == len(WORDS) and len(shown) == 4 * len(WORDS)


async def test_prompts_without_a_domain_say_nothing_of_it() -> None:
    found_types = types(*WORDS)
    prompts = [BankPrompt(f"p{n}", f"What of {n}?") for n in range(3)]
    dataset = cross("plain", prompts, found_types, wordings_of(found_types, ("direct",)))
    found = await measured(make_plan(dataset, BASE, SIDES, WARM, noise=False))
    assert "The prompts say nothing of their domain or source." in report_lines(found)
    assert not [one for one in report_document(found).tables if one.name in ("by-domain", "by-source")]


def flags(found: Measured) -> list[list[str]]:
    return [shlex.split(command) for command in report_document(found).commands]


async def test_the_command_asks_the_same_again() -> None:
    base = replace(BASE, model="/models/my base", quantisation="nf4")
    half = Side("demo x0.5", DEMO, "a" * 64, 0.5)
    asking = Asking(Sampling(0.7, 0.9, 64, 5), Mode.INJECTION, 2)
    plan = make_plan(
        data_set(3, *WORDS), base, (SIDES[0], half), asking, seeds=2, suites=load_suites(["concise-detailed"], 3)
    )
    run, report = flags(await measured(plan))
    given = dict(zip(run[3::2], run[4::2], strict=True))
    assert given == {
        "--dataset": "small", "--sample": "3", "--seeds": "2", "--instructions": "concise,vivid,formal",
        "--suites": "concise-detailed", "--model": "/models/my base", "--dtype": "float32", "--quantisation": "nf4",
        "--adapter": "demo", "--strength": "0.5", "--temperature": "0.7", "--top-p": "0.9", "--max-new-tokens": "64",
        "--seed": "5", "--mode": "injection", "--injection-every": "2",
        "--name": "try",
    }  # fmt: skip
    assert report == ["aligntui", "switch", "report", "try"]


async def test_a_command_that_would_ask_something_else_is_not_given() -> None:
    far = Side("far", AdapterRef("far", "/adapters/far"), "b" * 64, 2.0)
    unequal = make_plan(data_set(2, *WORDS), BASE, (*SIDES, far), WARM, noise=False)
    found_types = types(*WORDS)
    dataset = cross("sheet", [BankPrompt(PROMPT_ID, "Why?")], found_types, wordings_of(found_types, ("direct",)))
    for plan in (unequal, make_plan(dataset, BASE, SIDES, WARM, noise=False)):
        assert [command[:3] for command in flags(await measured(plan))] == [["aligntui", "switch", "report"]]


async def test_defaults_are_not_spelt_out_and_what_was_left_out_is() -> None:
    (run, _) = flags(await measured(make_plan(data_set(2, *CANONICAL_TYPES), BASE, SIDES[:1], WARM, noise=False)))
    assert "--instructions" not in run and "--no-noise" in run and run[run.index("--adapter") + 1] == ""


async def test_sides_may_be_called_what_they_like() -> None:
    names = ("prompt", "demo x0.5", "demo-x0-5", "$x^2$ | <b>", "_hidden")
    sides = (Side("base"), *(Side(name, AdapterRef(name, f"/a/{n}"), "c" * 64) for n, name in enumerate(names)))
    found = await measured(make_plan(data_set(2, *WORDS), BASE, sides, WARM, noise=False))
    assert {one.name for one in report_document(found).tables} >= {"confusion-base", "confusion-prompt"}


async def test_the_files_of_a_report(tmp_path: Path) -> None:
    names = ("$x^2$ | <b>", "_hidden", "demo x0.5", "demo-x0-5")
    sides = (Side("base"), *(Side(name, AdapterRef(name, f"/a/{n}"), "c" * 64) for n, name in enumerate(names)))
    found = await measured(make_plan(data_set(4, *WORDS), BASE, sides, WARM, noise=False), name="mine <b>")
    paths = {path.name: path for path in write_report(found, tmp_path / "out")}
    assert paths.keys() >= {"report.md", "report.html", "report.json", "answers.csv", "rates.png", "confusion.svg"}
    assert {"confusion-demo-x0-5.csv", "confusion-demo-x0-5-2.csv"} <= paths.keys(), "no table replaces another one"
    for picture in ("rates.png", "confusion.png"):
        assert paths[picture].read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    plain = json.loads(paths["report.json"].read_text("utf-8"))
    assert plain["run"]["id"] == "switch_1" and plain["dataset"] == "small"
    assert plain["sides"] == json.loads(json.dumps(found.report.as_dict()))["sides"]
    page = paths["report.html"].read_text("utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page and 'src="rates.svg"' in page
    words = paths["report.md"].read_text("utf-8")
    assert "](rates.png)" in words and "\x1b" not in words and "\n=cmd()" not in words
    with paths["answers.csv"].open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["answer of base"] == f"{HOSTILE} concise" and len(rows) == 12
    svg = paths["rates.svg"].read_text("utf-8")
    assert "$x^2$ | &lt;b&gt;" in svg and "_hidden" in svg, "names are no formulas, and none is left out of the legend"


async def test_the_same_measures_give_the_same_svg(tmp_path: Path) -> None:
    found = await small(noise=False)
    first, second = (write_report(found, tmp_path / name) for name in ("a", "b"))
    for one, other in zip(first, second, strict=True):
        if one.suffix != ".png":
            assert one.read_bytes() == other.read_bytes(), one.name
    svg = next(path for path in first if path.name == "rates.svg").read_text("utf-8")
    assert not re.search(r"<dc:date>\s*\d", svg)


@pytest.mark.parametrize("width", [40, 70, 100])
async def test_a_report_keeps_to_the_width_of_the_terminal(width: int) -> None:
    lines = report_lines(await small(), width)
    assert max(map(len, lines)) <= width and not any("\x1b" in line for line in lines)


def test_a_table_of_the_report_has_heads_of_its_own() -> None:
    with pytest.raises(ValueError, match="one name"):
        Table("t", ("95% interval", "95% interval"), ())


@pytest.mark.parametrize(
    ("rate", "says"),
    [
        (Rate(1, 4, 0.0, 0.75, 0.5, "wilson"), "├─────●─────┼─────┤┈┈┈┈┈┈"),
        (Rate(4, 4, 0.5, 1.0, 0.25, "wilson"), "┈┈┈┈┈┈┊┈┈┈┈┈├───────────●"),
        (Rate(0, 0, None, None, 0.5, "none"), "┈┈┈┈┈┈┈┈┈┈┈┈┊┈┈┈┈┈┈┈┈┈┈┈┈"),
    ],
)
def test_a_rate_is_drawn_on_an_axis_with_chance(rate: Rate, says: str) -> None:
    assert drawn_rate(rate).text == says
    assert drawn_rate(rate).numbers == (rate.rate,)


async def test_rates_are_drawn_where_the_terminal_has_room_and_never_in_a_file(tmp_path: Path) -> None:
    found = await small()
    wide, narrow = "\n".join(report_lines(found, 110)), "\n".join(report_lines(found, 80))
    assert "0 to 100%, ┊ chance" in wide and "┈" in wide
    assert "┈" not in narrow and max(map(len, report_lines(found, 80))) <= 80
    paths = write_report(found, tmp_path / "out")
    assert all("┈" not in path.read_text("utf-8") for path in paths if path.suffix in (".md", ".csv", ".html", ".json"))


async def test_every_figure_has_a_title_that_names_the_recogniser(tmp_path: Path) -> None:
    paths = {path.name: path for path in write_report(await small(), tmp_path / "out")}
    for name, says in (
        ("rates", "Switch rate by nearest prototype"),
        ("wordings", "Following against aligning, by nearest prototype"),
        ("confusion", "Recognised by nearest prototype"),
    ):
        assert f"{name}.png" in paths and says in paths[f"{name}.svg"].read_text("utf-8")
    assert "wordings.svg" in paths["report.html"].read_text("utf-8")


async def test_the_cases_shown_are_of_every_side(tmp_path: Path) -> None:
    plan = make_plan(data_set(30, *WORDS), BASE, SIDES, WARM, noise=False)
    found = await measured(
        plan, lambda place: f"{place.prompt.id} {'formal' if place.wording.type != 'formal' else 'vivid'}"
    )
    shown = table(report_document(found), "not-switched")
    assert [row["side"] for row in shown] == ["base"] * (SHOWN_CASES // 2) + ["demo"] * (SHOWN_CASES // 2)
    assert "base: 90 of 90; demo: 90 of 90 answers, under wordings of all kinds." in report_lines(found)


async def test_a_difference_that_could_not_be_found_is_no_number_above_a_hundred_points() -> None:
    assert (
        detectable_cell(1.22).text == "none"
        and detectable_cell(0.484).text == "48.4"
        and detectable_cell(None).text == "-"
    )
