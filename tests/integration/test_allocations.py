"""No memory is asked for on the hot path: counted beneath malloc, in real runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.system import FOLDED, LOADED_S, ROOT, SEPARATE, System

SOURCE = Path(__file__).with_name("count_allocations.c")
HOT = ("feed", "signal", "risk", "engine")

# The answers of one call are more than an engine's box has room for: it grows while they are made.
ALLOCATES = """
import ctypes, sys
import numpy as np
from hft.core import MatchingEngine
from hft.core.messages import COMMAND, Kind, Side, order_id
commands = np.zeros(10_000, COMMAND)
commands["kind"], commands["side"], commands["qty_lots"] = Kind.NEW_ORDER, Side.BUY, 1
commands["price_ticks"] = 100
commands["order_id"] = [order_id(1, 1 + number) for number in range(len(commands))]
engine = MatchingEngine(instruments=1, orders=20_000)
PR_SET_TIMERSLACK = 29
ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0)
if len(sys.argv) > 1:
    engine.process(commands)
np.sort(np.random.default_rng(1).random(100_000))  # which has its memory without the GIL
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("count") / "count_allocations.so"
    command = ["gcc", "-O2", "-shared", "-fPIC", "-fno-builtin", "-Wall", "-Werror"]
    subprocess.run([*command, "-o", made, SOURCE, "-ldl"], check=True)
    return made


@pytest.fixture
def counts(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to which every process that is started now tells its counts."""
    folder = tmp_path / "counts"
    folder.mkdir()
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("COUNT_FOLDER", str(folder))
    return folder


def told(path: Path) -> tuple[int, int]:
    counted, everything = map(int, path.read_text().split())
    return counted, everything


@pytest.mark.parametrize("grows", [False, True])
def test_the_counter_counts(counts: Path, grows: bool) -> None:
    """What a compiled module allocates without the GIL, and not what Python's libraries do."""
    command = [sys.executable, "-c", ALLOCATES, *(["grow"] if grows else [])]
    subprocess.run(command, check=True, cwd=ROOT)
    (path,) = counts.iterdir()
    counted, everything = told(path)
    assert (counted > 1) == grows
    assert everything > counted


@pytest.mark.timeout(LOADED_S + 30)
@pytest.mark.parametrize(
    ("mode", "speed", "duration"),
    [
        pytest.param(FOLDED, "max", "5", id="simulated"),
        pytest.param(FOLDED, "1", "2", id="real", marks=pytest.mark.soak),
        pytest.param(SEPARATE, "1", "2", id="separate", marks=pytest.mark.soak),
    ],
)
def test_hot_nodes_allocate_nothing(
    counts: Path, tmp_path: Path, mode: tuple[str, ...], speed: str, duration: str
) -> None:
    """From their start to their end, with a compiled strategy that trades."""
    arguments = ("--speed", speed, "--duration", duration, "--report", "report.json")
    system = System(tmp_path, *mode, *arguments)
    try:
        system.finish(LOADED_S)
    finally:
        system.clear()
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["orders"]["accepted"] > 0
    nodes = {node["name"]: node for node in report["nodes"]}
    found = {name: told(counts / str(nodes[name]["pid"])) for name in HOT}
    assert all(everything > 0 for _, everything in found.values())
    assert {name: counted for name, (counted, _) in found.items()} == dict.fromkeys(HOT, 0)
    assert {name: nodes[name]["allocations"] for name in HOT} == dict.fromkeys(HOT, 0)
