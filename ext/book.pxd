"""Price levels and their order queues, for many instruments, in pools that are fixed at start.

An order is a 32-byte record in one pool, linked by 32-bit indices into its level's queue and found
by id through an open-addressed map. A level is a 32-byte record with its total, found by price
through a bitmap trie (trie.pxd). Free slots are reused last in, first out, so that they are still
warm. What few orders need lies in a cold array beside the pool: of a disturbed recorded order the
life that its recording still gives it, of an own order the time at which it came.

Cost: add, reduce, remove of an order at an existing level touch the id map, the order, its
neighbours and the level. A level's first and last order also pay for the trie, at most 11 nodes.
Finding a ghost that has no id of its own walks the ghosts of its side. One process writes; nobody
else may read.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hft.core.idmap cimport IdMap, idmap_add, idmap_find, idmap_remove
from hft.core.messages cimport SOURCE_SHIFT
from hft.core.trie cimport (
    TRIE_NODES_PER_INSERT,
    NodePool,
    Trie,
    price_key,
    trie_find,
    trie_insert,
    trie_next,
    trie_remove,
)

cdef enum:
    ORDER_POST_ONLY = 1
    ORDER_HAS_LIFE = 2  # life differs, or once differed, from leaves: it stands in OrderCold
    ORDER_GHOST = 4  # leaves is 0 but the recorded life goes on; in no queue
    ORDER_ASK = 8


cdef struct Order:
    uint64_t order_id  # first: the id map compares it
    int64_t leaves_lots
    uint32_t prev
    uint32_t next
    uint32_t level  # 0 for a ghost
    uint16_t instrument
    uint8_t flags
    uint8_t reserved


cdef struct OrderCold:
    int64_t life_lots
    int64_t price_ticks  # of a ghost, whose level may be gone
    int64_t entered_ts_ns  # of an own order, market time


cdef struct Level:
    int64_t price_ticks
    int64_t total_lots
    uint32_t head
    uint32_t tail
    uint32_t order_count
    uint32_t next_free


cdef struct BookSide:
    Trie trie
    uint32_t best  # level index, 0 when the side is empty
    uint32_t own_count  # own orders resting on this side
    uint32_t ghost_head
    uint32_t ghost_tail


cdef struct InstrumentBook:
    BookSide sides[2]  # bids, asks
    int64_t displaced_lots
    # What the last BOOK_TOP said.
    int64_t top_price_ticks[2]
    int64_t top_lots[2]
    uint8_t state


cdef struct Book:
    InstrumentBook *instruments
    Order *orders  # index 0 is nil
    OrderCold *cold
    uint16_t *accounts
    Level *levels  # index 0 is nil
    NodePool nodes
    IdMap ids
    uint32_t instrument_count
    uint32_t order_capacity
    uint32_t order_count
    uint32_t order_fresh
    uint32_t order_free
    uint32_t level_capacity
    uint32_t level_count
    uint32_t level_fresh
    uint32_t level_free
    char *arena
    size_t arena_bytes


cdef int book_init(Book *book, uint32_t instruments, uint32_t orders) except -1
cdef void book_free(Book *book) noexcept nogil
cdef void book_prefault(Book *book) noexcept nogil
cdef uint64_t book_hash(const Book *book) noexcept nogil


cdef inline bint order_is_recorded(const Order *order) noexcept nogil:
    return order.order_id >> SOURCE_SHIFT == 0


cdef inline int order_is_ask(const Order *order) noexcept nogil:
    return (order.flags & ORDER_ASK) != 0


cdef inline bint book_has_room(const Book *book) noexcept nogil:
    """Whether one more order fits, wherever it goes."""
    return (
        book.order_count < book.order_capacity
        and book.level_count < book.level_capacity
        and book.nodes.used + TRIE_NODES_PER_INSERT <= book.nodes.capacity
    )


cdef inline uint32_t level_at(const Book *book, uint32_t instrument, int is_ask,
                              int64_t price_ticks) noexcept nogil:
    """Level index at a price, 0 if nothing rests there."""
    return trie_find(&book.instruments[instrument].sides[is_ask].trie, &book.nodes,
                     price_key(price_ticks, is_ask))


cdef inline uint32_t level_after(const Book *book, uint32_t instrument, int is_ask,
                                 int64_t price_ticks) noexcept nogil:
    """Level index of the next price away from the best, 0 if there is none."""
    return trie_next(&book.instruments[instrument].sides[is_ask].trie, &book.nodes,
                     price_key(price_ticks, is_ask))


cdef inline bint price_reaches(int64_t limit_ticks, int64_t price_ticks,
                               int is_ask) noexcept nogil:
    """Whether a taker limited to `limit_ticks` may trade with the ask (or bid) at `price_ticks`."""
    return price_ticks <= limit_ticks if is_ask else price_ticks >= limit_ticks


cdef inline uint32_t level_open(Book *book, uint32_t instrument, int is_ask,
                                int64_t price_ticks) noexcept nogil:
    """Level index at a price, made if need be. The caller has checked that there is room."""
    cdef BookSide *side = &book.instruments[instrument].sides[is_ask]
    cdef uint64_t key = price_key(price_ticks, is_ask)
    cdef uint32_t index = trie_find(&side.trie, &book.nodes, key)
    cdef Level *level
    if index:
        return index
    index = book.level_free
    if index:
        book.level_free = book.levels[index].next_free
    else:
        index = book.level_fresh
        book.level_fresh += 1
    book.level_count += 1
    level = &book.levels[index]
    level.price_ticks = price_ticks
    level.total_lots = 0
    level.head = level.tail = level.order_count = 0
    trie_insert(&side.trie, &book.nodes, key, index)
    if side.best == 0 or key < price_key(book.levels[side.best].price_ticks, is_ask):
        side.best = index
    return index


cdef inline void level_close(Book *book, uint32_t instrument, int is_ask,
                             uint32_t index) noexcept nogil:
    """Remove a level whose last order has gone."""
    cdef BookSide *side = &book.instruments[instrument].sides[is_ask]
    cdef uint64_t key = price_key(book.levels[index].price_ticks, is_ask)
    if side.best == index:
        side.best = trie_next(&side.trie, &book.nodes, key)
    trie_remove(&side.trie, &book.nodes, key)
    book.levels[index].next_free = book.level_free
    book.level_free = index
    book.level_count -= 1


cdef inline uint32_t order_take_slot(Book *book, uint32_t instrument, int is_ask,
                                     uint64_t order_id, uint16_t account) noexcept nogil:
    """A new order record, known by its id, in no queue yet."""
    cdef uint32_t index = book.order_free
    cdef Order *order
    if index:
        book.order_free = book.orders[index].next
    else:
        index = book.order_fresh
        book.order_fresh += 1
    book.order_count += 1
    order = &book.orders[index]
    order.order_id = order_id
    order.instrument = <uint16_t>instrument
    order.flags = ORDER_ASK if is_ask else 0
    order.level = 0
    order.leaves_lots = 0
    book.accounts[index] = account
    if order_id:
        idmap_add(&book.ids, order_id, index)
    return index


cdef inline void order_give_slot(Book *book, uint32_t index) noexcept nogil:
    """Forget an order that stands in no queue."""
    cdef Order *order = &book.orders[index]
    if order.order_id:
        idmap_remove(&book.ids, order.order_id, index)
    order.next = book.order_free
    book.order_free = index
    book.order_count -= 1


cdef inline void order_enqueue(Book *book, uint32_t index, int64_t price_ticks, int64_t leaves_lots,
                               bint at_front) noexcept nogil:
    """Let an order rest at a price, behind the others or before them."""
    cdef Order *order = &book.orders[index]
    cdef int is_ask = order_is_ask(order)
    cdef uint32_t level_index = level_open(book, order.instrument, is_ask, price_ticks)
    cdef Level *level = &book.levels[level_index]
    order.level = level_index
    order.leaves_lots = leaves_lots
    if at_front:
        order.prev = 0
        order.next = level.head
        if level.head:
            book.orders[level.head].prev = index
        else:
            level.tail = index
        level.head = index
    else:
        order.prev = level.tail
        order.next = 0
        if level.tail:
            book.orders[level.tail].next = index
        else:
            level.head = index
        level.tail = index
    level.total_lots += leaves_lots
    level.order_count += 1
    if not order_is_recorded(order):
        book.instruments[order.instrument].sides[is_ask].own_count += 1


cdef inline void order_dequeue(Book *book, uint32_t index) noexcept nogil:
    """Take an order out of its queue, with all it has left; its level goes if it was the last."""
    cdef Order *order = &book.orders[index]
    cdef int is_ask = order_is_ask(order)
    cdef uint32_t level_index = order.level
    cdef Level *level = &book.levels[level_index]
    if order.prev:
        book.orders[order.prev].next = order.next
    else:
        level.head = order.next
    if order.next:
        book.orders[order.next].prev = order.prev
    else:
        level.tail = order.prev
    level.total_lots -= order.leaves_lots
    level.order_count -= 1
    order.level = 0
    order.leaves_lots = 0
    if not order_is_recorded(order):
        book.instruments[order.instrument].sides[is_ask].own_count -= 1
    if level.order_count == 0:
        level_close(book, order.instrument, is_ask, level_index)


cdef inline int64_t order_price(const Book *book, uint32_t index) noexcept nogil:
    cdef const Order *order = &book.orders[index]
    return book.levels[order.level].price_ticks if order.level else book.cold[index].price_ticks


cdef inline int64_t order_life(const Book *book, uint32_t index) noexcept nogil:
    cdef const Order *order = &book.orders[index]
    return book.cold[index].life_lots if order.flags & ORDER_HAS_LIFE else order.leaves_lots


cdef inline void order_set_life(Book *book, uint32_t index, int64_t life_lots) noexcept nogil:
    book.orders[index].flags |= ORDER_HAS_LIFE
    book.cold[index].life_lots = life_lots


cdef inline void ghost_add(Book *book, uint32_t index, int64_t price_ticks) noexcept nogil:
    """An order in no queue becomes the youngest ghost of its side. Its life is set already."""
    cdef Order *order = &book.orders[index]
    cdef BookSide *side = &book.instruments[order.instrument].sides[order_is_ask(order)]
    order.flags |= ORDER_GHOST
    book.cold[index].price_ticks = price_ticks
    order.prev = side.ghost_tail
    order.next = 0
    if side.ghost_tail:
        book.orders[side.ghost_tail].next = index
    else:
        side.ghost_head = index
    side.ghost_tail = index


cdef inline void ghost_remove(Book *book, uint32_t index) noexcept nogil:
    cdef Order *order = &book.orders[index]
    cdef BookSide *side = &book.instruments[order.instrument].sides[order_is_ask(order)]
    if order.prev:
        book.orders[order.prev].next = order.next
    else:
        side.ghost_head = order.next
    if order.next:
        book.orders[order.next].prev = order.prev
    else:
        side.ghost_tail = order.prev
    order_give_slot(book, index)


cdef inline void order_remove(Book *book, uint32_t index) noexcept nogil:
    """Take an order out of its queue and forget it."""
    order_dequeue(book, index)
    order_give_slot(book, index)


cdef inline void order_reduce(Book *book, uint32_t index, int64_t lots) noexcept nogil:
    """Lower an order's leaves by less than all of it; it keeps its place."""
    cdef Order *order = &book.orders[index]
    order.leaves_lots -= lots
    book.levels[order.level].total_lots -= lots
