"""What the risk gate checks and how it follows positions. Layout and costs are in risk.pxd."""

import numpy as np

from libc.math cimport fabs
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from hft.core.buffers cimport bytes_of, writable_bytes_of
from hft.core.idmap cimport (
    idmap_add,
    idmap_entries_for,
    idmap_find,
    idmap_remove,
)
from hft.core.messages cimport (
    ACCEPTED,
    BOOK_TOP,
    BUY,
    CANCELLED,
    CANCEL_ORDER,
    DAY,
    FILLED,
    MARKET,
    NEW_ORDER,
    NONE,
    POST_ONLY,
    REJECTED,
    REPLACED,
    REPLACE_ORDER,
    RISK_BAD_ORDER,
    RISK_KILL_SWITCH,
    RISK_NOTIONAL,
    RISK_NO_REFERENCE,
    RISK_OFF_TICK,
    RISK_OPEN_ORDERS,
    RISK_ORDER_RATE,
    RISK_ORDER_SIZE,
    RISK_POSITION,
    RISK_PRICE_BAND,
    RISK_UNKNOWN_INSTRUMENT,
    RISK_UNKNOWN_ORDER,
    SELL,
    SOURCE_SHIFT,
    UNKNOWN_ORDER,
    WRONG_ACCOUNT,
    BookTop,
    Report,
)

from hft.core.messages import COMMAND, MESSAGE

__all__ = ["Risk"]

cdef extern from *:
    """
    #include <stdint.h>
    /* |price * lots| * numerator / denominator, at most INT64_MAX; -1 where that is exceeded. */
    static int64_t hft_value_micros(int64_t price, int64_t lots, uint64_t numerator,
                                    uint64_t denominator) {
        __int128 tick_lots = (__int128)price * lots;
        unsigned __int128 size = tick_lots < 0 ? -(unsigned __int128)tick_lots
                                               : (unsigned __int128)tick_lots;
        unsigned __int128 limit = (~(unsigned __int128)0) / numerator;
        if (size > limit) return -1;
        size = size * numerator / denominator;
        return size > INT64_MAX ? -1 : (int64_t)size;
    }
    static int hft_sum_exceeds(int64_t first, int64_t second, int64_t third, int64_t limit) {
        return (__int128)first + second + third > limit;
    }
    """
    bint sum_exceeds "hft_sum_exceeds"(int64_t first, int64_t second, int64_t third,
                                       int64_t limit) noexcept nogil
    int64_t value_micros "hft_value_micros"(int64_t price_ticks, int64_t qty_lots,
                                            uint64_t numerator, uint64_t denominator) noexcept nogil

cdef enum:
    REPLACES_MAX = 8

cdef int64_t SECOND_NS = 1_000_000_000


cdef int risk_init(RiskGate *gate, uint32_t instruments) except -1:
    memset(gate, 0, sizeof(RiskGate))
    gate.instruments = <RiskInstrument *>calloc(instruments, sizeof(RiskInstrument))
    if gate.instruments == NULL:
        raise MemoryError
    gate.instrument_count = instruments
    return 0


cdef int risk_allocate(RiskGate *gate) except -1:
    """Make the pools, once every instrument's limits are set."""
    cdef uint64_t orders = 0
    cdef uint32_t instrument
    for instrument in range(gate.instrument_count):
        orders += gate.instruments[instrument].limits.open_orders
        gate.rate_capacity = max(gate.rate_capacity,
                                 gate.instruments[instrument].limits.orders_per_second)
    gate.order_fresh = 1
    gate.orders = <OpenOrder *>calloc(orders + 1, sizeof(OpenOrder))
    gate.ids.mask = <uint32_t>(idmap_entries_for(orders) - 1)
    gate.ids.entries = <uint64_t *>calloc(gate.ids.mask + 1, sizeof(uint64_t))
    gate.ids.records = <const char *>gate.orders
    gate.recent_ts_ns = <int64_t *>calloc(
        <size_t>gate.rate_capacity * gate.instrument_count + 1, sizeof(int64_t))
    gate.recent_place = <uint32_t *>calloc(gate.instrument_count, sizeof(uint32_t))
    if (gate.orders == NULL or gate.ids.entries == NULL or gate.recent_ts_ns == NULL
            or gate.recent_place == NULL):
        raise MemoryError
    for place in range(gate.rate_capacity * gate.instrument_count):
        gate.recent_ts_ns[place] = -SECOND_NS
    return 0


cdef void risk_free(RiskGate *gate) noexcept nogil:
    free(gate.instruments)
    free(gate.orders)
    free(gate.ids.entries)
    free(gate.recent_ts_ns)
    free(gate.recent_place)


# Open orders


cdef inline uint32_t find_open(const RiskGate *gate, uint64_t order_id) noexcept nogil:
    """Index of an open order, 0 if none has the id."""
    return idmap_find(&gate.ids, order_id, sizeof(OpenOrder))


