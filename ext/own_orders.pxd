"""What own orders do: enter, leave, change, and be swept away. The rules are in docs/engine.md."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from hft.core.book cimport (
    ORDER_POST_ONLY,
    BookSide,
    Order,
    idmap_find,
    level_after,
    order_dequeue,
    order_enqueue,
    order_give_slot,
    order_is_ask,
    order_is_recorded,
    order_price,
    order_reduce,
    order_remove,
    order_take_slot,
)
from hft.core.matching cimport (
    echo,
    Engine,
    report,
    reject,
    top,
    match_all,
    fillable,
    would_match,
    check_entry,
    find_on,
)
from hft.core.messages cimport (
    ACCEPTED,
    BAD_FLAGS,
    BAD_ID,
    BAD_ORDER_TYPE,
    BAD_TIME_IN_FORCE,
    CANCELLED,
    DUPLICATE_ID,
    FOK,
    FOK_UNFILLABLE,
    GTC,
    HALTED,
    INSTRUMENT_HALTED,
    IOC_REMAINDER,
    KILLED,
    MARKET,
    MARKET_REMAINDER,
    NONE,
    OPEN,
    POST_ONLY,
    REPLACED,
    REQUESTED,
    SELL,
    SOURCE_SHIFT,
    UNKNOWN_ORDER,
    WRONG_ACCOUNT,
    Command,
)


cdef inline bint is_stopped(const Engine *engine, uint32_t instrument, int is_ask,
                            const Command *command, bint any_price) noexcept nogil:
    """Whether the instrument's state forbids that this order enters now."""
    cdef uint8_t state = engine.book.instruments[instrument].state
    return state != OPEN and (
        state == HALTED
        or would_match(engine, instrument, is_ask, any_price, command.price_ticks)
    )


cdef inline uint8_t check_new(const Engine *engine, const Command *command) noexcept nogil:
    cdef int is_ask = command.side == SELL
    cdef bint any_price = command.order_type == MARKET
    cdef uint32_t instrument = command.header.instrument
    if command.order_type > MARKET:
        return BAD_ORDER_TYPE
    if command.time_in_force > FOK:
        return BAD_TIME_IN_FORCE
    if command.flags:
        if command.flags != POST_ONLY or any_price or command.time_in_force != GTC:
            return BAD_FLAGS
    if command.order_id >> SOURCE_SHIFT == 0:
        return BAD_ID
    if idmap_find(&engine.book.ids, command.order_id):
        return DUPLICATE_ID
    if is_stopped(engine, instrument, is_ask, command, any_price):
        return INSTRUMENT_HALTED
    return check_entry(engine, instrument, is_ask, command, any_price, command.flags == POST_ONLY)


cdef inline void new_order(Engine *engine, const Command *command) noexcept nogil:
    cdef int is_ask = command.side == SELL
    cdef bint any_price = command.order_type == MARKET
    cdef uint32_t instrument = command.header.instrument
    cdef int64_t left_lots = command.qty_lots
    cdef uint32_t index
    cdef uint8_t reason = check_new(engine, command)
    if reason:
        reject(engine, command, reason)
        return
    report(engine, ACCEPTED, command.order_id, command.price_ticks, 0, left_lots, command.account,
           NONE, is_ask)
    if command.time_in_force == FOK and not fillable(
        engine, instrument, not is_ask, any_price, command.price_ticks, left_lots
    ):
        reason = FOK_UNFILLABLE
    else:
        left_lots = match_all(engine, instrument, not is_ask, any_price, command.price_ticks,
                              left_lots, command.order_id, command.account)
        if any_price:
            reason = MARKET_REMAINDER
        elif command.time_in_force != GTC:
            reason = IOC_REMAINDER
    if left_lots == 0:
        return
    if reason:
        report(engine, CANCELLED, command.order_id, command.price_ticks, left_lots, 0,
               command.account, reason, is_ask)
        return
    index = order_take_slot(&engine.book, instrument, is_ask, command.order_id, command.account)
    if command.flags & POST_ONLY:
        engine.book.orders[index].flags |= ORDER_POST_ONLY
    engine.book.cold[index].entered_ts_ns = command.event_ts_ns
    order_enqueue(&engine.book, index, command.price_ticks, left_lots, False)


