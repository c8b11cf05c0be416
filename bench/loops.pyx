"""Loops of the benchmarks: what a compiled node does at its ring, without the node.

A call from Python costs more than a message, so these run without the GIL on hft's own inlined
functions. They are no part of hft: bench/native.py compiles them when a benchmark wants them.

A loop gives up when it has waited for `PATIENCE_NS`: then the other process is dead.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from hft.core.clock cimport host_now_ns
from hft.core.features cimport Features, features_update
from hft.core.messages cimport (
    ACCEPTED,
    BUY,
    CANCEL_ORDER,
    CANCELLED,
    MESSAGE_SIZE,
    NEW_ORDER,
    REJECTED,
    SOURCE_SHIFT,
    SOURCE_STRATEGY,
    BookTop,
    Message,
)
from hft.core.ring cimport (
    RingEnd,
    RingHandle,
    ring_advance,
    ring_claim,
    ring_peek,
    ring_peek_batch,
    ring_publish,
    ring_show_head,
    ring_space,
    ring_store_cursor,
    ring_write,
)

cdef extern from "ticks.h":
    uint64_t ticks_now() noexcept nogil

cdef extern from "hft_engine.h":
    ctypedef struct hft_engine:
        pass
    ctypedef struct hft_message:
        pass
    ctypedef struct hft_ring:
        pass
    ctypedef void (*hft_on_answers)(void *, const hft_message *, size_t) noexcept nogil
    ctypedef struct hft_engine_api:
        hft_engine *(*create)(uint32_t, uint32_t, uint32_t, uint32_t) noexcept nogil
        void (*destroy)(hft_engine *) noexcept nogil
        void (*prefault)(hft_engine *) noexcept nogil
        size_t (*apply)(hft_engine *, const hft_message *, size_t, hft_on_answers,
                        void *) noexcept nogil
        size_t (*apply_to_ring)(hft_engine *, const hft_message *, size_t,
                                hft_ring *) noexcept nogil
        hft_ring *(*ring_attach)(const char *) noexcept nogil
        void (*ring_detach)(hft_ring *) noexcept nogil

cdef enum:
    LOOK = 0xFFFF  # polls between two looks at the clock
    PREPARED = 64  # messages with their number in order_id: an outbox, still in cache
    LEVELS = 20  # at which orders of `engine_ping` rest
    TOP_TICKS = 1000
    ORDERS = 4096

cdef int64_t PATIENCE_NS = 30_000_000_000


cdef inline bint keep_waiting(uint64_t *polls, int64_t give_up_ns) noexcept nogil:
    polls[0] += 1
    return polls[0] & LOOK != 0 or host_now_ns() < give_up_ns


cdef Message *wait_for_message(RingEnd *ring) noexcept nogil:
    """The next message; NULL after `PATIENCE_NS`. A drained ring gives its slots back, as nodes do.
    """
    cdef Message *message = ring_peek(ring)
    cdef uint64_t polls = 0
    cdef int64_t give_up_ns
    if message == NULL:
        ring_store_cursor(ring)
        give_up_ns = host_now_ns() + PATIENCE_NS
        while message == NULL and keep_waiting(&polls, give_up_ns):
            message = ring_peek(ring)
    return message


cdef bint wait_for_space(RingEnd *ring, uint64_t wanted) noexcept nogil:
    cdef uint64_t polls = 0
    cdef int64_t give_up_ns
    if ring_space(ring, wanted) >= wanted:
        return True
    give_up_ns = host_now_ns() + PATIENCE_NS
    while keep_waiting(&polls, give_up_ns):
        if ring_space(ring, wanted) >= wanted:
            return True
    return False


cdef void put_in_place(RingEnd *ring, const Message *prepared, uint64_t first,
                       uint64_t count) noexcept nogil:
    """Claim that many slots, fill them, publish them; twice where the ring's edge is between."""
    cdef Message *slots
    cdef uint64_t found, place
    while count:
        slots = ring_claim(ring, count, &found)
        for place in range(found):
            memcpy(&slots[place].words[1], &prepared[(first + place) & (PREPARED - 1)].words[1],
                   MESSAGE_SIZE - 8)
        ring_publish(ring, found, 0)
        first += found
        count -= found


