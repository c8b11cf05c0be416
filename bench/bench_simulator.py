"""The simulated market: time per message."""

import pyperf
from bench_engine import MESSAGES, flow


def run(loops):
    started = pyperf.perf_counter()
    for _ in range(loops):
        flow()
    return pyperf.perf_counter() - started


if __name__ == "__main__":
    runner = pyperf.Runner()
    runner.metadata["description"] = __doc__
    runner.bench_time_func("simulator, per message", run, inner_loops=MESSAGES)
