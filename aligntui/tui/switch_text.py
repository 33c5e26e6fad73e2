"""How the switch grid looks: cells, rows, rates. State in, styled text out, as in turn_text.py.

Everything that colour says is said by a sign as well: the height of a block is the distance, `✓` and `✗` whether an answer shows
its instruction, `~` that it was made under something else, `▐` that it is pinned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from aligntui.core.printable import one_line, printable
from aligntui.core.word_diff import word_diff
from aligntui.tui.bars import Axis, interval_bar
from aligntui.tui.cells import column, fit
from aligntui.tui.help_text import help_content
from aligntui.tui.turn_text import MUTED, packed
from aligntui.tui.widgets.lines import bar, engine_text
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.switching.grid import Grid, GridCell, Stage

if TYPE_CHECKING:
    from aligntui.workbench.switching.recognising import LiveRate
    from aligntui.workbench.switching.sheet import Sheet

LABEL_CELLS = 19
"""Of the column with the instructions' names."""
LEAST_CELLS = 26
"""Narrowest column of a side; where they do not fit, the sides around the cursor are shown."""
_BLOCKS = "▁▂▃▄▅▆▇█"
FAR = 0.6
"""Distance at which a block is full: answers to one prompt are seldom further apart."""
WIDE = 100
"""From this many cells on things are said in full."""
_WARMEST = 28
"""Percent of the heat's colour behind the text at that distance."""
_CURSOR = {
    # (has the focus, without colour): how the cell under the cursor stands out
    (True, False): "bold on $primary-muted",
    (True, True): "reverse",
    (False, False): "on $surface-lighten-1",
    (False, True): "underline",
}


def heat(distance: float | None) -> tuple[str, str]:
    """Block and background of a distance from the neutral row; nothing where there is none."""
    if distance is None:
        return " ", ""
    share = min(1.0, max(0.0, distance) / FAR)
    percent = round(share * _WARMEST)
    return _BLOCKS[round(share * (len(_BLOCKS) - 1))], f"on $warning {percent}%" if percent else ""


def cell_mark(grid: Grid, cell: GridCell) -> tuple[str, str]:
    """Sign and style of a cell: how far it has come, or whether its answer shows its instruction."""
    match cell.stage:
        case Stage.EMPTY:
            return "·", MUTED
        case Stage.WAITING:
            return "◌", "$text-warning"
        case Stage.STREAMING:
            return "▸", "$text-success"
        case Stage.BROKEN:
            return "✖", "$text-error"
    if grid.is_stale(cell):
        return "~", "$text-warning"
    if not cell.recognised:
        return "●", MUTED
    own = grid.rows[cell.row].wording.type
    return ("✓", "$text-success") if cell.taken_for == own else ("✗", "$text-error")


def cell_lines(grid: Grid, cell: GridCell, width: int, height: int, *, focused: bool, no_color: bool) -> list[Content]:
    """A cell in `height` lines of `width` cells, the last one of each a gap."""
    sign, style = cell_mark(grid, cell)
    block, warm = heat(cell.distance)
    pin = ("▐", "bold $text-accent") if grid.pinned == cell.place else (" ", "")
    head = Content.assemble(pin, (sign, style), (block, "$text-warning"), " ")
    room = max(4, width - head.cell_length - 1)
    lines = []
    for number, piece in enumerate(_pieces(grid, cell, room, height)):
        body = Content.assemble(head if number == 0 else " " * head.cell_length, piece)
        line = Content.assemble(body, " " * max(0, width - 1 - body.cell_length))
        look = _CURSOR[focused, no_color] if grid.cursor == cell.place else warm
        lines.append(Content.assemble(line.stylize(look) if look else line, " "))
    return lines


