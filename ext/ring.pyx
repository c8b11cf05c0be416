"""The ring for Python, and the checks that a handle makes when it attaches."""

import os

import numpy as np

from libc.stdint cimport uint64_t

from hft.core.buffers cimport bytes_of, writable_bytes_of
from hft.core.clock cimport host_now_ns
from hft.core.segment cimport SEGMENT_RING
from hft.core.static_assert cimport static_assert

from hft.core.messages import COMMAND, MESSAGE, PAYLOAD_OF_KIND
from hft.core.segment import Segment as NamedSegment
from hft.core.segment import process_start_ticks
from hft.errors import AttachError, SegmentError

__all__ = ["Ring", "RingHandle", "RingPolicy"]

static_assert(sizeof(RingHeader) == 640)
static_assert(sizeof(RingHeader) <= RING_HEADER_BYTES)

MESSAGE_DTYPES = (MESSAGE, COMMAND, *PAYLOAD_OF_KIND.values())


cdef bint is_capacity(uint64_t slots) noexcept nogil:
    return 8 <= slots <= <uint64_t>1 << 32 and slots & (slots - 1) == 0


cdef class RingHandle:
    """A mapped ring: what the agents hold. Python uses `Ring`."""

    cdef int open(self, Segment segment) except -1:
        cdef RingHeader *header = <RingHeader *>segment.address
        # A segment on huge pages is larger than its ring.
        room = (header.segment.size_bytes - RING_HEADER_BYTES) // MESSAGE_SIZE
        for field, fits, wanted, found in (
            ("slot_bytes", header.slot_bytes == MESSAGE_SIZE, int(MESSAGE_SIZE), header.slot_bytes),
            ("policy", header.policy <= RING_DROP, "0 or 1", header.policy),
            ("capacity_slots", is_capacity(header.capacity_slots) and header.capacity_slots <= room,
             f"a power of two in 8..{room}", header.capacity_slots),
        ):
            if not fits:
                raise AttachError(f"ring {segment.name}: {field} must be {wanted}, was {found}")
        self.segment = segment
        self.ring.header = header
        self.ring.slots = <Message *>(segment.address + RING_HEADER_BYTES)
        self.ring.capacity = header.capacity_slots
        self.ring.mask = header.capacity_slots - 1
        self.ring.cursor = self.ring.cursor_stored = self.taken_end = header.cursor
        self.ring.cursor_seen = header.cursor
        self.ring.lost = header.lost
        # The stored head lags behind: the slots know better.
        self.ring.head = self.ring.newest = ring_newest(&self.ring, header.head)
        return 0

    @staticmethod
    def create_segment(str name, uint64_t capacity_slots, int policy=RING_WAIT, uint64_t run_id=0,
                       str pages="auto"):
        """Make the shared memory of a ring and leave it mapped in the returned Segment."""
        if not is_capacity(capacity_slots):
            raise SegmentError(
                f"ring {name}: capacity_slots must be a power of two in 8..2**32, "
                f"was {capacity_slots}"
            )
        if policy not in (RING_WAIT, RING_DROP):
            raise SegmentError(f"ring {name}: policy must be a RingPolicy, was {policy}")
        size_bytes = RING_HEADER_BYTES + capacity_slots * MESSAGE_SIZE
        if size_bytes > 1 << 20:
            size_bytes = (size_bytes + (2 << 20) - 1) // (2 << 20) * (2 << 20)
        cdef Segment segment = NamedSegment.create(name, size_bytes, SEGMENT_RING, run_id, pages)
        cdef RingHeader *header = <RingHeader *>segment.address
        header.slot_bytes = MESSAGE_SIZE
        header.policy = <uint32_t>policy
        header.capacity_slots = capacity_slots
        return segment


