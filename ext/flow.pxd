"""What recorded events do to a book that own orders share. The rules are in docs/engine.md.

While no own order rests on a side, an event costs what it costs in the recorded book alone. A
recorded execution otherwise walks the queue ahead of the order that it names.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t

from hft.core.answers cimport echo, reject, report, trade
from hft.core.book cimport Taker, join, leave, level_at, shrink
from hft.core.checks cimport check_room
from hft.core.departures cimport order_price
from hft.core.ghosts cimport ghost_add, ghost_remove, order_life, order_set_life
from hft.core.idmap cimport idmap_put
from hft.core.matching cimport Engine, match_own, recorded_taker_init
from hft.core.messages cimport (
    ACCEPTED,
    BAD_ID,
    BAD_QTY,
    CANCELLED,
    DUPLICATE_ID,
    FILLED,
    FORGOTTEN,
    NONE,
    RECORDED_LIFE_ENDED,
    REQUESTED,
    SELL,
    SOURCE_SHIFT,
    UNKNOWN_ORDER,
    Command,
)
from hft.core.own_orders cimport find_on
from hft.core.pools cimport (
    ORDER_ASK,
    ORDER_GHOST,
    ORDER_HAS_LIFE,
    ORDER_RECORDED,
    Book,
    InstrumentBook,
    Order,
    find_order,
    give_slot,
    id_place,
    order_is_ask,
    order_is_recorded,
    take_slot,
)


cdef inline void print_trade(Engine *engine, uint64_t maker_order_id, int64_t price_ticks,
                             int64_t lots, int is_ask, bint hidden) noexcept nogil:
    """A trade that no taker of this book made."""
    cdef InstrumentBook *there = &engine.book.instruments[engine.book.say.header.instrument]
    there.last_trade_ticks = price_ticks
    there.traded = True
    trade(&engine.book.say, maker_order_id, 0, price_ticks, lots, is_ask, hidden)


cdef inline uint32_t anonymous_front(const Engine *engine, uint32_t instrument, int is_ask,
                                     int64_t price_ticks) noexcept nogil:
    """The anonymous order at the front of a level, 0 if none is."""
    cdef uint32_t level = level_at(&engine.book, instrument, is_ask, price_ticks)
    cdef uint32_t index = engine.book.levels[level].head if level else 0
    return index if index and engine.book.orders[index].order_id == 0 else 0


cdef inline void anonymous_grows(Book *book, uint32_t index, int64_t lots) noexcept nogil:
    """The anonymous order at the front of a level comes again with more."""
    cdef uint32_t level = book.orders[index].level
    cdef int64_t price_ticks = book.levels[level].price_ticks
    cdef uint32_t instrument = book.levels[level].instrument
    cdef int side = book.levels[level].side
    lots += book.orders[index].leaves_lots
    leave(book, index)
    join(book, instrument, index, level_at(book, instrument, side, price_ticks), price_ticks, lots,
         True)


cdef inline void flow_enter(Engine *engine, const Command *command,
                            uint64_t order_id) noexcept nogil:
    """FLOW_ADD, or FLOW_SEED with id 0: match own orders, then rest behind or before the queue."""
    cdef Book *book = &engine.book
    cdef uint32_t instrument = command.header.instrument
    cdef int is_ask = command.side == SELL
    cdef uint32_t index, level
    cdef uint32_t anonymous = 0
    cdef Taker taker
    cdef uint8_t reason = check_room(book, instrument, is_ask, command.price_ticks,
                                     command.qty_lots)
    if order_id == 0:
        anonymous = anonymous_front(engine, instrument, is_ask, command.price_ticks)
        if not reason and anonymous and (
            order_life(book, anonymous) > INT64_MAX - command.qty_lots
        ):
            reason = BAD_QTY
    if reason:
        reject(&book.say, command, reason)
        return
    report(&book.say, ACCEPTED, order_id, command.price_ticks, 0, command.qty_lots,
           command.account, NONE, is_ask)
    recorded_taker_init(&taker, instrument, order_id, command.account, is_ask, command.price_ticks,
                        command.qty_lots)
    match_own(engine, &taker, True, 0)
    if anonymous and taker.left_lots:
        order_set_life(book, anonymous, order_life(book, anonymous) + command.qty_lots)
        anonymous_grows(book, anonymous, taker.left_lots)
        return
    index = take_slot(book)
    book.orders[index].order_id = order_id
    book.orders[index].account = command.account
    book.orders[index].flags = ORDER_RECORDED | (ORDER_ASK if is_ask else 0)
    book.orders[index].level = 0
    book.instruments[instrument].recorded = True
    if order_id:
        idmap_put(&book.ids, id_place(book, order_id), order_id, index)
    if taker.left_lots < command.qty_lots:
        order_set_life(book, index, command.qty_lots)
    if taker.left_lots:
        level = level_at(book, instrument, is_ask, command.price_ticks)
        join(book, instrument, index, level, command.price_ticks, taker.left_lots, order_id == 0)
    else:
        ghost_add(book, index, instrument, command.price_ticks)


cdef inline void flow_add(Engine *engine, const Command *command) noexcept nogil:
    if command.order_id == 0 or command.order_id >> SOURCE_SHIFT:
        reject(&engine.book.say, command, BAD_ID)
    elif find_order(&engine.book, command.order_id):
        reject(&engine.book.say, command, DUPLICATE_ID)
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
    index = engine.book.instruments[command.header.instrument].ghost_head[is_ask]
    while index:
        if (engine.book.orders[index].order_id == 0
                and engine.book.lives[index].price_ticks == command.price_ticks):
            return index
        index = engine.book.orders[index].next
    reject(&engine.book.say, command, UNKNOWN_ORDER)
    return 0


cdef inline void recorded_leaves(Book *book, uint32_t index) noexcept nogil:
    """Take a recorded order out of its queue and forget it."""
    leave(book, index)
    give_slot(book, index)


cdef inline void end_life(Engine *engine, uint32_t index, int64_t life_lots,
                          int64_t leaves_lots, int64_t price_ticks) noexcept nogil:
    """A recorded event has left an order with this life and these leaves: make it so."""
    cdef Order *order = &engine.book.orders[index]
    cdef uint32_t instrument
    if life_lots <= 0:
        if leaves_lots:
            if leaves_lots < order.leaves_lots:
                shrink(&engine.book, index, order.leaves_lots - leaves_lots)
            report(&engine.book.say, CANCELLED, order.order_id, price_ticks, leaves_lots, 0,
                   engine.book.orders[index].account, RECORDED_LIFE_ENDED, order_is_ask(order))
        if order.flags & ORDER_GHOST:
            ghost_remove(&engine.book, index)
        else:
            recorded_leaves(&engine.book, index)
        return
    if life_lots != leaves_lots or order.flags & ORDER_HAS_LIFE:
        order_set_life(&engine.book, index, life_lots)
    if order.flags & ORDER_GHOST:
        return
    if leaves_lots:
        if leaves_lots < order.leaves_lots:
            shrink(&engine.book, index, order.leaves_lots - leaves_lots)
    else:
        instrument = engine.book.levels[order.level].instrument
        leave(&engine.book, index)
        ghost_add(&engine.book, index, instrument, price_ticks)


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
    report(&engine.book.say, CANCELLED, order.order_id, price_ticks, lost_lots,
           leaves_lots - lost_lots, order.account, REQUESTED, order_is_ask(order))
    end_life(engine, index, life_lots - asked_lots, leaves_lots - lost_lots, price_ticks)


cdef inline void flow_execute(Engine *engine, const Command *command) noexcept nogil:
    cdef uint32_t instrument = command.header.instrument
    cdef uint32_t index = find_recorded(engine, command)
    cdef Order *order
    cdef Taker taker
    cdef int is_ask
    cdef bint queued
    cdef int64_t life_lots, price_ticks, traded_lots
    if index == 0:
        return
    order = &engine.book.orders[index]
    is_ask = order_is_ask(order)
    queued = not order.flags & ORDER_GHOST
    price_ticks = order_price(&engine.book, index)
    life_lots = order_life(&engine.book, index)
    recorded_taker_init(&taker, instrument, 0, 0, not is_ask, price_ticks, command.qty_lots)
    match_own(engine, &taker, queued, index)
    traded_lots = min(taker.left_lots, order.leaves_lots)
    if traded_lots:
        print_trade(engine, order.order_id, price_ticks, traded_lots, is_ask, False)
        if order.order_id:
            report(&engine.book.say, FILLED, order.order_id, price_ticks, traded_lots,
                   order.leaves_lots - traded_lots, order.account, NONE, is_ask)
    displace(engine, instrument, command.qty_lots - traded_lots)
    end_life(engine, index, life_lots - command.qty_lots, order.leaves_lots - traded_lots,
             price_ticks)


cdef inline void flow_hidden(Engine *engine, const Command *command) noexcept nogil:
    cdef uint32_t instrument = command.header.instrument
    cdef int is_ask = command.side == SELL
    cdef Taker taker
    recorded_taker_init(&taker, instrument, 0, 0, not is_ask, command.price_ticks,
                        command.qty_lots)
    match_own(engine, &taker, True, 0)
    displace(engine, instrument, command.qty_lots - taker.left_lots)
    if taker.left_lots:
        print_trade(engine, 0, command.price_ticks, taker.left_lots, is_ask, True)


cdef inline void flow_forget(Engine *engine, const Command *command) noexcept nogil:
    cdef Book *book = &engine.book
    cdef uint32_t instrument = command.header.instrument
    cdef int is_ask = command.side == SELL
    cdef uint32_t level = level_at(book, instrument, is_ask, command.price_ticks)
    cdef uint32_t index = book.levels[level].head
    cdef uint32_t following
    cdef int64_t gone_lots = 0
    while index:
        if order_is_recorded(&book.orders[index]):
            gone_lots += book.orders[index].leaves_lots
        index = book.orders[index].next
    echo(&book.say, command, CANCELLED, 0, gone_lots, FORGOTTEN)
    index = book.levels[level].head if gone_lots else 0
    while index:
        following = book.orders[index].next
        if order_is_recorded(&book.orders[index]):
            recorded_leaves(book, index)
        index = following
    index = book.instruments[instrument].ghost_head[is_ask]
    while index:
        following = book.orders[index].next
        if book.lives[index].price_ticks == command.price_ticks:
            ghost_remove(book, index)
        index = following
