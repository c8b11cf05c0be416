"""The whole system under load, as `python -m hft.launch` runs it: what `make bench-pipeline` runs.

Full speed and paced runs on one, two and four cores, beside a busy neighbour, with more and more
instruments, with readers of the book's view, in simulated time; then the targets beside what was
found. README.md beside this file says what each is. The parts take turns, round by round. Leaves
pyperf's JSON, with bytes where it is no time.
"""

import argparse
import collections
import dataclasses
import functools
import math
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import neighbours
import pipeline_tables
import stream_feed
import targets
import watched
from support import ROOT, Results, note, positive, suite
from watched import Flow, Measured

RESULTS = ROOT / "build/bench/pipeline.json"
PLACEMENTS = (1, 2, 4)  # cores; as many as the machine has
LOADS_PERCENT = (10, 50, 90)
STRESSED_PERCENT = 50
INSTRUMENTS = (1, 10, 100, 1000)
READERS = (1, 2, 4)
PAUSE_S = 0.001
ORDERS = 50_000_000  # events of the long stream
LEAST_EVENTS = 50_000  # in a run: fewer are over before they are looked at
BUSY_RATE_PER_S = 1_200_000
SUSTAINED_RATE_PER_S = 1_000_000
ARRIVAL = ("--speed", "max", "--merge", "arrival")
SIMULATED = ("--speed", "max")
PARTS = ("full", "load", "growth", "readers", "simulated", "targets")