def _pieces(grid: Grid, cell: GridCell, room: int, height: int) -> list[Content]:
    """The text of a cell in lines: its end while it streams, else its beginning."""
    said = {Stage.EMPTY: "not asked", Stage.WAITING: "waits"}.get(cell.stage, "")
    streams = cell.stage is Stage.STREAMING
    enough = 8 * room * height  # of a text of any length no more is looked at
    text = "" if said else one_line(cell.text[-enough:] if streams else cell.text[:enough])
    if not text:
        said = said or {Stage.STREAMING: "reads the prompt", Stage.BROKEN: "broke off"}.get(
            cell.stage, "(empty answer)"
        )
        return [Content.styled(fit(said, room), MUTED), *[Content("")] * (height - 1)]
    lines = folded(text, room)
    shown = lines[-height:] if streams else lines[:height]
    if not streams and (len(lines) > height or len(cell.text) > enough):
        shown[-1] = f"{set_cell_size(shown[-1], min(room - 1, cell_len(shown[-1]))).rstrip()}…"
    style = MUTED if cell.stage is Stage.BROKEN or grid.is_stale(cell) else ""
    return [Content.styled(line, style) for line in shown] + [Content("")] * (height - len(shown))


def folded(text: str, width: int) -> list[str]:
    """A text broken between words into lines of at most `width` cells, 2 or more; a longer word is cut where the line ends."""
    lines, line, used = [], "", 0
    for word in text.split(" "):
        size = cell_len(word)
        if line and used + 1 + size > width:
            lines.append(line)
            line, used = "", 0
        if line:
            line, used = f"{line} {word}", used + 1 + size
            continue
        pieces = _cut(word, width)
        lines += pieces[:-1]
        line = pieces[-1]
        used = cell_len(line)
    return [*lines, line]


def _cut(word: str, width: int) -> list[str]:
    pieces, start, used = [], 0, 0
    for at, char in enumerate(word):
        size = cell_len(char)
        if used + size > width:
            pieces.append(word[start:at])
            start, used = at, 0
        used += size
    return [*pieces, word[start:]]