cdef inline int64_t *open_lots(RiskGate *gate, const OpenOrder *order) noexcept nogil:
    cdef RiskInstrument *instrument = &gate.instruments[order.instrument]
    return &instrument.open_buy_lots if order.side == BUY else &instrument.open_sell_lots


cdef void open_order(RiskGate *gate, const Command *intent) noexcept nogil:
    cdef uint32_t index = gate.order_free
    cdef OpenOrder *order
    if index:
        gate.order_free = gate.orders[index].next_free
    else:
        index = gate.order_fresh
        gate.order_fresh += 1
    order = &gate.orders[index]
    order.order_id = intent.order_id
    order.leaves_lots = order.confirmed_lots = intent.qty_lots
    order.replaces = 0
    order.instrument = intent.header.instrument
    order.account = intent.account
    order.side = intent.side
    order.confirmed = False
    open_lots(gate, order)[0] += order.leaves_lots
    gate.instruments[order.instrument].open_orders += 1
    idmap_add(&gate.ids, order.order_id, index, sizeof(OpenOrder))


cdef void close_order(RiskGate *gate, uint32_t index) noexcept nogil:
    cdef OpenOrder *order = &gate.orders[index]
    open_lots(gate, order)[0] -= order.leaves_lots
    gate.instruments[order.instrument].open_orders -= 1
    idmap_remove(&gate.ids, order.order_id, index)
    order.next_free = gate.order_free
    gate.order_free = index


cdef inline void set_leaves(RiskGate *gate, OpenOrder *order, int64_t leaves_lots) noexcept nogil:
    open_lots(gate, order)[0] += leaves_lots - order.leaves_lots
    order.leaves_lots = leaves_lots


# Limits


cdef inline bint in_band(const RiskInstrument *instrument, int64_t price_ticks) noexcept nogil:
    """Whether a price is within price_band_bps of the mid; in doubles, exact enough for a band."""
    cdef double mid = 0.5 * <double>instrument.mark_half_ticks
    cdef double away = fabs(<double>price_ticks - mid)
    return away * 10_000 <= <double>instrument.limits.price_band_bps * fabs(mid)


cdef bint rate_exceeded(RiskGate *gate, uint32_t instrument, int64_t ts_ns) noexcept nogil:
    """Whether orders_per_second orders passed in the last second; if not, this one counts."""
    cdef uint32_t limit = gate.instruments[instrument].limits.orders_per_second
    cdef uint32_t *place = &gate.recent_place[instrument]
    cdef int64_t *oldest = &gate.recent_ts_ns[instrument * gate.rate_capacity + place[0]]
    if limit == 0 or ts_ns - oldest[0] < SECOND_NS:
        return True
    oldest[0] = ts_ns
    place[0] = place[0] + 1 if place[0] + 1 < limit else 0
    return False


cdef uint8_t check_size(const RiskGate *gate, const Command *intent, uint8_t side) noexcept nogil:
    """The limits of an order's size, price, value, and of the position it could lead to."""
    cdef const RiskInstrument *instrument = &gate.instruments[intent.header.instrument]
    cdef int64_t price_ticks = intent.price_ticks
    cdef int64_t notional_micros
    cdef bint exceeded
    cdef bint any_price = intent.header.kind == NEW_ORDER and intent.order_type == MARKET
    if intent.qty_lots <= 0:
        return RISK_BAD_ORDER
    if intent.qty_lots > instrument.limits.order_lots:
        return RISK_ORDER_SIZE
    if not instrument.has_reference:
        return RISK_NO_REFERENCE
    if any_price:
        price_ticks = instrument.mark_half_ticks // 2
    else:
        if price_ticks % instrument.order_increment_ticks:
            return RISK_OFF_TICK
        if not in_band(instrument, price_ticks):
            return RISK_PRICE_BAND
    notional_micros = value_micros(price_ticks, intent.qty_lots, instrument.value_numerator,
                                   instrument.value_denominator)
    if notional_micros < 0 or notional_micros > instrument.limits.order_notional_micros:
        return RISK_NOTIONAL
    if side == BUY:
        exceeded = sum_exceeds(instrument.open_buy_lots, intent.qty_lots, instrument.position_lots,
                               instrument.limits.position_lots)
    else:
        # The position that a sale could lead to, beyond the limit on the other side.
        exceeded = sum_exceeds(instrument.open_sell_lots, intent.qty_lots,
                               -instrument.position_lots, instrument.limits.position_lots)
    return RISK_POSITION if exceeded else NONE


