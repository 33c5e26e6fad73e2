"""One-line widgets: conditions on top, status above the prompt, keys at the bottom."""

from __future__ import annotations

import time

from rich.cells import cell_len
from textual.binding import Binding
from textual.content import Content
from textual.events import Click
from textual.timer import Timer
from textual.widgets import Static

from aligntui.config.keys import BY_ID
from aligntui.config.texts import LOADING_STAGES
from aligntui.core.printable import one_line
from aligntui.tui.guarded import LONG_NOTE_S, NOTE_S
from aligntui.tui.turn_text import MUTED
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_state import EngineState, Phase

UNRANKED = 5
"""Rank in the footer of a key that is not in the table of keys."""
SAME_MOMENT_S = 0.5
"""A note this young was said about the change of state that follows it, and outlives that."""


def bar(done: int, total: int, width: int = 20) -> str:
    """Progress as a bar with percent; empty where the end is not known."""
    if total <= 0:
        return ""
    share = min(1.0, done / total)
    filled = round(share * width)
    return f"▕{'█' * filled}{'░' * (width - filled)}▏ {share:4.0%}"


def engine_text(engine: EngineState) -> Content:
    """Where the engine stands, in a few words."""
    match engine.phase:
        case Phase.OFF:
            return Content.styled("○ engine off", MUTED)
        case Phase.LOADING:
            p = engine.progress
            stage = LOADING_STAGES.get(p.stage, p.stage) if p else "Starting the engine"
            return Content.assemble((f"◌ {stage} ", "$text-warning"), bar(p.done, p.total) if p else "")
        case Phase.READY:
            return Content.styled("● ready", "$text-success")
        case Phase.BUSY:
            return Content.styled("◉ answering", "$text-success")
        case Phase.FAILED:
            return Content.styled(f"✖ not loaded: {one_line(engine.message, 90)}", "$text-error")
        case Phase.EXITED:
            return Content.styled(f"✖ engine gone: {one_line(engine.message, 90)}", "$text-error")
        case Phase.GAVE_WAY:
            return Content.styled(f"◌ engine gave way to {one_line(engine.message, 60)}", "$text-warning")


class ConditionsLine(Static):
    """What every next answer is made with, on one line."""

    DEFAULT_CSS = (
        "ConditionsLine { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }"
    )

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self._parts: list[tuple[int, Content]] = []

    def on_resize(self) -> None:
        """Fit the new width."""
        self._draw()

    def show(self, chat: Chat, view: str = "plain") -> None:
        """Draw the conditions of the chat as they are now, and the view that is laid over its answers."""
        s, model = chat.settings, chat.state.engine.model
        parts: list[tuple[int, Content]] = []
        if model:
            name = "SmolLM2-135M-Instruct" if model.model == "embedded" else one_line(model.model, 40)
            parts.append((0, Content.styled(name, "bold")))
            if model.model == "embedded":
                parts.append((9, Content.styled("embedded", MUTED)))
            parts.append((6, Content.styled(f"w:{model.weights_sha256[:8]}", MUTED)))
            parts.append((3, Content(_short(model.dtype) + (f"+{model.quantisation}" if model.quantisation else ""))))
        else:
            asked = one_line(chat.engine.wish.model, 40) if chat.engine else "aligntui"
            parts.append((0, Content.styled(asked, "bold")))
        sampling = s.sampling
        how = "greedy" if sampling.temperature == 0 else f"T {sampling.temperature:g} p {sampling.top_p:g}"
        parts.append((1, Content(how)))
        parts.append((2, Content(f"seed {sampling.seed}")))
        parts.append((4, Content(f"≤{sampling.max_new_tokens} tok")))
        mode = f"injection/{s.injection_every}" if s.mode == "injection" else s.mode.value
        parts.append((1, Content.assemble(("mode ", MUTED), mode)))
        parts.append((5 if s.history == "own" else 1, Content.assemble(("history ", MUTED), s.history)))
        if s.blind:
            parts.append((0, Content.styled("BLIND", "bold $text-warning")))
        if view != "plain":
            parts.append((0, Content.styled(f"view {view}", "bold $text-primary")))
        if model:
            parts.append((7, Content.styled(f"tmpl:{model.template_sha256[:6]}", MUTED)))
        self._parts = parts
        self._draw()

    def _draw(self) -> None:
        """What fits of the conditions: whole ones, the less telling left out first."""
        parts = self._parts
        while (
            len(parts) > 1
            and self.size.width
            and sum(part.cell_length + 3 for _, part in parts) - 3 > self.size.width - 2
        ):
            least = max(range(len(parts)), key=lambda index: parts[index][0])
            parts = [part for index, part in enumerate(parts) if index != least]
        if parts:
            self.update(Content(" · ").join([part for _, part in parts]), layout=False)


