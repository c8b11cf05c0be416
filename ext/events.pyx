"""What strategies in Python are called with: a small object for each event, or a batch of many.

Prices are in ticks, quantities in lots, times in ns of the market's clock.
"""

import numpy as np

from libc.string cimport memcpy

from hft.core.buffers cimport writable_bytes_of

from hft.core.messages import MESSAGE, PAYLOAD_OF_KIND, DecisionReason, Kind, Reason, Side

__all__ = ["EVENT", "Batch", "Book", "Decision", "Report", "Timer", "Trade"]

# By value: a dict answers faster than an enum.
KINDS, REASONS, SIDES, DECISION_REASONS = (
    {int(member): member for member in enum.__members__.values()}
    for enum in (Kind, Reason, Side, DecisionReason)
)

cdef PendingEvent _event  # never touched: it only says where fields are


cdef size_t place(const void *field) noexcept:
    return <const char *>field - <const char *>&_event


def event_dtype():
    """The dtype of a batch: the message, seen whole and by its header, and what follows from it."""
    fields = [
        ("instrument", np.uint16, place(&_event.message.header.instrument)),
        ("kind", np.uint8, place(&_event.message.header.kind)),
        ("message", MESSAGE, place(&_event.message)),
        ("event_ts_ns", np.int64, place(&_event.event_ts_ns)),
        ("spread_ticks", np.float64, place(&_event.features.spread_ticks)),
        ("imbalance", np.float64, place(&_event.features.imbalance)),
        ("microprice_ticks", np.float64, place(&_event.features.microprice_ticks)),
        ("order_flow_imbalance", np.float64, place(&_event.features.order_flow_imbalance)),
        ("valid", np.int32, place(&_event.features.valid)),
    ]
    names, formats, offsets = zip(*fields, strict=True)
    return np.dtype({
        "names": names, "formats": formats, "offsets": offsets, "itemsize": sizeof(PendingEvent)
    })


EVENT = event_dtype()


cdef class Book:
    """The best prices changed: what they are, and the features that follow.

    While a side is empty its quantity is 0, `valid` is false and the features are the last ones.
    """

    def __repr__(self):
        return (
            f"Book(instrument={self.instrument}, bid={self.bid_lots} @ {self.bid_price_ticks}, "
            f"ask={self.ask_lots} @ {self.ask_price_ticks})"
        )


cdef class Trade:
    """A trade of the market; `side` is the taker's."""

    def __repr__(self):
        return (
            f"Trade(instrument={self.instrument}, {self.side.name} "
            f"{self.qty_lots} @ {self.price_ticks})"
        )


cdef class Decision:
    """What the fusion makes of all signals: `direction` 1, -1 or 0; `size` a share from 0 to 1."""

    def __repr__(self):
        return (
            f"Decision(instrument={self.instrument}, direction={self.direction}, "
            f"confidence={self.confidence:.3f}, size={self.size:.3f}, {self.reason.name})"
        )


cdef class Report:
    """What became of an own order: `kind` says what, `reason` why.

    `last_lots` is what was filled, cancelled or refused, `leaves_lots` what is left, `price_ticks`
    of a FILLED the price traded.
    """

    def __repr__(self):
        return (
            f"Report({self.kind.name}, order_id={self.order_id}, {self.last_lots} @ "
            f"{self.price_ticks}, {self.leaves_lots} left, {self.reason.name})"
        )


cdef class Timer:
    """A timer that has come due; `event_ts_ns` is the time that it was set for."""

    def __init__(self, name, event_ts_ns):
        self.name = name
        self.event_ts_ns = event_ts_ns

    def __lt__(self, Timer other):
        return self.event_ts_ns < other.event_ts_ns

    def __repr__(self):
        return f"Timer({self.name!r}, event_ts_ns={self.event_ts_ns})"


cdef class Batch:
    """Events in their order. `events` is an EVENT array of shape (n,)."""

    def __init__(self, events):
        self.events = events

    def __len__(self):
        return len(self.events)

    def __repr__(self):
        return f"Batch of {len(self.events)} events"

    def of(self, kind):
        """The events of one Kind: their messages, in its own dtype, and their places in `events`.

        For example `trades, places = batch.of(Kind.TRADE)`.
        """
        places = np.flatnonzero(self.events["kind"] == int(kind))
        messages = np.ascontiguousarray(self.events["message"][places])
        return messages.view(PAYLOAD_OF_KIND[kind]), places


cdef Book book_of(const PendingEvent *event):
    cdef Book book = Book.__new__(Book)
    book.instrument = event.message.header.instrument
    book.event_ts_ns = event.event_ts_ns
    book.bid_price_ticks = event.message.book_top.bid_price_ticks
    book.bid_lots = event.message.book_top.bid_lots
    book.ask_price_ticks = event.message.book_top.ask_price_ticks
    book.ask_lots = event.message.book_top.ask_lots
    book.spread_ticks = event.features.spread_ticks
    book.imbalance = event.features.imbalance
    book.microprice_ticks = event.features.microprice_ticks
    book.order_flow_imbalance = event.features.order_flow_imbalance
    book.valid = event.features.valid
    return book


cdef Trade trade_of(const PendingEvent *event):
    cdef Trade trade = Trade.__new__(Trade)
    trade.instrument = event.message.header.instrument
    trade.event_ts_ns = event.event_ts_ns
    trade.price_ticks = event.message.trade.price_ticks
    trade.qty_lots = event.message.trade.qty_lots
    trade.side = SIDES[event.message.trade.side]
    return trade


cdef Decision decision_of(const PendingEvent *event):
    cdef Decision decision = Decision.__new__(Decision)
    decision.instrument = event.message.header.instrument
    decision.event_ts_ns = event.event_ts_ns
    decision.expiry_ts_ns = event.message.decision.expiry_ts_ns
    decision.direction = event.message.decision.direction
    decision.signals = event.message.decision.signals
    decision.confidence = event.message.decision.confidence
    decision.size = event.message.decision.size
    decision.disagreement = event.message.decision.disagreement
    decision.log_odds = event.message.decision.log_odds
    decision.reason = DECISION_REASONS[event.message.decision.reason]
    return decision


cdef Report report_of(const PendingEvent *event):
    cdef Report report = Report.__new__(Report)
    report.instrument = event.message.header.instrument
    report.event_ts_ns = event.event_ts_ns
    report.kind = KINDS[event.message.header.kind]
    report.order_id = event.message.report.order_id
    # A refused cancel names no side.
    report.side = SIDES.get(event.message.report.side)
    report.price_ticks = event.message.report.price_ticks
    report.last_lots = event.message.report.last_lots
    report.leaves_lots = event.message.report.leaves_lots
    report.reason = REASONS[event.message.report.reason]
    return report


cdef Batch batch_of(const Pending *pending):
    """A copy: the arrays outlive the step."""
    events = np.zeros(pending.count, EVENT)
    if pending.count:
        memcpy(writable_bytes_of(events), pending.events, pending.count * sizeof(PendingEvent))
    return Batch(events)
