"""Loops of the benchmarks: what a compiled node does at its ring, without the node.

A call from Python costs more than a message, so these run without the GIL on hft's own inlined
functions. They are no part of hft: bench/native.py compiles them when a benchmark wants them.

A loop gives up when it has waited for `PATIENCE_NS`: then the other process is dead.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from hft.core.atomics cimport load_acquire, store_release
from hft.core.clock cimport host_now_ns
from hft.core.features cimport Features, features_update
from hft.core.messages cimport BookTop, Message
from hft.core.ring cimport (
    RingEnd,
    RingHandle,
    ring_advance,
    ring_peek,
    ring_show_head,
    ring_space,
    ring_store_cursor,
    ring_write,
)

cdef enum:
    LOOK = 0xFFFF  # polls between two looks at the clock
    PREPARED = 64  # messages with their number in order_id: an outbox, still in cache
    FLAG_BACK = 16  # words between the two flags: 128 bytes

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


cdef bint wait_for_flag(const uint64_t *flag, uint64_t value) noexcept nogil:
    cdef uint64_t polls = 0
    cdef int64_t give_up_ns
    if load_acquire(flag) == value:
        return True
    give_up_ns = host_now_ns() + PATIENCE_NS
    while keep_waiting(&polls, give_up_ns):
        if load_acquire(flag) == value:
            return True
    return False


def publish(RingHandle target, uint64_t count, uint64_t batch):
    """Publish `count` messages, waiting for space for `batch` at a time.

    They were made before, which is the cheap case: a field written just before the copy, as the
    feed does it, adds some ns.
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
            while done < end:
                ring_write(ring, &prepared[done & (PREPARED - 1)], 0)
                done += 1
            ring_show_head(ring)
    check(done, count)


def consume(RingHandle source, uint64_t count):
    """Take `count` messages of `publish`, each checked: the ns from the first to the last.

    As a node's process does: it looks at the clock, takes what is there, gives it back, and again.
    """
    cdef RingEnd *ring = &source.ring
    cdef Message *message
    cdef uint64_t done = 0
    cdef uint64_t wrong = 0
    cdef int64_t now_ns = host_now_ns()
    cdef int64_t give_up_ns = now_ns + PATIENCE_NS
    cdef int64_t started_ns = 0
    with nogil:
        while done < count and now_ns < give_up_ns:
            now_ns = host_now_ns()
            message = ring_peek(ring)
            if message != NULL and done == 0:
                started_ns = now_ns
            while message != NULL:
                wrong += message.command.order_id != done & (PREPARED - 1)
                ring_advance(ring)
                done += 1
                message = ring_peek(ring)
            ring_store_cursor(ring)
    check(done, count)
    if wrong:
        raise ValueError(f"{wrong} of {count} messages were not what was published")
    return host_now_ns() - started_ns


def ping(RingHandle target, RingHandle source, uint32_t[::1] round_trip_ns):
    """Send a message, wait for the answer, and so on: the ns of each; one look at the clock each.
    """
    cdef Message message
    cdef Message *answer
    cdef uint64_t done = 0
    cdef uint64_t count = len(round_trip_ns)
    cdef int64_t before_ns, now_ns
    memset(&message, 0, sizeof(message))
    with nogil:
        before_ns = host_now_ns()
        while done < count and wait_for_space(&target.ring, 1):
            message.command.order_id = done
            ring_write(&target.ring, &message, 0)
            answer = wait_for_message(&source.ring)
            if answer == NULL or answer.command.order_id != done:
                break
            ring_advance(&source.ring)
            now_ns = host_now_ns()
            round_trip_ns[done] = <uint32_t>(now_ns - before_ns)
            before_ns = now_ns
            done += 1
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
    check(done, count)


def flag_ping(uint64_t[::1] words, uint32_t[::1] round_trip_ns):
    """As `ping`, with nothing but a number in a cache line each way: what the machine allows."""
    cdef uint64_t done = 0
    cdef uint64_t count = len(round_trip_ns)
    cdef int64_t before_ns, now_ns
    with nogil:
        before_ns = host_now_ns()
        while done < count:
            store_release(&words[0], done + 1)
            if not wait_for_flag(&words[FLAG_BACK], done + 1):
                break
            now_ns = host_now_ns()
            round_trip_ns[done] = <uint32_t>(now_ns - before_ns)
            before_ns = now_ns
            done += 1
    check(done, count)


def flag_pong(uint64_t[::1] words, uint64_t count):
    """The other side of `flag_ping`."""
    cdef uint64_t done = 0
    with nogil:
        while done < count and wait_for_flag(&words[0], done + 1):
            store_release(&words[FLAG_BACK], done + 1)
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
