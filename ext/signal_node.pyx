"""The signal node: features, the fusion of signals, and strategies, fed by the engine.

In simulated time it keeps the engine's rounds apart: refusals, which come from another node, are
taken only when a round begins, where all those of the round before are there, in every run
(docs/runtime.md). Strategies in Python are called when a step (in simulated time: a round) is
over; their intents are then brought into the order of time with those of the compiled ones.

Every decision of the fusion is journaled, with its inputs, before an intent of its step leaves.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from hft.core.agent cimport NEEDS_PYTHON, Agent
from hft.core.clock cimport host_now_ns
from hft.core.control cimport (
    NODE_DONE,
    PATH_TICK_TO_INTENT,
    SIGNAL_BOOKS,
    SIGNAL_DECISIONS,
    SIGNAL_INTENTS,
    SIGNAL_TRADES,
    STRATEGIES_MAX,
    STRATEGY_STOPPED,
    STRATEGY_TRADING,
    InstrumentStats,
    stat_add,
    stat_set,
)
from hft.core.edges cimport (
    InEdge,
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
from hft.core.features cimport Features, features_update
from hft.core.fusion cimport (
    SOURCES_MAX,
    Opinions,
    fusion_decide,
    fusion_init,
    fusion_is_due,
    opinions_take,
)
from hft.core.journal cimport JournalWriter, journal_append, journal_has_room
from hft.core.messages cimport (
    BOOK_TOP,
    END,
    MESSAGE_SIZE,
    TIME,
    TRADE,
    Decision,
    Message,
    Signal,
    kind_is_report,
)
from hft.core.outbox cimport outbox_next, outbox_reserve
from hft.core.pending cimport pending_add, pending_reserve
from hft.core.profile cimport (
    operation_begin,
    operation_end,
    path_histogram,
    path_record_left,
    profile_open,
)
from hft.core.python_strategy cimport PythonStrategy, field_of
from hft.core.ring cimport Ring
from hft.core.sources cimport BUILT_IN, Sources, sources_listen, sources_speak
from hft.core.strategy cimport Strategy

__all__ = ["SignalAgent"]

cdef enum:
    BATCH = 256
    CLOCK_EVERY = 16  # messages of a batch that share a reading of the clock
    RESERVED = 4096  # messages that the boxes hold without growing


# What goes out


cdef bint journal_decisions(SignalNode *node) noexcept nogil:
    """Journal what was decided; whether there was room for all of it."""
    cdef Message *record
    while node.journaled < node.decided.count:
        if not journal_has_room(node.journal):
            return False
        record = &node.decided.messages[node.journaled]
        journal_append(node.journal, record, record.header.origin_ts_ns)
        node.journaled += 1
    node.journaled = node.decided.count = 0
    return True


cdef void bring_in_order(SignalNode *node) noexcept nogil:
    """Sort the round's intents by time, those of one time in the order in which they were made."""
    cdef Message *intents = node.desk.out.messages
    cdef Message moved
    cdef uint32_t place, to
    for place in range(1, node.desk.out.count):
        to = place
        while to and intents[to - 1].command.event_ts_ns > intents[place].command.event_ts_ns:
            to -= 1
        if to != place:
            moved = intents[place]
            while place > to:
                intents[place] = intents[place - 1]
                place -= 1
            intents[to] = moved
    node.in_order = True


cdef bint flush(SignalNode *node) noexcept nogil:
    """Move out what has been made; whether nothing is left."""
    cdef int64_t now_ns
    cdef uint32_t sent = node.intents.sent
    if not journal_decisions(node):
        return False
    if node.desk.out.count == 0:
        return True
    if node.simulated and node.has_python and not node.in_order:
        bring_in_order(node)
    now_ns = host_now_ns()
    edge_flush(&node.intents, &node.desk.out, <uint32_t>now_ns)
    path_record_left(node.tick_to_intent, &node.desk.out, sent, node.intents.sent, now_ns)
    if node.intents.sent != node.desk.out.count:
        retry_soon(node.stats)
        return False
    node.stats.messages_out += node.desk.out.count
    stat_set(node.stats, SIGNAL_INTENTS, node.desk.intents)
    node.intents.sent = 0
    node.desk.out.count = 0
    return True


