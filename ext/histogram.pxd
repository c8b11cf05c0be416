"""Log-linear latency histogram in shared memory: one writer, any number of readers.

The buckets are those of HdrHistogram with two significant digits, a lowest value of 1 and a
highest of 2^40 - 1 (18 minutes in ns): its counts array, index for index
(hdrhistogram.org; `countsArrayIndex` in its AbstractHistogram.java). Values below 256 ns have a
bucket each; above, every power of two is cut into 128, so that a bucket is at most 0.8 % of its
values wide. What is larger shares the last bucket; `max_ns` has it as it was.

Recording is a count of leading zeros, two compares that branch as predicted, and three additions.

A reader that copies while the writer records finds each word as it was at some moment of its copy:
every bucket is between what it was when the copy began and when it ended, none is torn. What it
may see differ by the records made meanwhile are `count` and `sum_ns` on one side and the sum of
the buckets on the other, so readers take percentiles of the buckets' own sum, and the mean from
`count` and `sum_ns`, which share a cache line.
"""

from libc.stdint cimport int64_t, uint64_t

cdef extern from *:
    """
    #define hft_clz64(word) ((unsigned)__builtin_clzll(word))
    """
    unsigned int hft_clz64(uint64_t word) noexcept nogil

cpdef enum:
    HISTOGRAM_SUB_BITS = 7
    HISTOGRAM_BUCKETS = 4352  # (40 - 7 + 1) powers of two, 128 buckets each


cdef struct Histogram:
    uint64_t count
    uint64_t sum_ns
    uint64_t min_ns  # 2^64 - 1 while there is none
    uint64_t max_ns
    uint64_t buckets[HISTOGRAM_BUCKETS]


cdef inline unsigned int histogram_bucket(uint64_t value_ns) noexcept nogil:
    cdef unsigned int shift, bucket
    if value_ns < 1 << HISTOGRAM_SUB_BITS:
        return <unsigned int>value_ns
    shift = 63 - hft_clz64(value_ns) - HISTOGRAM_SUB_BITS
    bucket = (shift << HISTOGRAM_SUB_BITS) + <unsigned int>(value_ns >> shift)
    return min(bucket, <unsigned int>HISTOGRAM_BUCKETS - 1)


cdef inline void histogram_record(Histogram *histogram, int64_t value_ns) noexcept nogil:
    # Times of different cores may differ by some ns.
    cdef uint64_t value = <uint64_t>value_ns if value_ns > 0 else 0
    histogram.count += 1
    histogram.sum_ns += value
    if value > histogram.max_ns:
        histogram.max_ns = value
    if value < histogram.min_ns:
        histogram.min_ns = value
    histogram.buckets[histogram_bucket(value)] += 1
