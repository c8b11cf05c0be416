"""State of the signal node. What it does is in signal_node.pyx."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hft.core.control cimport STRATEGIES_MAX, ControlPage, NodeStats, StrategyStats
from hft.core.edges cimport InEdge, OutEdge
from hft.core.features cimport Features
from hft.core.fusion cimport Fusion, Opinions
from hft.core.histogram cimport Histogram
from hft.core.journal cimport Journal
from hft.core.outbox cimport Outbox
from hft.core.pending cimport Pending
from hft.core.profile cimport Profile
from hft.core.sources cimport Sources
from hft.core.strategy cimport Desk, StrategyCalls


# A strategy's place at the desk; its index is the account.
cdef struct Place:
    StrategyCalls calls
    StrategyStats *stats
    int64_t timer_ts_ns  # when it wants to be called; INT64_MAX: never
    bint python


cdef struct SignalNode:
    InEdge data
    InEdge refusals
    OutEdge intents
    Desk desk
    Place places[STRATEGIES_MAX]
    uint32_t place_count
    uint64_t intents_before  # of the desk, when the strategy at work was called
    int64_t timer_ts_ns  # the first of the places' timers
    # What strategies in Python have yet to be called with, and which kinds they want.
    Pending pending
    bint python_due  # it is to be called with them now
    bint has_python
    bint python_wants_books
    bint python_wants_trades
    Outbox held  # refusals that wait for the next round, in simulated time
    Features *features
    uint32_t instrument_count
    Fusion fusion
    Opinions *opinions
    Sources *sources
    int64_t interval_ns  # at which the built-in sources speak
    Outbox decided  # decisions with their inputs, to be journaled
    uint32_t journaled  # of these
    Journal *journal  # NULL without fusion
    Profile profile
    Histogram *tick_to_intent
    ControlPage *page
    NodeStats *stats
    uint64_t progress  # promised so far
    bint simulated
    bint mid_round
    bint in_order  # the intents of the round are sorted by time
    bint ended
