"""The live view fits its terminal and shows what matters, whatever the snapshot lacks."""

import io
import os
from collections.abc import Iterator

import pytest
from rich.console import Console

from hft.core.control import Control
from hft.monitor import Snapshot, Trade, View, snapshot, units
from tests import pages

INSTANCE = f"test-view-{os.getpid()}"
SIZES = [(100, 30), (80, 24), (160, 50), (40, 10)]


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
    ):  # fmt: skip
        assert expected in text
    assert "…" not in text or size == (80, 24)


def test_a_high_terminal_shows_five_levels(view: View, shot: Snapshot) -> None:
    assert "223.83" in drawn(view, shot, (100, 30))
    assert "223.83" not in drawn(view, shot, (80, 24))


def test_alarms_show(view: View, control: Control, shot: Snapshot) -> None:
    control.engage_kill_switch()
    page = control.record
    page["stop"], page["nodes"][2]["pid"] = 1, 0
    page["edge_count"] = 0
    for field in ("bids", "asks"):
        page["instruments"][0]["view_even"][field][:] = 0
    text = drawn(view, snapshot(control), (100, 30))
    for expected in ("KILL SWITCH ENGAGED", "stopping (drain)", "dead", "tick-to-order -"):
        assert expected in text
    shot["instruments"][0]["book"] = None
    assert "is its writer" in drawn(view, shot, (100, 30))


def test_the_newest_warnings_show(view: View, shot: Snapshot) -> None:
    view.warnings += [f"warning {number}" for number in range(9)]
    text = drawn(view, shot, (100, 30))
    assert "warning 8" in text
    assert "warning 5" not in text
    assert "(and 7 earlier)" in text


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
        "orders 49,990 fills 812 open 4  tick-to-order p50 4.03 µs p99 70.0 µs"
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
    ],
)
def test_units(found: str, expected: str) -> None:
    assert found == expected
