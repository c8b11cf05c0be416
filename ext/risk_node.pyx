"""The risk node: reports and intents in one order, through the gate.

In simulated time it waits until a round of the engine is complete on both its inputs, and takes
them by time, reports first; so that an intent is judged by what had happened when it was made, in
every run alike (docs/runtime.md). Until then it puts them aside, so that nobody waits for it with a
full ring. In real time it takes reports first and intents as they come. The kill word is looked at
before each intent; when it is seen engaged, a MASS_CANCEL per account goes to the engine, which
journals them.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from hft.core.agent cimport Agent
from hft.core.atomics cimport load_acquire, store_release
from hft.core.clock cimport host_now_ns
from hft.core.control cimport (
    PATH_ORDER_TO_REPORT,
    RISK_ACCEPTED,
    RISK_CANCELLED,
    RISK_FILLED,
    RISK_FILLS,
    RISK_INTENTS,
    RISK_KILLED,
    RISK_PASSED,
    RISK_REFUSED,
    RISK_REJECTED,
    RISK_REPLACED,
    ControlPage,
    InstrumentStats,
    NodeStats,
    stat_set,
)
from hft.core.edges cimport (
    InEdge,
    OutEdge,
    edge_advance,
    edge_flush,
    edge_in,
    edge_out,
    edge_peek,
    edge_progress,
    edge_promise,
    edge_settle,
    edge_take,
    retry_soon,
)
from hft.core.messages cimport (
    BOOK_TOP,
    END,
    FILLED,
    MASS_CANCEL,
    MESSAGE_SIZE,
    REFUSED,
    SOURCE_RISK,
    TIME,
    Command,
    Message,
    Report,
)
from hft.core.outbox cimport Outbox, outbox_next, outbox_reserve
from hft.core.profile cimport (
    OrderTimes,
    Profile,
    operation_begin,
    operation_end,
    order_answered,
    orders_left,
    path_histogram,
    profile_open,
)
from hft.core.ring cimport Ring
from hft.core.risk cimport (
    Risk,
    RiskGate,
    RiskInstrument,
    risk_check,
    risk_loss_exceeded,
    risk_on_message,
)

__all__ = ["RiskAgent"]

cdef enum:
    BATCH = 256
    CLOCK_EVERY = 16  # messages of a batch that share a reading of the clock
    RESERVED = 4096  # messages that the boxes hold without growing
    ACCOUNT_WORDS = 1024


cdef struct RiskNode:
    InEdge reports
    InEdge intents
    OutEdge orders
    OutEdge refusals  # to the signal node
    OutEdge refused  # to the recorder
    Outbox orders_box
    Outbox refused_box
    Outbox held_reports  # of the round under way, in simulated time
    Outbox held_intents
    Profile profile
    OrderTimes times
    uint64_t accounts[ACCOUNT_WORDS]  # a bit per account that has traded
    RiskGate *gate
    ControlPage *page
    NodeStats *stats
    int64_t event_ts_ns  # time of the newest report
    int64_t last_refusal_ts_ns
    uint64_t progress  # promised so far
    bint simulated
    bint shown  # what observers see is up to date


cdef bint flush(RiskNode *node) noexcept nogil:
    """Push what is waiting; whether nothing is left."""
    cdef uint32_t stamp
    cdef int64_t now_ns
    cdef uint64_t head = node.orders.ring.head
    cdef bint told
    if node.orders_box.count == 0 and node.refused_box.count == 0:
        return True
    now_ns = host_now_ns()
    stamp = <uint32_t>now_ns
    if node.orders_box.count and edge_flush(&node.orders, &node.orders_box, stamp):
        node.stats.messages_out += node.orders_box.count
        node.orders.sent = node.orders_box.count = 0
    orders_left(&node.times, head, node.orders.ring.head, now_ns)
    if node.refused_box.count:
        told = edge_flush(&node.refusals, &node.refused_box, stamp)
        if edge_flush(&node.refused, &node.refused_box, stamp) and told:
            node.stats.messages_out += node.refused_box.count
            node.refusals.sent = node.refused.sent = node.refused_box.count = 0
    if node.orders_box.count == 0 and node.refused_box.count == 0:
        return True
    retry_soon(node.stats)
    return False


cdef void kill(RiskNode *node) noexcept nogil:
    """Refuse everything from now on, and have the engine cancel what rests."""
    cdef int64_t now_ns = host_now_ns()
    cdef int account
    cdef Command *command
    for account in range(ACCOUNT_WORDS * 64):
        if node.accounts[account >> 6] >> (account & 63) & 1:
            command = &outbox_next(&node.orders_box).command
            memset(command, 0, sizeof(Command))
            command.header.kind = MASS_CANCEL
            command.header.source = SOURCE_RISK
            command.header.origin_ts_ns = now_ns
            command.event_ts_ns = node.event_ts_ns
            command.account = <uint16_t>account
    node.gate.killed = True
    stat_set(node.stats, RISK_KILLED, 1)
    if load_acquire(&node.page.kill) == 0:
        store_release(&node.page.kill, <uint64_t>now_ns)


cdef inline void look_at_kill_word(RiskNode *node) noexcept nogil:
    if not node.gate.killed and load_acquire(&node.page.kill):
        kill(node)


cdef void refuse(RiskNode *node, const Command *intent, uint8_t reason) noexcept nogil:
    cdef Message *clock
    cdef Report *report
    if intent.event_ts_ns != node.last_refusal_ts_ns:
        clock = outbox_next(&node.refused_box)
        memset(clock, 0, sizeof(Message))
        clock.header = intent.header
        clock.header.kind = TIME
        clock.header.source = SOURCE_RISK
        clock.control.event_ts_ns = intent.event_ts_ns
        node.last_refusal_ts_ns = intent.event_ts_ns
    report = &outbox_next(&node.refused_box).report
    report.header = intent.header
    report.header.kind = REFUSED
    report.header.source = SOURCE_RISK
    report.order_id = intent.order_id
    report.price_ticks = intent.price_ticks
    report.last_lots = intent.qty_lots
    report.leaves_lots = 0
    report.cause = <uint32_t>intent.header.sequence
    report.account = intent.account
    report.reason = reason
    report.side = intent.side


cdef inline void show_instrument(RiskNode *node, uint32_t index) noexcept nogil:
    """Let observers see the position and the open orders of an instrument that has changed."""
    cdef const RiskInstrument *instrument = &node.gate.instruments[index]
    cdef InstrumentStats *shown = &node.page.instruments[index]
    if index < node.gate.instrument_count:
        shown.position_lots = instrument.position_lots
        shown.cash_tick_lots = instrument.cash_tick_lots
        shown.mark_half_ticks = instrument.mark_half_ticks
        shown.open_buy_lots = instrument.open_buy_lots
        shown.open_sell_lots = instrument.open_sell_lots
        shown.open_orders = instrument.open_orders


cdef inline void take_report(RiskNode *node, const Message *message) noexcept nogil:
    cdef int64_t began_ns = operation_begin(&node.profile, message.header.kind)
    node.shown = False
    if message.header.kind == TIME or message.header.kind == END:
        node.event_ts_ns = message.control.event_ts_ns
        return
    if message.header.kind == BOOK_TOP:
        node.event_ts_ns = message.book_top.event_ts_ns
    risk_on_message(node.gate, message)
    operation_end(&node.profile, message.header.kind, began_ns)
    show_instrument(node, message.header.instrument)
    if (message.header.kind == FILLED or message.header.kind == BOOK_TOP) and not node.gate.killed:
        if risk_loss_exceeded(node.gate, message.header.instrument):
            kill(node)
            stat_set(node.stats, RISK_KILLED, 2)


cdef inline void take_intent(RiskNode *node, const Message *message) noexcept nogil:
    cdef uint8_t reason
    cdef int64_t began_ns
    node.shown = False
    look_at_kill_word(node)
    began_ns = operation_begin(&node.profile, message.header.kind)
    reason = risk_check(node.gate, &message.command)
    operation_end(&node.profile, message.header.kind, began_ns)
    if reason:
        refuse(node, &message.command, reason)
        return
    node.accounts[message.command.account >> 6] |= <uint64_t>1 << (message.command.account & 63)
    memcpy(outbox_next(&node.orders_box), message, MESSAGE_SIZE)
    show_instrument(node, message.header.instrument)


cdef inline int64_t report_time(const RiskNode *node, const Message *message) noexcept nogil:
    if message.header.kind == BOOK_TOP:
        return message.book_top.event_ts_ns
    if message.header.kind == TIME or message.header.kind == END:
        return message.control.event_ts_ns
    return node.event_ts_ns


cdef void hold(RiskNode *node, InEdge *edge, Outbox *box) noexcept nogil:
    """Put everything that an input has aside, in order."""
    cdef Message *message = edge_peek(edge)
    cdef int64_t now_ns = 0
    while message != NULL:
        if box.count % CLOCK_EVERY == 0 or now_ns == 0:
            now_ns = host_now_ns()
        edge_take(edge, message, now_ns)
        order_answered(&node.times, message, now_ns)
        memcpy(outbox_next(box), message, MESSAGE_SIZE)
        edge_advance(edge)
        message = edge_peek(edge)


cdef void take_round(RiskNode *node) noexcept nogil:
    """Take the reports and intents of a complete round, by time."""
    cdef uint32_t reports = 0
    cdef uint32_t intents = 0
    cdef const Message *report
    cdef const Message *intent
    while reports < node.held_reports.count or intents < node.held_intents.count:
        report = &node.held_reports.messages[reports]
        intent = &node.held_intents.messages[intents]
        if reports < node.held_reports.count and (
            intents == node.held_intents.count
            or report_time(node, report) <= intent.command.event_ts_ns
        ):
            take_report(node, report)
            reports += 1
        else:
            take_intent(node, intent)
            intents += 1
    node.held_reports.count = 0
    node.held_intents.count = 0


cdef void take_arrived(RiskNode *node) noexcept nogil:
    """Some of the reports, then some of the intents, that are there."""
    cdef int64_t now_ns
    cdef Message *message
    cdef int taken
    if edge_peek(&node.reports) == NULL and edge_peek(&node.intents) == NULL:
        return
    now_ns = host_now_ns()
    for taken in range(BATCH):
        message = edge_peek(&node.reports)
        if message == NULL:
            break
        if taken % CLOCK_EVERY == CLOCK_EVERY - 1:
            now_ns = host_now_ns()
        edge_take(&node.reports, message, now_ns)
        order_answered(&node.times, message, now_ns)
        take_report(node, message)
        edge_advance(&node.reports)
    for taken in range(BATCH):
        message = edge_peek(&node.intents)
        if message == NULL:
            break
        if taken % CLOCK_EVERY == CLOCK_EVERY - 1:
            now_ns = host_now_ns()
        edge_take(&node.intents, message, now_ns)
        take_intent(node, message)
        edge_advance(&node.intents)


cdef void show(RiskNode *node) noexcept nogil:
    """Let observers see the counts."""
    stat_set(node.stats, RISK_INTENTS, node.gate.counts.intents)
    stat_set(node.stats, RISK_PASSED, node.gate.counts.passed)
    stat_set(node.stats, RISK_REFUSED, node.gate.counts.refused)
    stat_set(node.stats, RISK_ACCEPTED, node.gate.counts.accepted)
    stat_set(node.stats, RISK_FILLS, node.gate.counts.fills)
    stat_set(node.stats, RISK_FILLED, node.gate.counts.filled)
    stat_set(node.stats, RISK_CANCELLED, node.gate.counts.cancelled)
    stat_set(node.stats, RISK_REPLACED, node.gate.counts.replaced)
    stat_set(node.stats, RISK_REJECTED, node.gate.counts.rejected)
    node.stats.allocations = (
        node.orders_box.allocations + node.refused_box.allocations
        + node.held_reports.allocations + node.held_intents.allocations
    )
    node.shown = True


cdef int risk_work(void *state) noexcept nogil:
    cdef RiskNode *node = <RiskNode *>state
    cdef uint64_t reports_before = node.reports.ring.cursor
    cdef uint64_t intents_before = node.intents.ring.cursor
    cdef uint64_t rounds, intended, taken
    cdef bint complete = False
    look_at_kill_word(node)
    # Before the rings are seen empty: what the progress promises is then already taken.
    rounds = edge_progress(&node.reports)
    intended = edge_progress(&node.intents)
    if node.simulated:
        hold(node, &node.reports, &node.held_reports)
        hold(node, &node.intents, &node.held_intents)
    if flush(node):
        if not node.simulated:
            take_arrived(node)
            complete = edge_peek(&node.reports) == NULL and edge_peek(&node.intents) == NULL
            rounds = min(rounds, intended)
        elif rounds != node.progress and intended >= rounds:
            take_round(node)
            complete = True
        if flush(node) and complete and rounds != node.progress:
            node.progress = rounds
            edge_promise(&node.orders, rounds)
    # What nobody waits for comes after what is waited for.
    taken = edge_settle(&node.reports, reports_before) + edge_settle(&node.intents, intents_before)
    node.stats.messages_in += taken
    if not node.shown:
        show(node)
    return <int>taken


cdef class RiskAgent(Agent):
    """Agent of the risk node.

    Args:
        reports, intents, orders, refusals, refused: its rings.
        edges: their indices in the control page, in that order.
        gate: the Risk whose limits it enforces.
        simulated: whether time is simulated.
    """

    cdef RiskNode node
    cdef tuple rings
    cdef Risk gate

    def __init__(self, control, name, index, *, Ring reports, Ring intents, Ring orders,
                 Ring refusals, Ring refused, edges, Risk gate, simulated):
        super().__init__(control, name, index)
        memset(&self.node, 0, sizeof(RiskNode))
        self.rings = (reports, intents, orders, refusals, refused)
        self.gate = gate
        edge_in(&self.node.reports, &reports.ring, self.page, edges[0])
        edge_in(&self.node.intents, &intents.ring, self.page, edges[1])
        edge_out(&self.node.orders, &orders.ring, self.page, edges[2])
        edge_out(&self.node.refusals, &refusals.ring, self.page, edges[3])
        edge_out(&self.node.refused, &refused.ring, self.page, edges[4])
        self.node.gate = &gate.gate
        self.node.page = self.page
        self.node.stats = self.calls.stats
        self.node.simulated = simulated
        profile_open(&self.node.profile, self.page, index)
        self.node.times.histogram = path_histogram(self.page, PATH_ORDER_TO_REPORT)
        outbox_reserve(&self.node.orders_box, RESERVED)
        outbox_reserve(&self.node.refused_box, RESERVED)
        outbox_reserve(&self.node.held_reports, RESERVED)
        outbox_reserve(&self.node.held_intents, RESERVED)
        self.calls.state = &self.node
        self.calls.work = risk_work

    def __dealloc__(self):
        free(self.node.orders_box.messages)
        free(self.node.refused_box.messages)
        free(self.node.held_reports.messages)
        free(self.node.held_intents.messages)
