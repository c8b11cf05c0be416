"""Databento: market by order (MBO) in DBN, order by order.

Records of one event of an instrument end with one that has the flag F_LAST; only then the book is
that of the venue. What a record's action says:

    A  an order enters               R  all orders of the instrument leave
    C  it shrinks, or leaves         T  an aggressor traded: its side is the aggressor's
    M  it is changed                 F  a resting order was filled
                                     N  nothing

T and F don't change the book of the file: a C or M of the same event does. Here F is the execution,
and what C and M take is held against what is left after it. What of a T no F names is a trade of a
hidden order, if the side is known. A changed order keeps its place if it only shrinks; one that
grows, moves, or is larger at the end of the event than its fills left it, enters again.

The time is `ts_recv`, by which files are sorted; the event times of a snapshot are older. Prices
are in units of 10**-9. Unless the configuration gives a grid, the tick of an instrument is the
largest power of ten, at most 1, of which all its prices are multiples, and the venue's increment is
taken to be their greatest common divisor.
"""

from array import array
from collections.abc import Callable
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from hft.core.control import INSTRUMENTS_MAX
from hft.core.messages import Kind, Side
from hft.errors import FeedError, InstrumentError
from hft.feeds.base import BookTruth, FeedOptions, Int64s
from hft.feeds.dbn import DbnFile, read_dbn
from hft.feeds.flow import FlowWriter
from hft.feeds.recording import ORDER_ID_MAX, RecordedFeed, book_row
from hft.instruments import Instrument

__all__ = ["DatabentoFeed"]

PRICE_DECIMALS = 9
NO_PRICE = 2**63 - 1
TIME_END_NS = 2**63 - 1
F_LAST = 128
TRUTH_LEVELS = 10
SIDES = {b"B": Side.BUY, b"A": Side.SELL}
OPPOSITE = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}

Order = tuple[Side, int, int]  # side, price in ticks, lots


class Record(NamedTuple):
    """A record in the grid of its instrument; no side is Side(0)."""

    action: bytes
    instrument: int
    order_id: int
    side: Side
    price_ticks: int
    lots: int
    last: bool


class DatabentoFeed(RecordedFeed):
    """Recorded orders of one or several instruments; see the module."""

    def __init__(self, argument: str, options: FeedOptions) -> None:
        if not argument:
            raise FeedError("must be databento:FILE", field="feed", value="databento:")
        self.options = options
        self.file = file = read_dbn(Path(argument))
        check_records(file)
        ids, first, index = np.unique(
            file.records["instrument_id"], return_index=True, return_inverse=True
        )
        if len(ids) > INSTRUMENTS_MAX:
            rule = f"must be at most {INSTRUMENTS_MAX} in a file"
            raise FeedError(rule, file=file.path, field="instruments", value=len(ids))
        index = np.argsort(np.argsort(first))[index]  # in order of appearance
        prices = np.where(np.isin(file.records["action"], PRICED), file.records["price"], 0)
        sizes = np.where(np.isin(file.records["action"], SIZED), file.records["size"], np.int64(0))
        self.instruments = []
        for place in range(len(ids)):
            rows = np.flatnonzero(index == place)
            instrument = self.instrument(int(file.records["instrument_id"][rows[0]]), prices[rows])
            self.instruments.append(instrument)
            prices[rows] = self.steps(rows, "price", prices[rows], instrument)
            sizes[rows] = self.steps(rows, "size", sizes[rows], instrument)
        ts_ns = file.records["ts_recv"].astype(np.int64)
        count = len(ts_ns)
        if options.duration_ns is not None:
            count = int(np.searchsorted(ts_ns, ts_ns[0] + options.duration_ns))
        self.records = records_of(file.records[:count], index, prices, sizes)
        writer = EventWriter(file.path)
        row_end = array("q")
        for row, record in enumerate(self.records):
            writer.put(row, record)
            row_end.append(len(writer.flow))
        self.row_end = np.array(row_end, np.int64)
        self.commands = writer.flow.take(ts_ns, index)
        listed = ", ".join(each.symbol for each in self.instruments[:3])
        more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
        unsided = f", {writer.unsided} trades of unknown side left out" if writer.unsided else ""
        self.name = f"databento {file.dataset} {listed}{more}{unsided}"

    def instrument(self, instrument_id: int, prices: Int64s) -> Instrument:
        """The instrument, on the configured grid or the one that its prices are on."""
        venue = self.file.dataset.partition(".")[0] or "DATABENTO"
        symbol = self.file.symbols.get(instrument_id) or str(instrument_id)
        known = self.options.instruments
        if known and symbol not in known:
            rule = f"must be an instrument of the configuration; there are {', '.join(known)}"
            raise FeedError(rule, file=self.file.path, field="symbol", value=symbol)
        if known:
            grid = known[symbol]
            return Instrument(
                venue, symbol, grid.tick_size, grid.lot_size, grid.order_increment_ticks
            )
        step = int(np.gcd.reduce(prices)) or 1
        tick = 1
        while tick < 10**PRICE_DECIMALS and step % (10 * tick) == 0:
            tick *= 10
        return Instrument(
            venue, symbol, Decimal(tick).scaleb(-PRICE_DECIMALS), Decimal(1), step // tick
        )

    def steps(self, rows: Int64s, field: str, values: Int64s, instrument: Instrument) -> Int64s:
        """Prices as ticks, or sizes as lots; `rows` are the records that they are from."""
        convert: Callable[[Decimal], int] = instrument.qty_to_lots
        decimals = 0
        if field == "price":
            convert, decimals = instrument.price_to_ticks, PRICE_DECIMALS
        unique, first, inverse = np.unique(values, return_index=True, return_inverse=True)
        steps = np.empty(len(unique), np.int64)
        for place, value in enumerate(unique.tolist()):
            number = Decimal(value).scaleb(-decimals)
            try:
                steps[place] = convert(number)
            except InstrumentError as error:
                fail(self.file.path, int(rows[first[place]]), field, error.problem, number)
        return steps[inverse]

    @cached_property
    def truth(self) -> BookTruth:  # type: ignore[override]
        """The book of the first instrument after each event, by a second reading of the file."""
        orders: dict[int, Order] = {}
        rows, numbers = array("q"), array("q")
        for number, record in enumerate(self.records, 1):
            if record.instrument:
                continue
            if record.action in (b"A", b"M"):
                orders[record.order_id] = record.side, record.price_ticks, record.lots
            elif record.action == b"C":
                side, price_ticks, lots = orders.pop(record.order_id)
                if lots > record.lots:
                    orders[record.order_id] = side, price_ticks, lots - record.lots
            elif record.action == b"R":
                orders.clear()
            if record.last:
                rows.extend(book_row(orders.values(), TRUTH_LEVELS))
                numbers.append(number)
        symbol = self.instruments[0].symbol
        return BookTruth(
            source=f"{self.file.path}: a plain book of the orders of {symbol}",
            rows=np.array(rows, np.int64).reshape(-1, TRUTH_LEVELS, 4),
            row_end=self.row_end[np.array(numbers, np.int64) - 1],
            seeds={},
            forgets=0,
            unit="record",
            numbers=np.array(numbers, np.int64),
        )


