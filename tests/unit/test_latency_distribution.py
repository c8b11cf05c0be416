"""What is told of a distribution is true of the values it was made of."""

from fractions import Fraction

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from hft.core.histogram import HISTOGRAM, NO_VALUE, bucket_of, record
from hft.errors import ConfigError
from hft.latency.capture import FULL_SPEED, Capture, Recording
from hft.latency.correct import corrected, with_expected
from hft.latency.distribution import BOTTOMS_NS, PERCENTILES, TOPS_NS, Distribution

VALUES = st.lists(st.integers(0, 2**40 - 1) | st.integers(0, 5_000), min_size=1, max_size=300)
WIDTH = 1 / 128


def distribution(values_ns: list[int]) -> Distribution:
    rows = np.zeros(1, HISTOGRAM)
    rows["min_ns"] = NO_VALUE
    record(rows, np.array(values_ns, np.int64))
    return Distribution.of_record(rows[0])


@given(VALUES, st.fractions(0, 1))
def test_quantiles_are_those_of_the_values(values: list[int], share: Fraction) -> None:
    """Against NumPy's: never below, at most a bucket's width above."""
    exact = int(np.quantile(values, float(share), method="inverted_cdf"))
    found = distribution(values).quantile_ns(share)
    # A share whose rank is a whole number may be another one as a float.
    ranked = sorted(values)[max(1, -(-share.numerator * len(values) // share.denominator)) - 1]
    assert ranked <= found <= ranked * (1 + WIDTH)
    assert exact == ranked or abs(float(share) * len(values) % 1) < 1e-6 or exact <= ranked


@given(VALUES)
def test_ends_and_mean_are_exact(values: list[int]) -> None:
    found = distribution(values)
    assert (found.count, found.min_ns, found.max_ns) == (len(values), min(values), max(values))
    assert found.mean_ns == sum(values) / len(values)


@pytest.mark.parametrize("count", [1, 1_000, 100_000, 1_000_000])
def test_named_percentiles(count: int) -> None:
    """Of the values 1 to n the rank is the value; a name needs one value beyond it."""
    values = np.arange(1, count + 1)
    rows = np.zeros(1, HISTOGRAM)
    rows["min_ns"] = NO_VALUE
    record(rows, values)
    found = Distribution.of_record(rows[0]).percentiles()
    assert list(found) == [name for name, share in PERCENTILES.items() if count * (1 - share) >= 1]
    for name, value in found.items():
        rank = -(-PERCENTILES[name].numerator * count // PERCENTILES[name].denominator)
        assert rank <= value <= min(rank * (1 + WIDTH), count)


def test_nothing_has_no_percentile() -> None:
    empty = distribution([])
    assert empty.summary() == {"count": 0}
    assert empty.quantile_ns(Fraction(1, 2)) == 0


@given(VALUES, VALUES)
def test_a_difference_is_what_came_since(before: list[int], since: list[int]) -> None:
    """Counts and sum exactly, the ends to a bucket."""
    found = distribution(before + since).minus(distribution(before))
    assert (found.counts == distribution(since).counts).all()
    assert found.sum_ns == sum(since)
    assert found.min_ns <= min(since) <= found.min_ns * (1 + WIDTH) + 1
    assert found.max_ns * (1 - WIDTH) - 1 <= max(since) <= found.max_ns


@given(VALUES, VALUES)
def test_intervals_together_are_the_whole(first: list[int], second: list[int]) -> None:
    found = distribution(first).plus(distribution(second))
    whole = distribution(first + second)
    assert found.summary() == whole.summary()
    assert (found.counts == whole.counts).all()


def test_a_copy_of_a_histogram_at_work_is_sound() -> None:
    """Its words can be some records apart: the sum and the buckets, or two copies of them."""
    rows = np.zeros(1, HISTOGRAM)
    rows["min_ns"] = NO_VALUE
    record(rows, np.array([100, 200, 300]))
    torn = rows.copy()
    torn["buckets"][0, bucket_of(300)] -= (
        1  # counted, but not yet in its bucket when that was copied
    )
    found = Distribution.of_record(torn[0])
    assert (found.count, found.sum_ns) == (2, 400)
    backwards = found.minus(Distribution.of_record(rows[0]))
    assert (backwards.count, backwards.sum_ns) == (0, 0)


def test_edges_are_those_of_the_buckets() -> None:
    assert (BOTTOMS_NS[1:] == TOPS_NS[:-1] + 1).all()


@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=40), st.integers(50, 5_000))
def test_the_correction_is_hdrhistograms(values: list[int], interval_ns: int) -> None:
    """Each value stands for those that it kept from coming, down to the interval."""
    found = with_expected(distribution(values), interval_ns)
    hdr = HdrHistogram(1, int(TOPS_NS[-1]), 2)
    original = distribution(values)
    for bucket in np.flatnonzero(original.counts):
        for _ in range(int(original.counts[bucket])):
            value = min(int(TOPS_NS[bucket]), max(values))
            hdr.record_value(value)
            while (value := value - interval_ns) >= interval_ns:
                hdr.record_value(value)
    assert found.counts.tolist() == list(hdr.counts)


def test_the_correction_fits_only_what_had_no_pace() -> None:
    rows = {(kind, "x"): distribution([1_000]) for kind in ("age", "path", "hop", "operation")}
    whole = Capture(0, 10**9, rows)
    found = corrected(Recording(f"hft x, {FULL_SPEED}", whole), 100).whole.rows
    counts = {kind: each.count for (kind, _), each in found.items()}
    assert counts == {"age": 10, "path": 10, "hop": 1, "operation": 1}
    with pytest.raises(ConfigError, match="fits only a run at full speed"):
        corrected(Recording("hft x, paced at 1x", whole), 100)
