"""The recorder of a run: its intervals add up, and are few, however long a run is."""

import os
from collections.abc import Iterator

import numpy as np
import pytest

from hft.core.control import Control
from hft.core.histogram import record
from hft.errors import UserError
from hft.latency import recorder
from hft.latency.capture import capture
from hft.latency.hlog import read_log
from hft.latency.recorder import KEPT_MAX, LatencyRecorder
from tests import pages

ROW = 2 * len(pages.EDGES) + 2
KEY = ("path", "order_to_report")
RUN_S = 1_000


@pytest.fixture
def control() -> Iterator[Control]:
    instance = f"test-recorder-{os.getpid()}"
    with pages.new_page(instance) as made:
        pages.fill(made, instance)
        yield made


class Clock:
    """Seconds that pass only here."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s


def happen(control: Control, value_ns: int) -> None:
    row = control.record["latencies"][ROW : ROW + 1]["histogram"].copy()
    record(row, np.array([value_ns]))
    control.record["latencies"][ROW]["histogram"] = row[0]


def test_a_long_run_has_some_dozens_of_intervals(control, monkeypatch, tmp_path) -> None:
    """From half of KEPT_MAX to all of it, of equal length, and nothing is lost or doubled."""
    clock = Clock()
    monkeypatch.setattr(recorder, "time", clock)
    found = LatencyRecorder(control)
    for second in range(RUN_S):
        clock.now_s = float(second + 1)
        happen(control, 10_000 + second)
        found.look()
        assert len(found.kept) < KEPT_MAX
    found.write(tmp_path)
    log = read_log(tmp_path / recorder.FILE)
    assert KEPT_MAX // 2 <= len(log.intervals) <= KEPT_MAX + 1
    counts = [each.rows[KEY].count for each in log.intervals[1:-1] if KEY in each.rows]
    assert set(counts) == {found.interval_s}
    assert log.whole.rows[KEY].count == capture(control).rows[KEY].count == 1_000 + RUN_S


def test_an_idle_run_is_not_copied(control, monkeypatch) -> None:
    """Packing costs some milliseconds; the first copy is all there is."""
    clock = Clock()
    monkeypatch.setattr(recorder, "time", clock)
    found = LatencyRecorder(control)
    for second in range(100):
        clock.now_s = float(second + 1)
        found.look()
    assert len(found.kept) == 1
    assert found.recording().whole.rows[KEY].count == 1_000


def test_what_cannot_be_written_is_one_line(control, tmp_path) -> None:
    with pytest.raises(UserError, match=r"latency\.hlog: can't be written: No such file"):
        LatencyRecorder(control).write(tmp_path / "none")