NAMED = [b"A", b"C", b"F", b"M"]
PRICED = [b"A", b"F", b"M", b"T"]
SIZED = [*NAMED, b"T"]


def check_records(file: DbnFile) -> None:
    """FeedError at a record that breaks a rule of the format by itself."""
    records = file.records
    action, order_id, ts_recv = records["action"], records["order_id"], records["ts_recv"]
    named = np.isin(action, NAMED)
    back = np.zeros(len(records), bool)
    back[1:] = ts_recv[1:] < ts_recv[:-1]
    sided = np.isin(action, [b"A", b"M"])
    rules: tuple[tuple[str, npt.NDArray[np.bool], str], ...] = (
        ("action", ~np.isin(action, [*SIZED, b"N", b"R"]), "must be A, C, F, M, N, R or T"),
        ("ts_recv", ts_recv >= TIME_END_NS, "must be before the year 2262"),
        ("ts_recv", back, "must not be before that of the record before"),
        ("order_id", named & (order_id == 0), "must not be 0"),
        ("order_id", named & (order_id > ORDER_ID_MAX), "must be at most 2**56 - 1"),
        ("side", sided & ~np.isin(records["side"], list(SIDES)), "must be A or B"),
        ("size", np.isin(action, SIZED) & (records["size"] == 0), "must be above 0"),
        ("price", np.isin(action, PRICED) & (records["price"] == NO_PRICE), "must be there"),
    )
    for field, broken, rule in rules:
        if broken.any():
            row = int(broken.argmax())
            value = records[field][row]
            shown = value.decode("latin-1") if isinstance(value, bytes) else int(value)
            fail(file.path, row, field, rule, shown)


def records_of(
    records: npt.NDArray[np.void], instrument: Int64s, prices: Int64s, sizes: Int64s
) -> list[Record]:
    """The records with prices in ticks and sizes in lots."""
    columns = (
        records["action"].tolist(),
        instrument.tolist(),
        records["order_id"].tolist(),
        [SIDES.get(side, Side(0)) for side in records["side"].tolist()],
        prices.tolist(),
        sizes.tolist(),
        ((records["flags"] & F_LAST) != 0).tolist(),
    )
    return [Record(*values) for values in zip(*columns, strict=False)]


