"""The run's clock, as launch keeps it: whether the TSC can be it, and what it is in nanoseconds.

launch compares the TSC with CLOCK_MONOTONIC and publishes lines from ticks to nanoseconds
(ext/clock.pxd), each some milliseconds before it begins and from where the one before it has
come to: the clock is never set, only made slower or faster. If launch is late, the last line holds.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hft.core.clock import FRACTION_BITS, ClockSource, RunClock, bracket
from hft.core.control import Control
from hft.runtime.page import set_text

__all__ = ["Line", "Sample", "Steering", "Timekeeper", "mistrust"]

CPUINFO = Path("/proc/cpuinfo")
CLOCKSOURCES = Path("/sys/devices/system/clocksource/clocksource0/available_clocksource")
FLAGS = ("tsc", "rdtscp", "constant_tsc", "nonstop_tsc")  # the last two: CPUID 80000007h, EDX 8

TRIES = 32  # readings of which the least disturbed counts
WIDTH_MAX_NS = 1_000  # of a reading; what lies further apart says too little
CALIBRATE_NS = 20_000_000
EVERY_NS = 40_000_000  # between corrections
LEAD_NS = 10_000_000  # from a comparison to the beginning of its line
SETTLE_NS = 250_000_000  # in which an error would be gone
WINDOW = 8  # comparisons that the TSC's rate is measured over
SLEW_MAX_PPM = 500  # faster or slower than that rate, to make up for an error
RATE_MAX_PPM = 1_000  # how far that may be from what it was at first
JUMP_NS = 1_000_000  # an error that is no drift, and what is added to it for the time between
JUMP_PPM = 1_000

ROUNDS, ROUNDS_MIN = 1_000, 10  # of a stamp between two cores
HAND_OVER_NS = 20_000_000

log = logging.getLogger("hft.launch")


class Sample(NamedTuple):
    """CLOCK_MONOTONIC at a reading of the TSC, which may be off by half the width."""

    ticks: int
    ts_ns: int
    width_ticks: int


class Line(NamedTuple):
    """From `base_ticks` on, a nanosecond is 2^60 / `ns_per_tick` ticks."""

    base_ticks: int
    base_ns: int
    ns_per_tick: int  # times 2^FRACTION_BITS

    def at(self, ticks: int) -> int:
        """The clock at these ticks."""
        return self.base_ns + ((ticks - self.base_ticks) * self.ns_per_tick >> FRACTION_BITS)


def sample() -> Sample:
    before, ts_ns, after = bracket(TRIES)
    return Sample((before + after) // 2, ts_ns, after - before)


def rate(first: Sample, last: Sample) -> int:
    """How long a tick of the TSC was between two readings, times 2^FRACTION_BITS."""
    return (last.ts_ns - first.ts_ns << FRACTION_BITS) // (last.ticks - first.ticks)


def clamp(value: int, middle: int, ppm: int) -> int:
    most = middle * ppm // 10**6
    return max(middle - most, min(middle + most, value))


class Steering:
    """The lines that follow from comparisons, by integers alone.

    Attributes:
        newest, before: the last two lines.
        error_ns: CLOCK_MONOTONIC less the clock at the last comparison.
    """

    def __init__(self, first: Sample, second: Sample) -> None:
        self.first_rate = rate(first, second)
        self.samples = deque((first, second), WINDOW)
        self.newest = self.before = Line(second.ticks, second.ts_ns, self.first_rate)
        self.error_ns = 0

    def at(self, ticks: int) -> int:
        """The clock, at ticks since the beginning of the line before the newest."""
        return (self.newest if ticks >= self.newest.base_ticks else self.before).at(ticks)

    def ticks(self, ns: int) -> int:
        return (ns << FRACTION_BITS) // self.first_rate

    def width_ns(self, sample: Sample) -> int:
        return sample.width_ticks * self.first_rate >> FRACTION_BITS

    def is_jump(self, sample: Sample) -> bool:
        """Whether the TSC can't have come here by running on; sets `error_ns`."""
        last = self.samples[-1]
        self.error_ns = sample.ts_ns - self.at(sample.ticks)
        if sample.ticks <= last.ticks or sample.ts_ns <= last.ts_ns:
            return True
        most_ns = JUMP_NS + (sample.ts_ns - last.ts_ns) * JUMP_PPM // 10**6
        return abs(self.error_ns) > most_ns

    def is_due(self, ticks: int) -> bool:
        return not 0 <= ticks - self.samples[-1].ticks < self.ticks(EVERY_NS)

    def line(self, sample: Sample) -> Line:
        """The line that takes the error away, LEAD_NS from the comparison on."""
        interval_ns = sample.ts_ns - self.samples[-1].ts_ns
        self.samples.append(sample)
        now_rate = clamp(rate(self.samples[0], sample), self.first_rate, RATE_MAX_PPM)
        lead_ticks = self.ticks(LEAD_NS)
        base_ticks = sample.ticks + lead_ticks
        base_ns = self.at(base_ticks)
        error_ns = sample.ts_ns + (lead_ticks * now_rate >> FRACTION_BITS) - base_ns
        # If comparisons are far between, more would overshoot.
        settle_ticks = self.ticks(max(SETTLE_NS, 2 * interval_ns))
        wanted = now_rate + (error_ns << FRACTION_BITS) // settle_ticks
        return Line(base_ticks, base_ns, clamp(wanted, now_rate, SLEW_MAX_PPM))

    def take(self, line: Line) -> None:
        """It is published."""
        self.before, self.newest = self.newest, line


