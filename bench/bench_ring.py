"""Rings: calls from Python in one process, then two processes on two cores beside their peers.

The two-process figures of one repetition belong together: compare the ring with the bare flag, and
with the standard library's Pipe and Queue, of the same run. A round trip includes one look at the
clock. Percentiles are of one repetition's round trips.
"""

import mmap
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

import native
import numpy as np
import pyperf
from support import new_runner, note, pinned, repeat, two_cores

from hft.core.messages import COMMAND
from hft.core.ring import Ring

BATCH = 256
NATIVE_BATCH = 256
CAPACITY_SLOTS = 1 << 16  # as most of the system's edges
MESSAGES = 4_000_000  # one way
ROUND_TRIPS = 100_000
WARM_UP = 1000  # round trips, the first of which waits for the other process to start
PYTHON_ROUND_TRIPS = 10_000
QUEUE_MESSAGES = 20_000
PAYLOAD = bytes(64)
PATIENCE_S = 30

processes = multiprocessing.get_context("spawn")


def in_one_process(loops: int, size: int) -> float:
    ring = Ring.create(f"hft-bench-{os.getpid()}", 1024)
    reader = Ring.attach(ring.name)
    messages = np.zeros(size, COMMAND)
    try:
        started = pyperf.perf_counter()
        for _ in range(loops):
            ring.push(messages)
            reader.take(size)
            reader.release()
        return pyperf.perf_counter() - started
    finally:
        ring.unlink()


# The other process. Each function is called there with the names of two rings, or with its part.


def publish(there: str, _back: str, count: int, batch: int) -> None:
    native.load().publish(Ring.attach(there), count, batch)


def pong(there: str, back: str, count: int) -> None:
    native.load().pong(Ring.attach(there), Ring.attach(back), count)


def python_pong(there: str, back: str, count: int) -> None:
    source, target = Ring.attach(there), Ring.attach(back)
    for _ in range(count):
        message = take_one(source)
        target.push(message)
        source.release()


def flag_pong(path: str, count: int) -> None:
    native.load().flag_pong(words_of(path), count)


def pipe_pong(connection: Any, count: int) -> None:
    for _ in range(count):
        connection.send_bytes(connection.recv_bytes())


def queue_put(queue: Any, count: int) -> None:
    for _ in range(count):
        queue.put(PAYLOAD)


def on_core(core: int, work: Callable[..., None], *args: Any) -> None:
    os.sched_setaffinity(0, {core})
    work(*args)


# This process.


def take_one(ring: Ring) -> Any:
    give_up_s = time.monotonic() + PATIENCE_S
    while not len(message := ring.take(1)):
        if time.monotonic() > give_up_s:
            raise TimeoutError("the other process stopped")
    return message


def words_of(path: str) -> Any:
    with open(path, "r+b") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), mmap.PAGESIZE), np.uint64)


def beside(core: int, measure: Callable[[], Any], work: Callable[..., None], *args: Any) -> Any:
    """What `measure` gives here while `work` runs in a process on the other core."""
    other = processes.Process(target=on_core, args=(core, work, *args))
    other.start()
    try:
        result = measure()
        other.join(PATIENCE_S)
    finally:
        if other.is_alive():
            other.kill()
        other.join()
    if other.exitcode != 0:
        raise RuntimeError(f"{work.__name__} ended with {other.exitcode}")
    return result


def percentiles(name: str, round_trip_ns: Any) -> dict[str, float]:
    p50_ns, p99_ns = np.percentile(round_trip_ns[WARM_UP:], (50, 99), method="higher")
    return {f"{name}, round trip p50": p50_ns / 1e9, f"{name}, round trip p99": p99_ns / 1e9}


def one_way(loops: Any, core: int, there: Ring, back: Ring, batch: int) -> float:
    """Seconds per message, first to last taken."""
    taken_ns = beside(
        core,
        lambda: loops.consume(there, MESSAGES),
        *(publish, there.name, back.name, MESSAGES, batch),
    )
    return taken_ns / 1e9 / (MESSAGES - 1)


