"""Memory of the order books: records of orders and levels, in pools that are fixed at start.

An order is a 32-byte record, linked by 32-bit indices into its level's queue and found by id
through an open-addressed map. A level is a 32-byte record with its total, found by price in a
small table of recent ones, or else through a bitmap trie (trie.pxd). What few orders need lies
beside the pool, at the same index, in memory that is not touched before one needs it: the terms of
a special order, the life of a recorded order that own orders disturbed. Free slots are reused last
in, first out, so that they are still warm. Index 0 of every pool is nil.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hft.core.answers cimport Answers
from hft.core.heap cimport Heap
from hft.core.hints cimport likely, unlikely
from hft.core.idmap cimport IdMap, idmap_find, idmap_remove, idmap_seek
from hft.core.trie cimport TRIE_NODES_PER_INSERT, NodePool, Trie

cdef enum:  # Order.flags; those from POST_ONLY to STOP are the attributes of docs/engine.md
    ORDER_ASK = 1
    ORDER_POST_ONLY = 2
    ORDER_SLIDE = 4
    ORDER_DAY = 8
    ORDER_ICEBERG = 16
    ORDER_REDUCE_ONLY = 32
    ORDER_LINKED = 64
    ORDER_GTD = 128
    ORDER_PEG = 256
    ORDER_STOP = 512  # that waits for its trigger
    ORDER_HAS_LIFE = 1024  # life differs, or once differed, from leaves: see OrderLife
    ORDER_GHOST = 2048  # leaves is 0 but the recorded life goes on; in no queue
    ORDER_RECORDED = 4096  # not an own order
    ORDER_ATTRIBUTES = 1022
    ORDER_SPECIAL = 1008  # ICEBERG to STOP: it has terms
    ORDER_UNUSUAL_MAKER = 112  # ICEBERG, REDUCE_ONLY, LINKED: not all it shows counts, or more
    ORDER_TO_UNTIE = 960  # LINKED to STOP: known elsewhere, too

cdef enum:  # sides of an instrument, in the order of docs/engine.md; odd ones have low prices first
    SIDE_BIDS = 0
    SIDE_ASKS = 1
    SIDE_SELL_STOPS = 2
    SIDE_BUY_STOPS = 3
    SIDES = 4
    RECENT_LEVELS = 128
    SLOTS_AT_ONCE = 64


cdef struct Order:
    uint64_t order_id  # first: the id map compares it
    int64_t leaves_lots  # visible; of a waiting stop or a parked peg, all of it
    uint32_t prev
    uint32_t next
    uint32_t level  # 0 in no queue: a ghost, a parked peg, a stop that lines up
    uint16_t account
    uint16_t flags


cdef struct OrderTerms:
    int64_t limit_ticks  # of a stop or a peg
    int64_t trigger_ticks  # of a stop; the offset of a peg
    int64_t display_lots
    int64_t hidden_lots
    int64_t expiry_ts_ns
    uint64_t arrival
    uint32_t link  # index of the order linked with it
    uint32_t prev  # in the instrument's list of pegs
    uint32_t next
    uint16_t instrument
    uint8_t order_type
    uint8_t time_in_force


cdef struct OrderLife:
    int64_t life_lots
    int64_t price_ticks  # of a ghost, whose level may be gone
    uint64_t instrument


cdef struct Level:
    int64_t price_ticks
    int64_t total_lots
    uint32_t head  # of a free level: the next free one
    uint32_t tail
    uint32_t order_count
    uint16_t instrument
    uint8_t side
    uint8_t reserved


cdef struct BookSide:
    uint32_t best  # level index, 0 when the side is empty
    uint32_t own_count  # own orders resting on this side
    uint32_t unusual_count  # ORDER_UNUSUAL_MAKER ones
    uint32_t reserved
    Trie trie


cdef struct Rules:
    int64_t price_step_ticks
    int64_t qty_step_lots
    int64_t price_min_ticks
    int64_t price_max_ticks
    int64_t qty_max_lots


cdef struct InstrumentBook:
    BookSide sides[SIDES]
    # A bid and an ask level by the low bits of their prices; 0 or one that is there.
    uint32_t recent[2][RECENT_LEVELS]
    # What the last BOOK_TOP said.
    int64_t top_price_ticks[2]
    int64_t top_lots[2]
    bint top_moved  # something happened at a best price since
    bint quirky  # a plain order is not all that there is to a command: see quick.pxd
    bint recorded  # recorded orders have rested here: the book may be crossed
    uint8_t state
    bint listed
    bint bounded  # the rules forbid something
    bint traded
    int64_t last_trade_ticks
    int64_t displaced_lots
    Rules rules
    uint32_t ghost_head[2]
    uint32_t ghost_tail[2]
    uint32_t stop_count  # that wait
    uint32_t peg_count
    uint32_t peg_head
    uint32_t peg_tail
    # What pegs looked at last: best bid and ask without pegs, best bid and ask.
    bint peg_seen[4]
    int64_t peg_seen_ticks[4]


cdef struct Book:
    Answers say
    InstrumentBook *instruments
    Order *orders
    int64_t *entered_ts_ns  # of own orders, market time
    int64_t *joined  # when an order joined its queue; kept for the audit only
    int64_t joins
    OrderTerms *terms
    OrderLife *lives
    Level *levels
    uint32_t *level_pegs  # pegs at a level
    NodePool nodes
    IdMap ids
    Heap expiring  # GTD orders
    Heap triggered  # stops that line up
    uint32_t instrument_count
    uint32_t order_capacity
    uint32_t order_count
    uint32_t order_fresh
    uint32_t order_free
    uint32_t level_fresh
    uint32_t level_free
    int64_t wake_ts_ns  # when the next order expires
    char *arena
    size_t arena_bytes


cdef int pools_init(Book *book, uint32_t instruments, uint32_t orders) except -1
cdef void pools_free(Book *book) noexcept nogil
cdef void pools_prefault(Book *book) noexcept nogil


cdef inline bint order_is_recorded(const Order *order) noexcept nogil:
    return (order.flags & ORDER_RECORDED) != 0


cdef inline int order_is_ask(const Order *order) noexcept nogil:
    return order.flags & ORDER_ASK


cdef inline uint32_t id_place(const Book *book, uint64_t order_id) noexcept nogil:
    """Place of an id's entry in the map, or of the empty one where it would be put."""
    return idmap_seek(&book.ids, order_id, sizeof(Order))


