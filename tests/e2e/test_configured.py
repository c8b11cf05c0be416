"""A run whose file and environment say everything, so that its command need not."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.e2e.system import CORES

FILE = """
[run]
speed = "max"
duration_s = 2
seed = 5
affinity = "${CORES}"
report = "report.json"

[memory]
hugepages = "never"
"""


def test_a_file_is_enough(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options, variables and the file come to one run; NUMA node 0 is everywhere."""
    monkeypatch.setenv("CORES", CORES)
    monkeypatch.setenv("HFT_RUN_SEED", "6")
    monkeypatch.setenv("HFT_NUMA_NODE", "0")
    (tmp_path / "c.toml").write_text(FILE)
    system = start("--config", "c.toml", "--duration", "1")
    system.finish()
    assert "sim, seed 6" in system.out
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["trades"] > 0


def test_all_mistakes_are_told_at_once(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the file, the environment and the command line, a line each."""
    monkeypatch.setenv("HFT_LOG_LEVEL", "loud")
    (tmp_path / "c.toml").write_text("x = 1\n[risk]\norder_lots = 0\n")
    system = start("--config", "c.toml", "--seed", "x")
    assert system.wait() == 2
    assert system.out == ""
    starts = ("c.toml: line 1, x: ", "c.toml: line 3, risk.order_lots: ", "HFT_LOG_LEVEL: ")
    lines = system.err.splitlines()
    assert len(lines) == 4
    for line, start_of_it in zip(lines, (*starts, "--seed: "), strict=True):
        assert line.startswith(f"hft.launch: error: {start_of_it}")
