"""Single-producer single-consumer ring of 64-byte messages in shared memory.

A message's own sequence word, its place counted from 1, is written last with release order and so
publishes it: one cache-line transfer a message, no shared head. The consumer stores its cursor only
now and then (every eighth of the capacity, and when it has drained the ring) on a line of its own,
and the producer keeps a copy, so that neither index bounces. Worst case: a producer that is a full
ring ahead reads the cursor at every attempt.

Policy `wait` is lossless: a push into a full ring fails and the producer tries again. Policy `drop`
never delays the producer: the newest overwrites the oldest (sequence 0, fence, payload, sequence),
so its reader copies, checks again, and counts the gap it sees.

`progress` is the producer's promise: everything that the engine's first `progress` rounds made it
say is in the ring. Simulated time is kept in order by it (docs/runtime.md).

One process at a time may push, one may take.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from hft.core.atomics cimport (
    fence_acquire,
    fence_release,
    load_acquire,
    load_relaxed,
    store_relaxed,
    store_release,
)
from hft.core.messages cimport MESSAGE_SIZE, Message
from hft.core.segment cimport Segment, SegmentHeader

cpdef enum RingPolicy:
    RING_WAIT = 0
    RING_DROP = 1

cdef enum:
    RING_HEADER_BYTES = 4096


cdef struct RingHeader:
    SegmentHeader segment
    uint32_t slot_bytes
    uint32_t policy  # RingPolicy
    uint64_t capacity_slots
    uint64_t producer_pid
    uint64_t producer_start_ticks
    uint64_t consumer_pid
    uint64_t consumer_start_ticks
    uint64_t pad_0[18]
    # Written by the producer, 128 bytes apart from what the consumer writes.
    uint64_t head  # published so far; lags behind, for observers and a new producer
    uint64_t pad_1[15]
    uint64_t progress
    uint64_t pad_2[15]
    # Written by the consumer.
    uint64_t cursor  # taken and released so far
    uint64_t lost  # overwritten before they were read (drop)
    uint64_t pad_3[14]


cdef struct RingEnd:
    RingHeader *header
    Message *slots
    uint64_t mask
    uint64_t capacity
    # Producer's side.
    uint64_t head
    uint64_t cursor_seen
    # Consumer's side.
    uint64_t cursor
    uint64_t cursor_stored
    uint64_t lost


cdef inline uint64_t ring_space(RingEnd *ring, uint64_t wanted) noexcept nogil:
    """How many messages may be pushed now; looks at the consumer's cursor only below `wanted`."""
    cdef uint64_t space = ring.capacity - (ring.head - ring.cursor_seen)
    if space < wanted:
        ring.cursor_seen = load_acquire(&ring.header.cursor)
        space = ring.capacity - (ring.head - ring.cursor_seen)
    return space


cdef inline void ring_write(RingEnd *ring, const Message *message, uint32_t stamp) noexcept nogil:
    """Write and publish the next message. The caller has checked that there is space."""
    cdef Message *slot = &ring.slots[ring.head & ring.mask]
    memcpy(&slot.words[1], &message.words[1], MESSAGE_SIZE - 8)
    slot.header.stamp = stamp
    ring.head += 1
    store_release(&slot.words[0], ring.head)


cdef inline bint ring_try_push(RingEnd *ring, const Message *message,
                               uint32_t stamp) noexcept nogil:
    """Publish a message if there is space."""
    if ring_space(ring, 1) == 0:
        return False
    ring_write(ring, message, stamp)
    return True


cdef inline void ring_overwrite(RingEnd *ring, const Message *message,
                                uint32_t stamp) noexcept nogil:
    """Publish a message on a `drop` ring, over the oldest if need be."""
    cdef Message *slot = &ring.slots[ring.head & ring.mask]
    store_relaxed(&slot.words[0], 0)
    fence_release()
    memcpy(&slot.words[1], &message.words[1], MESSAGE_SIZE - 8)
    slot.header.stamp = stamp
    ring.head += 1
    store_release(&slot.words[0], ring.head)


cdef inline void ring_show_head(RingEnd *ring) noexcept nogil:
    """Let observers know how much was published."""
    store_relaxed(&ring.header.head, ring.head)


cdef inline Message *ring_peek(RingEnd *ring) noexcept nogil:
    """The oldest message not taken yet, in place; NULL if there is none."""
    cdef Message *slot = &ring.slots[ring.cursor & ring.mask]
    if load_acquire(&slot.words[0]) == ring.cursor + 1:
        return slot
    return NULL


cdef inline bint ring_has(const RingEnd *ring, uint64_t count) noexcept nogil:
    """Whether at least `count` messages wait to be taken; `count` is 1 to the capacity."""
    cdef uint64_t last = ring.cursor + count
    return load_acquire(&ring.slots[(last - 1) & ring.mask].words[0]) == last


cdef inline void ring_store_cursor(RingEnd *ring) noexcept nogil:
    """Hand everything taken back to the producer."""
    if ring.cursor_stored != ring.cursor:
        store_release(&ring.header.cursor, ring.cursor)
        ring.cursor_stored = ring.cursor


cdef inline void ring_advance(RingEnd *ring) noexcept nogil:
    """Take the message that `ring_peek` showed; its slot may be reused from now on."""
    ring.cursor += 1
    if ring.cursor - ring.cursor_stored >= ring.capacity >> 3:
        ring_store_cursor(ring)


cdef inline bint ring_copy_next(RingEnd *ring, Message *target) noexcept nogil:
    """Copy the next message of a `drop` ring; counts in `lost` what was overwritten before."""
    cdef Message *slot
    cdef uint64_t sequence, resumed
    while True:
        slot = &ring.slots[ring.cursor & ring.mask]
        sequence = load_acquire(&slot.words[0])
        if sequence == ring.cursor + 1:
            memcpy(target, slot, MESSAGE_SIZE)
            fence_acquire()
            if load_relaxed(&slot.words[0]) == sequence:
                target.words[0] = sequence
                ring.cursor += 1
                return True
        elif sequence <= ring.cursor:
            # Not written yet, or just being overwritten: either way nothing to read now.
            return False
        else:
            # The producer is a lap ahead: go on half a ring behind it.
            resumed = sequence - (ring.capacity >> 1)
            ring.lost += resumed - ring.cursor
            ring.cursor = resumed


cdef class RingHandle:
    cdef RingEnd ring
    cdef readonly Segment segment
    cdef uint64_t taken_end
    cdef int open(self, Segment segment) except -1


cdef class Ring(RingHandle):
    cpdef int claim(self, bint producer) except -1
    cdef object take_copies(self, uint64_t at_most)
