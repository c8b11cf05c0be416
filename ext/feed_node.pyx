"""The feed node: recorded messages, at the pace that is asked, into the market flow.

Arrays are prepared in Python, some thousands of messages at a time; pushing and pacing them needs
no GIL. A paced feed holds a message back until its recorded time, counted from the first message,
has passed on the host's clock times `speed`. That moment is its origin, however late it comes to be
pushed, so that no wait is left out of the latencies. One that goes as fast as it can keeps no more
than `LEAD` messages ahead of the engine: a longer queue would only add to every latency. The last
message is END.
"""

import numpy as np

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from hft.core.agent cimport NEEDS_PYTHON, Agent
from hft.core.atomics cimport load_acquire
from hft.core.buffers cimport bytes_of
from hft.core.clock cimport host_now_ns
from hft.core.control cimport (
    FEED_EVENT_TS_NS,
    FEED_EVENTS,
    NODE_DONE,
    ControlPage,
    NodeStats,
    due_at,
    stat_add,
    stat_set,
)
from hft.core.edges cimport OutEdge, edge_out, edge_show, retry_soon
from hft.core.messages cimport (
    END,
    MESSAGE_SIZE,
    SOURCE_RECORDED,
    Message,
)
from hft.core.ring cimport Ring, ring_claim, ring_publish, ring_space, ring_write

from hft.core.messages import COMMAND

__all__ = ["FeedAgent"]

cdef enum:
    BATCH = 256
    LEAD = 8192


cdef struct FeedNode:
    OutEdge flow
    ControlPage *page
    NodeStats *stats
    const Message *messages  # of the array at work
    uint64_t count
    uint64_t place
    uint64_t space_wanted  # free slots that let a whole batch go
    double host_ns_per_event_ns  # 0: as fast as it goes
    int64_t started_ts_ns
    int64_t first_event_ts_ns
    int64_t last_event_ts_ns
    int64_t duration_ns  # 0: to the end
    bint exhausted
    bint ended


cdef void push_end(FeedNode *node, int64_t now_ns) noexcept nogil:
    cdef Message last
    memset(&last, 0, sizeof(last))
    last.header.kind = END
    last.header.source = SOURCE_RECORDED
    last.header.origin_ts_ns = now_ns
    last.control.event_ts_ns = node.last_event_ts_ns
    ring_write(node.flow.ring, &last, <uint32_t>now_ns)
    edge_show(&node.flow)
    node.ended = True
    node.stats.state = NODE_DONE


cdef int feed_work(void *state) noexcept nogil:
    cdef FeedNode *node = <FeedNode *>state
    cdef int64_t now_ns = host_now_ns()
    cdef uint64_t space, pushed
    cdef Message *slots
    cdef Message *slot
    cdef int64_t event_ts_ns, due_ts_ns
    if node.ended:
        return 0
    space = ring_space(node.flow.ring, node.space_wanted)
    if space + BATCH <= node.space_wanted:
        retry_soon(node.stats)
        return 0
    space -= node.space_wanted - BATCH
    if node.exhausted or load_acquire(&node.page.stop):
        push_end(node, now_ns)
        return 1
    if node.place == node.count:
        return NEEDS_PYTHON
    pushed = 0
    slots = ring_claim(node.flow.ring, min(space, <uint64_t>BATCH), &space)
    while pushed < space and node.place < node.count:
        event_ts_ns = node.messages[node.place].command.event_ts_ns
        if node.started_ts_ns == 0:
            node.started_ts_ns = now_ns
            node.first_event_ts_ns = event_ts_ns
        if node.duration_ns and event_ts_ns - node.first_event_ts_ns > node.duration_ns:
            node.exhausted = True
            break
        due_ts_ns = node.started_ts_ns + <int64_t>(
            <double>(event_ts_ns - node.first_event_ts_ns) * node.host_ns_per_event_ns
        )
        if now_ns < due_ts_ns:
            due_at(node.stats, due_ts_ns)
            break
        slot = &slots[pushed]
        memcpy(&slot.words[1], &node.messages[node.place].words[1], MESSAGE_SIZE - 8)
        # A paced event enters when it is due: what it waits for a slow system is part of its age.
        slot.header.origin_ts_ns = due_ts_ns if node.host_ns_per_event_ns else now_ns
        ring_publish(node.flow.ring, 1, <uint32_t>now_ns)
        node.last_event_ts_ns = event_ts_ns
        node.place += 1
        pushed += 1
    if pushed:
        edge_show(&node.flow)
        node.stats.messages_out += pushed
        stat_add(node.stats, FEED_EVENTS, pushed)
        stat_set(node.stats, FEED_EVENT_TS_NS, <uint64_t>node.last_event_ts_ns)
    return <int>pushed


cdef class FeedAgent(Agent):
    """Agent of the feed node.

    Args:
        flow: ring to the engine.
        chunks: iterator of COMMAND arrays, event_ts_ns never falling.
        speed: recorded seconds per host second, 0 for as fast as it goes.
        duration_ns: recorded time after which it ends, 0 for all.
    """

    cdef FeedNode node
    cdef Ring flow
    cdef object chunks
    cdef object chunk

    def __init__(self, control, name, index, *, Ring flow, edge, chunks, double speed, duration_ns):
        super().__init__(control, name, index)
        memset(&self.node, 0, sizeof(FeedNode))
        self.flow = flow
        self.chunks = iter(chunks)
        edge_out(&self.node.flow, &flow.ring, self.page, edge)
        self.node.page = self.page
        self.node.stats = self.calls.stats
        self.node.host_ns_per_event_ns = 1 / speed if speed else 0
        self.node.space_wanted = BATCH
        if speed == 0:
            self.node.space_wanted = max(BATCH, <int64_t>flow.ring.capacity - LEAD + BATCH)
        self.node.duration_ns = duration_ns
        self.calls.state = &self.node
        self.calls.work = feed_work

    def python_work(self):
        """Fetch the next array."""
        self.chunk = next(self.chunks, None)
        self.node.place = 0
        self.node.count = 0
        if self.chunk is None:
            self.node.exhausted = True
        elif len(self.chunk):
            self.chunk = np.ascontiguousarray(self.chunk, COMMAND)
            self.node.messages = <const Message *>bytes_of(self.chunk)
            self.node.count = len(self.chunk)
        return 1
