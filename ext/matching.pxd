"""How takers meet makers where more than a fill may happen, and what could be filled at once.

The plain loop is `match` in book.pxd. Here: makers of a recording, icebergs, reduce-only and linked
orders, an account's own orders, and positions that fills move. Cost: as a fill, and the search for
the positions of both sides. `fillable` adds up levels; only on a side with unusual makers, or for
an account that must not trade with itself, it walks orders.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hft.core.accounts cimport (
    NO_ACCOUNT,
    SELF_TRADE_RULE_MASK,
    Accounts,
    position_move,
    reducible_lots,
)
from hft.core.answers cimport report
from hft.core.book cimport (
    Taker,
    fill_reports,
    join,
    leave,
    level_after,
    level_at,
    match,
    price_reaches,
    shrink,
    side_at,
)
from hft.core.departures cimport all_lots, cancel, go, hidden_lots, order_price, take_link
from hft.core.ghosts cimport ghost_add, order_set_life
from hft.core.hints cimport likely
from hft.core.messages cimport (
    CANCELLED,
    LINK_ENDED,
    NOTHING_TO_REDUCE,
    RESTATED,
    SELF_TRADE,
    SELF_TRADE_CANCEL_BOTH,
    SELF_TRADE_CANCEL_MAKER,
    SELF_TRADE_CANCEL_TAKER,
    SELF_TRADE_DECREMENT,
)
from hft.core.pools cimport (
    ORDER_HAS_LIFE,
    ORDER_LINKED,
    ORDER_REDUCE_ONLY,
    ORDER_UNUSUAL_MAKER,
    Book,
    BookSide,
    Level,
    Order,
    order_is_ask,
    order_is_recorded,
)

cdef enum:
    TOUCHED_WORDS = 1024  # a bit for each of 65536 instruments


cdef struct Engine:
    Book book
    Accounts accounts
    char *arena  # of accounts
    size_t arena_bytes
    uint64_t arrivals  # the last arrival number
    int64_t lines  # of stops that lined up
    # Instruments other than the command's own that it has touched.
    bint touched_others
    uint64_t touched[TOUCHED_WORDS]
    # Of the audit: own lots that should be live, and what it has seen of amended ones.
    uint64_t audited_lots
    uint64_t audited_amended_lots


cdef inline void touch_other(Engine *engine, uint32_t instrument) noexcept nogil:
    engine.touched[instrument >> 6] |= <uint64_t>1 << (instrument & 63)
    engine.touched_others = True


cdef inline uint8_t self_trade_rule(const Engine *engine, uint16_t account) noexcept nogil:
    return engine.accounts.rules[account] & SELF_TRADE_RULE_MASK


cdef inline void taker_init(const Engine *engine, Taker *taker, uint32_t instrument,
                            uint64_t order_id, uint32_t index, uint16_t account, int is_ask,
                            bint any_price, int64_t limit_ticks, int64_t lots) noexcept nogil:
    """An own order that may trade now; `index` is that of its record, 0 if it has none."""
    taker.order_id = order_id
    taker.left_lots = lots
    taker.limit_ticks = limit_ticks
    taker.instrument = instrument
    taker.index = index
    taker.avoided_account = NO_ACCOUNT
    if self_trade_rule(engine, account):
        taker.avoided_account = account
    taker.account = account
    taker.is_ask = is_ask
    taker.any_price = any_price
    taker.recorded = False
    taker.careful = engine.accounts.position_count != 0 or (
        engine.book.orders[index].flags & ORDER_LINKED
    ) != 0


cdef inline void take_from(Book *book, uint32_t index, int64_t lots) noexcept nogil:
    """A maker loses `lots` of its leaves, not of its recorded life; an iceberg shows its next part.
    """
    cdef Order *order = &book.orders[index]
    cdef Level *level = &book.levels[order.level]
    cdef int64_t price_ticks = level.price_ticks
    cdef uint32_t instrument = level.instrument
    cdef int64_t shown_lots
    if order_is_recorded(order) and not order.flags & ORDER_HAS_LIFE:
        order_set_life(book, index, order.leaves_lots)
    if lots < order.leaves_lots:
        shrink(book, index, lots)
    elif order_is_recorded(order):
        leave(book, index)
        ghost_add(book, index, instrument, price_ticks)
    elif hidden_lots(book, index):
        # Others may have filled its level up meanwhile; it has at least the room that it frees.
        shown_lots = min(book.terms[index].display_lots, book.terms[index].hidden_lots,
                         INT64_MAX - (level.total_lots - lots))
        book.terms[index].hidden_lots -= shown_lots
        leave(book, index)
        join(book, instrument, index, level_at(book, instrument, order_is_ask(order), price_ticks),
             price_ticks, shown_lots, False)
    else:
        go(book, index)


cdef inline bint cut_to_position(Engine *engine, uint32_t index,
                                 uint32_t instrument) noexcept nogil:
    """Hold a resting reduce-only order to the position; whether it still is there."""
    cdef Order *order = &engine.book.orders[index]
    cdef int64_t allowed_lots = reducible_lots(&engine.accounts, instrument, order.account,
                                               order_is_ask(order))
    cdef int64_t cut_lots = order.leaves_lots - allowed_lots
    if cut_lots <= 0:
        return True
    if allowed_lots == 0:
        cancel(&engine.book, index, NOTHING_TO_REDUCE)
        return False
    report(&engine.book.say, RESTATED, order.order_id, order_price(&engine.book, index), cut_lots,
           allowed_lots, order.account, NOTHING_TO_REDUCE, order_is_ask(order))
    shrink(&engine.book, index, cut_lots)
    return True


cdef inline void fill_unusual(Engine *engine, Taker *taker, uint32_t index) noexcept nogil:
    """A fill with all that may hang on it."""
    cdef Book *book = &engine.book
    cdef Order *maker = &book.orders[index]
    cdef int64_t lots = min(maker.leaves_lots, taker.left_lots)
    cdef bint maker_own = not order_is_recorded(maker)
    cdef uint16_t maker_account = maker.account
    cdef uint32_t other_of_maker, other_of_taker
    fill_reports(book, taker, maker, lots, all_lots(book, index) - lots)
    if engine.accounts.position_count:
        if maker_own:
            position_move(&engine.accounts, taker.instrument, maker_account, not taker.is_ask, lots)
        if not taker.recorded:
            position_move(&engine.accounts, taker.instrument, taker.account, taker.is_ask, lots)
    other_of_maker = take_link(book, index)
    other_of_taker = take_link(book, taker.index) if taker.index else 0
    take_from(book, index, lots)
    if other_of_maker:
        cancel(book, other_of_maker, LINK_ENDED)
    if other_of_taker:
        cancel(book, other_of_taker, LINK_ENDED)


cdef inline void taker_ends(Engine *engine, Taker *taker) noexcept nogil:
    """Self-trade prevention takes all that is left of a taker."""
    cdef uint32_t other = take_link(&engine.book, taker.index) if taker.index else 0
    report(&engine.book.say, CANCELLED, taker.order_id, taker.limit_ticks, taker.left_lots, 0,
           taker.account, SELF_TRADE, taker.is_ask)
    taker.left_lots = 0
    if other:
        cancel(&engine.book, other, LINK_ENDED)


cdef inline void decrement(Engine *engine, Taker *taker, uint32_t index) noexcept nogil:
    """Both lose the smaller quantity without a trade."""
    cdef Book *book = &engine.book
    cdef const Order *maker = &book.orders[index]
    cdef int64_t lots = min(maker.leaves_lots, taker.left_lots)
    cdef int64_t maker_left_lots = all_lots(book, index) - lots
    cdef uint32_t other_of_maker = 0
    cdef uint32_t other_of_taker = 0
    taker.left_lots -= lots
    report(&book.say, RESTATED if maker_left_lots else CANCELLED, maker.order_id,
           order_price(book, index), lots, maker_left_lots, maker.account, SELF_TRADE,
           order_is_ask(maker))
    report(&book.say, RESTATED if taker.left_lots else CANCELLED, taker.order_id,
           taker.limit_ticks, lots, taker.left_lots, taker.account, SELF_TRADE, taker.is_ask)
    if maker_left_lots == 0:
        other_of_maker = take_link(book, index)
    if taker.left_lots == 0 and taker.index:
        other_of_taker = take_link(book, taker.index)
    take_from(book, index, lots)
    if other_of_maker:
        cancel(book, other_of_maker, LINK_ENDED)
    if other_of_taker:
        cancel(book, other_of_taker, LINK_ENDED)


cdef inline void avoid_self_trade(Engine *engine, Taker *taker, uint32_t index) noexcept nogil:
    cdef uint8_t rule = self_trade_rule(engine, taker.account)
    if rule == SELF_TRADE_DECREMENT:
        decrement(engine, taker, index)
        return
    if rule == SELF_TRADE_CANCEL_MAKER or rule == SELF_TRADE_CANCEL_BOTH:
        cancel(&engine.book, index, SELF_TRADE)
    if rule == SELF_TRADE_CANCEL_TAKER or rule == SELF_TRADE_CANCEL_BOTH:
        taker_ends(engine, taker)


cdef inline void meet(Engine *engine, Taker *taker, uint32_t index) noexcept nogil:
    """A taker and the next maker, whatever that is."""
    cdef Order *maker = &engine.book.orders[index]
    if maker.flags & ORDER_REDUCE_ONLY and not cut_to_position(engine, index, taker.instrument):
        return
    if maker.account == taker.avoided_account and not order_is_recorded(maker):
        avoid_self_trade(engine, taker, index)
    else:
        fill_unusual(engine, taker, index)


cdef inline void match_all(Engine *engine, Taker *taker) noexcept nogil:
    """An own taker against everything in its reach."""
    cdef uint32_t index = match(&engine.book, taker)
    while index:
        meet(engine, taker, index)
        index = match(&engine.book, taker)


cdef inline void match_own(Engine *engine, Taker *taker, bint limit_included,
                           uint32_t stop_index) noexcept nogil:
    """A recorded taker against the own orders in its reach.

    Reaches up to its limit (or just before it), and at that price up to the order `stop_index`.
    """
    cdef Book *book = &engine.book
    cdef int side = not taker.is_ask
    cdef BookSide *there = side_at(book, taker.instrument, side)
    cdef uint32_t level = there.best
    cdef uint32_t index, following
    cdef int64_t price_ticks
    cdef bint unusual
    while taker.left_lots and level and there.own_count:
        price_ticks = book.levels[level].price_ticks
        if not price_reaches(taker.limit_ticks, price_ticks, side):
            break
        if price_ticks == taker.limit_ticks and not limit_included:
            break
        index = book.levels[level].head
        while taker.left_lots and index and index != stop_index:
            following = book.orders[index].next
            if not order_is_recorded(&book.orders[index]):
                unusual = (book.orders[index].flags & ORDER_UNUSUAL_MAKER) != 0
                meet(engine, taker, index)
                if unusual:
                    # The queue may have changed anywhere: start again at its head.
                    level = level_at(book, taker.instrument, side, price_ticks)
                    following = book.levels[level].head
            index = following
        level = level_after(book, taker.instrument, side, price_ticks)


cdef inline void recorded_taker_init(Taker *taker, uint32_t instrument, uint64_t order_id,
                                     uint16_t account, int is_ask, int64_t limit_ticks,
                                     int64_t lots) noexcept nogil:
    taker.order_id = order_id
    taker.left_lots = lots
    taker.limit_ticks = limit_ticks
    taker.instrument = instrument
    taker.index = 0
    taker.avoided_account = NO_ACCOUNT
    taker.account = account
    taker.is_ask = is_ask
    taker.any_price = False
    taker.careful = True
    taker.recorded = True


cdef inline bint fillable(const Engine *engine, const Taker *taker,
                          int64_t wanted_lots) noexcept nogil:
    """Whether what is in reach, and sure to be there, adds up to `wanted_lots`."""
    cdef const Book *book = &engine.book
    cdef int side = not taker.is_ask
    cdef const BookSide *there = side_at(book, taker.instrument, side)
    cdef bint by_order = there.unusual_count != 0 or (
        taker.avoided_account <= 0xFFFF and there.own_count != 0
    )
    cdef uint32_t index
    cdef uint32_t level = there.best
    cdef const Order *order
    cdef uint64_t hidden
    while level:
        if not taker.any_price and not price_reaches(taker.limit_ticks,
                                                     book.levels[level].price_ticks, side):
            return False
        if likely(not by_order):
            if book.levels[level].total_lots >= wanted_lots:
                return True
            wanted_lots -= book.levels[level].total_lots
        else:
            hidden = 0
            index = book.levels[level].head
            while index:
                order = &book.orders[index]
                if order.account == taker.avoided_account and not order_is_recorded(order):
                    if self_trade_rule(engine, taker.account) != SELF_TRADE_CANCEL_MAKER:
                        return False
                elif not order.flags & (ORDER_REDUCE_ONLY | ORDER_LINKED):
                    if order.leaves_lots >= wanted_lots:
                        return True
                    wanted_lots -= order.leaves_lots
                    # Comes behind all that is at the price; no more counts than is wanted.
                    hidden = min(hidden + <uint64_t>hidden_lots(book, index),
                                 <uint64_t>INT64_MAX)
                index = order.next
            if <int64_t>hidden >= wanted_lots:
                return True
            wanted_lots -= <int64_t>hidden
        level = level_after(book, taker.instrument, side, book.levels[level].price_ticks)
    return False
