"""What bench/pipeline.py measures with, and that a small run of it leaves what it should."""

import importlib
import os
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hft.core import MatchingEngine
from hft.core.control import page_dtype
from hft.core.histogram import HISTOGRAM, record
from hft.core.messages import Kind
from tools.figures import ROWS, load

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives a module of bench/ by its name."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # bench/support.py sets it: to be undone
    return importlib.import_module


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_a_small_run_leaves_what_readme_has_and_nothing_else(tmp_path: Path) -> None:
    output = tmp_path / "pipeline.json"
    command = [sys.executable, str(ROOT / "bench/pipeline.py"), "--output", str(output)]
    command += ["--orders", "1", "--rounds", "1", "--parts", "load,readers"]
    environment = {**os.environ, "HFT_DATA": str(tmp_path)}  # without recordings
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "the AMZN day is not measured" in done.stderr
    cores = len(os.sched_getaffinity(0))
    results = load(tmp_path)
    assert results is not None
    names = {figure.name for figure in results.figures}
    rows = {name for name, *_ in ROWS if name.startswith("system, ")}
    rows = {name for name in rows if not re.search("AMZN|instruments|simulated", name)}
    rows = {name for name in rows if cores > 1 or "2 cores" not in name}
    assert rows <= names
    for words in ("tick to order", "hop market_flow", "busy ns an event", "4 readers of the view"):
        assert words in done.stdout
    # Of the readers' table: what was given and can't be.
    torn = [line.split()[-1] for line in done.stdout.splitlines() if "of the view  " in line]
    assert set(torn) == {"0"}
    assert not list(Path("/dev/shm").glob("hft.bench-*"))


