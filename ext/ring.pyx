"""The ring for Python, and the checks that a handle makes when it attaches."""

import os

import numpy as np

from cpython.buffer cimport PyBUF_CONTIG, PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint64_t
from posix.time cimport nanosleep, timespec
from posix.unistd cimport getpid

from hft.core.atomics cimport cpu_pause
from hft.core.buffers cimport writable_bytes_of
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

cdef extern from "<sched.h>":
    int sched_yield() nogil

cdef enum:
    # A wait: polls while it holds the GIL, which take as long as giving that away; then polls
    # without it until so much time has passed, then yields the core, then sleeps.
    HELD_POLLS = 1000
    SPIN_NS = 50_000
    YIELD_NS = 1_000_000
    SLEEP_NS = 50_000
    SIGNALS_NS = 10_000_000  # between two looks whether the user wants to stop

cdef double FOREVER_S = 3e9  # a century, and still a number of nanoseconds
cdef object ARRAYS = (np.ndarray, np.void)
cdef frozenset MESSAGE_DTYPES = frozenset((MESSAGE, COMMAND, *PAYLOAD_OF_KIND.values()))
cdef uint64_t my_pid, my_start_ticks


def note_process():
    global my_pid, my_start_ticks
    my_pid = getpid()
    my_start_ticks = process_start_ticks(my_pid)


note_process()
os.register_at_fork(after_in_child=note_process)


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
        ring_resume_producer(&self.ring)
        ring_resume_consumer(&self.ring)
        self.ring.newest = self.ring.head
        self.taken_end = self.ring.cursor
        return 0

    @staticmethod
    def segment_bytes(uint64_t capacity_slots):
        """Bytes that a ring's segment takes: beyond 1 MiB in whole huge pages, of 2 MiB."""
        size_bytes = RING_HEADER_BYTES + capacity_slots * MESSAGE_SIZE
        if size_bytes > 1 << 20:
            size_bytes = (size_bytes + (2 << 20) - 1) // (2 << 20) * (2 << 20)
        return size_bytes

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
        size_bytes = RingHandle.segment_bytes(capacity_slots)
        cdef Segment segment = NamedSegment.create(name, size_bytes, SEGMENT_RING, run_id, pages)
        cdef RingHeader *header = <RingHeader *>segment.address
        header.slot_bytes = MESSAGE_SIZE
        header.policy = <uint32_t>policy
        header.capacity_slots = capacity_slots
        return segment


ctypedef bint (*Ready)(RingEnd *ring) noexcept nogil


cdef bint has_message(RingEnd *ring) noexcept nogil:
    return load_acquire(&ring.slots[ring.cursor & ring.mask].words[0]) > ring.cursor


cdef bint has_space(RingEnd *ring) noexcept nogil:
    return ring_space(ring, 1) > 0


cdef bint poll(RingEnd *ring, Ready ready, int64_t started_ns, int64_t until_ns) noexcept nogil:
    """Wait for what a ring is to have; False when it is too late."""
    cdef timespec pause
    cdef int64_t now_ns
    while not ready(ring):
        now_ns = host_now_ns()
        if now_ns >= until_ns:
            return ready(ring)
        if now_ns - started_ns < SPIN_NS:
            cpu_pause()
        elif now_ns - started_ns < YIELD_NS:
            sched_yield()
        else:
            pause.tv_sec = 0
            pause.tv_nsec = min(<int64_t>SLEEP_NS, until_ns - now_ns)
            nanosleep(&pause, NULL)
    return True


cdef bint wait_until(RingEnd *ring, Ready ready, object timeout_s) except -1:
    """Whether it is ready within that time, None for any; a signal's handler may raise."""
    cdef double seconds = FOREVER_S if timeout_s is None else timeout_s
    cdef int64_t started_ns, until_ns, now_ns
    cdef int polls = 0
    cdef bint is_ready = ready(ring)
    if not seconds >= 0:
        raise ValueError(f"timeout_s must be None or at least 0, was {timeout_s}")
    if is_ready or seconds == 0:
        return is_ready
    while polls < HELD_POLLS:
        if ready(ring):
            return True
        polls += 1
    started_ns = now_ns = host_now_ns()
    until_ns = started_ns + <int64_t>(min(seconds, FOREVER_S) * 1e9)
    while not is_ready and now_ns < until_ns:
        with nogil:
            is_ready = poll(ring, ready, started_ns, min(until_ns, now_ns + SIGNALS_NS))
            now_ns = host_now_ns()
        PyErr_CheckSignals()
    return is_ready


cdef inline bint is_message_dtype(object dtype) except -1:
    # The two that nearly all have, first: that is quicker than to hash.
    return dtype is COMMAND or dtype is MESSAGE or dtype in MESSAGE_DTYPES


