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
from tools.figures import RATIOS, ROWS, UNITS, load

ROOT = Path(__file__).parents[2]
CHEAP = {
    "bench_engine": ("--orders", "2000"),
    "bench_features": ("--orders", "2000"),
    "bench_feeds": ("--orders", "2000"),
    "bench_latency": ("--orders", "2000"),
    "bench_pipeline": ("--orders", "10000", "--real-seconds", "0.5"),
}
RECORDED = re.compile("LOBSTER|quotes|trades")


@pytest.fixture
def bench_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # bench/support.py sets it: to be undone


@pytest.fixture
def mix_a(bench_path: None) -> ModuleType:
    return importlib.import_module("mix_a")


@pytest.fixture
def engine_bench(bench_path: None) -> ModuleType:
    return importlib.import_module("engine")


@pytest.mark.parametrize("script", CHEAP)
def test_a_benchmark_runs_and_its_rows_are_there(script: str, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("wrong", [("--no-such",), ("--orders", "0"), ("--orders", "many")])
def test_a_wrong_option_of_make_bench_is_told_before_anything_is_run(
    wrong: tuple[str, ...], tmp_path: Path
) -> None:
    command = [sys.executable, str(ROOT / "bench/everything.py"), *wrong]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert wrong[-1] in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


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


def test_the_engine_is_run_beside_the_floor(tmp_path: Path) -> None:
    """All of it but for valgrind, small; what comes out is compared with the oracle's."""
    output = tmp_path / "engine.json"
    command = [sys.executable, str(ROOT / "bench/engine.py"), "--output", str(output)]
    command += ["--share", "0.001", "--rounds", "1", "--no-instructions"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results = load(tmp_path)
    assert results is not None
    names = {figure.name for figure in results.figures}
    rows = {name for name, *_ in ROWS if re.match("compiled engine|floor", name)}
    assert {name for name in rows if "instructions" not in name} <= names
    assert {figure.unit for figure in results.figures} <= set(UNITS)


def ring_names(tmp_path: Path, cores: set[int]) -> tuple[set[str], str]:
    """What a small run of bench/ring.py on these cores has measured, and what it says."""
    command = [sys.executable, str(ROOT / "bench/ring.py"), "--output", str(tmp_path / "ring.json")]
    command += ["--share", "0.01", "--rounds", "2"]
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    finally:
        os.sched_setaffinity(0, mine)
    assert done.returncode == 0, done.stderr
    results = load(tmp_path)
    assert results is not None
    assert {len(figure.values) for figure in results.figures} == {2}
    return {figure.name for figure in results.figures}, done.stderr


@pytest.mark.timeout(180)
def test_the_ring_is_run_beside_others(tmp_path: Path) -> None:
    """Every message of every subject is checked on its way; and nothing stays in /dev/shm."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        pytest.skip("it pins two processes to a core each, and this host gives us one")
    names, _ = ring_names(tmp_path, set(cores))
    rows = {name for name, *_ in ROWS} | {name for ratio in RATIOS for name in ratio[:2]}
    ours = re.compile("ring|bare flag|head/tail|multiprocessing|pyzmq")
    assert {name for name in rows if ours.match(name)} <= names
    assert not list(Path("/dev/shm").glob("hft-bench-ring-*"))


@pytest.mark.timeout(180)
def test_on_one_core_calls_are_timed_and_the_rest_is_said_to_be_left_out(tmp_path: Path) -> None:
    names, said = ring_names(tmp_path, {min(os.sched_getaffinity(0))})
    assert names
    assert all(re.match("ring from Python, (a call|message) of", name) for name in names)
    assert "all else takes two cores" in said


def test_the_flow_in_c_is_what_the_reference_makes_of_it(engine_bench: ModuleType) -> None:
    flows = engine_bench.flows
    variant = flows.Variant(100, 1500, instruments=3, window=2048)
    flow = flows.flow_of(variant, *flows.generate(variant, seed=7))
    reference = ReferenceEngine(instruments=3, orders=1024)
    answers = [answer for command in flow.commands for answer in reference.process(command)]
    trades = [answer for answer in answers if isinstance(answer, Trade)]
    hashed = 0
    for trade in trades:
        for word in (trade.maker_order_id, trade.price_ticks, trade.qty_lots):
            hashed = (hashed ^ word) * 0x9E3779B97F4A7C15 % 2**64
            hashed ^= hashed >> 32
    lots = sum(trade.qty_lots for trade in trades)
    assert len(trades) > 50
    assert (len(trades), lots, hashed, len(reference), 0) == flow.expected.values()


@pytest.mark.parametrize("field", ["fills", "lots", "hash", "left"])
def test_an_engine_that_makes_something_else_is_noticed(
    engine_bench: ModuleType, field: str
) -> None:
    flows = engine_bench.flows
    variant = flows.Variant(100, 500)
    flow = flows.flow_of(variant, *flows.generate(variant))
    bench = engine_bench.Bench(1.0)
    bench.validate("as it is", flow)
    setattr(flow.expected, field, getattr(flow.expected, field) + 1)
    with pytest.raises(ValueError, match="the oracle has"):
        bench.validate("tampered with", flow)