def mistrust(cpuinfo: Path = CPUINFO, clocksources: Path = CLOCKSOURCES) -> str | None:
    """Why the TSC of this host can't be a clock, or None.

    The kernel watches it and takes it out of its list when it finds it unstable, or apart on
    different sockets.
    """
    flags = [
        set(line.partition(":")[2].split())
        for line in cpuinfo.read_text().splitlines()
        if line.startswith("flags")
    ]
    missing = [flag for flag in FLAGS if not flags or not all(flag in one for one in flags)]
    if "tsc" in missing:
        return "this CPU has no TSC"
    if missing:
        return f"the CPU's TSC is not invariant: it lacks {', '.join(missing)}"
    try:
        known = clocksources.read_text().split()
    except FileNotFoundError:
        return f"the kernel does not vouch for the TSC: there is no {clocksources}"
    if "tsc" not in known:
        return f"the kernel does not trust the TSC: it offers {', '.join(known)}"
    return None


def apart(clock: RunClock, cores: Iterable[int]) -> str | None:
    """What is wrong if time goes back from one of the cores to another, or None."""
    home, *others = sorted(set(cores)) or [0]
    for other in others:
        least_ns = hand_over(clock, home, other)
        if least_ns is None:
            log.info(f"cores {home} and {other} are too busy to compare their TSCs")
        elif least_ns < 0:
            return f"the TSCs of cores {home} and {other} are at least {-least_ns} ns apart"
    return None


def hand_over(clock: RunClock, home: int, other: int) -> int | None:
    """The least by which a stamp was later than its cause on the other core; None: not known."""
    words = np.zeros(2, np.uint64)
    found: list[tuple[int, int]] = []

    def work(core: int, second: bool) -> None:
        os.sched_setaffinity(0, {core})  # of this thread
        found.append(clock.hand_over(words, second, ROUNDS, HAND_OVER_NS))

    threads = [threading.Thread(target=work, args=(core, core != home)) for core in (home, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(found) < 2 or min(taken for taken, _ in found) < ROUNDS_MIN:
        return None
    return min(least_ns for _, least_ns in found)


class Timekeeper:
    """launch's part in the clock of a run: the one writer of its page.

    Attributes:
        notice: why the clock is not the TSC, or None.
    """

    def __init__(self, control: Control, configured: str, cores: Iterable[int]) -> None:
        """Calibrate the clock of a new run, whose processes are not there yet."""
        self.clock = control.clock
        self.row = control.record["clock"]
        self.steering: Steering | None = None
        self.notice: str | None = None
        if configured == "monotonic":
            self.row["configured"] = 1
            return
        problem = mistrust() or self.calibrate() or apart(self.clock, cores)
        if problem is not None:
            self.fall_back(problem)

    def calibrate(self) -> str | None:
        """Publish the first line, or say why not."""
        first = sample()
        time.sleep(CALIBRATE_NS / 1e9)
        second = sample()
        steering = Steering(first, second)
        width_ns = max(map(steering.width_ns, (first, second)))
        if width_ns > WIDTH_MAX_NS:
            return f"CLOCK_MONOTONIC takes {width_ns} ns to read, too long to compare it"
        if not 0 < steering.first_rate < 16 << FRACTION_BITS:
            return "the TSC does not run"
        self.clock.publish(*steering.newest, 0)
        self.steering = steering
        self.row["source"] = ClockSource.CLOCK_TSC
        self.row["ghz"] = (1 << FRACTION_BITS) / steering.first_rate
        return None

    def correct(self) -> None:
        """Compare and correct, if it is time to."""
        steering = self.steering
        if steering is None:
            return
        now = sample()
        if not steering.is_due(now.ticks):
            return
        if steering.width_ns(now) > WIDTH_MAX_NS:
            self.row["unusable"] += 1
            return
        if steering.is_jump(now):
            self.fall_back(f"the TSC jumped: {steering.error_ns} ns lay between the two")
            log.warning(self.notice)
            return
        self.row["error_ns"] = steering.error_ns
        self.row["bracket_ns"] = steering.width_ns(now)
        if abs(steering.error_ns) > abs(self.row["worst_error_ns"]):
            self.row["worst_error_ns"] = steering.error_ns
        line = steering.line(now)
        # Half of the lead is left for what happens until all see it.
        if self.clock.publish(*line, steering.ticks(LEAD_NS // 2)):
            steering.take(line)
            self.row["corrections"] += 1

    def fall_back(self, problem: str) -> None:
        """CLOCK_MONOTONIC from now on, for the rest of the run."""
        if self.steering is not None:
            self.row["offset_ns"] = self.clock.fall_back(TRIES)
            self.steering = None
        self.row["source"] = ClockSource.CLOCK_MONOTONIC_SOURCE
        self.notice = f"clock: CLOCK_MONOTONIC, slower to read: {problem}"
        set_text(self.row["notice"], problem)
