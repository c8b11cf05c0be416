"""How a step of the engine answers, and how takers meet makers.

An answer is one message appended to the step's outbox. Matching is by price, then time, at the
maker's price; a recorded taker passes over recorded makers (docs/engine.md).
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hft.core.book cimport (
    ORDER_HAS_LIFE,
    Book,
    BookSide,
    InstrumentBook,
    Level,
    Order,
    book_has_room,
    ghost_add,
    idmap_find,
    level_after,
    level_at,
    order_dequeue,
    order_is_ask,
    order_is_recorded,
    order_price,
    order_reduce,
    order_remove,
    order_set_life,
    price_reaches,
)
from hft.core.messages cimport (
    BAD_QTY,
    BOOK_TOP,
    BUY,
    FILLED,
    NONE,
    POOL_FULL,
    POST_ONLY_WOULD_MATCH,
    REJECTED,
    SELL,
    TRADE,
    BookTop,
    Command,
    Header,
    Report,
    Trade,
)
from hft.core.outbox cimport Outbox, outbox_next


cdef struct EngineCounts:
    uint64_t commands
    uint64_t trades
    uint64_t traded_lots
    uint64_t rejected


cdef struct Engine:
    Book book
    Outbox *out
    EngineCounts counts
    # Of the command at work: the header of its answers, its cause, how many reports it has got.
    Header header
    uint32_t cause
    uint32_t reports


cdef inline void report(Engine *engine, uint8_t kind, uint64_t order_id, int64_t price_ticks,
                        int64_t last_lots, int64_t leaves_lots, uint16_t account, uint8_t reason,
                        int is_ask) noexcept nogil:
    cdef Report *answer = &outbox_next(engine.out).report
    answer.header = engine.header
    answer.header.kind = kind
    answer.order_id = order_id
    answer.price_ticks = price_ticks
    answer.last_lots = last_lots
    answer.leaves_lots = leaves_lots
    answer.cause = engine.cause
    answer.account = account
    answer.reason = reason
    answer.side = SELL if is_ask else BUY
    engine.reports += 1


cdef inline void trade(Engine *engine, uint64_t maker_order_id, uint64_t taker_order_id,
                       int64_t price_ticks, int64_t qty_lots, int maker_is_ask,
                       bint hidden) noexcept nogil:
    cdef Trade *answer = &outbox_next(engine.out).trade
    answer.header = engine.header
    answer.header.kind = TRADE
    answer.maker_order_id = maker_order_id
    answer.taker_order_id = taker_order_id
    answer.price_ticks = price_ticks
    answer.qty_lots = qty_lots
    answer.cause = engine.cause
    answer.side = BUY if maker_is_ask else SELL
    answer.hidden = hidden
    answer.reserved = 0
    engine.counts.trades += 1
    engine.counts.traded_lots += <uint64_t>qty_lots


cdef inline void echo(Engine *engine, const Command *command, uint8_t kind, uint64_t order_id,
                      int64_t last_lots, uint8_t reason) noexcept nogil:
    """A report about the command itself, with its price, account and side, whatever they may be."""
    report(engine, kind, order_id, command.price_ticks, last_lots, 0, command.account, reason, 0)
    engine.out.messages[engine.out.count - 1].report.side = command.side


cdef inline void reject(Engine *engine, const Command *command, uint8_t reason) noexcept nogil:
    echo(engine, command, REJECTED, command.order_id, command.qty_lots, reason)
    engine.counts.rejected += 1


cdef inline void top(Engine *engine, uint32_t instrument, int64_t event_ts_ns) noexcept nogil:
    """A BOOK_TOP, if the best prices or quantities are not those last told."""
    cdef InstrumentBook *book = &engine.book.instruments[instrument]
    cdef int64_t price_ticks[2]
    cdef int64_t lots[2]
    cdef uint32_t level
    cdef int is_ask
    cdef BookTop *answer
    for is_ask in range(2):
        level = book.sides[is_ask].best
        price_ticks[is_ask] = engine.book.levels[level].price_ticks if level else 0
        lots[is_ask] = engine.book.levels[level].total_lots if level else 0
    if (price_ticks[0] == book.top_price_ticks[0] and lots[0] == book.top_lots[0]
            and price_ticks[1] == book.top_price_ticks[1] and lots[1] == book.top_lots[1]):
        return
    for is_ask in range(2):
        book.top_price_ticks[is_ask] = price_ticks[is_ask]
        book.top_lots[is_ask] = lots[is_ask]
    answer = &outbox_next(engine.out).book_top
    answer.header = engine.header
    answer.header.kind = BOOK_TOP
    answer.header.instrument = <uint16_t>instrument
    answer.bid_price_ticks = price_ticks[0]
    answer.bid_lots = lots[0]
    answer.ask_price_ticks = price_ticks[1]
    answer.ask_lots = lots[1]
    answer.event_ts_ns = event_ts_ns


cdef inline void take_from(Engine *engine, uint32_t index, int64_t lots) noexcept nogil:
    """An arriving or recorded taker takes `lots` of a resting order's leaves, not of its life."""
    cdef Order *order = &engine.book.orders[index]
    cdef int64_t price_ticks
    if order_is_recorded(order):
        if not order.flags & ORDER_HAS_LIFE:
            order_set_life(&engine.book, index, order.leaves_lots)
        if lots == order.leaves_lots:
            price_ticks = order_price(&engine.book, index)
            order_dequeue(&engine.book, index)
            ghost_add(&engine.book, index, price_ticks)
            return
    elif lots == order.leaves_lots:
        order_remove(&engine.book, index)
        return
    order_reduce(&engine.book, index, lots)


