"""What a compiled strategy is to the signal node: callbacks, and a desk to trade from.

Callbacks run in the node's step, without the GIL, on one message at a time, in the order in which
the engine said them. `desk.event_ts_ns` is the node's time. Intents are appended to the desk's
outbox; whether they become orders is for the risk gate to say. Every strategy has an account of its
own, under which its orders go, and hears of those orders only.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from hft.core.features cimport Features
from hft.core.messages cimport (
    CANCEL_ORDER,
    GTC,
    LIMIT,
    NEW_ORDER,
    REPLACE_ORDER,
    SOURCE_SHIFT,
    SOURCE_STRATEGY,
    BookTop,
    Command,
    Decision,
    Report,
    Trade,
)
from hft.core.outbox cimport Outbox, outbox_next


cdef struct Desk:
    Outbox out
    int64_t event_ts_ns
    int64_t origin_ts_ns  # of the message at work, passed on to what it causes
    uint64_t orders_numbered
    uint64_t intents
    uint16_t account  # of the strategy at work
    int64_t timer_ts_ns  # of the strategy at work: when it wants on_timer; INT64_MAX: never


cdef struct StrategyCalls:
    void *state
    void (*on_book)(void *state, Desk *desk, const BookTop *top,
                    const Features *features) noexcept nogil
    void (*on_trade)(void *state, Desk *desk, const Trade *trade) noexcept nogil
    void (*on_signal)(void *state, Desk *desk, const Decision *decision) noexcept nogil
    void (*on_report)(void *state, Desk *desk, const Report *report) noexcept nogil
    void (*on_timer)(void *state, Desk *desk) noexcept nogil
    void (*on_start)(void *state, Desk *desk) noexcept nogil
    void (*on_stop)(void *state, Desk *desk) noexcept nogil


cdef class Strategy:
    cdef StrategyCalls calls


cdef inline Command *desk_intent(Desk *desk, uint8_t kind, uint32_t instrument,
                                 uint64_t order_id) noexcept nogil:
    cdef Command *intent = &outbox_next(&desk.out).command
    memset(intent, 0, sizeof(Command))
    intent.header.origin_ts_ns = desk.origin_ts_ns
    intent.header.instrument = <uint16_t>instrument
    intent.header.kind = kind
    intent.header.source = SOURCE_STRATEGY
    intent.order_id = order_id
    intent.event_ts_ns = desk.event_ts_ns
    intent.account = desk.account
    desk.intents += 1
    return intent


cdef inline Command *desk_new(Desk *desk, uint32_t instrument, uint8_t side, int64_t price_ticks,
                              int64_t qty_lots) noexcept nogil:
    """Intend a good-till-cancelled limit order; the caller may change what makes it one."""
    cdef Command *intent
    desk.orders_numbered += 1
    intent = desk_intent(desk, NEW_ORDER, instrument,
                         <uint64_t>SOURCE_STRATEGY << SOURCE_SHIFT | desk.orders_numbered)
    intent.side = side
    intent.price_ticks = price_ticks
    intent.qty_lots = qty_lots
    intent.order_type = LIMIT
    intent.time_in_force = GTC
    return intent


cdef inline void desk_replace(Desk *desk, uint32_t instrument, uint64_t order_id,
                              int64_t price_ticks, int64_t qty_lots) noexcept nogil:
    """Intend that an order rests at a price with a quantity left."""
    cdef Command *intent = desk_intent(desk, REPLACE_ORDER, instrument, order_id)
    intent.price_ticks = price_ticks
    intent.qty_lots = qty_lots


cdef inline void desk_cancel(Desk *desk, uint32_t instrument, uint64_t order_id) noexcept nogil:
    desk_intent(desk, CANCEL_ORDER, instrument, order_id)
