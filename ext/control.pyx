"""The control page for Python: one structured record over the shared memory."""

import numpy as np

from libc.stdint cimport uint32_t, uint64_t

from hft.core.atomics cimport load_acquire, store_release
from hft.core.clock cimport ClockPage, ClockStats, RunClock, host_now_ns, read_carefully
from hft.core.segment cimport SEGMENT_CONTROL, SegmentHeader
from hft.core.static_assert cimport static_assert
from hft.core.wake cimport wake

from hft.core.segment import Segment as NamedSegment
from hft.errors import AttachError

__all__ = [
    "EDGES_MAX", "INSTRUMENTS_MAX", "LATENCIES_MAX", "NODES_MAX", "STRATEGIES_MAX", "VIEW_LEVELS",
    "VIEW_OWN_ORDERS", "Control", "Counter", "IdleStrategy", "LatencyKind", "LatencyPath",
    "NodeState", "StopWord", "StrategyState", "page_dtype",
]

# Parts with different writers share no cache line.
static_assert(sizeof(ClockPage) % 64 == 0)
static_assert(sizeof(ClockStats) % 64 == 0)
static_assert(sizeof(NodeStats) % 64 == 0)
static_assert(sizeof(WakeWord) == 128)
static_assert(sizeof(StrategyStats) % 64 == 0)
static_assert(sizeof(EdgeStats) % 64 == 0)
static_assert(sizeof(InstrumentStats) % 64 == 0)
static_assert(sizeof(LatencyStats) % 64 == 0)
static_assert(sizeof(ControlPage) % 64 == 0)
static_assert(VIEW_WORDS == VIEW_LEVELS * LEVEL_WORDS)
static_assert(OWN_WORDS == VIEW_OWN_ORDERS * OWN_ORDER_WORDS)

cdef SegmentHeader _segment
cdef ClockStats _clock
cdef NodeStats _node
cdef StrategyStats _strategy
cdef EdgeStats _edge
cdef InstrumentStats _instrument
cdef LatencyStats _latency
cdef ControlPage _page  # never touched: it only says where fields are

SEGMENT = np.asarray(<SegmentHeader[:1]>&_segment).dtype
CLOCK = np.asarray(<ClockStats[:1]>&_clock).dtype
NODE = np.asarray(<NodeStats[:1]>&_node).dtype
STRATEGY = np.asarray(<StrategyStats[:1]>&_strategy).dtype
EDGE = np.asarray(<EdgeStats[:1]>&_edge).dtype
INSTRUMENT = np.asarray(<InstrumentStats[:1]>&_instrument).dtype
LATENCY = np.asarray(<LatencyStats[:1]>&_latency).dtype


cdef size_t place(const void *field) noexcept:
    return <const char *>field - <const char *>&_page


cdef size_t page_bytes(size_t instruments) noexcept:
    return place(&_page.instruments) + instruments * sizeof(InstrumentStats)


def page_dtype(instruments):
    """The dtype of a page; Cython can't derive one with arrays of structs in it."""
    fields = [
        ("segment", SEGMENT, place(&_page.segment)),
        ("instance", "S64", place(&_page.instance)),
        ("started_ts_ns", np.int64, place(&_page.started_ts_ns)),
        ("started_wall_ns", np.int64, place(&_page.started_wall_ns)),
        ("node_count", np.uint32, place(&_page.node_count)),
        ("edge_count", np.uint32, place(&_page.edge_count)),
        ("instrument_count", np.uint32, place(&_page.instrument_count)),
        ("simulated_time", np.uint32, place(&_page.simulated_time)),
        ("speed_milli", np.uint64, place(&_page.speed_milli)),
        ("seed", np.uint64, place(&_page.seed)),
        ("strategy_count", np.uint32, place(&_page.strategy_count)),
        ("latency_count", np.uint32, place(&_page.latency_count)),
        ("locked", np.uint64, place(&_page.locked)),
        ("numa_nodes", np.uint64, place(&_page.numa_nodes)),
        ("stop", np.uint64, place(&_page.stop)),
        ("kill", np.uint64, place(&_page.kill)),
        ("clock", CLOCK, place(&_page.clock_stats)),
        ("nodes", (NODE, NODES_MAX), place(&_page.nodes)),
        ("strategies", (STRATEGY, STRATEGIES_MAX), place(&_page.strategies)),
        ("edges", (EDGE, EDGES_MAX), place(&_page.edges)),
        ("latencies", (LATENCY, LATENCIES_MAX), place(&_page.latencies)),
        ("instruments", (INSTRUMENT, (instruments,)), place(&_page.instruments)),
    ]
    names, formats, offsets = zip(*fields, strict=True)
    return np.dtype({
        "names": names, "formats": formats, "offsets": offsets, "itemsize": page_bytes(instruments)
    })


cdef class Control:
    """The control page of a run; `record` is a zero-copy NumPy record of all its fields."""

    def __init__(self):
        raise TypeError("use Control.create or Control.attach")

    @staticmethod
    def create(str name, uint64_t run_id, str pages="auto", uint32_t instruments=1):
        """Make the page of a new run of so many instruments, at most INSTRUMENTS_MAX."""
        cdef Control self = Control.__new__(Control)
        if instruments > INSTRUMENTS_MAX:
            raise ValueError(f"instruments must be at most {INSTRUMENTS_MAX}, was {instruments}")
        size_bytes = (page_bytes(instruments) + 4095) // 4096 * 4096
        self.segment = NamedSegment.create(name, size_bytes, SEGMENT_CONTROL, run_id, pages)
        self.page = <ControlPage *>self.segment.address
        self.page.instrument_count = instruments
        self.page.started_ts_ns = host_now_ns()
        return self

    @staticmethod
    def attach(str name, bint writable=True):
        """Map the page of a running system; AttachError if there is none."""
        cdef Control self = Control.__new__(Control)
        self.segment = NamedSegment.attach(name, SEGMENT_CONTROL, writable)
        self.page = <ControlPage *>self.segment.address
        if self.segment.size_bytes < page_bytes(0):
            raise AttachError(
                f"segment {name}: size_bytes must be at least {page_bytes(0)}, "
                f"was {self.segment.size_bytes}"
            )
        return self

    def wake_all(self):
        """Have every process look at the words of the page now, also one that waits."""
        cdef int index
        for index in range(NODES_MAX):
            wake(&self.page.wakes[index])

    @property
    def record(self):
        """The page as a one-element structured array's record: names as in control.pxd.

        Its `instruments` are as many as there is room for; the run has `instrument_count`.
        """
        room = (self.segment.size_bytes - page_bytes(0)) // sizeof(InstrumentStats)
        return np.frombuffer(self.segment, page_dtype(room), 1)[0]

    @property
    def run_id(self):
        return self.page.segment.run_id

    @property
    def clock(self):
        """The run's clock."""
        return RunClock.of(&self.page.clock, self.segment)

    @property
    def stop(self):
        """The stop word."""
        return StopWord(load_acquire(&self.page.stop))

    @stop.setter
    def stop(self, value):
        store_release(&self.page.stop, <uint64_t>int(value))
        self.wake_all()

    def engage_kill_switch(self):
        """Stop all trading: the risk gate refuses every order from now on."""
        if load_acquire(&self.page.kill) == 0:
            store_release(&self.page.kill, <uint64_t>read_carefully(&self.page.clock))
        self.wake_all()

    @property
    def killed(self):
        """Whether the kill switch is engaged."""
        return load_acquire(&self.page.kill) != 0
