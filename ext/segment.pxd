"""Named shared memory: what every segment starts with, and the mapping of one."""

from libc.stdint cimport uint32_t, uint64_t

cdef extern from "<sys/mman.h>":
    """
    #ifndef MADV_POPULATE_WRITE
    #define MADV_POPULATE_WRITE 23
    #endif
    #ifndef MADV_COLLAPSE
    #define MADV_COLLAPSE 25
    #endif
    """
    int MADV_COLLAPSE
    int MADV_HUGEPAGE
    int MADV_NOHUGEPAGE
    int MADV_POPULATE_WRITE
    int madvise(void *address, size_t length, int advice) nogil

cpdef enum SegmentKind:
    SEGMENT_CONTROL = 1
    SEGMENT_RING = 2
    SEGMENT_BASELINE = 3


cdef struct SegmentHeader:
    uint64_t magic  # SEGMENT_MAGIC; written last
    uint32_t layout_version  # LAYOUT_VERSION of messages.pxd
    uint32_t kind  # SegmentKind
    uint64_t size_bytes  # of the whole segment
    uint64_t run_id  # the same in all segments of a run
    uint64_t owner_pid
    uint64_t owner_start_ticks  # /proc/<pid>/stat field 22: tells a reused pid
    uint64_t page_bytes  # pages that back it, as found after pre-faulting
    uint64_t small_pages  # whether its maker asked for no huge pages


cdef class Segment:
    cdef readonly str name
    cdef readonly bint writable
    cdef readonly bint locked
    cdef char *address
    cdef size_t size_bytes
    cdef void *mapping
    cdef size_t mapping_bytes
    cdef Py_ssize_t shape[1]
    cdef Py_ssize_t strides[1]
    cdef int map(self, int fd) except -1
    cdef int advise(self, bint small_pages) except -1
    cdef int touch(self, bint join) except -1
    cdef int lock(self) except -1
