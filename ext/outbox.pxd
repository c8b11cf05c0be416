"""Messages that a step of a node put out and that its rings have not taken yet.

A node never waits inside a step: it appends here, and the agent moves the messages to the rings as
they have room. Made large enough at start, it grows only when one command causes more than
`capacity` messages (a sweep of a deep book).
"""

from libc.stdint cimport uint32_t
from libc.stdlib cimport abort, realloc
from libc.string cimport memset

from hft.core.messages cimport MESSAGE_SIZE, Message


cdef struct Outbox:
    Message *messages
    uint32_t count
    uint32_t capacity


cdef inline void outbox_reserve(Outbox *box, uint32_t capacity) noexcept nogil:
    """Have room for so many messages, its memory touched. For the start, not for a step."""
    box.messages = <Message *>realloc(box.messages, <size_t>capacity * MESSAGE_SIZE)
    if box.messages == NULL:
        abort()
    memset(box.messages, 0, <size_t>capacity * MESSAGE_SIZE)
    box.capacity = capacity


cdef inline void outbox_grow(Outbox *box) noexcept nogil:
    cdef uint32_t capacity = 2 * box.capacity if box.capacity else 1024
    box.messages = <Message *>realloc(box.messages, <size_t>capacity * MESSAGE_SIZE)
    if box.messages == NULL:
        # No report may be lost, and none can be written: stop here; the journal has the command.
        abort()
    box.capacity = capacity


cdef inline Message *outbox_next(Outbox *box) noexcept nogil:
    """Room for one more message. Valid until the next call."""
    cdef Message *message
    if box.count == box.capacity:
        outbox_grow(box)
    message = &box.messages[box.count]
    box.count += 1
    return message
