"""Rings between two pinned processes, beside bare flags, a head/tail ring, and what Python has.

What `make bench-ring` runs. All subjects are measured in turn, round by round, so that their ratios
hold while the machine changes; README.md beside this file says what each figure is. Leaves pyperf's
JSON, with a value for each round.
"""

import argparse
import collections
import ctypes
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import byref, c_void_p
from pathlib import Path
from typing import Any

import native
import numpy as np
import peers
from ring_jobs import BATCH, PATIENCE_S, Ends, create, serve, unlink
from support import ROOT, Results, note, pinned, suite, two_cores

from hft.core.messages import COMMAND
from hft.core.ring import Ring

RESULTS = ROOT / "build/bench/ring.json"
ROUNDS = 40
MESSAGES = 4_000_000  # one way
FEWER = 1_000_000  # of those that take longer
ROUND_TRIPS = 100_000
ENGINE_TRIPS = 50_000
PYTHON_TRIPS = 20_000
PEER_TRIPS = 2_000
PEER_MESSAGES = 5_000
CALLS = 2_000
WARM_UP = 100  # round trips of a round, the first of which waits for the other process
QUANTILES = {"p50": 50, "p99": 99, "p99.9": 99.9}


class Bench:
    """Both processes, and what came out so far: seconds by name."""

    def __init__(self, ends: Ends, connection: Any, share: float) -> None:
        self.ends = ends
        self.connection = connection
        self.share = share
        self.found: Results = collections.defaultdict(list)
        self.flags = self.orders = 0  # sent so far
        ns = ctypes.c_double()
        ends.library.calibrate(byref(ns), (ctypes.c_uint32 * 2)())
        self.tick_s = ns.value * 1e-9

    def some(self, count: int) -> int:
        return max(2, int(count * self.share) // BATCH) * BATCH

    def beside(self, measure: Callable[[], Any], job: str, *arguments: Any) -> Any:
        """What `measure` gives here while the other process does a job."""
        self.connection.send((job, arguments))
        result = measure()
        if not self.connection.poll(PATIENCE_S):
            raise TimeoutError(f"{job} did not end")
        self.connection.recv()
        return result

    def percentiles(self, name: str, each: Any, unit_s: float) -> None:
        values = np.percentile(each[WARM_UP:], list(QUANTILES.values()))
        for words, value in zip(QUANTILES, values, strict=True):
            self.found[f"{name}, round trip {words}"].append(value * unit_s)

    def round_trips(self) -> None:
        ends, count = self.ends, self.some(ROUND_TRIPS)
        ticks = np.zeros(count, np.uint32)
        address, first = c_void_p(ticks.ctypes.data), self.flags
        self.flags += count

        def flags() -> None:
            ends.call("flag_ping", *ends.ways, first, address, count)

        self.beside(flags, "flag_pong", first, count)
        self.percentiles("bare flag", ticks, self.tick_s)
        self.beside(lambda: ends.loops.ping(ends.there, ends.back, ticks), "pong", count)
        self.percentiles("ring", ticks, self.tick_s)
        self.beside(
            lambda: ends.call("queue_ping", *ends.ways, address, count), "queue_pong", count
        )
        self.percentiles("head/tail ring", ticks, self.tick_s)

    def engine_round_trips(self) -> None:
        ticks = np.zeros(self.some(ENGINE_TRIPS), np.uint32)
        given = self.ends.orders, self.ends.reports, 1 + self.orders, ticks
        self.orders += len(ticks)
        self.beside(lambda: self.ends.loops.engine_ping(*given), "engine", len(ticks))
        self.percentiles("ring to engine to ring", ticks, self.tick_s)

    def one_way(self, batch: int, how: str) -> None:
        ends, count = self.ends, self.some(MESSAGES)
        ticks = self.beside(lambda: ends.loops.consume(ends.back, count), "publish", count, batch)
        self.found[f"ring, one way, {how}"].append(ticks * self.tick_s / (count - 1))
        fewer = self.some(FEWER)

        def consume() -> int:
            return ends.call("queue_consume", ends.ways[1], fewer, batch)

        ticks = self.beside(consume, "queue_publish", fewer, batch)
        self.found[f"head/tail ring, one way, {how}"].append(ticks * self.tick_s / (fewer - 1))

    def between_pythons(self) -> None:
        there, back = self.ends.there, self.ends.back
        room = np.zeros(1, COMMAND)

        def once() -> None:
            there.push(room)
            back.take_into(room, PATIENCE_S)

        def consume() -> float:
            taken = first = take()
            started = time.perf_counter()
            while taken < fewer:
                taken += take()
            return (time.perf_counter() - started) / (fewer - first)

        def take() -> int:
            taken = len(back.take(BATCH, PATIENCE_S))
            back.release()
            return taken

        count, fewer = self.some(PYTHON_TRIPS), self.some(FEWER)
        each_ns = self.beside(lambda: timed_each(count, once), "python_pong", count)
        self.percentiles("ring from Python", each_ns, 1e-9)
        each_s = self.beside(consume, "python_publish", fewer)
        self.found[f"ring from Python, one way, batches of {BATCH}"].append(each_s)

    def peers(self) -> None:
        count, messages = self.some(PEER_TRIPS), self.some(PEER_MESSAGES)
        for name, end in self.ends.peers.items():
            trip = round_trip_of(end)
            each_ns = self.beside(
                lambda once=trip: timed_each(count, once), "peer_pong", name, count
            )
            self.percentiles(name, each_ns, 1e-9)
            each_s = self.beside(
                lambda end=end: received(end, messages), "peer_put", name, messages
            )
            self.found[f"{name}, one way"].append(each_s)

    def two_processes(self) -> None:
        self.round_trips()
        self.engine_round_trips()
        self.one_way(1, "one by one")
        self.one_way(BATCH, f"batches of {BATCH}")
        self.between_pythons()
        self.peers()


def round_trip_of(end: peers.End) -> Callable[[], None]:
    def once() -> None:
        end.send(peers.PAYLOAD)
        end.receive()

    return once


def received(end: peers.End, count: int) -> float:
    """Seconds a message, from the first to the last."""
    end.receive()
    started = time.perf_counter()
    for _ in range(count - 1):
        end.receive()
    return (time.perf_counter() - started) / (count - 1)


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


def of_each(call: Callable[[], object], calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - started) / calls


def from_python(found: Results, share: float) -> None:
    """Calls in one process, on a ring of its own; the loop around each counts, too."""
    calls = max(10, int(CALLS * min(1.0, share)))
    one, room, many = np.zeros(1, COMMAND), np.zeros(1, COMMAND), np.zeros(BATCH, COMMAND)
    with Ring.create(f"hft-bench-{os.getpid()}", 4096) as ring:
        reader = Ring.attach(ring.name)

        def take() -> None:
            reader.take(1)
            reader.release()

        def batch() -> None:
            ring.push(many)
            reader.take(BATCH)
            reader.release()

        batch()  # the first call of anything is of no interest
        named = "ring from Python, a call of"
        found[f"{named} push"].append(of_each(lambda: ring.push(one), calls))
        found[f"{named} take_into"].append(of_each(lambda: reader.take_into(room), calls))
        ring.push(np.zeros(calls, COMMAND))
        found[f"{named} take, and release"].append(of_each(take, calls))
        each_s = of_each(batch, calls) / BATCH
        found[f"ring from Python, message of a batch of {BATCH}"].append(each_s)


@contextmanager
def two_sides(cores: tuple[int, int], share: float) -> Iterator[Bench]:
    """Both processes at work, and nothing of them left behind."""
    processes = multiprocessing.get_context("spawn")
    prefix = f"hft-bench-ring-{os.getpid()}"
    connection, others = processes.Pipe()
    with tempfile.TemporaryDirectory() as folder, pinned(cores[0]):
        mine, theirs = peers.both_ends(Path(folder))
        kept = create(prefix, cores)
        other = processes.Process(target=serve, args=(cores[1], others, prefix, theirs))
        other.start()
        others.close()
        try:
            yield Bench(Ends(prefix, mine), connection, share)
            connection.close()
            other.join(PATIENCE_S)
        finally:
            other.kill()
            other.join()
            unlink(prefix)
            del kept


def measure(args: argparse.Namespace) -> Results:
    cores = two_cores()
    native.load()  # compiled before the other process wants it
    if cores is None:
        note("only calls from Python in one process are measured: all else takes two cores")
        found: Results = collections.defaultdict(list)
        for _ in range(args.rounds):
            from_python(found, args.share)
        return found
    with two_sides(cores, args.share) as bench:
        pages = {segment.header["page_bytes"] for segment in bench.ends.segments}
        note(f"cores {cores[0]} and {cores[1]}, rings in pages of {min(pages)} bytes")
        for _ in range(args.rounds):
            from_python(bench.found, args.share)
            bench.two_processes()
    return bench.found


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    made.add_argument("--output", type=Path, default=RESULTS, help="pyperf's JSON (%(default)s)")
    made.add_argument("--rounds", type=int, default=ROUNDS, help="of all subjects (%(default)s)")
    made.add_argument("--share", type=float, default=1.0, help="of the full sizes (%(default)s)")
    return made


def main() -> None:
    args = parser().parse_args()
    started = time.perf_counter()
    found = measure(args)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    suite({"second": found}, started).dump(str(args.output), replace=True)


if __name__ == "__main__":
    main()
