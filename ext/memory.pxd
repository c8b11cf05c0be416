"""Where the boxes of hot nodes get their memory: the only allocations after start, each counted.

They are made large enough at start; who grows one pays some microseconds, and `status` and
`python -m hft.latency --resources` show how often that was.
"""

from libc.stdint cimport uint64_t
from libc.stdlib cimport abort, realloc


cdef inline void *memory_grow(void *old, size_t size_bytes, uint64_t *allocations) noexcept nogil:
    """The same memory, larger. Without it nothing can be said or done: stop here."""
    cdef void *grown = realloc(old, size_bytes)
    allocations[0] += 1
    if grown == NULL:
        abort()
    return grown
