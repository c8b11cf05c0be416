"""Comparisons: equal systems are rarely called different, a slower one is found."""

from fractions import Fraction

import numpy as np
import pytest

from hft.core.histogram import HISTOGRAM, NO_VALUE, record
from hft.latency.capture import Capture, Recording
from hft.latency.compare import INTERVALS_MIN, bounds, compare, student
from hft.latency.distribution import PERCENTILES, Distribution

VALUES = 20_000
PAIRS = 40
ROW = ("hop", "market_flow")


def distribution(values_ns: np.ndarray) -> Distribution:
    rows = np.zeros(1, HISTOGRAM)
    rows["min_ns"] = NO_VALUE
    record(rows, values_ns.astype(np.int64))
    return Distribution.of_record(rows[0])


def recording(values_ns: np.ndarray, intervals: int) -> Recording:
    parts = np.array_split(values_ns, intervals)
    captures = tuple(
        Capture(place * 10**9, (place + 1) * 10**9, {ROW: distribution(part)})
        for place, part in enumerate(parts)
    )
    whole = Capture(0, intervals * 10**9, {ROW: distribution(values_ns)})
    return Recording("hft", whole, captures if intervals > 1 else ())


def independent(rng: np.random.Generator) -> np.ndarray:
    return rng.lognormal(6, 0.5, VALUES)


def correlated(rng: np.random.Generator) -> np.ndarray:
    """Values that follow one another, each much like the last: an AR(1) process of 0.98."""
    noise = rng.normal(size=VALUES) * np.sqrt(1 - 0.98**2)
    state, found = rng.normal(), []
    for each in noise.tolist():
        state = 0.98 * state + each
        found.append(state)
    return np.exp(6 + 0.5 * np.array(found))


def drifting(rng: np.random.Generator) -> np.ndarray:
    """A machine that is a tenth faster or slower from second to second."""
    return independent(rng) * np.repeat(np.exp(0.1 * rng.normal(size=40)), VALUES // 40)


def moved(before: Recording, after: Recording) -> dict[str, int]:
    return {each.percentile: each.moved for each in compare(before, after)}


@pytest.mark.parametrize(
    ("draw", "intervals"), [(independent, 1), (independent, 40), (correlated, 40), (drifting, 40)]
)
def test_equal_systems_are_rarely_different(draw, intervals) -> None:
    """In forty pairs no alarm is expected, of one in a hundred that is allowed; two are not."""
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(PAIRS):
        pair = [recording(draw(rng), intervals) for _ in range(2)]
        alarms += any(moved(*pair).values())
    assert alarms <= 1


@pytest.mark.parametrize(
    ("draw", "intervals", "found"),
    [
        (independent, 1, ("p50", "p90", "p99")),
        (independent, 40, ("p50", "p90", "p99")),
        (drifting, 40, ("p50", "p90")),
    ],
)
def test_a_fifth_slower_is_found(draw, intervals, found) -> None:
    """Up is 1, down is -1, in whatever order they are compared."""
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(PAIRS):
        before, after = recording(draw(rng), intervals), recording(1.2 * draw(rng), intervals)
        forth, back = moved(before, after), moved(after, before)
        assert {name: -value for name, value in back.items()} == forth
        assert min(forth.values()) >= 0
        hits += all(forth[name] == 1 for name in found)
    assert hits >= 0.9 * PAIRS


def test_without_intervals_correlation_is_not_seen() -> None:
    """Why the command warns then: the same recordings, with and without their intervals."""
    rng = np.random.default_rng(5)
    alarms = {1: 0, 40: 0}
    for _ in range(PAIRS // 2):
        pair = [correlated(rng) for _ in range(2)]
        for intervals in alarms:
            alarms[intervals] += any(moved(*(recording(each, intervals) for each in pair)).values())
    assert alarms[1] > PAIRS // 4
    assert alarms[40] <= 1


@pytest.mark.parametrize("share", [Fraction(1, 2), Fraction(99, 100), Fraction(999, 1000)])
def test_an_interval_covers_the_true_quantile(share: Fraction) -> None:
    """As often as it says: 95 % and more, as buckets have a width."""
    rng = np.random.default_rng(6)
    true = np.quantile(rng.lognormal(6, 0.5, 4_000_000), float(share))
    covered = 0
    for _ in range(200):
        found = bounds(distribution(rng.lognormal(6, 0.5, 5_000)), share, 0.025)
        covered += found.low_ns <= true and (found.high_ns is None or true <= found.high_ns)
    assert covered >= 185


def test_too_few_values_have_no_upper_bound() -> None:
    """The largest of a hundred says nothing about how large p99 can be."""
    found = bounds(distribution(np.arange(1, 101)), PERCENTILES["p99"], 0.001)
    assert found.high_ns is None


def test_only_what_both_know_is_compared() -> None:
    few = recording(np.arange(1, 50), 1)
    many = recording(np.arange(1, 5_000), 1)
    assert [each.percentile for each in compare(few, many)] == ["p50", "p90"]
    other = Recording("hft", Capture(0, 1, {("hop", "orders"): distribution(np.arange(99))}))
    assert compare(few, other) == []


@pytest.mark.parametrize(
    ("level", "freedom", "expected"),
    [(0.975, 7, 2.3646), (0.995, 10, 3.1693), (0.9995, 20, 3.8495), (0.99995, 39, 4.3207)],
)
def test_students_t(level: float, freedom: int, expected: float) -> None:
    """Of tables; the expansion is the worse the fewer intervals there are."""
    assert freedom >= INTERVALS_MIN - 1
    assert student(level, freedom) == pytest.approx(expected, rel=0.01)


def test_one_stall_is_one_event() -> None:
    """However many messages it held up: it says little of what the next run's stall will be."""
    rng = np.random.default_rng(7)
    runs = []
    for stall_ns in (40_000_000, 30_000_000):
        values = rng.lognormal(6, 0.5, 10 * VALUES)
        values[5_000:5_100] = stall_ns
        runs.append(recording(values, 40))
    assert set(moved(*runs).values()) == {0}
