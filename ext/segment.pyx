"""Create, attach and remove named shared-memory segments.

A segment is a file of hugetlbfs where the host has free huge pages, else POSIX shared memory with
transparent huge pages asked for (`pages` "auto"); or it is POSIX shared memory without them
("never"), or hugetlbfs or nothing ("require"; a segment that fills no huge page is of small ones
all the same). Space is reserved before it is mapped, so that a full /dev/shm is
an error here and not a bus error later; the creator touches every page and locks them where the
limits allow. The memory stays mapped while anything, a NumPy view too, still refers to it.
"""

import errno
import os
import re

import posix_ipc

from libc.string cimport memcpy, memset
from posix.mman cimport (
    MAP_ANONYMOUS,
    MAP_FAILED,
    MAP_FIXED,
    MAP_PRIVATE,
    MAP_SHARED,
    PROT_NONE,
    PROT_READ,
    PROT_WRITE,
    mlock,
    mmap,
    munmap,
)

from hft.core.atomics cimport load_acquire, store_release
from hft.core.messages cimport LAYOUT_VERSION as LAYOUT

from hft.errors import AttachError, SegmentError

__all__ = [
    "HUGE_DIR", "SHM_DIR", "Segment", "SegmentKind", "is_running", "process_start_ticks",
    "read_header", "segment_path",
]

HUGE_DIR = "/dev/hugepages"
SHM_DIR = "/dev/shm"
FREE_HUGE_PAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"

PAGES = ("auto", "never", "require")

cdef enum:
    HUGE_BYTES = 2 << 20

cdef uint64_t SEGMENT_MAGIC = 0x3147_4553_5446_4800  # "\0HFTSEG1"


def process_start_ticks(pid):
    """When a process started, in clock ticks since boot; 0 if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return int(stat.read().rpartition(b")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def is_running(pid, start_ticks):
    """Whether the process with this pid is the one that started then, and has not ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            state, *fields = stat.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in (b"Z", b"X") and int(fields[18]) == start_ticks


def read_header(path):
    """The header of a segment's file, of whatever layout version; None if it was never finished.

    PermissionError if it is another user's.
    """
    cdef SegmentHeader header
    try:
        with open(path, "rb", buffering=0) as file:
            found = file.read(sizeof(SegmentHeader))
    except FileNotFoundError:
        return None
    if len(found) < <Py_ssize_t>sizeof(SegmentHeader):
        return None
    memcpy(&header, <const char *>found, sizeof(SegmentHeader))
    return header if header.magic == SEGMENT_MAGIC else None


def segment_path(name):
    """The file behind a segment's name, wherever it lies; None if there is none."""
    for folder in (HUGE_DIR, SHM_DIR):
        path = f"{folder}/{name}"
        if os.path.exists(path):
            return path
    return None


def free_huge_bytes():
    """Memory that the host still has in huge pages, if its hugetlbfs can be written; else 0."""
    if not os.path.ismount(HUGE_DIR) or not os.access(HUGE_DIR, os.W_OK):
        return 0
    if os.statvfs(HUGE_DIR).f_bsize != HUGE_BYTES:
        return 0
    with open(FREE_HUGE_PAGES) as free:
        return int(free.read()) * HUGE_BYTES


