"""PITCH: a BATS (Cboe US Equities) depth-of-book recording in ASCII, order by order.

A line is a message of fixed width, with or without an S in front:

    time in ms after midnight (8), type (1), then per type (`LAYOUTS`)
    A, d  a displayed order enters          E  one trades, at its own price
    P, r  a trade of a hidden order         X  one shrinks or leaves
    H     a symbol halts, quotes or trades  s  all orders of a symbol leave
    B     a trade is broken                 I, J  an auction: these three don't change a book

Prices are in units of USD 0.0001. Ids are text of base 36, larger than those of recorded orders may
be: the n-th id of the file becomes n. An order that was changed leaves and enters again under its
id. Streams of several units were merged, so times may step back a little: then the line has the
time of the one before.

A file may hold thousands of symbols. `pitch:FILE` takes the 32 with the most orders, the busiest
first; `pitch:FILE:SPY,IWM` takes these.
"""

import difflib
import re
from array import array
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from hft.core.control import INSTRUMENTS_MAX
from hft.core.messages import InstrumentState, Kind, Side
from hft.errors import FeedError
from hft.feeds.base import BookTruth, Commands, FeedOptions, Int64s
from hft.feeds.flow import FlowWriter
from hft.feeds.recording import RecordedFeed, book_row, read_recording
from hft.instruments import Instrument

__all__ = ["PitchFeed"]

MS_NS = 1_000_000
DAY_MS = 86_400_000
BACK_MS_MAX = 1000
SYMBOLS_TAKEN = 32
TRUTH_LEVELS = 10

ADDS, HIDDEN = ("A", "d"), ("P", "r")
EXECUTE, CANCEL, STATUS, CLEAR = "E", "X", "H", "s"
NO_CHANGE = ("B", "I", "J")
TYPE_AT = 8
ORDER = ("order id", 12), ("side", 1), ("shares", 6)
EXECUTION = ("execution id", 12)
# What follows the type: fields and their widths.
LAYOUTS = {
    "A": (*ORDER, ("symbol", 6), ("price", 10), ("display", 1)),
    "d": (*ORDER, ("symbol", 8), ("price", 10), ("display", 1), ("participant", 4)),
    "E": (("order id", 12), ("shares", 6), EXECUTION),
    "X": (("order id", 12), ("shares", 6)),
    "P": (*ORDER, ("symbol", 6), ("price", 10), EXECUTION),
    "r": (*ORDER, ("symbol", 8), ("price", 10), EXECUTION),
    "H": (("symbol", 8), ("status", 1), ("short sale", 1), ("reserved", 2)),
    "s": (("symbol", 8),),
}
WIDTHS = {type_: TYPE_AT + 1 + sum(w for _, w in layout) for type_, layout in LAYOUTS.items()}
RULES = {
    "order id": (re.compile("[0-9A-Z]{12}"), "must be 12 digits and capital letters"),
    "side": (re.compile("[BS]"), "must be B or S"),
    "shares": (re.compile("(?!0+$)[0-9]+"), "must be 6 digits, above 0"),
    "symbol": (re.compile("[!-~]+ *"), "must be a name, with spaces behind it"),
    "price": (re.compile("(?!0+$)[0-9]+"), "must be 10 digits, above 0"),
    "status": (re.compile("[AHQST]"), "must be A, H, Q, S or T"),
}
SIDES: dict[str, int] = {"B": Side.BUY, "S": Side.SELL}
STATE_OF_STATUS = {
    "T": InstrumentState.OPEN,
    "A": InstrumentState.PRE_OPEN,  # takes orders for an auction
    "Q": InstrumentState.PRE_OPEN,
    "H": InstrumentState.HALTED,
    "S": InstrumentState.HALTED,
}


Order = tuple[Side, int, int]  # side, price in ticks, shares


class Message(NamedTuple):
    """A line that matters to a book; fields that its type doesn't have are 0 or empty."""

    line: int
    ts_ms: int
    type: str
    order_id: int
    side: int
    shares: int
    symbol: str
    price: int
    status: str


