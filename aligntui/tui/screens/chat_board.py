"""The board of the chat screen: what stands where, and how it is drawn from the state."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from aligntui.core.errors import AligntuiError, UserError
from aligntui.core.pair import Pair, Verdict
from aligntui.core.printable import one_line
from aligntui.tui.bug_report import write_bug_report
from aligntui.tui.turn_text import View
from aligntui.tui.widgets.answer_pane import AnswerPane, PaneScroll
from aligntui.tui.widgets.lines import ConditionsLine, KeyBar, StatusLine, WarningLine
from aligntui.tui.widgets.text_box import InstructionBox, PromptBox
from aligntui.workbench.changes import (
    AnswerChanged,
    BoardChanged,
    Change,
    EngineChanged,
    ExchangeChanged,
    Judged,
    Noticed,
    SettingsChanged,
)
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_state import AnswerState, Exchange, Phase
from aligntui.workbench.gap import measure_gap
from aligntui.workbench.judging import Judge, order
from aligntui.workbench.moves import Moves
from aligntui.workbench.opening import Workbench

NARROW = 100
"""Below this many columns of cells one pane has the screen; the others are one key away."""
FLUSH_S = 0.05
"""Streaming text is drawn at most this often: a repaint costs more than a token."""


class ChatBoard(Screen[None]):
    """Panes, boxes and lines around one chat; follows its changes. The keys are added by `ChatScreen`."""

    CSS_PATH = "chat.tcss"
    AUTO_FOCUS = "PromptBox"

    def __init__(self, chat: Chat) -> None:
        super().__init__()
        self.chat = chat
        self.judge = Judge(chat)
        self.moves = Moves(chat)
        self.view = View.PLAIN
        self.zoomed: int | None = None
        self.last_pair: Pair | None = None
        self._place = 0
        self._order = asyncio.Lock()
        self._dirty: dict[str, Exchange] = {}
        self._flushing = False
        self._code_at: dict[str, int] = {}

    # composition --------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Conditions, instruction, panes, status, prompt, keys."""
        yield ConditionsLine()
        yield WarningLine()
        with Horizontal(id="instruction-bar"):
            yield Static("", id="instruction-label", markup=False)
            yield InstructionBox(id="instruction")
        with Horizontal(id="panes"):
            for place in range(len(self.chat.state.columns)):
                yield AnswerPane(place)
        yield StatusLine()
        yield PromptBox(id="prompt", keys=self.bench.settings.keys)
        yield KeyBar()

    def on_mount(self) -> None:
        """Draw what there is."""
        self.draw_all()

    @property
    def bench(self) -> Workbench:
        """What the app put together."""
        return self.app.bench  # type: ignore[attr-defined]

    @property
    def panes(self) -> list[AnswerPane]:
        """The answer panes from the left."""
        return list(self.query(AnswerPane))

    @property
    def place(self) -> int:
        """The pane that keys act on: the focused one, else the one focused last."""
        focused = self.focused
        if isinstance(focused, PaneScroll) and isinstance(focused.parent, AnswerPane):
            self._place = focused.parent.place
        return min(self._place, max(0, len(self.chat.state.columns) - 1))

    @property
    def column(self) -> int:
        """Column whose answer stands in the pane that keys act on."""
        exchange = self.chat.state.selected
        take = exchange.take if exchange else None
        columns = order(take, len(self.chat.state.columns))
        return columns[self.place]

    def focused_answer(self) -> AnswerState:
        """The answer that keys act on.

        Raises:
            UserError: there is none.
        """
        exchange = self.chat.state.selected
        take = exchange.take if exchange else None
        answer = take.shown(self.column) if take else None
        if answer is None:
            raise UserError("There is no answer here yet.", "Type a prompt and press Enter.")
        return answer

    # drawing ------------------------------------------------------------------------------------

    def draw_all(self, *, scroll: bool = False) -> None:
        """Draw everything from the state."""
        state = self.chat.state
        panes = self.panes
        if len(panes) != len(state.columns):
            self._fit_panes(len(state.columns))
            return
        for pane in panes:
            pane.show_board(state, self.view, self._empty_text(), len(panes))
            if scroll:
                self.call_after_refresh(pane.to_end)
        self._layout()
        self.draw_lines()

    def _fit_panes(self, wanted: int) -> None:
        async def fit() -> None:
            panes = self.panes
            box = self.query_one("#panes")
            if len(panes) < wanted:
                await box.mount(*[AnswerPane(place) for place in range(len(panes), wanted)])
            for pane in panes[wanted:]:
                await pane.remove()
            self._place = min(self._place, wanted - 1)
            self.draw_all(scroll=True)

        self.run_worker(fit(), group="panes")

    def _layout(self) -> None:
        narrow = self.size.width < NARROW and len(self.panes) > 1
        alone = self.zoomed is not None or narrow
        self.set_class(alone, "-one-pane")
        place = self.place if self.zoomed is None else min(self.zoomed, len(self.panes) - 1)
        for pane in self.panes:
            pane.display = not alone or pane.place == place
            if pane.alone != alone:
                pane.alone = alone
                pane.show_header(self.chat.state, len(self.panes))

    def draw_lines(self) -> None:
        """Draw the lines around the panes."""
        chat = self.chat
        self.query_one(ConditionsLine).show(chat)
        self.query_one(WarningLine).show(chat.state.warnings)
        label = f"{chat.state.instruction.label} · {chat.settings.mode.value}"
        self.query_one("#instruction-label", Static).update(Content.styled(label, "$text-secondary"))
        box = self.query_one(InstructionBox)
        if not box.has_focus:
            box.show(chat.state.instruction.text)
        self.query_one(StatusLine).show(chat)
        self.query_one(KeyBar).draw()

    def show_recall(self, earlier: list[str]) -> None:
        """Earlier prompts for the prompt box, newest first."""
        box = self.query_one(PromptBox)
        box.earlier = [*box.earlier, *(text for text in earlier if text not in box.earlier)]

    def _empty_text(self) -> Content:
        names = " and ".join(one_line(column.label, 30) for column in self.chat.state.columns)
        phase = self.chat.state.engine.phase
        state = {
            Phase.READY: "The model is ready.",
            Phase.FAILED: "The model is not loaded; the line above the prompt says why.",
            Phase.EXITED: "The engine is gone; F12 starts it again.",
        }.get(phase, "The model is loading; you can type already.")
        return Content.assemble(
            ("Type a prompt and press Enter.\n", "bold"),
            f"{names} answer side by side from one copy of the weights.\n\n",
            ("F2", "bold"), " picks an instruction · ", ("F5", "bold"), " answers the turn again under it\n",
            ("Esc", "bold"), " leaves the prompt box: then ", ("1 2 3 4 5", "bold"), " judge, ", ("u", "bold"), " undoes\n",
            ("F1", "bold"), " lists every key\n\n", state,
        )  # fmt: skip

    def on_change(self, change: Change) -> None:
        """Follow the workbench."""
        if not self.is_attached or not self.panes:
            return
        match change:
            case AnswerChanged(answer):
                found = self.chat.state.exchange_of(answer.id)
                if found:
                    self._later(found[0])
            case ExchangeChanged(exchange):
                self._later(exchange)
            case BoardChanged(scroll):
                self.draw_all(scroll=scroll)
            case EngineChanged():
                if not self.chat.state.exchanges and self.panes:
                    for pane in self.panes:
                        pane.show_board(self.chat.state, self.view, self._empty_text(), len(self.panes))
                self.draw_lines()
            case SettingsChanged():
                for pane in self.panes:
                    pane.show_header(self.chat.state, len(self.panes))
                self.draw_lines()
            case Judged(pair):
                self.last_pair = pair
                self._say_verdict(pair)
            case Noticed(message, hint, severity):
                self.say(message, hint, severity)

    def say(self, message: str, hint: str = "", severity: str = "information") -> None:
        """A toast, and the status line for those who look later."""
        text = f"{one_line(message)} {one_line(hint)}".strip()
        style = {"error": "$text-error", "warning": "$text-warning"}.get(severity, "")
        self.query_one(StatusLine).note(text, style)
        self.query_one(StatusLine).show(self.chat)
        if severity != "information":
            self.notify(text, severity="error" if severity == "error" else "warning", markup=False, timeout=8)

    def _say_verdict(self, pair: Pair) -> None:
        name = {
            Verdict.LEFT: "left is better",
            Verdict.RIGHT: "right is better",
            Verdict.TIE: "tie",
            Verdict.BAD: "both bad",
            Verdict.SKIP: "skipped",
        }[pair.verdict]
        scope = " · over the whole conversation (the histories differ)" if pair.scope == "conversation" else ""
        self.say(
            f"Taken back: {name}"
            if pair.undone
            else f"Stored: {name}{' (blind)' if pair.blind else ''}{scope} · t adds a reason"
        )

    def _later(self, exchange: Exchange) -> None:
        self._dirty[exchange.id] = exchange
        if not self._flushing:
            self._flushing = True
            self.set_timer(FLUSH_S, self._flush)

    def _flush(self) -> None:
        self._flushing = False
        dirty, self._dirty = self._dirty, {}
        for exchange in dirty.values():
            for pane in self.panes:
                scroll = pane.scroll
                at_end = scroll.max_scroll_y - scroll.scroll_y <= 1
                pane.show_exchange(self.chat.state, exchange, self.view, len(self.panes))
                if at_end:  # follow the text only where the reader has not scrolled away
                    self.call_after_refresh(scroll.scroll_end, animate=False)
        if self.view is View.GAP:
            self.measure_gaps()
        if not self.chat.state.streaming:
            self.query_one(StatusLine).show(self.chat)
            self.query_one(KeyBar).draw()

    def measure_gaps(self) -> None:
        """Have the selected turn's log-probability gaps measured, each answer once."""
        exchange = self.chat.state.selected
        if exchange is None or exchange.take is None or self.chat.state.streaming:
            return
        for answer in exchange.take.answers():
            if answer.gap is None and not answer.gap_pending and answer.record and answer.record.token_ids:
                self.act(measure_gap(self.chat, answer))

    # running what the user asks for ---------------------------------------------------------------

    def act(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run an action after those before it; what the user can mend is said, not raised."""

        async def ordered() -> None:
            async with self._order:
                await self._guard(work)

        self.run_worker(ordered(), group="chat", exit_on_error=True)

    async def _guard(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except AligntuiError as error:
            self.say(error.message, error.hint, "error" if error.exit_code == 3 else "warning")
        except Exception as error:  # noqa: BLE001 - a worker's edge: a bug of ours must not take the unsaved work along
            self._bug(error)

    def _bug(self, error: Exception) -> None:
        where = write_bug_report(error)
        self.say(
            f"A bug of ours: {type(error).__name__}: {error}.",
            f"Nothing that was stored is lost; the details are in {where}.",
            "error",
        )

    def attempt(self, call: Any, *args: Any) -> None:
        """Like `act` for something that does not wait."""
        try:
            call(*args)
        except AligntuiError as error:
            self.say(error.message, error.hint, "warning")
        except Exception as error:  # noqa: BLE001 - as in _guard
            self._bug(error)
