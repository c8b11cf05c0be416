"""Latency histograms: where a value is counted, and how far a percentile may be off."""

import numpy as np
import pytest

from hft.core.control import page_dtype
from hft.core.histogram import HISTOGRAM_BUCKETS, bucket_of, bucket_top_ns, summary

HISTOGRAM = page_dtype(1)["edges"].base["hop"]
LARGEST_ERROR = 0.032
OPEN_END_NS = 2**40


def histogram_of(values):
    """A histogram record that has counted the values."""
    record = np.zeros(1, HISTOGRAM)[0]
    record["count"] = len(values)
    record["sum_ns"] = sum(values)
    record["max_ns"] = max(values, default=0)
    buckets = [bucket_of(value) for value in values]
    record["buckets"] = np.bincount(np.array(buckets, np.int64), minlength=HISTOGRAM_BUCKETS)
    return record


def test_small_values_are_exact():
    for value in range(64):
        assert bucket_of(value) == bucket_top_ns(value) == value


def test_a_bucket_ends_where_the_next_begins():
    """No gap and no overlap, from 0 to 2^40."""
    for bucket in range(HISTOGRAM_BUCKETS - 1):
        top = bucket_top_ns(bucket)
        assert bucket_of(top) == bucket
        assert bucket_of(top + 1) == bucket + 1
    assert bucket_top_ns(HISTOGRAM_BUCKETS - 1) == OPEN_END_NS - 1


@pytest.mark.parametrize("value", [OPEN_END_NS - 1, OPEN_END_NS, 2**41, 2**63, 2**64 - 1])
def test_the_last_bucket_counts_everything_above(value):
    assert bucket_of(value) == HISTOGRAM_BUCKETS - 1


def test_the_error_of_a_bucket_is_bounded():
    """The top of a value's bucket is not below it and at most 3.2 % above it."""
    rng = np.random.default_rng(1)
    powers = 2 ** np.arange(40)
    values = np.concatenate([powers, powers - 1, (2 ** rng.uniform(0, 40, 20_000)).astype(int)])
    for value in values.tolist():
        top = bucket_top_ns(bucket_of(value))
        assert value <= top <= value * (1 + LARGEST_ERROR)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [1, 2, 99, 100, 101, 10_000])
def test_percentiles_are_those_of_the_values(seed, count):
    """Against NumPy's on random values: never below, at most 3.2 % above."""
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
