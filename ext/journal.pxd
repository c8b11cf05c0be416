"""The journal: every input of the engine, in the order in which it took effect, 64 bytes each.

A record is the message itself. Its place is the journal's own sequence; the header's `sequence` is
the message's place in the ring that `source` tells, `origin_ts_ns` the engine's time when it took
effect, and `stamp` the CRC32C over the record, begun with its place, so that a record in the wrong
place fails too. Segments are memory-mapped files of equal size; the next one is made, mapped and
touched by a helper thread while the current one fills. Surviving the death of any process costs a
copy and a checksum: the kernel holds the pages. Worst case: an append that finds no next segment
ready makes it itself, and counts a stall.

One process writes. Anybody may read behind it.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from hft.core.atomics cimport load_acquire, store_release
from hft.core.crc32c cimport crc32c
from hft.core.messages cimport MESSAGE_SIZE, Message

cdef enum:
    HEADER_PAGE_BYTES = 4096  # a segment's header is as many of them as its description needs


cdef struct JournalHeader:
    uint64_t magic
    uint32_t layout_version
    uint32_t segment_index
    uint64_t first_sequence  # journal sequence of the first record; the journal's first is 1
    uint64_t capacity_records
    uint64_t header_bytes  # of this and the description, in whole pages
    uint64_t crc  # CRC32C of the other bytes of the header


cdef struct Journal:
    Message *records  # of the current segment
    uint64_t used  # records in the current segment
    uint64_t capacity
    uint64_t sequence  # of the last record
    uint64_t stalls
    # Records of the next segment, put here by the helper thread when they are ready; 0 before.
    uint64_t next_records


cdef inline uint32_t record_crc(const Message *record, uint64_t place) noexcept nogil:
    """Checksum of a record whose stamp is 0, at its place."""
    return crc32c(<uint32_t>place, &record.words[0], 8)


cdef inline bint journal_has_room(Journal *journal) noexcept nogil:
    """Whether an append can be made now; moves on to the next segment if that is ready."""
    cdef uint64_t following
    if journal.used < journal.capacity:
        return True
    following = load_acquire(&journal.next_records)
    if following == 0:
        return False
    journal.records = <Message *>following
    journal.used = 0
    store_release(&journal.next_records, 0)
    return True


cdef inline void journal_append(Journal *journal, const Message *message,
                                int64_t ts_ns) noexcept nogil:
    """Append an input that takes effect at `ts_ns`. The caller has checked that there is room."""
    cdef Message *record = &journal.records[journal.used]
    cdef Message copy
    memcpy(&copy, message, MESSAGE_SIZE)
    journal.used += 1
    journal.sequence += 1
    copy.header.origin_ts_ns = ts_ns
    copy.header.stamp = 0
    copy.header.stamp = record_crc(&copy, journal.sequence)
    memcpy(record, &copy, MESSAGE_SIZE)


cdef class JournalWriter:
    cdef Journal journal
    cdef readonly str folder
    cdef readonly uint64_t segment_records
    cdef readonly uint32_t segments_made
    cdef bytes description
    cdef size_t header_bytes
    cdef set helper_cores
    cdef object lock
    cdef object thread
    cdef bint closing
    cdef list mapped
    cdef object make_segment(self)