cdef inline uint32_t find_order(const Book *book, uint64_t order_id) noexcept nogil:
    """Index of a live order or ghost, 0 if none has the id."""
    return idmap_find(&book.ids, order_id, sizeof(Order))


cdef inline bint has_path_room(const Book *book) noexcept nogil:
    """Whether a level fits wherever it is opened. Levels are never fewer than orders."""
    return book.nodes.used + TRIE_NODES_PER_INSERT <= book.nodes.capacity


cdef inline void free_more_slots(Book *book) noexcept nogil:
    """Chain the next records that were never used, if there are any, as free ones."""
    cdef uint32_t count = min(<uint32_t>SLOTS_AT_ONCE, book.order_capacity + 1 - book.order_fresh)
    cdef uint32_t index = book.order_fresh + count
    book.order_fresh = index
    while count:
        count -= 1
        index -= 1
        book.orders[index].next = book.order_free
        book.order_free = index


cdef inline uint32_t take_slot(Book *book) noexcept nogil:
    """A free order record. The caller has checked that one is left."""
    cdef uint32_t index
    if unlikely(book.order_free == 0):
        free_more_slots(book)
    index = book.order_free
    book.order_free = book.orders[index].next
    book.order_count += 1
    return index


cdef inline void give_slot(Book *book, uint32_t index) noexcept nogil:
    """Forget an order that stands in no queue."""
    cdef Order *order = &book.orders[index]
    if likely(order.order_id != 0):
        idmap_remove(&book.ids, order.order_id, index)
    order.next = book.order_free
    order.flags = 0
    book.order_free = index
    book.order_count -= 1


cdef inline uint32_t take_level(Book *book) noexcept nogil:
    cdef uint32_t index = book.level_free
    if likely(index != 0):
        book.level_free = book.levels[index].head
    else:
        index = book.level_fresh
        book.level_fresh += 1
    return index


cdef inline void give_level(Book *book, uint32_t index) noexcept nogil:
    book.levels[index].head = book.level_free
    book.level_free = index
