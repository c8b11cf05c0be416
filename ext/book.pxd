"""The book itself: price levels, the queues at them, and how a taker meets makers.

An instrument has four sides of levels: bids, asks, and the stops that wait for a price. Each side
knows its best level; the others are found through its trie. Orders at a level form a queue.

Cost: to join, shrink or leave at a level that stays touches the order, its neighbours and the
level. A level's first and last order also pay for the trie: one leaf of it as a rule, at most 11
nodes. A match costs the same per maker. Market data, where it is given, is said right here, so that
no change can be forgotten. One process writes; nobody else may read.
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from hft.core.answers cimport report, tell_level, tell_order, trade
from hft.core.hints cimport HFT_AUDIT, likely, unlikely
from hft.core.messages cimport (
    FILLED,
    MARKET_LEVELS,
    MARKET_ORDERS,
    NONE,
    ORDER_JOINED,
    ORDER_JOINED_FRONT,
    ORDER_LEFT,
    ORDER_SHRANK,
)
from hft.core.pools cimport (
    ORDER_PEG,
    ORDER_SPECIAL,
    ORDER_STOP,
    ORDER_RECORDED,
    ORDER_UNUSUAL_MAKER,
    RECENT_LEVELS,
    SIDE_SELL_STOPS,
    Book,
    BookSide,
    InstrumentBook,
    Level,
    Order,
    give_level,
    give_slot,
    order_is_ask,
    order_is_recorded,
    take_level,
)
from hft.core.trie cimport price_key, trie_find, trie_insert, trie_next, trie_remove


# Levels


cdef inline BookSide *side_at(const Book *book, uint32_t instrument, int side) noexcept nogil:
    return &book.instruments[instrument].sides[side]


cdef inline uint32_t *recent_place(InstrumentBook *there, uint32_t side,
                                   int64_t price_ticks) noexcept nogil:
    return &there.recent[side][price_ticks & (RECENT_LEVELS - 1)]


cdef inline uint32_t level_searched(const Book *book, InstrumentBook *there, uint32_t side,
                                    int64_t price_ticks) noexcept nogil:
    """Level index at a price, from the trie; recent from then on."""
    cdef uint32_t index = trie_find(&there.sides[side].trie, &book.nodes,
                                    price_key(price_ticks, side))
    if index:
        recent_place(there, side, price_ticks)[0] = index
    return index


cdef inline uint32_t level_of(const Book *book, InstrumentBook *there, uint32_t side,
                              int64_t price_ticks) noexcept nogil:
    """Level index at a price among bids or asks, 0 if nothing rests there."""
    cdef uint32_t index = recent_place(there, side, price_ticks)[0]
    if likely(book.levels[index].price_ticks == price_ticks and index != 0):
        return index
    return level_searched(book, there, side, price_ticks)


cdef inline uint32_t level_at(const Book *book, uint32_t instrument, int side,
                              int64_t price_ticks) noexcept nogil:
    """Level index at a price, 0 if nothing rests there."""
    cdef InstrumentBook *there = &book.instruments[instrument]
    if side < SIDE_SELL_STOPS:
        return level_of(book, there, side, price_ticks)
    return trie_find(&there.sides[side].trie, &book.nodes, price_key(price_ticks, side))


cdef inline uint32_t level_after(const Book *book, uint32_t instrument, int side,
                                 int64_t price_ticks) noexcept nogil:
    """Level index of the next price away from the best, 0 if there is none."""
    return trie_next(&side_at(book, instrument, side).trie, &book.nodes,
                     price_key(price_ticks, side))


cdef inline bint price_reaches(int64_t limit_ticks, int64_t price_ticks, int side) noexcept nogil:
    """Whether a taker limited to `limit_ticks` may trade with the maker's side at `price_ticks`."""
    return price_key(price_ticks, side) <= price_key(limit_ticks, side)


cdef inline uint32_t level_open(Book *book, uint32_t instrument, int side,
                                int64_t price_ticks) noexcept nogil:
    """A new level, where none is. The caller has checked that there is room."""
    cdef BookSide *there = side_at(book, instrument, side)
    cdef uint64_t key = price_key(price_ticks, side)
    cdef uint32_t index = take_level(book)
    cdef Level *level = &book.levels[index]
    level.price_ticks = price_ticks
    level.total_lots = 0
    level.head = level.tail = level.order_count = 0
    level.instrument = <uint16_t>instrument
    level.side = side
    trie_insert(&there.trie, &book.nodes, key, index)
    if side < SIDE_SELL_STOPS:
        recent_place(&book.instruments[instrument], side, price_ticks)[0] = index
    if there.best == 0 or key < price_key(book.levels[there.best].price_ticks, side):
        there.best = index
    return index


