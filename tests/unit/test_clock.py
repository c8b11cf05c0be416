"""The run's clock: its arithmetic, how it is steered, and what becomes of it where it can't be."""

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hft.core.clock import FRACTION_BITS, RunClock, bracket
from hft.core.control import Control
from hft.monitor import snapshot
from hft.runtime import clock as clock_module
from hft.runtime.clock import (
    JUMP_NS,
    LEAD_NS,
    RATE_MAX_PPM,
    SLEW_MAX_PPM,
    Line,
    Sample,
    Steering,
    Timekeeper,
    mistrust,
)
from hft.status import clock_line
from tests import pages

INSTANCE = f"test-clock-{os.getpid()}"
NEEDS_TSC = pytest.mark.skipif(mistrust() is not None, reason=mistrust() or "")
GHZ = 2.1
HALF_SECOND_NS = 500_000_000
TICK_NS = 1 << FRACTION_BITS  # a line's slope if a tick takes a nanosecond
GOOD = "flags\t\t: fpu tsc msr rdtscp constant_tsc nonstop_tsc"


@pytest.fixture(scope="module")
def control() -> Iterator[Control]:
    with pages.new_page(INSTANCE) as made:
        yield made


@pytest.fixture
def fresh() -> Iterator[Control]:
    with pages.new_page(f"{INSTANCE}-fresh") as made:
        yield made


# The arithmetic of readers


def test_without_a_line_it_is_the_kernels(fresh: Control) -> None:
    before_ns = time.monotonic_ns()
    now_ns = fresh.clock.now_ns()
    assert before_ns <= now_ns <= time.monotonic_ns()


@NEEDS_TSC
@given(
    age_ticks=st.integers(0, 2**58),
    base_ns=st.integers(-(2**61), 2**61),
    ns_per_tick=st.integers(1, 16 * TICK_NS - 1),
)
def test_a_reader_computes_what_python_does(
    control: Control, age_ticks: int, base_ns: int, ns_per_tick: int
) -> None:
    """To the nanosecond: by a product of 128 bits, rounded down."""
    base_ticks = max(0, bracket(1)[0] - age_ticks)
    clock = control.clock
    clock.publish(base_ticks, base_ns, ns_per_tick, 0)
    line = Line(*clock.newest)
    assert line == (base_ticks, base_ns, ns_per_tick)
    before, after = bracket(1)[0], 0
    now_ns = clock.now_ns()
    after = bracket(1)[2]
    assert line.at(before) <= now_ns <= line.at(after)


@NEEDS_TSC
def test_a_line_holds_from_its_beginning_on(fresh: Control) -> None:
    clock = fresh.clock
    now = bracket(1)[0]
    clock.publish(now, 0, TICK_NS, 0)
    begins = bracket(1)[2] + 200_000_000
    assert clock.publish(begins, 10**15, TICK_NS, 1_000_000)
    seen = []
    while bracket(1)[0] < begins:
        seen.append(clock.now_ns())
    assert all(0 < ns < 10**12 for ns in seen[:-1])
    assert seen[0] < 10**9
    assert 10**15 <= clock.now_ns() < 10**15 + 10**12


@NEEDS_TSC
def test_a_line_that_would_begin_too_soon_is_refused(fresh: Control) -> None:
    clock = fresh.clock
    now = bracket(1)[0]
    clock.publish(now, 0, TICK_NS, 0)
    assert not clock.publish(bracket(1)[2] + 1_000, 7, TICK_NS, 10**9)
    assert clock.newest == (now, 0, TICK_NS)
    assert clock.now_ns() < 10**12


@NEEDS_TSC
def test_a_tsc_that_has_gone_back_does_not_hold_readers_up(fresh: Control) -> None:
    """Until launch sees it they read CLOCK_MONOTONIC."""
    clock = fresh.clock
    for _ in range(2):
        clock.publish(2**62, 0, TICK_NS, 0)
    before_ns = time.monotonic_ns()
    assert before_ns <= clock.now_ns() <= time.monotonic_ns()


@NEEDS_TSC
def test_giving_up_the_tsc_never_goes_back(fresh: Control) -> None:
    """A clock that was ahead stays so; from then on it runs as CLOCK_MONOTONIC does."""
    clock = fresh.clock
    ahead_ns = 5 * 10**9
    before, ts_ns, _ = bracket(16)
    clock.publish(before, ts_ns + ahead_ns, round(TICK_NS / GHZ), 0)
    last_ns = clock.now_ns()
    offset_ns = clock.fall_back(16)
    assert clock.now_ns() >= last_ns
    assert abs(offset_ns - ahead_ns) < 10**9
    before_ns = time.monotonic_ns()
    now_ns = clock.now_ns() - offset_ns
    assert before_ns <= now_ns <= time.monotonic_ns()


@NEEDS_TSC
def test_a_clock_that_was_behind_joins_the_kernels(fresh: Control) -> None:
    before, ts_ns, _ = bracket(16)
    fresh.clock.publish(before, ts_ns - 5 * 10**9, round(TICK_NS / GHZ), 0)
    assert fresh.clock.fall_back(16) == 0