@pytest.mark.parametrize("wrong", [("--orders", "0"), ("--parts", "load,lunch"), ("--no-such",)])
def test_a_wrong_option_is_one_clear_line(wrong: tuple[str, ...], tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "bench/pipeline.py"), *wrong]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert wrong[0] in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("instruments", [1, 7])
def test_a_block_of_the_stream_ends_with_empty_books_and_has_no_bursts(
    bench: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, instruments: int
) -> None:
    feed = bench("stream_feed")
    monkeypatch.setattr(feed, "BLOCK_EVENTS", 30_000)
    monkeypatch.setattr(feed, "CACHE", tmp_path)
    told = feed.block(instruments)
    assert (np.diff(told["event_ts_ns"]) >= 0).all()
    per_s = np.bincount((told["event_ts_ns"] - feed.START_TS_NS) // 10**9)
    assert per_s.max() < 1.5 * feed.RATE_PER_S * instruments
    engine = MatchingEngine(instruments=instruments)
    for _ in range(2):  # the ids serve again
        answers = engine.process_all(told)
        assert not (answers["kind"] == Kind.REJECTED).any()
        assert len(engine) == 0
    streamed = feed.StreamFeed(f"instruments={instruments},events={len(told) + 100}", None)
    chunks = np.concatenate(list(streamed.chunks()))
    assert len(chunks) == len(told) + 100
    assert (np.diff(chunks["event_ts_ns"]) >= 0).all()


def test_percentiles_are_the_values_of_their_ranks(bench: Any) -> None:
    watched = bench("watched")
    values_ns = np.random.default_rng(3).integers(1, 10_000_000, 5000)
    histogram = np.zeros(1, HISTOGRAM)
    record(histogram, values_ns)
    found = watched.quantiles(histogram[0])
    assert found["count"] == 5000
    assert found["max"] == values_ns.max()
    for name, share in watched.QUANTILES.items():
        if name in found:
            exact = np.quantile(values_ns, share, method="inverted_cdf")
            assert exact <= found[name] <= exact * 1.01
    assert "p99.9" in found
    assert "p99.99" not in found  # no value stands for it
    assert watched.quantiles(np.zeros(1, HISTOGRAM)[0]) == {"count": 0}


def looks(watched: Any, late_s: float, seconds: int = 8, speed: float = 4.0) -> Any:
    """Of a paced run whose feed comes later by so much in each second."""
    made = watched.Looks.__new__(watched.Looks)
    ns = np.arange(0, seconds * 10**9, 10**7, np.int64)
    market_ns = ((ns - late_s * ns) * speed).astype(np.int64)
    made.seen = [
        (int(now), 1000 + int(now) // 1000, int(now) // 1000, int(market))
        for now, market in zip(ns, market_ns, strict=True)
    ]
    return made


@pytest.mark.parametrize("late_s", [0.0, 0.2])
def test_a_feed_that_falls_behind_is_seen_to(bench: Any, late_s: float) -> None:
    watched = bench("watched")
    made = looks(watched, late_s)
    events, seconds = made.rate()
    assert events / seconds == pytest.approx(1e6)
    growth = made.late_growth(4.0)
    assert growth == pytest.approx(0.75 * late_s, abs=0.01)
    assert (growth < watched.FALLS_BEHIND) == (late_s == 0)


def view(levels: dict[str, list[tuple[int, int]]], sequence: int = 5) -> Any:
    """A copy of a book's view with these levels of price and lots."""
    row = np.zeros(1, page_dtype(1))[0]["instruments"][0]["view_even"]
    row["sequence"] = row["event_ts_ns"] = sequence
    for side, rows in levels.items():
        for place, (price_ticks, lots) in enumerate(rows):
            row[side][4 * place : 4 * place + 2] = price_ticks, lots
    return row


GOOD = {"bids": [(100, 5), (99, 1)], "asks": [(101, 2), (105, 9)]}


@pytest.mark.parametrize(
    ("levels", "before", "says"),
    [
        (GOOD, (5, 5), None),
        ({}, (0, 0), None),
        (GOOD, (6, 5), "sequence and time went"),
        ({**GOOD, "bids": [(99, 1), (100, 5)]}, (0, 0), "bids are not in order"),
        ({**GOOD, "asks": [(101, 2), (101, 2)]}, (0, 0), "asks are not in order"),
        ({**GOOD, "bids": [(101, 5)]}, (0, 0), "not below the best ask"),
        ({**GOOD, "asks": [(101, 2), (0, 0), (105, 9)]}, (0, 0), "asks have a gap"),
    ],
)
def test_a_view_that_cannot_be_is_noticed(
    bench: Any, levels: dict[str, list[tuple[int, int]]], before: tuple[int, int], says: str | None
) -> None:
    wrong = bench("view_reader").wrongs(view(levels), before)
    assert wrong is None if says is None else says in wrong


def test_memory_is_counted_in_a_process_of_its_own(bench: Any) -> None:
    target = bench("targets").memory_target(20_000)
    size_mb = float(target.measured.removesuffix(" MB"))
    assert 20_000 * 40e-6 < size_mb < 20  # what rests takes 40 bytes at the least
    assert target.target == "< 2 MB"


@pytest.mark.parametrize(
    ("seconds", "late_growth", "met"),
    [(59.9, 0.0, True), (59.9, 0.1, False), (5.0, 0.0, None), (5.0, 0.1, False)],
)
def test_a_minute_is_only_sustained_by_a_run_of_a_minute(
    bench: Any, seconds: float, late_growth: float, met: bool | None
) -> None:
    run = types.SimpleNamespace(
        seconds=seconds,
        kept_up=late_growth < bench("watched").FALLS_BEHIND,
        rate_per_s=1e6,
        late_ns={"count": 1, "p50": 1.0, "p99": 2.0, "max": 2.0},
    )
    assert bench("targets").sustained_target(run, 1e6, "2 cores").met is met


def test_a_goal_that_was_not_measured_is_neither_met_nor_missed(bench: Any) -> None:
    targets = bench("targets")
    assert [each.met for each in targets.goals(None, None, {"1 core": None})] == [None] * 3
    found = targets.goals(3.1e6, 2500.0, {"1 core": 0.9e6, "2 cores": 1.2e6})
    assert [each.met for each in found] == [True, False, True]
    assert "NOT MET" in targets.table(found)
