"""Recorded life: what the recording says is left of an order, beside what is left in this book.

They differ only where own orders interfered. A ghost is a recorded order of which nothing is left
in the book, while its recorded life goes on; it stands in a list of its side, by age.
"""

from libc.stdint cimport int64_t, uint32_t

from hft.core.pools cimport (
    ORDER_GHOST,
    ORDER_HAS_LIFE,
    Book,
    InstrumentBook,
    Order,
    give_slot,
    order_is_ask,
)


cdef inline int64_t order_life(const Book *book, uint32_t index) noexcept nogil:
    cdef const Order *order = &book.orders[index]
    return book.lives[index].life_lots if order.flags & ORDER_HAS_LIFE else order.leaves_lots


cdef inline void order_set_life(Book *book, uint32_t index, int64_t life_lots) noexcept nogil:
    book.orders[index].flags |= ORDER_HAS_LIFE
    book.lives[index].life_lots = life_lots


cdef inline void ghost_add(Book *book, uint32_t index, uint32_t instrument,
                           int64_t price_ticks) noexcept nogil:
    """An order in no queue becomes the youngest ghost of its side. Its life is set already."""
    cdef Order *order = &book.orders[index]
    cdef InstrumentBook *there = &book.instruments[instrument]
    cdef int is_ask = order_is_ask(order)
    order.flags |= ORDER_GHOST
    order.leaves_lots = 0
    order.level = 0
    book.lives[index].price_ticks = price_ticks
    book.lives[index].instrument = instrument
    order.prev = there.ghost_tail[is_ask]
    order.next = 0
    if there.ghost_tail[is_ask]:
        book.orders[there.ghost_tail[is_ask]].next = index
    else:
        there.ghost_head[is_ask] = index
    there.ghost_tail[is_ask] = index


cdef inline void ghost_remove(Book *book, uint32_t index) noexcept nogil:
    cdef Order *order = &book.orders[index]
    cdef InstrumentBook *there = &book.instruments[book.lives[index].instrument]
    cdef int is_ask = order_is_ask(order)
    if order.prev:
        book.orders[order.prev].next = order.next
    else:
        there.ghost_head[is_ask] = order.next
    if order.next:
        book.orders[order.next].prev = order.prev
    else:
        there.ghost_tail[is_ask] = order.prev
    give_slot(book, index)