# Steering


class World:
    """A TSC whose rate wanders, and readings of it that are off by some noise."""

    def __init__(self, ghz: float) -> None:
        self.ticks, self.ts_ns = 10**15, 10**13
        self.ghz = ghz

    def wait(self, ns: int, ppm: float = 0.0) -> None:
        self.ts_ns += ns
        self.ticks += round(ns * self.ghz * (1 + ppm / 1e6))

    def sample(self, noise_ns: int = 0) -> Sample:
        return Sample(self.ticks, self.ts_ns + noise_ns, 100)

    def steering(self) -> Steering:
        first = self.sample()
        self.wait(20_000_000)
        return Steering(first, self.sample())


@given(
    st.floats(0.1, 6.0),
    st.lists(
        st.tuples(
            st.integers(40_000_000, 3 * 10**9),  # ns between comparisons
            st.floats(-300, 300),  # ppm that the TSC is off meanwhile
            st.integers(-300, 300),  # noise
            st.booleans(),  # whether launch was in time to publish
        ),
        max_size=40,
    ),
)
def test_lines_join_and_bend_a_little(
    ghz: float, steps: list[tuple[int, float, int, bool]]
) -> None:
    """The clock never goes back or leaps, however it is disturbed."""
    world = World(ghz)
    steering = world.steering()
    for wait_ns, ppm, noise_ns, in_time in steps:
        world.wait(wait_ns, ppm)
        sample = world.sample(noise_ns)
        if steering.is_jump(sample):
            return
        line = steering.line(sample)
        assert line.base_ticks > sample.ticks
        assert line.base_ns == steering.at(line.base_ticks)
        most = RATE_MAX_PPM + SLEW_MAX_PPM + 1
        assert abs(line.ns_per_tick / steering.first_rate - 1) * 1e6 <= most
        if in_time:
            steering.take(line)
            around = [line.base_ticks + off for off in (-(10**6), -1, 0, 1, 10**6)]
            times = [steering.at(ticks) for ticks in around]
            assert times == sorted(times)
            assert times[2] - times[1] <= 1 + line.ns_per_tick / TICK_NS * 2
            # From one reading to the next the clock moves as the ticks do.
            assert times[4] - times[0] == pytest.approx(2 * 10**6 / ghz, rel=0.005, abs=2)


@given(
    ppm=st.floats(-100, 100),
    every_ns=st.sampled_from([40_000_000, 50_000_000, 250_000_000, 10**9]),
    noise=st.lists(st.integers(-20, 20), min_size=60, max_size=60),
)
def test_a_steady_drift_is_gone_soon(ppm: float, every_ns: int, noise: list[int]) -> None:
    """Whatever the pace of comparisons, the error ends within that of the readings."""
    world = World(GHZ)
    steering = world.steering()
    for noise_ns in noise:
        world.wait(every_ns, ppm)
        assert not steering.is_jump(world.sample(noise_ns))
        steering.take(steering.line(world.sample(noise_ns)))
    world.wait(2 * LEAD_NS, ppm)
    assert abs(world.ts_ns - steering.at(world.ticks)) < 150