# Strategies


cdef inline void enter(SignalNode *node, uint32_t account) noexcept nogil:
    node.desk.account = <uint16_t>account
    node.desk.timer_ts_ns = node.places[account].timer_ts_ns
    node.places[account].stats.events += 1
    node.intents_before = node.desk.intents


cdef inline void leave(SignalNode *node, uint32_t account) noexcept nogil:
    node.places[account].stats.intents += node.desk.intents - node.intents_before
    node.places[account].timer_ts_ns = node.desk.timer_ts_ns
    node.timer_ts_ns = min(node.timer_ts_ns, node.desk.timer_ts_ns)


cdef inline void leave_to_python(SignalNode *node, const Message *message) noexcept nogil:
    cdef const Features *features = NULL
    if (message.header.kind != TIME and message.header.kind != END
            and message.header.instrument < node.instrument_count):
        features = &node.features[message.header.instrument]
    pending_add(&node.pending, message, node.desk.event_ts_ns, features)


cdef void fire_timers(SignalNode *node) noexcept nogil:
    """Call the strategies whose timers are due."""
    cdef uint32_t account
    cdef Place *place
    cdef Message clock
    cdef bint wake_python = False
    node.timer_ts_ns = INT64_MAX
    for account in range(node.place_count):
        place = &node.places[account]
        if place.timer_ts_ns > node.desk.event_ts_ns:
            node.timer_ts_ns = min(node.timer_ts_ns, place.timer_ts_ns)
            continue
        place.timer_ts_ns = INT64_MAX
        if place.python:
            wake_python = True
            continue
        enter(node, account)
        place.calls.on_timer(place.calls.state, &node.desk)
        leave(node, account)
    if wake_python:
        memset(&clock, 0, sizeof(Message))
        clock.header.kind = TIME
        clock.header.origin_ts_ns = node.desk.origin_ts_ns
        leave_to_python(node, &clock)


cdef inline void pass_time(SignalNode *node, int64_t event_ts_ns) noexcept nogil:
    # A refusal tells the time at which the intent was made: that is no step back.
    if event_ts_ns > node.desk.event_ts_ns:
        node.desk.event_ts_ns = event_ts_ns
        if event_ts_ns >= node.timer_ts_ns:
            fire_timers(node)


# Fusion


cdef inline void put_decided(SignalNode *node, const Decision *decision,
                             const Message *message) noexcept nogil:
    """Have a record of a decision journaled, at the decision's time, under its number."""
    cdef Message *record = outbox_next(&node.decided)
    record[0] = message[0]
    record.header.sequence = decision.header.sequence
    record.header.origin_ts_ns = decision.event_ts_ns


cdef void decide(SignalNode *node, uint32_t instrument) noexcept nogil:
    """Make a decision on an instrument, note it with its inputs, tell the strategies."""
    cdef Opinions *opinions = &node.opinions[instrument]
    cdef InstrumentStats *shown = &node.page.instruments[instrument]
    cdef Message message
    cdef Decision *decision = &message.decision
    cdef uint32_t index
    cdef int source
    fusion_decide(&node.fusion, opinions, node.desk.event_ts_ns, decision)
    decision.header.instrument = <uint16_t>instrument
    decision.header.origin_ts_ns = node.desk.origin_ts_ns
    for source in range(SOURCES_MAX):
        if opinions.known >> source & 1 and node.fusion.settings.weights[source] > 0:
            put_decided(node, decision, <Message *>&opinions.newest[source])
    put_decided(node, decision, &message)
    shown.decision_log_odds = decision.log_odds
    shown.decision_size = decision.direction * decision.size
    shown.decision_reason = decision.reason
    shown.decision_signals = decision.signals
    shown.decisions += 1
    stat_add(node.stats, SIGNAL_DECISIONS, 1)
    for index in range(node.place_count):
        if not node.places[index].python:
            enter(node, index)
            node.places[index].calls.on_signal(
                node.places[index].calls.state, &node.desk, decision
            )
            leave(node, index)
    if node.has_python:
        leave_to_python(node, &message)


