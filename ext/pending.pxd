"""Messages that wait for Python: what a node's step saw, with what it knew at that moment."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from hft.core.features cimport Features
from hft.core.memory cimport memory_grow
from hft.core.messages cimport Message


cdef struct PendingEvent:
    Message message
    int64_t event_ts_ns
    Features features  # of the message's instrument, after it; zeros without one


cdef struct Pending:
    PendingEvent *events
    uint32_t count
    uint32_t capacity
    uint64_t allocations  # since it was reserved


cdef inline void pending_reserve(Pending *pending, uint32_t capacity) noexcept nogil:
    """Have room for so many events, its memory touched. For the start, not for a step."""
    pending.events = <PendingEvent *>memory_grow(
        pending.events, capacity * sizeof(PendingEvent), &pending.allocations
    )
    memset(pending.events, 0, capacity * sizeof(PendingEvent))
    pending.capacity = capacity
    pending.allocations = 0


cdef inline void pending_add(Pending *pending, const Message *message, int64_t event_ts_ns,
                             const Features *features) noexcept nogil:
    """Append; `features` is NULL for a message that is about no instrument."""
    cdef PendingEvent *event
    if pending.count == pending.capacity:
        pending.capacity = 2 * pending.capacity if pending.capacity else 1024
        pending.events = <PendingEvent *>memory_grow(
            pending.events, pending.capacity * sizeof(PendingEvent), &pending.allocations
        )
    event = &pending.events[pending.count]
    event.message = message[0]
    event.event_ts_ns = event_ts_ns
    if features != NULL:
        event.features = features[0]
    else:
        memset(&event.features, 0, sizeof(Features))
    pending.count += 1
