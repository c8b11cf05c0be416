"""A ring used from Python in one process: time per message, one by one and in batches."""

import os

import numpy as np
import pyperf

from hft.core.messages import COMMAND
from hft.core.ring import Ring

BATCH = 256


def run(loops, size):
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


if __name__ == "__main__":
    runner = pyperf.Runner()
    runner.metadata["description"] = __doc__
    runner.bench_time_func("ring, one message", run, 1)
    runner.bench_time_func("ring, message of a batch", run, BATCH, inner_loops=BATCH)