cdef void listen(SignalNode *node, uint32_t instrument, const Features *features) noexcept nogil:
    """Let the built-in sources speak when it is time to, and decide when all have spoken."""
    cdef Sources *sources = &node.sources[instrument]
    cdef Signal signal
    cdef int source
    if sources_listen(sources, features, node.interval_ns):
        for source in range(BUILT_IN):
            if node.fusion.settings.weights[source] > 0:
                sources_speak(sources, features, source, <uint16_t>instrument, &signal)
                opinions_take(&node.opinions[instrument], &signal)
    if fusion_is_due(&node.fusion, &node.opinions[instrument], features.event_ts_ns):
        decide(node, instrument)


# What comes in


cdef inline void show(SignalNode *node, uint32_t instrument,
                      const Features *features) noexcept nogil:
    """Let observers see the features."""
    cdef InstrumentStats *shown = &node.page.instruments[instrument]
    shown.microprice_ticks = features.microprice_ticks
    shown.imbalance = features.imbalance
    shown.order_flow_imbalance = features.order_flow_imbalance
    shown.spread_ticks = features.spread_ticks


cdef void handle_book(SignalNode *node, const Message *message) noexcept nogil:
    cdef uint32_t instrument = message.header.instrument
    cdef uint32_t account
    cdef Features *features
    if instrument >= node.instrument_count:
        return
    features = &node.features[instrument]
    pass_time(node, message.book_top.event_ts_ns)
    features_update(features, &message.book_top)
    stat_add(node.stats, SIGNAL_BOOKS, 1)
    show(node, instrument, features)
    if node.journal != NULL and features.valid:
        listen(node, instrument, features)
    for account in range(node.place_count):
        if not node.places[account].python:
            enter(node, account)
            node.places[account].calls.on_book(
                node.places[account].calls.state, &node.desk, &message.book_top, features
            )
            leave(node, account)
    if node.python_wants_books:
        leave_to_python(node, message)


cdef void handle_trade(SignalNode *node, const Message *message) noexcept nogil:
    cdef uint32_t account
    stat_add(node.stats, SIGNAL_TRADES, 1)
    for account in range(node.place_count):
        if not node.places[account].python:
            enter(node, account)
            node.places[account].calls.on_trade(
                node.places[account].calls.state, &node.desk, &message.trade
            )
            leave(node, account)
    if node.python_wants_trades:
        leave_to_python(node, message)


cdef void handle_report(SignalNode *node, const Message *message) noexcept nogil:
    cdef uint32_t account = message.report.account
    if account >= node.place_count:
        return
    if node.places[account].python:
        leave_to_python(node, message)
        return
    enter(node, account)
    node.places[account].calls.on_report(
        node.places[account].calls.state, &node.desk, &message.report
    )
    leave(node, account)


cdef void handle_end(SignalNode *node, const Message *message) noexcept nogil:
    cdef uint32_t account
    cdef Place *place
    node.ended = True
    for account in range(node.place_count):
        place = &node.places[account]
        if not place.python:
            enter(node, account)
            place.calls.on_stop(place.calls.state, &node.desk)
            leave(node, account)
            place.stats.state = STRATEGY_STOPPED
    if node.has_python:
        leave_to_python(node, message)
    else:
        node.stats.state = NODE_DONE


cdef void handle(SignalNode *node, const Message *message) noexcept nogil:
    cdef int64_t began_ns = operation_begin(&node.profile, message.header.kind)
    node.desk.origin_ts_ns = message.header.origin_ts_ns
    if message.header.kind == TIME or message.header.kind == END:
        pass_time(node, message.control.event_ts_ns)
    if message.header.kind == BOOK_TOP:
        handle_book(node, message)
    elif message.header.kind == TRADE:
        handle_trade(node, message)
    elif kind_is_report(message.header.kind):
        handle_report(node, message)
    elif message.header.kind == END:
        handle_end(node, message)
    operation_end(&node.profile, message.header.kind, began_ns)


