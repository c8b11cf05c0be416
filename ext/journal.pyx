"""Writing a journal's segments and reading them back. The format is in journal.pxd."""

import errno
import mmap
import os
import threading
from pathlib import Path

import msgspec
import numpy as np

from libc.string cimport memset

from hft.core.crc32c cimport crc32c_slow
from hft.core.buffers cimport bytes_of, writable_bytes_of
from hft.core.messages cimport LAYOUT_VERSION as LAYOUT
from hft.core.segment cimport MADV_POPULATE_WRITE, madvise

from hft.core.messages import MESSAGE
from hft.errors import JournalError

__all__ = ["JournalReader", "JournalWriter", "SEGMENT_RECORDS", "segment_paths"]

cdef uint64_t MAGIC = 0x314C_414E_5254_4648  # "HFTRNAL1", little-endian
SEGMENT_RECORDS = (64 << 20) // MESSAGE_SIZE
HEADER_STRUCT_BYTES = sizeof(JournalHeader)


def checksum(data, uint32_t start=0, bint slow=False):
    """CRC32C of whole 64-bit words; `slow` is the way without the processor's instruction."""
    words = np.frombuffer(data, np.uint64)
    cdef const uint64_t *first = <const uint64_t *>bytes_of(words)
    if slow:
        return <uint32_t>~crc32c_slow(~start, first, len(words))
    return crc32c(start, first, len(words))


def segment_name(index):
    return f"journal-{index:06d}.hftj"


def segment_paths(path):
    """The segments of a journal, in order: all of a folder's, or the one file."""
    path = Path(path)
    if path.is_dir():
        found = sorted(path.glob("journal-*.hftj"))
        if not found:
            raise JournalError(f"{path}: no journal-*.hftj in this folder")
        return found
    if not path.exists():
        raise JournalError(f"{path}: no such file or folder")
    return [path]


