"""Reads the view of a run's first book over and over, as `status` does, and checks what it gets.

Started by pipeline.py beside a run: instance, and the pause between two reads in seconds. Prints as
JSON how many reads there were, in how many seconds, how many were too late and done again, and
what was wrong with those that were given.
"""

import json
import sys
import time
from typing import Any

import support  # noqa: F401  it makes hft be found
import system

from hft.core.control import VIEW_LEVELS, NodeState
from hft.monitor.snapshot import book_copy
from hft.runtime.topology import node_index

LOOK_S = 0.002
PATIENCE_S = 60.0
FAULTS_TOLD = 3


def wrongs(copy: Any, before: tuple[int, int]) -> str | None:
    """What can't be of a view that was read whole, after the one of `before`."""
    now = int(copy["sequence"]), int(copy["event_ts_ns"])
    if now[0] < before[0] or now[1] < before[1]:
        return f"sequence and time went from {before} to {now}"
    bests = []
    for side, sign in (("bids", -1), ("asks", 1)):
        words = copy[side].reshape(VIEW_LEVELS, -1)
        there = words[:, 1] > 0
        if (there[1:] & ~there[:-1]).any() or (words[:, 1] < 0).any():
            return f"{side} have a gap"
        prices = sign * words[there, 0]
        if (prices[1:] <= prices[:-1]).any():
            return f"{side} are not in order: {(sign * prices).tolist()}"
        bests.append(int(words[0, 0]) if there[0] else None)
    bid, ask = bests
    if bid is not None and ask is not None and bid >= ask:
        return f"the best bid, {bid}, is not below the best ask, {ask}"
    return None


def wait_for(instance: str) -> Any:
    """The page of the run, whose engine works by now; SystemExit if it never does."""
    give_up_s = time.monotonic() + PATIENCE_S
    control = None
    while time.monotonic() < give_up_s:
        control = control or system.attach(instance)
        if control and control.record["instruments"][0]["view_version"] > 1:
            return control
        time.sleep(LOOK_S)
    raise SystemExit(f"{instance} did not begin")


def read(instance: str, pause_s: float) -> dict[str, Any]:
    control = wait_for(instance)
    row = control.record["instruments"][0]
    engine = control.record["nodes"][node_index("engine")]
    reads = retries = missed = torn = 0
    faults: list[str] = []
    before = (0, 0)
    started_s = time.perf_counter()
    while engine["state"] < NodeState.NODE_DONE:
        copy, again = book_copy(row)
        reads += 1
        retries += again
        if copy is None:
            missed += 1
        elif (wrong := wrongs(copy, before)) is not None:
            torn += 1
            faults = [*faults, wrong][:FAULTS_TOLD]
        else:
            before = int(copy["sequence"]), int(copy["event_ts_ns"])
        if pause_s:
            time.sleep(pause_s)
    return {
        "reads": reads,
        "seconds": time.perf_counter() - started_s,
        "retries": retries,
        "missed": missed,
        "torn": torn,
        "faults": faults,
    }


if __name__ == "__main__":
    print(json.dumps(read(sys.argv[1], float(sys.argv[2]))))
