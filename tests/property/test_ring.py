"""The ring against a deque in one process, and between two real processes.

`HFT_SEED=n` repeats a run between processes.
"""

import multiprocessing
import os
import time
from collections import deque
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hft.core.messages import MESSAGE, Kind
from hft.core.ring import Ring, RingPolicy
from tests.shared_memory import fresh_ring

SEED = int(os.environ.get("HFT_SEED", "1"))
WAIT, DROP = RingPolicy.RING_WAIT, RingPolicy.RING_DROP
PATIENCE_S = 40
# Each word of a payload is the message's number times one of these: a torn message doesn't fit.
FACTORS = np.array([1, 3, 0x9E3779B97F4A7C15, 2**63 + 1, 0xC2B2AE3D27D4EB4F], np.uint64)


def numbered(first: int, count: int) -> np.ndarray:
    """Messages first, first + 1, ... whose every word tells which one it is."""
    messages = np.zeros(count, MESSAGE)
    numbers = np.arange(first, first + count, dtype=np.uint64)
    messages["kind"] = Kind.TRADE
    messages["origin_ts_ns"] = numbers
    messages["instrument"] = numbers % 2**16
    messages["payload"] = (numbers[:, None] * FACTORS).view(np.uint8).reshape(count, 40)
    return messages


def numbers_of(batch: np.ndarray) -> list[int]:
    """The messages' numbers; fails if a message is mixed from two or in the wrong place."""
    numbers = batch["origin_ts_ns"].astype(np.uint64)
    words = np.ascontiguousarray(batch["payload"]).view(np.uint64).reshape(len(batch), 5)
    assert (words == numbers[:, None] * FACTORS).all()
    assert (batch["instrument"] == numbers % 2**16).all()
    assert (batch["kind"] == Kind.TRADE).all()
    assert (batch["sequence"] == numbers).all()
    return numbers.tolist()


actions = st.one_of(
    st.tuples(st.just("push"), st.integers(0, 40)),
    st.tuples(st.sampled_from(["take", "take into"]), st.integers(0, 40)),
    st.tuples(st.just("release"), st.none() | st.integers(0, 40)),
    st.tuples(st.sampled_from(["attach producer", "attach consumer"]), st.none()),
)
capacities = st.sampled_from([8, 16, 32])


@settings(deadline=None, max_examples=200)
@given(capacities, st.lists(actions, max_size=80))
def test_a_wait_ring_is_a_deque(capacity, steps):
    """Pushes, takes, releases and new handles in any order: nothing lost, doubled or reordered."""
    waiting: deque[int] = deque()  # pushed and not released
    pushed = shown = released = 0
    with fresh_ring(capacity) as producer:
        consumer = Ring.attach(producer.name)
        for action, count in steps:
            if action == "push":
                room = capacity - len(waiting)
                assert producer.push(numbered(pushed + 1, count)) == min(count, room)
                waiting.extend(range(pushed + 1, pushed + 1 + min(count, room)))
                pushed += min(count, room)
            elif action == "take":
                to_edge = capacity - released % capacity
                expected = list(waiting)[: min(count, to_edge)]
                assert numbers_of(consumer.take(count)) == expected
                shown = len(expected)
            elif action == "take into":
                room = np.zeros(count, MESSAGE)
                assert consumer.take_into(room) == min(count, len(waiting))
                numbers = numbers_of(room[: min(count, len(waiting))])
                assert numbers == [waiting.popleft() for _ in numbers]
                released += len(numbers)
                shown = 0
            elif action == "release" and count is not None and count > shown:
                with pytest.raises(ValueError, match=f"at most {shown}, was {count}"):
                    consumer.release(count)
            elif action == "release":
                consumer.release(count)
                for _ in range(shown if count is None else count):
                    waiting.popleft()
                    released += 1
                    shown -= 1
            elif action == "attach producer":
                producer = Ring.attach(producer.name)
            else:
                consumer, shown = Ring.attach(producer.name), 0
            assert len(producer) == len(consumer) == len(waiting)


@settings(deadline=None, max_examples=200)
@given(capacities, st.lists(actions, max_size=80))
def test_a_drop_ring_is_a_deque_that_forgets(capacity, steps):
    """A push always succeeds; a reader gets the newest in order and counts exactly the rest."""
    pushed = last = lost = 0
    with fresh_ring(capacity, DROP) as producer:
        consumer, onlooker = Ring.attach(producer.name), Ring.attach(producer.name)
        for action, count in steps:
            if action == "push":
                assert producer.push(numbered(pushed + 1, count)) == count
                pushed += count
            elif action in ("take", "take into"):
                while count and pushed - last > capacity:
                    # What is found in the next slot is laps ahead: go on half a ring behind it.
                    found = pushed - (pushed - last - 1) % capacity
                    lost += found - capacity // 2 - last
                    last = found - capacity // 2
                expected = list(range(last + 1, pushed + 1))[: min(count, capacity)]
                if action == "take into":
                    expected = list(range(last + 1, pushed + 1))[:count]
                    room = np.zeros(count, MESSAGE)
                    assert consumer.take_into(room) == len(expected)
                    assert numbers_of(room[: len(expected)]) == expected
                else:
                    assert numbers_of(consumer.take(count)) == expected
                last += len(expected)
                assert consumer.lost == lost
                consumer.release()
            elif action == "attach producer":
                producer = Ring.attach(producer.name)
            elif action == "attach consumer":
                consumer = Ring.attach(producer.name)
                assert consumer.lost == lost
            assert numbers_of(onlooker.latest()) == ([pushed] if pushed else [])


