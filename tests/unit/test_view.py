"""The live view fits its terminal and shows what matters, whatever the snapshot lacks."""

import io
import os
import re
from collections.abc import Iterator

import pytest
from rich.console import Console

from hft.core.control import Control, NodeState, StopWord
from hft.monitor import Snapshot, Trade, View, snapshot, units
from hft.monitor.alerts import Alerts
from hft.monitor.pace import sparkline
from hft.monitor.snapshot import shown_state
from hft.monitor.view import CYCLE_S
from tests import pages

INSTANCE = f"test-view-{os.getpid()}"
SIZES = [(100, 30), (80, 24), (160, 50), (120, 40), (100, 16), (60, 30), (40, 10), (20, 5), (7, 3)]


@pytest.fixture
def control() -> Iterator[Control]:
    with pages.new_page(INSTANCE) as made:
        yield made


@pytest.fixture
def shot(control: Control) -> Snapshot:
    pages.fill(control, INSTANCE)
    return snapshot(control)


@pytest.fixture
def view() -> View:
    made = View(feed="lobster:day.zip")
    made.trades.append(Trade(pages.EVENT_TS_NS, "223.41", 300, "buy"))
    made.trades.append(Trade(pages.EVENT_TS_NS + 10**9, "223.42", 400, "sell"))
    made.warnings.append("no huge pages")
    return made


def drawn(view: View, shot: Snapshot, size: tuple[int, int], before: Snapshot | None = None) -> str:
    width, height = size
    console = Console(record=True, width=width, height=height, file=io.StringIO())
    console.print(view.render(shot, before))
    text = console.export_text()
    lines = text.splitlines()
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    return text


@pytest.mark.parametrize("size", SIZES)
def test_it_fits_with_and_without_data(control: Control, view: View, size: tuple[int, int]) -> None:
    drawn(View(), snapshot(control), size)
    control.record["node_count"] = control.record["edge_count"] = 3
    control.record["instrument_count"] = 3
    drawn(view, snapshot(control), size)
    pages.fill(control, INSTANCE)
    drawn(view, snapshot(control), size)


@pytest.mark.parametrize("size", SIZES[:3])
def test_the_key_figures_are_there(view: View, shot: Snapshot, size: tuple[int, int]) -> None:
    text = drawn(view, shot, size)
    for expected in (
        INSTANCE, "09:30:00.123", "kill switch off", "NASDAQ:AMZN", "223.87", "223.90", "spread",
        "imbalance +0.25", "-120", "-65.00", "intended", "refused", "1,234", "223.42", "recorder",
        "running", "25%", "tick-to-order 4.", "market_data", "90.0", "1.50k", "! no huge pages",
        "◆ 7", "◆ 4",
    ):  # fmt: skip
        assert expected in text
    assert "…" not in text or size == (80, 24)
    assert ("pnl over" in text) != ("no room for: curve of the pnl, log" in text)


def test_what_has_no_room_is_named(view: View, shot: Snapshot) -> None:
    """The most important things come first, whatever the size; the others are named."""
    assert "223.78" in drawn(view, shot, (120, 40))  # ten levels
    assert "223.78" not in drawn(view, shot, (100, 30))
    assert "no room for: log, nodes, hops" in drawn(view, shot, (100, 16))
    narrow = drawn(view, shot, (60, 36))
    assert "no room for: curve of the pnl, hops, trades" in narrow
    for expected in ("223.87", "-65.00", "recorder", "! no huge pages"):
        assert expected in narrow
    assert "no room for: orders, nodes" in drawn(view, shot, (40, 10))


@pytest.mark.parametrize("size", [(60, 20), (60, 14), (40, 12), (40, 10), (60, 8), (40, 5)])
def test_position_and_best_prices_are_the_last_to_go(
    view: View, shot: Snapshot, size: tuple[int, int]
) -> None:
    view.log.extend(["a line", "another"])
    text = drawn(view, shot, size)
    for expected in ("-120", "-65.00", "223.87", "223.88"):
        assert expected in text
    assert ("passed" in text) == (size == (60, 20))


def test_the_instrument_of_the_book_is_among_the_positions(view: View, control: Control) -> None:
    pages.fill(control, INSTANCE)
    page = control.record
    page["instrument_count"] = 4
    for place in (1, 2, 3):
        page["instruments"][place] = page["instruments"][0]
        pages.put(page["instruments"][place], "symbol", f"SYM{place}")
    last = View(instrument=3)
    for size in ((100, 30), (60, 20), (40, 12)):
        assert "SYM3" in drawn(last, snapshot(control), size).partition("position")[2]


def test_own_orders_and_own_fills_are_marked(view: View, shot: Snapshot) -> None:
    """Also the orders that rest deeper than the levels that are drawn."""
    view.trades.append(Trade(pages.EVENT_TS_NS, "223.40", 55, "buy", own=True))
    view.trades.append(Trade(pages.EVENT_TS_NS, "1.11", 5, "buy", instrument=3))
    text = drawn(view, shot, (120, 46))
    assert "◆ 4, 2 deeper" in text
    assert re.search("◆ +223.40 +55 ", text)
    assert "1.11" not in text
    assert "◆ buy " in text
    assert "1:30" in text


