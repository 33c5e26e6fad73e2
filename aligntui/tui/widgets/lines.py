"""One-line widgets: conditions on top, status above the prompt, keys at the bottom."""

from __future__ import annotations

from textual.content import Content
from textual.events import Click
from textual.widgets import Static

from aligntui.config.texts import LOADING_STAGES
from aligntui.core.printable import one_line
from aligntui.tui.turn_text import MUTED
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_state import EngineState, Phase


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
            return Content.styled(f"✖ engine gone: {one_line(engine.message, 90)} F12 restarts", "$text-error")


class ConditionsLine(Static):
    """What every next answer is made with, on one line."""

    DEFAULT_CSS = (
        "ConditionsLine { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }"
    )

    def __init__(self) -> None:
        super().__init__("", markup=False)

    def show(self, chat: Chat) -> None:
        """Draw the conditions of the chat as they are now."""
        s, model = chat.settings, chat.state.engine.model
        parts: list[Content] = []
        if model:
            name = "SmolLM2-135M-Instruct (embedded)" if model.model == "embedded" else one_line(model.model, 40)
            parts.append(Content.styled(name, "bold"))
            parts.append(Content.styled(f"w:{model.weights_sha256[:8]}", MUTED))
            parts.append(Content(_short(model.dtype) + (f"+{model.quantisation}" if model.quantisation else "")))
        else:
            parts.append(Content.styled(one_line(chat.engine.wish.model, 40) if chat.engine else "aligntui", "bold"))
        sampling = s.sampling
        how = "greedy" if sampling.temperature == 0 else f"T {sampling.temperature:g} p {sampling.top_p:g}"
        parts += [Content(how), Content(f"seed {sampling.seed}"), Content(f"≤{sampling.max_new_tokens} tok")]
        mode = f"injection/{s.injection_every}" if s.mode == "injection" else s.mode.value
        parts.append(Content.assemble(("mode ", MUTED), mode))
        parts.append(Content.assemble(("history ", MUTED), s.history))
        if s.blind:
            parts.append(Content.styled("BLIND", "bold $text-warning"))
        if model:
            parts.append(Content.styled(f"tmpl:{model.template_sha256[:6]}", MUTED))
        self.update(Content(" · ").join(parts), layout=False)


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

    def note(self, text: str, style: str = "") -> None:
        """Say what happened; stays until something else does."""
        self._note = Content.styled(one_line(text), style) if style else Content(one_line(text))

    def show(self, chat: Chat) -> None:
        """Draw engine and note."""
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
        shown: list[tuple[str, str, str]] = []
        seen: set[str] = set()
        active = sorted(
            self.screen.active_bindings.values(), key=lambda entry: not (entry.binding.id or "").startswith("board.")
        )
        for _, binding, enabled, _ in active:  # what can be done with the answers comes first
            if binding.show and enabled and binding.action not in seen and applies(binding.id or ""):
                seen.add(binding.action)
                shown.append((binding.key, self.app.get_key_display(binding), binding.description))
        help_item = ("f1", "F1", "Help")
        x = 0
        content = Content("")
        self._zones = []
        for index, (key, label, text) in enumerate([*shown, help_item]):
            last = index == len(shown)
            length = len(label) + 1 + len(text) + 2
            if not last and x + length + 8 > width:
                continue
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
