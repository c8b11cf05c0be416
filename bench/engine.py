"""The compiled engine through its C interface, beside a floor: what `make bench-engine` runs.

Flows are made with what must come out of them, and before anything is timed the engine and the
floor have to bring out just that. Then both run by turns on one core; README.md beside this file
says what is measured how. Leaves pyperf's JSON, with units of its own for what is no time.
"""

import argparse
import collections
import ctypes
import os
import time
from collections.abc import Callable
from ctypes import byref, c_uint64, c_void_p
from pathlib import Path
from typing import Any

import adversary
import flows
import instructions
import numpy as np
from native import load_driver
from support import CACHE, ROOT, Results, note, suite
from table import engine_table

from hft.core import MatchingEngine
from hft.core.messages import COMMAND, MESSAGE, Kind, Side, order_id

RESULTS = ROOT / "build/bench/engine.json"
ROUNDS = 5
LATENCY_OPERATIONS = 2_000_000
LATENCY_ROUNDS = 3
ADVERSARY_ROUNDS = 3
WAITED = ("one operation", "one operation waited for")
QUANTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
RESTING = 1_000_000  # whose memory is counted
CALLS = 20_000
CALL_ROUNDS = 15


class Bench:
    """The driver, who is measured, and what came out so far: seconds, or counts, by name."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.driver = load_driver()
        self.engine = c_void_p(engine_table())
        self.floor = c_void_p(None)
        self.found: dict[str, Results] = collections.defaultdict(
            lambda: collections.defaultdict(list)
        )
        ns, overhead = ctypes.c_double(), (ctypes.c_uint32 * len(WAITED))()
        self.driver.calibrate(byref(ns), overhead)
        self.tick_s, self.overhead_ticks = ns.value * 1e-9, tuple(overhead)

    def add(self, name: str, value: float, unit: str = "second") -> None:
        # pyperf takes no 0, which less than a tick comes to.
        self.found[unit][name].append(max(value, 1e-12))

    def call(self, name: str, *arguments: Any) -> None:
        """Call the driver, which gives 0 if it lacks memory."""
        if not getattr(self.driver, name)(*arguments):
            raise MemoryError(f"{name}: no memory for the engine or the floor")

    def subjects(self, flow: flows.Flow) -> dict[str, c_void_p]:
        """Who runs a flow: the floor knows one instrument only."""
        both = {"compiled engine": self.engine, "floor": self.floor}
        return both if flow.variant.instruments == 1 else {"compiled engine": self.engine}

    def validate(self, name: str, flow: flows.Flow) -> None:
        for who, api in self.subjects(flow).items():
            found = flows.Outcome()
            self.call("validate", api, c_void_p(flow.address), byref(flow.sizes), byref(found))
            if found.values() != flow.expected.values():
                raise ValueError(
                    f"{who}, {name}: {found}, {found.rejected} rejected; "
                    f"the oracle has {flow.expected}, or others in their stead"
                )

    def race(self, name: str, flow: flows.Flow, rounds: int) -> None:
        subjects = self.subjects(flow)
        apis = (c_void_p * len(subjects))(*(api.value for api in subjects.values()))
        ticks = (c_uint64 * len(subjects))()
        for turn in range(rounds):
            address, sizes = c_void_p(flow.address), byref(flow.sizes)
            self.call("race", apis, len(subjects), address, sizes, turn, ticks)
            for who, each in zip(subjects, ticks, strict=True):
                self.add(f"{who}, {name}", each * self.tick_s / flow.operations)

    def latencies(self, name: str) -> None:
        flow = flows.cached(name, self.share, LATENCY_OPERATIONS)
        ticks = np.zeros(flow.operations, np.uint32)
        address, sizes = c_void_p(flow.address), byref(flow.sizes)
        for _ in range(LATENCY_ROUNDS):
            for waited, how in enumerate(WAITED):
                for who, api in self.subjects(flow).items():
                    self.call("latencies", api, address, sizes, waited, c_void_p(ticks.ctypes.data))
                    values = np.quantile(ticks, list(QUANTILES.values()))
                    for words, value in zip(QUANTILES, values, strict=True):
                        less = value - self.overhead_ticks[waited]
                        self.add(f"{who}, {name}, {how} {words}", less * self.tick_s)

    def memory(self) -> None:
        resting = max(flows.LIVE_LEAST, int(RESTING * self.share))
        ops, expected = flows.generate(flows.Variant(resting, 0))
        flow = flows.flow_of(flows.Variant(resting, 0), ops, expected)
        flow.sizes.orders = resting
        touched, left = (c_uint64 * 2)(), c_uint64()
        address, sizes = c_void_p(flow.address), byref(flow.sizes)
        self.call("memory", self.engine, address, sizes, touched, byref(left))
        if left.value != resting:
            raise ValueError(f"{left.value} orders rest instead of {resting}")
        each = (touched[1] - touched[0]) / resting
        self.add("compiled engine, memory of a resting order", each, "byte")

    def times_s(self, ticks: int, looks: int) -> float:
        """Seconds, without those that the looks at the clock took."""
        return max(0, ticks - looks * self.overhead_ticks[0]) * self.tick_s

    def adversary(self) -> None:
        for _ in range(ADVERSARY_ROUNDS):
            adversary.play(self.driver, self.engine, self.share, self.times_s, self.add)
        print(adversary.table(self.found["second"]))

    def instructions(self) -> None:
        if not instructions.available():
            note("instructions are not counted: valgrind is not installed (Debian: valgrind)")
            return
        for who in instructions.WHO:
            name = "floor" if who == "floor" else "compiled engine"
            try:
                count = instructions.per_operation(who, share=self.share)
            except RuntimeError as error:
                note(f"instructions are not counted: {error}")
            else:
                self.add(f"{name}, {flows.MIX_A}, instructions", count, "integer")

    def from_python(self) -> None:
        """One command a call, its reports taken, beside the cheapest method there is."""
        engine = MatchingEngine(instruments=1, orders=1000)
        commands = np.zeros(2, COMMAND)
        commands["kind"] = Kind.NEW_ORDER, Kind.CANCEL_ORDER
        commands["order_id"], commands["side"] = order_id(1, 1), Side.BUY
        commands["price_ticks"], commands["qty_lots"] = 100, 1
        pair = commands[:1].copy(), commands[1:].copy()
        answers = np.zeros(16, MESSAGE)
        calls = max(2, int(CALLS * min(1.0, self.share)))

        for _ in range(CALL_ROUNDS):
            empty = seconds(engine.state, (0, 0), calls)
            self.add("from Python, an empty call", empty)
            for name, more in (("process_into", (answers,)), ("process_all", ()), ("process", ())):
                whole = seconds(getattr(engine, name), pair, calls, *more)
                self.add(f"from Python, a call of {name} beyond an empty one", whole - empty)


def seconds(method: Callable[..., Any], pair: tuple[Any, Any], calls: int, *more: Any) -> float:
    """Of one call, made with either argument of the pair in turn, and with the others."""
    first, second = pair
    started = time.perf_counter()
    for _ in range(calls // 2):
        method(first, *more)
        method(second, *more)
    return (time.perf_counter() - started) / (calls // 2 * 2)


def measure(args: argparse.Namespace) -> dict[str, Results]:
    bench = Bench(args.share)
    for name in flows.VARIANTS:
        flow = flows.cached(name, args.share)
        bench.validate(name, flow)
        note(f"{name}: {flow.expected}, all as the oracle says")
        bench.race(name, flow, args.rounds)
    for name in flows.VARIANTS:
        bench.latencies(name)
    bench.memory()
    bench.adversary()
    bench.from_python()
    if args.no_instructions:
        note("instructions are not counted")
    else:
        bench.instructions()
    return bench.found


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    made.add_argument("--output", type=Path, default=RESULTS, help="pyperf's JSON (%(default)s)")
    made.add_argument("--rounds", type=int, default=ROUNDS, help="of each flow (%(default)s)")
    made.add_argument("--share", type=float, default=1.0, help="of the full sizes (%(default)s)")
    made.add_argument(
        "--no-instructions", action="store_true", help="don't count them under valgrind"
    )
    return made


def main() -> None:
    args = parser().parse_args()
    started = time.perf_counter()
    CACHE.mkdir(parents=True, exist_ok=True)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    found = measure(args)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    suite(found, started).dump(str(args.output), replace=True)


if __name__ == "__main__":
    main()