cdef inline void level_close(Book *book, BookSide *there, uint32_t index) noexcept nogil:
    """Remove a level whose last order has gone."""
    cdef Level *level = &book.levels[index]
    cdef uint64_t key = price_key(level.price_ticks, level.side)
    cdef uint32_t *recent
    if there.best == index:
        there.best = trie_next(&there.trie, &book.nodes, key)
    trie_remove(&there.trie, &book.nodes, key)
    if level.side < SIDE_SELL_STOPS:
        recent = recent_place(&book.instruments[level.instrument], level.side, level.price_ticks)
        if recent[0] == index:
            recent[0] = 0
    give_level(book, index)


cdef inline void level_changed(Book *book, InstrumentBook *instrument, uint32_t index,
                               const Order *order, int64_t lots, int action) noexcept nogil:
    """Note a change at a level, and tell it to whoever wants market data."""
    cdef const Level *level = &book.levels[index]
    if index == instrument.sides[level.side].best:
        instrument.top_moved = True
    if unlikely(book.say.market_data != 0) and level.side < SIDE_SELL_STOPS:
        if book.say.market_data & MARKET_ORDERS:
            tell_order(&book.say, level.instrument, level.side, order.order_id, level.price_ticks,
                       lots, action)
        if book.say.market_data & MARKET_LEVELS:
            tell_level(&book.say, level.instrument, level.side, level.price_ticks,
                       level.total_lots, level.order_count)


# Queues


cdef inline int queue_side(const Order *order) noexcept nogil:
    """The side on which an order stands, or would."""
    if unlikely((order.flags & ORDER_STOP) != 0):
        return SIDE_SELL_STOPS + 1 - order_is_ask(order)
    return order_is_ask(order)


cdef inline void append(Book *book, Level *level, uint32_t index) noexcept nogil:
    """Link an order behind the others of its level."""
    cdef Order *order = &book.orders[index]
    cdef uint32_t last = level.tail
    order.prev = last
    order.next = 0
    level.tail = index
    if likely(last != 0):
        book.orders[last].next = index
    else:
        level.head = index


cdef inline void prepend(Book *book, Level *level, uint32_t index) noexcept nogil:
    """Link an order before the others of its level."""
    cdef Order *order = &book.orders[index]
    cdef uint32_t first = level.head
    order.prev = 0
    order.next = first
    level.head = index
    if first:
        book.orders[first].prev = index
    else:
        level.tail = index


cdef inline void note_join(Book *book, uint32_t index) noexcept nogil:
    """For the audit: the place of an order among all that joined a queue."""
    book.joins += 1
    book.joined[index] = book.joins


cdef inline void unlink(Book *book, Level *level, const Order *order) noexcept nogil:
    """Take an order out from between its neighbours."""
    if likely(order.prev != 0):
        book.orders[order.prev].next = order.next
    else:
        level.head = order.next
    if likely(order.next != 0):
        book.orders[order.next].prev = order.prev
    else:
        level.tail = order.prev


cdef inline void count_attributes(Book *book, BookSide *there, uint32_t level_index,
                                  const Order *order, int by) noexcept nogil:
    """What few orders make a side and a level know."""
    there.unusual_count += by * ((order.flags & ORDER_UNUSUAL_MAKER) != 0)
    book.level_pegs[level_index] += by * ((order.flags & ORDER_PEG) != 0)


cdef inline void join(Book *book, uint32_t instrument, uint32_t index, uint32_t level_index,
                      int64_t price_ticks, int64_t leaves_lots, bint at_front) noexcept nogil:
    """Let an order stand at a price, behind the others or before them.

    `level_index` is that of the price, 0 if the level is to be opened.
    """
    cdef InstrumentBook *there = &book.instruments[instrument]
    cdef Order *order = &book.orders[index]
    cdef int side = queue_side(order)
    cdef Level *level
    if unlikely(level_index == 0):
        level_index = level_open(book, instrument, side, price_ticks)
    level = &book.levels[level_index]
    order.level = level_index
    order.leaves_lots = leaves_lots
    if at_front:
        prepend(book, level, index)
    else:
        append(book, level, index)
    level.total_lots += leaves_lots
    level.order_count += 1
    there.sides[side].own_count += not order_is_recorded(order)
    if unlikely((order.flags & (ORDER_UNUSUAL_MAKER | ORDER_PEG)) != 0):
        count_attributes(book, &there.sides[side], level_index, order, 1)
    if HFT_AUDIT:
        note_join(book, index)
        if at_front:
            book.joined[index] = -book.joins
    level_changed(book, there, level_index, order, leaves_lots,
                  ORDER_JOINED_FRONT if at_front else ORDER_JOINED)


