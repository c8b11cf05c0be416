"""Files of quotes and trades, and a feed of one's own, through the whole system."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Start
from tests.e2e.system import FOLDED
from tests.own_feed import day, example

CONFIG = "[market_maker]\norder_lots = 2\n[risk]\nprice_band_bps = 5000\n"


def run(start: Start, folder: Path, feed: str, *options: str) -> tuple[str, Any]:
    """What the run printed, and its report."""
    (folder / "wide.toml").write_text(CONFIG)
    system = start(*FOLDED, "--feed", feed, "--config", "wide.toml", "--report", "r.json", *options)
    system.finish()
    return system.out, json.loads((folder / "r.json").read_text())


@pytest.mark.parametrize(
    ("scheme", "name"),
    [
        ("bbo", "binance-futures_quotes_2020-02-22_BTCUSDT.csv.gz"),
        ("csv", "binance-futures_trades_2020-02-22_BTCUSDT.csv.gz"),
    ],
)
def test_recorded_files_are_traded_against(
    start: Start, tmp_path: Path, data_dir: Path, scheme: str, name: str
) -> None:
    """As they were recorded, in simulated time; the market maker gets fills."""
    out, report = run(start, tmp_path, f"{scheme}:{data_dir}/tardis_csv/{name}", "--speed", "max")
    assert f"{scheme} {name}: 9,999 " in out
    assert report["fills"] > 0


def test_symbols_of_one_file_have_books_of_their_own(start: Start, tmp_path: Path) -> None:
    rows = [
        f"{second},{symbol},{price + second % 3},5,{price + 1 + second % 3},5\n"
        for second in range(200)
        for symbol, price in (("AA", 100), ("BB", 7000))
    ]
    (tmp_path / "two.csv").write_text("".join(rows))
    out, report = run(start, tmp_path, "bbo:two.csv", "--speed", "max", "--duration", "150")
    assert "400 quotes, 2 symbols, times in s" in out
    assert [name in out for name in ("CSV:AA: position", "CSV:BB: position")] == [True, True]
    assert report["engine"]["rejected"] == 0


def test_the_documented_feed_runs(start: Start, tmp_path: Path) -> None:
    (tmp_path / "my_feed.py").write_text(example())
    (tmp_path / "day.jsonl").write_text(day(300))
    out, report = run(start, tmp_path, "my_feed.py:day.jsonl", "--speed", "max")
    assert "jsonl day.jsonl" in out
    assert "MINE:ABC: position" in out
    assert report["trades"] >= 400  # of 600 events: those that follow one another inside a level


def test_a_feed_that_fails_ends_the_run_with_its_line(start: Start, tmp_path: Path) -> None:
    (tmp_path / "my_feed.py").write_text(example())
    (tmp_path / "day.jsonl").write_text(day(300) + "{}\n")
    system = start(*FOLDED, "--feed", "my_feed.py:day.jsonl", "--speed", "max")
    assert system.wait() == 2
    assert "day.jsonl: line 1201: is no event: " in system.err
    assert "Traceback" not in system.err


def test_a_market_that_the_engine_has_no_room_for_is_told(start: Start, tmp_path: Path) -> None:
    """What it rejects of the market is not what own orders were refused."""
    (tmp_path / "small.toml").write_text("[engine]\norders = 2\n")
    rows = [f"{second},A,{100 + second},5,{102 + second},5\n" for second in range(50)]
    (tmp_path / "quotes.csv").write_text("".join(rows))
    options = ("--feed", "bbo:quotes.csv", "--speed", "max", "--config", "small.toml")
    system = start(*FOLDED, *options, "--report", "r.json")
    assert system.wait() == 0
    report = json.loads((tmp_path / "r.json").read_text())
    count = report["engine"]["rejected"] - sum(report["orders"]["rejected"].values())
    assert count > 0
    problem = f"the engine rejected {count:,} of the market's commands, so its book is not the ma"
    assert system.err.startswith(f"hft.launch: warning: {problem}")
    assert "raise engine.orders (now 2)" in system.err
    assert [line for line in system.log if line["message"].startswith(problem)]


UNUSED = "instruments.AB is not used: this feed knows its tick and lot"


def test_the_log_has_the_grids_and_what_is_not_used_of_them_is_told(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "grid.toml").write_text("[instruments.AB]\ntick_size = 0.5\nlot_size = 1\n")
    (tmp_path / "quotes.csv").write_text("1,AB,2,5,2.5,5\n2,AB,2,5,3,5\n")
    for feed, grids, unused in (
        ("bbo:quotes.csv", {"CSV:AB": "tick 0.5, lot 1"}, []),
        ("sim", {"SIM:TEST": "tick 0.01, lot 1"}, [UNUSED]),
    ):
        options = ("--feed", feed, "--speed", "max", "--duration", "2", "--config", "grid.toml")
        system = start(*FOLDED, *options)
        system.finish()
        (started,) = (line for line in system.log if line["message"] == "run started")
        assert started["instruments"] == grids
        said = [line["message"] for line in system.log if "not used" in line["message"]]
        assert said == unused
        assert [line for line in system.out.splitlines() if "not used" in line] == unused
