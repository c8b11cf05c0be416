"""What the feeds of recorded orders share: files in memory, flow in chunks, books of plain Python.

A recording that names its orders says what the book is: the orders that are left. A truth made of
that (`book_row`) is a second implementation of the format, not something that the file contains; so
it takes nothing from the flow, and sums up the orders anew for every row.
"""

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from hft.core.messages import SOURCE_SHIFT, Side
from hft.errors import FeedError
from hft.feeds.base import Commands, Feed

__all__ = ["ORDER_ID_MAX", "RecordedFeed", "book_row", "read_recording"]

CHUNK_COMMANDS = 4096
BUY = int(Side.BUY)  # looking it up in the enumeration takes longer than the rest of the loop
ORDER_ID_MAX = 2**SOURCE_SHIFT - 1
NO_LEVEL = (9_999_999_999, 0, -9_999_999_999, 0)
MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


class RecordedFeed(Feed):
    """A feed whose flow is decoded, as a whole, when it is made."""

    commands: Commands

    def chunks(self) -> Iterator[Commands]:
        for start in range(0, len(self.commands), CHUNK_COMMANDS):
            yield self.commands[start : start + CHUNK_COMMANDS].copy()


def read_recording(path: Path) -> bytes:
    """The content of a file that is plain, gzip or zstd, told by how it begins."""
    try:
        stored = path.read_bytes()
    except OSError as error:
        raise FeedError(f"can't be read: {error.strerror or error}", file=path) from None
    codec = next((name for magic, name in MAGIC.items() if stored.startswith(magic)), None)
    content = stored
    if codec is not None:
        try:
            with pa.CompressedInputStream(pa.BufferReader(stored), codec) as stream:
                content = stream.read()
        except (OSError, EOFError, zlib.error) as error:
            problem = f"is a damaged or cut-off {codec} file: {' '.join(str(error).split())}"
            raise FeedError(problem, file=path) from None
    if not content:
        raise FeedError("must not be empty", file=path)
    return content


def book_row(orders: Iterable[tuple[int, int, int]], levels: int) -> list[int]:
    """A row of a BookTruth, flat, given side, price in ticks and lots of each order."""
    asks: dict[int, int] = {}
    bids: dict[int, int] = {}
    for side, price_ticks, lots in orders:
        level = bids if side == BUY else asks
        level[price_ticks] = level.get(price_ticks, 0) + lots
    row = list(NO_LEVEL) * levels
    for column, best in (0, sorted(asks.items())), (2, sorted(bids.items(), reverse=True)):
        end = 4 * min(levels, len(best))
        row[column:end:4] = [price_ticks for price_ticks, _ in best[:levels]]
        row[column + 1 : end : 4] = [lots for _, lots in best[:levels]]
    return row
