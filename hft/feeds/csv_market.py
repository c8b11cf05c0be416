"""What the feeds of CSV files share: instruments, times and grids, found in a first pass.

The first pass reads the whole file, a block at a time, and checks every row. It finds the
instruments, in order of appearance, and their grids where the configuration gives none. Each
reading of the flow is one more pass; so the file may be larger than the memory.
"""

import difflib
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, NoReturn

import numpy as np
import pyarrow as pa

from hft.config import InstrumentConfig
from hft.core.control import INSTRUMENTS_MAX
from hft.errors import FeedError, InstrumentError
from hft.feeds.base import Commands, Feed, FeedOptions, Int64s
from hft.feeds.csv_fields import DECIMALS_MAX, Clock, Grid, Misfit, number_of, trimmed
from hft.feeds.csv_file import CsvFile
from hft.instruments import Instrument

__all__ = ["SYMBOL_ROLES", "Block", "CsvMarketFeed", "tally"]

CHUNK_COMMANDS = 4096
VENUE = "CSV"
SYMBOL_ROLES = {
    "timestamp": ("timestamp", "time", "ts", "datetime", "tsns", "eventtime", "date"),
    "venue": ("exchange", "venue", "market"),
    "symbol": ("symbol", "instrument", "ticker", "sym"),
}


@dataclass
class Block:
    """Rows of a file; `steps` are, per role, prices in ticks and sizes in lots, 0 for none."""

    ts_ns: Int64s
    instrument: Int64s
    steps: dict[str, Int64s]
    texts: pa.RecordBatch

    def __len__(self) -> int:
        return len(self.ts_ns)

    def cut(self, count: int) -> "Block":
        """The first rows."""
        steps = {role: values[:count] for role, values in self.steps.items()}
        return Block(self.ts_ns[:count], self.instrument[:count], steps, self.texts[:count])


class Listing:
    """An instrument of the file, with the grids of its prices and of its sizes."""

    def __init__(self, config: InstrumentConfig | None) -> None:
        self.increment_ticks = 1 if config is None else config.order_increment_ticks
        self.price = Grid(None if config is None else config.tick_size)
        self.size = Grid(None if config is None else config.lot_size)


