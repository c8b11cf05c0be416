"""The engine node: merges market flow and own orders, journals, matches, and tells everybody.

Simulated time. A *round* is everything that happens from the earliest input's time up to the
smallest order delay later: whatever the round makes the strategy do arrives after it. When a
round is closed, its number is promised on the outputs, and the next one opens only when risk has
promised it back. So the merge is the same in every run, by time, recorded before own, in one
process or in four.

Real time. Orders first, then market flow, as they come; a round is then whatever one step took.

Every input is journaled before it takes effect; without room in the journal, nothing is taken.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from hft.core.agent cimport NEEDS_PYTHON, Agent
from hft.core.book_view cimport show_book
from hft.core.clock cimport host_now_ns
from hft.core.control cimport (
    ENGINE_DISPLACED_LOTS,
    ENGINE_EVENT_TS_NS,
    ENGINE_JOURNAL_STALLS,
    ENGINE_JOURNALED,
    ENGINE_LIVE_ORDERS,
    ENGINE_REJECTED,
    ENGINE_STATE_HASH,
    ENGINE_STEPS,
    ENGINE_TRADED_LOTS,
    ENGINE_TRADES,
    INSTRUMENTS_MAX,
    NODE_DONE,
    InstrumentStats,
    due_at,
    stat_add,
    stat_set,
)
from hft.core.edges cimport (
    edge_advance,
    edge_in,
    edge_out,
    edge_peek,
    edge_progress,
    edge_promise,
    edge_settle,
    edge_take,
)
from hft.core.engine cimport engine_apply, engine_hash, engine_prefault
from hft.core.engine_routes cimport flush, routes_of
from hft.core.journal cimport JournalWriter, journal_append, journal_has_room
from hft.core.latency cimport (
    Underway,
    delay_arrived,
    delay_first,
    delay_reserve,
    delay_send,
)
from hft.core.matching_engine cimport MatchingEngine
from hft.core.messages cimport END, SOURCE_ENGINE, TIME, Message
from hft.core.outbox cimport outbox_next, outbox_reserve
from hft.core.profile cimport operation_begin, operation_end, profile_open
from hft.core.quick cimport expect_id, expect_order
from hft.core.ring cimport RING_DROP, Ring, ring_has, ring_waiting
from hft.core.static_assert cimport static_assert
from hft.core.trie cimport hft_ctz64

__all__ = ["EngineAgent"]

static_assert(CHANGED_WORDS * 64 == INSTRUMENTS_MAX)

cdef enum:
    BATCH = 256
    OUTBOX_BATCH = 2048  # outputs after which a step goes to flush
    VIEW_EVERY_NS = 5_000_000
    VIEWS_AT_ONCE = 32  # books that are shown then: some 30 µs
    CLOCK_EVERY = 16  # messages of a batch that share a reading of the clock
    AHEAD = 4  # messages of the flow
    BACKLOG = 64  # of these; from here on what a batch says is sent at its end
    RESERVED = 16384  # messages that the outbox holds without growing


cdef void say_end(EngineNode *node, uint32_t routes) noexcept nogil:
    cdef Message *message = outbox_next(&node.out)
    memset(message, 0, sizeof(Message))
    message.header.kind = END
    message.header.source = SOURCE_ENGINE
    message.header.origin_ts_ns = host_now_ns()
    message.control.event_ts_ns = node.event_ts_ns
    message.control.value = routes
    node.round_routes |= routes


# Steps


cdef inline void note_changed(EngineNode *node, uint32_t instrument) noexcept nogil:
    """Remember that the view of an instrument is out of date."""
    if instrument < node.page.instrument_count:
        node.changed[instrument >> 6] |= <uint64_t>1 << (instrument & 63)


cdef void step(EngineNode *node, const Message *message, int64_t event_ts_ns,
               int64_t journal_ts_ns) noexcept nogil:
    """Journal an input, then let it take effect."""
    cdef uint32_t before = node.out.count
    cdef uint32_t place
    cdef uint32_t routes = 0
    cdef Message *clock
    cdef int64_t began_ns
    journal_append(node.journal, message, journal_ts_ns)
    node.event_ts_ns = max(node.event_ts_ns, event_ts_ns)
    if node.told_ts_ns != node.event_ts_ns:
        clock = outbox_next(&node.out)
        clock.header = message.header
        clock.header.kind = TIME
        clock.header.source = SOURCE_ENGINE
        clock.control.event_ts_ns = node.event_ts_ns
    place = node.out.count
    began_ns = operation_begin(&node.profile, message.header.kind)
    engine_apply(node.engine, message, 1, &node.out)
    operation_end(&node.profile, message.header.kind, began_ns)
    while place < node.out.count:
        note_changed(node, node.out.messages[place].header.instrument)
        routes |= routes_of(&node.out.messages[place])
        place += 1
    if routes == 0:
        node.out.count = before  # said to nobody
        return
    node.told_ts_ns = node.event_ts_ns
    node.round_routes |= routes
    node.round_outputs += node.out.count - before


cdef inline void look_ahead(EngineNode *node) noexcept nogil:
    """Fetch what messages of the flow that wait behind this one will touch."""
    if ring_has(node.flow.ring, 2 * AHEAD):
        expect_id(&node.engine.book, ring_waiting(node.flow.ring, 2 * AHEAD).command.order_id)
        expect_order(&node.engine.book, ring_waiting(node.flow.ring, AHEAD).command.order_id)


cdef inline void step_flow(EngineNode *node, Message *message, int64_t now_ns) noexcept nogil:
    edge_take(&node.flow, message, now_ns)
    look_ahead(node)
    if message.header.kind == END:
        node.flow_ended = True
    else:
        step(node, message, message.command.event_ts_ns,
             message.command.event_ts_ns if node.simulated else now_ns)
    edge_advance(&node.flow)


cdef inline void step_order(EngineNode *node, int64_t now_ns) noexcept nogil:
    cdef Underway *order = delay_first(&node.delay)
    # What the command's reports and BOOK_TOPs carry is the time of arrival; time never goes back.
    cdef int64_t event_ts_ns = node.event_ts_ns
    if node.simulated:
        event_ts_ns = max(event_ts_ns, order.due_ts_ns)
    order.message.command.event_ts_ns = event_ts_ns
    step(node, &order.message, event_ts_ns, event_ts_ns if node.simulated else now_ns)
    delay_arrived(&node.delay)


cdef int fetch_orders(EngineNode *node, int64_t now_ns) noexcept nogil:
    """Put the orders that risk let through on their simulated way."""
    cdef uint64_t before = node.orders.ring.cursor
    cdef Message *message
    while True:
        message = edge_peek(&node.orders)
        if message == NULL:
            break
        edge_take(&node.orders, message, now_ns)
        delay_send(&node.delay, message,
                   message.command.event_ts_ns if node.simulated else message.header.origin_ts_ns,
                   1 if node.simulated else node.delay_scale)
        edge_advance(&node.orders)
    return <int>edge_settle(&node.orders, before)


cdef inline void open_round(EngineNode *node) noexcept nogil:
    node.round_open = True
    node.round_outputs = 0
    node.round_routes = 0


cdef inline bint was_heard(const EngineNode *node) noexcept nogil:
    """Whether the round has said anything that could make somebody do something."""
    return node.round_routes & (1 << ROUTE_MARKET_DATA | 1 << ROUTE_REPORTS) != 0


cdef inline void close_round(EngineNode *node) noexcept nogil:
    """Promise the round to signal and risk. The outbox is empty."""
    node.round_open = False
    node.rounds += 1
    edge_promise(&node.routes[ROUTE_REPORTS].edge, node.rounds)
    edge_promise(&node.routes[ROUTE_MARKET_DATA].edge, node.rounds)


cdef inline bint all_answered(EngineNode *node) noexcept nogil:
    return node.answered == node.rounds and node.delay.first == node.delay.end


cdef int end_of_day(EngineNode *node) noexcept nogil:
    """The flow has ended: let signal and risk know, let them finish, then close the records."""
    if not node.end_told:
        # A round of its own: it is closed, and waited for, like any other.
        node.end_told = True
        open_round(node)
        say_end(node, 1 << ROUTE_MARKET_DATA | 1 << ROUTE_REPORTS)
        return 1
    if not node.records_ended:
        node.records_ended = True
        say_end(node, 1 << ROUTE_RECORDS | 1 << ROUTE_TAPE)
    if not flush(node):
        return 0
    node.finished = True
    return NEEDS_PYTHON


cdef int simulated_work(EngineNode *node, int64_t now_ns) noexcept nogil:
    cdef uint64_t promised
    cdef int found = 0
    cdef int steps
    cdef Message *message
    cdef Underway *order
    cdef int64_t flow_ts_ns, order_ts_ns
    if node.answered != node.rounds:
        # Before the ring is seen empty: what is promised is then already there.
        promised = edge_progress(&node.orders)
        found = fetch_orders(node, now_ns)
        if promised != node.rounds:
            return found
        node.answered = promised
    for steps in range(BATCH):
        if node.out.count > OUTBOX_BATCH or not journal_has_room(node.journal):
            break
        message = edge_peek(&node.flow)
        if message == NULL and not node.flow_ended:
            break
        if message != NULL and message.header.kind == END:
            step_flow(node, message, now_ns)
            message = NULL
        order = delay_first(&node.delay)
        flow_ts_ns = message.command.event_ts_ns if message != NULL else INT64_MAX
        order_ts_ns = order.due_ts_ns if order != NULL else INT64_MAX
        if not node.round_open:
            if message == NULL and order == NULL:
                return end_of_day(node) if steps == 0 else found + steps
            open_round(node)
            node.round_end_ts_ns = min(flow_ts_ns, order_ts_ns) + node.delay.min_ns
        elif (min(flow_ts_ns, order_ts_ns) > node.round_end_ts_ns
                or node.round_outputs >= node.routes[ROUTE_REPORTS].edge.ring.capacity // 4):
            if was_heard(node):
                if flush(node):
                    close_round(node)
                return found + steps + 1
            # Nobody has anything to answer, so there is nothing to wait for.
            node.round_open = False
            continue
        if steps % CLOCK_EVERY == CLOCK_EVERY - 1:
            now_ns = host_now_ns()
        if flow_ts_ns <= order_ts_ns:
            step_flow(node, message, now_ns)
        else:
            step_order(node, now_ns)
    return found + steps


cdef int arrived_work(EngineNode *node, int64_t now_ns) noexcept nogil:
    cdef uint64_t promised = edge_progress(&node.orders)
    cdef int found = fetch_orders(node, now_ns)
    cdef int steps = 0
    cdef Message *message
    cdef Underway *order
    node.answered = promised
    while steps < BATCH and node.out.count <= OUTBOX_BATCH and journal_has_room(node.journal):
        order = delay_first(&node.delay)
        if order != NULL and (order.due_ts_ns <= now_ns or node.flow_ended):
            step_order(node, now_ns)
        else:
            message = edge_peek(&node.flow)
            if message == NULL:
                break
            step_flow(node, message, now_ns)
        steps += 1
        if node.out.count and not ring_has(node.flow.ring, BACKLOG):
            flush(node)  # while few wait, nobody waits for them
    order = delay_first(&node.delay)
    if order != NULL:
        due_at(node.stats, order.due_ts_ns)
    if node.round_routes:
        node.round_open = True
    if node.round_open:
        if flush(node):
            close_round(node)
            node.round_routes = 0
    elif node.flow_ended and all_answered(node):
        return end_of_day(node)
    return found + steps


# What observers see


cdef void show_instrument(EngineNode *node, uint32_t instrument) noexcept nogil:
    cdef InstrumentStats *shown = &node.page.instruments[instrument]
    cdef int64_t displaced_lots = node.engine.book.instruments[instrument].displaced_lots
    stat_add(node.stats, ENGINE_DISPLACED_LOTS, <uint64_t>(displaced_lots - shown.displaced_lots))
    shown.displaced_lots = displaced_lots
    show_book(&node.engine.book, instrument, shown, node.event_ts_ns, node.journal.sequence)


cdef bint show_changed(EngineNode *node, uint32_t at_most) noexcept nogil:
    """Publish views that are out of date, the next ones in turn; whether none is left."""
    cdef uint32_t words = (node.page.instrument_count + 63) >> 6
    cdef uint32_t _looked
    cdef uint64_t *word
    for _looked in range(words + 1):
        word = &node.changed[node.view_word]
        while word[0] and at_most:
            show_instrument(node, (node.view_word << 6) + hft_ctz64(word[0]))
            word[0] &= word[0] - 1
            at_most -= 1
        if word[0]:
            return False
        node.view_word = (node.view_word + 1) % words
    return True


cdef void show(EngineNode *node, int64_t now_ns) noexcept nogil:
    stat_set(node.stats, ENGINE_STEPS, node.engine.book.say.counts.commands)
    stat_set(node.stats, ENGINE_TRADES, node.engine.book.say.counts.trades)
    stat_set(node.stats, ENGINE_TRADED_LOTS, node.engine.book.say.counts.traded_lots)
    stat_set(node.stats, ENGINE_REJECTED, node.engine.book.say.counts.rejected)
    stat_set(node.stats, ENGINE_JOURNALED, node.journal.sequence)
    stat_set(node.stats, ENGINE_JOURNAL_STALLS, node.journal.stalls)
    stat_set(node.stats, ENGINE_LIVE_ORDERS, node.engine.book.order_count)
    stat_set(node.stats, ENGINE_EVENT_TS_NS, <uint64_t>node.event_ts_ns)
    node.stats.allocations = node.out.allocations + node.delay.allocations
    node.view_ts_ns = now_ns
    if show_changed(node, INSTRUMENTS_MAX if node.finished else VIEWS_AT_ONCE):
        node.view_steps = node.engine.book.say.counts.commands


cdef inline bint has_to_show(const EngineNode *node) noexcept nogil:
    """Whether views are out of date for so long that the next ones are due."""
    # The loop's time, of a millisecond ago at most, will do.
    return node.view_steps != node.engine.book.say.counts.commands and (
        node.stats.heartbeat_ts_ns - node.view_ts_ns >= VIEW_EVERY_NS
    )


cdef inline bint has_nothing(EngineNode *node) noexcept nogil:
    """Whether a look, without the clock, finds that nothing has come and nothing is left to do."""
    if (node.out.count or node.flow_ended or edge_peek(&node.orders) != NULL
            or has_to_show(node) or not journal_has_room(node.journal)):
        return False
    if node.answered != node.rounds and edge_progress(&node.orders) != node.answered:
        return False
    if node.simulated:
        return node.answered != node.rounds or edge_peek(&node.flow) == NULL
    return (edge_peek(&node.flow) == NULL and not node.round_open
            and node.delay.first == node.delay.end)


cdef int engine_work(void *state) noexcept nogil:
    cdef EngineNode *node = <EngineNode *>state
    cdef uint64_t flow_before = node.flow.ring.cursor
    cdef uint64_t orders_before = node.orders.ring.cursor
    cdef int64_t now_ns
    cdef int found
    if node.finished:
        return 0
    if has_nothing(node):
        if node.view_steps != node.engine.book.say.counts.commands:
            due_at(node.stats, node.view_ts_ns + VIEW_EVERY_NS)
        return 0
    if not flush(node):
        # Risk must be able to go on: what is full may be full because of it.
        found = fetch_orders(node, host_now_ns())
        node.stats.messages_in += found
        return found
    if not journal_has_room(node.journal):
        return NEEDS_PYTHON
    now_ns = host_now_ns()
    if node.simulated:
        found = simulated_work(node, now_ns)
    else:
        found = arrived_work(node, now_ns)
    flush(node)
    edge_settle(&node.flow, flow_before)
    node.stats.messages_in += (
        node.flow.ring.cursor - flow_before + node.orders.ring.cursor - orders_before
    )
    if has_to_show(node):
        show(node, now_ns)
    return found


cdef class EngineAgent(Agent):
    """Agent of the engine node.

    Args:
        flow, orders: its input rings.
        outputs: its output rings: market data, reports, records, tape.
        edges: indices of all of them in the control page, in that order.
        engine: the MatchingEngine that it owns; journal: the JournalWriter of its inputs.
        delay_ns: (least, most) delay of own orders; delay_seed: seed of its draws.
        speed: recorded seconds per host second; 0: as fast as it goes.
        simulated: whether time is simulated.
    """

    cdef EngineNode node
    cdef tuple rings
    cdef MatchingEngine engine
    cdef object make_journal
    cdef readonly JournalWriter journal

    def __init__(self, control, name, index, *, Ring flow, Ring orders, outputs, edges,
                 MatchingEngine engine, make_journal, delay_ns, uint64_t delay_seed, double speed,
                 bint simulated):
        cdef Ring ring
        cdef int which
        super().__init__(control, name, index)
        memset(&self.node, 0, sizeof(EngineNode))
        self.rings = (flow, orders, *outputs)
        self.engine = engine
        self.make_journal = make_journal
        edge_in(&self.node.flow, &flow.ring, self.page, edges[0])
        edge_in(&self.node.orders, &orders.ring, self.page, edges[1])
        for which, ring in enumerate(outputs):
            edge_out(&self.node.routes[which].edge, &ring.ring, self.page, edges[2 + which])
            self.node.routes[which].drops = ring.ring.header.policy == RING_DROP
        self.node.engine = &engine.engine
        self.node.delay.min_ns, self.node.delay.max_ns = delay_ns
        self.node.delay.seed = delay_seed
        self.node.delay_scale = 1 / speed if speed else 1
        self.node.simulated = simulated
        self.node.page = self.page
        self.node.stats = self.calls.stats
        profile_open(&self.node.profile, self.page, index)
        self.calls.state = &self.node
        self.calls.work = engine_work

    def on_start(self):
        cdef uint32_t instrument
        for instrument in range(self.node.page.instrument_count):
            note_changed(&self.node, instrument)
        self.journal = self.make_journal()
        self.node.journal = &self.journal.journal
        engine_prefault(self.node.engine)
        outbox_reserve(&self.node.out, RESERVED)
        delay_reserve(&self.node.delay)

    def python_work(self):
        """Make room in the journal, or finish."""
        if not self.node.finished:
            self.journal.wait_for_room()
            return 1
        show(&self.node, host_now_ns())
        self.journal.close()
        stat_set(self.calls.stats, ENGINE_STATE_HASH, engine_hash(self.node.engine))
        self.calls.stats.state = NODE_DONE
        return 1

    def on_close(self):
        if self.journal is not None:
            self.journal.close()

    def __dealloc__(self):
        free(self.node.out.messages)
        free(self.node.delay.orders)
