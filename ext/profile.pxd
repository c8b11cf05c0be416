"""What a node measures of its own work: operations by kind of message, and paths across nodes.

An operation that is not timed costs a decrement and a branch; one that is, two readings of the
clock and a record. What is timed includes one reading. Which are timed is drawn: with gaps that are
uniform from 1 to a power of two, independent of what the messages say, each operation of a kind is
equally likely to be timed, whatever the rhythm in which they come (a renewal process: the share
is 2 / (gap_max + 1)).
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from hft.core.clock cimport host_now_ns
from hft.core.control cimport (
    LATENCY_OPERATION,
    LATENCY_PATH,
    MESSAGE_KINDS,
    ControlPage,
    LatencyStats,
)
from hft.core.hints cimport likely
from hft.core.histogram cimport Histogram, histogram_record
from hft.core.messages cimport (
    ACCEPTED,
    CANCELLED,
    REJECTED,
    REPLACED,
    REQUESTED,
    Message,
)
from hft.core.outbox cimport Outbox

cdef enum:
    TIMED_ORDERS = 4096  # orders under way that are measured at once


cdef struct Operation:
    Histogram *histogram  # NULL: of no interest
    uint32_t left  # until one is timed, that one included; 0: 2^32
    uint32_t gap_mask


cdef struct Profile:
    uint64_t random
    Operation operations[MESSAGE_KINDS]


cdef inline uint32_t profile_gap(Profile *profile, const Operation *operation) noexcept nogil:
    """The next gap. The generator is Knuth's (MMIX), of which the upper bits are good."""
    profile.random = (
        profile.random * <uint64_t>6364136223846793005 + <uint64_t>1442695040888963407
    )
    return 1 + (<uint32_t>(profile.random >> 33) & operation.gap_mask)


cdef inline void profile_open(Profile *profile, ControlPage *page, int node) noexcept nogil:
    """Find the histograms of a node's operations. The profile is all zeros before."""
    cdef LatencyStats *row
    cdef Operation *operation
    cdef uint32_t index
    cdef int kind
    for index in range(page.latency_count):
        row = &page.latencies[index]
        if row.kind != LATENCY_OPERATION or row.node != node:
            continue
        for kind in range(MESSAGE_KINDS):
            if row.message_kinds[kind >> 6] >> (kind & 63) & 1:
                operation = &profile.operations[kind]
                operation.histogram = &row.histogram
                operation.gap_mask = row.gap_max - 1
                operation.left = profile_gap(profile, operation)


cdef inline int64_t operation_begin(Profile *profile, uint8_t kind) noexcept nogil:
    """Before the work on a message of a kind: the time if it is to be timed, else 0."""
    cdef Operation *operation = &profile.operations[kind]
    operation.left -= 1
    if likely(operation.left != 0) or operation.histogram == NULL:
        return 0
    operation.left = profile_gap(profile, operation)
    return host_now_ns()


cdef inline void operation_end(Profile *profile, uint8_t kind, int64_t began_ns) noexcept nogil:
    """After the work: record what it took, if it was timed."""
    if began_ns:
        histogram_record(profile.operations[kind].histogram, host_now_ns() - began_ns)


cdef inline Histogram *path_histogram(ControlPage *page, int path) noexcept nogil:
    """The histogram of a LatencyPath; NULL on a page that doesn't have it."""
    cdef uint32_t index
    for index in range(page.latency_count):
        if page.latencies[index].kind == LATENCY_PATH and page.latencies[index].subject == path:
            return &page.latencies[index].histogram
    return NULL


cdef inline void path_record_left(Histogram *path, const Outbox *box, uint32_t first, uint32_t end,
                                  int64_t now_ns) noexcept nogil:
    """Record the age of the messages of an outbox that have just left it, `first` to before `end`.
    """
    if path != NULL:
        while first < end:
            histogram_record(path, now_ns - box.messages[first].header.origin_ts_ns)
            first += 1


cdef struct SentOrder:
    int64_t sent_ts_ns
    uint64_t cause  # as reports name it


# When orders left, by their place in the ring. A report names the order that it answers by the low
# bits of its sequence there, which are an index here: nothing is looked up. With more orders under
# way than there are places, the oldest are not measured.
cdef struct OrderTimes:
    Histogram *histogram
    SentOrder sent[TIMED_ORDERS]


cdef inline void orders_left(OrderTimes *times, uint64_t head_before, uint64_t head,
                             int64_t now_ns) noexcept nogil:
    """Note that orders were published, those after `head_before` up to `head` of their ring."""
    cdef SentOrder *order
    while head_before < head:
        head_before += 1
        order = &times.sent[head_before % TIMED_ORDERS]
        order.sent_ts_ns = now_ns
        order.cause = <uint32_t>head_before


cdef inline void order_answered(OrderTimes *times, const Message *message,
                                int64_t now_ns) noexcept nogil:
    """Record the time of an order if this is the first answer to it.

    Only own commands cause these reports; a fill may be caused by the market's.
    """
    cdef uint8_t kind = message.header.kind
    cdef SentOrder *order
    if not (kind == ACCEPTED or kind == REPLACED or kind == REJECTED
            or (kind == CANCELLED and message.report.reason == REQUESTED)):
        return
    order = &times.sent[message.report.cause % TIMED_ORDERS]
    if order.cause == message.report.cause and order.sent_ts_ns and times.histogram != NULL:
        histogram_record(times.histogram, now_ns - order.sent_ts_ns)
        order.sent_ts_ns = 0
