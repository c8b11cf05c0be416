"""The benchmarks run, and leave what the table is made from. None asserts a time."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from hft.core import MatchingEngine
from tests.reference.engine import ReferenceEngine
from tests.reference.wire import Trade
from tools.figures import ROWS, load

ROOT = Path(__file__).parents[2]
CHEAP = {
    "bench_ring": (),
    "bench_engine": ("--operations", "2000"),
    "bench_features": (),
    "bench_feeds": (),
    "bench_pipeline": ("--market-seconds", "5", "--real-seconds", "0.5"),
}
RECORDED = re.compile("LOBSTER|quotes|trades")
NEEDS_TWO_CORES = {"bench_ring"}


@pytest.fixture
def mix_a(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # bench/support.py sets it: to be undone
    return importlib.import_module("mix_a")


@pytest.mark.parametrize("script", CHEAP)
def test_a_benchmark_runs_and_its_rows_are_there(script: str, tmp_path: Path) -> None:
    if script in NEEDS_TWO_CORES and len(os.sched_getaffinity(0)) < 2:
        pytest.skip("it pins two processes to a core each, and this host gives us one")
    command = [sys.executable, str(ROOT / f"bench/{script}.py"), *CHEAP[script]]
    command += ["--debug-single-value", "--quiet", "--output", str(tmp_path / f"{script}.json")]
    # Without recordings: what needs one is left out.
    environment = {**os.environ, "HFT_DATA": str(tmp_path)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    results = load(tmp_path)
    assert results is not None
    prefix = results.figures[0].name.partition(",")[0]
    names = {figure.name for figure in results.figures}
    rows = {name for name, *_ in ROWS if name.startswith(prefix) and not RECORDED.search(name)}
    assert rows <= names


@pytest.mark.parametrize("recent", [False, True])
def test_mix_a_is_what_both_engines_make_of_it(mix_a: ModuleType, recent: bool) -> None:
    flow = mix_a.generate(1500, 100, recent=recent, seed=7)
    assert len(flow.fills) > 50
    mix_a.check(flow, MatchingEngine(instruments=1, orders=1024))
    reference = ReferenceEngine(instruments=1, orders=1024)
    answers = [answer for command in flow.commands for answer in reference.process(command)]
    trades = [answer for answer in answers if isinstance(answer, Trade)]
    fills = [(each.maker_order_id, each.price_ticks, each.qty_lots) for each in trades]
    assert fills == [tuple(fill) for fill in flow.fills.tolist()]
    assert len(reference) == flow.left


def test_a_flow_that_was_tampered_with_is_noticed(mix_a: ModuleType) -> None:
    flow = mix_a.generate(500, 100)
    flow.fills["qty_lots"][3] += 1
    with pytest.raises(ValueError, match="not the generator's"):
        mix_a.check(flow, MatchingEngine(instruments=1, orders=1024))
