"""Bring pairs in: name a file, look at what would come of it, import all of it or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Static

from aligntui.core.errors import AligntuiError
from aligntui.core.printable import printable
from aligntui.data.pair_import import AUTO, FIELDS, IMPORT_LAYOUTS, Preview, parse_mapping
from aligntui.tui.guarded import guarded
from aligntui.tui.modals.choice_field import ChoiceField
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.modals.readers import TextScroll
from aligntui.tui.modals.reading import Block, Paragraph, ReadingText
from aligntui.tui.turn_text import MUTED, packed
from aligntui.tui.widgets.lines import bar
from aligntui.tui.widgets.path_suggester import PathSuggester
from aligntui.tui.widgets.text_box import LineInput
from aligntui.workbench.aside import Aside, Stopped, in_thread
from aligntui.workbench.curation.importing import Imported, ImportWish, import_pairs, look

if TYPE_CHECKING:
    from aligntui.data.instruction_library import InstructionLibrary

TICK_S = 0.1
SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".pq")
_BEGIN = (
    "A file: JSON lines, JSON, CSV or Parquet, also with .gz behind it. Or a data set of the hub, by its name.\n\n"
    "Enter looks at its first records. Nothing is stored before Ctrl+S."
)


class ImportDialog(Dialog[Imported]):
    """What to import and how to read it; a preview; progress; what became of it.

    Args:
        database: of the workspace.
        library: instructions that texts are recognised from.
        model: whose tokenizer counts tokens, where it is on this machine.
    """

    HELP = (
        "**Import.** `Enter` looks at the first records and shows how they would be read: the layout and why it was taken, "
        "which column is which field, and every kind of record that cannot be read, with file, line and reason. `Ctrl+S` imports: "
        "all of it, or with “bad records: leave out” exactly the good ones, or nothing. Records that are in the database already are not added again, and "
        "pairs that you deleted stay deleted.\n\n"
        f"**Mapping.** `field=column`, several with commas: `prompt=question, chosen=good`. Fields: {', '.join(FIELDS)}. A path such as "
        "`conversations.0.value` goes into a column; `prompt=` leaves a field out."
    )
    HINT = "`↑` `↓` move · `→` completes · `Enter` looks · `Ctrl+S` imports · `Esc` closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Next", show=False, tooltip="Go to the next line."),
        Binding("up", "app.focus_previous", "Previous", show=False, tooltip="Go to the line before."),
        Binding("enter", "preview", "Preview", show=False, tooltip="Look at the first records."),
        Binding("ctrl+s", "import", "Import", priority=True, tooltip="Import what the file holds."),
        Binding("pagedown", "scroll(1)", "Page down", show=False, priority=True, tooltip="Read on in the preview."),
        Binding("pageup", "scroll(-1)", "Page up", show=False, priority=True, tooltip="Read back in the preview."),
        Binding("ctrl+c", "cancel", "Stop", show=False, tooltip="Stop the import; nothing of it enters."),
    ]
    CSS = """
    ImportDialog .dialog-box { height: 90%; }
    ImportDialog .line { height: auto; }
    ImportDialog .name { width: 13; }
    ImportDialog LineInput { width: 1fr; }
    ImportDialog Button { height: 1; min-width: 11; border: none; margin: 0 0 0 1; }
    ImportDialog TextScroll { height: 1fr; border-top: solid $surface-lighten-2; scrollbar-size-vertical: 1; }
    ImportDialog #progress { height: 1; display: none; }
    ImportDialog .dialog-hint { margin: 0; }
    """

    def __init__(self, database: Path, library: InstructionLibrary, model: str) -> None:
        super().__init__()
        self._database = database
        self._library = library
        self._model = model
        self._looked_at: ImportWish | None = None
        self._preview: Preview | None = None
        self._aside: Aside | None = None
        self._looking = False
        self._begun = 0.0
        self.imported: Imported | None = None
        """What the last import of this dialog did."""

    def compose(self) -> ComposeResult:
        """Where from and how; below, what would come of it."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = "Import pairs"
            with Horizontal(classes="line"):
                yield Static("file", classes="name", markup=False)
                field = LineInput(placeholder="pairs.jsonl, or a data set of the hub", id="source")
                field.suggester = PathSuggester(SUFFIXES)
                field.add_class("dialog-line")
                yield field
                yield (button := Button("Preview", id="look", compact=True))
                button.can_focus = False  # Enter does the same wherever the focus is
            with Horizontal(classes="line"):
                yield Static("layout", classes="name", markup=False)
                yield LayoutField((AUTO, *IMPORT_LAYOUTS), AUTO, id="layout")
            with Horizontal(classes="line"):
                yield Static("mapping", classes="name", markup=False)
                field = LineInput(placeholder="prompt=question, chosen=good", id="mapping")
                field.add_class("dialog-line")
                yield field
            with Horizontal(classes="line"):
                yield Static("bad records", classes="name", markup=False)
                yield ChoiceField(("refuse the file", "leave out"), "refuse the file", id="bad")
            with TextScroll(can_focus=False):
                yield ReadingText([Paragraph(Content.styled(_BEGIN, MUTED))])
            yield Static("", id="progress", markup=False)
            yield Static("", classes="dialog-error", markup=False)
            yield self.hint()

    def on_mount(self) -> None:
        """Begin at the file."""
        self.query_one("#source").focus()
        self.set_interval(TICK_S, self._tick)

    def on_unmount(self) -> None:
        """An import that is under way ends without a trace."""
        if self._aside is not None:
            self._aside.stop()

    # what is wished ---------------------------------------------------------------------------------

    def wish(self) -> ImportWish:
        """What the lines say.

        Raises:
            UserError: the mapping cannot be read.
        """
        source = self.query_one("#source", Input).value.strip()
        if len(source) > 1 and source[0] == source[-1] and source[0] in "'\"":
            source = source[1:-1]  # as a terminal pastes a file that was dropped on it
        pieces = (piece.strip() for piece in self.query_one("#mapping", Input).value.split(","))
        mapping = parse_mapping("=".join(part.strip() for part in piece.split("=", 1)) for piece in pieces if piece)
        return ImportWish(
            source=source,
            layout=self.query_one("#layout", ChoiceField).value,
            mapping=mapping,
            skip_bad=self.query_one("#bad", ChoiceField).value == "leave out",
        )

    def _read_wish(self) -> ImportWish | None:
        """The wish; a complaint and None where it cannot be read."""
        try:
            wish = self.wish()
        except AligntuiError as error:
            self.complain(str(error))
            self.query_one("#mapping").focus()
            return None
        if not wish.source:
            self.complain("Name a file or a data set first.")
            self.query_one("#source").focus()
            return None
        self.complain("")
        return wish

    # looking ----------------------------------------------------------------------------------------

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_preview()

    @on(Button.Pressed, "#look")
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_preview()

    def action_preview(self) -> None:
        """Look at the first records."""
        if self._aside is None and (wish := self._read_wish()) is not None:
            self._look(wish)

    @guarded("look", exclusive=True)
    async def _look(self, wish: ImportWish) -> None:
        self._looking, self._begun, self._preview = True, monotonic(), None
        try:
            self._preview = await in_thread(lambda: look(wish, 2))
            self._looked_at = wish
        except AligntuiError as error:
            self._show(_complaint(error))
            return
        finally:
            self._looking = False
        from aligntui.tui.import_text import preview_blocks

        self._show(preview_blocks(self._preview))

    def _show(self, blocks: Sequence[Block]) -> None:
        """Put a text into the scroll, at its beginning."""
        if self.is_attached:
            scroll = self.query_one(TextScroll)
            scroll.remove_children()
            scroll.mount(ReadingText(blocks))
            scroll.scroll_home(animate=False)

    def action_scroll(self, step: int) -> None:
        """Read on in the preview, or back."""
        scroll = self.query_one(TextScroll)
        scroll.scroll_relative(y=step * max(1, scroll.size.height - 1), animate=False)

    # importing --------------------------------------------------------------------------------------

    def action_import(self) -> None:
        """Import what the file holds."""
        if self._aside is None and (wish := self._read_wish()) is not None:
            self.workers.cancel_group(self, "look")
            self._looking = False
            self._aside, self._begun = Aside(self._database), monotonic()
            if self._preview is not None and self._preview.whole and self._same(wish):
                self._aside.total = self._preview.looked_at
            self.imported = None
            self.say_keys("`Esc` stops it; nothing enters")
            self._import(wish, self._aside)

    def _same(self, wish: ImportWish) -> bool:
        """Whether the preview is one of this wish."""
        return self._looked_at is not None and replace(self._looked_at, skip_bad=wish.skip_bad) == wish

    @guarded("import", exclusive=True)
    async def _import(self, wish: ImportWish, aside: Aside) -> None:
        from aligntui.workbench.curation.tokens import counter_for

        try:
            done = await aside.run(
                lambda store: import_pairs(store, wish, self._library, counter_for(self._model), aside.advance)
            )
        except Stopped:
            self._show([Paragraph(Content.styled("■ Stopped: nothing was imported.", "bold $text-warning"))])
        except AligntuiError as error:
            self._show(_complaint(error))
        else:
            from aligntui.tui.import_text import outcome_blocks

            self.imported = done
            self._show(outcome_blocks(done))
        finally:
            self._aside = None
            if self.is_attached:
                self.say_keys(self.HINT)
                self._tick()

    def action_cancel(self) -> None:
        """Stop the import that is under way; else close, with what was imported."""
        if self._aside is not None:
            self._aside.stop()
        else:
            self.dismiss(self.imported)

    def _tick(self) -> None:
        line = self.query_one("#progress", Static)
        line.display = self._aside is not None or self._looking
        if self._aside is not None:
            line.update(self._progress(self._aside))
        elif self._looking:
            line.update(
                Content.styled(f"◌ looking at the first records … {monotonic() - self._begun:.0f} s", "$text-warning")
            )

    def _progress(self, aside: Aside) -> Content:
        if aside.stopping:
            return Content.styled("◌ stopping; nothing will have entered …", "$text-warning")
        read = f"{aside.done:,} of {aside.total:,}" if aside.total else f"{aside.done:,}"
        return Content.assemble(
            (f"◌ importing: {read} records read ", "$text-warning"),
            bar(aside.done, aside.total),
            (f" {monotonic() - self._begun:.0f} s", MUTED),
        )


class LayoutField(ChoiceField):
    """A choice of more values than a narrow line holds: it breaks between two of them, never behind a mark."""

    def render(self) -> Content:
        """Every value, each whole."""
        return packed(super().render().split(" " * self.GAP), self.content_size.width, " " * self.GAP)


def _complaint(error: AligntuiError) -> list[Block]:
    """What is wrong and what to do, with the names that things have in this dialog."""
    hint = error.hint.replace("leave them out with --skip-bad", "choose “leave out” for bad records")
    blocks: list[Block] = [Paragraph(Content.styled(f"✖ {printable(error.message)}", "$text-error"))]
    return [*blocks, Paragraph(Content(printable(hint)))] if hint else blocks
