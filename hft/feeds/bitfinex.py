"""Bitfinex: a recorded R0 channel, the raw book, order by order.

The file is one JSON array of the frames that the web socket sent:

    {"event": "subscribed", "channel": "book", "prec": "R0", "chanId": 8047, "symbol": "tBTCUSD"}
    [8047, [[order id, price, amount], ...]]    the book: it replaces what was there before
    [8047, [order id, price, amount]]           an order that is new, or changed

An amount above 0 is a bid, one below 0 an ask. The price 0 means that the order is gone, or out of
the view of the best orders that were subscribed to. What the frames don't say:

- Why an order shrank or left. So there are no trades: the quantity leaves as if it was cancelled.
- Their times. Each frame counts as one millisecond, from 0.

An order that only shrinks keeps its place in the queue. One that grows, or changes its price,
leaves and enters again under its id.
"""

from array import array
from collections.abc import Iterator
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import msgspec
import numpy as np

from hft.core.messages import Kind, Side
from hft.errors import FeedError, InstrumentError
from hft.feeds.base import BookTruth, FeedOptions
from hft.feeds.flow import FlowWriter
from hft.feeds.recording import ORDER_ID_MAX, RecordedFeed, book_row, read_recording
from hft.instruments import Instrument

__all__ = ["BitfinexFeed"]

FRAME_NS = 1_000_000
STEP = Decimal("0.00000001")  # Bitfinex: prices and amounts have at most 8 decimals
PRICE_DIGITS = 5  # of an order's price, says Bitfinex; converted ones of other pairs have more
TRUTH_LEVELS = 25
HEARTBEATS = (b'"hb"', b'"cs"')  # sent on the channel, without orders

Row = tuple[int, Decimal, Decimal]
Order = tuple[Side, int, int]  # side, price in ticks (0: gone), lots


class Event(msgspec.Struct):
    """What an event says, as far as it matters here."""

    event: str
    channel: str = ""
    prec: str = ""
    symbol: str = ""
    chanId: int = 0


FRAMES = msgspec.json.Decoder(list[msgspec.Raw])
EVENT = msgspec.json.Decoder(Event)
MESSAGE = msgspec.json.Decoder(list[msgspec.Raw])
ROW = msgspec.json.Decoder(Row)
SNAPSHOT = msgspec.json.Decoder(list[Row])


class Frame(msgspec.Struct):
    """A frame with orders; `number` is its place in the file, from 1."""

    number: int
    snapshot: bool
    orders: list[tuple[int, Order]]  # with their ids