@given(st.integers(-300_000, 300_000))
def test_an_error_is_gone_in_about_a_second(error_ns: int) -> None:
    world = World(GHZ)
    steering = world.steering()
    world.ts_ns += error_ns  # the kernel's clock was moved
    least = abs(error_ns)
    for _ in range(60):
        world.wait(50_000_000)
        assert not steering.is_jump(world.sample())
        assert abs(steering.error_ns) <= least + 50  # no overshoot
        steering.take(steering.line(world.sample()))
    assert abs(steering.error_ns) <= max(50, abs(error_ns) // 100)


def test_a_launch_that_was_stopped_is_no_jump_and_a_leap_is() -> None:
    world = World(GHZ)
    steering = world.steering()
    world.wait(600 * 10**9, ppm=20)  # ten minutes, 12 ms of drift
    assert not steering.is_jump(world.sample())
    for leap_ns in (2 * JUMP_NS, -2 * JUMP_NS):
        other = world.steering()
        world.wait(50_000_000)
        sample = world.sample()
        assert not other.is_jump(sample)
        assert other.is_jump(sample._replace(ticks=sample.ticks + round(leap_ns * GHZ)))
        assert abs(abs(other.error_ns) - 2 * JUMP_NS) < 1_000


def test_ticks_that_went_back_are_a_jump_and_due() -> None:
    world = World(GHZ)
    steering = world.steering()
    back = world.sample()._replace(ticks=5, ts_ns=world.ts_ns + 50_000_000)
    assert steering.is_due(back.ticks)
    assert steering.is_jump(back)
    assert not steering.is_due(world.ticks + 1_000)


# Where the TSC can't be it


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host that has all that is needed."""
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{GOOD}\nprocessor\t: 1\n{GOOD} avx\n")
    (tmp_path / "clocksources").write_text("kvm-clock tsc acpi_pm \n")
    files = (tmp_path / "cpuinfo", tmp_path / "clocksources")
    monkeypatch.setattr(clock_module.mistrust, "__defaults__", files)
    return tmp_path


@pytest.mark.parametrize(
    ("cpuinfo", "clocksources", "problem"),
    [
        (None, None, None),
        (f"{GOOD}\nflags\t\t: tsc rdtscp constant_tsc\n", None, "is not invariant: it lacks nonst"),
        ("flags\t\t: tsc rdtscp\n", None, "it lacks constant_tsc, nonstop_tsc"),
        ("Features\t: fp asimd\n", None, "this CPU has no TSC"),
        (None, "hpet acpi_pm\n", "the kernel does not trust the TSC: it offers hpet, acpi_pm"),
    ],
)
def test_what_a_host_says_of_its_tsc(
    host: Path, cpuinfo: str | None, clocksources: str | None, problem: str | None
) -> None:
    for name, text in (("cpuinfo", cpuinfo), ("clocksources", clocksources)):
        if text is not None:
            (host / name).write_text(text)
    found = mistrust()
    assert found == problem or (found is not None and problem is not None and problem in found)


def test_a_kernel_that_says_nothing_is_not_taken_for_a_yes(host: Path) -> None:
    (host / "clocksources").unlink()
    assert "does not vouch for the TSC: there is no " in (mistrust() or "")


def test_a_degraded_clock_is_announced(host: Path, fresh: Control) -> None:
    (host / "cpuinfo").write_text("flags\t\t: tsc rdtscp\n")
    timekeeper = Timekeeper(fresh, "auto", {0})
    timekeeper.correct()
    problem = "the CPU's TSC is not invariant: it lacks constant_tsc, nonstop_tsc"
    assert timekeeper.notice == f"clock: CLOCK_MONOTONIC, slower to read: {problem}"
    shot = snapshot(fresh)
    assert (shot["clock"]["source"], shot["clock"]["notice"]) == ("monotonic", problem)
    assert shot["clock"]["ghz"] is None
    assert clock_line(shot).plain == f"clock CLOCK_MONOTONIC, slower to read: {problem}"
    assert clock_line(shot).style == "bold red"


def test_one_that_was_asked_for_is_not(host: Path, fresh: Control) -> None:
    timekeeper = Timekeeper(fresh, "monotonic", {0})
    timekeeper.correct()
    assert timekeeper.notice is None
    assert clock_line(snapshot(fresh)).plain == "clock CLOCK_MONOTONIC"


@NEEDS_TSC
def test_a_jump_is_noticed_told_and_survived(
    fresh: Control, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The clock goes over to the kernel's, on from where it was."""
    timekeeper = Timekeeper(fresh, "auto", ())
    assert timekeeper.notice is None
    shot = snapshot(fresh)
    assert shot["clock"]["source"] == "tsc"
    assert clock_line(shot).plain.startswith(f"clock TSC, {shot['clock']['ghz']:.6f} GHz, ")
    last_ns = fresh.clock.now_ns()
    time.sleep(0.05)
    true = clock_module.sample()
    leap = timekeeper.steering.ticks(3 * 10**9)
    monkeypatch.setattr(clock_module, "sample", lambda: true._replace(ticks=true.ticks + leap))
    with caplog.at_level(logging.WARNING):
        timekeeper.correct()
    assert "clock: CLOCK_MONOTONIC, slower to read: the TSC jumped" in caplog.text
    shot = snapshot(fresh)
    assert shot["clock"]["source"] == "monotonic"
    assert "the TSC jumped" in (shot["clock"]["notice"] or "")
    assert 0 <= shot["clock"]["offset_ns"] < 1_000_000
    assert fresh.clock.now_ns() > last_ns
    timekeeper.correct()  # no more
    assert caplog.text.count("jumped") == 1


@NEEDS_TSC
def test_readings_too_far_apart_do_not_count(
    fresh: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    timekeeper = Timekeeper(fresh, "auto", ())
    newest = fresh.clock.newest
    time.sleep(0.05)
    true = clock_module.sample()
    monkeypatch.setattr(clock_module, "sample", lambda: true._replace(width_ticks=10**6))
    timekeeper.correct()
    assert snapshot(fresh)["clock"]["unusable"] == 1
    assert fresh.clock.newest == newest


@pytest.mark.parametrize(("least_ns", "apart"), [(-40, True), (0, False), (None, False)])
def test_cores_whose_tscs_are_apart(
    fresh: Control, monkeypatch: pytest.MonkeyPatch, least_ns: int | None, apart: bool
) -> None:
    asked = []

    def hand_over(clock: RunClock, home: int, other: int) -> int | None:
        asked.append((home, other))
        return least_ns

    monkeypatch.setattr(clock_module, "hand_over", hand_over)
    problem = clock_module.apart(fresh.clock, {3, 1, 2})
    assert (problem is not None) == apart
    assert asked == ([(1, 2)] if apart else [(1, 2), (1, 3)])
    if problem is not None:
        assert problem == "the TSCs of cores 1 and 2 are at least 40 ns apart"
