"""Single-producer single-consumer ring of 64-byte messages in shared memory.

A message's own sequence word, its place counted from 1, is written last with release order and so
publishes it: one cache-line transfer a message, no shared head. The consumer stores its cursor only
now and then (every eighth of the capacity, and when it has drained the ring) on a line of its own,
and the producer keeps a copy, so that neither index bounces. Worst case: a producer that is a full
ring ahead reads the cursor at every attempt.

Policy `wait` is lossless: a push into a full ring fails and the producer tries again. Policy `drop`
never delays the producer: the newest overwrites the oldest (sequence 0, fence, payload, sequence),
so its reader copies, checks again, and counts the gap it sees. Any number of others may look at its
newest message without taking it.

What the producer will write a little later it asks for now: a line comes from the other core in the
time of a dozen messages, and so none of them waits for it.

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
from hft.core.hints cimport prefetch_write
from hft.core.messages cimport MESSAGE_SIZE, Message
from hft.core.segment cimport Segment, SegmentHeader

cpdef enum RingPolicy:
    RING_WAIT = 0
    RING_DROP = 1

cdef enum:
    RING_HEADER_BYTES = 4096
    RING_AHEAD = 16  # slots from the one that is written to the one that is asked for


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
    uint64_t lost  # overwritten before they were read (drop), if cursor is at least lost_from
    uint64_t lost_from
    uint64_t lost_before  # else
    uint64_t pad_3[12]


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
    uint64_t lost_stored
    # An onlooker's: published at its last look.
    uint64_t newest


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
    prefetch_write(&ring.slots[(ring.head + RING_AHEAD) & ring.mask])
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
    prefetch_write(&ring.slots[(ring.head + RING_AHEAD) & ring.mask])
    # Release: a kill must not find this done and the message before unpublished.
    store_release(&slot.words[0], 0)
    fence_release()
    memcpy(&slot.words[1], &message.words[1], MESSAGE_SIZE - 8)
    slot.header.stamp = stamp
    ring.head += 1
    store_release(&slot.words[0], ring.head)


cdef inline Message *ring_claim(RingEnd *ring, uint64_t wanted, uint64_t *found) noexcept nogil:
    """The next free slots of a `wait` ring, in place: up to `wanted`, or to the ring's edge.

    The caller fills in all but their first word, the sequence, and calls `ring_publish`.
    """
    cdef uint64_t place = ring.head & ring.mask
    found[0] = min(min(wanted, ring_space(ring, wanted)), ring.capacity - place)
    return &ring.slots[place]


cdef inline void ring_publish(RingEnd *ring, uint64_t count, uint32_t stamp) noexcept nogil:
    """Publish the first `count` of the slots that were claimed, in order."""
    cdef uint64_t end = ring.head + count
    cdef Message *slot
    while ring.head < end:
        slot = &ring.slots[ring.head & ring.mask]
        prefetch_write(&ring.slots[(ring.head + RING_AHEAD) & ring.mask])
        slot.header.stamp = stamp
        ring.head += 1
        store_release(&slot.words[0], ring.head)


cdef inline void ring_show_head(RingEnd *ring) noexcept nogil:
    """Let observers know how much was published."""
    store_release(&ring.header.head, ring.head)


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


cdef inline const Message *ring_waiting(const RingEnd *ring, uint64_t place) noexcept nogil:
    """The message that is `place` from 1 on among those that wait; `ring_has` said so."""
    return &ring.slots[(ring.cursor + place - 1) & ring.mask]


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


cdef inline uint64_t ring_peek_batch(RingEnd *ring, uint64_t at_most) noexcept nogil:
    """How many messages lie in place from `ring_peek`'s on: up to `at_most`, or the ring's edge."""
    cdef uint64_t place = ring.cursor & ring.mask
    cdef uint64_t end = min(at_most, ring.capacity - place)
    cdef uint64_t found = 0
    while found < end and (
        load_acquire(&ring.slots[place + found].words[0]) == ring.cursor + found + 1
    ):
        found += 1
    return found


cdef inline void ring_release(RingEnd *ring, uint64_t count) noexcept nogil:
    """Take that many messages and give their slots back now."""
    ring.cursor += count
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


cdef inline void ring_store_seen(RingEnd *ring) noexcept nogil:
    """Let others know how far the reader of a `drop` ring is, and what it lost on the way.

    A kill may come between the two: with `lost_from` and `lost_before` who takes over knows which
    number of lost messages belongs to the cursor that it finds.
    """
    if ring.lost_stored != ring.lost:
        store_release(&ring.header.lost_before, ring.lost_stored)
        store_release(&ring.header.lost_from, ring.cursor)
        store_release(&ring.header.lost, ring.lost)
        ring.lost_stored = ring.lost
    ring_store_cursor(ring)


cdef inline uint64_t ring_newest(const RingEnd *ring, uint64_t known) noexcept nogil:
    """How much was published, from slots alone, as of the call or later; at least `known`.

    Slots that are not overwritten hold the last `capacity` sequences, so the first step leads to
    within a lap of the newest.
    """
    cdef uint64_t newest = known
    cdef uint64_t looks = 0
    cdef uint64_t sequence = load_acquire(&ring.slots[newest & ring.mask].words[0])
    while sequence > newest and looks <= ring.capacity:
        newest = sequence
        looks += 1
        sequence = load_acquire(&ring.slots[newest & ring.mask].words[0])
    # The slot may just be overwritten, laps later: then the one before it has the newest.
    sequence = load_acquire(&ring.slots[(newest - 1) & ring.mask].words[0])
    return sequence if sequence > newest else newest


cdef inline bint ring_latest(RingEnd *ring, Message *target) noexcept nogil:
    """Copy the newest message of a `drop` ring without taking it; False before the first.

    For any number of readers, who need not be the consumer. It tries again only when the producer
    was a lap further before the copy was done.
    """
    cdef Message *slot
    while True:
        ring.newest = ring_newest(ring, max(ring.newest, load_acquire(&ring.header.head)))
        if ring.newest == 0:
            return False
        slot = &ring.slots[(ring.newest - 1) & ring.mask]
        if load_acquire(&slot.words[0]) == ring.newest:
            memcpy(target, slot, MESSAGE_SIZE)
            fence_acquire()
            if load_relaxed(&slot.words[0]) == ring.newest:
                target.words[0] = ring.newest
                return True


cdef inline void ring_resume_producer(RingEnd *ring) noexcept nogil:
    """Go on after what was published, by a producer that died or by nobody."""
    # Acquire: what the consumer did with the slots that it gave back is over.
    ring.cursor_seen = load_acquire(&ring.header.cursor)
    # The stored head lags behind, by more than a lap at times: the slots know better.
    ring.head = ring_newest(ring, load_acquire(&ring.header.head))


cdef inline void ring_resume_consumer(RingEnd *ring) noexcept nogil:
    """Go on after what was given back, by a consumer that died or by nobody."""
    ring.cursor = load_acquire(&ring.header.cursor)
    ring.cursor_stored = ring.cursor
    if ring.cursor >= load_acquire(&ring.header.lost_from):
        ring.lost = load_acquire(&ring.header.lost)
    else:
        ring.lost = load_acquire(&ring.header.lost_before)
    ring.lost_stored = ring.lost


cdef class RingHandle:
    cdef RingEnd ring
    cdef readonly Segment segment
    cdef uint64_t taken_end
    cdef int open(self, Segment segment) except -1


cdef class Ring(RingHandle):
    cdef object messages  # all slots, as a read-only array
    cdef bint made  # by this handle, not attached
    cpdef int claim(self, bint producer) except -1
    cdef uint64_t write(self, const Py_buffer *view, uint64_t start, uint64_t count) noexcept
    cdef uint64_t copy(self, Message *target, uint64_t at_most) noexcept
    cdef object take_copies(self, uint64_t at_most)
