"""The signal node: features and a strategy, fed by the engine's market data and reports.

In simulated time it keeps the engine's rounds apart: refusals, which come from another node, are
taken only when a round begins, where all those of the round before are there, in every run
(docs/runtime.md).
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from hft.core.agent cimport Agent
from hft.core.clock cimport host_now_ns
from hft.core.control cimport (
    NODE_DONE,
    SIGNAL_BOOKS,
    SIGNAL_INTENTS,
    SIGNAL_TRADES,
    ControlPage,
    NodeStats,
    stat_add,
    stat_set,
)
from hft.core.edges cimport (
    InEdge,
    OutEdge,
    edge_advance,
    edge_flush,
    edge_peek,
    edge_progress,
    edge_promise,
    edge_settle,
    edge_take,
)
from hft.core.features cimport Features, features_update
from hft.core.messages cimport (
    BOOK_TOP,
    END,
    MESSAGE_SIZE,
    TIME,
    TRADE,
    Message,
    kind_is_report,
)
from hft.core.outbox cimport Outbox, outbox_next, outbox_reserve
from hft.core.ring cimport Ring
from hft.core.strategy cimport Desk, Strategy, StrategyCalls

__all__ = ["SignalAgent"]

cdef enum:
    BATCH = 256
    CLOCK_EVERY = 16  # messages of a batch that share a reading of the clock
    RESERVED = 4096  # messages that the boxes hold without growing


cdef struct SignalNode:
    InEdge data
    InEdge refusals
    OutEdge intents
    Desk desk
    StrategyCalls strategy
    Outbox held  # refusals that wait for the next round, in simulated time
    Features *features
    uint32_t instrument_count
    ControlPage *page
    NodeStats *stats
    uint64_t progress  # promised so far
    bint simulated
    bint mid_round
    bint shown


cdef bint flush(SignalNode *node) noexcept nogil:
    if node.desk.out.count == 0:
        return True
    if not edge_flush(&node.intents, &node.desk.out, <uint32_t>host_now_ns()):
        return False
    node.stats.messages_out += node.desk.out.count
    node.intents.sent = 0
    node.desk.out.count = 0
    return True


cdef void handle(SignalNode *node, const Message *message) noexcept nogil:
    cdef uint32_t instrument = message.header.instrument
    cdef Features *features
    node.desk.origin_ts_ns = message.header.origin_ts_ns
    if message.header.kind == TIME or message.header.kind == END:
        # A refusal tells the time at which the intent was made: that is no step back.
        node.desk.event_ts_ns = max(node.desk.event_ts_ns, message.control.event_ts_ns)
    if message.header.kind == BOOK_TOP:
        if instrument >= node.instrument_count:
            return
        features = &node.features[instrument]
        node.desk.event_ts_ns = message.book_top.event_ts_ns
        features_update(features, &message.book_top)
        stat_add(node.stats, SIGNAL_BOOKS, 1)
        node.shown = False
        node.strategy.on_book(node.strategy.state, &node.desk, &message.book_top, features)
    elif message.header.kind == TRADE:
        stat_add(node.stats, SIGNAL_TRADES, 1)
        node.strategy.on_trade(node.strategy.state, &node.desk, &message.trade)
    elif kind_is_report(message.header.kind):
        node.strategy.on_report(node.strategy.state, &node.desk, &message.report)
    elif message.header.kind == END:
        node.strategy.on_stop(node.strategy.state, &node.desk)
        node.stats.state = NODE_DONE


cdef void take_batch(SignalNode *node, InEdge *edge) noexcept nogil:
    cdef int64_t now_ns = host_now_ns()
    cdef Message *message
    cdef int taken
    for taken in range(BATCH):
        message = edge_peek(edge)
        if message == NULL:
            break
        if taken % CLOCK_EVERY == 0:
            now_ns = host_now_ns()
        edge_take(edge, message, now_ns)
        handle(node, message)
        edge_advance(edge)


cdef void hold_refusals(SignalNode *node) noexcept nogil:
    """Put refusals aside, so that risk never waits for the next round to be rid of them."""
    cdef Message *message = edge_peek(&node.refusals)
    cdef int64_t now_ns
    if message == NULL:
        return
    now_ns = host_now_ns()
    while message != NULL:
        edge_take(&node.refusals, message, now_ns)
        memcpy(outbox_next(&node.held), message, MESSAGE_SIZE)
        edge_advance(&node.refusals)
        message = edge_peek(&node.refusals)


cdef void handle_held(SignalNode *node) noexcept nogil:
    cdef uint32_t place
    for place in range(node.held.count):
        handle(node, &node.held.messages[place])
    node.held.count = 0


cdef void show(SignalNode *node) noexcept nogil:
    """Let observers see the newest features."""
    cdef uint32_t instrument
    cdef Features *features
    for instrument in range(node.instrument_count):
        features = &node.features[instrument]
        node.page.instruments[instrument].microprice_ticks = features.microprice_ticks
        node.page.instruments[instrument].imbalance = features.imbalance
        node.page.instruments[instrument].order_flow_imbalance = features.order_flow_imbalance
        node.page.instruments[instrument].spread_ticks = features.spread_ticks
    stat_set(node.stats, SIGNAL_INTENTS, node.desk.intents)
    node.shown = True


cdef int signal_work(void *state) noexcept nogil:
    cdef SignalNode *node = <SignalNode *>state
    cdef uint64_t data_before = node.data.ring.cursor
    cdef uint64_t refusals_before = node.refusals.ring.cursor
    cdef uint64_t taken
    # Before the rings are seen empty: what the progress promises is then already taken.
    cdef uint64_t progress = edge_progress(&node.data)
    # Before the refusals are taken: a round that has begun says that those of the last are there.
    cdef bint has_data = edge_peek(&node.data) != NULL
    if node.simulated:
        hold_refusals(node)
    if flush(node):
        if not node.simulated:
            take_batch(node, &node.refusals)
        elif has_data and not node.mid_round:
            handle_held(node)
        if has_data:
            node.mid_round = True
            take_batch(node, &node.data)
        if flush(node) and progress != node.progress and edge_peek(&node.data) == NULL:
            node.progress = progress
            node.mid_round = False
            edge_promise(&node.intents, progress)
    # What nobody waits for comes after what is waited for.
    taken = edge_settle(&node.data, data_before) + edge_settle(&node.refusals, refusals_before)
    node.stats.messages_in += taken
    if not node.shown:
        show(node)
    return <int>taken


cdef class SignalAgent(Agent):
    """Agent of the signal node.

    Args:
        data, refusals, intents: its rings.
        edges: their indices in the control page, in that order.
        strategy: a compiled Strategy.
        simulated: whether time is simulated.
    """

    cdef SignalNode node
    cdef tuple rings
    cdef Strategy strategy

    def __init__(self, control, name, index, *, Ring data, Ring refusals, Ring intents, edges,
                 Strategy strategy, instruments, simulated):
        super().__init__(control, name, index)
        memset(&self.node, 0, sizeof(SignalNode))
        self.rings = (data, refusals, intents)
        self.strategy = strategy
        self.node.data.ring = &data.ring
        self.node.data.stats = &self.page.edges[<int>edges[0]]
        self.node.refusals.ring = &refusals.ring
        self.node.refusals.stats = &self.page.edges[<int>edges[1]]
        self.node.intents.ring = &intents.ring
        self.node.intents.stats = &self.page.edges[<int>edges[2]]
        self.node.strategy = strategy.calls
        self.node.instrument_count = instruments
        self.node.features = <Features *>calloc(instruments, sizeof(Features))
        if self.node.features == NULL:
            raise MemoryError
        self.node.page = self.page
        self.node.stats = self.calls.stats
        self.node.simulated = simulated
        self.node.shown = True
        outbox_reserve(&self.node.desk.out, RESERVED)
        outbox_reserve(&self.node.held, RESERVED)
        self.calls.state = &self.node
        self.calls.work = signal_work

    def __dealloc__(self):
        free(self.node.features)
        free(self.node.desk.out.messages)
        free(self.node.held.messages)