cdef inline int64_t fill(Engine *engine, uint32_t index, int64_t wanted_lots, uint64_t taker_id,
                         uint16_t taker_account) noexcept nogil:
    """Match a resting order with a taker that still wants `wanted_lots`; the lots traded."""
    cdef Order *order = &engine.book.orders[index]
    cdef int64_t lots = min(order.leaves_lots, wanted_lots)
    cdef int64_t price_ticks = engine.book.levels[order.level].price_ticks
    cdef int is_ask = order_is_ask(order)
    trade(engine, order.order_id, taker_id, price_ticks, lots, is_ask, False)
    if order.order_id:
        report(engine, FILLED, order.order_id, price_ticks, lots, order.leaves_lots - lots,
               engine.book.accounts[index], NONE, is_ask)
    if taker_id:
        report(engine, FILLED, taker_id, price_ticks, lots, wanted_lots - lots, taker_account, NONE,
               not is_ask)
    take_from(engine, index, lots)
    return lots


cdef inline int64_t match_all(Engine *engine, uint32_t instrument, int maker_is_ask,
                              bint any_price, int64_t limit_ticks, int64_t wanted_lots,
                              uint64_t taker_id, uint16_t account) noexcept nogil:
    """An own taker against everything in its reach, best price first; what it still wants."""
    cdef BookSide *side = &engine.book.instruments[instrument].sides[maker_is_ask]
    cdef Level *level
    while wanted_lots and side.best:
        level = &engine.book.levels[side.best]
        if not any_price and not price_reaches(limit_ticks, level.price_ticks, maker_is_ask):
            break
        wanted_lots -= fill(engine, level.head, wanted_lots, taker_id, account)
    return wanted_lots


cdef inline int64_t match_own(Engine *engine, uint32_t instrument, int maker_is_ask,
                              int64_t limit_ticks, bint limit_included, uint32_t stop_index,
                              int64_t wanted_lots, uint64_t taker_id,
                              uint16_t account) noexcept nogil:
    """A recorded taker against the own orders in its reach; what it still wants.

    Reaches up to `limit_ticks` (or just before it), and at that price up to the order `stop_index`.
    """
    cdef BookSide *side = &engine.book.instruments[instrument].sides[maker_is_ask]
    cdef uint32_t level_index = side.best
    cdef uint32_t index, following
    cdef int64_t price_ticks
    while wanted_lots and level_index and side.own_count:
        price_ticks = engine.book.levels[level_index].price_ticks
        if not price_reaches(limit_ticks, price_ticks, maker_is_ask):
            break
        if price_ticks == limit_ticks and not limit_included:
            break
        index = engine.book.levels[level_index].head
        while wanted_lots and index and index != stop_index:
            following = engine.book.orders[index].next
            if not order_is_recorded(&engine.book.orders[index]):
                wanted_lots -= fill(engine, index, wanted_lots, taker_id, account)
            index = following
        level_index = level_after(&engine.book, instrument, maker_is_ask, price_ticks)
    return wanted_lots


cdef inline bint fillable(const Engine *engine, uint32_t instrument, int maker_is_ask,
                          bint any_price, int64_t limit_ticks, int64_t wanted_lots) noexcept nogil:
    """Whether everything in reach adds up to `wanted_lots`."""
    cdef uint32_t index = engine.book.instruments[instrument].sides[maker_is_ask].best
    cdef const Level *level
    while index:
        level = &engine.book.levels[index]
        if not any_price and not price_reaches(limit_ticks, level.price_ticks, maker_is_ask):
            return False
        if level.total_lots >= wanted_lots:
            return True
        wanted_lots -= level.total_lots
        index = level_after(&engine.book, instrument, maker_is_ask, level.price_ticks)
    return False


cdef inline bint would_match(const Engine *engine, uint32_t instrument, int is_ask, bint any_price,
                             int64_t limit_ticks) noexcept nogil:
    cdef uint32_t best = engine.book.instruments[instrument].sides[not is_ask].best
    return best and (
        any_price or price_reaches(limit_ticks, engine.book.levels[best].price_ticks, not is_ask)
    )


cdef inline uint8_t check_entry(const Engine *engine, uint32_t instrument, int is_ask,
                                const Command *command, bint any_price,
                                bint post_only) noexcept nogil:
    """What keeps an order from entering the book as it stands: a Reason, NONE if nothing does."""
    cdef uint32_t level
    if not book_has_room(&engine.book):
        return POOL_FULL
    if not any_price:
        level = level_at(&engine.book, instrument, is_ask, command.price_ticks)
        if level and engine.book.levels[level].total_lots > INT64_MAX - command.qty_lots:
            return BAD_QTY
    if post_only and would_match(engine, instrument, is_ask, any_price, command.price_ticks):
        return POST_ONLY_WOULD_MATCH
    return NONE


cdef inline uint32_t find_on(const Engine *engine, const Command *command) noexcept nogil:
    """The order that a command names, if it is on the command's instrument; else 0."""
    cdef uint32_t index = idmap_find(&engine.book.ids, command.order_id) if command.order_id else 0
    if index and engine.book.orders[index].instrument != command.header.instrument:
        return 0
    return index
