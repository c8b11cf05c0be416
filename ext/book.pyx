"""Memory of the order books: one arena, carved once, never grown. The layout is in book.pxd.

Pools are mapped but not touched, so that an idle capacity costs no memory; `book_prefault` touches
what a live engine must not fault on.
"""

from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.string cimport memset
from posix.mman cimport (
    MAP_ANONYMOUS,
    MAP_FAILED,
    MAP_PRIVATE,
    PROT_READ,
    PROT_WRITE,
    mmap,
    munmap,
)

from hft.core.idmap cimport idmap_entries_for
from hft.core.trie cimport TRIE_HEIGHT_MAX, TRIE_NODES_PER_INSERT, Node

__all__ = []

cdef extern from *:
    """
    typedef volatile char hft_volatile_char;
    """
    ctypedef char volatile_char "hft_volatile_char"


cdef size_t carved(size_t *used, size_t count, size_t item_bytes) noexcept nogil:
    """Offset of the next pool in the arena, on a cache line of its own."""
    cdef size_t offset = used[0]
    used[0] = (offset + count * item_bytes + 63) & ~<size_t>63
    return offset


cdef int book_init(Book *book, uint32_t instruments, uint32_t orders) except -1:
    """Make an empty book; ValueError for capacities out of range, MemoryError without memory."""
    if not 1 <= instruments <= 65536:
        raise ValueError(f"instruments must be in 1..65536, was {instruments}")
    if not 1 <= orders <= 1 << 28:
        raise ValueError(f"orders must be in 1..2**28, was {orders}")
    # Every order may rest on a level of its own, with a path of its own where orders are few; where
    # they are many, one level in eleven has such a path, which prices near each other don't need.
    cdef uint64_t levels = orders
    cdef uint64_t nodes = (levels * TRIE_HEIGHT_MAX if levels <= 16384 else levels) + (
        2 * TRIE_NODES_PER_INSERT
    )
    cdef uint64_t entries = idmap_entries_for(orders)
    cdef size_t used = 0
    cdef size_t at_instruments = carved(&used, instruments, sizeof(InstrumentBook))
    cdef size_t at_orders = carved(&used, orders + 1, sizeof(Order))
    cdef size_t at_accounts = carved(&used, orders + 1, sizeof(uint16_t))
    cdef size_t at_ids = carved(&used, entries, sizeof(uint64_t))
    cdef size_t at_levels = carved(&used, levels + 1, sizeof(Level))
    cdef size_t at_cold = carved(&used, orders + 1, sizeof(OrderCold))
    cdef size_t at_nodes = carved(&used, nodes + 1, sizeof(Node))
    cdef void *arena = mmap(NULL, used, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    if arena == MAP_FAILED:
        raise MemoryError(f"no memory for a book of {orders} orders ({used} bytes)")
    memset(book, 0, sizeof(Book))
    book.arena = <char *>arena
    book.arena_bytes = used
    book.instruments = <InstrumentBook *>(book.arena + at_instruments)
    book.orders = <Order *>(book.arena + at_orders)
    book.accounts = <uint16_t *>(book.arena + at_accounts)
    book.levels = <Level *>(book.arena + at_levels)
    book.cold = <OrderCold *>(book.arena + at_cold)
    book.nodes.nodes = <Node *>(book.arena + at_nodes)
    book.nodes.capacity = <uint32_t>nodes
    book.nodes.fresh = 1
    book.ids.entries = <uint64_t *>(book.arena + at_ids)
    book.ids.mask = <uint32_t>(entries - 1)
    book.ids.records = <const char *>book.orders
    book.ids.record_bytes = sizeof(Order)
    book.instrument_count = instruments
    book.order_capacity = orders
    book.order_fresh = 1
    book.level_capacity = <uint32_t>levels
    book.level_fresh = 1
    return 0


cdef void book_free(Book *book) noexcept nogil:
    if book.arena != NULL:
        munmap(book.arena, book.arena_bytes)
        book.arena = NULL


cdef void book_prefault(Book *book) noexcept nogil:
    """Touch every page up to the nodes' first part, so that a live engine takes no page fault."""
    cdef size_t touched = 0
    cdef char *end = <char *>(book.nodes.nodes + book.nodes.capacity // 8)
    cdef size_t wanted = <size_t>(end - book.arena)
    cdef volatile_char *arena = <volatile_char *>book.arena
    while touched < wanted:
        arena[touched] = arena[touched]
        touched += 4096


cdef inline uint64_t mixed(uint64_t hash_, uint64_t word) noexcept nogil:
    hash_ = (hash_ ^ word) * <uint64_t>0x9E3779B97F4A7C15
    return hash_ ^ (hash_ >> 32)


cdef uint64_t side_hash(const Book *book, uint32_t instrument, int is_ask,
                        uint64_t hash_) noexcept nogil:
    cdef uint32_t level = book.instruments[instrument].sides[is_ask].best
    cdef uint32_t index
    cdef const Order *order
    while level:
        hash_ = mixed(hash_, <uint64_t>book.levels[level].price_ticks)
        index = book.levels[level].head
        while index:
            order = &book.orders[index]
            hash_ = mixed(hash_, order.order_id)
            hash_ = mixed(hash_, <uint64_t>order.leaves_lots)
            hash_ = mixed(hash_, <uint64_t>order_life(book, index))
            hash_ = mixed(hash_, book.accounts[index])
            hash_ = mixed(hash_, (order.flags & ORDER_POST_ONLY) != 0)
            index = order.next
        level = level_after(book, instrument, is_ask, book.levels[level].price_ticks)
    return hash_


cdef uint64_t book_hash(const Book *book) noexcept nogil:
    """State hash as docs/engine.md defines it."""
    cdef uint64_t hash_ = 0
    cdef uint32_t instrument, index
    cdef int is_ask
    for instrument in range(book.instrument_count):
        hash_ = mixed(hash_, book.instruments[instrument].state)
        hash_ = mixed(hash_, <uint64_t>book.instruments[instrument].displaced_lots)
        for is_ask in range(2):
            hash_ = side_hash(book, instrument, is_ask, hash_)
    for instrument in range(book.instrument_count):
        for is_ask in range(2):
            index = book.instruments[instrument].sides[is_ask].ghost_head
            while index:
                hash_ = mixed(hash_, book.orders[index].order_id)
                hash_ = mixed(hash_, <uint64_t>book.cold[index].price_ticks)
                hash_ = mixed(hash_, <uint64_t>book.cold[index].life_lots)
                index = book.orders[index].next
    return hash_
