"""The ring for Python: its errors, and that what `take` shows is the ring itself."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

from hft.core.messages import BOOK_TOP_DTYPE, COMMAND, MESSAGE, Kind
from hft.core.ring import Ring, RingPolicy
from hft.core.segment import Segment, SegmentKind, process_start_ticks
from hft.errors import AttachError, SegmentError
from tests.shared_memory import fresh_name, fresh_ring

# The first bytes of fields in a ring's header page, as RingHeader in ring.pxd lays them out.
SLOT_BYTES, POLICY, CAPACITY = 64, 68, 72
PRODUCER_PID, PRODUCER_START, CONSUMER_PID, CONSUMER_START = 80, 88, 96, 104
HEAD = 256


@pytest.fixture
def name():
    with fresh_name() as name:
        yield name


@pytest.fixture
def ring():
    with fresh_ring(8) as ring:
        yield ring


def some(count, first=1):
    messages = np.zeros(count, COMMAND)
    messages["kind"] = Kind.NEW_ORDER
    messages["price_ticks"] = np.arange(first, first + count)
    return messages


def prices(batch):
    return batch.view(COMMAND)["price_ticks"].tolist()


def field(ring, offset, dtype=np.uint64):
    return np.frombuffer(ring.segment, dtype, 1, offset)


# Making and attaching.


@pytest.mark.parametrize("capacity", [0, 1, 4, 7, 9, 12, 2**16 - 1, 2**33, 2**58, 2**63])
def test_a_capacity_that_is_no_power_of_two_is_an_error(name, capacity):
    """Nor may it be so large that its bytes can't be counted."""
    with pytest.raises(SegmentError, match=rf"ring {name}: capacity_slots must .*, was {capacity}"):
        Ring.create(name, capacity)


def test_an_unknown_policy_is_an_error(name):
    with pytest.raises(SegmentError, match="policy must be a RingPolicy, was 2"):
        Ring.create(name, 8, 2)


@pytest.mark.parametrize("bad", ["", "a/b", "a b"])
def test_a_bad_name_is_an_error(bad):
    with pytest.raises(SegmentError, match="a name has 1 to 200 letters"):
        Ring.create(bad, 8)


def test_a_name_that_is_taken_is_an_error(ring):
    with pytest.raises(SegmentError, match="exists already"):
        Ring.create(ring.name, 8)


def test_a_ring_that_is_not_there_is_an_error():
    with pytest.raises(AttachError, match="segment no-such-ring: not found"):
        Ring.attach("no-such-ring")


def test_a_segment_of_another_kind_is_an_error(name):
    Segment.create(name, 8192, SegmentKind.SEGMENT_CONTROL)
    with pytest.raises(AttachError, match="kind must be 2, was 1"):
        Ring.attach(name)


@pytest.mark.parametrize(
    ("label", "offset", "dtype", "value"),
    [
        ("slot_bytes", SLOT_BYTES, np.uint32, 128),
        ("slot_bytes", SLOT_BYTES, np.uint32, 0),
        ("policy", POLICY, np.uint32, 2),
        ("capacity_slots", CAPACITY, np.uint64, 0),
        ("capacity_slots", CAPACITY, np.uint64, 6),
        ("capacity_slots", CAPACITY, np.uint64, 16),
        ("capacity_slots", CAPACITY, np.uint64, 2**58),
        ("capacity_slots", CAPACITY, np.uint64, 2**63),
    ],
)
def test_attach_names_the_field_that_does_not_fit(ring, label, offset, dtype, value):
    """No value of the header can make a reader leave the segment."""
    field(ring, offset, dtype)[0] = value
    with pytest.raises(AttachError, match=f"ring {ring.name}: {label} must be .*, was {value}"):
        Ring.attach(ring.name)


def test_what_it_is_made_with_it_shows(name):
    """Also on the other end."""
    Ring.create(name, 1024, RingPolicy.RING_DROP)
    ring = Ring.attach(name)
    assert (ring.name, ring.capacity_slots, ring.policy) == (name, 1024, RingPolicy.RING_DROP)
    assert (len(ring), ring.lost) == (0, 0)


