"""The two ends of a storm: every message is a function of its sequence, and every word is checked.

What a side has done it notes in a page that outlives it, before and after: who takes over holds
against that what the ring says. `FAULT` gets what was found, the words after it with what.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from hft.core.atomics cimport cpu_pause, load_acquire, store_release
from hft.core.clock cimport host_now_ns
from hft.core.messages cimport MESSAGE_SIZE, Message
from hft.core.ring cimport (
    RING_DROP,
    Ring,
    RingEnd,
    ring_advance,
    ring_copy_next,
    ring_overwrite,
    ring_peek,
    ring_show_head,
    ring_store_cursor,
    ring_store_seen,
    ring_try_push,
)

cdef extern from "<sched.h>":
    int sched_yield() nogil

# Words of the page: a line for each side, one for what both only read.
cpdef enum:
    PUSHING = 0  # the message that may be half published
    PUSHED = 1
    PRODUCERS = 2  # that have begun
    TAKEN = 16  # messages that were seen and found good
    GIVEN = 17  # the cursor that was stored for certain
    AGAIN = 18  # messages that were seen a second time, after a kill
    CONSUMERS = 19
    SEEN_CURSOR = 20  # drop: the pair that was stored for certain,
    SEEN_LOST = 21
    NEXT_CURSOR = 22  # and the one that may have been
    NEXT_LOST = 23
    FAULT = 32
    GO_ON = 48  # 0: the storm is over
    NOTES = 64

cpdef enum:
    NO_FAULT = 0
    RESUMED_WRONG = 1  # not where the one before had come to
    OUT_OF_ORDER = 2
    TORN = 3
    COUNTED_WRONG = 4
    SEEN_TOO_OFTEN = 5

FAULTS = ("none", "resumed wrong", "out of order", "torn", "counted wrong", "seen too often")

cdef enum:
    WORDS = MESSAGE_SIZE // 8
    BATCH = 64
    STALL_EVERY = 0x3FFFF  # messages, a mask


cdef inline uint64_t word_of(uint64_t sequence, uint64_t place) noexcept nogil:
    """Word `place` of a message: no two of a message are alike, nor of neighbours."""
    cdef uint64_t mixed = (sequence + (place << 56)) * <uint64_t>0x9E3779B97F4A7C15
    return mixed ^ mixed >> 29


cdef inline void fill(Message *message, uint64_t sequence) noexcept nogil:
    cdef uint64_t place
    for place in range(1, <uint64_t>WORDS):
        message.words[place] = word_of(sequence, place)


cdef inline uint64_t wrong_word(const Message *message, uint64_t sequence) noexcept nogil:
    """The first word that isn't what was sent; 0: none. A stamp is the low half of the sequence."""
    cdef Message sent
    cdef uint64_t place
    fill(&sent, sequence)
    sent.header.stamp = <uint32_t>sequence
    for place in range(1, <uint64_t>WORDS):
        if message.words[place] != sent.words[place]:
            return place
    return 0


cdef inline void stall(uint64_t *random) noexcept nogil:
    """Now and then, for up to 30 µs."""
    cdef int64_t until_ns
    random[0] ^= random[0] << 13
    random[0] ^= random[0] >> 7
    random[0] ^= random[0] << 17
    until_ns = host_now_ns() + <int64_t>(random[0] % 30_000)
    while host_now_ns() < until_ns:
        cpu_pause()


cdef inline void idle(uint64_t *polls) noexcept nogil:
    """The other side may need this core."""
    polls[0] += 1
    if polls[0] & 63:
        cpu_pause()
    else:
        sched_yield()


cdef int fault(uint64_t *page, uint64_t what, uint64_t where, uint64_t found) noexcept nogil:
    page[FAULT + 1] = where
    page[FAULT + 2] = found
    store_release(&page[FAULT], what)
    return 1


cdef int publish_all(RingEnd *ring, uint64_t *page, uint64_t last, uint64_t seed) noexcept nogil:
    cdef bint drops = ring.header.policy == RING_DROP
    cdef Message message
    cdef uint64_t sequence
    cdef uint64_t random = seed | 1
    cdef uint64_t polls = 0
    memset(&message, 0, sizeof(message))
    page[PRODUCERS] += 1
    if ring.head < page[PUSHED] or ring.head > page[PUSHING]:
        return fault(page, RESUMED_WRONG, page[PUSHED], ring.head)
    while ring.head < last and load_acquire(&page[GO_ON]):
        sequence = ring.head + 1
        fill(&message, sequence)
        store_release(&page[PUSHING], sequence)
        if drops:
            ring_overwrite(ring, &message, <uint32_t>sequence)
        elif not ring_try_push(ring, &message, <uint32_t>sequence):
            idle(&polls)
            continue
        store_release(&page[PUSHED], sequence)
        if sequence & 0xFFFF == 0:
            ring_show_head(ring)
        if sequence & STALL_EVERY == 0:
            stall(&random)
    ring_show_head(ring)
    return 0


