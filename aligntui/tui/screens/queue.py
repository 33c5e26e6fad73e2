"""Judging one pair after another: two unnamed answers, one key each, the next pair at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from aligntui.core.errors import UserError
from aligntui.core.pair import Verdict
from aligntui.core.printable import one_line, printable
from aligntui.tui.bindings import bindings
from aligntui.tui.guarded import GuardedScreen
from aligntui.tui.help_text import said
from aligntui.tui.turn_text import MUTED, packed
from aligntui.tui.widgets.lines import KeyBar, bar
from aligntui.workbench.curation.queue import JudgingSession, Task

if TYPE_CHECKING:
    from aligntui.core.turn import Answer
    from aligntui.score.results import Rate
    from aligntui.workbench.chat import Chat
    from aligntui.workbench.curation.sampling import SampleProgress, Sampler

SIDE_BY_SIDE = 90
"""From this many cells on the two answers stand side by side, else one above the other."""
_WORDS = {
    Verdict.LEFT: "A is better",
    Verdict.RIGHT: "B is better",
    Verdict.TIE: "tie",
    Verdict.BAD: "both bad",
    Verdict.SKIP: "skipped",
}


class QueueScreen(GuardedScreen[None]):
    """The queue of one annotator.

    Args:
        session: this sitting.
        chat: whose engine, columns and settings sample further answers.
    """

    HELP = (
        "**Judge one after another.** The two answers stand in an order drawn by lot and without names. "
        "{key:queue.left_better} and {key:queue.right_better} prefer A or B, {key:queue.tie} is a tie, {key:queue.both_bad} says "
        "that both are bad, {key:queue.skip} passes; the next pair comes at once, {key:queue.undo} goes back. "
        "Now and then a pair comes that you judged before: it measures how far you agree with yourself, and is never trained on. "
        "{key:queue.sample} lets every column answer a list of prompts several times and puts the answers that differ most here."
    )
    AUTO_FOCUS = "#left"
    BINDINGS: ClassVar[list[BindingType]] = bindings("queue")
    CSS = """
    QueueScreen #title { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    QueueScreen #asked { height: auto; max-height: 8; padding: 0 1; background: $surface; }
    QueueScreen #answers { height: 1fr; layout: vertical; }
    QueueScreen.-beside #answers { layout: horizontal; }
    QueueScreen .side { width: 1fr; height: 1fr; }
    QueueScreen .name { height: 1; background: $surface; padding: 0 1; text-style: bold; }
    QueueScreen VerticalScroll { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    QueueScreen.-beside #side-b { border-left: tall $surface-lighten-1; }
    QueueScreen VerticalScroll:focus { background: $surface 60%; }
    QueueScreen #empty { height: 1fr; padding: 1 2; color: $text-muted; display: none; }
    QueueScreen #leaning { height: auto; max-height: 2; padding: 0 1; color: $text-muted; }
    """

    def __init__(self, session: JudgingSession, chat: Chat) -> None:
        super().__init__()
        self.session = session
        self._chat = chat
        self._sampler: Sampler | None = None
        self._busy = False

    def compose(self) -> ComposeResult:
        """Progress, prompt, two answers, what the verdicts lean to, note, keys."""
        yield Static("Judge", id="title", markup=False)
        yield Static("", id="asked", markup=False)
        with Horizontal(id="answers"):
            for name, place in (("A", "left"), ("B", "right")):
                with Vertical(classes="side", id=f"side-{name.lower()}"):
                    yield Static(name, classes="name", markup=False)
                    with VerticalScroll(id=place):
                        yield Static("", id=f"{place}-text", markup=False)
        yield Static("", id="empty", markup=False)
        yield Static("", id="leaning", markup=False)
        yield Static("", id="note", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Show the first pair."""
        self.act(self._begin)

    async def _begin(self) -> None:
        await self.session.load()
        await self._next()

    def on_resize(self, event: Resize) -> None:
        """Side by side, or one above the other."""
        self.set_class(event.size.width >= SIDE_BY_SIDE, "-beside")

    # drawing ------------------------------------------------------------------------------------------

    async def _next(self) -> None:
        self._draw(await self.session.next())

    def _draw(self, task: Task | None) -> None:
        for name in ("#asked", "#answers"):
            self.query_one(name).display = task is not None
        empty = self.query_one("#empty", Static)
        empty.display = task is None
        empty.update(said(self._empty_text(), self.keys))
        if task is not None:
            self.query_one("#asked", Static).update(_asked(task))
            for place, answer in (("left", task.left), ("right", task.right)):
                self.query_one(f"#{place}-text", Static).update(_text(answer))
                self.query_one(f"#{place}", VerticalScroll).scroll_home(animate=False)
        self._draw_progress()
        self.query_one(KeyBar).draw()

    def _empty_text(self) -> str:
        done = self.session.progress.judged
        head = f"Nothing is left to judge; {done} done in this sitting." if done else "The queue is empty."
        return (
            f"{head}\n\n{{key:queue.sample}} samples answers to a list of prompts and proposes the pairs that differ most.\n"
            "On the pairs screen {key:pairs.enqueue} puts marked pairs here, to be judged by you as well."
        )

    def _draw_progress(self) -> None:
        progress = self.session.progress
        total = progress.judged + progress.left
        parts = [Content.styled("Judge", "bold")]
        if total:
            parts.append(Content(f"{bar(progress.judged, total, 14)} {progress.judged} of {total}"))
        if progress.remaining_s is not None and progress.left:
            parts.append(Content.styled(f"about {_minutes(progress.remaining_s)} left", "$text-secondary"))
        parts.append(Content.styled(f"as {one_line(self.session.annotator or 'nobody', 24)}", MUTED))
        parts.append(Content.styled("blind", "$text-warning"))
        self.query_one("#title", Static).update(Content(" · ").join(parts))
        self.query_one("#leaning", Static).update(self._leaning())

    def _leaning(self) -> Content:
        """What the verdicts of this annotator lean to, chance beside it."""
        leaning = self.session.leaning()
        parts = [
            _rate("left taken", leaning.position.left),
            _rate("longer taken", leaning.length.longer),
            _rate("same said again", leaning.itself.same, when_empty="not asked again yet"),
        ]
        return packed(parts, max(20, self.size.width - 2))

    # keys ---------------------------------------------------------------------------------------------

    def key_applies(self, action_id: str) -> bool:
        """Whether a key belongs in the footer now."""
        if action_id in ("queue.left_better", "queue.right_better", "queue.tie", "queue.both_bad", "queue.skip"):
            return self.session.task is not None
        if action_id == "queue.stop":
            return self._sampler is not None
        return True

    def action_judge(self, verdict: str) -> None:
        """Store the verdict and show the next pair."""

        async def judge() -> None:
            task = self.session.task
            await self.session.judge(Verdict(verdict))
            named = "" if task is None else f" (A {_made_by(task.left)}, B {_made_by(task.right)})"
            hidden = task is not None and task.repeat_of is not None
            self.say(f"Stored: {_WORDS[Verdict(verdict)]}{'' if hidden else named}.")
            await self._next()

        self.act(judge)

    def action_undo(self) -> None:
        """Take the last verdict back and show its pair."""

        async def undo() -> None:
            self._draw(await self.session.undo())
            self.say("Taken back; judge it again.")

        self.act(undo)

    def action_scroll(self, lines: int) -> None:
        """Scroll both answers."""
        for place in ("#left", "#right"):
            self.query_one(place, VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_back(self) -> None:
        """Leave; what is not judged stays in the queue."""
        if self._sampler is not None:
            self._sampler.stop()
        self.dismiss(None)

    # sampling -----------------------------------------------------------------------------------------

    def action_sample(self) -> None:
        """Ask for prompts, sample, propose."""
        self.ask(self._sample)

    async def _sample(self) -> None:
        from aligntui.tui.modals.sample_dialog import SampleDialog
        from aligntui.workbench.curation.queue import propose
        from aligntui.workbench.curation.sampling import Sampler
        from aligntui.workbench.loaded import loaded_engine

        if self._sampler is not None:
            raise UserError("Answers are being sampled already.", "{key:queue.stop} stops after the batch at hand.")
        loaded_engine(self._chat)  # before anything is typed for it
        wish = await self.app.push_screen_wait(SampleDialog(self._chat.settings.sampling.temperature))
        if wish is None:
            return
        if wish.temperature != self._chat.settings.sampling.temperature:
            self._chat.set_sampling(temperature=wish.temperature)
        self._sampler = Sampler(self._chat)
        self.query_one(KeyBar).draw()
        try:
            done = await self._sampler.run(wish.plan, self._sampled)
        finally:
            self._sampler = None
            self.query_one(KeyBar).draw()
        annotator = self.session.annotator
        added = await self._chat.store.run(lambda store: propose(store, done.exchange_ids, annotator, wish.per_prompt))
        self.say(f"{added} pairs proposed from {done.answers_done} answers to {done.prompts_done} prompts.")
        if self.session.task is None:
            await self._next()
        else:
            await self.session.count()
            self._draw_progress()
        self.query_one(KeyBar).draw()

    def _sampled(self, progress: SampleProgress) -> None:
        if self.is_attached:
            drawn = bar(progress.answers_done, progress.answers, 14)
            self.say(f"Sampling {drawn} {progress.answers_done} of {progress.answers} answers", remember=False)

    def action_stop(self) -> None:
        """Stop sampling after the batch at hand; what came is proposed."""
        if self._sampler is not None:
            self._sampler.stop()
            self.say("Sampling stops after this batch.")


def _made_by(answer: Answer) -> str:
    """The side of an answer; of one from a file what the file called it."""
    return one_line(answer.side, 24) or f"the file's {'rejected' if answer.column else 'chosen'}"


def _asked(task: Task) -> Content:
    earlier = len(task.prompt) - 1
    head = [Content.styled(f"… {earlier} messages before", MUTED)] if earlier > 0 else []
    instruction = task.left.conditions.instruction
    same = instruction == task.right.conditions.instruction
    if instruction.strip() and same:
        head.append(Content.assemble(("instruction ", MUTED), (one_line(instruction, 300), "$text-secondary")))
    elif not same:
        head.append(Content.styled("the two answers were made under different instructions", "$text-warning"))
    return Content("\n").join([*head, Content.styled(printable(task.prompt[-1].content), "bold $text-accent")])


def _text(answer: Answer) -> Content:
    text = printable(answer.text).rstrip()
    return Content(text) if text else Content.styled("(empty answer)", MUTED)


def _rate(name: str, rate: Rate, when_empty: str = "") -> Content:
    if rate.rate is None:
        return Content.styled(when_empty or f"{name}: no verdict yet", MUTED)
    interval = f" [{rate.low:.0%}, {rate.high:.0%}]" if rate.low is not None and rate.high is not None else ""
    chance = f", chance {rate.chance:.0%}" if rate.chance is not None else ""
    away = rate.chance is not None and rate.low is not None and rate.high is not None
    leans = away and not rate.low <= rate.chance <= rate.high  # type: ignore[operator]
    return Content.assemble(
        (f"{name} ", MUTED),
        (f"{rate.rate:.0%}", "bold $text-warning" if leans else "bold"),
        (f"{interval} of {rate.n}{chance}", MUTED),
    )


def _minutes(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"
