"""What it costs to measure: a value recorded in a histogram, as the nodes do it for every message.

The values are those of a lognormal distribution with a median of 400 ns, in random order: their
buckets are spread over some dozens of cache lines, as those of a live run are.
"""

import numpy as np
import pyperf
from support import new_runner

from hft.core.histogram import HISTOGRAM, NO_VALUE, record

VALUES = 100_000


def recorded(loops: int, values: int) -> float:
    values_ns = np.random.default_rng(1).lognormal(6, 1, values).astype(np.int64)
    histogram = np.zeros(1, HISTOGRAM)
    histogram["min_ns"] = NO_VALUE
    record(histogram, values_ns)
    started = pyperf.perf_counter()
    for _ in range(loops):
        record(histogram, values_ns)
    return pyperf.perf_counter() - started


if __name__ == "__main__":
    runner = new_runner(__doc__, processes=6)
    values = runner.parse_args().orders or VALUES
    runner.bench_time_func("latency, a value recorded", recorded, values, inner_loops=values)
