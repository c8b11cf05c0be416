"""Pegged orders: prices that follow the best prices of the book.

A peg rests in the book like any order, and stands in its instrument's list of pegs, by arrival.
What pegs look at is compared after every command that touched the instrument; only when it changed,
each peg finds its price again. Cost of that: in proportion to the instrument's pegs. Without pegs:
one look at a counter.
"""

from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint32_t

from hft.core.answers cimport report
from hft.core.book cimport join, leave, level_after, level_at, side_at
from hft.core.messages cimport PARKED, PEG_ASK, PEG_BID, PEG_MOVED, PRE_OPEN, RESTATED
from hft.core.pools cimport Book, InstrumentBook, Order, OrderTerms, order_is_ask
from hft.core.prices cimport level_takes, passive_price


cdef inline bint best_of(const Book *book, uint32_t instrument, int side, bint with_pegs,
                         int64_t *ticks) noexcept nogil:
    """The best price of a side, counting pegs or not; whether there is one."""
    cdef uint32_t level = side_at(book, instrument, side).best
    if not with_pegs:
        while level and book.level_pegs[level] == book.levels[level].order_count:
            level = level_after(book, instrument, side, book.levels[level].price_ticks)
    ticks[0] = book.levels[level].price_ticks
    return level != 0


cdef inline int64_t saturated_sum(int64_t left, int64_t right) noexcept nogil:
    if right > 0 and left > INT64_MAX - right:
        return INT64_MAX
    if right < 0 and left < INT64_MIN - right:
        return INT64_MIN
    return left + right


cdef inline int64_t middle(int64_t bid_ticks, int64_t ask_ticks, int is_ask) noexcept nogil:
    """(bid + ask) / 2, rounded away from the other side, without overflow."""
    cdef int64_t below = (bid_ticks & ask_ticks) + ((bid_ticks ^ ask_ticks) >> 1)
    return below + ((bid_ticks ^ ask_ticks) & 1) if is_ask else below


cdef inline bint peg_price(const Book *book, uint32_t index, int64_t lots,
                           int64_t *ticks) noexcept nogil:
    """Where a peg of so many lots belongs now; whether anywhere."""
    cdef const OrderTerms *terms = &book.terms[index]
    cdef const Order *order = &book.orders[index]
    cdef uint32_t instrument = terms.instrument
    cdef int is_ask = order_is_ask(order)
    cdef int64_t bid_ticks, ask_ticks
    cdef bint bid = best_of(book, instrument, 0, False, &bid_ticks)
    cdef bint ask = best_of(book, instrument, 1, False, &ask_ticks)
    if (terms.order_type != PEG_ASK and not bid) or (terms.order_type != PEG_BID and not ask):
        return False
    if terms.order_type == PEG_BID:
        ticks[0] = bid_ticks
    elif terms.order_type == PEG_ASK:
        ticks[0] = ask_ticks
    else:
        ticks[0] = middle(bid_ticks, ask_ticks, is_ask)
    ticks[0] = saturated_sum(ticks[0], terms.trigger_ticks)
    if is_ask:
        ticks[0] = max(ticks[0], terms.limit_ticks,
                       book.instruments[instrument].rules.price_min_ticks)
    else:
        ticks[0] = min(ticks[0], terms.limit_ticks,
                       book.instruments[instrument].rules.price_max_ticks)
    if not passive_price(book, instrument, is_ask, ticks):
        return False
    if order.level and book.levels[order.level].price_ticks == ticks[0]:
        # Where it is it needs room only for what it gains.
        return (book.levels[order.level].total_lots - order.leaves_lots) <= INT64_MAX - lots
    return level_takes(book, instrument, is_ask, ticks[0], lots)


cdef inline void peg_place(Book *book, uint32_t index, bint somewhere, int64_t price_ticks,
                           int64_t lots) noexcept nogil:
    """Let a peg that stands in no queue rest at a price, or park it."""
    cdef Order *order = &book.orders[index]
    cdef uint32_t instrument = book.terms[index].instrument
    cdef int side = order_is_ask(order)
    if somewhere:
        join(book, instrument, index, level_at(book, instrument, side, price_ticks), price_ticks,
             lots, False)
    else:
        order.leaves_lots = lots


cdef inline void peg_follow(Book *book, uint32_t index) noexcept nogil:
    """Move one peg, if its price is another."""
    cdef Order *order = &book.orders[index]
    cdef int64_t lots = order.leaves_lots
    cdef int64_t price_ticks = 0
    cdef bint somewhere = peg_price(book, index, lots, &price_ticks)
    if order.level:
        if somewhere and book.levels[order.level].price_ticks == price_ticks:
            return
    elif not somewhere:
        return
    report(&book.say, RESTATED, order.order_id, price_ticks if somewhere else 0, 0, lots,
           order.account, PEG_MOVED if somewhere else PARKED, order_is_ask(order))
    if order.level:
        leave(book, index)
    peg_place(book, index, somewhere, price_ticks, lots)


cdef inline bint pegs_look(const Book *book, uint32_t instrument) noexcept nogil:
    """Note what pegs look at; whether it has changed."""
    cdef InstrumentBook *there = &book.instruments[instrument]
    cdef bint changed = False
    cdef int place
    cdef bint seen
    cdef int64_t ticks
    for place in range(4):
        seen = best_of(book, instrument, place & 1, place > 1, &ticks)
        if not seen:
            ticks = 0
        if seen != there.peg_seen[place] or ticks != there.peg_seen_ticks[place]:
            changed = True
            there.peg_seen[place] = seen
            there.peg_seen_ticks[place] = ticks
    return changed


cdef inline void pegs_follow(Book *book, uint32_t instrument) noexcept nogil:
    """After a command: if what they look at has changed, all pegs of an instrument follow."""
    cdef InstrumentBook *there = &book.instruments[instrument]
    cdef uint32_t index
    if there.peg_count == 0 or there.state > PRE_OPEN or not pegs_look(book, instrument):
        return
    book.say.header.instrument = instrument
    index = there.peg_head
    while index:
        peg_follow(book, index)
        index = book.terms[index].next
    pegs_look(book, instrument)
