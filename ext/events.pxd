"""The objects that strategies in Python are called with. What they mean is in events.pyx."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hft.core.pending cimport Pending, PendingEvent


cdef class Book:
    cdef readonly uint32_t instrument
    cdef readonly int64_t event_ts_ns, bid_price_ticks, bid_lots, ask_price_ticks, ask_lots
    cdef readonly double spread_ticks, imbalance, microprice_ticks, order_flow_imbalance
    cdef readonly bint valid


cdef class Trade:
    cdef readonly uint32_t instrument
    cdef readonly int64_t event_ts_ns, price_ticks, qty_lots
    cdef readonly object side


cdef class Decision:
    cdef readonly uint32_t instrument
    cdef readonly int64_t event_ts_ns, expiry_ts_ns
    cdef readonly int direction, signals
    cdef readonly double confidence, size, disagreement, log_odds
    cdef readonly object reason


cdef class Report:
    cdef readonly uint32_t instrument
    cdef readonly uint64_t order_id
    cdef readonly int64_t event_ts_ns, price_ticks, last_lots, leaves_lots
    cdef readonly object kind, side, reason


cdef class Timer:
    cdef readonly str name
    cdef readonly int64_t event_ts_ns


cdef class Batch:
    cdef readonly object events


cdef Book book_of(const PendingEvent *event)
cdef Trade trade_of(const PendingEvent *event)
cdef Decision decision_of(const PendingEvent *event)
cdef Report report_of(const PendingEvent *event)
cdef Batch batch_of(const Pending *pending)
