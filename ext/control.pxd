"""The control page: everything that a run shows of itself, in one shared segment.

`launch` lays it out and fills in the names. From then on every field has one writer: a node
writes its own NodeStats and the latencies that name it, the consumer of an edge the edge's `taken`
part, its producer the `published` part, risk the positions, engine the views. Two words go the
other way: `stop` (launch) and `kill` (anybody). Readers map it read-only.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hft.core.clock cimport ClockPage, ClockStats
from hft.core.histogram cimport Histogram
from hft.core.segment cimport Segment, SegmentHeader
from hft.core.wake cimport WakeWord

cpdef enum:
    NODES_MAX = 16
    EDGES_MAX = 24
    INSTRUMENTS_MAX = 4096
    STRATEGIES_MAX = 8
    VIEW_LEVELS = 10
    VIEW_OWN_ORDERS = 8  # of a side
    LATENCIES_MAX = 64

cdef enum:
    MESSAGE_KINDS = 256
    LEVEL_WORDS = 4
    OWN_ORDER_WORDS = 4
    VIEW_WORDS = 40
    OWN_WORDS = 32
    COUNTERS_MAX = 64
    ERROR_BYTES = 312


cpdef enum StopWord:
    STOP_NONE = 0
    STOP_DRAIN = 1  # feeds end; the rest finishes what is under way
    STOP_NOW = 2


cpdef enum NodeState:
    NODE_ABSENT = 0
    NODE_STARTING = 1
    NODE_RUNNING = 2
    NODE_DONE = 3  # everything is drained; waiting for the stop word
    NODE_STOPPED = 4
    NODE_FAILED = 5


cpdef enum StrategyState:
    STRATEGY_WAITING = 0
    STRATEGY_TRADING = 1
    STRATEGY_STOPPED = 2
    STRATEGY_FAILED = 3  # an exception; its orders are cancelled


cpdef enum IdleStrategy:
    """What a process does that has nothing to do; the times are in ext/agent.pyx."""
    IDLE_SPIN = 0  # never leaves its core: for a core of its own, and another free for the rest
    IDLE_YIELD = 1  # never sleeps, but lets others on its core go first
    IDLE_BACKOFF = 2  # spins, then yields, then waits in the kernel: for a core of its own
    IDLE_PARK = 3  # waits in the kernel at once: for a core that others need


cpdef enum Counter:
    """Index into NodeStats.counters; the ranges belong to feed, signal, risk, engine, recorder."""
    FEED_EVENTS = 0
    FEED_EVENT_TS_NS = 1
    SIGNAL_BOOKS = 8
    SIGNAL_TRADES = 9
    SIGNAL_INTENTS = 10
    SIGNAL_DECISIONS = 11
    RISK_INTENTS = 16
    RISK_PASSED = 17
    RISK_REFUSED = 18
    RISK_ACCEPTED = 19
    RISK_FILLS = 20
    RISK_FILLED = 21
    RISK_CANCELLED = 22
    RISK_REPLACED = 23
    RISK_REJECTED = 24
    RISK_KILLED = 25  # 1: saw the kill word; 2: set it, beyond the loss limit
    ENGINE_STEPS = 32
    ENGINE_TRADES = 33
    ENGINE_TRADED_LOTS = 34
    ENGINE_REJECTED = 35
    ENGINE_JOURNALED = 36
    ENGINE_LIVE_ORDERS = 37
    ENGINE_DISPLACED_LOTS = 38
    ENGINE_EVENT_TS_NS = 39
    ENGINE_STATE_HASH = 40
    ENGINE_JOURNAL_STALLS = 41
    RECORDER_ROWS = 48


cdef struct NodeStats:
    uint8_t name[16]
    uint32_t pid
    int32_t core  # -1: not pinned
    uint32_t state  # NodeState
    uint32_t idle  # IdleStrategy
    int64_t started_ts_ns
    int64_t heartbeat_ts_ns
    int64_t busy_ns  # in steps that found something to do
    int64_t loop_ns  # in all steps and between them
    uint64_t messages_in
    uint64_t messages_out
    uint64_t allocations  # that its boxes needed after start, because they were too small
    int64_t due_ts_ns  # when to call `work` if nothing comes before; INT64_MAX: never
    # Launch's: which wake word is its process's, and whether that ever waits in the kernel.
    uint32_t host  # index of the first node of the process
    uint32_t waits
    uint64_t memory_locked  # whether its process could lock what it had mapped when it started
    uint64_t reserved[2]
    uint64_t counters[COUNTERS_MAX]


cdef inline void stat_add(NodeStats *stats, int counter, uint64_t amount) noexcept nogil:
    stats.counters[counter] += amount


cdef inline void stat_set(NodeStats *stats, int counter, uint64_t value) noexcept nogil:
    stats.counters[counter] = value


cdef inline void due_at(NodeStats *stats, int64_t ts_ns) noexcept nogil:
    """Have the node's `work` called at a host time at the latest; each call forgets what the last
    one said."""
    if ts_ns < stats.due_ts_ns:
        stats.due_ts_ns = ts_ns


cdef struct EdgeStats:
    uint8_t name[24]
    uint16_t producer  # index of the node
    uint16_t consumer
    uint32_t policy  # RingPolicy
    uint64_t capacity_slots
    uint64_t page_bytes
    uint64_t locked  # whether launch could lock its memory
    uint64_t numa_nodes  # that its memory is of, a bit each; 0: not known
    uint64_t reserved_0[8]
    # The producer's.
    uint64_t published
    uint64_t reserved_1[15]
    # The consumer's.
    uint64_t taken
    uint64_t high_water  # deepest backlog that the consumer found
    uint64_t lost
    uint64_t reserved_2[13]


cpdef enum LatencyKind:
    LATENCY_HOP = 1  # of an edge: from publication to taking
    LATENCY_AGE = 2  # of an edge: from the market event's entry to taking
    LATENCY_OPERATION = 3  # of a node: what it does with a message of some kinds
    LATENCY_PATH = 4  # across nodes


cpdef enum LatencyPath:
    PATH_TICK_TO_INTENT = 0  # from the market event's entry to the intent's leaving of signal
    PATH_ORDER_TO_REPORT = 1  # from the order's leaving of risk to its first report's taking there


# What is measured, and by whom. Rows 2e and 2e + 1 are hop and age of edge e; the others are found
# by node, kind and subject. launch names them, the node records.
cdef struct LatencyStats:
    uint8_t name[32]
    uint16_t node  # the one that records
    uint16_t kind  # LatencyKind
    uint16_t subject  # the edge of a hop or an age, the LatencyPath of a path
    uint16_t gap_max  # of an operation: one of every 1 to so many is timed, in a random order
    uint64_t message_kinds[4]  # of an operation: a bit for each kind of message that it is
    uint64_t reserved[3]
    Histogram histogram


cdef struct BookCopy:
    int64_t event_ts_ns
    uint64_t sequence
    # Per level, best first: price_ticks, lots, of these in own orders, how many own orders.
    int64_t bids[VIEW_WORDS]
    int64_t asks[VIEW_WORDS]
    # Per own order, best first: price_ticks, leaves_lots, entered_ts_ns (market time), account.
    int64_t own_bids[OWN_WORDS]
    int64_t own_asks[OWN_WORDS]
    int64_t own_bid_count  # that rest in all
    int64_t own_ask_count


cdef struct InstrumentStats:
    uint8_t venue[16]
    uint8_t symbol[24]
    uint64_t order_increment_ticks
    # What one tick times one lot is worth, in quote micros, as a fraction.
    uint64_t value_numerator
    uint64_t value_denominator
    uint8_t tick_size[24]
    uint8_t lot_size[24]
    uint64_t reserved_0[2]
    # Risk's.
    int64_t position_lots
    int64_t cash_tick_lots
    int64_t mark_half_ticks  # best bid plus best ask
    int64_t open_buy_lots
    int64_t open_sell_lots
    uint64_t open_orders
    uint64_t reserved_1[2]
    # Signal's.
    double microprice_ticks
    double imbalance
    double order_flow_imbalance
    double spread_ticks
    double decision_log_odds
    double decision_size  # negative: to sell
    uint64_t decisions
    uint32_t decision_reason  # DecisionReason
    uint32_t decision_signals
    # The engine's view of the book: copy view_version % 2 is whole.
    uint64_t view_version
    BookCopy view_even
    BookCopy view_odd
    int64_t displaced_lots  # the engine's: what own orders took from the recorded ones
    uint64_t reserved_3[6]


# The signal node's, by account.
cdef struct StrategyStats:
    uint8_t name[32]
    uint32_t state  # StrategyState
    uint32_t python  # 1: its callbacks are Python
    uint64_t events  # that it was called with
    uint64_t intents
    int64_t python_ns  # spent in its callbacks
    int64_t failed_ts_ns  # market time
    uint8_t error[ERROR_BYTES]  # what failed it, with file and line


cdef struct ControlPage:
    SegmentHeader segment
    uint8_t instance[64]
    int64_t started_ts_ns
    int64_t started_wall_ns
    uint32_t node_count
    uint32_t edge_count
    uint32_t instrument_count
    uint32_t simulated_time
    uint64_t speed_milli  # recorded seconds per thousand host seconds; 0: as fast as it goes
    uint64_t seed
    uint32_t strategy_count
    uint32_t latency_count
    uint64_t locked  # as of an edge: of this page itself
    uint64_t numa_nodes
    uint32_t reserved_0[14]
    uint64_t stop  # StopWord
    uint64_t reserved_1[15]
    uint64_t kill  # 0: trading; else when it was engaged, host ns
    uint64_t reserved_2[15]
    ClockPage clock
    ClockStats clock_stats
    WakeWord wakes[NODES_MAX]  # of processes, by the index of their first node
    NodeStats nodes[NODES_MAX]
    StrategyStats strategies[STRATEGIES_MAX]
    EdgeStats edges[EDGES_MAX]
    LatencyStats latencies[LATENCIES_MAX]
    InstrumentStats instruments[INSTRUMENTS_MAX]  # of these, as many as the run has are there


cdef class Control:
    cdef readonly Segment segment
    cdef ControlPage *page
