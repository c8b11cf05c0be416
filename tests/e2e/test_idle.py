"""A system that waits for the market costs next to nothing, and still ends at once."""

import os
import time
from pathlib import Path

import pytest

from hft.core.control import Control
from hft.monitor.snapshot import snapshot
from tests.e2e.conftest import Start
from tests.e2e.system import MODES, until

HEADING = "timestamp,symbol,price,size,side\n"
LOOKED_S = 2.0
# Sleeps of 50 µs at a time would take several times as much; the true figure is about a percent.
SHARE_MAX = 0.15
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def used_s(pid: int) -> float:
    """Time that a process has spent on cores."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


@pytest.mark.parametrize(("mode", "strategies"), [("folded", {"backoff"}), ("separate", {"park"})])
def test_an_idle_system_costs_next_to_nothing(
    start: Start, tmp_path: Path, mode: str, strategies: set[str]
) -> None:
    """The next event is far away: all processes wait in the kernel, and give signs of life."""
    feed = tmp_path / "quiet.csv"
    feed.write_text(HEADING + "1582329600,AB,10.5,3,buy\n1582339600,AB,10.4,2,sell\n")
    idle = ("--config", str(tmp_path / "idle.toml")) if mode == "folded" else ()
    # With a core to spare, folded processes would spin.
    (tmp_path / "idle.toml").write_text('[run]\nidle = "backoff"\n')
    system = start(*MODES[mode], "--feed", f"csv:{feed}", "--speed", "1", *idle)
    control = until(system.page, "the control page")
    assert isinstance(control, Control)

    def all_run() -> bool:
        return {node["state"] for node in snapshot(control)["nodes"]} == {"running"}

    until(all_run, "all nodes")
    time.sleep(0.5)
    shot = snapshot(control)
    pids = {node["pid"] for node in shot["nodes"] if node["name"] != "monitor"}
    assert {node["idle"] for node in shot["nodes"] if node["core"] is not None} <= strategies
    before_s = sum(map(used_s, pids))
    began_s = time.monotonic()
    time.sleep(LOOKED_S)
    share = (sum(map(used_s, pids)) - before_s) / (time.monotonic() - began_s)
    assert share < SHARE_MAX
    assert {node["stuck_s"] for node in snapshot(control)["nodes"]} == {None}
    system.interrupt()


def test_spinning_on_a_shared_core_is_refused(start: Start, tmp_path: Path) -> None:
    """By launch, which alone knows the cores."""
    (tmp_path / "spin.toml").write_text('[run]\nidle = "spin"\naffinity = [0]\n')
    config = ("--config", str(tmp_path / "spin.toml"), "--processes", "separate")
    system = start(*config)
    assert system.wait() == 2
    assert system.err.startswith("hft.launch: error: ")
    assert "run.idle: must not be spin where processes share a core" in system.err