def produce(name, count, largest_batch, seed):
    """The other process: push messages 1 to count in random batches."""
    rng = np.random.default_rng(seed)
    ring = Ring.attach(name)
    pushed = 0
    while pushed < count:
        wanted = min(int(rng.integers(1, largest_batch + 1)), count - pushed)
        batch = numbered(pushed + 1, wanted)
        done = 0
        while done < wanted:
            done += ring.push(batch[done:])
            if done < wanted:
                os.sched_yield()
        pushed += wanted
        if rng.random() < 0.001:
            time.sleep(0.0005)


@contextmanager
def other_process(*arguments):
    """`produce` in a process of its own, which has to end well."""
    process = multiprocessing.get_context("spawn").Process(target=produce, args=arguments)
    process.start()
    try:
        yield process
        process.join(PATIENCE_S)
        assert process.exitcode == 0
    finally:
        if process.is_alive():
            process.kill()
            process.join()
        process.close()


def pass_all(capacity, count, patience_s=PATIENCE_S):
    """Take what another process pushes, in random batches and parts; it must be 1 to count."""
    rng = np.random.default_rng(SEED)
    last = 0
    with (
        fresh_ring(capacity) as ring,
        other_process(ring.name, count, 2 * capacity, SEED + 1) as producer,
    ):
        deadline = time.monotonic_ns() + patience_s * 10**9
        while last < count:
            batch = ring.take(int(rng.integers(1, capacity + 1)))
            numbers = numbers_of(batch)
            assert numbers == list(range(last + 1, last + 1 + len(numbers)))
            part = int(rng.integers(0, len(batch) + 1)) if rng.random() < 0.2 else len(batch)
            ring.release(part)
            last += part
            if not len(batch):
                assert time.monotonic_ns() < deadline, f"at {last}, HFT_SEED={SEED}"
                assert producer.exitcode in (None, 0)
                os.sched_yield()
        assert len(ring.take()) == 0


def pass_newest(capacity, count, patience_s=PATIENCE_S):
    """Take what is still there of what another process pushes without waiting."""
    rng = np.random.default_rng(SEED)
    last = received = jumps = 0
    with (
        fresh_ring(capacity, DROP) as ring,
        other_process(ring.name, count, 2 * capacity, SEED + 1) as producer,
    ):
        deadline = time.monotonic_ns() + patience_s * 10**9
        while last < count:
            numbers = numbers_of(ring.take(int(rng.integers(1, capacity + 1))))
            if numbers:
                assert last < numbers[0]
                assert numbers == sorted(set(numbers))
                jumps += numbers[-1] - last > len(numbers)
                last = numbers[-1]
                received += len(numbers)
            else:
                assert time.monotonic_ns() < deadline, f"at {last}, HFT_SEED={SEED}"
                assert producer.exitcode in (None, 0)
            assert ring.lost >= last - received
            if rng.random() < 0.01:
                time.sleep(0.0005)
        assert ring.lost == count - received
        assert Ring.attach(ring.name).lost == ring.lost
    return received, jumps


def look_on(capacity, count, patience_s=PATIENCE_S):
    """Look at the newest of what another process pushes: whole, and never an older one again."""
    last = looks = 0
    with (
        fresh_ring(capacity, DROP) as ring,
        other_process(ring.name, count, 2 * capacity, SEED) as producer,
    ):
        deadline = time.monotonic_ns() + patience_s * 10**9
        while last < count:
            for number in numbers_of(ring.latest()):
                assert number >= last
                looks += number > last
                last = number
            assert time.monotonic_ns() < deadline, f"at {last}, HFT_SEED={SEED}"
            assert producer.exitcode in (None, 0)
    return looks


@pytest.mark.parametrize("capacity", [8, 64])
def test_the_newest_is_whole(capacity):
    """Also when the producer comes round a small ring in the middle of a look."""
    assert look_on(capacity, 300_000) > 1


@pytest.mark.parametrize("capacity", [8, 64, 1024])
def test_nothing_is_lost_between_processes(capacity):
    """Hundreds of thousands of messages, laps of a small ring: each once, in order and whole."""
    pass_all(capacity, 50_000 if capacity == 8 else 200_000)


@pytest.mark.parametrize("capacity", [8, 64])
def test_what_is_dropped_between_processes_is_counted(capacity):
    """A slow reader of a fast producer sees whole messages in order and counts the others."""
    received, jumps = pass_newest(capacity, 300_000)
    assert received > 0
    assert jumps > 0


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("capacity", [8, 64, 4096])
def test_nothing_is_lost_of_millions(capacity):
    """As above, for minutes."""
    pass_all(capacity, 500_000 if capacity == 8 else 10_000_000, patience_s=1500)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("capacity", [8, 64, 4096])
def test_what_is_dropped_of_millions_is_counted(capacity):
    """As above, for minutes."""
    pass_newest(capacity, 20_000_000, patience_s=1500)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("capacity", [8, 64, 4096])
def test_the_newest_of_millions_is_whole(capacity):
    """As above, for minutes."""
    look_on(capacity, 20_000_000, patience_s=1500)
