"""Latency histograms: where a value is counted, and how far a percentile may be off."""

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from hft.core.histogram import (
    HISTOGRAM,
    HISTOGRAM_BUCKETS,
    NO_VALUE,
    bucket_bottom_ns,
    bucket_of,
    bucket_top_ns,
    record,
    summary,
)

LARGEST_ERROR = 1 / 128
OPEN_END_NS = 2**40


def histogram_of(values):
    """A histogram record that has counted the values."""
    rows = np.zeros(1, HISTOGRAM)
    rows["min_ns"] = NO_VALUE
    record(rows, np.array(values, np.int64))
    return rows[0]


def test_small_values_are_exact():
    for value in range(256):
        assert bucket_of(value) == bucket_bottom_ns(value) == bucket_top_ns(value) == value


def test_a_bucket_ends_where_the_next_begins():
    """No gap and no overlap, from 0 to 2^40."""
    for bucket in range(HISTOGRAM_BUCKETS - 1):
        top = bucket_top_ns(bucket)
        assert bucket_of(top) == bucket_of(bucket_bottom_ns(bucket)) == bucket
        assert bucket_of(top + 1) == bucket + 1
        assert bucket_bottom_ns(bucket + 1) == top + 1
    assert bucket_top_ns(HISTOGRAM_BUCKETS - 1) == OPEN_END_NS - 1


@pytest.mark.parametrize("value", [OPEN_END_NS - 1, OPEN_END_NS, 2**41, 2**63, 2**64 - 1])
def test_the_last_bucket_counts_everything_above(value):
    assert bucket_of(value) == HISTOGRAM_BUCKETS - 1


def test_the_error_of_a_bucket_is_bounded():
    """The top of a value's bucket is not below it and at most 0.8 % above it."""
    rng = np.random.default_rng(1)
    powers = 2 ** np.arange(40)
    values = np.concatenate([powers, powers - 1, (2 ** rng.uniform(0, 40, 20_000)).astype(int)])
    for value in values.tolist():
        top = bucket_top_ns(bucket_of(value))
        assert value <= top <= value * (1 + LARGEST_ERROR)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [1, 2, 99, 100, 101, 10_000])
def test_percentiles_are_those_of_the_values(seed, count):
    """Against NumPy's on random values: never below, at most 0.8 % above."""
    values = np.random.default_rng(seed).lognormal(8, 2, count).astype(int).tolist()
    found = summary(histogram_of(values))
    for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)):
        exact = np.quantile(values, share, method="inverted_cdf")
        assert exact <= found[name] <= exact * (1 + LARGEST_ERROR)
    assert found["count"] == count
    assert found["max"] == max(values)
    assert found["mean"] == round(sum(values) / count)


def test_a_percentile_is_not_above_the_maximum():
    """Where the bucket's top is above every value, the maximum is the answer."""
    assert summary(histogram_of([1025]))["p50"] == 1025


def test_an_empty_histogram_has_no_percentiles():
    assert summary(histogram_of([])) == {"count": 0}


@given(st.lists(st.integers(-5, 2**62), max_size=50))
def test_everything_is_counted_once(values):
    """Count, sum, least and most are exact; what is below 0 or beyond the end is counted, too."""
    found, exact = histogram_of(values), [max(0, value) for value in values]
    assert int(found["count"]) == int(found["buckets"].sum()) == len(values)
    assert int(found["sum_ns"]) == sum(exact) % 2**64
    assert int(found["min_ns"]) == min(exact, default=NO_VALUE)
    assert int(found["max_ns"]) == max(exact, default=0)
    counts = np.bincount([bucket_of(value) for value in exact], minlength=HISTOGRAM_BUCKETS)
    assert (found["buckets"] == counts).all()


def test_its_buckets_are_those_of_hdrhistogram():
    """Index for index: a counts array is exported as it is."""
    hdr = HdrHistogram(1, OPEN_END_NS - 1, 2)
    assert hdr.counts_len == HISTOGRAM_BUCKETS
    rng = np.random.default_rng(2)
    values = np.concatenate([np.arange(600), 2 ** rng.uniform(0, 40, 5_000), 2 ** np.arange(40)])
    for value in values.astype(np.int64).tolist():
        assert hdr._counts_index_for(value) == bucket_of(value)