class PitchFeed(RecordedFeed):
    """Recorded orders of one or several symbols; see the module."""

    knows_grids = True

    def __init__(self, argument: str, options: FeedOptions) -> None:
        file, _, symbols = argument.partition(":")
        if not file:
            raise FeedError(
                "must be pitch:FILE or pitch:FILE:SYMBOLS", field="feed", value="pitch:"
            )
        self.path = Path(file)
        messages = self.messages()
        if not messages:
            raise FeedError("must have a message that changes a book", file=self.path)
        orders = Counter({message.symbol: 0 for message in messages})
        orders.update(message.symbol for message in messages if message.type in ADDS)
        chosen = self.choose(symbols, orders)
        self.instruments = [
            Instrument("BATS", symbol, Decimal("0.0001"), Decimal(1), order_increment_ticks=100)
            for symbol in chosen
        ]
        if options.duration_ns is not None:
            end_ms = messages[0].ts_ms + options.duration_ns / MS_NS
            messages = [message for message in messages if message.ts_ms < end_ms]
        index_of = {symbol: index for index, symbol in enumerate(chosen)}
        self.read = [message for message in messages if message.symbol in index_of]
        self.commands, self.row_end = flow(self.read, index_of)
        what = f"{len(chosen)} of {len(orders)} symbols"
        self.name = f"pitch {self.path.name}: {chosen[0] if len(orders) == 1 else what}"

    def choose(self, symbols: str, orders: Counter[str]) -> list[str]:
        """The symbols asked for, or without a word about it those with the most orders."""
        if not symbols:
            return [symbol for symbol, _ in orders.most_common(SYMBOLS_TAKEN)]
        chosen = list(dict.fromkeys(symbols.split(",")))
        for symbol in chosen:
            if symbol not in orders:
                near = difflib.get_close_matches(symbol, orders, n=1)
                hint = near[0] if near else ", ".join(name for name, _ in orders.most_common(3))
                rule = f"must be one of the {len(orders)} of the file, such as {hint}"
                raise FeedError(rule, file=self.path, field="symbol", value=symbol)
        if len(chosen) > INSTRUMENTS_MAX:
            rule = f"must be at most {INSTRUMENTS_MAX}"
            raise FeedError(rule, file=self.path, field="symbols", value=len(chosen))
        return chosen

    def messages(self) -> list[Message]:
        """The lines that matter to a book, each held against the orders that there are."""
        text = read_recording(self.path).decode("ascii", errors="replace")
        messages = []
        numbers: dict[str, int] = {}  # of the orders, by their ids in the file
        live: dict[int, tuple[str, int, int, int]] = {}  # symbol, side, price, shares by number
        last_ms = 0
        for line, raw in enumerate(text.splitlines(), 1):
            message = raw.removeprefix("S")
            ts_ms = self.time_ms(line, message[:TYPE_AT], last_ms)
            last_ms = max(last_ms, ts_ms)
            type_ = message[TYPE_AT : TYPE_AT + 1]
            if type_ in NO_CHANGE:
                continue
            fields = self.fields(line, type_, message)
            order_id, shares = fields.get("order id", ""), int(fields.get("shares", 0))
            symbol, price = fields.get("symbol", "").rstrip(), int(fields.get("price", 0))
            side = SIDES.get(fields.get("side", ""), 0)
            number = 0
            if type_ in ADDS:
                number = numbers.setdefault(order_id, len(numbers) + 1)
                if number in live:
                    rule = "must not be that of an order which has shares left"
                    self.fail(line, "order id", rule, order_id)
                live[number] = symbol, side, price, shares
            elif type_ in (EXECUTE, CANCEL):
                number = numbers.get(order_id, 0)
                if number not in live:
                    rule = "must be that of an order which was added and has shares left"
                    self.fail(line, "order id", rule, order_id)
                symbol, side, price, left = live.pop(number)
                if shares > left:
                    rule = f"must be at most {left}, which order {order_id} has left"
                    self.fail(line, "shares", rule, shares)
                if shares < left:
                    live[number] = symbol, side, price, left - shares
            elif type_ == CLEAR:
                gone = [number for number, order in live.items() if order[0] == symbol]
                for each in gone:
                    del live[each]
            status = fields.get("status", "")
            messages.append(
                Message(line, last_ms, type_, number, side, shares, symbol, price, status)
            )
        return messages

    def time_ms(self, line: int, text: str, last_ms: int) -> int:
        if not (len(text) == TYPE_AT and text.isascii() and text.isdigit()):
            self.fail(line, "time", "must be 8 digits, the ms after midnight", text)
        ts_ms = int(text)
        if ts_ms >= DAY_MS:
            self.fail(line, "time", f"must be below {DAY_MS} ms, one day", text)
        if ts_ms < last_ms - BACK_MS_MAX:
            rule = f"must not be more than {BACK_MS_MAX} ms before that of a line above"
            self.fail(line, "time", rule, text)
        return ts_ms

    def fields(self, line: int, type_: str, message: str) -> dict[str, str]:
        """The fields after the type, by their names, as text."""
        if type_ not in LAYOUTS:
            known = ", ".join(sorted((*LAYOUTS, *NO_CHANGE)))
            self.fail(line, "type", f"must be one of {known}", type_)
        if len(message) != WIDTHS[type_]:
            rule = f"must be {WIDTHS[type_]} characters of type {type_}"
            self.fail(line, "length", rule, len(message))
        fields, start = {}, TYPE_AT + 1
        for name, width in LAYOUTS[type_]:
            fields[name] = text = message[start : start + width]
            start += width
            pattern, rule = RULES.get(name, (None, ""))
            if pattern is not None and not pattern.fullmatch(text):
                self.fail(line, name, rule, text)
        return fields

    @cached_property
    def truth(self) -> BookTruth:  # type: ignore[override]
        """The book of the first symbol after each of its messages, by a second reading of them."""
        symbol = self.instruments[0].symbol
        rows, row_end, lines = array("q"), array("q"), array("q")
        for place, (message, orders) in enumerate(books(self.read)):
            if message.symbol == symbol:
                rows.extend(book_row(orders.get(symbol, {}).values(), TRUTH_LEVELS))
                row_end.append(self.row_end[place])
                lines.append(message.line)
        return BookTruth(
            source=f"{self.path}: a plain book of the orders of {symbol}",
            rows=np.array(rows, np.int64).reshape(-1, TRUTH_LEVELS, 4),
            row_end=np.array(row_end, np.int64),
            seeds={},
            forgets=0,
            numbers=np.array(lines, np.int64),
        )

    def fail(self, line: int, field: str, problem: str, value: object = None) -> NoReturn:
        """Raise the FeedError of one field of one line."""
        raise FeedError(problem, file=self.path, line=line, field=field, value=value)


