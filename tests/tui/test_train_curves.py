"""Curves as cells: lines, axes, signs and names that hold without colour."""

from __future__ import annotations

import numpy as np
import pytest
from textual.app import App

from aligntui.tui.theme import ALIGNTUI_DARK
from aligntui.tui.widgets.curves import MOST_PANELS, CurveGrid, Drawing, number
from aligntui.workbench.training.screen_curves import Series


def series(label: str, *values: float, first: int = 1) -> Series:
    return Series(label, np.arange(first, first + len(values), dtype=float), np.array(values, dtype=float))


class Board(App[None]):
    def compose(self):
        yield CurveGrid()

    def on_mount(self) -> None:
        self.register_theme(ALIGNTUI_DARK)
        self.theme = ALIGNTUI_DARK.name


async def drawn(size: tuple[int, int], *drawings: Drawing) -> list[str]:
    app = Board()
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        app.query_one(CurveGrid).show(drawings)
        await pilot.pause()
        strips = app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips[: size[1]]]


def row_of(lines: list[str], text: str) -> int:
    return next(at for at, line in enumerate(lines) if text in line and at > 0)


async def test_a_falling_line_begins_on_top_and_ends_at_the_bottom() -> None:
    lines = await drawn((60, 12), Drawing("Loss", (series("loss", *np.linspace(2.0, 1.0, 50)),)))
    assert lines[0].startswith("Loss") and lines[0].endswith("1")
    dots = [[x for x, char in enumerate(line) if 0x2800 < ord(char) <= 0x28FF] for line in lines[1:11]]
    assert all(dots), "a dot in every row"
    assert max(dots[0]) < min(dots[-1]), "from the upper left to the lower right"
    assert lines[-1].endswith("50") and "└" in lines[-1]


async def test_every_line_has_its_sign_on_it_and_its_name_at_its_end() -> None:
    low, high = series("low", *[1.0] * 60), series("high", *[3.0] * 60)
    lines = await drawn((70, 12), Drawing("Margin", (low, high)))
    top, bottom = row_of(lines, "▲ high"), row_of(lines, "● low")
    assert top < bottom
    for row, sign, name in ((top, "▲", "high"), (bottom, "●", "low")):
        assert lines[row].endswith(f"{sign} {name}") and lines[row].count(sign) >= 3


async def test_names_of_lines_that_end_together_are_pushed_apart() -> None:
    same = tuple(series(name, *[1.0, 0.5]) for name in ("one", "two", "three", "four"))
    lines = await drawn((60, 10), Drawing("Loss", same))
    rows = [row_of(lines, f" {name}") for name in ("one", "two", "three", "four")]
    assert len(set(rows)) == 4 and max(rows) <= 8, "none lies on the axis below"


async def test_a_single_point_and_a_flat_line_are_seen() -> None:
    point = await drawn((50, 10), Drawing("Loss", (series("loss", 0.7),)))
    assert any("●" in line for line in point[1:])
    flat = await drawn((50, 10), Drawing("Rate", (series("rate", *[0.0] * 9),)))
    assert any(0x2800 < ord(char) <= 0x28FF for line in flat for char in line)


async def test_without_figures_it_says_so() -> None:
    assert any("no figures yet" in line for line in await drawn((50, 10), Drawing("Loss")))


async def test_limits_that_are_known_are_kept() -> None:
    lines = await drawn((60, 14), Drawing("Accuracy", (series("accuracy", 0.5, 0.6),), limits=(0.0, 1.0)))
    assert any(line.lstrip().startswith(("0.0", "0 ")) for line in lines) and any("1.0" in line for line in lines)


@pytest.mark.parametrize(("size", "shown"), [((70, 9), 1), ((70, 29), 3), ((120, 30), 6), ((120, 60), MOST_PANELS)])
async def test_as_many_panels_as_can_be_read(size, shown) -> None:
    many = [Drawing(f"Panel {n}", (series("x", 1.0, 2.0),)) for n in range(12)]
    text = "\n".join(await drawn(size, *many))
    assert text.count("Panel ") == shown


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.6123, "0.612"), (0, "0"), (2e-5, "2.0e-5"), (1234.5, "1,234"), (-97.12, "-97.1"), (float("inf"), "inf")],
)
def test_a_figure_takes_few_characters(value: float, text: str) -> None:
    assert number(value) == text
