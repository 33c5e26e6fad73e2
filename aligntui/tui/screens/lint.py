"""Lint: what is wrong with the pairs, rule by rule; fix it, or let it stand with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content

from aligntui.core.errors import AligntuiError, UserError
from aligntui.core.printable import one_line
from aligntui.data.lint import Finding, Fix
from aligntui.tui.bindings import bindings
from aligntui.tui.help_text import said
from aligntui.tui.screens.lint_board import LintBoard, Looked, Row
from aligntui.tui.turn_text import MUTED
from aligntui.tui.widgets.paged_list import PagedList
from aligntui.workbench.curation.browser import counted
from aligntui.workbench.curation.lint_desk import Standing

READ_PAIRS = 40
"""Pairs of a finding that are read at once in full."""


class LintScreen(LintBoard):
    """What a person does with the findings."""

    HELP = (
        "**Lint.** Every rule with its open findings, the worst first: ✖ error, ▲ warning, ◦ notice, ? could not be checked, ○ all "
        "waived, ✓ clean; the bar is the share of pairs concerned. `Enter` goes to the findings of a rule, there to the pairs of one; the number before a finding is that of its pairs. "
        "{key:lint.fix} deletes what the fix ✂ names, after asking, and {key:lint.undo} brings it back; {key:lint.waive} lets a "
        "finding stand with a reason, on the rules all of its kind. What was found holds for the pairs of the run: the line on top "
        "says when there are others since, and {key:lint.run} looks again."
    )
    AUTO_FOCUS = "#rules"
    BINDINGS: ClassVar[list[BindingType]] = bindings("lint")

    # keys -------------------------------------------------------------------------------------------

    def key_applies(self, action_id: str) -> bool:
        """Whether a key belongs in the footer now."""
        match action_id:
            case "lint.stop":
                return self.running
            case "lint.run":
                return not self.running
            case "lint.fix":
                return bool(self._rows) and not self.on_rules
            case "lint.open" | "lint.waive" | "lint.fix_rule" | "lint.table":
                return not self.nothing
            case "lint.undo" | "lint.waivers":
                return self.desk.run is not None
        return True

    def _current(self) -> Row | None:
        return None if self.on_rules else self.findings.current

    def action_back(self) -> None:
        """From the findings to the rules, from there to the pairs."""
        if self._tallies and not self.on_rules:
            self.remove_class("-findings")
            self.rules.focus()
        else:
            self.dismiss(None)

    @on(PagedList.Opened)
    def action_open(self) -> None:
        """Go to the findings of the rule, or read the pairs of the finding."""
        row = self._current()
        if row is not None:
            self.ask(lambda: self._read(row))
        elif self._rows:
            self.add_class("-findings")
            self.findings.focus()
        elif self.rules.current is not None:
            if self.rules.current.unchecked:
                self.say("This rule could check no pair.", "{key:lint.settings} gives it what it needs.", "warning")
            else:
                self.say("Nothing was found here.")

    async def _read(self, row: Row) -> None:
        from aligntui.tui.modals.readers import Reader
        from aligntui.tui.modals.reading import Paragraph
        from aligntui.tui.pair_text import detail_content

        ids = row[0].pair_ids
        if not ids:
            raise UserError("This finding is about the set as a whole; it names no pair.")
        width = min(106, max(30, round(self.size.width * 0.9) - 6))
        details = await self._pairs(ids[:READ_PAIRS])
        blocks = [
            Paragraph(
                Content.assemble(
                    (f"{number} of {len(ids):,} · {detail.pair.id}\n", "bold $text-accent"),
                    detail_content(detail, width, diff=True),
                )
            )
            for number, detail in enumerate(details, 1)
        ]
        if len(ids) > READ_PAIRS:
            blocks.append(Paragraph(Content.styled(f"… and {counted(len(ids) - READ_PAIRS)} more", MUTED)))
        await self.app.push_screen_wait(Reader(one_line(row[0].message, 90), blocks))

    def action_table(self) -> None:
        """List the pairs of the finding, on the rules of all its open findings, in the table."""
        row, tally = self._current(), self.rules.current
        if row is not None:
            found, what = [row[0]], f"{row[0].rule}: {row[0].message}"
        elif tally is not None:
            found, what = (
                [finding for finding, standing, _ in self._rows if standing is Standing.OPEN],
                tally.topic.name,
            )
        else:
            return
        ids = tuple(dict.fromkeys(pair for finding in found for pair in finding.pair_ids))
        if ids:
            self.dismiss(Looked(what, ids))
        else:
            self.say("No open finding here names a pair.")

    def action_settings(self) -> None:
        """Say how closely to look, and look again."""
        self.ask(self._settings)

    async def _settings(self) -> None:
        from aligntui.tui.modals.lint_settings import LintSettings

        wish = await self.app.push_screen_wait(LintSettings(self.desk.wish))
        if wish is not None:
            self.desk.wish, self.desk.model = wish, self.console.bench.settings.model
            self.action_stop()
            self.action_run_again()

    # changes ----------------------------------------------------------------------------------------

    def action_fix(self) -> None:
        """Fix the finding under the cursor."""
        row = self._current()
        if row is None:
            self.say("{key:lint.open} goes to the findings; {key:lint.fix_rule} fixes them all.")
        else:
            found = [row[0]]
            self.ask(lambda: self._fix(found, "Fix this finding"))

    def action_fix_rule(self) -> None:
        """Fix every open finding of the rule or pattern."""
        tally = self.rules.current
        if tally is not None:
            found = [finding for finding, standing, _ in self._rows if standing is Standing.OPEN]
            title = f"Fix all of {one_line(tally.topic.name, 50)}"
            self.ask(lambda: self._fix(found, title))

    async def _fix(self, findings: Sequence[Finding], title: str) -> None:
        from aligntui.tui.modals.lint_dialogs import FixDialog

        plan = await self.desk.plan(findings)
        count = self.desk.leaves_out(plan)
        total = len(self.desk.seen) - self.desk.drift.gone
        lines = [
            Content.assemble(("✂ ", "bold $text-warning"), (f"{counted(count)} will be deleted", "bold"), f", {total - count:,} of {total:,} stay."),
            Content.styled(f"{len(findings) - len(plan.unfixed):,} of {len(findings):,} findings are fixed by it.", MUTED),
            Content.styled(said("Nothing is erased: {key:lint.undo} brings them back.", self.keys), MUTED),
        ]  # fmt: skip
        if any(finding.fix is Fix.DROP_ALL_BUT_FIRST for finding in findings):
            lines.insert(1, Content.styled("Of pairs that are the same, the first stays.", MUTED))
        if await self.app.push_screen_wait(FixDialog(title, lines)):
            done = await self.desk.fix(plan, self._annotator)
            self._draw_all()
            self.say(f"{counted(done)} deleted; {{key:lint.undo}} brings them back.")

    def action_undo(self) -> None:
        """Bring back what the last fix deleted."""

        async def undo() -> None:
            done = await self.desk.undo(self._annotator)
            self._draw_all()
            self.say(f"{done}.")

        self.act(undo)

    def action_waive(self) -> None:
        """Let the finding, or on the rules all of the kind, stand."""
        row, tally = self._current(), self.rules.current
        if row is not None:
            if row[1] is Standing.WAIVED:
                self.say("It is waived already; {key:lint.waivers} withdraws it.", severity="warning")
                return
            key, shown = row[0].key, f"{row[0].rule}: {one_line(row[0].message, 200)}"
            self.ask(lambda: self._waive(key, shown))
        elif tally is not None:
            what = f"Everything that {tally.topic.name} finds, today and later ({tally.open:,} open now)."
            name = tally.topic.name
            self.ask(lambda: self._waive(name, what))

    async def _waive(self, what: str, shown: str) -> None:
        from aligntui.tui.modals.lint_dialogs import WaiveDialog

        reason, problem = "", ""
        while True:
            given = await self.app.push_screen_wait(WaiveDialog(shown, reason, problem))
            if given is None:
                return
            try:
                await self.desk.waive(what, given, self._annotator)
                break
            except AligntuiError as error:
                reason, problem = given, str(error)
        self._draw_all()
        self.say("Waived; {key:lint.waivers} lists and withdraws waivers.")

    def action_waivers(self) -> None:
        """List and withdraw waivers."""
        self.ask(self._waivers)

    async def _waivers(self) -> None:
        from aligntui.tui.modals.lint_dialogs import WaiverList

        run = self.desk.run
        stale = frozenset((one.rule, one.key) for one in run.parted.stale) if run else frozenset[tuple[str, str]]()
        chosen = await self.app.push_screen_wait(WaiverList(self.desk.waivers, stale))
        if chosen is not None:
            await self.desk.withdraw(chosen)
            self._draw_all()
            self.say("Withdrawn: what it covered counts again.")