def open_new(name, size_bytes, pages):
    """A new segment's file descriptor, its space reserved."""
    taken = SegmentError(f"segment {name}: exists already")
    if segment_path(name) is not None:
        raise taken
    huge = pages != "never" and size_bytes % HUGE_BYTES == 0
    if huge and free_huge_bytes() >= size_bytes:
        path = f"{HUGE_DIR}/{name}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.posix_fallocate(fd, 0, size_bytes)
            return fd
        except OSError:
            # Somebody else took the pages just now; `status` shows that these are others.
            os.close(fd)
            os.unlink(path)
    if huge and pages == "require":
        raise SegmentError(
            f"segment {name}: needs {size_bytes // HUGE_BYTES} huge pages, {HUGE_DIR} has "
            f"{free_huge_bytes() // HUGE_BYTES} free; mount hugetlbfs there, writable, and raise "
            "vm.nr_hugepages, or set memory.hugepages to auto"
        )
    try:
        fd = posix_ipc.SharedMemory("/" + name, posix_ipc.O_CREX, mode=0o600).fd
    except posix_ipc.ExistentialError:
        raise taken from None
    except posix_ipc.PermissionsError:
        raise SegmentError(f"segment {name}: no permission to create it in {SHM_DIR}") from None
    try:
        os.posix_fallocate(fd, 0, size_bytes)
    except OSError as error:
        os.close(fd)
        posix_ipc.unlink_shared_memory("/" + name)
        if error.errno != errno.ENOSPC:
            raise SegmentError(f"segment {name}: {error.strerror}") from None
        free = os.statvfs(SHM_DIR)
        raise SegmentError(
            f"segment {name}: {SHM_DIR} is too small, needs {size_bytes} bytes, "
            f"has {free.f_bavail * free.f_frsize} free"
        ) from None
    return fd


def open_existing(name, writable):
    path = segment_path(name)
    try:
        if path is None:
            raise FileNotFoundError
        return os.open(path, os.O_RDWR if writable else os.O_RDONLY)
    except FileNotFoundError:
        raise AttachError(f"segment {name}: not found, is the system running?") from None
    except PermissionError:
        raise AttachError(
            f"segment {name}: no permission to attach, owner is another user"
        ) from None


