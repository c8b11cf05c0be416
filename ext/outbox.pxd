"""Messages that a step of a node put out and that its rings have not taken yet.

A node never waits inside a step: it appends here, and the agent moves the messages to the rings as
they have room. Made large enough at start, it grows only when one command causes more than
`capacity` messages (a sweep of a deep book).
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from hft.core.memory cimport memory_grow
from hft.core.messages cimport MESSAGE_SIZE, Message


cdef struct Outbox:
    Message *messages
    uint32_t count
    uint32_t capacity
    uint64_t allocations  # since it was reserved


cdef inline void outbox_reserve(Outbox *box, uint32_t capacity) noexcept nogil:
    """Have room for so many messages, its memory touched. For the start, not for a step."""
    box.messages = <Message *>memory_grow(box.messages, <size_t>capacity * MESSAGE_SIZE,
                                          &box.allocations)
    memset(box.messages, 0, <size_t>capacity * MESSAGE_SIZE)
    box.capacity = capacity
    box.allocations = 0


cdef inline void outbox_grow(Outbox *box) noexcept nogil:
    cdef uint32_t capacity = 2 * box.capacity if box.capacity else 1024
    # No report may be lost: without memory the process stops; the journal has the command.
    box.messages = <Message *>memory_grow(box.messages, <size_t>capacity * MESSAGE_SIZE,
                                          &box.allocations)
    box.capacity = capacity


cdef inline Message *outbox_next(Outbox *box) noexcept nogil:
    """Room for one more message. Valid until the next call."""
    cdef Message *message
    if box.count == box.capacity:
        outbox_grow(box)
    message = &box.messages[box.count]
    box.count += 1
    return message