cdef object not_messages(str wanted, object given):
    """The TypeError for what is no messages, with what was given."""
    cdef str was = f"a {type(given).__name__}"
    if isinstance(given, ARRAYS):
        of = "a message dtype" if is_message_dtype(given.dtype) else given.dtype
        was = f"{given.ndim}-dimensional of {of}"
    return TypeError(f"messages must be {wanted}, was {was}")


cdef int open_messages(object given, Py_buffer *view) except -1:
    """Messages to push, of any stride: a record is one. TypeError if they are none."""
    cdef bint fits = isinstance(given, ARRAYS) and is_message_dtype(given.dtype)
    if fits:
        PyObject_GetBuffer(given, view, PyBUF_STRIDES)
        if view.ndim <= 1:
            return 0
        PyBuffer_Release(view)
    raise not_messages("a one-dimensional array of a message dtype, or a record of one", given)


cdef int open_room(object given, Py_buffer *view) except -1:
    """An array to fill with messages. TypeError if it is none."""
    cdef bint fits = isinstance(given, np.ndarray) and is_message_dtype(given.dtype)
    if fits:
        try:
            PyObject_GetBuffer(given, view, PyBUF_CONTIG)
        except ValueError as error:  # NumPy's, for one that is read-only or has gaps
            raise TypeError(f"messages can't be written to: {error}") from None
        if view.ndim == 1:
            return 0
        PyBuffer_Release(view)
    raise not_messages("a one-dimensional array of a message dtype", given)


