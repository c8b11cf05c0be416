"""Microstructure features of the best bid and ask, brought up to date by every BOOK_TOP.

With bid b, ask a (ticks) and their quantities q_b, q_a (lots):

- spread = a - b; imbalance = (q_b - q_a) / (q_b + q_a), from -1 (all asked) to 1 (all bid);
- microprice = (a q_b + b q_a) / (q_b + q_a), the mid leaning to the thinner side (Stoikov, "The
  micro-price", 2018, first order);
- order flow of an event = [b >= b'] q_b - [b <= b'] q_b' - [a <= a'] q_a + [a >= a'] q_a', primes
  for the state before (Cont, Kukanov, Stoikov, "The price impact of order book events", 2014); kept
  as a sum that halves every `OFI_HALF_LIFE_NS` of market time.

While a side is empty, the features stay as they were and `valid` is false.
"""

from libc.math cimport exp2
from libc.stdint cimport int64_t

from hft.core.messages cimport BookTop

cdef enum:
    OFI_HALF_LIFE_NS = 1_000_000_000


cdef struct Features:
    int64_t bid_price_ticks
    int64_t bid_lots
    int64_t ask_price_ticks
    int64_t ask_lots
    int64_t event_ts_ns
    double spread_ticks
    double imbalance
    double microprice_ticks
    double order_flow_imbalance
    bint valid


cdef inline void features_update(Features *features, const BookTop *top) noexcept nogil:
    cdef double flow = 0
    cdef double bid = <double>top.bid_lots
    cdef double ask = <double>top.ask_lots
    cdef bint valid = top.bid_lots > 0 and top.ask_lots > 0
    if valid:
        if features.valid:
            if top.bid_price_ticks >= features.bid_price_ticks:
                flow += bid
            if top.bid_price_ticks <= features.bid_price_ticks:
                flow -= <double>features.bid_lots
            if top.ask_price_ticks <= features.ask_price_ticks:
                flow -= ask
            if top.ask_price_ticks >= features.ask_price_ticks:
                flow += <double>features.ask_lots
        features.order_flow_imbalance = flow + features.order_flow_imbalance * exp2(
            -<double>(top.event_ts_ns - features.event_ts_ns) / OFI_HALF_LIFE_NS
        )
        features.spread_ticks = <double>(top.ask_price_ticks - top.bid_price_ticks)
        features.imbalance = (bid - ask) / (bid + ask)
        features.microprice_ticks = (
            <double>top.bid_price_ticks + features.spread_ticks * bid / (bid + ask)
        )
        features.bid_price_ticks = top.bid_price_ticks
        features.ask_price_ticks = top.ask_price_ticks
        features.bid_lots = top.bid_lots
        features.ask_lots = top.ask_lots
        features.event_ts_ns = top.event_ts_ns
    features.valid = valid
