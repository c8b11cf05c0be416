"""Strategies in Python: what they trade with, and how the signal node calls them.

A step's messages are delivered after it, in order, one call each or as one batch. An exception
stops the strategy for the rest of the run, and only that one: its orders are cancelled, and what
happened is shown in the control page and in the log.
"""

import heapq
import logging
import operator
import os
import traceback
from types import MappingProxyType

from libc.stdint cimport INT64_MAX
from libc.string cimport memcpy

from hft.core.clock cimport host_now_ns
from hft.core.control cimport (
    ERROR_BYTES,
    STRATEGY_FAILED,
    STRATEGY_STOPPED,
    STRATEGY_TRADING,
)
from hft.core.events cimport (
    Timer,
    batch_of,
    book_of,
    decision_of,
    report_of,
    trade_of,
)
from hft.core.messages cimport (
    ACCEPTED,
    BOOK_TOP,
    BUY,
    CANCELLED,
    DECISION,
    FILLED,
    IOC,
    MARKET,
    POST_ONLY,
    REPLACED,
    TRADE,
    Command,
    kind_is_report,
)
from hft.core.pending cimport PendingEvent
from hft.core.strategy cimport desk_cancel, desk_new, desk_replace

from hft.core.messages import Side, TimeInForce
from hft.errors import words_of

__all__ = ["Context", "Order", "PythonStrategy"]

ORDER_TIMES = {int(member): member for member in TimeInForce.__members__.values()}
SIDE_BUY, SIDE_SELL = Side.BUY, Side.SELL
GOOD_TILL_CANCELLED = TimeInForce.GTC


cdef int64_t whole(str name, value, int64_t least, int64_t most) except? -1:
    """The value as an integer within its bounds; an exception that says what it must be."""
    if isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, was {value}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, was {value!r}") from None
    if not least <= number <= most:
        raise ValueError(f"{name} must be from {least} to {most}, was {number}")
    return number


cdef class Order:
    """An order of ours that is not over: sent, or `working` once the engine has accepted it.

    `cancelling` while a cancel of it is on its way: it may fill until that is answered.
    """

    def __repr__(self):
        state = "working" if self.working else "sent"
        if self.cancelling:
            state += ", cancelling"
        return (
            f"Order({self.order_id}, {self.side.name} {self.leaves_lots} @ "
            f"{self.price_ticks}, {state})"
        )


