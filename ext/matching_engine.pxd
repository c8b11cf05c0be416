from libc.stdint cimport int64_t, uint32_t

from hft.core.matching cimport Engine
from hft.core.messages cimport Message
from hft.core.outbox cimport Outbox


cdef class MatchingEngine:
    cdef Engine engine
    cdef Outbox box
    cdef void copy_side(self, uint32_t instrument, int side, uint32_t levels, int64_t *target,
                        int stride) noexcept nogil
    cdef dict described(self, uint32_t index)
    cdef int check_instrument(self, uint32_t instrument) except -1