class BitfinexFeed(RecordedFeed):
    """The recorded book of one pair; see the module."""

    knows_grids = True

    def __init__(self, argument: str, options: FeedOptions) -> None:
        if not argument:
            raise FeedError("must be bitfinex:FILE", field="feed", value="bitfinex:")
        self.path = Path(argument)
        self.channel: int | None = None
        self.instruments = []
        frames = self.frames()
        if not frames:
            raise FeedError("must have a frame of a book, after its subscription", file=self.path)
        # The venue's increment follows from the size of the price.
        price_ticks = max((order[1] for _, order in frames[0].orders), default=1)
        increment_ticks = 10 ** max(0, len(str(price_ticks)) - PRICE_DIGITS)
        self.instruments[0] = msgspec.structs.replace(
            self.instruments[0], order_increment_ticks=increment_ticks
        )
        if options.duration_ns is not None:
            end_ns = time_ns(frames[0].number) + options.duration_ns
            frames = [frame for frame in frames if time_ns(frame.number) < end_ns]
        self.book_frames = frames
        self.row_end = array("q")
        flow = FlowWriter()
        book: dict[int, Order] = {}
        for row, frame in enumerate(frames):
            self.put(flow, row, frame, book)
            self.row_end.append(len(flow))
        ts_ns = np.array([time_ns(frame.number) for frame in frames], np.int64)
        self.commands = flow.take(ts_ns, np.zeros(len(frames), np.int64))
        self.name = (
            f"bitfinex {self.instruments[0].symbol}: {len(frames):,} frames, 1 ms each for want of"
            " recorded times"
        )

    def frames(self) -> list[Frame]:
        """The frames with orders, in integers, each checked by itself."""
        try:
            raw_frames = FRAMES.decode(read_recording(self.path))
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
            raise FeedError(f"is not a JSON array of frames: {error}", file=self.path) from None
        frames = []
        for number, raw in enumerate(raw_frames, 1):
            text = bytes(raw)
            try:
                if text.startswith(b"{"):
                    self.subscribe(number, EVENT.decode(text))
                    continue
                channel, *payload = MESSAGE.decode(text)
            except (msgspec.DecodeError, ValueError) as error:
                self.fail(number, "frame", f"must be an event or [channel, orders]: {error}")
            if self.channel is None or bytes(channel) != b"%d" % self.channel:
                rule = f"must be {self.channel}, that of the book"
                if self.channel is None:
                    rule = "must be that of a book of precision R0, subscribed to before"
                self.fail(number, "channel", rule, bytes(channel).decode())
            if payload and bytes(payload[0]) not in HEARTBEATS:
                frames.append(self.frame(number, bytes(payload[0])))
        return frames

    def subscribe(self, number: int, event: Event) -> None:
        """Take the channel of the book from the event that tells it."""
        if event.event != "subscribed":
            return
        if event.channel != "book" or event.prec != "R0":
            rule = "must be of the channel book with the precision R0"
            self.fail(number, "subscription", rule, f"{event.channel} {event.prec}".strip())
        symbol = event.symbol.removeprefix("t")
        if not symbol or (self.instruments and self.instruments[0].symbol != symbol):
            self.fail(number, "symbol", "must be one pair in a file", event.symbol)
        self.channel = event.chanId
        self.instruments = [Instrument("BITFINEX", symbol, STEP, STEP)]

    def frame(self, number: int, text: bytes) -> Frame:
        snapshot = text[1:].lstrip()[:1] in (b"[", b"]")
        try:
            rows = SNAPSHOT.decode(text) if snapshot else [ROW.decode(text)]
        except (msgspec.DecodeError, ValueError) as error:
            rule = f"must be [order id, price, amount] or a list of such: {error}"
            self.fail(number, "orders", rule, text.decode(errors="replace"))
        return Frame(number, snapshot, [(row[0], self.order(number, row)) for row in rows])

    def order(self, number: int, row: Row) -> Order:
        order_id, price, amount = row
        if not 0 < order_id <= ORDER_ID_MAX:
            self.fail(number, "order id", "must be 1 to 2**56 - 1", order_id)
        field, value = "price", price
        try:
            price_ticks = self.instruments[0].price_to_ticks(price)
            field, value = "amount", amount
            lots = self.instruments[0].qty_to_lots(amount)
        except InstrumentError as error:
            self.fail(number, field, error.problem, value)
        if price_ticks < 0:
            self.fail(number, "price", "must not be below 0", price)
        if not lots:
            self.fail(number, "amount", "must not be 0", amount)
        return (Side.BUY if lots > 0 else Side.SELL), price_ticks, abs(lots)

    def put(self, flow: FlowWriter, row: int, frame: Frame, book: dict[int, Order]) -> None:
        """Write the commands of one frame; `book` is what the frames so far left."""
        if frame.snapshot:
            for order_id, order in book.items():
                flow.put(row, Kind.FLOW_DELETE, order_id, *order)
            book.clear()
        for order_id, order in frame.orders:
            side, price_ticks, lots = order
            old = book.pop(order_id, None)
            if frame.snapshot and (old or not price_ticks):
                rule = "must be there once, with a price" if old else "must have a price"
                self.fail(frame.number, "order id", f"of a whole book {rule}", order_id)
            if not price_ticks:
                if old is None:
                    rule = "of the price 0 must be that of an order in the book"
                    self.fail(frame.number, "order id", rule, order_id)
                if old[0] != side:
                    rule = f"must have the sign of order {order_id}, which goes"
                    self.fail(frame.number, "amount", rule, 1 if side == Side.BUY else -1)
                flow.put(row, Kind.FLOW_DELETE, order_id, *old)
                continue
            book[order_id] = order
            if old is None:
                flow.put(row, Kind.FLOW_ADD, order_id, *order)
            elif old[:2] != order[:2] or lots > old[2]:
                flow.put(row, Kind.FLOW_DELETE, order_id, *old)
                flow.put(row, Kind.FLOW_ADD, order_id, *order)
            elif lots < old[2]:
                flow.put(row, Kind.FLOW_CANCEL, order_id, side, price_ticks, old[2] - lots)

    @cached_property
    def truth(self) -> BookTruth:  # type: ignore[override]
        """The book after every frame, by a second reading of the frames."""
        rows = array("q")
        for orders in self.books():
            rows.extend(book_row(orders.values(), TRUTH_LEVELS))
        return BookTruth(
            source=f"{self.path}: a plain book of the orders in its frames",
            rows=np.array(rows, np.int64).reshape(-1, TRUTH_LEVELS, 4),
            row_end=np.array(self.row_end, np.int64),
            seeds={},
            forgets=0,
            unit="frame",
            numbers=np.array([frame.number for frame in self.book_frames], np.int64),
        )

    def books(self) -> Iterator[dict[int, Order]]:
        """After each frame, the orders by their id: one dict, that changes."""
        orders: dict[int, Order] = {}
        for frame in self.book_frames:
            if frame.snapshot:
                orders.clear()
            for order_id, order in frame.orders:
                if order[1]:
                    orders[order_id] = order
                else:
                    del orders[order_id]
            yield orders

    def fail(self, number: int, field: str, problem: str, value: object = None) -> NoReturn:
        """Raise the FeedError of one field of one frame."""
        place = f"frame {number}"
        raise FeedError(problem, file=self.path, member=place, field=field, value=value) from None


def time_ns(number: int) -> int:
    """The time that stands for that of the frame."""
    return (number - 1) * FRAME_NS