def publish(RingHandle target, uint64_t count, uint64_t batch):
    """Publish `count` messages one by one, or claim and publish `batch` of them at a time in place.

    They were made before, which is the cheap case.
    """
    cdef RingEnd *ring = &target.ring
    cdef Message prepared[PREPARED]
    cdef uint64_t done = 0
    cdef uint64_t end, place
    memset(prepared, 0, sizeof(prepared))
    for place in range(<uint64_t>PREPARED):
        prepared[place].command.order_id = place
    with nogil:
        while done < count and wait_for_space(ring, batch):
            end = min(done + batch, count)
            if batch == 1:
                ring_write(ring, &prepared[done & (PREPARED - 1)], 0)
            else:
                put_in_place(ring, prepared, done, end - done)
            done = end
            ring_show_head(ring)
    check(done, count)


def consume(RingHandle source, uint64_t count):
    """Take `count` messages of `publish`, each checked: the ticks from the first to the last.

    As a node's process does: it looks at the clock, takes what is there, gives it back, and again.
    """
    cdef RingEnd *ring = &source.ring
    cdef Message *message
    cdef uint64_t done = 0
    cdef uint64_t wrong = 0
    cdef int64_t give_up_ns = host_now_ns() + PATIENCE_NS
    cdef uint64_t polls = 0
    cdef uint64_t now = 0
    cdef uint64_t started = 0
    with nogil:
        while done < count and keep_waiting(&polls, give_up_ns):
            now = ticks_now()
            message = ring_peek(ring)
            if message != NULL and done == 0:
                started = now
            while message != NULL:
                wrong += message.command.order_id != done & (PREPARED - 1)
                ring_advance(ring)
                done += 1
                message = ring_peek(ring)
            ring_store_cursor(ring)
    now = ticks_now()
    check(done, count)
    if wrong:
        raise ValueError(f"{wrong} of {count} messages were not what was published")
    return now - started


def ping(RingHandle target, RingHandle source, uint32_t[::1] ticks):
    """Send a message, wait for the answer, and so on: the ticks of each, one look at the clock."""
    cdef Message message
    cdef Message *answer
    cdef uint64_t done = 0
    cdef uint64_t count = len(ticks)
    cdef uint64_t before, now
    memset(&message, 0, sizeof(message))
    with nogil:
        before = ticks_now()
        while done < count and wait_for_space(&target.ring, 1):
            message.command.order_id = done
            ring_write(&target.ring, &message, 0)
            answer = wait_for_message(&source.ring)
            if answer == NULL or answer.command.order_id != done:
                break
            ring_advance(&source.ring)
            now = ticks_now()
            ticks[done] = <uint32_t>(now - before)
            before = now
            done += 1
        ring_store_cursor(&source.ring)
    check(done, count)


def pong(RingHandle source, RingHandle target, uint64_t count):
    """Send every message back."""
    cdef Message *message
    cdef uint64_t done = 0
    with nogil:
        while done < count:
            message = wait_for_message(&source.ring)
            if message == NULL or not wait_for_space(&target.ring, 1):
                break
            ring_write(&target.ring, message, 0)
            ring_advance(&source.ring)
            done += 1
        ring_store_cursor(&source.ring)
    check(done, count)


