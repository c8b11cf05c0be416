"""Shared-memory segments: made, attached, removed, and every way in which that fails."""

import multiprocessing
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from hft.core import segment
from hft.core.segment import Segment, SegmentKind, process_start_ticks, segment_path
from hft.errors import AttachError, SegmentError
from tests.shared_memory import fresh_name

RING, CONTROL = SegmentKind.SEGMENT_RING, SegmentKind.SEGMENT_CONTROL
NOBODY = 65534


@pytest.fixture
def name():
    with fresh_name() as name:
        yield name


def words(made):
    """The header, as writable 32-bit words."""
    return np.frombuffer(made, np.uint32, 16)


def test_what_one_writes_the_other_reads(name):
    """Two mappings of one name are the same memory."""
    made = Segment.create(name, 8192, RING, run_id=7)
    attached = Segment.attach(name, RING)
    np.frombuffer(made, np.uint8)[8191] = 77
    assert np.frombuffer(attached, np.uint8)[8191] == 77
    assert attached.name == made.name == name
    assert attached.size == made.size == 8192


def test_a_new_segment_is_zero_but_for_its_header(name):
    """Nothing of the memory's past is left."""
    assert not np.frombuffer(Segment.create(name, 1 << 16, RING), np.uint8, offset=64).any()


def test_the_header_says_who_made_it(name):
    """A reader can tell which run and which process a segment belongs to."""
    header = Segment.create(name, 4096, CONTROL, run_id=2**64 - 1).header
    assert header["kind"] == CONTROL
    assert header["size_bytes"] == 4096
    assert header["run_id"] == 2**64 - 1
    assert header["owner_pid"] == os.getpid()
    assert header["owner_start_ticks"] == process_start_ticks(os.getpid()) > 0


def test_only_its_owner_may_open_it(name):
    """Orders are nobody else's business."""
    Segment.create(name, 4096, RING)
    assert stat.S_IMODE(os.stat(segment_path(name)).st_mode) == 0o600


def test_unlink_removes_the_name_and_leaves_the_memory(name):
    """Who has mapped it goes on; a second unlink is no error."""
    made = Segment.create(name, 4096, RING)
    Segment.unlink(name)
    Segment.unlink(name)
    assert segment_path(name) is None
    np.frombuffer(made, np.uint8)[100] = 1
    with pytest.raises(AttachError, match=f"segment {name}: not found, is the system running"):
        Segment.attach(name, RING)


def test_memory_outlives_its_segment_object(name):
    """A view keeps the mapping alive."""
    view = np.frombuffer(Segment.create(name, 4096, RING), np.uint8)
    view[4095] = 3
    assert view[4095] == 3


def test_a_read_only_mapping_is_read_only(name):
    """An observer can't write by accident."""
    Segment.create(name, 4096, RING)
    view = np.frombuffer(Segment.attach(name, RING, writable=False), np.uint8)
    assert not view.flags.writeable
    with pytest.raises(ValueError, match="WRITEABLE"):
        view.flags.writeable = True


@pytest.mark.parametrize("bad", ["", "a/b", "..//x", "a b", "ä", "x" * 201, "a\n", "a\0b"])
def test_a_bad_name_is_an_error(bad):
    """A name can't reach outside its folder."""
    with pytest.raises(SegmentError, match="a name has 1 to 200 letters"):
        Segment.create(bad, 4096, RING)


def test_a_name_that_is_taken_is_an_error(name):
    Segment.create(name, 4096, RING)
    with pytest.raises(SegmentError, match=f"segment {name}: exists already"):
        Segment.create(name, 4096, RING)


def test_too_large_for_shm_says_so_and_leaves_nothing(name):
    """The error tells what is needed and what there is; it doesn't come as a bus error later."""
    with pytest.raises(SegmentError, match=r"/dev/shm is too small, needs \d+ bytes, has \d+ free"):
        Segment.create(name, 1 << 50, RING)
    assert segment_path(name) is None


@pytest.mark.parametrize(
    ("word", "field"), [(0, "magic"), (2, "layout_version"), (3, "kind"), (4, "size_bytes")]
)
def test_attach_names_the_field_that_does_not_fit(name, word, field):
    """A segment of another program or version is refused."""
    made = Segment.create(name, 4096, RING)
    found = words(made)
    found[word] += 1
    with pytest.raises(AttachError, match=rf"segment {name}: {field} must be \d+, was \d+"):
        Segment.attach(name, RING)
    found[word] -= 1
    Segment.attach(name, RING)


def test_attach_refuses_another_kind(name):
    Segment.create(name, 4096, CONTROL)
    with pytest.raises(AttachError, match="kind must be 2, was 1"):
        Segment.attach(name, RING)


