"""The ring for Python: its errors, and that what `take` shows is the ring itself."""

import multiprocessing
import os

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


@pytest.mark.parametrize("bad", [np.zeros(8), np.zeros((2, 2), MESSAGE), [1, 2], b"x" * 64])
def test_push_takes_messages_only(ring, bad):
    with pytest.raises(TypeError, match="one-dimensional array of a message dtype"):
        ring.push(bad)


def test_push_takes_any_message_dtype_and_stride(ring):
    assert ring.push(np.zeros(2, BOOK_TOP_DTYPE)) == 2
    assert ring.push(some(6)[::2]) == 3
    assert prices(ring.take())[2:] == [1, 3, 5]
    assert ring.push(np.zeros(0, MESSAGE)) == 0


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


def test_a_drop_ring_takes_copies():
    """They stay as they are when the producer comes round again."""
    with fresh_ring(8, RingPolicy.RING_DROP) as ring:
        ring.push(some(8))
        batch = ring.take()
        ring.push(some(8, first=9))
        assert prices(batch) == [1, 2, 3, 4, 5, 6, 7, 8]
        assert prices(ring.take(0)) == []
        assert ring.lost == 0


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
    child = multiprocessing.get_context("spawn").Process(
        target=push_from_elsewhere, args=(ring.name,)
    )
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert field(ring, PRODUCER_PID)[0] == child.pid
    successor = Ring.attach(ring.name)
    assert successor.push(some(1, first=3)) == 1
    assert prices(ring.take()) == [1, 2, 3]


def test_a_successor_finds_messages_that_the_head_does_not_show(ring):
    """The head in the header lags behind; the slots tell what was published."""
    ring.push(some(5))
    np.frombuffer(ring.segment, np.uint64, 1, 256)[0] = 2
    successor = Ring.attach(ring.name)
    assert successor.push(some(9, first=6)) == 3
    assert prices(ring.take()) == [1, 2, 3, 4, 5, 6, 7, 8]