cdef class Ring(RingHandle):
    """One end of a ring, from Python.

    `push` publishes messages; `take` shows those that are there, in place, and `release` gives
    their slots back. Use one handle for one end. On a `drop` ring `take` copies and nothing is to
    be released.
    """

    def __init__(self):
        raise TypeError("use Ring.create or Ring.attach")

    @staticmethod
    def create(str name, capacity_slots=65536, policy=RING_WAIT):
        """Make a ring; capacity in messages, a power of two. SegmentError if it can't be."""
        cdef Ring self = Ring.__new__(Ring)
        self.open(RingHandle.create_segment(name, capacity_slots, policy))
        return self

    @staticmethod
    def attach(str name):
        """Map a ring that exists; AttachError says what doesn't fit."""
        cdef Ring self = Ring.__new__(Ring)
        self.open(NamedSegment.attach(name, SEGMENT_RING))
        return self

    cpdef int claim(self, bint producer) except -1:
        """Become the one producer, or consumer; AttachError if a living process is."""
        cdef RingHeader *header = self.ring.header
        cdef uint64_t *pid = &header.producer_pid if producer else &header.consumer_pid
        cdef uint64_t *start = (
            &header.producer_start_ticks if producer else &header.consumer_start_ticks
        )
        mine = os.getpid()
        if pid[0] == <uint64_t>mine:
            return 0
        if pid[0] and process_start_ticks(pid[0]) == start[0]:
            role = "producer" if producer else "consumer"
            raise AttachError(f"ring {self.segment.name}: has a {role} already, process {pid[0]}")
        pid[0] = mine
        start[0] = process_start_ticks(mine)
        return 0

    def push(self, messages):
        """Publish messages in order, sequence and stamp set; how many there was room for.

        TypeError unless `messages` is a one-dimensional array of a message dtype.
        """
        messages = np.ascontiguousarray(messages)
        if messages.ndim != 1 or messages.dtype not in MESSAGE_DTYPES:
            raise TypeError(
                "messages must be a one-dimensional array of a message dtype, was "
                f"{messages.ndim}-dimensional of {messages.dtype}"
            )
        self.claim(True)
        cdef uint64_t count = len(messages)
        cdef uint64_t place
        cdef const Message *source = <const Message *>bytes_of(messages)
        cdef uint32_t stamp = <uint32_t>host_now_ns()
        if self.ring.header.policy == RING_DROP:
            for place in range(count):
                ring_overwrite(&self.ring, &source[place], stamp)
        else:
            count = min(count, ring_space(&self.ring, count))
            for place in range(count):
                ring_write(&self.ring, &source[place], stamp)
        ring_show_head(&self.ring)
        return count

    def take(self, uint64_t at_most=256):
        """The messages that are there, a MESSAGE array; up to `at_most`, or to the ring's edge.

        On a `wait` ring the array is the ring's own memory, read-only, valid until `release`.
        """
        cdef uint64_t found = 0
        cdef uint64_t first
        self.claim(False)
        if self.ring.header.policy == RING_DROP:
            return self.take_copies(at_most)
        at_most = min(at_most, self.ring.capacity - (self.ring.cursor & self.ring.mask))
        while found < at_most and load_acquire(
            &self.ring.slots[(self.ring.cursor + found) & self.ring.mask].words[0]
        ) == self.ring.cursor + found + 1:
            found += 1
        first = RING_HEADER_BYTES + (self.ring.cursor & self.ring.mask) * MESSAGE_SIZE
        self.taken_end = self.ring.cursor + found
        batch = np.frombuffer(self.segment, MESSAGE, found, first)
        batch.flags.writeable = False
        return batch

    cdef object take_copies(self, uint64_t at_most):
        cdef uint64_t found = 0
        batch = np.empty(min(at_most, self.ring.capacity), MESSAGE)
        cdef Message *target = <Message *>writable_bytes_of(batch)
        while found < <uint64_t>len(batch) and ring_copy_next(&self.ring, &target[found]):
            found += 1
        self.ring.header.lost = self.ring.lost
        ring_store_cursor(&self.ring)
        return batch[:found]

    def release(self, count=None):
        """Give back the first `count` messages of the last `take`, all of them by default."""
        cdef uint64_t end = self.taken_end if count is None else self.ring.cursor + <uint64_t>count
        if self.ring.header.policy == RING_DROP:
            return
        if end > self.taken_end:
            raise ValueError(
                f"count must be at most {self.taken_end - self.ring.cursor}, was {count}"
            )
        self.ring.cursor = end
        ring_store_cursor(&self.ring)

    @property
    def name(self):
        return self.segment.name

    @property
    def capacity_slots(self):
        """Messages that fit."""
        return self.ring.capacity

    @property
    def policy(self):
        return RingPolicy(self.ring.header.policy)

    @property
    def lost(self):
        """Messages that this reader of a `drop` ring missed."""
        return self.ring.lost

    def __len__(self):
        """Messages published and not released yet, as the header shows it."""
        return load_relaxed(&self.ring.header.head) - load_relaxed(&self.ring.header.cursor)

    def unlink(self):
        """Remove the ring's name; handles that are open stay valid."""
        NamedSegment.unlink(self.segment.name)