cdef void take_batch(SignalNode *node, InEdge *edge) noexcept nogil:
    cdef int64_t now_ns = 0
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
        if node.desk.out.count and not node.simulated:
            flush(node)


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


cdef inline bint holds_intents(const SignalNode *node) noexcept nogil:
    """Whether intents wait for the end of the round under way."""
    return node.simulated and node.has_python and node.mid_round


cdef bint ready(SignalNode *node) noexcept nogil:
    """Whether more may be taken."""
    return journal_decisions(node) if holds_intents(node) else flush(node)


cdef int signal_work(void *state) noexcept nogil:
    cdef SignalNode *node = <SignalNode *>state
    cdef uint64_t data_before = node.data.ring.cursor
    cdef uint64_t refusals_before = node.refusals.ring.cursor
    cdef uint64_t taken
    # Before the rings are seen empty: what the progress promises is then already taken.
    cdef uint64_t progress = edge_progress(&node.data)
    # Before the refusals are taken: a round that has begun says that those of the last are there.
    cdef bint has_data = edge_peek(&node.data) != NULL
    cdef bint round_over
    if node.simulated:
        hold_refusals(node)
    if ready(node):
        if not node.simulated:
            take_batch(node, &node.refusals)
        elif has_data and not node.mid_round:
            handle_held(node)
        if has_data:
            node.mid_round = True
            node.in_order = False
            take_batch(node, &node.data)
        round_over = progress != node.progress and edge_peek(&node.data) == NULL
        if node.pending.count and (round_over or not node.simulated):
            node.python_due = True
            if not node.simulated:
                flush(node)  # what compiled strategies intend waits for no Python
        elif (round_over or not holds_intents(node)) and flush(node) and round_over:
            node.progress = progress
            node.mid_round = False
            edge_promise(&node.intents, progress)
    # What nobody waits for comes after what is waited for.
    taken = edge_settle(&node.data, data_before) + edge_settle(&node.refusals, refusals_before)
    node.stats.messages_in += taken
    node.stats.allocations = (
        node.desk.out.allocations + node.held.allocations + node.decided.allocations
        + node.pending.allocations
    )
    if node.python_due or (node.journal != NULL and not journal_has_room(node.journal)):
        return NEEDS_PYTHON
    return <int>taken


