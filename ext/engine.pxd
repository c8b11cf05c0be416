"""The matching engine: commands in, reports and market data out. Rules: docs/engine.md."""

from libc.stdint cimport uint32_t, uint64_t

from hft.core.matching cimport Engine
from hft.core.messages cimport Command
from hft.core.outbox cimport Outbox


cdef int engine_init(Engine *engine, uint32_t instruments, uint32_t orders) except -1
cdef void engine_free(Engine *engine) noexcept nogil
cdef void engine_apply(Engine *engine, const Command *command, Outbox *out) noexcept nogil
cdef uint64_t engine_hash(const Engine *engine) noexcept nogil
