"""Reading latency histograms: percentiles of bucket counts."""

import numpy as np

__all__ = ["HISTOGRAM_BUCKETS", "HISTOGRAM_SUB_BITS", "bucket_of", "bucket_top_ns", "summary"]


def bucket_of(uint64_t value_ns):
    """The bucket that a value is counted in."""
    return histogram_bucket(value_ns)


def bucket_top_ns(uint64_t bucket):
    """The largest value that the bucket counts; for the last, which has none, 2^40 - 1."""
    cdef uint64_t shift
    if bucket < 1 << HISTOGRAM_SUB_BITS:
        return bucket
    shift = (bucket >> HISTOGRAM_SUB_BITS) - 1
    return (((bucket & 31) + 32 + 1) << shift) - 1


def summary(histogram):
    """Count, mean, percentiles and maximum in ns of a record of the Histogram dtype, as a dict.

    A percentile is the top of the bucket that holds the value of that rank, at most the maximum.
    """
    buckets = np.array(histogram["buckets"])
    count = int(buckets.sum())
    result = {"count": count}
    if count == 0:
        return result
    largest = int(histogram["max_ns"])
    running = np.cumsum(buckets)
    result["mean"] = round(int(histogram["sum_ns"]) / count)
    for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)):
        rank = max(1, int(np.ceil(share * count)))
        result[name] = min(bucket_top_ns(int(np.searchsorted(running, rank))), largest)
    result["max"] = largest
    return result
