"""The lint screen without its keys: rules, findings and texts, and a run with its progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import DescendantFocus, Resize, ScreenResume
from textual.widgets import Static
from textual.worker import Worker

from aligntui.core.errors import AligntuiError
from aligntui.data.lint import Finding, Waiver
from aligntui.tui.guarded import GuardedScreen, guarded
from aligntui.tui.help_text import said
from aligntui.tui.lint_text import (
    SHOWN_PAIRS,
    drift_text,
    finding_content,
    finding_line,
    progress,
    rule_content,
    standing_text,
    summary,
    tally_head,
    tally_line,
)
from aligntui.tui.widgets.lines import KeyBar
from aligntui.tui.widgets.paged_list import PAGE, PagedList
from aligntui.workbench.aside import Aside, Stopped
from aligntui.workbench.curation.browser import counted
from aligntui.workbench.curation.lint_desk import LintDesk, Standing, Tally

if TYPE_CHECKING:
    from aligntui.store import PairDetail

WIDE = 110
"""From this many cells on rules, findings and texts stand on the screen together."""
TICK_S = 0.1
READ_PAIRS = 40
"""Pairs of a finding that are read at once in full."""


@dataclass(frozen=True)
class Looked:
    """Pairs to list on the pairs screen."""

    what: str
    """What was found in them, in a few words."""
    pair_ids: tuple[str, ...]


Row = tuple[Finding, Standing, Waiver | None]


class RuleList(PagedList[Tally]):
    """The rules."""

    class Moved(PagedList.Moved):
        """The cursor stands on another rule."""


class FindingList(PagedList[Row]):
    """The findings of a rule."""

    class Moved(PagedList.Moved):
        """The cursor stands on another finding."""


class LintBoard(GuardedScreen["Looked | None"]):
    """The findings of a workspace, and the run that finds them.

    Args:
        desk: the run so far, kept while the screen is left.
        annotator: who fixes and waives.
    """

    CSS = """
    LintScreen #title { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    LintScreen #work { height: 1fr; }
    LintScreen #left { width: 1fr; height: 1fr; }
    LintScreen #right { width: 1fr; height: 1fr; }
    LintScreen .head { height: 1; padding: 0; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    LintScreen #right .head { background: $surface; padding: 0 1; }
    LintScreen PagedList { background: $background; }
    LintScreen #findings { height: 2fr; max-height: 14; }
    LintScreen #detail { height: 3fr; padding: 0 1; scrollbar-size-vertical: 1; border-top: solid $surface-lighten-2; }
    LintScreen #detail:focus { border-top: solid $primary; }
    LintScreen #right { display: none; }
    LintScreen.-findings #left { display: none; }
    LintScreen.-findings #right { display: block; }
    LintScreen.-wide #left { display: block; width: 54; }
    LintScreen.-wide #right { display: block; border-left: tall $surface-lighten-1; }
    LintScreen #rule { height: auto; max-height: 9; padding: 0 1; border-top: solid $surface-lighten-2; }
    LintScreen #rule:focus { border-top: solid $primary; }
    LintScreen.-wide #rule { display: none; }
    LintScreen #empty { height: 1fr; padding: 1 2; color: $text-muted; display: none; }
    """

    def __init__(self, desk: LintDesk, annotator: str) -> None:
        super().__init__()
        self.desk = desk
        self._annotator = annotator
        self._tallies: list[Tally] = []
        self._rows: list[Row] = []
        self._details: list[PairDetail] = []
        self._aside: Aside | None = None
        self._worker: Worker[None] | None = None
        self._begun = 0.0
        self._problem = ""

    def compose(self) -> ComposeResult:
        """Title, rules, findings, texts, note, keys."""
        yield Static("Lint", id="title", markup=False)
        with Horizontal(id="work"):
            with Vertical(id="left"):
                yield Static("", classes="head", id="rules-head", markup=False)
                yield RuleList(self._some_tallies, self._tally_line, id="rules")
                with VerticalScroll(id="rule"):
                    yield Static("", id="rule-text", markup=False)
            with Vertical(id="right"):
                yield Static("", classes="head", id="findings-head", markup=False)
                yield FindingList(self._some_rows, self._finding_line, id="findings")
                with VerticalScroll(id="detail"):
                    yield Static("", id="text", markup=False)
        yield Static("", id="empty", markup=False)
        yield Static("", id="note", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Show the last run, else begin one."""
        self.set_interval(TICK_S, self._tick)
        if self.desk.run is None:
            self.action_run_again()
        else:
            self._draw_all()

    def on_unmount(self) -> None:
        """Nobody waits for a run that is under way."""
        if self._aside is not None:
            self._aside.stop()

    @on(ScreenResume)
    def _look_for_changes(self) -> None:
        if self.desk.run is not None and not self.running:
            self.work_on(self._compare())

    async def _compare(self) -> None:
        before = self.desk.drift
        if await self.desk.compare() != before:
            self._draw_all()

    # rows -------------------------------------------------------------------------------------------

    @property
    def rules(self) -> RuleList:
        """The rules."""
        return self.query_one(RuleList)

    @property
    def findings(self) -> FindingList:
        """The findings of the rule under the cursor."""
        return self.query_one(FindingList)

    @property
    def on_rules(self) -> bool:
        """Whether the focus is among the rules, not among findings."""
        return self.focused is None or any(node.id == "left" for node in self.focused.ancestors)

    async def _some_tallies(self, offset: int, limit: int) -> Sequence[Tally]:
        return self._tallies[offset : offset + limit]

    async def _some_rows(self, offset: int, limit: int) -> Sequence[Row]:
        return self._rows[offset : offset + limit]

    def _tally_line(self, tally: Tally, width: int) -> Content:
        return tally_line(tally, self.desk.run.report.pairs if self.desk.run else 0, width)

    def _finding_line(self, row: Row, width: int) -> Content:
        tally = self.rules.current
        finding, standing, _ = row
        return finding_line(finding, standing, width, named=bool(tally and tally.topic.subject))

    # running ----------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self._aside is not None

    def action_run_again(self) -> None:
        """Look at all pairs."""
        if self.running:
            self.say("A run is under way already.", severity="warning")
            return
        self._aside, self._begun, self._problem = Aside(self.desk.store.path), monotonic(), ""
        self._worker = self._look(self._aside)
        self._draw_all()

    def action_stop(self) -> None:
        """Stop the run."""
        if self._aside is not None and self._worker is not None:
            self._aside.stop()
            self._worker.cancel()  # the thread ends when it comes to it; what it finds is dropped
            self._aside = self._worker = None
            self.say("Stopped; {key:lint.run} looks again.", severity="warning")
            self._draw_all()

    @guarded("lint", exclusive=True)
    async def _look(self, aside: Aside) -> None:
        try:
            run = await self.desk.look(aside)
        except Stopped:
            return
        except AligntuiError as error:
            self._problem = str(error)
            self.say(error.message, error.hint, "error")
        else:
            open_ = len(run.open)
            self.say(
                f"{counted(run.report.pairs)} read in {monotonic() - self._begun:.1f} s: "
                f"{open_:,} open finding{'s' * (open_ != 1)}, {len(run.parted.waived):,} waived."
            )
        finally:
            if self._aside is aside:
                self._aside = self._worker = None
        self._draw_all()

    def _tick(self) -> None:
        if self.running:
            self._draw_title()
            if self.desk.run is None:
                self.query_one("#empty", Static).update(self._progressed())

    def _progressed(self) -> Content:
        return progress(self._aside.done, self._aside.total) if self._aside else Content("")

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to show yet."""
        return self.desk.run is None or self.desk.run.report.pairs == 0

    # drawing ----------------------------------------------------------------------------------------

    def _draw_all(self) -> None:
        """Everything, the cursors where they were."""
        if not self.is_attached:
            return
        nothing = self.nothing
        self.query_one("#work").display = not nothing
        empty = self.query_one("#empty", Static)
        empty.display = nothing
        if nothing:
            empty.update(self._progressed() if self.running else self._empty_text())
        topic = self.rules.current.topic if self.rules.current else None
        self._tallies = self.desk.tallies()
        self._draw_title()
        self.rules.reset(len(self._tallies), self._tallies[:PAGE], keep_cursor=True)
        place = next((n for n, tally in enumerate(self._tallies) if tally.topic == topic), None)
        if place is not None:
            self.rules.move_to(place)
        self._fill_findings(keep_cursor=True)
        if nothing is False and self.focused is None:
            self.rules.focus()
        self.query_one(KeyBar).draw()

    def _empty_text(self) -> Content:
        if self._problem:
            return Content.assemble(
                ("✖ The pairs could not be looked at.\n\n", "bold $text-error"),
                self._problem,
                said("\n\n{key:lint.run} tries again.", self.keys),
            )
        if self.desk.run is None:
            return Content(said("The run was stopped. {key:lint.run} looks at all pairs.", self.keys))
        return Content(
            "No pair to look at.\n\nJudge two answers in the chat, or bring pairs in from a file; "
            + said("{key:pairs.import} on the pairs screen imports one.", self.keys)
        )

    def _draw_title(self) -> None:
        parts = [Content.styled("Lint", "bold")]
        if self.running:
            parts.append(self._progressed())
        if self.desk.run is not None:
            stale = said(drift_text(self.desk.drift), self.keys)
            parts += [Content.styled(stale, "bold $text-warning")] if stale else []
            parts += summary(self.desk.run.report.pairs, self._tallies)
        self.query_one("#title", Static).update(Content(" · ").join(parts))

    @on(RuleList.Moved)
    def _rule_moved(self) -> None:
        self._fill_findings()

    def _fill_findings(self, *, keep_cursor: bool = False) -> None:
        tally = self.rules.current
        self._rows = self.desk.of(tally.topic) if tally else []
        self.findings.reset(len(self._rows), self._rows[:PAGE], keep_cursor=keep_cursor)
        name = (
            Content("findings") if tally is None else Content.assemble((tally.topic.name, "bold"), standing_text(tally))
        )
        self.query_one("#findings-head", Static).update(name)
        self._draw_detail()

    @on(FindingList.Moved)
    @on(DescendantFocus)
    def _finding_moved(self) -> None:
        self._draw_detail()
        self.query_one(KeyBar).draw()

    def _draw_detail(self) -> None:
        """The rule while the cursor is among the rules, else the finding, then its pairs when they have come in."""
        tally, run = self.rules.current, self.desk.run
        if tally is None or run is None:
            return
        report = run.report
        detail = self.query_one("#detail", VerticalScroll)
        coverage, figures = report.coverage[tally.topic.rule], report.statistics.get(tally.topic.rule, {})
        narrow = max(30, self.size.width - 4)
        self.query_one("#rule-text", Static).update(rule_content(tally, coverage, figures, narrow))
        self.query_one("#rules-head", Static).update(tally_head(self.rules.scrollable_content_region.width))
        width = max(30, detail.scrollable_content_region.width - 1)
        row = self.findings.current
        if self.on_rules or row is None:
            self.query_one("#text", Static).update(rule_content(tally, coverage, figures, width))
        else:
            self.query_one("#text", Static).update(finding_content(*row, [], width))
            self._read_details(row, width)
        detail.scroll_home(animate=False)

    @guarded("detail", exclusive=True)
    async def _read_details(self, row: Row, width: int) -> None:
        ids = row[0].pair_ids[:SHOWN_PAIRS]
        details = await self._pairs(ids)
        if self.findings.current is row:
            self.query_one("#text", Static).update(finding_content(*row, details, width))

    async def _pairs(self, ids: Sequence[str]) -> list[PairDetail]:
        return await self.desk.store.run(lambda store: [store.pair_detail(one) for one in ids])

    def on_resize(self, event: Resize) -> None:
        """All at once, or rules and findings one at a time."""
        self.set_class(event.size.width >= WIDE, "-wide")
        self.call_after_refresh(self._draw_detail)