cdef uint8_t check_new(RiskGate *gate, const Command *intent) noexcept nogil:
    cdef RiskInstrument *instrument = &gate.instruments[intent.header.instrument]
    cdef uint8_t reason
    if intent.side != BUY and intent.side != SELL:
        return RISK_BAD_ORDER
    # What the gate could not hold to its limits: a stop's price, a peg's, options it never sees.
    if (intent.order_type > MARKET or intent.time_in_force > DAY
            or intent.flags & ~<int>POST_ONLY):
        return RISK_BAD_ORDER
    # An id of the recording's would be filled by the recording's reports.
    if intent.order_id >> SOURCE_SHIFT == 0 or find_open(gate, intent.order_id):
        return RISK_BAD_ORDER
    reason = check_size(gate, intent, intent.side)
    if reason:
        return reason
    if instrument.open_orders >= instrument.limits.open_orders:
        return RISK_OPEN_ORDERS
    if rate_exceeded(gate, intent.header.instrument, intent.event_ts_ns):
        return RISK_ORDER_RATE
    open_order(gate, intent)
    return NONE


cdef uint8_t check_replace(RiskGate *gate, const Command *intent) noexcept nogil:
    cdef uint32_t index = find_open(gate, intent.order_id)
    cdef OpenOrder *order
    cdef uint8_t reason
    if index == 0 or gate.orders[index].instrument != intent.header.instrument:
        return RISK_UNKNOWN_ORDER
    order = &gate.orders[index]
    if order.account != intent.account:
        return RISK_UNKNOWN_ORDER
    if intent.flags:
        return RISK_BAD_ORDER
    if order.replaces == REPLACES_MAX:
        return RISK_ORDER_RATE
    # The old quantity may fill before the replace arrives, and the new one after.
    reason = check_size(gate, intent, order.side)
    if reason:
        return reason
    if rate_exceeded(gate, intent.header.instrument, intent.event_ts_ns):
        return RISK_ORDER_RATE
    order.replaces += 1
    set_leaves(gate, order, order.leaves_lots + intent.qty_lots)
    return NONE


cdef void replace_answered(RiskGate *gate, OpenOrder *order) noexcept nogil:
    """A replace was done or rejected: with the last one, only what is confirmed counts."""
    if order.replaces:
        order.replaces -= 1
        if order.replaces == 0:
            set_leaves(gate, order, order.confirmed_lots)


cdef uint8_t risk_check(RiskGate *gate, const Command *intent) noexcept nogil:
    """NONE if an intent may go on to the engine, else the Reason why not."""
    cdef uint8_t reason
    gate.counts.intents += 1
    if intent.header.instrument >= gate.instrument_count:
        reason = RISK_UNKNOWN_INSTRUMENT
    elif intent.header.kind == CANCEL_ORDER:
        # Also while killed: it only makes the risk smaller. An order that isn't known is over.
        reason = NONE if find_open(gate, intent.order_id) else RISK_UNKNOWN_ORDER
    elif gate.killed:
        reason = RISK_KILL_SWITCH
    elif intent.header.kind == NEW_ORDER:
        reason = check_new(gate, intent)
    elif intent.header.kind == REPLACE_ORDER:
        reason = check_replace(gate, intent)
    else:
        reason = RISK_BAD_ORDER
    if reason:
        gate.counts.refused += 1
    else:
        gate.counts.passed += 1
    return reason


cdef bint risk_loss_exceeded(const RiskGate *gate, uint32_t index) noexcept nogil:
    """Whether an instrument's loss, marked at the mid, is beyond its limit."""
    cdef const RiskInstrument *instrument = &gate.instruments[index]
    cdef double half_tick_lots
    if instrument.limits.loss_micros == 0 or not instrument.has_mark:
        return False
    half_tick_lots = (
        2 * <double>instrument.cash_tick_lots
        + <double>instrument.position_lots * <double>instrument.mark_half_ticks
    )
    return half_tick_lots / 2 * <double>instrument.value_numerator / (
        <double>instrument.value_denominator
    ) < -<double>instrument.limits.loss_micros


# Reports


cdef void on_fill(RiskGate *gate, const Report *report, uint32_t index) noexcept nogil:
    cdef RiskInstrument *instrument = &gate.instruments[report.header.instrument]
    cdef OpenOrder *order = &gate.orders[index]
    cdef int64_t lots = report.last_lots if report.side == BUY else -report.last_lots
    gate.counts.fills += 1
    instrument.position_lots += lots
    instrument.cash_tick_lots -= lots * report.price_ticks
    set_leaves(gate, order, order.leaves_lots - report.last_lots)
    order.confirmed_lots = report.leaves_lots
    if report.leaves_lots == 0:
        gate.counts.filled += 1
        close_order(gate, index)


