"""What recorded events do to a book that own orders share. The rules are in docs/engine.md.

While no own order rests on a side, an event costs what it costs in the recorded book alone. A
recorded execution otherwise walks the queue ahead of the order that it names.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t

from hft.core.book cimport (
    ORDER_GHOST,
    ORDER_HAS_LIFE,
    InstrumentBook,
    Order,
    ghost_add,
    ghost_remove,
    idmap_find,
    level_at,
    order_dequeue,
    order_enqueue,
    order_is_ask,
    order_is_recorded,
    order_life,
    order_price,
    order_reduce,
    order_remove,
    order_set_life,
    order_take_slot,
)
from hft.core.matching cimport Engine, echo, report, trade, reject, match_own, check_entry, find_on
from hft.core.messages cimport (
    ACCEPTED,
    BAD_FLAGS,
    BAD_ID,
    BAD_QTY,
    CANCELLED,
    DUPLICATE_ID,
    FILLED,
    FLOW_ADD,
    FLOW_CANCEL,
    FLOW_DELETE,
    FLOW_SEED,
    FORGOTTEN,
    HALTED,
    NONE,
    RECORDED_LIFE_ENDED,
    REQUESTED,
    SELL,
    SOURCE_SHIFT,
    UNKNOWN_ORDER,
    Command,
)


cdef inline uint32_t anonymous_front(const Engine *engine, uint32_t instrument, int is_ask,
                                     int64_t price_ticks) noexcept nogil:
    """The anonymous order at the front of a level, 0 if none is."""
    cdef uint32_t level = level_at(&engine.book, instrument, is_ask, price_ticks)
    cdef uint32_t index = engine.book.levels[level].head if level else 0
    return index if index and engine.book.orders[index].order_id == 0 else 0


cdef inline void flow_enter(Engine *engine, const Command *command,
                            uint64_t order_id) noexcept nogil:
    """FLOW_ADD, or FLOW_SEED with id 0: match own orders, then rest behind or before the queue."""
    cdef uint32_t instrument = command.header.instrument
    cdef int is_ask = command.side == SELL
    cdef int64_t left_lots
    cdef uint32_t index
    cdef uint32_t anonymous = 0
    cdef uint8_t reason = check_entry(engine, instrument, is_ask, command, False, False)
    if order_id == 0:
        anonymous = anonymous_front(engine, instrument, is_ask, command.price_ticks)
        if not reason and anonymous and (
            order_life(&engine.book, anonymous) > INT64_MAX - command.qty_lots
        ):
            reason = BAD_QTY
    if reason:
        reject(engine, command, reason)
        return
    report(engine, ACCEPTED, order_id, command.price_ticks, 0, command.qty_lots, command.account,
           NONE, is_ask)
    left_lots = match_own(engine, instrument, not is_ask, command.price_ticks, True, 0,
                          command.qty_lots, order_id, command.account)
    if anonymous and left_lots:
        order_set_life(&engine.book, anonymous,
                       order_life(&engine.book, anonymous) + command.qty_lots)
        order_reduce(&engine.book, anonymous, -left_lots)
        return
    index = order_take_slot(&engine.book, instrument, is_ask, order_id, command.account)
    if left_lots < command.qty_lots:
        order_set_life(&engine.book, index, command.qty_lots)
    if left_lots:
        order_enqueue(&engine.book, index, command.price_ticks, left_lots, order_id == 0)
    else:
        ghost_add(&engine.book, index, command.price_ticks)


cdef inline void flow_add(Engine *engine, const Command *command) noexcept nogil:
    if command.order_id == 0 or command.order_id >> SOURCE_SHIFT:
        reject(engine, command, BAD_ID)
    elif idmap_find(&engine.book.ids, command.order_id):
        reject(engine, command, DUPLICATE_ID)
    else:
        flow_enter(engine, command, command.order_id)


cdef inline void displace(Engine *engine, uint32_t instrument, int64_t lots) noexcept nogil:
    cdef InstrumentBook *book = &engine.book.instruments[instrument]
    # Unsigned, so that a sum over 2^63 wraps instead of being undefined.
    book.displaced_lots = <int64_t>(<uint64_t>book.displaced_lots + <uint64_t>lots)


cdef inline uint32_t find_recorded(Engine *engine, const Command *command) noexcept nogil:
    """The recorded order that a command names or means; 0 after a rejection."""
    cdef uint32_t index = 0
    cdef int is_ask = command.side == SELL
    if command.order_id >> SOURCE_SHIFT == 0:
        index = find_on(engine, command)
    if index == 0:
        index = anonymous_front(engine, command.header.instrument, is_ask, command.price_ticks)
    if index:
        return index
    index = engine.book.instruments[command.header.instrument].sides[is_ask].ghost_head
    while index:
        if (engine.book.orders[index].order_id == 0
                and engine.book.cold[index].price_ticks == command.price_ticks):
            return index
        index = engine.book.orders[index].next
    reject(engine, command, UNKNOWN_ORDER)
    return 0


cdef inline void end_life(Engine *engine, uint32_t index, int64_t life_lots,
                          int64_t leaves_lots, int64_t price_ticks) noexcept nogil:
    """A recorded event has left an order with this life and these leaves: make it so."""
    cdef Order *order = &engine.book.orders[index]
    if life_lots <= 0:
        if leaves_lots:
            report(engine, CANCELLED, order.order_id, price_ticks, leaves_lots, 0,
                   engine.book.accounts[index], RECORDED_LIFE_ENDED, order_is_ask(order))
        if order.flags & ORDER_GHOST:
            ghost_remove(&engine.book, index)
        else:
            order_remove(&engine.book, index)
        return
    if life_lots != leaves_lots or order.flags & ORDER_HAS_LIFE:
        order_set_life(&engine.book, index, life_lots)
    if order.flags & ORDER_GHOST:
        return
    if leaves_lots:
        order_reduce(&engine.book, index, order.leaves_lots - leaves_lots)
    else:
        order_dequeue(&engine.book, index)
        ghost_add(&engine.book, index, price_ticks)


cdef inline void flow_shrink(Engine *engine, const Command *command, bint whole) noexcept nogil:
    """FLOW_CANCEL and FLOW_DELETE."""
    cdef uint32_t index = find_recorded(engine, command)
    cdef Order *order
    cdef int64_t life_lots, leaves_lots, asked_lots, lost_lots, price_ticks
    if index == 0:
        return
    order = &engine.book.orders[index]
    life_lots = order_life(&engine.book, index)
    leaves_lots = order.leaves_lots
    price_ticks = order_price(&engine.book, index)
    if whole and order.order_id:
        asked_lots = life_lots
        lost_lots = leaves_lots
    else:
        # The anonymous order stands for many: only the one that is deleted goes.
        asked_lots = max(0, min(command.qty_lots, life_lots)) if whole else command.qty_lots
        lost_lots = min(asked_lots, leaves_lots)
    if asked_lots > lost_lots:
        displace(engine, command.header.instrument, asked_lots - lost_lots)
    report(engine, CANCELLED, order.order_id, price_ticks, lost_lots, leaves_lots - lost_lots,
           engine.book.accounts[index], REQUESTED, order_is_ask(order))
    end_life(engine, index, life_lots - asked_lots, leaves_lots - lost_lots, price_ticks)


cdef inline void flow_execute(Engine *engine, const Command *command) noexcept nogil:
    cdef uint32_t instrument = command.header.instrument
    cdef uint32_t index = find_recorded(engine, command)
    cdef Order *order
    cdef int is_ask
    cdef bint queued
    cdef int64_t life_lots, price_ticks, wanted_lots, traded_lots
    if index == 0:
        return
    order = &engine.book.orders[index]
    is_ask = order_is_ask(order)
    queued = not order.flags & ORDER_GHOST
    price_ticks = order_price(&engine.book, index)
    life_lots = order_life(&engine.book, index)
    wanted_lots = match_own(engine, instrument, is_ask, price_ticks, queued, index,
                            command.qty_lots, 0, 0)
    traded_lots = min(wanted_lots, order.leaves_lots)
    if traded_lots:
        trade(engine, order.order_id, 0, price_ticks, traded_lots, is_ask, False)
        if order.order_id:
            report(engine, FILLED, order.order_id, price_ticks, traded_lots,
                   order.leaves_lots - traded_lots, engine.book.accounts[index], NONE, is_ask)
    displace(engine, instrument, command.qty_lots - traded_lots)
    end_life(engine, index, life_lots - command.qty_lots, order.leaves_lots - traded_lots,
             price_ticks)


cdef inline void flow_hidden(Engine *engine, const Command *command) noexcept nogil:
    cdef uint32_t instrument = command.header.instrument
    cdef int is_ask = command.side == SELL
    cdef int64_t left_lots = match_own(engine, instrument, is_ask, command.price_ticks, True, 0,
                                       command.qty_lots, 0, 0)
    displace(engine, instrument, command.qty_lots - left_lots)
    if left_lots:
        trade(engine, 0, 0, command.price_ticks, left_lots, is_ask, True)


cdef inline void flow_forget(Engine *engine, const Command *command) noexcept nogil:
    cdef uint32_t instrument = command.header.instrument
    cdef int is_ask = command.side == SELL
    cdef uint32_t level = level_at(&engine.book, instrument, is_ask, command.price_ticks)
    cdef uint32_t index = engine.book.levels[level].head if level else 0
    cdef uint32_t following
    cdef int64_t gone_lots = 0
    while index:
        following = engine.book.orders[index].next
        if order_is_recorded(&engine.book.orders[index]):
            gone_lots += engine.book.orders[index].leaves_lots
            order_remove(&engine.book, index)
        index = following
    index = engine.book.instruments[instrument].sides[is_ask].ghost_head
    while index:
        following = engine.book.orders[index].next
        if engine.book.cold[index].price_ticks == command.price_ticks:
            ghost_remove(&engine.book, index)
        index = following
    echo(engine, command, CANCELLED, 0, gone_lots, FORGOTTEN)


cdef inline void flow_status(Engine *engine, const Command *command) noexcept nogil:
    if command.flags > HALTED:
        reject(engine, command, BAD_FLAGS)
        return
    engine.book.instruments[command.header.instrument].state = command.flags
