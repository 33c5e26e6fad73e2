"""One column of answers: a header that says which weights speak, and the turns below it."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from aligntui.core.printable import one_line
from aligntui.tui.help_text import keys_of
from aligntui.tui.turn_text import MUTED, TurnLook, View, dial, turn_content
from aligntui.workbench import blind
from aligntui.workbench.blind import hidden, order
from aligntui.workbench.chat_state import AnswerState, ChatState, Exchange, Take


class TurnBlock(Static):
    """One exchange in one pane."""

    DEFAULT_CSS = """
    TurnBlock { height: auto; width: 1fr; padding: 0 1 1 1; }
    TurnBlock:hover { background: $boost; }
    """

    class Selected(Message):
        """The user clicked a turn."""

        def __init__(self, exchange_id: str) -> None:
            super().__init__()
            self.exchange_id = exchange_id

    def __init__(self, exchange: Exchange) -> None:
        super().__init__("", markup=False)
        self.exchange = exchange
        self._key: object = None
        self._drawn: tuple[Exchange, Take | None, AnswerState | None, TurnLook] | None = None
        self._shown = Content("")

    def on_resize(self) -> None:
        """Break the lines anew where the width changed."""
        if self._drawn is not None:
            self.draw(*self._drawn)

    def natural_height(self) -> int:
        """Lines that the text needs at the width it has, the blank one below it included."""
        width = self.content_size.width
        return (self._shown.get_height({}, width) if width > 0 else 0) + self.styles.padding.height

    def on_click(self) -> None:
        """Select the turn."""
        self.post_message(self.Selected(self.exchange.id))

    def draw(self, exchange: Exchange, take: Take | None, answer: AnswerState | None, look: TurnLook) -> None:
        """Show this state; does nothing when it looks the same as before."""
        self.exchange = exchange
        self._drawn = (exchange, take, answer, look)
        look = replace(look, width=self.content_size.width)
        other = look.other
        key = (
            answer and answer.id, answer and (len(answer.text), answer.tokens, answer.finish, answer.started, answer.stored, answer.gap_pending, answer.gap is None),
            look.view, look.hidden, look.selected, look.width, other and (other.id, len(other.text), other.finish),
            exchange.at, len(exchange.takes), exchange.siblings, exchange.below, look.numbers,
            answer and take and len(take.versions.get(answer.column, ())),
            take and tuple((p.id, p.undone, p.verdict) for p in take.judged), tuple(a.id for a in take.answers()) if take else (),
        )  # fmt: skip
        if key != self._key:
            self._key = key
            content = self._shown = turn_content(exchange, take, answer, look)
            width = self.content_size.width
            same_height = width > 0 and content.get_height({}, width) == self.content_size.height
            self.update(content, layout=not same_height)  # arranging the screen anew costs ten times a repaint


class PaneScroll(VerticalScroll):
    """The turns of one column; keys are those of the screen."""

    HELP = (
        "**Answers of one column.** {key:board.left_better} {key:board.right_better} {key:board.tie} {key:board.both_bad} "
        "{key:board.skip} judge the two answers of the selected turn, {key:board.undo} takes the last verdict back. "
        "With three columns or more the header marks the two that are judged: the left one and the focused one.\n\n"
        "**Marks.** ★ chosen, ✗ rejected, = tie. ≠ names conditions in which the two answers differ beside their weights "
        "(≠ history: their conversations went apart). “after base’s answer” means that the column had none of its own there. "
        "“shown answer: …” in a header means that the dial or the adapter was changed since. w:, a: and tmpl: begin the hashes of weights, "
        "adapter and chat template."
    )
    BINDINGS: ClassVar = []

    def __init__(self) -> None:
        super().__init__(classes="pane-scroll")


class AnswerPane(Vertical):
    """A column on screen. `place` counts from the left; which column's answers stand here may differ from take to take (blind mode)."""

    DEFAULT_CSS = """
    AnswerPane { width: 1fr; height: 1fr; }
    AnswerPane .pane-header { height: 1; background: $surface; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    AnswerPane.-acted-on .pane-header { background: $primary-muted; text-style: bold; }
    AnswerPane .pane-scroll { height: 1fr; scrollbar-size-vertical: 1; }
    AnswerPane .pane-empty { padding: 1 2; color: $text-muted; }
    AnswerPane.-divided { border-left: tall $surface-lighten-1; }
    """

    def __init__(self, place: int) -> None:
        super().__init__(classes="-divided" if place else "")
        self.place = place
        self.look: tuple[bool, str, bool] = (False, "", True)
        """Whether this pane has the screen for itself, so that its header names the others; `1` or `2` where it is one of
        several and the left or right one of a verdict; whether a text box has the focus."""
        self.following = True
        """Whether the end of the text is in view, so that what comes next should be too."""
        self._blocks: list[TurnBlock] = []

    def compose(self) -> ComposeResult:
        """Header and turns."""
        yield Static("", classes="pane-header", markup=False)
        with PaneScroll():
            yield Static("", classes="pane-empty", markup=False)

    @property
    def ready(self) -> bool:
        """Whether it is composed and can be drawn."""
        return bool(self.query(PaneScroll))

    @property
    def scroll(self) -> PaneScroll:
        """The scrolling part, which takes the focus."""
        return self.query_one(PaneScroll)

    def show_board(self, state: ChatState, view: View, empty: Content, panes: int) -> None:
        """Draw the whole path; blocks are reused from the front."""
        scroll = self.scroll
        missing = len(state.exchanges) - len(self._blocks)
        if missing > 0:
            fresh = [TurnBlock(exchange) for exchange in state.exchanges[len(self._blocks) :]]
            self._blocks += fresh
            scroll.mount(*fresh)
        elif missing < 0:
            for block in self._blocks[missing:]:
                block.remove()
            del self._blocks[missing:]
        note = self.query_one(".pane-empty", Static)
        if state.exchanges:
            note.display = state.more_above
            note.update(Content.styled("▴ earlier turns: press g at the top", MUTED))
        else:
            note.display = True
            note.update(empty)
        for block, exchange in zip(self._blocks, state.exchanges, strict=True):
            self._draw(block, state, exchange, view)
        self.show_header(state, panes)

    def show_exchange(self, state: ChatState, exchange: Exchange, view: View, panes: int) -> None:
        """Draw one exchange again."""
        if exchange in state.exchanges:
            index = state.exchanges.index(exchange)
            if index < len(self._blocks):
                self._draw(self._blocks[index], state, exchange, view)
        self.show_header(state, panes)

    def _draw(self, block: TurnBlock, state: ChatState, exchange: Exchange, view: View) -> None:
        take = exchange.take
        columns = order(take, state.numbers)
        column = columns[self.place] if self.place < len(columns) else -1
        answer = take.shown(column) if take else None
        other = self._other(take, columns, column, answer)
        look = TurnLook(
            view, hidden(take), exchange is state.selected, other, state.numbers, rerun_key=self._rerun_key()
        )
        block.draw(exchange, take, answer, look)

    def _rerun_key(self) -> str:
        settings = getattr(self.app, "settings", None)
        return keys_of("chat.rerun", settings.keys if settings is not None else {})[0]

    def _other(
        self, take: Take | None, columns: tuple[int, ...], column: int, answer: AnswerState | None
    ) -> AnswerState | None:
        """The answer to hold this one against: what it was edited from, else the pane beside it."""
        if take is None or answer is None:
            return None
        if answer.edited_from:
            return take.find(answer.edited_from)
        for candidate in columns:
            if candidate != column:
                return take.shown(candidate)
        return None

    def show_header(self, state: ChatState, panes: int) -> None:
        """Say which weights speak here."""
        header = self.query_one(".pane-header", Static)
        take = state.selected.take if state.selected else None
        place = f"{self.place + 1}/{panes} " if panes > 1 else ""
        alone, role, typing = self.look
        judged = (f" {role} ", "bold reverse") if role else ""
        if blind.shuffled_board(state):  # a pane is then no longer one column: the turns name themselves
            content = Content.assemble(
                (place, MUTED),
                judged,
                (" " if judged else ""),
                (blind.letter(self.place), "bold"),
                (" · h l: the other" if alone else "", MUTED),
                (" · blind: unnamed until judged" if hidden(take) else " · blind: each turn says its side", MUTED),
            )
            header.update(content, layout=False)
            return
        if self.place >= len(state.columns):
            return
        column = state.columns[self.place]
        answer = take.shown(column.number) if take else None
        parts = [Content.styled(place, MUTED)]
        if judged:
            parts.append(Content.assemble(judged, " "))
        if column.adapter is None:
            parts.append(Content.styled("base", "bold"))
        else:
            parts.append(Content.styled(one_line(column.adapter.name, 32), "bold $text-accent"))
            parts.append(Content.assemble(" ", dial(column.strength), f" x{column.strength:g}"))
            if sha256 := state.adapter_hashes.get(column.adapter.path):
                parts.append(Content.styled(f" a:{sha256[:8]}", MUTED))
        if answer is not None and answer.live and answer.tokens:
            parts.append(Content.styled(f"  {answer.tokens} tok {answer.tokens_per_s:.0f}/s", "$text-success"))
        elif answer is not None and answer.side != column.label and not answer.live:
            parts.append(Content.styled(f"  (shown answer: {one_line(answer.side, 28)})", "$text-warning"))
        if alone and panes > 1:
            others = " ".join(
                one_line(other.label, 16) for place, other in enumerate(state.columns) if place != self.place
            )
            keys = "Esc, h l" if typing else "h l"
            parts.append(Content.styled(f"   {keys}: {others}", MUTED))
        header.update(Content("").join(parts), layout=False)

    def note_following(self) -> None:
        """Remember whether the reader is at the end of the text."""
        self.following = self.scroll.max_scroll_y - self.scroll.scroll_y <= 1

    def heights(self) -> list[int]:
        """Lines that each turn needs in this pane."""
        return [block.natural_height() for block in self._blocks]

    def align(self, heights: list[int]) -> None:
        """Give each turn at least this height, so that the same turn begins on the same line in every pane."""
        for block, height in zip(self._blocks, heights, strict=False):
            if block.styles.min_height is None or block.styles.min_height.value != height:
                block.styles.min_height = height

    def to_end(self) -> None:
        """Scroll to the last turn."""
        self.scroll.scroll_end(animate=False)

    def to_exchange(self, index: int) -> None:
        """Scroll so that a turn is visible."""
        if 0 <= index < len(self._blocks):
            self.scroll.scroll_to_widget(self._blocks[index], animate=False, top=True)