def test_a_large_ring_is_a_whole_number_of_huge_pages(name):
    ring = Ring.create(name, 65536)
    assert ring.segment.size == 6 << 20
    assert Ring.attach(name).capacity_slots == 65536


def test_an_unlinked_ring_goes_on(ring):
    other = Ring.attach(ring.name)
    ring.unlink()
    ring.push(some(3))
    assert prices(other.take()) == [1, 2, 3]


def test_a_with_statement_removes_the_name_of_a_ring_that_was_made(name):
    with Ring.create(name, 8) as ring:
        with Ring.attach(name) as other:
            other.push(some(1))
        assert prices(Ring.attach(name).take()) == [1]
    with pytest.raises(AttachError, match="not found"):
        Ring.attach(name)
    assert len(ring) == 1


FORK = """
import os, sys
import numpy as np
from hft.core.messages import MESSAGE
from hft.core.ring import Ring
from hft.errors import AttachError

with Ring.create(sys.argv[1], 8) as ring:
    ring.push(np.zeros(1, MESSAGE))
    child = os.fork()
    if not child:
        try:
            ring.push(np.zeros(1, MESSAGE))
        except AttachError:
            os._exit(0)
        os._exit(1)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_child_is_not_its_parent(name):
    """The handle that it inherits is no licence to push beside its parent."""
    subprocess.run([sys.executable, "-c", FORK, name], check=True, timeout=30)


def test_rings_are_not_made_by_their_class():
    with pytest.raises(TypeError, match=r"use Ring\.create or Ring\.attach"):
        Ring()


# Pushing.


def test_push_stops_when_the_ring_is_full(ring):
    """A full ring takes nothing more until something is released."""
    assert ring.push(some(20)) == 8
    assert ring.push(some(1)) == 0
    assert len(ring) == 8
    reader = Ring.attach(ring.name)
    reader.take()
    assert ring.push(some(1)) == 0
    reader.release(3)
    assert ring.push(some(20, first=9)) == 3
    reader.release()
    assert prices(reader.take()) == [9, 10, 11]


def test_push_sets_sequence_and_stamp(ring):
    """What the sender had there is not sent."""
    messages = some(2)
    messages["sequence"] = 99
    ring.push(messages)
    batch = ring.take()
    assert batch["sequence"].tolist() == [1, 2]
    assert batch["stamp"].all()
    assert messages["sequence"].tolist() == [99, 99]


NOT_MESSAGES = [
    (np.zeros(8), "was 1-dimensional of float64"),
    (np.zeros((2, 2), MESSAGE), "was 2-dimensional of a message dtype"),
    (np.zeros(1, [("a", "u8")])[0], "was 0-dimensional of \\[\\('a', '<u8'\\)\\]"),
    ([1, 2], "was a list"),
    (b"x" * 64, "was a bytes"),
    (None, "was a NoneType"),
]


@pytest.mark.parametrize(("bad", "was"), NOT_MESSAGES)
def test_push_takes_messages_only(ring, bad, was):
    with pytest.raises(TypeError, match=f"one-dimensional array of a message dtype.*, {was}$"):
        ring.push(bad)
    assert len(ring) == 0


def test_push_takes_any_message_dtype_and_stride(ring):
    assert ring.push(np.zeros(2, BOOK_TOP_DTYPE)) == 2
    assert ring.push(some(6)[::2]) == 3
    assert ring.push(some(3)[:1:-1]) == 1
    assert prices(ring.take())[2:] == [1, 3, 5, 3]
    assert ring.push(np.zeros(0, MESSAGE)) == 0


def test_push_takes_a_record(ring):
    """One message needs no array of its own."""
    messages = some(3)
    assert ring.push(messages[1]) == ring.push(messages.view(MESSAGE)[2]) == 1
    assert prices(ring.take()) == [2, 3]
    assert ring.push(np.array(messages[0])) == 1  # of no dimension
    ring.release()
    assert prices(ring.take()) == [1]


# Taking.


def test_what_take_shows_is_the_ring_itself(ring):
    """Zero-copy: the batch is the segment's memory, and can't be written."""
    ring.push(some(3))
    batch = ring.take()
    memory = np.frombuffer(ring.segment, np.uint8)
    assert np.shares_memory(batch, memory)
    assert not batch.flags.writeable
    memory[4096 + 24 + 8] = 77
    assert batch.view(COMMAND)["price_ticks"][0] == 77


def test_take_stops_at_the_edge(ring):
    """A batch is one piece of memory, so it ends where the ring does."""
    ring.push(some(6))
    ring.take()
    ring.release()
    ring.push(some(6, first=7))
    assert prices(ring.take()) == [7, 8]
    ring.release()
    assert prices(ring.take()) == [9, 10, 11, 12]


def test_take_shows_the_same_until_release(ring):
    ring.push(some(5))
    assert prices(ring.take(2)) == prices(ring.take(2)) == [1, 2]
    ring.release(1)
    assert prices(ring.take(0)) == []
    assert prices(ring.take()) == [2, 3, 4, 5]


def test_no_more_is_released_than_was_taken(ring):
    ring.push(some(5))
    ring.take(2)
    with pytest.raises(ValueError, match="count must be at most 2, was 3"):
        ring.release(3)
    ring.release(2)
    with pytest.raises(ValueError, match="count must be at most 0, was 1"):
        ring.release(1)
    assert len(ring) == 3


def test_a_new_reader_releases_nothing_before_it_takes(ring):
    """A handle that attaches mid-way starts where the last one stopped."""
    ring.push(some(5))
    ring.take(3)
    ring.release()
    reader = Ring.attach(ring.name)
    reader.release()
    assert len(ring) == 2
    assert prices(reader.take()) == [4, 5]


def test_take_into_copies_and_gives_back(ring):
    """Round the edge, too; what does not fit stays."""
    ring.push(some(5))
    ring.take()
    ring.release()
    room = np.zeros(6, COMMAND)
    ring.push(some(7, first=6))
    assert ring.take_into(room) == 6
    assert prices(room) == [6, 7, 8, 9, 10, 11]
    assert room["sequence"].tolist() == [6, 7, 8, 9, 10, 11]
    assert len(ring) == 1
    assert ring.take_into(room) == 1
    assert ring.take_into(room) == ring.take_into(room[:0]) == 0
    assert prices(room) == [12, 7, 8, 9, 10, 11]
    ring.release()


def test_take_into_takes_what_take_showed(ring):
    """Only a release, or a copy, takes a message."""
    ring.push(some(3))
    ring.take()
    room = np.zeros(2, MESSAGE)
    assert ring.take_into(room) == 2
    ring.release()
    assert prices(ring.take()) == [3]


@pytest.mark.parametrize(("bad", "was"), NOT_MESSAGES)
def test_take_into_fills_messages_only(ring, bad, was):
    ring.push(some(1))
    with pytest.raises(TypeError, match=f"one-dimensional array of a message dtype, {was}$"):
        ring.take_into(bad)
    assert len(ring) == 1


def test_take_into_needs_room_without_gaps_that_can_be_written(ring):
    ring.push(some(1))
    with pytest.raises(TypeError, match=r"messages can't be written to: .*not C-contiguous"):
        ring.take_into(np.zeros(4, MESSAGE)[::2])
    shown = ring.take()
    with pytest.raises(TypeError, match=r"messages can't be written to: .*read-only"):
        ring.take_into(shown)


def test_a_drop_ring_takes_copies():
    """They stay as they are when the producer comes round again."""
    with fresh_ring(8, RingPolicy.RING_DROP) as ring:
        ring.push(some(8))
        batch = ring.take()
        ring.push(some(8, first=9))
        assert prices(batch) == [1, 2, 3, 4, 5, 6, 7, 8]
        assert prices(ring.take(0)) == []
        assert ring.lost == 0


def test_a_drop_ring_takes_into_an_array_and_counts_what_is_lost():
    with fresh_ring(8, RingPolicy.RING_DROP) as ring:
        room = np.zeros(20, MESSAGE)
        ring.push(some(3))
        assert ring.take_into(room[:2]) == 2
        ring.push(some(9, first=4))
        # Slot 3 holds message 11: go on half a ring behind it.
        assert ring.take_into(room) == 5
        assert prices(room[:5]) == [8, 9, 10, 11, 12]
        assert ring.lost == 5


# Waiting.


def push_later(name, delay_s, count=1):
    time.sleep(delay_s)
    Ring.attach(name).push(some(count))


def take_later(name, delay_s, count):
    time.sleep(delay_s)
    ring = Ring.attach(name)
    for _ in range(count):
        ring.take(1)
        ring.release()


@contextmanager
def elsewhere(*call):
    """A function in a process of its own, which has to end well."""
    child = multiprocessing.get_context("spawn").Process(target=call[0], args=call[1:])
    child.start()
    try:
        yield
        child.join(20)
        assert child.exitcode == 0
    finally:
        child.kill()
        child.join()


@pytest.mark.parametrize("delay_s", [0.0, 0.02])
def test_a_call_waits_for_a_message(ring, delay_s):
    """`wait`, `take` and `take_into` alike, however long it is until another process sends one."""
    room = np.zeros(4, COMMAND)
    with elsewhere(push_later, ring.name, delay_s):
        assert ring.wait(20)
    assert prices(ring.take()) == [1]
    ring.release()
    with elsewhere(push_later, ring.name, delay_s):
        assert prices(ring.take(timeout_s=None)) == [1]
    ring.release()
    with elsewhere(push_later, ring.name, delay_s, 2):
        assert ring.take_into(room[:1], timeout_s=20) == 1
    assert ring.take_into(room, timeout_s=20) == 1
    assert prices(room)[:1] == [2]


def test_push_waits_for_room(ring):
    with elsewhere(take_later, ring.name, 0.02, 5):
        assert ring.push(some(13), timeout_s=20) == 13
    assert prices(Ring.attach(ring.name).take()) == [6, 7, 8]


@pytest.mark.parametrize("timeout_s", [0, 0.0001, 0.003])
def test_a_wait_ends_when_its_time_is_over(ring, timeout_s):
    started = time.monotonic()
    assert not ring.wait(timeout_s)
    assert len(ring.take(timeout_s=timeout_s)) == 0
    assert ring.take_into(np.zeros(1, MESSAGE), timeout_s) == 0
    assert ring.push(some(9), timeout_s) == 8
    assert time.monotonic() - started >= 4 * timeout_s
    assert ring.wait(timeout_s)
    # Who wants nothing waits for nothing.
    reader = Ring.attach(ring.name)
    reader.take()
    reader.release()
    assert len(reader.take(0, timeout_s=None)) == 0
    assert reader.take_into(np.zeros(0, MESSAGE), timeout_s=None) == 0


@pytest.mark.parametrize("bad", [-1, -0.5, float("nan")])
def test_a_time_to_wait_is_not_negative(ring, bad):
    with pytest.raises(ValueError, match=f"timeout_s must be None or at least 0, was {bad}"):
        ring.wait(bad)
    with pytest.raises(TypeError):
        ring.wait("1")


def test_a_signal_ends_a_wait(ring):
    """Ctrl-C works while a Python program waits for ever."""

    class Stop(Exception):
        pass

    def stop(*_):
        raise Stop

    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(Stop):
            ring.wait()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_other_threads_run_while_one_waits(ring):
    """The GIL is not held: the thread that pushes could not, if it were."""
    sender = threading.Thread(target=push_later, args=(ring.name, 0.01))
    sender.start()
    assert ring.wait(20)
    sender.join()


# The newest message.


def test_latest_is_the_newest_and_takes_nothing():
    with fresh_ring(8, RingPolicy.RING_DROP) as ring:
        onlooker = Ring.attach(ring.name)
        assert len(onlooker.latest()) == 0
        last = 0
        for pushed in (1, 2, 7, 8, 9, 25, 26):
            ring.push(some(pushed - last, first=last + 1))
            last = pushed
            newest = onlooker.latest()
            assert prices(newest) == newest["sequence"].tolist() == [pushed]
        assert prices(Ring.attach(ring.name).latest()) == [26]
        kept = onlooker.latest()
        assert onlooker.lost == 0
        assert len(ring) == 26
        ring.push(some(8, first=27))
        assert prices(kept) == [26]


def test_latest_does_not_make_a_consumer():
    """Anybody may look while another process takes."""
    with fresh_ring(8, RingPolicy.RING_DROP) as ring:
        parent = os.getppid()
        field(ring, CONSUMER_PID)[0] = parent
        field(ring, CONSUMER_START)[0] = process_start_ticks(parent)
        ring.push(some(3))
        assert prices(Ring.attach(ring.name).latest()) == [3]


def test_latest_of_a_wait_ring_is_an_error(ring):
    """Its slots are reused without a word, so that only the consumer may look at them."""
    with pytest.raises(ValueError, match=f"ring {ring.name}: latest needs a drop ring"):
        ring.latest()


@pytest.mark.parametrize("overwriting", [False, True])
def test_latest_needs_no_head(overwriting):
    """Wherever the producer died: its head may lag laps behind, and its next slot be half-written.

    A successor goes on after the same message.
    """
    for pushed in range(1, 26):
        for shown in range(0, pushed + 1, 3):
            with fresh_ring(8, RingPolicy.RING_DROP) as ring:
                ring.push(some(pushed))
                field(ring, HEAD)[0] = shown
                if overwriting:
                    field(ring, 4096 + pushed % 8 * 64)[0] = 0
                assert prices(Ring.attach(ring.name).latest()) == [pushed]
                Ring.attach(ring.name).push(some(1, first=pushed + 1))
                newest = Ring.attach(ring.name).latest()
                assert prices(newest) == newest["sequence"].tolist() == [pushed + 1]


# One producer, one consumer.


@pytest.mark.parametrize(
    ("role", "pid", "start"),
    [("producer", PRODUCER_PID, PRODUCER_START), ("consumer", CONSUMER_PID, CONSUMER_START)],
)
def test_a_second_process_is_refused_while_the_first_lives(ring, role, pid, start):
    """Two producers, or consumers, would destroy each other's messages."""
    use = {"producer": lambda: ring.push(some(1)), "consumer": lambda: ring.take()}[role]
    parent = os.getppid()
    field(ring, pid)[0] = parent
    field(ring, start)[0] = process_start_ticks(parent)
    with pytest.raises(AttachError, match=f"has a {role} already, process {parent}"):
        use()
    # The same pid, but started at another time: a pid that was used again.
    field(ring, start)[0] += 1
    use()
    assert field(ring, pid)[0] == os.getpid()