class CsvMarketFeed(Feed):
    """A CSV file of one kind of row.

    A subclass says which roles its columns have, and makes flow of their blocks. `pairs` are the
    roles of each price and its size; where `may_be_empty`, a size of 0 is none, and its price
    doesn't matter. A heading of `foreign` tells a file that only looks like one of this kind.
    """

    scheme: ClassVar[str]
    roles: ClassVar[Mapping[str, tuple[str, ...]]]
    bare: ClassVar[tuple[str, ...]]
    optional: ClassVar[frozenset[str]]
    foreign: ClassVar[frozenset[str]] = frozenset()
    pairs: ClassVar[tuple[tuple[str, str], ...]]
    may_be_empty: ClassVar[bool]

    def __init__(self, argument: str, options: FeedOptions) -> None:
        if not argument:
            problem = f"must be {self.scheme}:FILE"
            raise FeedError(problem, field="feed", value=f"{self.scheme}:")
        self.options = options
        self.file = CsvFile(Path(argument), self.roles, self.bare, self.optional)
        for name in self.foreign & set(self.file.names):
            problem = f"must have no column {name}: such a file is not of this kind"
            self.file.fail(self.file.heading_lines, "heading", problem)
        self.listings: dict[tuple[str, str], Listing] = {}
        for symbol, config in options.instruments.items():
            check_config(symbol, config)
        self.clock = self.first_clock()
        self.row_count = 0
        for block in self.read(first_pass=True):
            self.row_count += len(block)
        self.instruments = [
            self.instrument(venue, symbol, listing)
            for (venue, symbol), listing in self.listings.items()
        ]
        self.name = f"{self.scheme} {self.file.path.name}: {', '.join(self.notes())}"

    @abstractmethod
    def note(self, block: Block) -> None:
        """Look at a block of the first pass; raise Misfit if a row breaks a rule of the format."""

    @abstractmethod
    def check_cells(self, line: int, cells: dict[str, str]) -> None:
        """FeedError if this row breaks a rule of the format: those that `note` knows."""

    @abstractmethod
    def notes(self) -> list[str]:
        """What was found, for the feed's name."""

    @abstractmethod
    def blocks(self) -> Iterator[Commands]:
        """The flow, an array per block of the file; some may be empty."""

    def common_notes(self) -> list[str]:
        """Instruments, grids and the unit of time."""
        if len(self.instruments) > 1:
            what = [f"{len(self.instruments)} symbols"]
        else:
            one = self.instruments[0]
            what = [one.name, f"tick {one.tick_size:f}", f"lot {one.lot_size:f}"]
        return [*what, self.clock.note]

    def chunks(self) -> Iterator[Commands]:
        for commands in self.blocks():
            for start in range(0, len(commands), CHUNK_COMMANDS):
                yield commands[start : start + CHUNK_COMMANDS].copy()

    def first_clock(self) -> Clock:
        for line, cells in self.file.rows(0):
            self.check_width(line, cells)
            text = cells[self.file.columns["timestamp"]].strip()
            try:
                return Clock(text)
            except ValueError as error:
                self.file.fail(line, "timestamp", str(error), text)
        raise FeedError("must have rows after its heading", file=self.file.path)

    def read(self, first_pass: bool = False) -> Iterator[Block]:
        """The file's blocks, until the duration is over if there is one.

        The first pass reads them all, checks them, and lists instruments and grids.
        """
        done, last_ts_ns, end_ns = 0, 0, None
        try:
            for texts in self.file.batches():
                block = self.block(texts, first_pass)
                if not len(block):
                    continue
                if first_pass:
                    if block.ts_ns[0] < last_ts_ns or (np.diff(block.ts_ns) < 0).any():
                        raise Misfit
                    self.note(block)
                elif self.options.duration_ns is not None:
                    if end_ns is None:
                        end_ns = int(block.ts_ns[0]) + self.options.duration_ns
                    within = int(np.searchsorted(block.ts_ns, end_ns))
                    if within < len(block):
                        yield block.cut(within)
                        return
                yield block
                done += len(block)
                last_ts_ns = int(block.ts_ns[-1])
        except (Misfit, pa.ArrowInvalid) as error:
            self.explain(done, last_ts_ns, error)

    def block(self, texts: pa.RecordBatch, first_pass: bool) -> Block:
        """The integers of some rows, all in steps of the grids as they are after them."""
        before = self.grids_found()
        ts_ns = self.clock.column_ns(trimmed(texts["timestamp"]))
        instrument = self.instruments_of(texts, first_pass)
        listings = list(self.listings.values())
        present = np.unique(instrument).tolist()
        steps = {}
        for price, size in self.pairs:
            for role in (price, size):
                column = trimmed(texts[role])
                values = np.zeros(len(ts_ns), np.int64)
                for index in present:
                    listing = listings[index]
                    grid = listing.price if role == price else listing.size
                    convert = grid.widen if first_pass else grid.steps
                    if len(present) == 1:
                        values = convert(column)
                    else:
                        rows = np.flatnonzero(instrument == index)
                        values[rows] = convert(column.take(pa.array(rows)))
                steps[role] = values
            priced, sized = steps[price] > 0, steps[size] > 0
            if self.may_be_empty:
                steps[price] = np.where(sized, steps[price], 0)  # nothing is offered at that price
            elif not sized.all():
                raise Misfit
            if not priced[sized].all():
                raise Misfit
        if self.grids_found() != before:
            return self.block(texts, first_pass)
        return Block(ts_ns, instrument, steps, texts)

    def grids_found(self) -> int:
        """Grows with each grid that becomes finer."""
        return sum(each.price.decimals + each.size.decimals for each in self.listings.values())

    def instruments_of(self, texts: pa.RecordBatch, first_pass: bool) -> Int64s:
        """The rows' indices into the listings; the first pass lists those that are new."""
        symbol = texts["symbol"]
        codes, names = tally(symbol)
        venues = [VENUE]
        if "venue" in texts.schema.names:
            venue_codes, venues = tally(texts["venue"])
            codes = codes + venue_codes * len(names)
        kinds, first_rows, inverse = np.unique(codes, return_index=True, return_inverse=True)
        places = {key: place for place, key in enumerate(self.listings)}
        index_of = np.zeros(len(kinds), np.int64)
        for kind in np.argsort(first_rows).tolist():
            venue, name = divmod(int(kinds[kind]), len(names))
            key = venues[venue] or VENUE, names[name]
            if key not in places:
                if not first_pass or self.listing_problem(key):
                    raise Misfit
                places[key] = len(places)
                self.listings[key] = Listing(self.options.instruments.get(key[1]))
            index_of[kind] = places[key]
        return index_of[inverse]

    def listing_problem(self, key: tuple[str, str]) -> str | None:
        """What keeps a venue and symbol from being listed as one more instrument."""
        known = self.options.instruments
        if not all(map(is_name, key)):
            return "must be a name of printable letters"
        if known and key[1] not in known:
            near = difflib.get_close_matches(key[1], known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
            return f"must be an instrument of the configuration; {hint}"
        if key not in self.listings and len(self.listings) >= INSTRUMENTS_MAX:
            return f"must be one of at most {INSTRUMENTS_MAX} in a file"
        return None

    def instrument(self, venue: str, symbol: str, listing: Listing) -> Instrument:
        try:
            return Instrument(
                venue, symbol, listing.price.step, listing.size.step, listing.increment_ticks
            )
        except InstrumentError as error:
            raise FeedError(str(error), file=self.file.path) from None

    def check_width(self, line: int, cells: list[str]) -> None:
        if len(cells) != self.file.width:
            self.file.fail(line, "columns", f"must be {self.file.width}", len(cells))

    def explain(self, start: int, last_ts_ns: int, error: Exception) -> NoReturn:
        """Find the first row from `start` on that breaks a rule, slowly; raise its FeedError."""
        for line, row in self.file.rows(start):
            self.check_width(line, row)
            columns = self.file.columns.items()
            cells = {role: row[index].strip() for role, index in columns}
            key = cells.get("venue") or VENUE, cells["symbol"]
            problem = self.listing_problem(key)
            if problem:
                field, value = ("symbol", key[1]) if is_name(key[0]) else ("exchange", key[0])
                self.file.fail(line, field, problem, value)
            listing = self.listings.setdefault(key, Listing(self.options.instruments.get(key[1])))
            try:
                ts_ns = self.clock.text_ns(cells["timestamp"])
            except ValueError as wrong:
                self.file.fail(line, "timestamp", str(wrong), cells["timestamp"])
            if ts_ns < last_ts_ns:
                problem = "must not be before that of the row above"
                self.file.fail(line, "timestamp", problem, cells["timestamp"])
            last_ts_ns = ts_ns
            for price, size in self.pairs:
                self.check_pair(line, cells, listing, price, size)
            self.check_cells(line, cells)
        if isinstance(error, Misfit):
            raise FeedError(
                "has prices or sizes of one symbol that differ too much to fit 64 bits",
                file=self.file.path,
            ) from None
        raise FeedError(" ".join(str(error).split()), file=self.file.path) from None

    def check_pair(
        self, line: int, cells: dict[str, str], listing: Listing, price: str, size: str
    ) -> None:
        """FeedError unless price and size are numbers of their grids, or there is no size."""
        numbers = []
        for role, grid in ((price, listing.price), (size, listing.size)):
            text = cells[role]
            try:
                number = Decimal(0) if not text and self.may_be_empty else number_of(text)
                if number < 0 or (number == 0 and not self.may_be_empty):
                    raise ValueError("must be above 0")
                grid.check(number)
            except ValueError as wrong:
                self.file.fail(line, role, str(wrong), text)
            numbers.append(number)
        if numbers[1] and not numbers[0]:
            article = "an" if size.startswith("a") else "a"
            rule = f"must be above 0 where there is {article} {size}"
            self.file.fail(line, price, rule, cells[price])


def check_config(symbol: str, config: InstrumentConfig) -> None:
    """FeedError for a grid that a file's decimals can't be held against."""
    for field in ("tick_size", "lot_size"):
        step: Decimal = getattr(config, field)
        try:
            right = number_of(str(step)) > 0
        except ValueError:
            right = False
        if not right:
            rule = f"must be above 0, with at most {DECIMALS_MAX} decimals"
            raise FeedError(rule, field=f"instruments.{symbol}.{field}", value=step)


def is_name(text: str) -> bool:
    """Whether it can be a venue or symbol; U+FFFD stands for what wasn't UTF-8."""
    return bool(text) and text.isprintable() and "\ufffd" not in text


def tally(column: pa.DictionaryArray) -> tuple[Int64s, list[str]]:
    """Codes of shape (n,), and the texts that they stand for, trimmed."""
    names = [text.strip() for text in column.dictionary.to_pylist()]
    unique = list(dict.fromkeys(names))
    codes = np.array([unique.index(name) for name in names], np.int64)
    return codes[column.indices.to_numpy()] if len(names) else np.zeros(0, np.int64), unique
