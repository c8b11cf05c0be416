"""A table of short cells for a screen that is drawn again and again.

rich's own tables wrap, pad and measure each cell several times over; in these a cell is one line,
so that drawing takes a fraction of the time.
"""

from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment

__all__ = ["Cell", "Gauge", "Rows"]

BLOCKS = " ▏▎▍▌▋▊▉█"
FIRST_CHARS_MIN = 6  # narrower than that the first column isn't cut


class Cell(NamedTuple):
    """Text in a style of its own."""

    text: str
    style: str = ""


class Gauge(NamedTuple):
    """A bar over a share, 0 to 1, of what is left of the width."""

    share: float
    style: str = ""

    def drawn(self, width: int) -> str:
        eighths = round(max(0.0, min(1.0, self.share)) * width * 8)
        whole, part = divmod(eighths, 8)
        return ("█" * whole + BLOCKS[part])[:width].ljust(width)


class Rows:
    """Rows over the whole width, columns at least a space apart.

    Args:
        header_style: of the first row; "" if the headers are not to be shown.
        headers: '<' text, '>' numbers, '=' a Gauge.
    """

    def __init__(self, header_style: str, *headers: str) -> None:
        self.aligns = [header[:1] for header in headers]
        self.rows: list[list[Cell | Gauge]] = []
        self.row_count = 0
        if header_style:
            self.rows.append([Cell(header[1:], header_style) for header in headers])

    def add_row(self, *cells: str | Cell | Gauge, style: str = "") -> None:
        self.rows.append([Cell(cell, style) if isinstance(cell, str) else cell for cell in cells])
        self.row_count += 1

    def widths(self, width: int) -> list[int]:
        """Of the columns, with the space before each but the first."""
        found = [
            max((cell_len(cell.text) for cell in column if isinstance(cell, Cell)), default=0)
            + (place > 0)
            for place, column in enumerate(zip(*self.rows, strict=True))
        ]
        spare = width - sum(found)
        if "=" in self.aligns:
            found[self.aligns.index("=")] += max(0, spare)
        elif spare < 0:
            found[0] = max(min(found[0], FIRST_CHARS_MIN), found[0] + spare)
        elif len(found) > 1:
            share, more = divmod(spare, len(found) - 1)
            found = [
                size + (share + (place <= more)) * (place > 0) for place, size in enumerate(found)
            ]
        return found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = self.widths(options.max_width) if self.rows else []
        for row in self.rows:
            for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
                text = (
                    " " + cell.drawn(width - 1)
                    if isinstance(cell, Gauge)
                    else aligned(cell.text, width, self.aligns[place], first=place == 0)
                )
                yield Segment(text, console.get_style(cell.style) if cell.style else None)
            yield Segment.line()


def aligned(text: str, width: int, align: str, *, first: bool) -> str:
    """A cell's text in its column's width, cut with an ellipsis if it has to be."""
    room = width if first else width - 1
    size = cell_len(text)
    if size > room:
        text = set_cell_size(text, max(0, room - 1)) + "…"[:room]
        size = room
    text = " " * (room - size) + text if align == ">" else text + " " * (room - size)
    return text if first else f" {text}"
