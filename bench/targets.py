"""The goals of this system, and what systems of its kind publish, beside what was measured here.

Run as a script, with a number of orders: how many bytes an engine's process grows by for them.
"""

import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyperf
import watched
from pipeline_tables import time_text
from support import ROOT
from watched import Measured

from hft.core import MatchingEngine
from hft.core.messages import COMMAND, Kind, OrderType, Side, TimeInForce, order_id

ENGINE_RESULTS = ROOT / "build/bench/engine.json"
MILLION = 1_000_000
MINUTE_S = 60.0
BATCH = 1000
PRICES = 1000  # of a side
MIX = "compiled engine, mix A"
ONE = f"{MIX}, one operation"


@dataclass(frozen=True)
class Target:
    """A line of the table; `met` is None where this machine can't tell."""

    what: str
    target: str
    measured: str
    met: bool | None
    how: str


def engine_targets(share: float) -> list[Target]:
    """Of the engine alone, from `make bench-engine`'s results, or measured now and smaller."""
    if ENGINE_RESULTS.is_file():
        found, how = medians(ENGINE_RESULTS), "make bench-engine"
    else:
        found, how = measured_now(share)
    average_ns, p50_ns, p99_ns = (found[name] * 1e9 for name in (MIX, f"{ONE} p50", f"{ONE} p99"))
    return [
        Target(
            "engine, an order on average", "< 500 ns", f"{average_ns:.1f} ns", average_ns < 500, how
        ),
        Target("engine, orders", "> 1 M/s", f"{1e3 / average_ns:.1f} M/s", average_ns < 1000, how),
        Target(
            "engine, p99 beyond its median",
            "<= 100 ns",
            f"{p99_ns - p50_ns:.0f} ns",
            p99_ns - p50_ns <= 100,
            f"{how}: p50 {p50_ns:.0f}, p99 {p99_ns:.0f} ns of one command",
        ),
    ]


def measured_now(share: float) -> tuple[dict[str, float], str]:
    with tempfile.TemporaryDirectory(prefix="hft-bench-") as folder:
        output = Path(folder, "engine.json")
        command = [sys.executable, str(ROOT / "bench/engine.py"), "--no-instructions"]
        command += ["--share", f"{share:g}", "--rounds", "3", "--output", str(output)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"bench/engine.py ended with {done.returncode}: {done.stderr}")
        return medians(output), f"bench/engine.py --share {share:g}"


def medians(path: Path) -> dict[str, float]:
    suite = pyperf.BenchmarkSuite.load(str(path))
    return {each.get_name(): statistics.median(each.get_values()) for each in suite}


def memory_target(orders: int) -> Target:
    """Of a process that has an engine with so many resting orders, and nothing else."""
    command = [sys.executable, __file__, str(orders)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    size_mb = int(done.stdout) / 1e6
    limit_mb = 100 * orders / MILLION
    return Target(
        f"memory of {orders:,} orders",
        f"< {limit_mb:g} MB",
        f"{size_mb:.1f} MB",
        size_mb < limit_mb,
        "what a process grows by (RSS) from before its engine is made until all of them rest",
    )


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def grown_by(orders: int) -> int:
    """Bytes that this process grows by for an engine in which so many orders rest."""
    commands = np.zeros(BATCH, COMMAND)
    commands["kind"], commands["order_type"] = Kind.NEW_ORDER, OrderType.LIMIT
    commands["time_in_force"] = TimeInForce.GTC
    answers = MatchingEngine(instruments=1, orders=BATCH).process(commands[:0])
    before = resident_bytes()
    engine = MatchingEngine(instruments=1, orders=orders)
    for first in range(0, orders, BATCH):
        part = commands[: min(BATCH, orders - first)]
        numbers = np.arange(first, first + len(part))
        part["order_id"] = order_id(1, 1) + numbers
        part["side"] = np.where(numbers % 2, Side.BUY, Side.SELL)
        aside = 1 + numbers // 2 % PRICES
        part["price_ticks"] = 10 * PRICES + np.where(numbers % 2, -aside, aside)
        part["qty_lots"] = 1 + numbers % 100
        answers = engine.process(part)
        if len(answers) != len(part) or (answers["kind"] != Kind.ACCEPTED).any():
            raise ValueError("an order was not accepted")
    return resident_bytes() - before


def busy_target(run: Measured, where: str) -> Target:
    """Of a run paced at 1.2 million orders a second."""
    shares = {node: run.busy_share[node] for node in watched.HOT}
    return Target(
        "nodes busy at 1.2 M orders/s",
        "< 50 %",
        ", ".join(f"{node} {share:.0%}" for node, share in shares.items()),
        run.kept_up and max(shares.values()) < 0.5,
        f"paced run of {run.seconds:.1f} s on {where}, {achieved(run)}",
    )


def sustained_target(run: Measured, rate_per_s: float, where: str) -> Target:
    """Of a run paced at a million ticks a second: kept if no backlog grows."""
    late = {name: time_text(ns) for name, ns in run.late_ns.items() if name != "count"}
    seconds = f"{run.seconds:.1f} s"
    whole = run.seconds > 0.9 * MINUTE_S
    # A shorter run can show that the rate is not kept, but not that it is for a minute.
    sustained = run.kept_up if whole else None if run.kept_up else False
    return Target(
        f"{rate_per_s / 1e6:g} M ticks/s for a minute",
        "sustained",
        f"{achieved(run)} for {seconds}",
        sustained,
        f"paced run on {where}; due to engine p50 {late['p50']}, p99 {late['p99']}, at most "
        f"{late['max']}" + ("" if whole else "; a minute: --comprehensive"),
    )


def achieved(run: Measured) -> str:
    return f"{run.rate_per_s / 1e6:.3f} M/s" + ("" if run.kept_up else ", FELL BEHIND")


def goals(
    two_cores_per_s: float | None,
    order_p50_ns: float | None,
    simulated_by_cores: dict[str, float | None],
) -> list[Target]:
    """This system's own; None for what was not measured."""
    lacks = "not measured"
    found = {where: rate for where, rate in simulated_by_cores.items() if rate is not None}
    simulated_per_s = max(found.values(), default=None)
    on_each = ", ".join(f"{where} {rate / 1e6:.2f}" for where, rate in found.items())
    folded = "two cores, folded, compiled strategy"
    return [
        Target(
            "market events, full speed",
            ">= 3 M/s",
            lacks if two_cores_per_s is None else f"{two_cores_per_s / 1e6:.2f} M/s",
            None if two_cores_per_s is None else two_cores_per_s >= 3e6,
            f"stream, {folded}",
        ),
        Target(
            "tick to order at 10 % load, p50",
            "< 2 µs",
            lacks if order_p50_ns is None else time_text(order_p50_ns),
            None if order_p50_ns is None else order_p50_ns < 2000,
            f"stream, {folded}",
        ),
        Target(
            "market events, simulated time",
            ">= 1 M/s",
            lacks if simulated_per_s is None else f"{simulated_per_s / 1e6:.2f} M/s",
            None if simulated_per_s is None else simulated_per_s >= 1e6,
            f"stream, deterministic merge; M/s: {on_each}",
        ),
    ]


def table(targets: list[Target]) -> str:
    """Every line with its verdict, and nothing left out."""
    verdict = {True: "met", False: "NOT MET", None: "not told"}
    rows = [("", "target", "measured", "", "how")]
    rows += [
        (each.what, each.target, each.measured, verdict[each.met], each.how) for each in targets
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[4]])
        for row in rows
    )


if __name__ == "__main__":
    print(grown_by(int(sys.argv[1])))