@pytest.mark.parametrize("size", [0, 1, 4095])
def test_attach_refuses_a_file_without_a_header(name, size):
    """A segment whose maker died before it had a size isn't touched."""
    Segment.create(name, 4096, RING)
    os.truncate(segment_path(name), size)
    with pytest.raises(AttachError, match=f"size_bytes must be at least 4096, was {size}"):
        Segment.attach(name, RING)


def attach_as_nobody(name, answers):
    os.setuid(NOBODY)
    try:
        Segment.attach(name, RING)
    except AttachError as error:
        answers.put(str(error))


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root: it becomes another user, who is refused")
def test_another_user_gets_a_clear_error(name):
    """No permission is told apart from not there."""
    Segment.create(name, 4096, RING)
    context = multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    child = context.Process(target=attach_as_nobody, args=(name, answers))
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert answers.get() == f"segment {name}: no permission to attach, owner is another user"


def test_the_page_size_is_what_backs_it(name):
    """Ordinary or huge, as the kernel says."""
    assert Segment.create(name, 4096, RING).header["page_bytes"] == 4096
    with fresh_name() as large:
        assert Segment.create(large, 4 << 20, RING).header["page_bytes"] in (4096, 2 << 20)


def test_the_numa_nodes_are_those_of_its_memory(name):
    """As the kernel says: at least one that the host has, where it tells any."""
    nodes = Segment.create(name, 1 << 20, RING).numa_nodes()
    known = {int(path.name[4:]) for path in Path("/sys/devices/system/node").glob("node[0-9]*")}
    if os.path.exists("/proc/self/numa_maps"):
        assert nodes > 0
        assert {node for node in range(64) if nodes >> node & 1} <= known
    else:
        assert nodes == 0


@pytest.fixture
def huge_folder(monkeypatch, tmp_path):
    """A folder in the place of a hugetlbfs mount with room."""
    monkeypatch.setattr(segment, "HUGE_DIR", str(tmp_path))
    monkeypatch.setattr(segment, "free_huge_bytes", lambda: 64 << 20)
    return tmp_path


def test_huge_pages_are_used_where_they_fit(name, huge_folder, monkeypatch):
    """Only for a whole number of huge pages, only as many as are free, and not if told not to."""
    Segment.create(name, 4 << 20, RING)
    assert segment_path(name) == f"{huge_folder}/{name}"
    assert Segment.attach(name, RING).size == 4 << 20
    Segment.unlink(name)
    assert not any(huge_folder.iterdir())
    for size, pages, free in [
        (4 << 20, "never", 64),
        (4096, "auto", 64),
        (4096, "require", 64),
        (4 << 20, "auto", 2),
    ]:
        monkeypatch.setattr(segment, "free_huge_bytes", lambda free=free: free << 20)
        Segment.create(name, size, RING, pages=pages)
        assert segment_path(name) == f"/dev/shm/{name}"
        Segment.unlink(name)


def test_required_huge_pages_or_none(name, huge_folder, monkeypatch):
    """The error says how many there must be and what to do; nothing is left."""
    Segment.create(name, 4 << 20, RING, pages="require")
    assert segment_path(name) == f"{huge_folder}/{name}"
    Segment.unlink(name)
    monkeypatch.setattr(segment, "free_huge_bytes", lambda: 2 << 20)
    with pytest.raises(SegmentError, match=r"needs 2 huge pages, .* has 1 free; .*nr_hugepages"):
        Segment.create(name, 4 << 20, RING, pages="require")
    assert segment_path(name) is None
    with pytest.raises(SegmentError, match="pages must be one of auto, never, require, was 'no'"):
        Segment.create(name, 4096, RING, pages="no")


def test_segments_without_huge_pages_say_so_to_who_attaches(name):
    """Otherwise the reader's advice could bring them back."""
    made = Segment.create(name, 4 << 20, RING, pages="never")
    found = Segment.attach(name, RING)
    assert (made.header["page_bytes"], found.header["small_pages"]) == (4096, 1)


def test_a_name_taken_on_huge_pages_is_an_error(name, huge_folder):
    """The same error as elsewhere, whichever of the two folders holds the name."""
    Segment.create(name, 2 << 20, RING)
    for size in (2 << 20, 4096):
        with pytest.raises(SegmentError, match=f"segment {name}: exists already"):
            Segment.create(name, size, RING)


def test_no_huge_pages_without_a_mount(monkeypatch, tmp_path):
    """An ordinary folder isn't taken for hugetlbfs."""
    monkeypatch.setattr(segment, "HUGE_DIR", str(tmp_path))
    assert segment.free_huge_bytes() == 0


def test_start_ticks_tell_processes_apart():
    """A process that isn't there has none."""
    assert process_start_ticks(2**22 + 1) == 0
    assert process_start_ticks(os.getpid()) == process_start_ticks("self")


@pytest.mark.parametrize("cls", [Segment])
def test_segments_are_not_made_by_their_class(cls):
    with pytest.raises(TypeError, match=r"use Segment\.create or Segment\.attach"):
        cls()