cdef inline uint32_t find_own(Engine *engine, const Command *command) noexcept nogil:
    """The own order that a command names and may touch; 0 after a rejection."""
    cdef uint32_t index = 0
    if command.order_id >> SOURCE_SHIFT:
        index = find_on(engine, command)
    if index == 0:
        reject(engine, command, UNKNOWN_ORDER)
    elif engine.book.accounts[index] != command.account:
        reject(engine, command, WRONG_ACCOUNT)
        index = 0
    return index


cdef inline void cancel_order(Engine *engine, const Command *command) noexcept nogil:
    cdef uint32_t index = find_own(engine, command)
    if index:
        cancel_resting(engine, index, REQUESTED)


cdef inline void cancel_resting(Engine *engine, uint32_t index, uint8_t reason) noexcept nogil:
    cdef Order *order = &engine.book.orders[index]
    report(engine, CANCELLED, order.order_id, order_price(&engine.book, index), order.leaves_lots,
           0, engine.book.accounts[index], reason, order_is_ask(order))
    order_remove(&engine.book, index)


cdef inline void replace_order(Engine *engine, const Command *command) noexcept nogil:
    cdef uint32_t instrument = command.header.instrument
    cdef uint32_t index = find_own(engine, command)
    cdef Order *order
    cdef int is_ask
    cdef uint8_t reason, post_only
    cdef int64_t left_lots = command.qty_lots
    if index == 0:
        return
    order = &engine.book.orders[index]
    is_ask = order_is_ask(order)
    post_only = order.flags & ORDER_POST_ONLY
    if is_stopped(engine, instrument, is_ask, command, False):
        reason = INSTRUMENT_HALTED
    else:
        reason = check_entry(engine, instrument, is_ask, command, False, post_only)
    if reason:
        reject(engine, command, reason)
        return
    report(engine, REPLACED, command.order_id, command.price_ticks, 0, left_lots, command.account,
           NONE, is_ask)
    if command.price_ticks == order_price(&engine.book, index) and left_lots <= order.leaves_lots:
        order_reduce(&engine.book, index, order.leaves_lots - left_lots)
        return
    order_dequeue(&engine.book, index)
    left_lots = match_all(engine, instrument, not is_ask, False, command.price_ticks, left_lots,
                          command.order_id, command.account)
    if left_lots:
        order_enqueue(&engine.book, index, command.price_ticks, left_lots, False)
    else:
        order_give_slot(&engine.book, index)


cdef inline void mass_cancel(Engine *engine, const Command *command) noexcept nogil:
    cdef uint32_t instrument, level, index, following
    cdef uint32_t reports = engine.out.count
    cdef int is_ask
    cdef int64_t price_ticks
    cdef BookSide *side
    for instrument in range(engine.book.instrument_count):
        engine.header.instrument = <uint16_t>instrument
        for is_ask in range(2):
            side = &engine.book.instruments[instrument].sides[is_ask]
            level = side.best
            while level and side.own_count:
                price_ticks = engine.book.levels[level].price_ticks
                index = engine.book.levels[level].head
                while index:
                    following = engine.book.orders[index].next
                    if (not order_is_recorded(&engine.book.orders[index])
                            and engine.book.accounts[index] == command.account):
                        cancel_resting(engine, index, KILLED)
                    index = following
                level = level_after(&engine.book, instrument, is_ask, price_ticks)
    engine.header.instrument = command.header.instrument
    if engine.out.count == reports:
        echo(engine, command, CANCELLED, 0, 0, REQUESTED)
    for instrument in range(engine.book.instrument_count):
        top(engine, instrument, command.event_ts_ns)