cdef class Context:
    """What a strategy trades with, during its callbacks.

    Attributes:
        instruments: tuple of Instrument; a message's `instrument` is a place in it.
        orders: the strategy's open orders, by id, as Order; to be read only.
        logger: a logging.Logger of the strategy's own.
    """

    def __init__(self, instruments, logger):
        self.instruments = tuple(instruments)
        self.logger = logger
        self.open_orders = {}
        self.orders = MappingProxyType(self.open_orders)
        self.positions = [0] * len(self.instruments)
        self.books = [None] * len(self.instruments)
        self.decisions = [None] * len(self.instruments)
        self.timers = []

    cdef Desk *at_work(self) except NULL:
        if self.desk == NULL:
            raise RuntimeError("a context can be traded with during a callback only")
        return self.desk

    cdef int64_t place(self, instrument) except? -1:
        return whole("instrument", instrument, 0, len(self.instruments) - 1)

    @property
    def event_ts_ns(self):
        """The time: that of the event at work."""
        return self.at_work().event_ts_ns

    def position_lots(self, instrument=0):
        """What this strategy's own fills have come to."""
        return self.positions[self.place(instrument)]

    def book(self, instrument=0):
        """The newest Book; None before the first."""
        return self.books[self.place(instrument)]

    def decision(self, instrument=0):
        """The newest Decision of the fusion; None before the first."""
        return self.decisions[self.place(instrument)]

    def buy(self, price_ticks, qty_lots, instrument=0, *, time_in_force=GOOD_TILL_CANCELLED,
            post_only=False):
        """Intend a limit order, or with the price None a market order; its id.

        A report tells whether it became one. TypeError or ValueError for what can't be an order.
        """
        return self.new_order(SIDE_BUY, price_ticks, qty_lots, instrument, time_in_force, post_only)

    def sell(self, price_ticks, qty_lots, instrument=0, *, time_in_force=GOOD_TILL_CANCELLED,
             post_only=False):
        """As `buy`, on the other side."""
        return self.new_order(
            SIDE_SELL, price_ticks, qty_lots, instrument, time_in_force, post_only
        )

    cdef object new_order(self, object side, object price_ticks, object qty_lots,
                          object instrument, object time_in_force, bint post_only):
        cdef Desk *desk = self.at_work()
        cdef Order order = Order.__new__(Order)
        cdef Command *intent
        order.instrument = self.place(instrument)
        order.side = side
        order.leaves_lots = whole("qty_lots", qty_lots, 1, INT64_MAX)
        if price_ticks is not None:
            order.price_ticks = whole("price_ticks", price_ticks, -INT64_MAX, INT64_MAX)
        in_force = ORDER_TIMES.get(time_in_force)
        if in_force is None:
            raise ValueError(f"time_in_force must be a TimeInForce, was {time_in_force!r}")
        if post_only and (price_ticks is None or in_force != GOOD_TILL_CANCELLED):
            raise ValueError("post_only needs a price, and an order that may rest (GTC)")
        if not self.begun:
            raise RuntimeError("on_start can send no order: there is no market yet")
        intent = desk_new(desk, order.instrument, <int>side, order.price_ticks, order.leaves_lots)
        intent.time_in_force = <int>in_force
        if post_only:
            intent.flags = POST_ONLY
        if price_ticks is None:
            intent.order_type = MARKET
            intent.time_in_force = IOC
        order.order_id = intent.order_id
        self.open_orders[order.order_id] = order
        return order.order_id

    def cancel(self, order_id):
        """Intend that an order ends; whether it was still open. A second time changes nothing."""
        cdef Desk *desk = self.at_work()
        cdef Order order = self.open_orders.get(whole("order_id", order_id, 0, INT64_MAX))
        if order is None:
            return False
        if not order.cancelling:
            order.cancelling = True
            desk_cancel(desk, order.instrument, order.order_id)
        return True

    def replace(self, order_id, price_ticks, qty_lots):
        """Intend that an order has this price and this much left; whether it was still open."""
        cdef Desk *desk = self.at_work()
        cdef Order order = self.open_orders.get(whole("order_id", order_id, 0, INT64_MAX))
        cdef int64_t price = whole("price_ticks", price_ticks, -INT64_MAX, INT64_MAX)
        cdef int64_t lots = whole("qty_lots", qty_lots, 1, INT64_MAX)
        if order is None:
            return False
        desk_replace(desk, order.instrument, order.order_id, price, lots)
        return True

    def cancel_all(self):
        """Intend that all open orders end."""
        for order_id in self.open_orders:
            self.cancel(order_id)

    def set_timer(self, after_ns, name=""):
        """Have `on_timer` called with the first event that is at least `after_ns` from now."""
        # In on_start it is no time yet: `begin` makes those timers count from the first event.
        due_ts_ns = self.at_work().event_ts_ns + whole("after_ns", after_ns, 1, INT64_MAX // 2)
        heapq.heappush(self.timers, Timer(name, due_ts_ns))

    cdef void begin(self, int64_t event_ts_ns) except *:
        """The first event is there, and with it the time."""
        self.begun = True
        self.timers = [Timer(each.name, each.event_ts_ns + event_ts_ns) for each in self.timers]

    cdef void note(self, Report report):
        """Follow what became of an order.

        The no to a replace or a cancel names no side, and may come before the answer to the order.
        """
        cdef Order order = self.open_orders.get(report.order_id)
        cdef int kind = report.kind
        if order is None:
            return
        if kind == FILLED:
            lots = report.last_lots if report.side == BUY else -report.last_lots
            self.positions[order.instrument] += lots
            order.leaves_lots = report.leaves_lots
            if report.leaves_lots == 0:
                del self.open_orders[report.order_id]
        elif kind == ACCEPTED or kind == REPLACED:
            order.working = True
            order.price_ticks = report.price_ticks
            order.leaves_lots = report.leaves_lots
        elif kind == CANCELLED or (report.side is not None and not order.working):
            del self.open_orders[report.order_id]


cdef bytes field_of(str text, Py_ssize_t room_bytes):
    """A text as a field of the control page has it: UTF-8, cut between two characters."""
    cut = text.encode(errors="backslashreplace")[:room_bytes]
    return cut.decode(errors="ignore").encode()


cdef str error_text(error, file):
    """An exception in one line, led by file and line: the last line of `file` that ran, if any."""
    frames = traceback.extract_tb(error.__traceback__)
    last = None
    for frame in frames:
        if last is None or frame.filename == file or last.filename != file:
            last = frame
    where = f"{os.path.basename(last.filename)}:{last.lineno}: " if last else ""
    return where + words_of(error)


cdef class PythonStrategy:
    """One strategy in Python, as the signal node has it.

    Args:
        name: for people.
        strategy: an object with the callbacks.
        handlers: names of the callbacks that it has; those that it lacks are never called.
        instruments: of the run.
        file: where its code is.
    """

    def __init__(self, str name, strategy, handlers, instruments, str file):
        self.name = name
        self.strategy = strategy
        self.file = file
        self.callback = "on_start"
        self.context = Context(instruments, logging.getLogger(f"hft.strategy.{name}"))
        self.batches = "on_batch" in handlers
        self.wants_books = self.batches or "on_book" in handlers
        self.wants_trades = self.batches or "on_trade" in handlers
        self.calls_signal = "on_signal" in handlers and not self.batches
        self.calls_report = "on_report" in handlers and not self.batches

    cdef void start(self, Desk *desk, StrategyStats *stats, uint16_t account) except *:
        """Call on_start; from now on it trades under an account."""
        cdef uint64_t intents = desk.intents
        self.stats = stats
        self.account = account
        self.trading = True
        stats.state = STRATEGY_TRADING
        self.at_desk(desk)
        try:
            self.strategy.on_start(self.context)
        except BaseException as error:
            self.fail(desk, error)
        self.context.desk = NULL
        stats.intents += desk.intents - intents

    cdef void deliver(self, Desk *desk, const Pending *pending, bint ended) except *:
        """Call the callbacks for the events of a step. The desk's time and account change.

        `ended`: whether the END was among these events, or before them.
        """
        cdef int64_t started_ns = host_now_ns()
        cdef uint64_t intents = desk.intents
        cdef uint32_t place
        self.at_desk(desk)
        for place in range(pending.count):
            desk.event_ts_ns = pending.events[place].event_ts_ns
            desk.origin_ts_ns = pending.events[place].message.header.origin_ts_ns
            try:
                self.take(&pending.events[place])
            except BaseException as error:
                self.fail(desk, error)
        if self.batches and self.trading:
            try:
                self.callback = "on_batch"
                self.strategy.on_batch(self.context, batch_of(pending))
            except BaseException as error:
                self.fail(desk, error)
        if self.trading and ended:
            self.stop(desk)
        self.context.desk = NULL
        self.stats.intents += desk.intents - intents
        self.stats.python_ns += host_now_ns() - started_ns

    cdef void at_desk(self, Desk *desk) except *:
        desk.account = self.account
        self.context.desk = desk

    cdef void take(self, const PendingEvent *event) except *:
        """One event: what the context knows of it first, then the callback."""
        cdef Context context = self.context
        cdef int kind = event.message.header.kind
        cdef Report report = None
        if kind_is_report(event.message.header.kind):
            if event.message.report.account != self.account:
                return
            report = report_of(event)
            context.note(report)
        if not self.trading:
            return
        if not context.begun:
            context.begin(event.event_ts_ns)
        if context.timers:
            self.fire_timers(event.event_ts_ns)
        if report is not None:
            self.stats.events += 1
            if self.calls_report:
                self.callback = "on_report"
                self.strategy.on_report(context, report)
        elif kind == BOOK_TOP and self.wants_books:
            self.stats.events += 1
            book = book_of(event)
            context.books[book.instrument] = book
            if not self.batches:
                self.callback = "on_book"
                self.strategy.on_book(context, book)
        elif kind == TRADE and self.wants_trades:
            self.stats.events += 1
            if not self.batches:
                self.callback = "on_trade"
                self.strategy.on_trade(context, trade_of(event))
        elif kind == DECISION:
            self.stats.events += 1
            decision = decision_of(event)
            context.decisions[decision.instrument] = decision
            if self.calls_signal:
                self.callback = "on_signal"
                self.strategy.on_signal(context, decision)

    cdef void fire_timers(self, int64_t event_ts_ns) except *:
        cdef Timer timer = self.context.timers[0]
        self.callback = "on_timer"
        while timer.event_ts_ns <= event_ts_ns:
            heapq.heappop(self.context.timers)
            self.strategy.on_timer(self.context, timer)
            if not self.context.timers:
                return
            timer = self.context.timers[0]

    cdef int64_t next_timer_ts_ns(self) except? -1:
        """When its next timer is due; INT64_MAX without any."""
        if not self.trading or not self.context.timers:
            return INT64_MAX
        return (<Timer>self.context.timers[0]).event_ts_ns

    cdef void stop(self, Desk *desk) except *:
        """The run is over: the last callback, then nothing of the strategy is to be left open."""
        try:
            self.callback = "on_stop"
            self.strategy.on_stop(self.context)
            self.context.cancel_all()
            self.trading = False
            self.stats.state = STRATEGY_STOPPED
        except BaseException as error:
            self.fail(desk, error)

    cdef void fail(self, Desk *desk, object error) except *:
        """Stop the strategy because of an exception, and say so wherever people look."""
        text = f"{error_text(error, self.file)} (in {self.callback})"
        shown = field_of(text, ERROR_BYTES)
        self.trading = False
        self.stats.state = STRATEGY_FAILED
        self.stats.failed_ts_ns = desk.event_ts_ns
        memcpy(self.stats.error, <const char *>shown, len(shown))
        left = len(self.context.open_orders)
        self.context.cancel_all()
        self.context.logger.error(
            "stopped: %s; cancelling its %d open orders", text, left, exc_info=error
        )
