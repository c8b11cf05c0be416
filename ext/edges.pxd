"""A node's ends of its edges: rings with the counters and histograms that go with them."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hft.core.atomics cimport load_acquire, load_relaxed, store_release
from hft.core.clock cimport host_now_ns
from hft.core.control cimport ControlPage, EdgeStats, NodeStats, due_at
from hft.core.histogram cimport Histogram, histogram_record
from hft.core.messages cimport Message
from hft.core.outbox cimport Outbox
from hft.core.ring cimport (
    RingEnd,
    ring_advance,
    ring_has,
    ring_peek,
    ring_show_head,
    ring_store_cursor,
    ring_try_push,
)
from hft.core.wake cimport WakeWord, wake, wake_own


cdef enum:
    JUST_AFTER = 0xC0000000
    BACKLOG = 64
    RETRY_NS = 50_000


cdef struct InEdge:
    RingEnd *ring
    EdgeStats *stats
    Histogram *hop
    Histogram *age


cdef struct OutEdge:
    RingEnd *ring
    EdgeStats *stats
    WakeWord *word  # of the consumer's process; NULL: that never waits
    bint word_is_own  # it is the producer's own process
    uint32_t sent  # messages of the outbox that this edge has dealt with


cdef inline void edge_in(InEdge *edge, RingEnd *ring, ControlPage *page, int index) noexcept nogil:
    """The consumer's end of an edge; `index` is its row in the control page."""
    edge.ring = ring
    edge.stats = &page.edges[index]
    edge.hop = &page.latencies[2 * index].histogram
    edge.age = &page.latencies[2 * index + 1].histogram


cdef inline void edge_out(OutEdge *edge, RingEnd *ring, ControlPage *page,
                          int index) noexcept nogil:
    """The producer's end of an edge."""
    cdef NodeStats *consumer = &page.nodes[page.edges[index].consumer]
    edge.ring = ring
    edge.stats = &page.edges[index]
    edge.word = &page.wakes[consumer.host] if consumer.waits else NULL
    edge.word_is_own = page.nodes[edge.stats.producer].host == consumer.host


cdef inline void edge_wake(OutEdge *edge) noexcept nogil:
    """Wake the consumer's process, if it is one that waits."""
    if edge.word != NULL:
        if edge.word_is_own:
            wake_own(edge.word)
        else:
            wake(edge.word)


cdef inline uint64_t edge_progress(const InEdge *edge) noexcept nogil:
    return load_acquire(&edge.ring.header.progress)


cdef inline void edge_promise(OutEdge *edge, uint64_t progress) noexcept nogil:
    store_release(&edge.ring.header.progress, progress)
    edge_wake(edge)


cdef inline Message *edge_peek(InEdge *edge) noexcept nogil:
    return ring_peek(edge.ring)


cdef inline bint edge_has(const InEdge *edge, uint64_t count) noexcept nogil:
    """Whether at least `count` messages wait; no more than the ring holds."""
    return ring_has(edge.ring, count)


cdef inline void edge_take(InEdge *edge, const Message *message, int64_t now_ns) noexcept nogil:
    """Measure the message that was peeked; it stays readable until `edge_advance`."""
    # The stamp is the low half of a time at most 3 s ago; one from after `now_ns`, at most a second
    # (we may have been kept from the core since the clock was read), counts as 0.
    cdef uint32_t hop_ns = <uint32_t>now_ns - message.header.stamp
    histogram_record(edge.hop, hop_ns if hop_ns < JUST_AFTER else 0)
    histogram_record(edge.age, now_ns - message.header.origin_ts_ns)


cdef inline void edge_advance(InEdge *edge) noexcept nogil:
    ring_advance(edge.ring)


cdef inline uint64_t edge_settle(InEdge *edge, uint64_t cursor_before) noexcept nogil:
    """After a batch: show what was taken, and give it back; how many that were."""
    cdef uint64_t taken = edge.ring.cursor - cursor_before
    cdef uint64_t backlog = taken
    if taken:
        if taken >= BACKLOG:
            # Only now is there a queue worth a look at a line that the producer writes. The head
            # that observers see lags behind, so it can lie before the cursor.
            backlog = load_relaxed(&edge.ring.header.head) - cursor_before
            if backlog > edge.ring.capacity or backlog < taken:
                backlog = taken
        if backlog > edge.stats.high_water:
            edge.stats.high_water = backlog
        edge.stats.taken = edge.ring.cursor
        ring_store_cursor(edge.ring)
    return taken


cdef inline void edge_show(OutEdge *edge) noexcept nogil:
    ring_show_head(edge.ring)
    edge.stats.published = edge.ring.head
    edge_wake(edge)


cdef inline void retry_soon(NodeStats *stats) noexcept nogil:
    """Have the node called again soon: nobody wakes it when a full ring has room."""
    due_at(stats, host_now_ns() + RETRY_NS)


cdef inline bint edge_flush(OutEdge *edge, const Outbox *box, uint32_t stamp) noexcept nogil:
    """Push what the edge has not had yet of an outbox; whether it has had all."""
    if edge.sent < box.count:
        while edge.sent < box.count and ring_try_push(edge.ring, &box.messages[edge.sent], stamp):
            edge.sent += 1
        edge_show(edge)
    return edge.sent == box.count
