"""The side of the signal node that strategies in Python see. What it does is in the .pyx."""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from hft.core.control cimport StrategyStats
from hft.core.events cimport Report
from hft.core.pending cimport Pending, PendingEvent
from hft.core.strategy cimport Desk


cdef bytes field_of(str text, Py_ssize_t room_bytes)


cdef class Order:
    cdef readonly uint64_t order_id
    cdef readonly uint32_t instrument
    cdef readonly object side
    cdef readonly int64_t price_ticks, leaves_lots
    cdef readonly bint working, cancelling


cdef class Context:
    cdef Desk *desk  # NULL outside of a callback
    cdef readonly tuple instruments
    cdef readonly object orders
    cdef dict open_orders  # what `orders` shows
    cdef readonly object logger
    cdef list positions
    cdef list books
    cdef list decisions
    cdef list timers
    cdef bint begun  # there was an event: a market, and a time
    cdef Desk *at_work(self) except NULL
    cdef int64_t place(self, instrument) except? -1
    cdef object new_order(self, object side, object price_ticks, object qty_lots,
                          object instrument, object time_in_force, bint post_only)
    cdef void begin(self, int64_t event_ts_ns) except *
    cdef void note(self, Report report) except *


cdef class PythonStrategy:
    cdef readonly Context context
    cdef readonly object strategy
    cdef readonly str name
    cdef readonly str file
    cdef str callback  # the one at work, for errors
    cdef StrategyStats *stats
    cdef uint16_t account
    cdef bint trading  # neither failed nor stopped
    cdef readonly bint wants_books, wants_trades
    cdef bint batches, calls_signal, calls_report

    cdef void start(self, Desk *desk, StrategyStats *stats, uint16_t account) except *
    cdef void deliver(self, Desk *desk, const Pending *pending, bint ended) except *
    cdef void at_desk(self, Desk *desk) except *
    cdef void take(self, const PendingEvent *event) except *
    cdef void fire_timers(self, int64_t event_ts_ns) except *
    cdef int64_t next_timer_ts_ns(self) except? -1
    cdef void stop(self, Desk *desk) except *
    cdef void fail(self, Desk *desk, object error) except *