def test_strategies_show_below_the_nodes(view: View, control: Control, shot: Snapshot) -> None:
    page = control.record
    page["strategy_count"] = 5
    for account, name in enumerate(("one", "two", "three", "four", "broken")):
        pages.put(page["strategies"][account], "name", name)
        page["strategies"][account]["state"] = 3 if name == "broken" else 1
        page["strategies"][account]["events"] = 1000
    later = snapshot(control)
    later["host_ts_ns"] = shot["host_ts_ns"] + 10**9
    text = drawn(view, later, (120, 40), snapshot(control) | {"host_ts_ns": shot["host_ts_ns"]})
    for expected in ("broken", "failed", "one", "trading", "and 2 more strategies"):
        assert expected in text
    assert "four" not in text


def test_each_traded_instrument_has_its_turn(view: View, control: Control) -> None:
    pages.fill(control, INSTANCE)
    page = control.record
    page["instrument_count"] = 3
    for place, symbol in ((1, "IDLE"), (2, "MSFT")):
        page["instruments"][place] = page["instruments"][0]
        page["instruments"][place]["symbol"][:] = 0
        pages.put(page["instruments"][place], "symbol", symbol)
    for field in ("position_lots", "open_orders", "cash_tick_lots"):
        page["instruments"][1][field] = 0
    shot = snapshot(control)
    titles = []
    for second in (0, CYCLE_S, 2 * CYCLE_S):
        shot["uptime_s"] = second + 0.5
        text = drawn(view, shot, (100, 30))
        titles += re.findall(r"NASDAQ:\w+ \(\d of 3\)", text)
    assert titles == ["NASDAQ:AMZN (1 of 3)", "NASDAQ:MSFT (3 of 3)", "NASDAQ:AMZN (1 of 3)"]
    assert "> AMZN" in text


def test_the_log_follows_the_warnings(view: View, shot: Snapshot) -> None:
    view.log.extend(f"line {number}" for number in range(9))
    lines = drawn(view, shot, (100, 30)).splitlines()
    assert [line.strip() for line in lines[-3:]] == ["! no huge pages", "line 7", "line 8"]


@pytest.mark.parametrize(
    ("values", "width", "lines", "drawn"),
    [
        ([], 4, 2, ["", ""]),
        ([5.0], 4, 1, ["▁"]),
        ([0.0, 7.0], 4, 1, ["▁█"]),
        ([0.0, 15.0, 7.0], 4, 2, [" █ ", "▁██"]),
        ([0.0, 0.0, 2.0, 2.0], 2, 1, ["▁█"]),
    ],
)
def test_sparkline(values: list[float], width: int, lines: int, drawn: list[str]) -> None:
    assert sparkline(values, width, lines) == drawn


def test_alarms_show(view: View, control: Control, shot: Snapshot) -> None:
    control.engage_kill_switch()
    page = control.record
    page["stop"], page["nodes"][2]["pid"] = 1, 0
    page["edge_count"] = 0
    for field in ("bids", "asks"):
        page["instruments"][0]["view_even"][field][:] = 0
    text = drawn(view, snapshot(control), (100, 30))
    for expected in ("KILL SWITCH ENGAGED", "stopping (drain)", "dead", "tick-to-order - "):
        assert expected in text
    shot["instruments"][0]["book"] = None
    assert "its writer dead?" in drawn(view, shot, (100, 30))


def test_a_stuck_node_shows_and_is_told_once(
    view: View, control: Control, caplog: pytest.LogCaptureFixture
) -> None:
    """All nodes of its process are; who need not give a sign of life is not."""
    pages.fill(control, INSTANCE)
    for row in control.record["nodes"][1:3]:
        row["pid"] = os.getppid()
    well = snapshot(control)
    for row in control.record["nodes"][1:3]:
        row["heartbeat_ts_ns"] -= 12_300_000_000
    for row in control.record["nodes"][: len(pages.NODES)]:
        row["started_ts_ns"] -= 60 * 10**9
    alerts = Alerts()
    stuck = snapshot(control)
    assert [node["name"] for node in stuck["nodes"] if shown_state(node) == "stuck"] == [
        "engine", "signal"
    ]  # fmt: skip
    for size in ((100, 30), (60, 36), (80, 24), (40, 12)):
        assert "2 nodes stuck for 12." in drawn(view, stuck, size)
    assert re.search("signal +2 +stuck ", drawn(view, stuck, (100, 30)))
    assert "2 NODES STUCK FOR 12." in view.line(stuck)
    with caplog.at_level("INFO"):
        for seen in (well, stuck, stuck, well, well):
            alerts.look(seen)
    assert [record.getMessage() for record in caplog.records] == [
        "engine, signal: no sign of life for 12.3 s: does a callback of a strategy not return?",
        "engine, signal: alive again, after at least 12.3 s",
    ]
    control.record["nodes"][3]["state"] = NodeState.NODE_STARTING
    assert "stuck" not in drawn(view, snapshot(control), (100, 30))
    control.record["nodes"][3]["state"] = NodeState.NODE_RUNNING
    control.stop = StopWord.STOP_NOW
    assert "stuck" not in drawn(view, snapshot(control), (100, 30))


