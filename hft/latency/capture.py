"""What was measured up to a moment, row by row: from the control page of a run, or from a file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hft.core.clock import now_ns
from hft.core.control import LATENCIES_MAX, Control, LatencyKind
from hft.errors import AttachError
from hft.latency.distribution import Distribution
from hft.runtime.segments import (
    BASELINE_ROWS_AT,
    attach_baseline,
    write_baseline,
)

__all__ = [
    "FULL_SPEED", "KINDS", "Capture", "Key", "Recording", "capture", "capture_baseline", "read",
    "reset", "title_of", "together",
]  # fmt: skip

KINDS = {
    LatencyKind.LATENCY_HOP: "hop",
    LatencyKind.LATENCY_AGE: "age",
    LatencyKind.LATENCY_OPERATION: "operation",
    LatencyKind.LATENCY_PATH: "path",
}
# A path that is an age already: of the order, as the engine takes it.
TICK_TO_ORDER, ORDERS = ("path", "tick_to_order"), ("age", "orders")

FULL_SPEED = "at full speed"

Key = tuple[str, str]  # kind and name of a row


@dataclass(frozen=True)
class Capture:
    """Distributions by row; `began_wall_ns` and `ended_wall_ns` say of which time."""

    began_wall_ns: int
    ended_wall_ns: int
    rows: dict[Key, Distribution]

    @property
    def seconds(self) -> float:
        return (self.ended_wall_ns - self.began_wall_ns) / 1e9

    def since(self, earlier: "Capture") -> "Capture":
        """What came after an earlier capture of the same run."""
        rows = {
            key: found.minus(earlier.rows[key]) if key in earlier.rows else found
            for key, found in self.rows.items()
        }
        return Capture(earlier.ended_wall_ns, self.ended_wall_ns, rows)


@dataclass(frozen=True)
class Recording:
    """A run's latencies: the whole, and the intervals that it is made of, if they are known."""

    title: str
    whole: Capture
    intervals: tuple[Capture, ...] = field(default=())


def title_of(control: Control) -> str:
    """Which run, and whether its events had a pace."""
    page = control.record
    speed = int(page["speed_milli"]) / 1000
    name = bytes(page["instance"]).partition(b"\0")[0].decode(errors="replace")
    return f"hft {name}, {f'paced at {speed:g}x' if speed else FULL_SPEED}"


def together(captures: Iterable[Capture]) -> Capture:
    """Consecutive intervals as one."""
    first, *others = captures
    rows = dict(first.rows)
    for one in others:
        for key, found in one.rows.items():
            rows[key] = rows[key].plus(found) if key in rows else found
    ends = (others or [first])[-1].ended_wall_ns
    return Capture(first.began_wall_ns, ends, rows)


def capture(control: Control) -> Capture:
    """Everything since the start of a run. Nothing is stopped: see ext/histogram.pxd."""
    page = control.record
    count = min(int(page["latency_count"]), LATENCIES_MAX)
    began = int(page["started_wall_ns"])
    ended = began + now_ns() - int(page["started_ts_ns"])
    return Capture(began, ended, dict(read(page["latencies"][:count])))


def read(rows: Any) -> Iterator[tuple[Key, Distribution]]:
    for row in rows:
        kind = KINDS.get(LatencyKind(int(row["kind"])))
        if kind is None:
            continue  # of a page that is only half filled in
        key = kind, bytes(row["name"]).partition(b"\0")[0].decode(errors="replace")
        found = Distribution.of_record(row["histogram"])
        yield key, found
        if key == ORDERS:
            yield TICK_TO_ORDER, found


def reset(instance: str, control: Control) -> None:
    """Let readers that ask for it begin now: the run's figures of this moment become a baseline.

    No word of a node's is touched: the baseline is a segment of its own, which readers subtract.
    """
    page = control.record
    rows = page["latencies"][: int(page["latency_count"])]
    ended = int(page["started_wall_ns"]) + now_ns() - int(page["started_ts_ns"])
    write_baseline(instance, control.run_id, ended, rows.tobytes())


def capture_baseline(instance: str, control: Control) -> Capture | None:
    """The figures at the last reset; None if there was none."""
    try:
        segment, wall_ns = attach_baseline(instance, control.run_id)
    except AttachError:
        return None
    dtype = control.record["latencies"].dtype
    count = (segment.size - BASELINE_ROWS_AT) // dtype.itemsize
    rows = np.frombuffer(memoryview(segment), dtype, count, BASELINE_ROWS_AT)
    return Capture(int(control.record["started_wall_ns"]), wall_ns, dict(read(rows)))
