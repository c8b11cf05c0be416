"""Memory of the order books: one arena, carved once, never grown. The layout is in pools.pxd.

Pools are mapped but not touched, so that an idle capacity costs no memory; `pools_prefault` touches
what a live engine must not fault on.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset
from posix.mman cimport (
    MAP_ANONYMOUS,
    MAP_FAILED,
    MAP_NORESERVE,
    MAP_PRIVATE,
    PROT_READ,
    PROT_WRITE,
    mmap,
    munmap,
)

from hft.core.heap cimport HeapEntry
from hft.core.idmap cimport idmap_entries_for
from hft.core.trie cimport TRIE_HEIGHT_MAX, TRIE_NODES_PER_INSERT, Node

__all__ = []

cdef extern from *:
    """
    typedef volatile char hft_volatile_char;
    """
    ctypedef char volatile_char "hft_volatile_char"

cdef extern from *:
    """
    /* Under AddressSanitizer a stretch of the arena behind each pool may not be touched. */
    #if defined(__has_feature)
    #if __has_feature(address_sanitizer)
    #define HFT_GUARD 256
    #endif
    #elif defined(__SANITIZE_ADDRESS__)
    #define HFT_GUARD 256
    #endif
    #ifdef HFT_GUARD
    #include <sanitizer/asan_interface.h>
    #else
    #define HFT_GUARD 0
    #define ASAN_POISON_MEMORY_REGION(first, size_bytes) ((void)(first), (void)(size_bytes))
    #define ASAN_UNPOISON_MEMORY_REGION(first, size_bytes) ((void)(first), (void)(size_bytes))
    #endif
    """
    const size_t HFT_GUARD
    void ASAN_POISON_MEMORY_REGION(void *first, size_t size_bytes) nogil
    void ASAN_UNPOISON_MEMORY_REGION(void *first, size_t size_bytes) nogil

cdef enum:
    PAGE = 4096


cdef size_t carved(size_t *used, size_t count, size_t item_bytes) noexcept nogil:
    """Offset of the next pool in the arena, on a cache line of its own."""
    cdef size_t offset = used[0]
    used[0] = ((offset + count * item_bytes + 63) & ~<size_t>63) + HFT_GUARD
    return offset


cdef void guard(char *arena, size_t end) noexcept nogil:
    """A pool ends at `end`."""
    if HFT_GUARD:
        ASAN_POISON_MEMORY_REGION(arena + end, HFT_GUARD)


cdef int pools_init(Book *book, uint32_t instruments, uint32_t orders) except -1:
    """Make empty books; ValueError for capacities out of range, MemoryError without memory."""
    if not 1 <= instruments <= 65536:
        raise ValueError(f"instruments must be in 1..65536, was {instruments}")
    if not 1 <= orders <= 1 << 28:
        raise ValueError(f"orders must be in 1..2**28, was {orders}")
    # Every order may rest on a level of its own, with a path of its own where orders are few; where
    # they are many, one level in eleven has such a path, which prices near each other don't need.
    cdef uint64_t slots = <uint64_t>orders + 1
    cdef uint64_t nodes = (<uint64_t>orders * TRIE_HEIGHT_MAX if orders <= 16384 else orders) + (
        2 * TRIE_NODES_PER_INSERT
    )
    cdef uint64_t entries = idmap_entries_for(orders)
    cdef size_t used = 0
    # What every order needs comes first, for pools_prefault.
    cdef size_t at_instruments = carved(&used, instruments, sizeof(InstrumentBook))
    cdef size_t at_orders = carved(&used, slots, sizeof(Order))
    cdef size_t at_entered = carved(&used, slots, sizeof(int64_t))
    cdef size_t at_ids = carved(&used, entries, sizeof(uint64_t))
    cdef size_t at_levels = carved(&used, slots, sizeof(Level))
    cdef size_t at_level_pegs = carved(&used, slots, sizeof(uint32_t))
    cdef size_t at_lives = carved(&used, slots, sizeof(OrderLife))
    cdef size_t at_terms = carved(&used, slots, sizeof(OrderTerms))
    cdef size_t at_expiring = carved(&used, slots, sizeof(HeapEntry))
    cdef size_t at_expiring_places = carved(&used, slots, sizeof(uint32_t))
    cdef size_t at_triggered = carved(&used, slots, sizeof(HeapEntry))
    cdef size_t at_triggered_places = carved(&used, slots, sizeof(uint32_t))
    cdef size_t at_joined = carved(&used, slots, sizeof(int64_t))
    cdef size_t at_nodes = carved(&used, nodes + 1, sizeof(Node))
    cdef void *arena = mmap(NULL, used, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    if arena == MAP_FAILED:
        raise MemoryError(f"no memory for a book of {orders} orders ({used} bytes)")
    memset(book, 0, sizeof(Book))
    book.arena = <char *>arena
    book.arena_bytes = used
    book.instruments = <InstrumentBook *>(book.arena + at_instruments)
    book.orders = <Order *>(book.arena + at_orders)
    book.entered_ts_ns = <int64_t *>(book.arena + at_entered)
    book.joined = <int64_t *>(book.arena + at_joined)
    book.levels = <Level *>(book.arena + at_levels)
    book.level_pegs = <uint32_t *>(book.arena + at_level_pegs)
    book.lives = <OrderLife *>(book.arena + at_lives)
    book.terms = <OrderTerms *>(book.arena + at_terms)
    book.expiring.entries = <HeapEntry *>(book.arena + at_expiring)
    book.expiring.places = <uint32_t *>(book.arena + at_expiring_places)
    book.triggered.entries = <HeapEntry *>(book.arena + at_triggered)
    book.triggered.places = <uint32_t *>(book.arena + at_triggered_places)
    book.nodes.nodes = <Node *>(book.arena + at_nodes)
    book.nodes.capacity = <uint32_t>nodes
    book.nodes.fresh = 1
    book.ids.entries = <uint64_t *>(book.arena + at_ids)
    book.ids.mask = <uint32_t>(entries - 1)
    book.ids.records = <const char *>book.orders
    guard(book.arena, at_instruments + instruments * sizeof(InstrumentBook))
    guard(book.arena, at_orders + slots * sizeof(Order))
    guard(book.arena, at_entered + slots * sizeof(int64_t))
    guard(book.arena, at_ids + entries * sizeof(uint64_t))
    guard(book.arena, at_levels + slots * sizeof(Level))
    guard(book.arena, at_level_pegs + slots * sizeof(uint32_t))
    guard(book.arena, at_lives + slots * sizeof(OrderLife))
    guard(book.arena, at_terms + slots * sizeof(OrderTerms))
    guard(book.arena, at_expiring + slots * sizeof(HeapEntry))
    guard(book.arena, at_expiring_places + slots * sizeof(uint32_t))
    guard(book.arena, at_triggered + slots * sizeof(HeapEntry))
    guard(book.arena, at_triggered_places + slots * sizeof(uint32_t))
    guard(book.arena, at_joined + slots * sizeof(int64_t))
    guard(book.arena, at_nodes + (nodes + 1) * sizeof(Node))
    book.instrument_count = instruments
    book.order_capacity = orders
    book.order_fresh = 1
    book.orders[0].flags = ORDER_GHOST  # nil is no plain order
    book.level_fresh = 1
    return 0


cdef void pools_free(Book *book) noexcept nogil:
    if book.arena != NULL:
        ASAN_UNPOISON_MEMORY_REGION(book.arena, book.arena_bytes)  # it may be mapped again
        munmap(book.arena, book.arena_bytes)
        book.arena = NULL


cdef void touch(void *first, size_t size_bytes) noexcept nogil:
    cdef volatile_char *memory = <volatile_char *>first
    cdef size_t touched = 0
    while touched < size_bytes:
        memory[touched] = memory[touched]
        touched += PAGE


cdef void pools_prefault(Book *book) noexcept nogil:
    """Touch what every order needs, and of what few need the first part."""
    cdef size_t some = min(book.order_capacity, max(<uint32_t>4096, book.order_capacity // 64))
    touch(book.instruments, book.instrument_count * sizeof(InstrumentBook))
    touch(book.orders, (<size_t>book.order_capacity + 1) * sizeof(Order))
    touch(book.entered_ts_ns, (<size_t>book.order_capacity + 1) * sizeof(int64_t))
    touch(book.ids.entries, (<size_t>book.ids.mask + 1) * sizeof(uint64_t))
    touch(book.levels, some * sizeof(Level))
    touch(book.lives, some * sizeof(OrderLife))
    touch(book.terms, some * sizeof(OrderTerms))
    touch(book.nodes.nodes, min(<size_t>book.nodes.capacity, some // 4 + 1) * sizeof(Node))
