"""Latency histograms for Python: which bucket counts what, percentiles, and a writer for tests."""

import numpy as np

__all__ = [
    "HISTOGRAM", "HISTOGRAM_BUCKETS", "HISTOGRAM_SUB_BITS", "NO_VALUE", "bucket_bottom_ns",
    "bucket_of", "bucket_top_ns", "record", "summary",
]

cdef Histogram _histogram
HISTOGRAM = np.asarray(<Histogram[:1]>&_histogram).dtype
NO_VALUE = 2**64 - 1


def bucket_of(uint64_t value_ns):
    """The bucket that a value is counted in."""
    return histogram_bucket(value_ns)


def bucket_bottom_ns(uint64_t bucket):
    """The smallest value that the bucket counts."""
    cdef uint64_t shift
    if bucket < 2 << HISTOGRAM_SUB_BITS:
        return bucket
    shift = (bucket >> HISTOGRAM_SUB_BITS) - 1
    return (bucket - (shift << HISTOGRAM_SUB_BITS)) << shift


def bucket_top_ns(uint64_t bucket):
    """The largest value that the bucket counts; for the last, which has none, 2^40 - 1."""
    return bucket_bottom_ns(bucket + 1) - 1


def record(histogram, const int64_t[::1] values_ns):
    """Record values into a record of the HISTOGRAM dtype, in place, as a node does.

    Of an array of HISTOGRAM, the first. Values below 0 count as 0.
    """
    cdef uint64_t[::1] words = histogram.view(np.uint64).reshape(-1)
    cdef Histogram *target = <Histogram *>&words[0]
    cdef Py_ssize_t place
    if words.shape[0] * sizeof(uint64_t) < sizeof(Histogram):
        raise ValueError("must be an array of HISTOGRAM")
    with nogil:
        for place in range(values_ns.shape[0]):
            histogram_record(target, values_ns[place])


def summary(histogram):
    """Count, mean, percentiles and maximum in ns of a record of the HISTOGRAM dtype, as a dict.

    A percentile is the top of the bucket that holds the value of that rank, at most the maximum.
    """
    buckets = np.array(histogram["buckets"])
    # After the buckets: a value that they count is then in the maximum, too.
    total, sum_ns, largest = (int(histogram[name]) for name in ("count", "sum_ns", "max_ns"))
    count = int(buckets.sum())
    result = {"count": count}
    if count == 0:
        return result
    running = np.cumsum(buckets)
    result["mean"] = round(sum_ns / max(total, 1))
    for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)):
        rank = max(1, int(np.ceil(share * count)))
        result[name] = min(bucket_top_ns(int(np.searchsorted(running, rank))), largest)
    result["max"] = largest
    return result
