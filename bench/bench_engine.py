"""The matching engine called from Python in batches of 1,000: time per command, answers included.

Before anything is timed, the engine's fills on each flow are compared with the generator's.
"""

import functools
from collections.abc import Callable
from typing import Any

import mix_a
import numpy as np
import pyperf
from support import new_runner, note

from hft.core import MatchingEngine
from hft.core.messages import COMMAND
from hft.core.simulator import Simulator

BATCH = 1000
OPERATIONS = 1_000_000
SINGLE = 100_000  # of them, one a call
SIMULATED = 100_000
FLOWS = {  # name: resting orders, and whether cancels take recent ones
    "mix A": (10_000, False),
    "mix A small": (1_000, True),
    "mix A large": (200_000, False),
}


def simulated(count: int) -> Any:
    """Recorded flow of a simulated market, a COMMAND array."""
    simulator = Simulator(
        mid_ticks=10_000,
        spread_ticks=2,
        volatility_ticks=3,
        events_per_second=2000,
        depth_ticks=8,
        resting_orders=2000,
        order_lots=50,
        start_ts_ns=0,
        seed=1,
    )
    return np.ascontiguousarray(simulator.chunk(count)[:count], COMMAND)


@functools.cache
def flow_of(name: str, operations: int) -> mix_a.Flow:
    live, recent = FLOWS[name]
    return mix_a.cached(operations, live, recent=recent)


def new_engine(live: int) -> MatchingEngine:
    return MatchingEngine(instruments=1, orders=max(65536, 2 * live))


def apply(engine: MatchingEngine, commands: Any, batch: int, every: bool) -> float:
    """Seconds that the commands take, once."""
    process = engine.process_all if every else engine.process
    started = pyperf.perf_counter()
    for start in range(0, len(commands), batch):
        process(commands[start : start + batch])
    return pyperf.perf_counter() - started


def run_mix(loops: int, name: str, operations: int, batch: int, every: bool) -> float:
    flow = flow_of(name, operations)
    elapsed_s = 0.0
    for _ in range(loops):
        engine = new_engine(flow.live)
        apply(engine, flow.commands[: flow.live], BATCH, True)
        timed = flow.timed if batch > 1 else flow.timed[:SINGLE]
        elapsed_s += apply(engine, timed, batch, every)
    return elapsed_s


def run_simulated(loops: int, count: int) -> float:
    commands = simulated(count)
    return sum(apply(new_engine(0), commands, BATCH, False) for _ in range(loops))


if __name__ == "__main__":
    runner = new_runner(__doc__, processes=6)
    args = runner.parse_args()
    count = args.orders or OPERATIONS  # of mix A, timed
    if not args.worker:
        for name in FLOWS:
            flow = flow_of(name, count)
            mix_a.check(flow, new_engine(flow.live))
            note(f"{name}: {len(flow.fills):,} fills, all as generated")

    def bench(name: str, run: Callable[..., float], count: int, *arguments: Any) -> None:
        runner.bench_time_func(f"engine, {name}", run, *arguments, inner_loops=count)

    bench("mix A", run_mix, count, "mix A", count, BATCH, False)
    bench("mix A, market data too", run_mix, count, "mix A", count, BATCH, True)
    bench("mix A small", run_mix, count, "mix A small", count, BATCH, False)
    bench("mix A large", run_mix, count, "mix A large", count, BATCH, False)
    bench("mix A, one command a call", run_mix, min(count, SINGLE), "mix A", count, 1, True)
    few = min(args.orders or SIMULATED, SIMULATED)
    bench("simulated market", run_simulated, few, few)