cdef class EngineBehindRings:
    """The real engine, through its C interface: commands from one ring, answers into another."""
    cdef const hft_engine_api *api
    cdef hft_engine *engine
    cdef hft_ring *target
    cdef RingHandle source

    def __init__(self, size_t table, RingHandle source, bytes target):
        self.api = <const hft_engine_api *>table
        self.source = source
        self.engine = self.api.create(1, ORDERS, 1, 0)
        self.target = self.api.ring_attach(target)
        if self.engine == NULL or self.target == NULL:
            raise MemoryError("no engine, or no ring to produce on")
        self.api.prefault(self.engine)

    def apply(self, const unsigned char[::1] commands):
        """Commands that come from nowhere and whose answers go nowhere: the orders that rest."""
        cdef const hft_message *messages = <const hft_message *>&commands[0]
        self.api.apply(self.engine, messages, len(commands) // MESSAGE_SIZE, NULL, NULL)

    def answer(self, uint64_t count):
        """Answer that many commands, in batches as they come, in place."""
        cdef RingEnd *ring = &self.source.ring
        cdef Message *message
        cdef uint64_t done = 0
        cdef uint64_t found
        with nogil:
            while done < count:
                message = wait_for_message(ring)
                if message == NULL:
                    break
                found = self.api.apply_to_ring(self.engine, <const hft_message *>message,
                                               ring_peek_batch(ring, count - done), self.target)
                done += found
                while found:
                    ring_advance(ring)
                    found -= 1
            ring_store_cursor(ring)
        check(done, count)

    def __dealloc__(self):
        if self.api != NULL:
            self.api.ring_detach(self.target)
            self.api.destroy(self.engine)


cdef inline void put_order(RingEnd *ring, uint64_t number, bint cancels) noexcept nogil:
    """Publish an order of that number, or its cancel, made in place. There is space."""
    cdef uint64_t found
    cdef Message *slot = ring_claim(ring, 1, &found)
    memset(&slot.words[1], 0, MESSAGE_SIZE - 8)
    slot.header.kind = CANCEL_ORDER if cancels else NEW_ORDER
    slot.command.order_id = (<uint64_t>SOURCE_STRATEGY << SOURCE_SHIFT) + number
    slot.command.price_ticks = TOP_TICKS - <int64_t>(number * 7 % LEVELS)
    slot.command.qty_lots = 1
    slot.command.side = BUY
    ring_publish(ring, 1, 0)


cdef bint wait_for_report(RingEnd *ring, uint8_t kind) noexcept nogil:
    """Take all up to the next report of that kind; False if there is none, or a rejection."""
    cdef const Message *answer
    cdef uint8_t found
    while True:
        answer = wait_for_message(ring)
        if answer == NULL or answer.header.kind == REJECTED:
            return False
        found = answer.header.kind
        ring_advance(ring)
        if found == kind:
            return True


def engine_ping(RingHandle target, RingHandle source, uint64_t first, uint32_t[::1] ticks):
    """Send an order, wait for its report, cancel it, wait for that, and so on: the ticks of each.

    The orders join those that rest near the top. What else comes back, a changed book, is read.
    """
    cdef uint64_t done = 0
    cdef uint64_t count = len(ticks)
    cdef uint64_t before, now
    with nogil:
        before = ticks_now()
        while done < count and wait_for_space(&target.ring, 1):
            put_order(&target.ring, first + done // 2, done & 1 != 0)
            if not wait_for_report(&source.ring, CANCELLED if done & 1 else ACCEPTED):
                break
            now = ticks_now()
            ticks[done] = <uint32_t>(now - before)
            before = now
            done += 1
    check(done, count)


def update_features(const unsigned char[::1] tops, uint64_t count):
    """Bring features up to date with `count` BOOK_TOPs, as the signal node does.

    Returns the last imbalance, so that nothing is optimised away.
    """
    cdef const BookTop *messages = <const BookTop *>&tops[0]
    cdef Features features
    cdef uint64_t place
    memset(&features, 0, sizeof(features))
    with nogil:
        for place in range(count):
            features_update(&features, &messages[place])
    return features.imbalance


cdef int check(uint64_t done, uint64_t count) except -1:
    if done != count:
        raise TimeoutError(f"the other process stopped after {done} of {count} messages")
    return 0
