"""`hft.status` shows a running system from outside."""

import os
import time

import pytest

from hft.runtime.clock import mistrust
from tests.e2e.conftest import Start
from tests.e2e.system import MODES, PINNED, processes


@pytest.mark.parametrize("mode", MODES)
def test_status_of_a_running_system(start: Start, mode: str) -> None:
    """Every node is alive where it was put, and works."""
    system = start(*MODES[mode])
    system.running()
    before = system.status()
    time.sleep(0.3)
    after = system.status()

    assert (after["instance"], after["run_id"]) == (system.instance, before["run_id"])
    assert after["owner"] == {"pid": system.process.pid, "alive": True}
    nodes = {node["name"]: node for node in after["nodes"]}
    assert list(nodes) == [*PINNED, "recorder", "monitor"]
    assert {node["pid"] for node in nodes.values()} == set(processes(system.instance))
    pinned_pids = {nodes[name]["pid"] for name in PINNED}
    assert len(pinned_pids) == (len(PINNED) if mode == "separate" else cores_of(nodes))
    for node in nodes.values():
        assert (node["alive"], node["state"]) == (True, "running"), node
        assert node["heartbeat_age_ms"] < 1000, node
    for name in PINNED:
        assert os.sched_getaffinity(nodes[name]["pid"]) == {nodes[name]["core"]}

    edges = {edge["name"]: edge for edge in after["edges"]}
    for edge in before["edges"]:
        assert edges[edge["name"]]["published"] >= edge["published"]
        assert edges[edge["name"]]["page_bytes"] in (4096, 2 << 20)
    old = {edge["name"]: edge for edge in before["edges"]}
    for name in ("market_flow", "market_data", "reports"):
        assert edges[name]["taken"] > old[name]["taken"]
        assert edges[name]["dropped"] == 0
    assert after["engine"]["steps"] > before["engine"]["steps"] > 0

    market = after["instruments"][0]
    assert market["symbol"] == "TEST"
    assert isinstance(market["position_lots"], int)
    assert market["open_orders"] >= 0
    assert float(market["book"]["bids"][0]["price"]) < float(market["book"]["asks"][0]["price"])
    assert after["orders"]["accepted"] > 0
    system.interrupt()


@pytest.mark.parametrize("configured", ["auto", "monotonic"])
def test_the_clock_of_a_running_system(
    start: Start, monkeypatch: pytest.MonkeyPatch, configured: str
) -> None:
    """It is kept near CLOCK_MONOTONIC while the nodes run on it; or it is that, if asked for."""
    monkeypatch.setenv("HFT_RUN_CLOCK", configured)
    problem = mistrust() if configured == "auto" else None
    system = start(*MODES["separate"])
    system.running()
    time.sleep(0.5)
    shot = system.status()
    clock = shot["clock"]
    assert clock["source"] == ("tsc" if configured == "auto" and not problem else "monotonic")
    assert clock["notice"] == problem
    if clock["source"] == "tsc":
        assert clock["corrections"] > 0
        assert abs(clock["error_ns"]) < 20_000  # generous: launch may have waited for a core
    else:
        assert clock["corrections"] == 0
    assert all(node["heartbeat_age_ms"] < 1000 for node in shot["nodes"])
    system.interrupt()
    line = f"clock: CLOCK_MONOTONIC, slower to read: {problem}"
    assert (line in system.out) == (problem is not None)


def cores_of(nodes: dict[str, dict[str, int]]) -> int:
    """How many cores the pinned nodes have: folded, each has one process."""
    return len({nodes[name]["core"] for name in PINNED})


def test_status_of_what_does_not_run(start: Start) -> None:
    """Asking after an unknown instance, or acting on it, is one line and exit code 2."""
    system = start("--show-topology")
    system.finish()
    for command in (("hft.status", "--json"), ("hft.control", "kill"), ("hft.control", "stop")):
        done = system.command(*command)
        expected = f"{command[0]}: error: instance {system.instance}: is not running\n"
        assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)