cdef class SignalAgent(Agent):
    """Agent of the signal node.

    Args:
        data, refusals, intents: its rings.
        edges: their indices in the control page, in that order.
        strategies: (name, Strategy or PythonStrategy) pairs; a place in it is an account.
        instruments: how many there are.
        fusion: settings as FusionMachine has them, and interval_ns; None for no fusion.
        make_journal: returns the JournalWriter of decisions; called in `on_start`, with fusion.
        simulated: whether time is simulated.
    """

    cdef SignalNode node
    cdef tuple rings
    cdef list strategies
    cdef object make_journal
    cdef JournalWriter journal

    def __init__(self, control, name, index, *, Ring data, Ring refusals, Ring intents, edges,
                 strategies, instruments, fusion, make_journal, simulated):
        super().__init__(control, name, index)
        memset(&self.node, 0, sizeof(SignalNode))
        self.rings = (data, refusals, intents)
        edge_in(&self.node.data, &data.ring, self.page, edges[0])
        edge_in(&self.node.refusals, &refusals.ring, self.page, edges[1])
        edge_out(&self.node.intents, &intents.ring, self.page, edges[2])
        self.node.page = self.page
        self.node.stats = self.calls.stats
        self.node.simulated = simulated
        profile_open(&self.node.profile, self.page, index)
        self.node.tick_to_intent = path_histogram(self.page, PATH_TICK_TO_INTENT)
        self.node.timer_ts_ns = INT64_MAX
        self.node.instrument_count = instruments
        self.node.features = <Features *>calloc(instruments, sizeof(Features))
        self.node.opinions = <Opinions *>calloc(instruments, sizeof(Opinions))
        self.node.sources = <Sources *>calloc(instruments, sizeof(Sources))
        if not (self.node.features and self.node.opinions and self.node.sources):
            raise MemoryError
        outbox_reserve(&self.node.desk.out, RESERVED)
        outbox_reserve(&self.node.held, RESERVED)
        outbox_reserve(&self.node.decided, RESERVED)
        self.make_journal = None
        if fusion is not None:
            fusion_init(&self.node.fusion, fusion)
            self.node.interval_ns = fusion["interval_ns"]
            self.make_journal = make_journal
        self.seat(strategies)
        if self.node.has_python:
            pending_reserve(&self.node.pending, RESERVED)
        self.calls.state = &self.node
        self.calls.work = signal_work

    cdef object seat(self, strategies):
        """Give every strategy its place."""
        cdef Place *place
        cdef PythonStrategy python
        self.strategies = [strategy for _, strategy in strategies]
        if len(strategies) > STRATEGIES_MAX:
            raise ValueError(f"at most {STRATEGIES_MAX} strategies, were {len(strategies)}")
        self.node.place_count = self.page.strategy_count = len(strategies)
        for account, (name, strategy) in enumerate(strategies):
            place = &self.node.places[<int>account]
            place.stats = &self.page.strategies[<int>account]
            place.timer_ts_ns = INT64_MAX
            shown = field_of(name, sizeof(place.stats.name))
            memcpy(place.stats.name, <const char *>shown, len(shown))
            if isinstance(strategy, PythonStrategy):
                python = strategy
                place.python = place.stats.python = self.node.has_python = True
                self.node.python_wants_books |= python.wants_books
                self.node.python_wants_trades |= python.wants_trades
            else:
                place.calls = (<Strategy?>strategy).calls
        return None

    def on_start(self):
        cdef Place *place
        if self.make_journal is not None:
            self.journal = self.make_journal()
            self.node.journal = &self.journal.journal
        # No market event causes what is intended now.
        self.node.desk.origin_ts_ns = host_now_ns()
        for account, strategy in enumerate(self.strategies):
            place = &self.node.places[<int>account]
            if place.python:
                (<PythonStrategy>strategy).start(&self.node.desk, place.stats, <uint16_t>account)
                self.set_timer(<int>account)
            else:
                place.stats.state = STRATEGY_TRADING
                enter(&self.node, <uint32_t>account)
                place.calls.on_start(place.calls.state, &self.node.desk)
                leave(&self.node, <uint32_t>account)

    cdef object set_timer(self, int account):
        """Have the node look out for the next timer of a strategy in Python."""
        cdef Place *place = &self.node.places[account]
        place.timer_ts_ns = (<PythonStrategy>self.strategies[account]).next_timer_ts_ns()
        self.node.timer_ts_ns = min(self.node.timer_ts_ns, place.timer_ts_ns)
        return None

    def python_work(self):
        """Make room in the journal; call the strategies in Python."""
        cdef int64_t event_ts_ns = self.node.desk.event_ts_ns
        if self.node.journal != NULL and not journal_has_room(self.node.journal):
            self.journal.wait_for_room()
        if not self.node.python_due:
            return 1
        for account, strategy in enumerate(self.strategies):
            if self.node.places[<int>account].python:
                (<PythonStrategy>strategy).deliver(
                    &self.node.desk, &self.node.pending, self.node.ended
                )
                self.set_timer(<int>account)
        self.node.desk.event_ts_ns = event_ts_ns
        self.node.pending.count = 0
        self.node.python_due = False
        self.node.in_order = False
        if self.node.ended:
            self.calls.stats.state = NODE_DONE
        return 1

    def on_close(self):
        if self.journal is not None:
            self.journal.close()

    def __dealloc__(self):
        free(self.node.features)
        free(self.node.opinions)
        free(self.node.sources)
        free(self.node.desk.out.messages)
        free(self.node.held.messages)
        free(self.node.decided.messages)
        free(self.node.pending.events)