def flow(messages: list[Message], index_of: dict[str, int]) -> tuple[Commands, Int64s]:
    """The commands of the messages, and how many there are after each of them."""
    writer = FlowWriter()
    row_end = array("q")
    states: dict[int, InstrumentState] = {}  # by the place of the command
    live: dict[str, dict[int, Order]] = {symbol: {} for symbol in index_of}
    for row, message in enumerate(messages):
        orders = live[message.symbol]
        order_id, shares = message.order_id, message.shares
        side, price = Side(message.side), message.price
        if message.type in ADDS:
            orders[order_id] = side, price, shares
            writer.put(row, Kind.FLOW_ADD, order_id, side, price, shares)
        elif message.type in HIDDEN:
            writer.put(row, Kind.FLOW_HIDDEN, 0, side, price, shares)
        elif message.type in (EXECUTE, CANCEL):
            left = orders.pop(order_id)[2] - shares
            if left:
                orders[order_id] = side, price, left
            kind = Kind.FLOW_CANCEL if left else Kind.FLOW_DELETE
            kind = Kind.FLOW_EXECUTE if message.type == EXECUTE else kind
            writer.put(row, kind, order_id, side, price, shares)
        elif message.type == STATUS:
            states[len(writer)] = STATE_OF_STATUS[message.status]
            writer.put(row, Kind.FLOW_STATUS, 0, Side(0), 0, 0)
        else:
            for each, order in orders.items():
                writer.put(row, Kind.FLOW_DELETE, each, *order)
            orders.clear()
        row_end.append(len(writer))
    ts_ns = np.array([message.ts_ms for message in messages], np.int64) * MS_NS
    instrument = np.array([index_of[message.symbol] for message in messages], np.int64)
    commands = writer.take(ts_ns, instrument)
    for place, state in states.items():
        commands["flags"][place] = state
    return commands, np.array(row_end, np.int64)


def books(messages: list[Message]) -> Iterator[tuple[Message, dict[str, dict[int, Order]]]]:
    """Each message with the orders after it by symbol and id: one dict, that changes."""
    orders: dict[str, dict[int, Order]] = {}
    for message in messages:
        book = orders.setdefault(message.symbol, {})
        if message.type in ADDS:
            book[message.order_id] = Side(message.side), message.price, message.shares
        elif message.type in (EXECUTE, CANCEL):
            side, price, shares = book[message.order_id]
            book[message.order_id] = side, price, shares - message.shares
            if shares == message.shares:
                del book[message.order_id]
        elif message.type == CLEAR:
            book.clear()
        yield message, orders