def produce(Ring owned, uint64_t[::1] page, uint64_t last, uint64_t seed):
    """Publish up to message `last`, from where the ring was left; 0 if nothing is wrong."""
    cdef int status
    owned.claim(True)
    with nogil:
        status = publish_all(&owned.ring, &page[0], last, seed)
    return status


cdef int take_all(RingEnd *ring, uint64_t *page, uint64_t last, uint64_t seed) noexcept nogil:
    cdef Message *message
    cdef uint64_t sequence, place
    cdef uint64_t taken = page[TAKEN]
    cdef uint64_t random = seed | 1
    cdef uint64_t polls = 0
    page[CONSUMERS] += 1
    if ring.cursor < page[GIVEN] or ring.cursor > taken:
        return fault(page, RESUMED_WRONG, taken, ring.cursor)
    if taken - ring.cursor > ring.capacity >> 3:
        return fault(page, SEEN_TOO_OFTEN, taken, ring.cursor)
    page[AGAIN] += taken - ring.cursor
    while ring.cursor < last and load_acquire(&page[GO_ON]):
        message = ring_peek(ring)
        if message == NULL:
            ring_store_cursor(ring)
            idle(&polls)
            continue
        sequence = ring.cursor + 1
        if message.words[0] != sequence or sequence > taken + 1:
            return fault(page, OUT_OF_ORDER, sequence, message.words[0])
        place = wrong_word(message, sequence)
        if place:
            return fault(page, TORN, sequence, place)
        if sequence > taken:
            taken = sequence
            store_release(&page[TAKEN], taken)
        ring_advance(ring)
        store_release(&page[GIVEN], ring.cursor_stored)
        if sequence & STALL_EVERY == 1:
            stall(&random)
    ring_store_cursor(ring)
    return 0


def consume(Ring owned, uint64_t[::1] page, uint64_t last, uint64_t seed):
    """Take up to message `last` of a `wait` ring; 0 if nothing is wrong."""
    cdef int status
    owned.claim(False)
    with nogil:
        status = take_all(&owned.ring, &page[0], last, seed)
    return status


cdef int watch_all(RingEnd *ring, uint64_t *page, uint64_t last, uint64_t seed) noexcept nogil:
    cdef Message message
    cdef uint64_t place, seen, before, first_seen
    cdef uint64_t batch = 0
    cdef uint64_t random = seed | 1
    cdef uint64_t polls = 0
    page[CONSUMERS] += 1
    if not (ring.cursor == page[SEEN_CURSOR] and ring.lost == page[SEEN_LOST]) and not (
        ring.cursor == page[NEXT_CURSOR] and ring.lost == page[NEXT_LOST]
    ):
        return fault(page, RESUMED_WRONG, page[SEEN_CURSOR], ring.cursor)
    page[AGAIN] += page[TAKEN] - ring.cursor if page[TAKEN] > ring.cursor else 0
    first_seen = ring.cursor - ring.lost
    seen = 0
    while ring.cursor < last and load_acquire(&page[GO_ON]):
        before = ring.cursor
        if ring_copy_next(ring, &message):
            if message.words[0] != ring.cursor or ring.cursor <= before:
                return fault(page, OUT_OF_ORDER, ring.cursor, message.words[0])
            place = wrong_word(&message, ring.cursor)
            if place:
                return fault(page, TORN, ring.cursor, place)
            seen += 1
            batch += 1
            if ring.cursor > page[TAKEN]:
                store_release(&page[TAKEN], ring.cursor)
            if ring.cursor & STALL_EVERY < 16:
                stall(&random)
        else:
            batch = BATCH
            idle(&polls)
        if first_seen + seen + ring.lost != ring.cursor:
            return fault(page, COUNTED_WRONG, ring.cursor, ring.lost)
        if batch >= BATCH or ring.cursor == last:
            batch = 0
            store_release(&page[NEXT_LOST], ring.lost)
            store_release(&page[NEXT_CURSOR], ring.cursor)
            ring_store_seen(ring)
            store_release(&page[SEEN_LOST], ring.lost)
            store_release(&page[SEEN_CURSOR], ring.cursor)
    return 0


def watch(Ring owned, uint64_t[::1] page, uint64_t last, uint64_t seed):
    """Read a `drop` ring up to message `last`; 0 if nothing is wrong."""
    cdef int status
    owned.claim(False)
    with nogil:
        status = watch_all(&owned.ring, &page[0], last, seed)
    return status
