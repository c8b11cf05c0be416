"""A process that dies is noticed at once, is named, and takes the run with it, tidily."""

import os
import signal
import time
from typing import Any

import pytest

from hft.core.control import Control
from hft.monitor.snapshot import snapshot
from tests.e2e.conftest import Start
from tests.e2e.system import (
    FOLDED,
    MODES,
    PINNED,
    SEPARATE,
    Stopwatch,
    System,
    processes,
    segments,
    stops,
    until,
)

NOTICED_S = 0.1


def kill(system: System, control: Control, pid: int) -> None:
    """kill -9, and see when the stop word tells all others so: that is when it is noticed.

    The word is looked at every millisecond; the time in which the machine kept us from looking is
    allowed on top, as it keeps others from noticing too.
    """
    os.kill(pid, signal.SIGKILL)
    watch = Stopwatch()
    took_s = watch.until(lambda: stops(control), "the stop word")
    assert took_s < NOTICED_S + watch.stall_s


def hosted(control: Control) -> dict[int, str]:
    """What each process of the run hosts, by pid."""
    found: dict[int, list[str]] = {}
    for node in snapshot(control)["nodes"]:
        if node["name"] != "monitor":
            found.setdefault(node["pid"], []).append(node["name"])
    # In the order in which launch names them.
    order = [*PINNED, "recorder"]
    return {pid: "+".join(sorted(names, key=order.index)) for pid, names in found.items()}


CASES = [
    *(("folded", node) for node in ("feed", "engine", "recorder")),
    *(("separate", node) for node in (*PINNED, "recorder")),
]


@pytest.mark.parametrize(("mode", "node"), CASES)
def test_a_dead_node_ends_the_run(start: Start, mode: str, node: str) -> None:
    """Which process died, and how, is said; the journal stays, everything else goes."""
    system = start(*MODES[mode])
    control = system.running()
    pid, name = next((pid, name) for pid, name in hosted(control).items() if node in name)
    kill(system, control, pid)
    assert system.wait() == 1
    system.assert_gone()
    died = f"hft.launch: error: {name} (process {pid}) was killed by SIGKILL; stopping all others"
    journal = system.run_folder.readlink().name
    where = f"hft-data/{system.instance}/{journal}"
    assert system.err.splitlines() == [died, f"the journal of this run is in {where}"]
    assert len(system.journal()) > 4096


@pytest.mark.parametrize("mode", MODES)
def test_when_launch_dies_the_nodes_clear_up(start: Start, mode: str) -> None:
    """Nodes without a parent stop, say why, and leave nothing; the next launch works."""
    system = start(*MODES[mode])
    control = system.running()
    names = set(hosted(control).values())
    kill(system, control, system.process.pid)
    assert system.wait() == -signal.SIGKILL
    system.assert_gone()
    said = f"launch (process {system.process.pid}) died; stopping"
    assert set(system.err.splitlines()) == {f"hft.nodes: {name}: {said}" for name in names}

    after = start(*MODES[mode], instance=system.instance)
    after.running()
    after.interrupt()
    assert "removed" not in after.out


def test_when_launch_dies_early_the_nodes_clear_up(start: Start) -> None:
    """A node whose parent died before it could look at it does not wait for ever."""
    system = start(*SEPARATE)
    until(lambda: len(processes(system.instance)) == 6, "the nodes' processes")
    time.sleep(0.02)  # long enough to be told what to be, too short to be it
    system.process.kill()
    system.wait()
    system.assert_gone()
    assert "Traceback" not in system.err


def test_what_died_at_once_is_removed_by_the_next_launch(start: Start) -> None:
    """Segments that nobody was left to remove don't stand in the way."""
    system = start(*FOLDED)
    control = system.running()
    names = segments(system.instance)
    assert len(names) > 5
    # Stopped, launch can't notice the others' death before its own.
    os.kill(system.process.pid, signal.SIGSTOP)
    for pid in hosted(control):
        os.kill(pid, signal.SIGKILL)
    os.kill(system.process.pid, signal.SIGKILL)
    system.wait()
    until(lambda: not processes(system.instance), "the end of all")
    assert segments(system.instance) == names
    dead: Any = system.command("hft.status", "--json")
    assert dead.returncode == 1

    after = start(*FOLDED, instance=system.instance)
    after.running()
    after.interrupt()
    assert f"removed {len(names)} segments of a dead run\n" in after.out
