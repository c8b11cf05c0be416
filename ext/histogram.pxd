"""Log-linear latency histogram in shared memory: one writer, any number of readers.

Values below 32 ns have a bucket each; above, every power of two is cut into 32 buckets, so that a
percentile is at most 3.1 % above the true value. Values from 2^40 ns (18 minutes) on share the last
bucket. Recording costs a count of leading zeros and two increments. A reader that copies while the
writer records sees counts that differ by the few records in flight.
"""

from libc.stdint cimport int64_t, uint64_t

cdef extern from *:
    """
    #define hft_clz64(word) ((unsigned)__builtin_clzll(word))
    """
    unsigned int hft_clz64(uint64_t word) noexcept nogil

cpdef enum:
    HISTOGRAM_SUB_BITS = 5
    HISTOGRAM_BUCKETS = 1152  # (40 - 5 + 1) powers of two, 32 buckets each


cdef struct Histogram:
    uint64_t count
    uint64_t sum_ns
    uint64_t max_ns
    uint64_t reserved
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
    histogram.buckets[histogram_bucket(value)] += 1