cdef class JournalWriter:
    """A new journal in an existing folder.

    `description` (a dict of plain values) is kept in every segment's header: what a reader needs to
    replay, and nothing that differs between two runs of the same input. JournalError if the folder
    holds a journal already or the disk has no room. `helper_cores` are where the helper thread may
    run, not on the core of the thread that appends; by default where that may.
    """

    def __init__(self, folder, description, segment_records=SEGMENT_RECORDS, helper_cores=()):
        self.helper_cores = set(helper_cores)
        if segment_records < 1:
            raise ValueError(f"segment_records must be at least 1, was {segment_records}")
        self.folder = str(folder)
        self.segment_records = segment_records
        self.description = msgspec.json.encode(description, order="sorted")
        pages = -(-(HEADER_STRUCT_BYTES + len(self.description)) // HEADER_PAGE_BYTES)
        self.header_bytes = pages * HEADER_PAGE_BYTES
        self.mapped = []
        self.lock = threading.Condition()
        if Path(folder, segment_name(0)).exists():
            raise JournalError(f"{folder}: holds a journal already")
        self.make_segment()
        self.journal.capacity = segment_records
        journal_has_room(&self.journal)
        if self.journal.records == NULL:
            self.journal.used = self.journal.capacity
            journal_has_room(&self.journal)
        self.thread = threading.Thread(target=self.keep_ahead, name="journal-ahead", daemon=True)
        self.thread.start()

    cdef object make_segment(self):
        """Make, map and touch the next segment and hand it to the appender."""
        cdef JournalHeader header
        cdef char *address
        cdef size_t size_bytes = self.header_bytes + self.segment_records * MESSAGE_SIZE
        path = Path(self.folder, segment_name(self.segments_made))
        # Under its name only when it is whole: who reads a folder never meets half a segment.
        partial = path.with_suffix(".partial")
        try:
            fd = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
            try:
                os.posix_fallocate(fd, 0, size_bytes)
                mapping = mmap.mmap(fd, size_bytes, mmap.MAP_SHARED)
            finally:
                os.close(fd)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise JournalError(f"{path}: can't make a journal segment: {error.strerror}") from None
        memset(&header, 0, sizeof(header))
        header.magic = MAGIC
        header.layout_version = LAYOUT
        header.segment_index = self.segments_made
        header.first_sequence = 1 + self.segments_made * self.segment_records
        header.capacity_records = self.segment_records
        header.header_bytes = self.header_bytes
        address = writable_bytes_of(mapping)
        with nogil:
            # Touch every page now. A kernel that can't leaves the page faults to the appender.
            madvise(address, size_bytes, MADV_POPULATE_WRITE)
        memcpy(address, &header, sizeof(header))
        memcpy(address + sizeof(header), <const char *>self.description, len(self.description))
        header.crc = crc32c(0, <uint64_t *>address, self.header_bytes // 8)
        memcpy(address, &header, sizeof(header))
        os.rename(partial, path)
        self.mapped.append(mapping)
        self.segments_made += 1
        store_release(&self.journal.next_records, <uint64_t>(address + self.header_bytes))

    def keep_ahead(self):
        """The helper thread: have the next segment ready, let go of the one before the current."""
        if self.helper_cores:
            os.sched_setaffinity(0, self.helper_cores)
        while True:
            with self.lock:
                self.lock.wait(0.02)
                if self.closing:
                    return
                try:
                    self.ready_next()
                except JournalError:
                    # The appender meets the same when it needs the segment, and can say so.
                    return

    def ready_next(self):
        """Make the next segment if the current one is more than half full and none is waiting."""
        if load_acquire(&self.journal.next_records):
            return
        if self.journal.used * 2 < self.journal.capacity:
            return
        self.make_segment()
        while len(self.mapped) > 3:
            # Flushed by the kernel in its own time; nothing appends to it any more.
            self.mapped.pop(0)

    def wait_for_room(self):
        """Make room now: the helper thread was too slow for the appender."""
        with self.lock:
            self.journal.stalls += 1
            if not load_acquire(&self.journal.next_records):
                self.make_segment()

    def append(self, messages, int64_t ts_ns):
        """Append messages, as the engine does, at a time; for tools and tests."""
        messages = np.ascontiguousarray(messages).view(MESSAGE)
        cdef const Message *first = <const Message *>bytes_of(messages)
        cdef Py_ssize_t place
        if self.closing:
            raise ValueError("the journal is closed")
        for place in range(len(messages)):
            if not journal_has_room(&self.journal):
                self.wait_for_room()
                journal_has_room(&self.journal)
            journal_append(&self.journal, &first[place], ts_ns)

    @property
    def sequence(self):
        """Sequence of the last record."""
        return self.journal.sequence

    @property
    def stalls(self):
        """Times that an append had to wait for a segment."""
        return self.journal.stalls

    def close(self):
        """Cut the last segment to what is used and remove one made ahead."""
        with self.lock:
            if self.closing:
                return
            self.closing = True
            self.lock.notify()
        self.thread.join()
        last = (self.journal.sequence - 1) // self.segment_records if self.journal.sequence else 0
        for index in range(last + 1, self.segments_made):
            Path(self.folder, segment_name(index)).unlink()
        used = self.journal.sequence - last * self.segment_records
        os.truncate(Path(self.folder, segment_name(last)),
                    self.header_bytes + used * MESSAGE_SIZE)


class JournalReader:
    """One segment of a journal, checked.

    Attributes:
        records: MESSAGE array (zero-copy) of the records whose checksums hold, up to the first
            that doesn't.
        first_sequence: journal sequence of records[0].
        description: what the writer said of the journal.
        torn_at: sequence of the first bad record, None if every record up to the end is good.
    """

    __slots__ = ("description", "first_sequence", "path", "records", "segment_index", "torn_at")

    def __init__(self, path):
        cdef JournalHeader header
        cdef size_t header_bytes
        self.path = Path(path)
        try:
            with open(path, "rb") as file:
                size_bytes = os.fstat(file.fileno()).st_size
                if size_bytes < HEADER_PAGE_BYTES:
                    raise JournalError(f"{path}: not a journal, has only {size_bytes} bytes")
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise JournalError(f"{path}: {os.strerror(error.errno or errno.EIO)}") from None
        memcpy(&header, bytes_of(data), sizeof(header))
        if header.magic != MAGIC:
            raise JournalError(f"{path}: not a journal (its first bytes are not the magic number)")
        if header.layout_version != LAYOUT:
            raise JournalError(
                f"{path}: layout_version must be {int(LAYOUT)}, was {header.layout_version}"
            )
        header_bytes = header.header_bytes
        if header_bytes % HEADER_PAGE_BYTES or not 0 < header_bytes <= size_bytes:
            raise JournalError(f"{path}: the header's size is wrong, {header_bytes} bytes")
        checked = bytearray(data[:header_bytes])
        (<JournalHeader *>writable_bytes_of(checked)).crc = 0
        if header.crc != checksum(checked):
            raise JournalError(f"{path}: the header's checksum is wrong")
        text = data[sizeof(JournalHeader):header_bytes].rstrip(b"\0")
        self.description = msgspec.json.decode(text)
        self.segment_index = header.segment_index
        self.first_sequence = header.first_sequence
        whole = (size_bytes - header_bytes) // MESSAGE_SIZE
        records = np.frombuffer(data, MESSAGE, whole, header_bytes)
        good = good_records(records, header.first_sequence)
        self.records = records[:good]
        # Zeros up to the end are room that was never used, not damage.
        rest = np.frombuffer(data, np.uint8, offset=header_bytes + good * MESSAGE_SIZE)
        self.torn_at = int(header.first_sequence + good) if rest.any() else None

    def __len__(self):
        return len(self.records)


cdef uint64_t good_records(records, uint64_t first_sequence) except? 0:
    """How many records from the first on have the right checksum."""
    cdef const Message *first = <const Message *>bytes_of(records)
    cdef uint64_t count = len(records)
    cdef uint64_t place
    cdef Message record
    cdef uint32_t stamp
    with nogil:
        for place in range(count):
            record = first[place]
            stamp = record.header.stamp
            record.header.stamp = 0
            if record.header.kind == 0 or stamp != record_crc(&record, first_sequence + place):
                return place
    return count