def _short(dtype: str) -> str:
    return {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}.get(dtype, dtype)


class WarningLine(Static):
    """What the user should know before the first answer; not there when there is nothing."""

    DEFAULT_CSS = "WarningLine { height: auto; max-height: 3; background: $warning-muted; color: $text-warning; padding: 0 1; display: none; }"

    def __init__(self) -> None:
        super().__init__("", markup=False)

    def show(self, warnings: list[str]) -> None:
        """Draw the warnings."""
        self.display = bool(warnings)
        self.update("\n".join("! " + one_line(warning) for warning in warnings))


class StatusLine(Static):
    """The engine's state, and what happened last."""

    DEFAULT_CSS = (
        "StatusLine { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; color: $text-muted; }"
    )

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self._note = Content("")
        self._phase = Phase.OFF
        self._expiry: Timer | None = None
        self._chat: Chat | None = None
        self._said_at = 0.0

    def note(self, text: str, style: str = "") -> None:
        """Say what happened. It stands until something else is said, the engine moves on, or its time is up."""
        self._note = Content.styled(one_line(text), style) if style else Content(one_line(text))
        self._said_at = time.monotonic()
        if self._expiry is not None:
            self._expiry.stop()
        self._expiry = self.set_timer(LONG_NOTE_S if style else NOTE_S, self.forget) if text else None

    def forget(self) -> None:
        """Take the note down."""
        self._note = Content("")
        if self._chat is not None:
            self.show(self._chat)

    def show(self, chat: Chat) -> None:
        """Draw engine and note."""
        self._chat = chat
        if chat.state.engine.phase is not self._phase:
            self._phase = chat.state.engine.phase
            if time.monotonic() - self._said_at > SAME_MOMENT_S:  # what was said of the state before is over with it
                self._note = Content("")
        parts = [engine_text(chat.state.engine)]
        if chat.session:
            parts.append(Content.styled(one_line(chat.session.name, 30), MUTED))
        if self._note.plain:
            parts.append(self._note)
        self.update(Content(" · ").join(parts), layout=False)


class KeyBar(Static):
    """The keys that apply here, as many as fit; F1 always. A click on one presses it."""

    DEFAULT_CSS = "KeyBar { height: 1; background: $footer-background; color: $footer-foreground; padding: 0 1; text-wrap: nowrap; }"

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self._zones: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        """Follow the focus and the state."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self.call_after_refresh(self.draw))
        self.draw()

    def on_resize(self) -> None:
        """Fit the new width."""
        self.draw()

    def draw(self) -> None:
        """Draw the keys of the bindings that are live now."""
        if not self.is_attached:
            return
        width = max(20, self.size.width)
        applies = getattr(self.screen, "key_applies", lambda _id: True)
        word = getattr(self.screen, "key_label", lambda _id: "")
        live: dict[str, Binding] = {}
        for _, binding, enabled, _ in self.screen.active_bindings.values():
            name = binding.id or binding.action
            if binding.show and enabled and name not in live and applies(name):
                live[name] = binding
        items: list[tuple[int, str, str, str]] = []  # rank, key, how the key is written, what it does
        for name, binding in live.items():
            rank = BY_ID[name].footer if name in BY_ID else UNRANKED
            items.append((rank, binding.key, self.app.get_key_display(binding), word(name) or binding.description))
        items.sort(key=lambda item: item[0])
        room = width - 2  # the padding
        kept = []
        for item in items:
            length = cell_len(item[2]) + cell_len(item[3]) + 3
            if length - 2 <= room:  # the gap behind the last one may be cut
                room -= length
                kept.append(item)
        kept.sort(key=lambda item: (item[0] == 1, item[0]))  # help stands at the end and is left out last
        x = 0
        content = Content("")
        self._zones = []
        for _, key, label, text in kept:
            length = cell_len(label) + cell_len(text) + 3
            content = content.append(
                Content.assemble(
                    (label, "bold $footer-key-foreground"), (f" {text}  ", "$footer-description-foreground")
                )
            )
            self._zones.append((x, x + length, key))
            x += length
        self.update(content, layout=False)

    def on_click(self, event: Click) -> None:
        """Press the key that was clicked."""
        for start, end, key in self._zones:
            if start <= event.x - 1 < end:
                self.app.simulate_key(key)
