"""Switch runs: begin one, watch it, go on with it, read its report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from aligntui.core.errors import UserError
from aligntui.core.generation import GenerationRun
from aligntui.core.printable import one_line
from aligntui.tui.bindings import bindings
from aligntui.tui.cells import fit
from aligntui.tui.guarded import GuardedScreen, guarded
from aligntui.tui.help_text import help_content
from aligntui.tui.redraw import Redraw
from aligntui.tui.turn_text import MUTED
from aligntui.tui.widgets.lines import KeyBar, bar, engine_text
from aligntui.tui.widgets.paged_list import PAGE, PagedList
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.switching.desk import SwitchDesk
from aligntui.workbench.switching.measuring import Measured
from aligntui.workbench.switching.plan import GRID, SwitchPlan

WIDE = 100
"""From this many cells on the list and the run stand side by side."""
BOX_CELLS = 12
"""What a report's box and its margins take of the width, with some to spare."""


LOOK_EVERY_S = 2.0
"""How often the list is read while another process answers one of its runs."""


class SwitchRunsScreen(GuardedScreen[None]):
    """The runs of a workspace.

    Args:
        desk: goes on while the screen is left.
    """

    HELP = (
        "**Switch runs.** One line for each run, the newest first: ◉ under way, ◎ answered by another process, ● whole, ◐ answers are missing. "
        "{key:runs.new} begins one with the chat's base, adapters and settings, {key:runs.resume} goes on with one that was stopped "
        "or killed, `Enter` measures it and shows the report, {key:runs.export} writes the report with figures and tables. "
        "While a run is under way the chat waits for it."
    )
    AUTO_FOCUS = "PagedList"
    BINDINGS: ClassVar[list[BindingType]] = bindings("runs")
    CSS = """
    SwitchRunsScreen #title { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    SwitchRunsScreen #work { height: 1fr; layout: vertical; }
    SwitchRunsScreen.-wide #work { layout: horizontal; }
    SwitchRunsScreen PagedList { height: 1fr; width: 1fr; background: $background; }
    SwitchRunsScreen #detail { height: 2fr; padding: 0 1; border-top: solid $surface-lighten-2; scrollbar-size-vertical: 1; }
    SwitchRunsScreen.-wide #detail { height: 1fr; width: 1fr; border-top: none; border-left: tall $surface-lighten-1; }
    SwitchRunsScreen #empty { height: 1fr; padding: 1 2; color: $text-muted; display: none; }
    """

    def __init__(self, desk: SwitchDesk) -> None:
        super().__init__()
        self.desk = desk
        self._plans: dict[str, SwitchPlan] = {}
        self._measuring = ""
        self._listed: list[GenerationRun] = []
        self._redraw = Redraw(self, self.draw)

    def compose(self) -> ComposeResult:
        """Title, list, the run under the cursor, note, keys."""
        yield Static("Switch runs", id="title", markup=False)
        with Horizontal(id="work"):
            yield PagedList(self._some, self._line)
            with VerticalScroll(id="detail", can_focus=False):
                yield Static("", id="text", markup=False)
        yield Static("", id="empty", markup=False)
        yield Static("", id="note", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Read the list."""
        self.desk.emit = self._redraw
        self.set_interval(LOOK_EVERY_S, self._look)
        self.load()

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self.desk.emit = lambda: None

    def _look(self) -> None:
        """See how far another process has come."""
        if self.desk.elsewhere and self.is_current:
            self.load()

    @guarded("load", exclusive=True)
    async def load(self) -> None:
        """Read the list and draw it."""
        await self.desk.load()
        self.draw()

    # drawing ----------------------------------------------------------------------------------------

    @property
    def listing(self) -> PagedList[GenerationRun]:
        """The list."""
        return self.query_one(PagedList)

    async def _some(self, offset: int, limit: int) -> Sequence[GenerationRun]:
        return self.desk.runs[offset : offset + limit]

    def _done(self, run: GenerationRun) -> int:
        live = self.desk.progress if self.desk.running and self.desk.running.id == run.id else None
        return live.done if live else run.done

    def _line(self, run: GenerationRun, width: int) -> Content:
        done, live = self._done(run), self.desk.running is not None and self.desk.running.id == run.id
        sign, style = ("●", "$text-success") if done >= run.cells else ("◐", "$text-warning")
        if live or run.id in self.desk.elsewhere:
            sign, style = "◉" if live else "◎", "$text-success"
        head = Content.assemble(
            (f" {sign} ", style), (f"{run.created_at[5:16].replace('T', ' ')}  ", MUTED),
            (f"{done / run.cells:>4.0%} of {run.cells:>6,}  ", "$text-secondary"),
        )  # fmt: skip
        style = MUTED if run.name.startswith("sheet: ") else ""
        return Content.assemble(head, (fit(run.name, max(8, width - head.cell_length)), style))

    def draw(self) -> None:
        """Everything from the desk."""
        if not self.is_attached:
            return
        runs = self.desk.runs
        if runs is not self._listed:
            self._show_list(runs)
        else:
            self.listing.refresh()
        empty = self.query_one("#empty", Static)
        empty.display = not runs
        self.query_one("#work").display = bool(runs)
        if runs and self.focused is None:  # an empty list was hidden when the screen looked for its focus
            self.listing.focus()
        empty.update(help_content(self._empty_text(), self.keys))
        self._draw_title()
        self._draw_detail()
        self.query_one(KeyBar).draw()

    def _show_list(self, runs: list[GenerationRun]) -> None:
        """Another list; the cursor stays on its run, wherever that stands now."""
        current, self._listed = self.listing.current, runs
        self.listing.reset(len(runs), runs[:PAGE], keep_cursor=True)
        if current is not None:
            self.listing.move_to(next((at for at, run in enumerate(runs) if run.id == current.id), 0))

    def _empty_text(self) -> str:
        return (
            "No run yet.\n\n{key:runs.new} begins one: many prompts under many instructions, base and adapters alike. "
            "On the command line: `aligntui switch run --sample 20`"
        )

    def _draw_title(self) -> None:
        desk = self.desk
        parts = [Content.styled("Switch runs", "bold")]
        engine = desk.chat.state.engine
        if engine.phase not in (Phase.READY, Phase.BUSY):
            parts.append(engine_text(engine))
        if desk.running is not None and desk.progress is not None:
            parts.append(Content(f"{bar(desk.progress.done, desk.progress.cells, 14)}"))
            if desk.progress.tokens:
                parts.append(Content(f"{desk.progress.tokens_per_s:.0f} tok/s"))
            if desk.progress.eta_s is not None:
                parts.append(Content.styled(f"about {_minutes(desk.progress.eta_s)} left", "$text-secondary"))
        if self._measuring:
            done, total = desk.embedding
            parts.append(Content.styled(f"◌ measuring {bar(done, total, 10)}".rstrip(), "$text-warning"))
        if len(parts) == 1:
            parts.append(Content(f"{len(desk.runs):,} run{'s' * (len(desk.runs) != 1)}"))
        self.query_one("#title", Static).update(Content(" · ").join(parts))

    @on(PagedList.Moved)
    def _draw_detail(self) -> None:
        run = self.listing.current
        text = self.query_one("#text", Static)
        text.update(Content("") if run is None else self._about(run))

    def _about(self, run: GenerationRun) -> Content:
        if run.id not in self._plans:
            try:
                self._plans[run.id] = SwitchPlan.from_dict(run.plan)
            except UserError as error:
                return Content.styled(str(error), "$text-warning")
        plan = self._plans[run.id]
        grid = plan.group(GRID)
        done = self._done(run)
        lines = [
            Content.styled(one_line(run.name, 200), "bold"),
            Content.styled(run.id, MUTED),
            Content(f"{bar(done, run.cells, 20)} {done:,} of {run.cells:,} answers, {run.cached:,} from the cache"),
            Content(""),
            _fact("base", f"{plan.base.model}, {plan.base.dtype}{f' {plan.base.quantisation}' if plan.base.quantisation else ''}"),
            _fact("sides", ", ".join(side.name for side in plan.sides)),
            _fact("data set", f"{plan.dataset}: {_counted(len(grid.prompts) if grid else 0, 'prompt')}, {_counted(len(grid.cases) if grid else 0, 'case')}"),
            _fact("instructions", ", ".join(plan.types)),
            _fact("other groups", ", ".join(group.name for group in plan.groups if group.name != GRID) or "none"),
            _fact("sampling", f"temperature {plan.asking.sampling.temperature:g}, {plan.asking.sampling.max_new_tokens} new tokens, {plan.asking.mode.value}"),
        ]  # fmt: skip
        if run.id in self.desk.judged:
            lines.append(_fact("judged by", "; ".join(self.desk.judged[run.id])))
        if self.desk.running is not None and self.desk.running.id == run.id:
            lines += [Content(""), Content.styled("Finished last", "bold")]
            for key, answer in reversed(self.desk.latest):
                place = plan.places.get(key)
                head = f"{answer.side} · {place.wording.label}" if place else answer.side
                lines.append(
                    Content.assemble((f"{one_line(head, 40)}  ", "$text-secondary"), one_line(answer.text, 160))
                )
        elif run.id in self.desk.elsewhere:
            lines += [Content(""), Content("Another process answers it; it goes on without this console.")]
        elif done < run.cells:
            lines += [Content(""), help_content("{key:runs.resume} goes on with it.", self.keys)]
        else:
            lines += [Content(""), help_content("`Enter` measures it.", self.keys)]
        return Content("\n").join(lines)

    def on_resize(self, event: Resize) -> None:
        """Side by side, or one above the other."""
        self.set_class(event.size.width >= WIDE, "-wide")

    # keys -------------------------------------------------------------------------------------------

    def key_applies(self, action_id: str) -> bool:
        """Whether a key belongs in the footer now."""
        run, running = self.listing.current, self.desk.running is not None
        match action_id:
            case "runs.stop":
                return running
            case "runs.new":
                return not running
            case "runs.resume":
                return run is not None and not running and run.done < run.cells and run.id not in self.desk.elsewhere
            case "runs.report" | "runs.export":
                return run is not None and run.done > 0 and not running
        return True

    def action_back(self) -> None:
        """Back to the grid; a run under way goes on."""
        self.dismiss(None)

    def action_new(self) -> None:
        """Order a run and begin it."""
        self.ask(self._new)

    async def _new(self) -> None:
        from aligntui.tui.modals.run_dialog import RunDialog

        order = await self.app.push_screen_wait(RunDialog())
        if order is not None:
            run = await self.desk.begin(order)
            self.draw()
            self.listing.move_to(0)
            self.fill(run)

    def action_resume(self) -> None:
        """Go on with the run under the cursor."""
        run = self.listing.current
        if run is not None:
            self.fill(run)

    def fill(self, run: GenerationRun) -> None:
        """Answer what is not answered yet; not this screen's own work, so that it goes on when the screen is left."""
        self.show_note("", "")
        self.console.work_beside(self.desk.go_on(run), "run")

    def action_stop(self) -> None:
        """Stop the run under way."""
        if self.desk.running is not None:
            self.work_on(self._stop(), "stop")

    async def _stop(self) -> None:
        await self.desk.stop()
        self.say("Stopped; whole answers are kept. {key:runs.resume} goes on with the run.", severity="warning")

    @on(PagedList.Opened)
    def action_report(self) -> None:
        """Measure the run and read the report."""
        run = self.listing.current
        if run is not None:
            self.work_on(lambda: self._report(run), "measure")

    async def _report(self, run: GenerationRun) -> None:
        from aligntui.tui.modals.report_reader import ReportReader
        from aligntui.workbench.switching.report_document import report_document
        from aligntui.workbench.switching.report_files import DRAWN_FROM

        measured = await self._measure(run)
        self.app.push_screen(
            ReportReader(run.name, report_document(measured, drawn=self.size.width >= DRAWN_FROM + BOX_CELLS))
        )

    async def _measure(self, run: GenerationRun) -> Measured:
        if self._measuring:
            raise UserError("A run is being measured already.", "Wait for it.")
        self._measuring = run.id
        self.draw()
        try:
            return await self.desk.measure(run)
        finally:
            self._measuring = ""
            self.draw()

    def action_export(self) -> None:
        """Write the report with figures and tables."""
        run = self.listing.current
        if run is not None:
            self.work_on(lambda: self._export(run), "measure")

    async def _export(self, run: GenerationRun) -> None:
        import asyncio

        from aligntui.workbench.switching.report_files import write_report

        measured = await self._measure(run)
        folder = self.desk.workspace.exports / run.id
        paths = await asyncio.to_thread(write_report, measured, folder)
        self.say(f"{len(paths)} files written to {folder}.")


def _fact(name: str, text: str) -> Content:
    return Content.assemble((f"{name:<13}", MUTED), one_line(text, 300))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _minutes(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"
