"""The host clock: nanoseconds of CLOCK_MONOTONIC, the same in every process of the host.

Only the agents' outer shell reads it, to stamp, to pace and to measure. What a node decides depends
on the times in its messages.
"""

from libc.stdint cimport int64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec


cdef inline int64_t host_now_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1_000_000_000 + now.tv_nsec