cdef inline void leave(Book *book, uint32_t index) noexcept nogil:
    """Take an order out of its queue, with all it has left; its level goes if it was the last."""
    cdef Order *order = &book.orders[index]
    cdef uint32_t level_index = order.level
    cdef Level *level = &book.levels[level_index]
    cdef InstrumentBook *there = &book.instruments[level.instrument]
    cdef BookSide *side = &there.sides[level.side]
    unlink(book, level, order)
    level.total_lots -= order.leaves_lots
    level.order_count -= 1
    side.own_count -= not order_is_recorded(order)
    if unlikely((order.flags & (ORDER_UNUSUAL_MAKER | ORDER_PEG)) != 0):
        count_attributes(book, side, level_index, order, -1)
    level_changed(book, there, level_index, order, 0, ORDER_LEFT)
    order.level = 0
    order.leaves_lots = 0
    if unlikely(level.order_count == 0):
        level_close(book, side, level_index)


cdef inline void shrink(Book *book, uint32_t index, int64_t lots) noexcept nogil:
    """Lower an order's leaves by less than all of it; it keeps its place."""
    cdef Order *order = &book.orders[index]
    cdef Level *level = &book.levels[order.level]
    order.leaves_lots -= lots
    level.total_lots -= lots
    level_changed(book, &book.instruments[level.instrument], order.level, order,
                  order.leaves_lots, ORDER_SHRANK)


# Matching


cdef struct Taker:
    uint64_t order_id  # 0 where nobody is to be reported to
    int64_t left_lots
    int64_t limit_ticks
    uint32_t instrument
    uint32_t index  # of its record, 0 if it has none yet
    uint32_t avoided_account  # whose orders it must not just trade with; beyond 16 bits: none's
    uint16_t account
    int is_ask
    bint any_price
    bint careful  # every maker is a special one
    bint recorded


cdef inline int64_t fill_reports(Book *book, Taker *taker, const Order *maker, int64_t lots,
                                 int64_t maker_leaves_lots) noexcept nogil:
    """Say that a taker has traded with a maker; the price."""
    cdef const Level *level = &book.levels[maker.level]
    cdef int64_t price_ticks = level.price_ticks
    cdef InstrumentBook *instrument = &book.instruments[taker.instrument]
    taker.left_lots -= lots
    instrument.last_trade_ticks = price_ticks
    instrument.traded = True
    trade(&book.say, maker.order_id, taker.order_id, price_ticks, lots, not taker.is_ask, False)
    if maker.order_id:
        report(&book.say, FILLED, maker.order_id, price_ticks, lots, maker_leaves_lots,
               maker.account, NONE, not taker.is_ask)
    if taker.order_id:
        report(&book.say, FILLED, taker.order_id, price_ticks, lots, taker.left_lots,
               taker.account, NONE, taker.is_ask)
    return price_ticks


cdef inline uint32_t match(Book *book, Taker *taker) noexcept nogil:
    """Trade with own makers in reach, best price first, each level's queue from its front.

    Ends before the first maker with which more than a fill happens, and gives its index: one that
    is special, recorded, or of the avoided account. 0: there is nothing more to trade.
    """
    cdef int side = not taker.is_ask
    cdef BookSide *there = side_at(book, taker.instrument, side)
    cdef uint32_t level_index = 0
    cdef uint32_t index
    cdef Level *level
    cdef Order *maker
    cdef int64_t lots
    while taker.left_lots and there.best:
        level = &book.levels[there.best]
        if there.best != level_index:
            level_index = there.best
            if not taker.any_price and not price_reaches(taker.limit_ticks, level.price_ticks,
                                                         side):
                break
        index = level.head
        maker = &book.orders[index]
        if (taker.careful or maker.flags & (ORDER_SPECIAL | ORDER_RECORDED)
                or maker.account == taker.avoided_account):
            return index
        lots = min(maker.leaves_lots, taker.left_lots)
        fill_reports(book, taker, maker, lots, maker.leaves_lots - lots)
        if lots < maker.leaves_lots:
            shrink(book, index, lots)
        else:
            leave(book, index)
            give_slot(book, index)
    return 0