def test_memory_that_may_be_swapped_out_is_told_once(
    control: Control, caplog: pytest.LogCaptureFixture
) -> None:
    """That of pinned nodes: the recorder's needn't be locked."""
    pages.fill(control, INSTANCE)
    for place in (0, 3, 4):
        control.record["nodes"][place]["memory_locked"] = 0
    alerts = Alerts()
    for _ in range(2):
        alerts.look(snapshot(control))
    told = [record.getMessage().partition(":")[0] for record in caplog.records]
    assert told == ["feed", "risk"]
    assert "its own memory is not locked" in caplog.records[0].getMessage()


def test_the_newest_warnings_show(view: View, shot: Snapshot) -> None:
    view.warnings += [f"warning {number}" for number in range(9)]
    text = drawn(view, shot, (100, 30))
    assert "warning 8" in text
    assert "warning 5" not in text
    assert "(and 7 earlier)" in text
    view.log.append("a line")
    assert "(and 8 earlier)" in drawn(view, shot, (100, 30))


def test_rates_are_those_since_the_previous_snapshot(
    view: View, control: Control, shot: Snapshot
) -> None:
    page = control.record
    page["nodes"][0]["messages_out"] += 1_230
    page["nodes"][0]["busy_ns"] += 75
    page["nodes"][0]["loop_ns"] += 100
    pages.count(control, "engine", ENGINE_STEPS=269_748 + 45_600)
    now = snapshot(control)
    now["host_ts_ns"] = shot["host_ts_ns"] + 10**9
    text = drawn(view, now, (100, 30), shot)
    assert "45.6k events/s" in text
    assert "75%" in text
    assert "1.23k" in text
    other_run = {**shot, "run_id": 1}
    assert drawn(view, now, (100, 30), other_run) == drawn(view, now, (100, 30))


def test_the_line(view: View, control: Control, shot: Snapshot) -> None:
    assert view.line(snapshot(control))
    shot["uptime_s"] = 1.0
    assert view.line(shot) == (
        "09:30:00.123  270k events/s  5,123 trades  AMZN -120 pnl -65.00  "
        "orders 49,990 fills 812 open 4  tick-to-order p50 4.01 µs p99 70.0 µs"
    )
    control.record["instrument_count"] = 3
    control.engage_kill_switch()
    line = view.line(snapshot(control))
    assert "AMZN -120 pnl -65.00  and 2 more" in line
    assert line.endswith("KILLED")
    assert len(line) <= 160


def test_live_draws_on_the_alternate_screen(shot: Snapshot) -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100, height=30, color_system=None)
    later = {**shot, "host_ts_ns": shot["host_ts_ns"] + 2 * 10**9}
    with View(console=console).live() as show:
        for one in (shot, shot, later, later):
            show(one)
    assert output.getvalue().count(INSTANCE) == 4
    assert output.getvalue().endswith("\x1b[?25h\x1b[?1049l")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (units.ns(999), "999 ns"),
        (units.ns(1_000), "1.00 µs"),
        (units.ns(9_994), "9.99 µs"),
        (units.ns(9_996), "10.0 µs"),
        (units.ns(999_499), "999 µs"),
        (units.ns(999_500), "1.00 ms"),
        (units.ns(12_345_678_901), "12.3 s"),
        (units.rate(999.4), "999"),
        (units.rate(999.5), "1.00k"),
        (units.rate(1_234_567), "1.23M"),
        (units.rate(5e9), "5.00G"),
        (units.fitting(99_999, 6), "99,999"),
        (units.fitting(100_000, 6), "100k"),
        (units.elapsed(59.94), "59.9 s"),
        (units.elapsed(61), "1:01"),
        (units.elapsed(3_661), "1:01:01"),
        (units.clock(0), "00:00:00.000"),
        (units.clock(1_700_000_000_123_456_789), "2023-11-14 22:13:20.123"),
        (units.bytes_text(4096), "4 KiB"),
        (units.bytes_text(2 << 20), "2 MiB"),
        (units.bytes_text(0), "0 B"),
        (units.money("-1234567.891"), "-1,234,567.89"),
        (units.money("0"), "0.00"),
        (units.money("0.125"), "0.12"),
        (units.money("0.1"), "0.10"),
        (units.money("0.05"), "0.05"),
        (units.money("-0.0999999"), "-0.10"),
        (units.money("-0.00031249"), "-0.000312"),
        (units.money("0.00000123456"), "0.00000123"),
        (units.money("-0.0000000312"), "-3.12e-8"),
    ],
)
def test_units(found: str, expected: str) -> None:
    assert found == expected
