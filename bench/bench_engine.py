"""The matching engine on simulated flow, called from Python in batches: time per message."""

import numpy as np
import pyperf

from hft.core import MatchingEngine
from hft.core.messages import COMMAND
from hft.core.simulator import Simulator

MESSAGES = 100_000
BATCH = 1000


def flow():
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
    return simulator.chunk(MESSAGES)[:MESSAGES]


def run(loops, commands, batch):
    elapsed = 0.0
    for _ in range(loops):
        engine = MatchingEngine(instruments=1, orders=65536)
        started = pyperf.perf_counter()
        for start in range(0, len(commands), batch):
            engine.process(commands[start : start + batch])
        elapsed += pyperf.perf_counter() - started
    return elapsed


if __name__ == "__main__":
    runner = pyperf.Runner()
    runner.metadata["description"] = __doc__
    commands = np.ascontiguousarray(flow(), COMMAND)
    runner.bench_time_func("engine, per message", run, commands, BATCH, inner_loops=len(commands))