cdef class Segment:
    """A mapped segment; a buffer of bytes (`np.frombuffer(segment, ...)` is zero-copy)."""

    def __init__(self):
        raise TypeError("use Segment.create or Segment.attach")

    @staticmethod
    def create(str name, size_t size_bytes, int kind, uint64_t run_id=0, str pages="auto"):
        """Make a segment; SegmentError if the name is taken or there is no room."""
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,200}", name):
            raise SegmentError(
                f"segment {name!r}: a name has 1 to 200 letters, digits, '.', '_', '-'"
            )
        cdef Segment self = Segment.__new__(Segment)
        cdef SegmentHeader *header
        if pages not in PAGES:
            raise SegmentError(
                f"segment {name}: pages must be one of {', '.join(PAGES)}, was {pages!r}"
            )
        fd = open_new(name, size_bytes, pages)
        self.name = name
        self.writable = True
        self.size_bytes = size_bytes
        try:
            self.map(fd)
            self.advise(pages == "never")
            self.touch(pages != "never")
        except SegmentError:
            Segment.unlink(name)
            raise
        finally:
            os.close(fd)
        header = <SegmentHeader *>self.address
        memset(header, 0, sizeof(SegmentHeader))
        header.layout_version = LAYOUT
        header.kind = <uint32_t>kind
        header.size_bytes = size_bytes
        header.run_id = run_id
        header.owner_pid = os.getpid()
        header.owner_start_ticks = process_start_ticks(os.getpid())
        header.small_pages = pages == "never"
        header.page_bytes = self.backing_page_bytes()
        store_release(&header.magic, SEGMENT_MAGIC)
        return self

    @staticmethod
    def attach(str name, int kind, bint writable=True):
        """Map an existing segment; AttachError that names the field which does not fit."""
        cdef Segment self = Segment.__new__(Segment)
        cdef SegmentHeader *header
        fd = open_existing(name, writable)
        try:
            self.size_bytes = os.fstat(fd).st_size
            if self.size_bytes < 4096:
                raise AttachError(f"segment {name}: size_bytes must be at least 4096, was "
                                  f"{self.size_bytes}")
            self.name = name
            self.writable = writable
            self.map(fd)
        finally:
            os.close(fd)
        header = <SegmentHeader *>self.address
        for field, wanted, found in (
            ("magic", SEGMENT_MAGIC, load_acquire(&header.magic)),
            ("layout_version", LAYOUT, header.layout_version),
            ("kind", kind, header.kind),
            ("size_bytes", self.size_bytes, header.size_bytes),
        ):
            if wanted != found:
                raise AttachError(
                    f"segment {name}: {field} must be {int(wanted)}, was {int(found)}"
                )
        self.advise(header.small_pages != 0)
        self.lock()
        return self

    cdef int map(self, int fd) except -1:
        # Transparent huge pages need the address to be a multiple of their size.
        cdef size_t alignment = HUGE_BYTES if self.size_bytes >= HUGE_BYTES else 4096
        cdef int protection = PROT_READ | PROT_WRITE if self.writable else PROT_READ
        cdef size_t start
        self.mapping_bytes = self.size_bytes + alignment
        self.mapping = mmap(NULL, self.mapping_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        if self.mapping == MAP_FAILED:
            self.mapping = NULL
            raise SegmentError(f"segment {self.name}: no address space for {self.size_bytes} bytes")
        start = (<size_t>self.mapping + alignment - 1) // alignment * alignment
        self.address = <char *>mmap(<void *>start, self.size_bytes, protection,
                                    MAP_SHARED | MAP_FIXED, fd, 0)
        if <void *>self.address == MAP_FAILED:
            self.address = NULL
            raise SegmentError(f"segment {self.name}: can't be mapped")
        return 0

    cdef int advise(self, bint small_pages) except -1:
        # Advice may be refused (no transparent huge pages, an old kernel): `status` shows which
        # pages there are.
        madvise(self.address, self.size_bytes, MADV_NOHUGEPAGE if small_pages else MADV_HUGEPAGE)
        return 0

    cdef int touch(self, bint join) except -1:
        if madvise(self.address, self.size_bytes, MADV_POPULATE_WRITE) != 0:
            memset(self.address, 0, self.size_bytes)
        if join:  # reserving the space took small pages
            madvise(self.address, self.size_bytes, MADV_COLLAPSE)
        self.lock()
        return 0

    cdef int lock(self) except -1:
        if self.writable:
            self.locked = mlock(self.address, self.size_bytes) == 0
        return 0

    def backing_page_bytes(self):
        """Size of the pages behind the mapping: as the kernel tells for this address range."""
        start = f"{<size_t>self.address:x}-"
        found = False
        size_bytes = 4096
        with open("/proc/self/smaps") as smaps:
            for line in smaps:
                if not found:
                    found = line.startswith(start)
                elif line.startswith("KernelPageSize:"):
                    size_bytes = int(line.split()[1]) * 1024
                elif line.startswith("ShmemPmdMapped:") and int(line.split()[1]):
                    size_bytes = HUGE_BYTES
                elif line.startswith("VmFlags:"):
                    break
        return size_bytes

    def numa_nodes(self):
        """The NUMA nodes of the memory behind the mapping, a bit each; 0 if the kernel tells none.

        Those from 64 on are not told.
        """
        start = f"{<size_t>self.address:x} "
        nodes = 0
        try:
            with open("/proc/self/numa_maps") as maps:
                line = next((line for line in maps if line.startswith(start)), "")
        except FileNotFoundError:
            return 0
        for field in line.split():
            node, _, pages = field.partition("=")
            if pages.isdecimal() and node[0] == "N" and node[1:].isdecimal() and int(node[1:]) < 64:
                nodes |= 1 << int(node[1:])
        return nodes

    @property
    def header(self):
        """The segment header's fields, as a dict."""
        return (<SegmentHeader *>self.address)[0]

    @property
    def size(self):
        """Bytes in the segment."""
        return self.size_bytes

    @staticmethod
    def unlink(name):
        """Remove a segment's name; what is mapped stays valid. No error if it is gone already."""
        path = segment_path(name)
        if path is None:
            return
        try:
            os.unlink(path)
        except FileNotFoundError:
            return

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        self.shape[0] = <Py_ssize_t>self.size_bytes
        self.strides[0] = 1
        buffer.buf = self.address
        buffer.obj = self
        buffer.len = <Py_ssize_t>self.size_bytes
        buffer.readonly = not self.writable
        buffer.itemsize = 1
        buffer.format = "B"
        buffer.ndim = 1
        buffer.shape = self.shape
        buffer.strides = self.strides
        buffer.suboffsets = NULL
        buffer.internal = NULL

    def __releasebuffer__(self, Py_buffer *buffer):
        pass

    def __dealloc__(self):
        if self.mapping != NULL:
            munmap(self.mapping, self.mapping_bytes)
