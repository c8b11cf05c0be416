"""The host clock: nanoseconds on the scale of CLOCK_MONOTONIC, the same in every process of a run.

Only the agents' outer shell reads it, to stamp, to pace and to measure. What a node decides depends
on the times in its messages.

In a run it is the CPU's time stamp counter (TSC), turned into nanoseconds by lines that `launch`
publishes on a shared page (hft/runtime/clock.py chooses them): from `base_ticks` on, ns = base_ns
+ ((ticks - base_ticks) * ns_per_tick >> 60). A line is published before it begins, and begins
where the one before it has come to, so all processes read one unbroken function of the TSC. A line
without a slope says that the TSC can't be used: then, as in a process that uses no page, it is
CLOCK_MONOTONIC (plus `base_ns`, so that it never went back).
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from hft.core.atomics cimport fence_acquire, load_acquire, load_relaxed
from hft.core.hints cimport unlikely

cdef extern from *:
    """
    #if defined(__x86_64__)
    /* RDTSC may run before earlier loads have their values (Intel SDM, vol. 2B): it would stamp a
     * message before it came, and between two cores that hand one over every 20,000th stamp was
     * up to 85 ns older than the one that caused it. RDTSCP waits for earlier instructions to have
     * run and for earlier loads to be globally visible; nothing more is needed, since a stamp
     * can't be stored before it is known. */
    static inline uint64_t hft_ticks(void)
    {
        uint32_t low, high;
        __asm__ volatile("rdtscp" : "=a"(low), "=d"(high) : : "rcx", "memory");
        return (uint64_t)high << 32 | low;
    }
    #else
    #define hft_ticks() 0
    #endif
    #define hft_scale(ticks, ns_per_tick) \\
        ((int64_t)((unsigned __int128)(ticks) * (ns_per_tick) >> 60))
    """
    uint64_t tsc_ticks "hft_ticks"() noexcept nogil
    int64_t scale "hft_scale"(uint64_t ticks, uint64_t ns_per_tick) noexcept nogil

cdef enum:
    CLOCK_FRACTION_BITS = 60  # of ns_per_tick, which is below 16: TSCs from 63 MHz on
    CLOCK_LINES = 4  # the newest, the one before it, and what a slow reader may still look at


cpdef enum ClockSource:
    CLOCK_MONOTONIC_SOURCE = 0
    CLOCK_TSC = 1


cdef struct ClockLine:
    uint64_t base_ticks
    int64_t base_ns
    uint64_t ns_per_tick  # times 2^60; 0: the TSC can't be used
    uint64_t reserved


# What readers need; launch writes it.
cdef struct ClockPage:
    uint64_t version  # the newest line is lines[version % CLOCK_LINES]
    uint64_t reserved[7]
    ClockLine lines[CLOCK_LINES]


# What launch shows of it.
cdef struct ClockStats:
    uint32_t source  # ClockSource
    uint32_t configured  # 1: it was asked to be CLOCK_MONOTONIC
    double ghz  # of the TSC
    int64_t error_ns  # CLOCK_MONOTONIC less the clock, when last compared
    int64_t worst_error_ns  # the largest of them
    int64_t bracket_ns  # how far apart the readings of the TSC were that the last one was between
    uint64_t corrections
    uint64_t unusable  # comparisons whose readings were too far apart
    int64_t offset_ns  # of the clock from CLOCK_MONOTONIC, when that has taken over
    uint8_t notice[192]  # why it is not the TSC


cdef ClockPage *clock_page  # of this process; NULL: CLOCK_MONOTONIC

cdef int64_t monotonic_ns() noexcept nogil
cdef int64_t read_carefully(const ClockPage *page) noexcept nogil


cdef inline int64_t read_clock(const ClockPage *page) noexcept nogil:
    # The ticks first: a line that begins before them was published long ago.
    cdef uint64_t ticks = tsc_ticks()
    cdef uint64_t version = load_acquire(&page.version)
    cdef const ClockLine *line = &page.lines[version % CLOCK_LINES]
    if ticks < line.base_ticks:
        line = &page.lines[(version - 1) % CLOCK_LINES]
    cdef uint64_t ns_per_tick = line.ns_per_tick
    cdef uint64_t base_ticks = line.base_ticks
    cdef int64_t ts_ns = line.base_ns + scale(ticks - base_ticks, ns_per_tick)
    fence_acquire()
    if unlikely(
        load_relaxed(&page.version) != version or ns_per_tick == 0 or ticks < base_ticks
    ):
        return read_carefully(page)
    return ts_ns


cdef inline int64_t host_now_ns() noexcept nogil:
    cdef const ClockPage *page = clock_page
    if page == NULL:
        return monotonic_ns()
    return read_clock(page)


cdef class RunClock:
    cdef ClockPage *page
    cdef object owner

    @staticmethod
    cdef RunClock of(ClockPage *page, object owner)
