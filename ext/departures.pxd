"""How an order goes: out of its queue, out of whatever else knows it, with the order linked to it.

What else knows an order: the heap of expiries, the line of triggered stops, its instrument's list
of pegs, and its link. Cost: the height of a heap; a plain order has nothing of it.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from hft.core.answers cimport report
from hft.core.book cimport leave
from hft.core.heap cimport heap_remove
from hft.core.hints cimport unlikely
from hft.core.messages cimport CANCELLED, LINK_ENDED, STOP
from hft.core.pools cimport (
    ORDER_GHOST,
    ORDER_GTD,
    ORDER_ICEBERG,
    ORDER_LINKED,
    ORDER_PEG,
    ORDER_SPECIAL,
    ORDER_STOP,
    ORDER_TO_UNTIE,
    ORDER_UNUSUAL_MAKER,
    Book,
    InstrumentBook,
    Level,
    Order,
    OrderTerms,
    give_slot,
    order_is_ask,
)


cdef inline uint16_t order_instrument(const Book *book, uint32_t index) noexcept nogil:
    cdef const Order *order = &book.orders[index]
    if order.level:
        return book.levels[order.level].instrument
    if order.flags & ORDER_GHOST:
        return <uint16_t>book.lives[index].instrument
    return book.terms[index].instrument


cdef inline int64_t order_price(const Book *book, uint32_t index) noexcept nogil:
    """The price that reports give: of a waiting stop its trigger or limit, of a parked peg 0."""
    cdef const Order *order = &book.orders[index]
    if unlikely((order.flags & ORDER_STOP) != 0):
        if book.terms[index].order_type == STOP:
            return book.terms[index].trigger_ticks
        return book.terms[index].limit_ticks
    if order.level:
        return book.levels[order.level].price_ticks
    return book.lives[index].price_ticks if order.flags & ORDER_GHOST else 0


cdef inline int64_t hidden_lots(const Book *book, uint32_t index) noexcept nogil:
    return book.terms[index].hidden_lots if book.orders[index].flags & ORDER_ICEBERG else 0


cdef inline int64_t all_lots(const Book *book, uint32_t index) noexcept nogil:
    """What is left of an order, hidden or not."""
    return book.orders[index].leaves_lots + hidden_lots(book, index)


cdef inline void set_flags(Book *book, uint32_t index, uint16_t flags) noexcept nogil:
    """Give an order, in a queue or not, other attributes."""
    cdef Order *order = &book.orders[index]
    cdef const Level *level = &book.levels[order.level]
    if order.level:
        book.instruments[level.instrument].sides[level.side].unusual_count += (
            <uint32_t>((flags & ORDER_UNUSUAL_MAKER) != 0)
            - <uint32_t>((order.flags & ORDER_UNUSUAL_MAKER) != 0)
        )
    order.flags = flags


cdef inline uint32_t take_link(Book *book, uint32_t index) noexcept nogil:
    """End an order's link; the other order, 0 if there is none."""
    cdef uint32_t other
    if not book.orders[index].flags & ORDER_LINKED:
        return 0
    other = book.terms[index].link
    set_flags(book, index, book.orders[index].flags & ~ORDER_LINKED)
    set_flags(book, other, book.orders[other].flags & ~ORDER_LINKED)
    return other


cdef inline void pegs_add(Book *book, uint32_t index) noexcept nogil:
    """A new peg becomes the last of its instrument."""
    cdef OrderTerms *terms = &book.terms[index]
    cdef InstrumentBook *there = &book.instruments[terms.instrument]
    terms.prev = there.peg_tail
    terms.next = 0
    if there.peg_tail:
        book.terms[there.peg_tail].next = index
    else:
        there.peg_head = index
    there.peg_tail = index
    there.peg_count += 1


cdef inline void pegs_remove(Book *book, uint32_t index) noexcept nogil:
    cdef OrderTerms *terms = &book.terms[index]
    cdef InstrumentBook *there = &book.instruments[terms.instrument]
    cdef int place
    if terms.prev:
        book.terms[terms.prev].next = terms.next
    else:
        there.peg_head = terms.next
    if terms.next:
        book.terms[terms.next].prev = terms.prev
    else:
        there.peg_tail = terms.prev
    there.peg_count -= 1
    if there.peg_count == 0:
        for place in range(4):
            there.peg_seen[place] = False
            there.peg_seen_ticks[place] = 0


cdef inline void go(Book *book, uint32_t index) noexcept nogil:
    """An order is no more. Its link has been ended, its report been written."""
    cdef Order *order = &book.orders[index]
    if order.level:
        leave(book, index)
    if unlikely((order.flags & ORDER_TO_UNTIE) != 0):
        if order.flags & ORDER_GTD:
            heap_remove(&book.expiring, index)
        if order.flags & ORDER_PEG:
            pegs_remove(book, index)
        if order.flags & ORDER_STOP:
            heap_remove(&book.triggered, index)
            book.instruments[book.terms[index].instrument].stop_count -= 1
    give_slot(book, index)


cdef inline void cancel(Book *book, uint32_t index, uint8_t reason) noexcept nogil:
    """Cancel a live order, and the order linked with it."""
    cdef Order *order
    cdef uint32_t other
    while True:
        order = &book.orders[index]
        report(&book.say, CANCELLED, order.order_id, order_price(book, index),
               all_lots(book, index), 0, order.account, reason, order_is_ask(order))
        other = 0
        if unlikely((order.flags & ORDER_SPECIAL) != 0):
            other = take_link(book, index)
        go(book, index)
        if other == 0:
            return
        index = other
        reason = LINK_ENDED
