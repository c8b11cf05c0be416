"""The pre-trade risk gate: positions from reports, limits before every order.

State is a function of the intents and reports seen, in order. Every check is integer arithmetic; a
product is taken in 128 bits and one that leaves 64 bits is a refusal. Cash is kept in tick-lots
(price times quantity), so it is exact for linear instruments whatever the tick is worth; quote
money is computed where it is shown.

A position limit counts what is held plus everything that could still fill on the order's side;
while a replace is on its way, both the old quantity and the new. Cost: a hash probe and a dozen
comparisons. The open orders known are bounded by `open_orders`.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hft.core.idmap cimport IdMap
from hft.core.messages cimport Command, Message


cdef struct RiskLimits:
    int64_t order_lots  # largest order
    int64_t position_lots  # largest position, either way
    int64_t order_notional_micros  # largest order in quote micros
    int64_t price_band_bps  # farthest limit price from the mid, in basis points
    int64_t loss_micros  # engages the kill switch; 0: none
    uint32_t orders_per_second  # new and replacing orders in any second of market time
    uint32_t open_orders


cdef struct RiskInstrument:
    RiskLimits limits
    int64_t order_increment_ticks
    uint64_t value_numerator  # quote micros of a tick-lot, as a fraction
    uint64_t value_denominator
    int64_t position_lots
    int64_t cash_tick_lots
    int64_t mark_half_ticks  # best bid plus best ask; valid when has_mark
    int64_t open_buy_lots
    int64_t open_sell_lots
    uint32_t open_orders
    bint has_mark
    bint has_reference  # both sides are there now


cdef struct OpenOrder:
    uint64_t order_id  # first: the id map compares it
    int64_t leaves_lots  # what could still fill, counting replaces on their way
    int64_t confirmed_lots  # what the engine last said is left
    uint16_t instrument
    uint16_t account
    uint8_t side
    uint8_t replaces  # on their way
    bint confirmed  # the engine has accepted it
    uint32_t next_free


cdef struct RiskCounts:
    uint64_t intents
    uint64_t passed
    uint64_t refused
    uint64_t accepted
    uint64_t fills
    uint64_t filled
    uint64_t cancelled
    uint64_t replaced
    uint64_t rejected


cdef struct RiskGate:
    RiskInstrument *instruments
    uint32_t instrument_count
    OpenOrder *orders  # index 0 is nil
    IdMap ids
    uint32_t order_fresh
    uint32_t order_free
    # Times of the newest orders that passed, a circle of `rate_capacity` a instrument.
    int64_t *recent_ts_ns
    uint32_t *recent_place
    uint32_t rate_capacity
    bint killed
    RiskCounts counts


cdef int risk_init(RiskGate *gate, uint32_t instruments) except -1
cdef int risk_allocate(RiskGate *gate) except -1
cdef void risk_free(RiskGate *gate) noexcept nogil
cdef uint8_t risk_check(RiskGate *gate, const Command *intent) noexcept nogil
cdef void risk_on_message(RiskGate *gate, const Message *message) noexcept nogil
cdef bint risk_loss_exceeded(const RiskGate *gate, uint32_t instrument) noexcept nogil


cdef class Risk:
    cdef RiskGate gate
    cdef int check_instrument(self, uint32_t instrument) except -1