cdef void on_report(RiskGate *gate, const Report *report) noexcept nogil:
    cdef uint32_t index
    cdef OpenOrder *order
    cdef uint8_t kind = report.header.kind
    if kind == REJECTED:
        gate.counts.rejected += 1
        if report.reason == UNKNOWN_ORDER or report.reason == WRONG_ACCOUNT:
            # Of a cancel, or of a replace that an order's end overtook: no open order changes.
            return
    index = find_open(gate, report.order_id)
    if index == 0 or gate.orders[index].instrument != report.header.instrument:
        return
    order = &gate.orders[index]
    if kind == ACCEPTED:
        gate.counts.accepted += 1
        order.confirmed = True
    elif kind == FILLED:
        on_fill(gate, report, index)
    elif kind == CANCELLED:
        gate.counts.cancelled += 1
        close_order(gate, index)
    elif kind == REPLACED:
        gate.counts.replaced += 1
        order.confirmed_lots = report.leaves_lots
        replace_answered(gate, order)
    elif kind == REJECTED and order.confirmed:
        replace_answered(gate, order)
    elif kind == REJECTED:
        close_order(gate, index)


cdef void on_book_top(RiskInstrument *instrument, const BookTop *top) noexcept nogil:
    """Mark at the mid; while only one side is there, at that side, and let nothing new pass."""
    instrument.has_reference = top.bid_lots > 0 and top.ask_lots > 0
    if instrument.has_reference:
        instrument.mark_half_ticks = top.bid_price_ticks + top.ask_price_ticks
    elif top.bid_lots:
        instrument.mark_half_ticks = 2 * top.bid_price_ticks
    elif top.ask_lots:
        instrument.mark_half_ticks = 2 * top.ask_price_ticks
    else:
        return
    instrument.has_mark = True


cdef void risk_on_message(RiskGate *gate, const Message *message) noexcept nogil:
    """Follow what the engine says: the best prices and what became of own orders."""
    cdef RiskInstrument *instrument
    if message.header.instrument >= gate.instrument_count:
        return
    if message.header.kind != BOOK_TOP:
        on_report(gate, &message.report)
    else:
        instrument = &gate.instruments[message.header.instrument]
        on_book_top(instrument, &message.book_top)


cdef class Risk:
    """The risk gate for Python.

    Args:
        instruments: per instrument a dict with the fields of RiskLimits, `order_increment_ticks`,
            `value_numerator` and `value_denominator` (quote micros of a tick-lot).
    """

    def __cinit__(self, instruments):
        cdef uint32_t index
        cdef RiskInstrument *instrument
        risk_init(&self.gate, len(instruments))
        for index, given in enumerate(instruments):
            instrument = &self.gate.instruments[index]
            instrument.limits = {
                "order_lots": given["order_lots"],
                "position_lots": given["position_lots"],
                "order_notional_micros": given["order_notional_micros"],
                "price_band_bps": given["price_band_bps"],
                "loss_micros": given["loss_micros"],
                "orders_per_second": given["orders_per_second"],
                "open_orders": given["open_orders"],
            }
            instrument.order_increment_ticks = given["order_increment_ticks"]
            instrument.value_numerator = given["value_numerator"]
            instrument.value_denominator = given["value_denominator"]
        risk_allocate(&self.gate)

    def __dealloc__(self):
        risk_free(&self.gate)

    def check(self, intents):
        """The Reason of each intent of a COMMAND array, as uint8; 0 means that it passed."""
        intents = np.ascontiguousarray(intents, COMMAND)
        reasons = np.zeros(len(intents), np.uint8)
        cdef const Command *commands = <const Command *>bytes_of(intents)
        cdef uint8_t *answers = <uint8_t *>writable_bytes_of(reasons)
        cdef Py_ssize_t place
        for place in range(len(intents)):
            answers[place] = risk_check(&self.gate, &commands[place])
        return reasons

    def follow(self, messages):
        """Take in reports and BOOK_TOPs, a MESSAGE array."""
        messages = np.ascontiguousarray(messages).view(MESSAGE)
        cdef const Message *first = <const Message *>bytes_of(messages)
        cdef Py_ssize_t place
        for place in range(len(messages)):
            risk_on_message(&self.gate, &first[place])

    def kill(self):
        """Engage the kill switch."""
        self.gate.killed = True

    def position(self, uint32_t instrument):
        """Position, cash in tick-lots, open quantities and orders of an instrument, as a dict."""
        self.check_instrument(instrument)
        cdef RiskInstrument *found = &self.gate.instruments[instrument]
        return {
            "position_lots": found.position_lots,
            "cash_tick_lots": found.cash_tick_lots,
            "open_buy_lots": found.open_buy_lots,
            "open_sell_lots": found.open_sell_lots,
            "open_orders": found.open_orders,
        }

    def counts(self):
        """What passed, what was refused and what became of it, as a dict."""
        return self.gate.counts

    cdef int check_instrument(self, uint32_t instrument) except -1:
        if instrument >= self.gate.instrument_count:
            raise IndexError(
                f"instrument must be below {self.gate.instrument_count}, was {instrument}"
            )
        return 0