@dataclasses.dataclass(frozen=True)
class Sizes:
    rounds: int
    orders: int  # events of the long stream
    load_s: float  # of a paced run
    sustained_s: float
    engine_share: float  # of bench/engine.py's sizes, where its results are not there

    def part(self, divisor: int) -> int:
        return max(LEAST_EVENTS, self.orders // divisor)

    def seconds(self, of_all: float) -> float:
        """Of a paced run, shorter with fewer orders."""
        return of_all * min(1.0, self.orders / ORDERS)


DEFAULT = Sizes(rounds=3, orders=ORDERS, load_s=2.0, sustained_s=10.0, engine_share=0.05)
COMPREHENSIVE = dataclasses.replace(
    DEFAULT, rounds=5, load_s=5.0, sustained_s=60.0, engine_share=1.0
)
FAST = dataclasses.replace(
    DEFAULT, rounds=1, orders=ORDERS // 5, load_s=5.0, sustained_s=25.0, engine_share=0.02
)


class Bench:
    """What came out so far: each run by its name, and figures in pyperf's units."""

    def __init__(self, sizes: Sizes, comprehensive: bool) -> None:
        self.sizes = sizes
        self.comprehensive = comprehensive
        self.cores = sorted(os.sched_getaffinity(0))
        self.placements = [self.cores[:n] for n in PLACEMENTS if n <= len(self.cores)]
        self.home = self.placements[min(1, len(self.placements) - 1)]  # two cores, or the one
        self.amzn_day = watched.amzn_day()
        self.failures = 0
        self.runs: dict[str, list[Measured]] = collections.defaultdict(list)
        self.found: dict[str, Results] = collections.defaultdict(
            lambda: collections.defaultdict(list)
        )

    def add(self, name: str, value: float, unit: str = "second") -> None:
        self.found[unit][f"system, {name}"].append(max(value, 1e-12))  # pyperf takes no 0

    def keep(self, name: str, measured: Measured) -> Measured:
        self.runs[name].append(measured)
        note(f"{name}: {measured.rate_per_s / 1e6:.3f} M/s in {measured.seconds:.2f} s")
        return measured

    def middle(self, name: str, value: Callable[[Measured], float]) -> float | None:
        """Median over the runs of a name; None if there was none."""
        runs = self.runs.get(name)
        return statistics.median(map(value, runs)) if runs else None

    # Each makes one run, and keeps it.

    def full_speed(self, name: str, flow: Flow, cores: list[int], *arguments: str) -> None:
        measured = self.keep(name, watched.measure(flow, cores, *(arguments or ARRIVAL)))
        self.add(name, measured.event_s)
        for node in watched.HOT:
            self.add(f"{name}, {node} busy", measured.busy_ns[node] * 1e-9)

    def long_stream(self, cores: list[int]) -> None:
        flow = watched.stream(self.sizes.part(1))
        self.full_speed(f"long stream, full speed, {on(cores)}", flow, cores)

    def paced(self, name: str, cores: list[int], rate_per_s: float, seconds: float) -> Measured:
        flow = watched.stream(max(LEAST_EVENTS, int(rate_per_s * seconds)))
        return self.keep(name, watched.measure(flow, cores, rate_per_s=rate_per_s))

    def load(self, cores: list[int], percent: int, stressed: bool = False) -> None:
        most_per_s = self.middle(stream_name(cores), lambda run: run.rate_per_s)
        if most_per_s is None:
            raise RuntimeError("no load without full speed on the same cores")
        rate_per_s = most_per_s * percent / 100
        seconds = self.sizes.seconds(self.sizes.load_s)
        name = f"stream, {percent} % load, {on(cores)}"
        if stressed:
            name += ", stressed"
            with neighbours.spinning(cores):
                measured = self.paced(name, cores, rate_per_s, seconds)
        else:
            measured = self.paced(name, cores, rate_per_s, seconds)
        self.add_latencies(name, measured)

    def amzn_load(self, flow: Flow, percent: int) -> None:
        before = amzn_name(self.home)
        most_per_s = self.middle(before, lambda run: run.rate_per_s)
        market_per_s = self.middle(before, lambda run: run.market_rate_per_s)
        if most_per_s is None:
            raise RuntimeError("no load without full speed on the same cores")
        flow = dataclasses.replace(flow, rate_per_s=market_per_s)
        name = f"{flow.name}, {percent} % load, {on(self.home)}"
        measured = watched.measure(flow, self.home, rate_per_s=most_per_s * percent / 100)
        self.add_latencies(name, self.keep(name, measured))

    def add_latencies(self, name: str, measured: Measured) -> None:
        for words, ns in measured.tick_to_order.items():
            if words.startswith("p"):
                self.add(f"{name}, tick to order {words}", ns * 1e-9)
        for hop in watched.HOPS:
            for words in ("p50", "p99"):
                if words in measured.hops[hop]:
                    self.add(f"{name}, {hop} hop {words}", measured.hops[hop][words] * 1e-9)

    def growth(self, instruments: int) -> None:
        name = f"{instruments:,} instrument{'s' if instruments > 1 else ''}, {on(self.home)}"
        self.full_speed(name, watched.stream(self.sizes.part(20), instruments), self.home)
        measured = self.runs[name][-1]
        self.add(f"{name}, private memory", measured.private_bytes, "byte")
        self.add(f"{name}, shared memory", measured.segment_bytes, "byte")

    def readers(self, count: int, pause_s: float) -> None:
        name = readers_name(count, pause_s)
        flow = watched.stream(self.sizes.part(20))
        beside = functools.partial(neighbours.reading, count=count, pause_s=pause_s)
        measured = self.keep(name, watched.measure(flow, self.home, *ARRIVAL, beside=beside))
        self.add(name, measured.event_s)
        if reads := sum(each["reads"] for each in measured.beside or []):
            seconds = statistics.mean(each["seconds"] for each in measured.beside)
            self.add(f"{name}, a read", seconds / reads)

    # What is run, and in which order.

    def first_round(self, number: int) -> list[Callable[[], None]]:
        """Full speed, which tells what the others are a share of."""
        jobs: list[Callable[[], None]] = []
        for cores in self.placements:
            flow = watched.stream(self.sizes.part(10))
            jobs.append(functools.partial(self.full_speed, stream_name(cores), flow, cores))
            if self.amzn_day:
                name = amzn_name(cores)
                jobs.append(functools.partial(self.full_speed, name, self.amzn_day, cores))
        if number == 0 or self.comprehensive:
            jobs.append(functools.partial(self.long_stream, self.home))
        return jobs

    def second_round(self, number: int, parts: set[str]) -> list[Callable[[], None]]:
        """All that goes on from there; what grows and who reads in two rounds of three."""
        jobs: list[Callable[[], None]] = []
        often = number < 2 or self.comprehensive
        if "load" in parts:
            for cores in self.placements:
                jobs += [functools.partial(self.load, cores, each) for each in LOADS_PERCENT]
            jobs.append(functools.partial(self.load, self.home, STRESSED_PERCENT, stressed=True))
            if self.amzn_day and self.comprehensive:
                day = self.amzn_day
                jobs += [functools.partial(self.amzn_load, day, each) for each in LOADS_PERCENT]
        if "growth" in parts and often:
            jobs += [functools.partial(self.growth, each) for each in INSTRUMENTS]
        if "readers" in parts and often:
            jobs.append(functools.partial(self.readers, 0, PAUSE_S))
            for count in READERS:
                jobs += [functools.partial(self.readers, count, each) for each in (PAUSE_S, 0.0)]
        if "simulated" in parts:
            flows = [watched.stream(self.sizes.part(20))]
            flows += [self.amzn_day] if self.amzn_day else []
            for cores in self.placements[:2]:
                for flow in flows:
                    name = simulated_name(flow.name, cores)
                    jobs.append(functools.partial(self.full_speed, name, flow, cores, *SIMULATED))
        return jobs

    def compared(self) -> list[targets.Target]:
        sizes = self.sizes
        busy_s, sustained_s = sizes.seconds(2 * sizes.load_s), sizes.seconds(sizes.sustained_s)
        busy = self.paced("stream, 1.2 M/s", self.home, BUSY_RATE_PER_S, busy_s)
        sustained = self.paced("stream, 1 M/s", self.home, SUSTAINED_RATE_PER_S, sustained_s)
        return [
            *targets.engine_targets(sizes.engine_share),
            targets.memory_target(targets.MILLION),
            targets.busy_target(busy, on(self.home)),
            targets.sustained_target(sustained, SUSTAINED_RATE_PER_S, on(self.home)),
            *self.goals(),
        ]

    def goals(self) -> list[targets.Target]:
        """This system's own, of which two are for two cores."""
        full_per_s = order_p50_ns = None
        if len(self.home) == 2:
            full_per_s = self.middle(stream_name(self.home), lambda run: run.rate_per_s)
            order_p50_ns = self.middle(
                f"stream, 10 % load, {on(self.home)}",
                lambda run: run.tick_to_order.get("p50", math.inf),
            )
        simulated = {
            on(cores): self.middle(simulated_name("stream", cores), lambda run: run.rate_per_s)
            for cores in self.placements[:2]
        }
        return targets.goals(full_per_s, order_p50_ns, simulated)


def on(cores: list[int]) -> str:
    return "1 core" if len(cores) == 1 else f"{len(cores)} cores"


def stream_name(cores: list[int]) -> str:
    return f"stream, full speed, {on(cores)}"


def amzn_name(cores: list[int]) -> str:
    return f"AMZN day, full speed, {on(cores)}"


def simulated_name(flow: str, cores: list[int]) -> str:
    return f"{flow}, simulated time, {on(cores)}"


def readers_name(count: int, pause_s: float) -> str:
    readers = "1 reader" if count == 1 else f"{count} readers"
    return f"{readers} of the view" + (" without a pause" if not pause_s else "")


def measure(bench: Bench, parts: set[str]) -> list[targets.Target]:
    """All parts, in turns; the targets at the end. A run that fails is told of and left out."""
    found: list[targets.Target] = []

    def attempt(job: Callable[[], object]) -> None:
        try:
            job()
        except RuntimeError as error:
            note(f"FAILED: {error}")
            bench.failures += 1

    for number in range(bench.sizes.rounds):
        for job in bench.first_round(number):
            attempt(job)
    for number in range(bench.sizes.rounds):
        for job in bench.second_round(number, parts):
            attempt(job)
    if "targets" in parts:
        attempt(lambda: found.extend(bench.compared()))
    return found


def prepare(bench: Bench, parts: set[str]) -> None:
    """Make what is told, and say what is left out."""
    for instruments in INSTRUMENTS if "growth" in parts else (1,):
        stream_feed.block(instruments)
    if bench.amzn_day is None:
        note(watched.no_amzn_day())
    missing = [str(n) for n in PLACEMENTS if n > len(bench.cores)]
    if missing:
        note(
            f"{' and '.join(missing)} cores are not measured: this host gives us {len(bench.cores)}"
        )


def some_parts(text: str) -> set[str]:
    unknown = [part for part in text.split(",") if part not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"must be some of {','.join(PARTS)}, is {text!r}")
    return set(text.split(","))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    made.add_argument("--output", type=Path, default=RESULTS, help="pyperf's JSON (%(default)s)")
    made.add_argument(
        "--orders",
        type=positive,
        metavar="N",
        help=f"events of the long stream ({ORDERS:,})",
    )
    made.add_argument("--rounds", type=positive, help=f"of all parts ({DEFAULT.rounds})")
    made.add_argument(
        "--parts", type=some_parts, default=set(PARTS), help=f"some of {','.join(PARTS)}"
    )
    size = made.add_mutually_exclusive_group()
    size.add_argument("--fast", action="store_true", help="one round, shorter: 2 minutes")
    size.add_argument("--comprehensive", action="store_true", help="longer runs: 20 minutes")
    return made


def sizes_of(args: argparse.Namespace) -> Sizes:
    sizes = COMPREHENSIVE if args.comprehensive else FAST if args.fast else DEFAULT
    given = {name: getattr(args, name) for name in ("orders", "rounds") if getattr(args, name)}
    return dataclasses.replace(sizes, **given)


def main() -> int:
    """The exit code: 1 if a run failed."""
    args = parser().parse_args()
    started = time.perf_counter()
    bench = Bench(sizes_of(args), args.comprehensive)
    prepare(bench, args.parts)
    found = measure(bench, args.parts)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    if bench.found:
        suite(bench.found, started).dump(str(args.output), replace=True)
    print(pipeline_tables.tables(bench.runs))
    if found:
        print(f"\nBeside the targets that systems of this kind publish\n\n{targets.table(found)}")
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"\n{time.perf_counter() - started:.0f} s; load average of 1, 5, 15 minutes: {load}")
    if bench.failures:
        note(f"{bench.failures} runs failed and are left out")
    return 1 if bench.failures else 0


if __name__ == "__main__":
    sys.exit(main())
