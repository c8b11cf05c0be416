"""Keeps a run's latencies while it lasts, for its folder: in intervals, however long it is."""

import time
import zlib
from pathlib import Path

import numpy as np

from hft.core.clock import now_ns
from hft.core.control import Control
from hft.errors import UserError
from hft.latency.capture import Capture, Recording, read, title_of
from hft.latency.hlog import write_log

__all__ = ["FILE", "LatencyRecorder"]

FILE = "latency.hlog"
KEPT_MAX = 64
FIRST_S = 1.0


class LatencyRecorder:
    """Copies the histograms of a run now and then, if there is something new, and packs them.

    At first once a second. When there are KEPT_MAX, every second one goes, and the next come half
    as often: a run of any length has 32 to 64 intervals.
    """

    def __init__(self, control: Control) -> None:
        page = control.record
        self.rows = page["latencies"][: int(page["latency_count"])]
        self.started_wall_ns = int(page["started_wall_ns"])
        self.started_ts_ns = int(page["started_ts_ns"])
        self.title = title_of(control)
        self.kept: list[tuple[int, bytes]] = []
        self.counts = np.zeros(len(self.rows), np.uint64)  # by row, at the last copy
        self.interval_s = FIRST_S
        self.due_s = time.monotonic() + FIRST_S

    def look(self) -> None:
        """Make a copy if it is time to."""
        if time.monotonic() < self.due_s:
            return
        counts = self.rows["histogram"]["count"].copy()
        if (counts != self.counts).any():  # an idle system is left idle
            self.keep()
            self.counts = counts
        if len(self.kept) == KEPT_MAX:
            self.kept = self.kept[1::2]
            self.interval_s *= 2
        self.due_s = time.monotonic() + self.interval_s

    def keep(self) -> None:
        wall_ns = self.started_wall_ns + now_ns() - self.started_ts_ns
        self.kept.append((wall_ns, zlib.compress(self.rows.tobytes(), 1)))

    def recording(self) -> Recording:
        """Everything so far, this moment included."""
        self.keep()
        began = before = Capture(self.started_wall_ns, self.started_wall_ns, {})
        intervals = []
        for wall_ns, packed in self.kept:
            rows = np.frombuffer(zlib.decompress(packed), self.rows.dtype)
            after = Capture(self.started_wall_ns, wall_ns, dict(read(rows)))
            intervals.append(after.since(before))
            before = after
        return Recording(self.title, before.since(began), tuple(intervals))

    def write(self, folder: Path) -> None:
        """The run's file; UserError if it can't be written."""
        path = folder / FILE
        try:
            path.write_text(write_log(self.recording()))
        except OSError as error:
            raise UserError(f"can't be written: {error.strerror}", file=path) from None
