"""A binary heap of order indices by (key, arrival), from which any order can be taken out.

Each order's place in the heap is kept beside it, so that adding, taking the first and removing one
in the middle cost the heap's height. Fixed memory; one order is in a heap at most once.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t


cdef struct HeapEntry:
    int64_t key
    uint64_t arrival  # breaks ties: the earlier first
    uint32_t index
    uint32_t reserved


cdef struct Heap:
    HeapEntry *entries  # from 1 on
    uint32_t *places  # by order index; 0 where it is not in the heap
    uint32_t count


cdef inline bint heap_before(const HeapEntry *left, const HeapEntry *right) noexcept nogil:
    if left.key != right.key:
        return left.key < right.key
    return left.arrival < right.arrival


cdef inline void heap_set(Heap *heap, uint32_t place, const HeapEntry *entry) noexcept nogil:
    heap.entries[place] = entry[0]
    heap.places[entry.index] = place


cdef inline void heap_settle(Heap *heap, uint32_t place, HeapEntry entry) noexcept nogil:
    """Put an entry at a free place, or above or below it, where it belongs."""
    cdef uint32_t child
    while place > 1 and heap_before(&entry, &heap.entries[place >> 1]):
        heap_set(heap, place, &heap.entries[place >> 1])
        place >>= 1
    while 2 * place <= heap.count:
        child = 2 * place
        if child < heap.count and heap_before(&heap.entries[child + 1], &heap.entries[child]):
            child += 1
        if not heap_before(&heap.entries[child], &entry):
            break
        heap_set(heap, place, &heap.entries[child])
        place = child
    heap_set(heap, place, &entry)


cdef inline void heap_add(Heap *heap, uint32_t index, int64_t key,
                          uint64_t arrival) noexcept nogil:
    cdef HeapEntry entry
    entry.key = key
    entry.arrival = arrival
    entry.index = index
    entry.reserved = 0
    heap.count += 1
    heap_settle(heap, heap.count, entry)


cdef inline void heap_remove(Heap *heap, uint32_t index) noexcept nogil:
    """Take an order out, if it is in."""
    cdef uint32_t place = heap.places[index]
    cdef HeapEntry last
    if place == 0:
        return
    heap.places[index] = 0
    last = heap.entries[heap.count]
    heap.count -= 1
    if place <= heap.count:
        heap_settle(heap, place, last)