def push_from_elsewhere(name):
    Ring.attach(name).push(some(2))


def test_a_dead_producer_is_succeeded(ring):
    """Who comes after it goes on where it stopped."""
    with elsewhere(push_from_elsewhere, ring.name):
        pass
    assert field(ring, PRODUCER_PID)[0] not in (0, os.getpid())
    successor = Ring.attach(ring.name)
    assert successor.push(some(1, first=3)) == 1
    assert prices(ring.take()) == [1, 2, 3]


def test_a_successor_finds_messages_that_the_head_does_not_show(ring):
    """The head in the header lags behind; the slots tell what was published."""
    ring.push(some(5))
    field(ring, HEAD)[0] = 2
    successor = Ring.attach(ring.name)
    assert successor.push(some(9, first=6)) == 3
    assert prices(ring.take()) == [1, 2, 3, 4, 5, 6, 7, 8]


# Taking over an end.


def in_child(task):
    """Run a task in another process, and that until its end; its exit status."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            task()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_who_takes_over_goes_on_where_the_dead_one_left_off(ring):
    """Also with a handle that was attached before: its numbers are old."""
    assert in_child(lambda: Ring.attach(ring.name).push(some(3))) == 0
    assert ring.push(some(2, first=4)) == 2
    taker = Ring.attach(ring.name)

    def take_two():
        mine = Ring.attach(ring.name)
        mine.take(2)
        mine.release()

    assert in_child(take_two) == 0
    assert prices(taker.take()) == [3, 4, 5]


def test_a_new_start_of_the_same_pid_is_written_down(ring):
    """Else a third process would take the start that it finds for a dead one's."""
    field(ring, PRODUCER_PID)[0] = os.getpid()
    field(ring, PRODUCER_START)[0] = 1
    ring.push(some(1))
    assert field(ring, PRODUCER_START)[0] == process_start_ticks(os.getpid())
