"""A list of any number of rows, of which only those near the screen are in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from aligntui.tui.bindings import bindings
from aligntui.tui.guarded import GuardedScreen

Row = TypeVar("Row")

PAGE = 100
"""Rows fetched at a time."""
KEPT = 12
"""Pages that stay in memory."""


class PagedList(ScrollView, Generic[Row], can_focus=True):
    """One line for each row; rows come from `fetch` when they are about to be seen.

    Args:
        fetch: rows from an index on, at most so many; awaited, never on the way of a key.
        draw: one row as a line of a given width; the second flag says whether the list has the focus.
        empty: what stands there when there is no row.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("list"),
        Binding("down", "cursor_down", show=False),
        Binding("up", "cursor_up", show=False),
        Binding("home", "first", show=False),
        Binding("end", "last", show=False),
        Binding("enter", "select", "Open", show=False, tooltip="Open the row under the cursor."),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"paged-list--row", "paged-list--cursor"}
    DEFAULT_CSS = """
    PagedList { background: $surface; text-wrap: nowrap; text-overflow: ellipsis; scrollbar-size-vertical: 1; overflow-x: hidden; overflow-y: auto; }
    PagedList > .paged-list--row { background: $surface; color: $foreground; }
    PagedList > .paged-list--cursor { background: $primary-muted; color: $foreground; }
    PagedList:focus > .paged-list--cursor { text-style: bold; }
    """

    class Moved(Message):
        """The cursor stands on another row, or its row has come in."""

    class Opened(Message):
        """Enter, or a click on the row under the cursor."""

    def __init__(
        self,
        fetch: Callable[[int, int], Awaitable[Sequence[Row]]],
        draw: Callable[[Row, int], Content],
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._fetch = fetch
        self._draw = draw
        self._pages: dict[int, Sequence[Row]] = {}
        self._asked: set[int] = set()
        self._generation = 0
        self.total = 0
        """Rows that there are, as far as is known."""
        self.cursor = 0
        """Index of the row that keys act on."""

    # rows -------------------------------------------------------------------------------------------

    def reset(self, total: int, first_page: Sequence[Row] = (), *, keep_cursor: bool = False) -> None:
        """Show other rows.

        Args:
            total: how many there are.
            first_page: the first `PAGE` of them, where they are known already.
            keep_cursor: stay at the same index instead of going to the top.
        """
        self._generation += 1
        self._pages = {0: first_page} if first_page else {}
        self._asked = set()
        self.total = total
        self.cursor = min(self.cursor, max(0, total - 1)) if keep_cursor else 0
        self._resize_virtual()
        if not keep_cursor:
            self.scroll_to(y=0, animate=False)
        self.refresh()
        self.post_message(self.Moved())

    def set_total(self, total: int) -> None:
        """More is known of how many rows there are."""
        self.total = total
        self.cursor = min(self.cursor, max(0, total - 1))
        self._resize_virtual()
        self.refresh()

    def row_at(self, index: int) -> Row | None:
        """A row; None where it is not in memory."""
        page = self._pages.get(index // PAGE)
        offset = index % PAGE
        return page[offset] if page is not None and offset < len(page) else None

    @property
    def current(self) -> Row | None:
        """The row under the cursor; None where there is none or it has not come in."""
        return self.row_at(self.cursor)

    def _resize_virtual(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, self.total)

    def _need(self, number: int) -> None:
        if number in self._asked or number in self._pages:
            return
        self._asked.add(number)
        generation, screen = self._generation, self.screen
        # a database that cannot be read is said by the screen; a worker of the list's own would end the console
        assert isinstance(screen, GuardedScreen), "a list stands on a screen of ours"
        screen.work_on(lambda: self._load(number, generation), "rows")

    async def _load(self, number: int, generation: int) -> None:
        rows = await self._fetch(number * PAGE, PAGE)  # where it fails the page is not asked again until the next reset
        if generation != self._generation:
            return
        self._pages[number] = rows
        self._asked.discard(number)
        near = self.cursor // PAGE
        while len(self._pages) > KEPT:
            del self._pages[max(self._pages, key=lambda page: abs(page - near))]
        self.refresh()
        if number == near:
            self.post_message(self.Moved())

    # drawing ----------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Fit the new width."""
        self._resize_virtual()

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.scrollable_content_region.width
        index = self.scroll_offset.y + y
        plain = self.get_visual_style("paged-list--row")
        if index >= self.total or width <= 0:
            return Strip.blank(width, plain.rich_style)
        row = self.row_at(index)
        if row is None:
            self._need(index // PAGE)
            return Visual.to_strips(self, Content("…"), width, 1, plain)[0].extend_cell_length(width, plain.rich_style)
        style = self.get_visual_style("paged-list--row", "paged-list--cursor") if index == self.cursor else plain
        strips = Visual.to_strips(self, self._draw(row, width), width, 1, style)
        strip = strips[0].crop_extend(0, width, style.rich_style)
        # without colour the cursor's row is reversed, which CSS cannot say of a part of a widget
        return strip.apply_style(Style(reverse=True)) if index == self.cursor and self.app.no_color else strip

    # moving -----------------------------------------------------------------------------------------

    def move_to(self, index: int) -> None:
        """Put the cursor on a row and bring it into view."""
        index = max(0, min(index, self.total - 1))
        if self.total == 0:
            return
        before, self.cursor = self.cursor, index
        self.scroll_to_region(Region(0, index, 1, 1), animate=False, force=True)
        if before != index:
            self.refresh()
            if self.row_at(index) is None:
                self._need(index // PAGE)
            self.post_message(self.Moved())

    def action_cursor_down(self) -> None:
        """Next row."""
        self.move_to(self.cursor + 1)

    def action_cursor_up(self) -> None:
        """Row before."""
        self.move_to(self.cursor - 1)

    def action_page_down(self) -> None:
        """A screenful on."""
        self.move_to(self.cursor + max(1, self.size.height - 1))

    def action_page_up(self) -> None:
        """A screenful back."""
        self.move_to(self.cursor - max(1, self.size.height - 1))

    def action_first(self) -> None:
        """First row."""
        self.move_to(0)

    def action_last(self) -> None:
        """Last row."""
        self.move_to(self.total - 1)

    def action_select(self) -> None:
        """Open the row."""
        if self.total:
            self.post_message(self.Opened())

    def on_click(self, event: Click) -> None:
        """Go to the row that was clicked; open it when it is the one already."""
        index = self.scroll_offset.y + event.y
        if index < self.total:
            if index == self.cursor:
                self.post_message(self.Opened())
            self.move_to(index)
