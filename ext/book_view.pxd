"""The engine's view of a book for people: its best levels and the own orders, into a BookCopy.

Finding own orders means walking the queues from the best price on, until all of a side are found or
WALK_MAX orders were seen; without own orders nothing is walked. This is done some hundred times a
second, never per message.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hft.core.atomics cimport fence_release, store_release
from hft.core.book cimport level_after
from hft.core.control cimport (
    LEVEL_WORDS,
    OWN_ORDER_WORDS,
    VIEW_LEVELS,
    VIEW_OWN_ORDERS,
    BookCopy,
    InstrumentStats,
)
from hft.core.pools cimport Book, BookSide, Level, order_is_recorded

cdef enum:
    WALK_MAX = 1024  # orders of a side: 10 µs or so


cdef inline void show_own_order(const Book *book, uint32_t index, int64_t price_ticks,
                                int64_t *row) noexcept nogil:
    row[0] = price_ticks
    row[1] = book.orders[index].leaves_lots
    row[2] = book.entered_ts_ns[index]
    row[3] = book.orders[index].account


cdef inline void show_side(const Book *book, uint32_t instrument, int is_ask, int64_t *rows,
                           int64_t *own_rows, int64_t *own_count) noexcept nogil:
    cdef const BookSide *side = &book.instruments[instrument].sides[is_ask]
    cdef uint32_t level_index = side.best
    cdef uint32_t found = 0
    cdef uint32_t walked = 0
    cdef uint32_t place = 0
    cdef uint32_t index
    cdef int64_t own_lots, own_orders
    cdef const Level *level
    own_count[0] = side.own_count
    while level_index:
        level = &book.levels[level_index]
        own_lots = own_orders = 0
        index = level.head if found < side.own_count and walked < WALK_MAX else 0
        while index and found < side.own_count and walked < WALK_MAX:
            if not order_is_recorded(&book.orders[index]):
                if found < VIEW_OWN_ORDERS:
                    show_own_order(book, index, level.price_ticks,
                                   own_rows + OWN_ORDER_WORDS * found)
                found += 1
                own_orders += 1
                own_lots += book.orders[index].leaves_lots
            walked += 1
            index = book.orders[index].next
        if place < VIEW_LEVELS:
            rows[LEVEL_WORDS * place] = level.price_ticks
            rows[LEVEL_WORDS * place + 1] = level.total_lots
            rows[LEVEL_WORDS * place + 2] = own_lots
            rows[LEVEL_WORDS * place + 3] = own_orders
            place += 1
        elif found >= min(side.own_count, <uint32_t>VIEW_OWN_ORDERS) or walked >= WALK_MAX:
            break
        level_index = level_after(book, instrument, is_ask, level.price_ticks)
    # Rows without lots are none.
    for index in range(place, <uint32_t>VIEW_LEVELS):
        rows[LEVEL_WORDS * index + 1] = 0
    for index in range(found, <uint32_t>VIEW_OWN_ORDERS):
        own_rows[OWN_ORDER_WORDS * index + 1] = 0


cdef inline void show_book(const Book *book, uint32_t instrument, InstrumentStats *shown,
                           int64_t event_ts_ns, uint64_t sequence) noexcept nogil:
    """Publish the view: the copy that readers don't look at, then its number."""
    cdef BookCopy *copy = &shown.view_odd if shown.view_version % 2 == 0 else &shown.view_even
    # The version that sent readers to the other copy goes before what is written to this one.
    fence_release()
    copy.event_ts_ns = event_ts_ns
    copy.sequence = sequence
    show_side(book, instrument, 0, copy.bids, copy.own_bids, &copy.own_bid_count)
    show_side(book, instrument, 1, copy.asks, copy.own_asks, &copy.own_ask_count)
    store_release(&shown.view_version, shown.view_version + 1)
