"""How far a run's clock is from CLOCK_MONOTONIC: `python -m tests.clock_soak SECONDS`.

One process keeps the clock as launch does; this one compares. A comparison counts if its readings
lie so close together that no interruption can be between them.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hft.core.control import Control
from hft.core.segment import Segment
from hft.runtime.clock import Timekeeper

ROOT = Path(__file__).parents[1]
LOOK_S = 0.05  # as launch
TRIES = 16
USABLE_NS = 200


@contextmanager
def kept(name: str) -> Iterator[tuple[subprocess.Popen[str], Control]]:
    """A process that keeps a clock on a page of this name, and the page."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.clock_soak", "keep", name],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process, Control.attach(name)
    finally:
        process.kill()
        process.communicate()
        Segment.unlink(name)


def keep(name: str) -> None:
    """Until it is killed."""
    timekeeper = Timekeeper(Control.create(name, 1), "auto", os.sched_getaffinity(0))
    print("ready", flush=True)
    while True:
        time.sleep(LOOK_S)
        timekeeper.correct()


def errors_ns(control: Control, seconds: float) -> tuple[np.ndarray, int]:
    """CLOCK_MONOTONIC less the clock, 200 times a second; how many comparisons didn't count."""
    clock, found, unusable = control.clock, [], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        before_ns, ts_ns, after_ns = clock.compare(TRIES)
        if after_ns - before_ns <= USABLE_NS:
            found.append(ts_ns - (before_ns + after_ns) // 2)
        else:
            unusable += 1
        time.sleep(0.005)
    return np.array(found), unusable


def measure(name: str, seconds: float) -> dict[str, Any]:
    """The figures of so many seconds."""
    with kept(name) as (_, control):
        found, unusable = errors_ns(control, seconds)
        row = control.record["clock"].copy()
    size = np.abs(found)
    return {
        "seconds": seconds,
        "usable": len(found),
        "unusable": unusable,
        "median_ns": int(np.median(size)),
        "p99_ns": int(np.percentile(size, 99)),
        "max_ns": int(size.max()),
        "beyond_1_us": int((size > 1000).sum()),
        "source": int(row["source"]),
        "corrections": int(row["corrections"]),
        "corrections_unusable": int(row["unusable"]),
        "worst_correction_ns": int(row["worst_error_ns"]),
    }


if __name__ == "__main__":
    if sys.argv[1] == "keep":
        keep(sys.argv[2])
    else:
        print(json.dumps(measure(f"hft-clock-soak-{os.getpid()}", float(sys.argv[1])), indent=4))
