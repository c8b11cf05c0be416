"""State of the engine node. What it does is in engine_node.pyx."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hft.core.control cimport ControlPage, NodeStats
from hft.core.edges cimport InEdge, OutEdge
from hft.core.journal cimport Journal
from hft.core.latency cimport OrderDelay
from hft.core.matching cimport Engine
from hft.core.outbox cimport Outbox
from hft.core.profile cimport Profile

# The engine's outputs, in the order in which its rings are given.
cdef enum:
    ROUTE_MARKET_DATA = 0  # to signal
    ROUTE_REPORTS = 1  # to risk
    ROUTE_RECORDS = 2  # to the recorder
    ROUTE_TAPE = 3  # to whoever watches
    ROUTES = 4
    CHANGED_WORDS = 64


cdef struct Route:
    OutEdge edge
    bint drops
    int64_t said_ts_ns  # the time that the ring's reader knows
    int64_t due_ts_ns  # the time of what comes next in the outbox


cdef struct EngineNode:
    InEdge flow
    InEdge orders
    Route routes[ROUTES]
    Outbox out
    Engine *engine
    Journal *journal
    OrderDelay delay
    ControlPage *page
    NodeStats *stats
    double delay_scale  # host ns per market ns, in real time
    bint simulated
    int64_t event_ts_ns  # the node's time
    int64_t told_ts_ns  # of these, what the outbox was told last
    uint64_t rounds  # closed so far
    uint64_t answered  # of these, rounds whose consequences are all here
    bint round_open
    int64_t round_end_ts_ns
    uint64_t round_outputs
    uint32_t round_routes  # that it has taken
    bint flow_ended
    bint end_told
    bint records_ended
    bint finished
    Profile profile
    int64_t view_ts_ns
    uint64_t view_steps
    uint64_t changed[CHANGED_WORDS]  # a bit per instrument whose view is out of date
    uint32_t view_word  # of these, where the next one to be shown is looked for
