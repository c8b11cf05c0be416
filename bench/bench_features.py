"""Features of the best bid and ask: time per BOOK_TOP, in the compiled node and from Python.

Then what the built-in sources make of them, three signals each time, features included.
"""

import functools
from typing import Any

import native
import numpy as np
import pyperf
from bench_engine import simulated
from support import new_runner

from hft.core import MatchingEngine
from hft.core.features import features_of
from hft.core.messages import BOOK_TOP_DTYPE, Kind
from hft.core.sources import signals_of

COMMANDS = 50_000


@functools.cache
def tops(count: int) -> Any:
    """What the engine says of its best prices while it takes the simulated market's flow."""
    answers = MatchingEngine(instruments=1).process_all(simulated(count))
    return np.ascontiguousarray(answers[answers["kind"] == Kind.BOOK_TOP]).view(BOOK_TOP_DTYPE)


def in_node(loops: int, messages: Any) -> float:
    update = native.load().update_features
    content = messages.view(np.uint8)
    started = pyperf.perf_counter()
    for _ in range(loops):
        update(content, len(messages))
    return pyperf.perf_counter() - started


def from_python(loops: int, messages: Any) -> float:
    started = pyperf.perf_counter()
    for _ in range(loops):
        features_of(messages)
    return pyperf.perf_counter() - started


def signals(loops: int, messages: Any) -> float:
    started = pyperf.perf_counter()
    for _ in range(loops):
        signals_of(messages)
    return pyperf.perf_counter() - started


if __name__ == "__main__":
    runner = new_runner(__doc__, processes=6)
    native.load()
    messages = tops(runner.parse_args().orders or COMMANDS)
    runner.bench_time_func("features, in the node", in_node, messages, inner_loops=len(messages))
    runner.bench_time_func(
        "features, from Python", from_python, messages, inner_loops=len(messages)
    )
    runner.bench_time_func("features and signals", signals, messages, inner_loops=len(messages))