def shown_sides(grid: Grid, width: int) -> range:
    """The sides that fit beside each other, the one under the cursor among them."""
    fitting = max(1, min(len(grid.sides), (width - LABEL_CELLS) // LEAST_CELLS))
    first = min(max(0, grid.cursor[1] - fitting + 1), len(grid.sides) - fitting)
    return range(first, first + fitting)


def head_line(grid: Grid, sides: range, width: int, hidden: tuple[int, int]) -> Content:
    """The names of the sides over their columns, before them how many rows lie above and below.

    Args:
        grid: whose.
        sides: those shown.
        width: of a line.
        hidden: rows above and below what is shown.
    """
    room = (width - LABEL_CELLS) // len(sides)
    above, below = (f"{sign}{count}" if count else "" for sign, count in zip("↑↓", hidden, strict=True))
    more = " ".join(part for part in (above, below) if part)
    parts = [Content.styled(column(f" {more}" if more else "", LABEL_CELLS), "$text-warning")]
    for side in sides:
        before = "◂ " if side == sides[0] and side > 0 else ""
        after = " ▸" if side == sides[-1] and side < len(grid.sides) - 1 else ""
        name = fit(grid.sides[side].name, room - 6)
        style = "bold" if side == grid.cursor[1] else f"bold {MUTED}"
        parts.append(Content.styled(column(f"{before}{name}{after}", room - 1).rjust(room), style))
    return Content.assemble(*parts)


def row_label(grid: Grid, row: int, *, focused: bool) -> Content:
    """The name of an instruction; `*` where its text was changed here."""
    one, here = grid.rows[row], row == grid.cursor[0]
    name = fit(one.wording.type, LABEL_CELLS - 3) + "*" * one.edited
    mark = "▌" if here and focused else "│" if here else " "
    return Content.assemble(
        (mark, "$text-accent"), (column(name, LABEL_CELLS - 1), "bold" if here else "$text-secondary")
    )


def row_name(grid: Grid, row: int) -> str:
    """An instruction as it is named in a sentence."""
    one = grid.rows[row]
    return f"{one.wording.type}, edited" if one.edited else one.wording.type


# rates ----------------------------------------------------------------------------------------------


def rates_lines(rates: Sequence[LiveRate], width: int, unmeasured: str) -> Content:
    """The switch rate of each side so far, drawn with its interval and chance, on one or two lines."""
    if unmeasured:
        return Content.styled(fit(f"not recognised: {unmeasured}", 2 * width), "$text-warning")
    if not rates:
        return Content.styled("switch rate: once answers are there", MUTED)
    counts = {_of(one, width) for one in rates}
    tail = Content.styled(counts.pop() if len(counts) == 1 else "", MUTED)
    names = [fit(one.side, 16) for one in rates]
    fixed = sum(cell_len(name) for name in names) + len(rates) * 20 + tail.cell_length
    bar = min(30, max(8, (width - fixed) // len(rates)))
    own = [_of(one, width) if not tail.plain else "" for one in rates]
    parts = [_rate(one, name, bar, count) for one, name, count in zip(rates, names, own, strict=True)]
    return packed([*parts, *([tail] if tail.plain else [])], width, "  ")


def _rate(one: LiveRate, name: str, bar: int, count: str) -> Content:
    rate = one.rate
    if rate.rate is None or rate.low is None or rate.high is None:
        return Content.assemble((f"{name} ", "bold"), ("nothing to count yet", MUTED))
    drawn = interval_bar(rate.rate, rate.low, rate.high, bar, Axis(tick=rate.chance), "$text-primary")
    numbers = f" [{100 * rate.low:.0f}, {100 * rate.high:.0f}] {count}".rstrip()
    return Content.assemble((f"{name} ", "bold"), drawn, (f" {rate.rate:.0%}", "bold"), (numbers, MUTED))


def _of(one: LiveRate, width: int) -> str:
    """What a rate is of, and chance."""
    rate = one.rate
    if not rate.n:
        return ""
    prompts = f" to {rate.clusters:,} prompt{'s' * (rate.clusters != 1)}" if rate.clusters else ""
    mark = " · ┊ chance " if width >= WIDE else " ┊"
    so_far = f"{rate.n:,} of {one.wanted:,} so far" if rate.n < one.wanted else f"of {rate.n:,}{prompts}"
    return so_far + ("" if rate.chance is None else f"{mark}{rate.chance:.0%}")


# one cell -------------------------------------------------------------------------------------------


def cell_detail(grid: Grid, cell: GridCell, other: GridCell | None, width: int, *, brief: bool = False) -> Content:
    """A cell as a whole: what was found, its instruction, its text with what another one does not say marked.

    Args:
        grid: whose cell.
        cell: which.
        other: one to mark the differences from.
        width: of a line.
        brief: whether the instruction gets one line and no more.
    """
    compared = other if other is not None and _comparable(cell, other) else None
    head = [Content.assemble(*_names(grid, cell))]
    head += [Content.styled(text, style) for text, style in _found(grid, cell)]
    if compared is not None:
        head.append(Content.assemble(("marked: not said by ", MUTED), *_names(grid, compared)))
    wording = grid.rows[cell.row].wording.text
    instruction = fit(wording, width) if brief else one_line(wording, 600)
    return Content("\n").join(
        [packed(head, width), Content.styled(instruction, "$text-secondary"), _body(cell, compared)]
    )


def _names(grid: Grid, cell: GridCell) -> list[tuple[str, str]]:
    side = fit(grid.sides[cell.side].name, 24)
    return [(side, "bold"), (" under ", MUTED), (row_name(grid, cell.row), "bold $text-secondary")]


def _comparable(cell: GridCell, other: GridCell) -> bool:
    return other.place != cell.place and bool(other.text.strip()) and bool(cell.text.strip())


def _body(cell: GridCell, other: GridCell | None) -> Content:
    text = printable(cell.text).strip("\n")
    if not text.strip():
        return Content.styled(_why_empty(cell), MUTED)
    if other is None:
        return Content.assemble(text, ("▍", "$accent") if cell.stage is Stage.STREAMING else "")
    own, _ = word_diff(text, printable(other.text).strip("\n"))
    if all(span.same for span in own):
        return Content.assemble((text, MUTED), ("\n(nothing that the other does not say)", MUTED))
    return Content.assemble(*((span.text, MUTED if span.same else "bold on $primary 30%") for span in own))


def _found(grid: Grid, cell: GridCell) -> list[tuple[str, str]]:
    """What there is to say of a cell, the most telling first."""
    found: list[tuple[str, str]] = []
    own = grid.rows[cell.row].wording.type
    if grid.is_stale(cell):
        found.append((f"~ stale: made under {_made_under(grid, cell)}", "$text-warning"))
    elif cell.recognised and cell.taken_for == own:
        found.append(("✓ shows its instruction", "$text-success"))
    elif cell.recognised and cell.taken_for is None:
        found.append(("✗ shows none", "$text-error"))
    elif cell.recognised:
        found.append((f"✗ taken for {cell.taken_for}", "$text-error"))
    if cell.distance is not None and cell.row != grid.neutral:
        found.append((f"{max(0.0, cell.distance):.2f} from {grid.rows[grid.neutral].wording.type}", "$text-warning"))
    if cell.answer is not None:
        ended = {"length": ", cut at the limit", "context": ", context full"}.get(cell.answer.finish.value, "")
        found.append((f"{len(cell.answer.token_ids)} tokens{ended}", MUTED))
    elif cell.tokens:
        found.append((f"{cell.tokens} tokens", MUTED))
    if cell.stage is Stage.BROKEN:
        found.append(("✖ broke off", "$text-error"))
    if cell.stage is not Stage.EMPTY:
        found.append((f"seed {cell.seed}", MUTED))
    if cell.cached:
        found.append(("from the cache", MUTED))
    return found


def _made_under(grid: Grid, cell: GridCell) -> str:
    """In which respects an answer was asked for otherwise than it would be now."""
    then, now = cell.asked, grid.condition(cell)
    if then is None:
        return "something else"
    ways = {
        "another instruction": then.instruction != now.instruction,
        "another adapter or strength": then.side != now.side,
        "other settings": then.asking != now.asking,
    }
    return ", ".join(name for name, differs in ways.items() if differs)


def _why_empty(cell: GridCell) -> str:
    return {
        Stage.EMPTY: "Not asked yet.",
        Stage.WAITING: "Asked; the engine comes to it.",
        Stage.STREAMING: "The engine reads the prompt.",
        Stage.BROKEN: "It broke off before its first word.",
        Stage.FILLED: "The answer is empty.",
    }[cell.stage]


# the title ------------------------------------------------------------------------------------------


def title_line(sheet: Sheet, width: int, keys: Mapping[str, str]) -> Content:
    """What the grid is, how far it has come and what it is asked with; the less telling is left out where there is no room."""
    grid, settings = sheet.grid, sheet.chat.settings
    long = f"{len(grid.rows)} instructions × {len(grid.sides)} side{'s' * (len(grid.sides) != 1)}"
    parts = [
        (0, Content.styled("Switch", "bold")),
        (3, Content(long if width >= WIDE else f"{len(grid.rows)} × {len(grid.sides)}")),
    ]
    engine, answered = sheet.chat.state.engine, grid.answered()
    if engine.phase not in (Phase.READY, Phase.BUSY):
        parts.append((0, engine_text(engine)))
    elif sheet.running:
        parts.append((0, Content(f"{bar(len(answered), len(grid.cells), 14)} {len(answered)} of {len(grid.cells)}")))
        if sheet.tokens_per_s:
            parts.append((1, Content(f"{sheet.tokens_per_s:.0f} tok/s")))
    elif sheet.measuring:
        parts.append((0, Content.styled("◌ recognising …", "$text-warning")))
    elif answered:
        cached = sum(cell.cached for cell in answered)
        parts.append((1, Content(f"{len(answered)} of {len(grid.cells)} answered")))
        parts += [(4, Content.styled(f"{cached} from the cache", MUTED))] if cached else []
    if (stale := len(grid.stale())) and not sheet.running:
        again = help_content(f"~ {stale} stale: {{key:switch.changed}} asks them", keys)
        parts.append((0, Content.assemble(again).stylize("$text-warning")))
    temperature = settings.sampling.temperature
    parts.append((2, Content.styled("greedy" if temperature == 0 else f"T {temperature:g}", MUTED)))
    parts.append((2, Content.styled(f"mode {settings.mode.value}", MUTED)))
    while len(parts) > 1 and sum(part.cell_length + 3 for _, part in parts) - 3 > width:
        parts.remove(max(parts, key=lambda part: part[0]))
    return Content(" · ").join([part for _, part in parts])