cdef class Ring(RingHandle):
    """One end of a ring, from Python.

    `push` publishes messages; `take` shows those that are there, in place, and `release` gives
    their slots back; `take_into` copies them instead. On a `drop` ring `take` copies and nothing is
    to be released, and `latest` shows the newest to anybody. Use one handle for one end.

    In a `with` statement a ring that was created, not attached, loses its name at the end.

    Thread-safety: a handle belongs to one thread at a time.
    """

    def __init__(self):
        raise TypeError("use Ring.create or Ring.attach")

    @staticmethod
    def create(str name, capacity_slots=65536, policy=RING_WAIT):
        """Make a ring; capacity in messages, a power of two. SegmentError if it can't be."""
        cdef Ring self = Ring.__new__(Ring)
        self.open(RingHandle.create_segment(name, capacity_slots, policy))
        self.made = True
        return self

    @staticmethod
    def attach(str name):
        """Map a ring that exists; AttachError says what doesn't fit."""
        cdef Ring self = Ring.__new__(Ring)
        self.open(NamedSegment.attach(name, SEGMENT_RING))
        return self

    cdef int open(self, Segment segment) except -1:
        RingHandle.open(self, segment)
        self.messages = np.frombuffer(segment, MESSAGE, self.ring.capacity, RING_HEADER_BYTES)
        self.messages.flags.writeable = False
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.made:
            self.unlink()

    cpdef int claim(self, bint producer) except -1:
        """Become the one producer, or consumer; AttachError if a living process is.

        It goes on where the one before left off, also if that died after this handle attached.
        """
        cdef RingHeader *header = self.ring.header
        cdef uint64_t *pid = &header.producer_pid if producer else &header.consumer_pid
        cdef uint64_t *start = (
            &header.producer_start_ticks if producer else &header.consumer_start_ticks
        )
        if pid[0] == my_pid and start[0] == my_start_ticks:
            return 0
        if pid[0] and process_start_ticks(pid[0]) == start[0]:
            role = "producer" if producer else "consumer"
            raise AttachError(f"ring {self.segment.name}: has a {role} already, process {pid[0]}")
        start[0] = my_start_ticks
        pid[0] = my_pid
        if producer:
            ring_resume_producer(&self.ring)
        else:
            ring_resume_consumer(&self.ring)
            self.taken_end = self.ring.cursor
        return 0

    def push(self, messages, timeout_s=0):
        """Publish messages in order, sequence and stamp set; how many there was room for.

        Args:
            messages: a one-dimensional array of a message dtype, of any stride, or a record of one.
                They are copied.
            timeout_s: how long to wait for room for all of them, in seconds; None for ever. A
                `drop` ring has room always.

        TypeError for anything else; ValueError for a negative time.
        """
        cdef Py_buffer view
        cdef uint64_t count
        cdef uint64_t done = 0
        self.claim(True)
        open_messages(messages, &view)
        try:
            count = view.shape[0] if view.ndim else 1
            done = self.write(&view, 0, count)
            while done < count and wait_until(&self.ring, has_space, timeout_s):
                done += self.write(&view, done, count - done)
        finally:
            PyBuffer_Release(&view)
        return done

    cdef uint64_t write(self, const Py_buffer *view, uint64_t start, uint64_t count) noexcept:
        """Publish what there is room for of `count` messages of a buffer, and show it."""
        cdef Py_ssize_t stride = view.strides[0] if view.ndim else 0
        cdef const char *source = <const char *>view.buf + <Py_ssize_t>start * stride
        cdef uint32_t stamp = <uint32_t>host_now_ns()
        cdef uint64_t end = self.ring.head + count
        if self.ring.header.policy == RING_DROP:
            while self.ring.head < end:
                ring_overwrite(&self.ring, <const Message *>source, stamp)
                source += stride
        else:
            count = min(count, ring_space(&self.ring, count))
            end = self.ring.head + count
            while self.ring.head < end:
                ring_write(&self.ring, <const Message *>source, stamp)
                source += stride
        ring_show_head(&self.ring)
        return count

    def wait(self, timeout_s=None):
        """Whether there is a message to take within that time in seconds; None waits for ever.

        It polls without the GIL for 50 µs, then yields the core, and after a millisecond sleeps
        50 µs at a time. Signals are heeded.
        """
        self.claim(False)
        return wait_until(&self.ring, has_message, timeout_s)

    def take(self, uint64_t at_most=256, timeout_s=0):
        """The messages that are there, a MESSAGE array; up to `at_most`, or to the ring's edge.

        On a `wait` ring the array is the ring's own memory, read-only, valid until `release`. If
        there is none it waits for one as `wait` does.
        """
        cdef uint64_t place, found
        self.claim(False)
        if at_most and not has_message(&self.ring):
            wait_until(&self.ring, has_message, timeout_s)
        if self.ring.header.policy == RING_DROP:
            return self.take_copies(at_most)
        place = self.ring.cursor & self.ring.mask
        found = ring_peek_batch(&self.ring, at_most)
        self.taken_end = self.ring.cursor + found
        return self.messages[place:place + found]

    cdef object take_copies(self, uint64_t at_most):
        batch = np.empty(min(at_most, self.ring.capacity), MESSAGE)
        return batch[:self.copy(<Message *>writable_bytes_of(batch), len(batch))]

    def take_into(self, messages, timeout_s=0):
        """Copy the messages that are there into an array and give their slots back; how many.

        Args:
            messages: a contiguous one-dimensional array of a message dtype, which is filled from
                its beginning.
            timeout_s: how long to wait if there is none, as `wait` does.

        It makes nothing, and so costs least. TypeError for anything else.
        """
        cdef Py_buffer view
        self.claim(False)
        open_room(messages, &view)
        try:
            if view.shape[0] and not has_message(&self.ring):
                wait_until(&self.ring, has_message, timeout_s)
            return self.copy(<Message *>view.buf, view.shape[0])
        finally:
            PyBuffer_Release(&view)

    cdef uint64_t copy(self, Message *target, uint64_t at_most) noexcept:
        """Take up to `at_most` messages by copying them; how many."""
        cdef uint64_t done = 0
        cdef uint64_t found
        if self.ring.header.policy == RING_DROP:
            while done < at_most and ring_copy_next(&self.ring, &target[done]):
                done += 1
            ring_store_seen(&self.ring)
        else:
            found = ring_peek_batch(&self.ring, at_most)
            while found:
                memcpy(&target[done], ring_peek(&self.ring), found * MESSAGE_SIZE)
                ring_release(&self.ring, found)
                done += found
                found = ring_peek_batch(&self.ring, at_most - done)
        self.taken_end = self.ring.cursor
        return done

    def latest(self):
        """The newest message of a `drop` ring: a MESSAGE array of one, of none before the first.

        It is a copy, and whole. Nothing is taken: any number of handles and processes may look, and
        none has to be the consumer. ValueError on a `wait` ring, whose slots may be looked at by
        its consumer alone.
        """
        if self.ring.header.policy != RING_DROP:
            raise ValueError(f"ring {self.segment.name}: latest needs a drop ring, was a wait ring")
        newest = np.empty(1, MESSAGE)
        if ring_latest(&self.ring, <Message *>writable_bytes_of(newest)):
            return newest
        return newest[:0]

    def release(self, count=None):
        """Give back the first `count` messages of the last `take`, all of them by default."""
        cdef uint64_t end = self.taken_end if count is None else self.ring.cursor + <uint64_t>count
        if self.ring.header.policy == RING_DROP:
            return
        if end > self.taken_end:
            raise ValueError(
                f"count must be at most {self.taken_end - self.ring.cursor}, was {count}"
            )
        ring_release(&self.ring, end - self.ring.cursor)

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
