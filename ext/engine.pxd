"""The matching engine: commands in, reports and market data out. Rules: docs/engine.md."""

from libc.stdint cimport uint32_t, uint64_t

from hft.core.matching cimport Engine
from hft.core.messages cimport Message
from hft.core.outbox cimport Outbox


cdef int engine_init(Engine *engine, uint32_t instruments, uint32_t orders, uint32_t listed,
                     uint32_t market_data) except -1
cdef void engine_quirks(Engine *engine) noexcept nogil
cdef void engine_free(Engine *engine) noexcept nogil
cdef void engine_prefault(Engine *engine) noexcept nogil
cdef uint32_t engine_apply(Engine *engine, const Message *message, size_t available,
                           Outbox *out) noexcept nogil
cdef size_t engine_apply_batch(Engine *engine, const Message *messages, size_t count,
                               size_t available, Outbox *out) noexcept nogil
cdef uint64_t engine_hash(const Engine *engine) noexcept nogil
cdef uint32_t engine_check(const Engine *engine) noexcept nogil