class EventWriter:
    """Writes the flow of records; knows of each order what records and what flow left of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.flow = FlowWriter()
        self.said: dict[int, Order] = {}
        self.left: dict[int, Order] = {}  # lots may be 0: filled, with its C or M yet to come
        self.instrument_of: dict[int, int] = {}
        self.filled: dict[int, set[int]] = {}  # orders, in the event of an instrument
        self.trade: dict[int, Order] = {}  # the last T of an instrument, less its F
        self.unsided = 0

    def put(self, row: int, record: Record) -> None:
        """Write what one record says."""
        action, order_id = record.action, record.order_id
        order = record.side, record.price_ticks, record.lots
        owner = self.instrument_of.get(order_id)
        there = owner == record.instrument
        elsewhere = owner is not None and not there
        if (action in (b"C", b"F") and not there) or (action == b"M" and elsewhere):
            rule = "must be that of a resting order; a file that begins with a snapshot has all"
            fail(self.path, row, "order_id", rule, order_id)
        if action == b"A":
            if order_id in self.said:
                rule = "must not be that of a resting order"
                fail(self.path, row, "order_id", rule, order_id)
            self.enter(row, record.instrument, order_id, order)
        elif action == b"C":
            self.cancel(row, order_id, record.lots)
        elif action == b"M":
            self.modify(row, record.instrument, order_id, order)
        elif action == b"F":
            self.fill(row, record)
        elif action == b"T":
            self.end_trade(row, record.instrument)
            self.trade[record.instrument] = order
        elif action == b"R":
            for each in [id for id in self.said if self.instrument_of[id] == record.instrument]:
                self.leave(row, each)
        if record.last:
            self.end_trade(row, record.instrument)
            for each in sorted(self.filled.pop(record.instrument, ())):
                if each in self.said and self.left[each] != self.said[each]:
                    self.enter(row, record.instrument, each, self.said[each])

    def enter(self, row: int, instrument: int, order_id: int, order: Order) -> None:
        """The order joins the back of its queue, after it left another place if it has one."""
        self.leave(row, order_id)
        self.said[order_id] = self.left[order_id] = order
        self.instrument_of[order_id] = instrument
        self.flow.put(row, Kind.FLOW_ADD, order_id, *order)

    def leave(self, row: int, order_id: int) -> None:
        left = self.left.pop(order_id, None)
        if left and left[2]:
            self.flow.put(row, Kind.FLOW_DELETE, order_id, *left)
        self.said.pop(order_id, None)
        self.instrument_of.pop(order_id, None)

    def cancel(self, row: int, order_id: int, lots: int) -> None:
        side, price_ticks, said_lots = self.said[order_id]
        if lots > said_lots:
            rule = f"must be at most {said_lots}, which order {order_id} has left"
            fail(self.path, row, "size", rule, lots)
        if lots == said_lots:
            self.leave(row, order_id)
        else:
            self.shrink(row, order_id, (side, price_ticks, said_lots - lots))

    def modify(self, row: int, instrument: int, order_id: int, order: Order) -> None:
        said = self.said.get(order_id)
        if said is None or said[:2] != order[:2] or order[2] > said[2]:
            self.enter(row, instrument, order_id, order)
        else:
            self.shrink(row, order_id, order)

    def shrink(self, row: int, order_id: int, said: Order) -> None:
        """Note what is said to be left; what fills have not taken of the difference leaves."""
        self.said[order_id] = said
        side, price_ticks, left_lots = self.left[order_id]
        if left_lots > said[2]:
            self.left[order_id] = said
            gone = left_lots - said[2]
            self.flow.put(row, Kind.FLOW_CANCEL, order_id, side, price_ticks, gone)

    def fill(self, row: int, record: Record) -> None:
        order_id, lots = record.order_id, record.lots
        side, price_ticks, left_lots = self.left[order_id]
        if lots > left_lots:
            rule = f"must be at most {left_lots}, which order {order_id} has left"
            fail(self.path, row, "size", rule, lots)
        self.left[order_id] = side, price_ticks, left_lots - lots
        self.filled.setdefault(record.instrument, set()).add(order_id)
        self.flow.put(row, Kind.FLOW_EXECUTE, order_id, side, price_ticks, lots)
        if record.instrument in self.trade:
            aggressor, traded_ticks, traded_lots = self.trade[record.instrument]
            self.trade[record.instrument] = aggressor, traded_ticks, max(0, traded_lots - lots)

    def end_trade(self, row: int, instrument: int) -> None:
        """What no F named of the last T traded with a hidden order."""
        side, price_ticks, lots = self.trade.pop(instrument, (Side(0), 0, 0))
        if lots and side:
            self.flow.put(row, Kind.FLOW_HIDDEN, 0, OPPOSITE[side], price_ticks, lots)
        elif lots:
            self.unsided += 1


def fail(path: Path, row: int, field: str, problem: str, value: object) -> NoReturn:
    """Raise the FeedError of one field of one record."""
    place = f"record {row + 1}"
    raise FeedError(problem, file=path, member=place, field=field, value=value) from None
