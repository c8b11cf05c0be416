"""The host clock: what is not read often, and for Python."""

from libc.stdint cimport INT64_MAX, int64_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from hft.core.atomics cimport (
    cpu_pause,
    fence_acquire,
    fence_release,
    load_acquire,
    load_relaxed,
    store_release,
)

__all__ = ["FRACTION_BITS", "ClockSource", "RunClock", "bracket", "now_ns"]

cdef enum:
    READS_MAX = 8
    SPINS = 4096  # between looks at the time

FRACTION_BITS = CLOCK_FRACTION_BITS

cdef RunClock used = None  # keeps the page of `clock_page` mapped


cdef int64_t monotonic_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1_000_000_000 + now.tv_nsec


cdef int64_t read_carefully(const ClockPage *page) noexcept nogil:
    """The clock of a page also where a line has no slope, or changes meanwhile; on any CPU."""
    cdef ClockLine line
    cdef uint64_t ticks, version
    cdef int _read
    for _read in range(READS_MAX):
        version = load_acquire(&page.version)
        line = page.lines[version % CLOCK_LINES]
        ticks = tsc_ticks() if line.ns_per_tick else 0
        if ticks < line.base_ticks:
            line = page.lines[(version - 1) % CLOCK_LINES]
        fence_acquire()
        if load_relaxed(&page.version) != version:
            continue
        if line.ns_per_tick == 0:
            return monotonic_ns() + line.base_ns
        if ticks >= line.base_ticks:
            return line.base_ns + scale(ticks - line.base_ticks, line.ns_per_tick)
    # The TSC has gone far back, as when a host was suspended, and launch does not know it yet.
    return monotonic_ns()


def now_ns():
    """Nanoseconds of the host clock."""
    return host_now_ns()


def bracket(int tries):
    """CLOCK_MONOTONIC between two readings of the TSC: (ticks before, ns, ticks after).

    Of so many tries it is that whose readings lie closest together: it was not interrupted.
    Only for a CPU that has the TSC.
    """
    cdef uint64_t before, after, best_before = 0, best_after = 0
    cdef int64_t ts_ns, best_ns = 0
    cdef int number
    for number in range(tries):
        before = tsc_ticks()
        ts_ns = monotonic_ns()
        after = tsc_ticks()
        if number == 0 or after - before < best_after - best_before:
            best_before, best_ns, best_after = before, ts_ns, after
    return best_before, best_ns, best_after


cdef void add_line(ClockPage *page, const ClockLine *line) noexcept nogil:
    cdef uint64_t version = page.version + 1
    fence_release()  # who sees a part of this line must see the version before
    page.lines[version % CLOCK_LINES] = line[0]
    store_release(&page.version, version)


cdef class RunClock:
    """The clock of a run, on its page; Control.clock makes it."""

    def __init__(self):
        raise TypeError("use Control.clock")

    @staticmethod
    cdef RunClock of(ClockPage *page, object owner):
        """Of a page that is there as long as its owner is."""
        cdef RunClock self = RunClock.__new__(RunClock)
        self.page = page
        self.owner = owner
        return self

    def now_ns(self):
        """What the run's processes read."""
        return read_carefully(self.page)

    def use(self):
        """Make it the clock of this process, for good."""
        global clock_page, used
        if self.newest[2]:  # else it is CLOCK_MONOTONIC, which is faster without the page
            used = self
            clock_page = self.page

    @property
    def newest(self):
        """The newest line: (base_ticks, base_ns, ns_per_tick)."""
        cdef ClockLine line = self.page.lines[load_acquire(&self.page.version) % CLOCK_LINES]
        return line.base_ticks, line.base_ns, line.ns_per_tick

    def publish(self, uint64_t base_ticks, int64_t base_ns, uint64_t ns_per_tick,
                uint64_t ahead_ticks):
        """Add a line, if it begins at least so many ticks from now: whether it does.

        Only one process may do so. A line that began in the past would change times that were
        read already. With `ahead_ticks` 0 it may begin at any time: for the first one.
        """
        cdef ClockLine line
        line.base_ticks, line.base_ns, line.ns_per_tick = base_ticks, base_ns, ns_per_tick
        if ahead_ticks and base_ticks < tsc_ticks() + ahead_ticks:
            return False
        add_line(self.page, &line)
        return True

    def compare(self, int tries):
        """CLOCK_MONOTONIC between two readings of the clock: (ns before, ns, ns after).

        Of so many tries it is that whose readings lie closest together: it was not interrupted.
        """
        cdef int64_t before_ns, ts_ns, after_ns, best_before_ns = 0, best_ns = 0, best_after_ns = 0
        cdef int number
        for number in range(tries):
            before_ns = read_carefully(self.page)
            ts_ns = monotonic_ns()
            after_ns = read_carefully(self.page)
            if number == 0 or after_ns - before_ns < best_after_ns - best_before_ns:
                best_before_ns, best_ns, best_after_ns = before_ns, ts_ns, after_ns
        return best_before_ns, best_ns, best_after_ns

    def fall_back(self, int tries):
        """Be CLOCK_MONOTONIC from now on; by how many ns ahead of that, so as not to go back."""
        cdef ClockLine line
        _, ts_ns, now_ns = self.compare(tries)
        line.base_ticks = line.ns_per_tick = 0
        line.base_ns = max(0, now_ns - ts_ns)
        add_line(self.page, &line)
        return line.base_ns

    def hand_over(self, uint64_t[::1] words, bint second, uint64_t rounds, int64_t within_ns):
        """Hand a stamp of this clock to and fro between two threads: (times taken, least ns).

        The latter is the least by which a stamp was later than the one that caused it: below 0,
        time went back from one core to the other. `words` are two that both threads see, 0 at
        first; one of them is `second`. It ends after so many rounds, or after so long.
        """
        cdef uint64_t *turn = &words[0]
        cdef int64_t *stamp = <int64_t *>&words[1]
        cdef uint64_t mine = second
        cdef uint64_t taken = 0, spins = 0
        cdef int64_t least_ns = INT64_MAX
        cdef int64_t now_ns, end_ns = monotonic_ns() + within_ns
        with nogil:
            while taken < rounds:
                while load_acquire(turn) != mine:
                    spins += 1
                    if spins % SPINS == 0 and monotonic_ns() > end_ns:
                        break
                    cpu_pause()
                if load_acquire(turn) != mine:
                    break
                now_ns = read_clock(self.page)
                if mine > 0 and now_ns - stamp[0] < least_ns:
                    least_ns = now_ns - stamp[0]
                stamp[0] = now_ns
                store_release(turn, mine + 1)
                mine += 2
                taken += 1
        return taken, least_ns