def ring_round_trips(loops: Any, core: int, there: Ring, back: Ring) -> Any:
    count = WARM_UP + ROUND_TRIPS
    round_trip_ns = np.zeros(count, np.uint32)
    beside(
        core,
        lambda: loops.ping(there, back, round_trip_ns),
        *(pong, there.name, back.name, count),
    )
    return round_trip_ns


def flag_round_trips(loops: Any, core: int) -> Any:
    count = WARM_UP + ROUND_TRIPS
    round_trip_ns = np.zeros(count, np.uint32)
    with tempfile.NamedTemporaryFile(dir="/dev/shm", prefix="hft-bench-") as file:
        file.truncate(mmap.PAGESIZE)
        words = words_of(file.name)
        beside(core, lambda: loops.flag_ping(words, round_trip_ns), flag_pong, file.name, count)
    return round_trip_ns


def timed_each(count: int, once: Callable[[], None]) -> Any:
    """The ns of each call; one look at the clock each."""
    each_ns = np.zeros(count, np.uint32)
    before_ns = time.perf_counter_ns()
    for place in range(count):
        once()
        now_ns = time.perf_counter_ns()
        each_ns[place] = min(now_ns - before_ns, 2**32 - 1)
        before_ns = now_ns
    return each_ns


def python_round_trips(core: int, there: Ring, back: Ring) -> Any:
    message = np.zeros(1, COMMAND)

    def once() -> None:
        there.push(message)
        take_one(back)
        back.release()

    count = WARM_UP + PYTHON_ROUND_TRIPS
    return beside(
        core, lambda: timed_each(count, once), *(python_pong, there.name, back.name, count)
    )


def pipe_round_trips(core: int) -> Any:
    ours, theirs = processes.Pipe()

    def once() -> None:
        ours.send_bytes(PAYLOAD)
        ours.recv_bytes()

    count = WARM_UP + PYTHON_ROUND_TRIPS
    return beside(core, lambda: timed_each(count, once), pipe_pong, theirs, count)


def queue_one_way(core: int) -> float:
    queue = processes.Queue()

    def measure() -> float:
        queue.get()
        started = time.perf_counter()
        for _ in range(QUEUE_MESSAGES - 1):
            queue.get()
        return (time.perf_counter() - started) / (QUEUE_MESSAGES - 1)

    return beside(core, measure, queue_put, queue, QUEUE_MESSAGES)


def with_rings(measure: Callable[..., Any], *args: Any) -> Any:
    """Call with two new rings as the last arguments."""
    there = Ring.create(f"hft-bench-{os.getpid()}-there", CAPACITY_SLOTS)
    try:
        back = Ring.create(f"hft-bench-{os.getpid()}-back", CAPACITY_SLOTS)
        try:
            return measure(*args, there, back)
        finally:
            back.unlink()
    finally:
        there.unlink()


def in_two_processes(mine: int, other: int) -> dict[str, float]:
    loops = native.load()
    with pinned(mine):
        return {
            "ring, one way, one by one": with_rings(
                lambda there, back: one_way(loops, other, there, back, 1)
            ),
            f"ring, one way, batches of {NATIVE_BATCH}": with_rings(
                lambda there, back: one_way(loops, other, there, back, NATIVE_BATCH)
            ),
            **percentiles("ring", with_rings(ring_round_trips, loops, other)),
            **percentiles("bare flag", flag_round_trips(loops, other)),
            **percentiles("ring from Python", with_rings(python_round_trips, other)),
            **percentiles("multiprocessing.Pipe", pipe_round_trips(other)),
            "multiprocessing.Queue, one way": queue_one_way(other),
        }


if __name__ == "__main__":
    runner = new_runner(__doc__, processes=6)
    runner.bench_time_func("ring from Python, one message", in_one_process, 1)
    runner.bench_time_func(
        f"ring from Python, message of a batch of {BATCH}",
        in_one_process,
        BATCH,
        inner_loops=BATCH,
    )
    cores = two_cores()
    if cores is None:
        note("two processes are not measured: that takes two cores")
    else:
        repeat(runner, lambda: in_two_processes(*cores))
