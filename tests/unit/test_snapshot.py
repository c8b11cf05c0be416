"""A snapshot says what is in the control page, exactly, and bears with one that is half filled."""

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from hft.core.control import VIEW_LEVELS, Control, StopWord
from hft.monitor.snapshot import BOOK_READS_MAX, book, pnl_quote, snapshot
from tests import pages

INSTANCE = f"test-snapshot-{os.getpid()}"


@pytest.fixture
def control() -> Iterator[Control]:
    with pages.new_page(INSTANCE) as made:
        pages.fill(made, INSTANCE)
        yield made


def test_the_run_is_described(control: Control) -> None:
    shot = snapshot(control)
    assert (shot["instance"], shot["run_id"], shot["seed"]) == (INSTANCE, pages.RUN_ID, 7)
    assert (shot["simulated_time"], shot["speed"], shot["stop"]) == (True, 0.0, "none")
    assert shot["owner"] == {"pid": os.getpid(), "alive": True}
    assert shot["kill_switch"] == {"engaged": False, "since": None}
    assert 0 <= shot["uptime_s"] < 60
    assert json.loads(json.dumps(shot, allow_nan=False)) == shot


def test_stop_word_and_kill_switch_show(control: Control) -> None:
    control.stop = StopWord.STOP_DRAIN
    control.engage_kill_switch()
    shot = snapshot(control)
    assert shot["stop"] == "drain"
    assert shot["kill_switch"]["engaged"]
    assert shot["kill_switch"]["since"] >= shot["started"]


def test_nodes(control: Control) -> None:
    nodes = snapshot(control)["nodes"]
    assert [node["name"] for node in nodes] == list(pages.NODES)
    engine, recorder = nodes[1], nodes[4]
    assert (engine["core"], recorder["core"]) == (1, None)
    assert (engine["state"], engine["idle"], engine["alive"]) == ("running", "spin", True)
    assert (engine["busy_share"], engine["messages_in"], engine["messages_out"]) == (
        0.25,
        1000,
        2000,
    )
    assert 0 <= engine["heartbeat_age_ms"] < 60_000
    assert engine["counters"]["engine_trades"] == 5_123
    assert engine["counters"]["engine_rejected"] == 0
    assert set(recorder["counters"]) == {"recorder_rows"}


def test_a_node_without_a_process_is_not_alive(control: Control) -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    control.record["nodes"][0]["pid"] = pid
    assert not snapshot(control)["nodes"][0]["alive"]  # a zombie
    os.waitpid(pid, 0)
    assert not snapshot(control)["nodes"][0]["alive"]


def test_another_process_with_the_owners_pid_is_not_the_owner(control: Control) -> None:
    control.record["segment"]["owner_start_ticks"] += 1
    assert not snapshot(control)["owner"]["alive"]


def test_edges(control: Control) -> None:
    control.record["edges"][2]["taken"] = 1_000_005
    shot = snapshot(control)
    flow, orders, market_data = shot["edges"][:3]
    assert (flow["name"], flow["producer"], flow["consumer"]) == ("market_flow", "feed", "engine")
    assert (flow["policy"], flow["capacity"], flow["page_bytes"]) == ("wait", 65_536, 2 << 20)
    assert (flow["published"], flow["taken"], flow["depth"]) == (1_000_000, 999_990, 10)
    assert (flow["locked"], flow["high_water"], flow["dropped"]) == (True, 1_500, 0)
    assert market_data["depth"] == 0
    assert flow["hop_ns"]["count"] == 100
    assert 500 <= flow["hop_ns"]["p50"] <= 516
    assert flow["hop_ns"]["max"] == 90_000
    assert shot["tick_to_order_ns"] == orders["age_ns"]
    assert 4_000 <= orders["age_ns"]["p50"] <= 4_128
    assert orders["age_ns"]["p99"] == 70_000


def test_orders_and_engine(control: Control) -> None:
    shot = snapshot(control)
    assert shot["orders"] == {
        "intended": 51_234,
        "passed": 50_000,
        "refused": 1_234,
        "accepted": 49_990,
        "filled": 0,
        "fills": 812,
        "cancelled": 0,
        "replaced": 0,
        "rejected": 10,
        "open": 4,
    }
    assert (shot["engine"]["steps"], shot["engine"]["trades"]) == (269_748, 5_123)
    assert shot["engine"]["event_ts_ns"] == pages.EVENT_TS_NS
    assert shot["engine"]["state_hash"] == "0000000000000abc"


def test_instrument(control: Control) -> None:
    row = control.record["instruments"][0]
    pages.put(row, "lot_size", "0.001")
    shown = snapshot(control)["instruments"][0]
    assert (shown["venue"], shown["symbol"]) == ("NASDAQ", "AMZN")
    assert (shown["position_lots"], shown["position"]) == (-120, "-0.120")
    assert (shown["open_orders"], shown["open_buy_lots"], shown["open_sell_lots"]) == (4, 200, 100)
    # 2 * 2680000 - 120 * 44775 = -13000 half ticks, of which each is worth half a cent.
    assert shown["pnl_quote"] == "-65"
    assert shown["features"]["imbalance"] == 0.25


@pytest.mark.parametrize(
    ("position", "cash", "mark", "value", "text"),
    [
        (0, 0, 0, (10_000, 1), "0"),
        (1, 0, 44_775, (10_000, 1), "223.875"),  # an odd half tick
        (-3, 7, 5, (100, 1), "-0.00005"),
        (1, 0, 1, (1, 4), "0.000000125"),  # a tick-lot worth a quarter of a micro
        (2**62, -(2**62), 3, (1, 1), "2305843009213.693952"),
        (2**63 - 1, 0, 2**63 - 1, (1, 2**20), None),
    ],
)
def test_pnl_is_exact(
    position: int, cash: int, mark: int, value: tuple[int, int], text: str | None
) -> None:
    row: dict[str, Any] = {
        "position_lots": np.int64(position),
        "cash_tick_lots": np.int64(cash),
        "mark_half_ticks": np.int64(mark),
        "value_numerator": np.uint64(value[0]),
        "value_denominator": np.uint64(value[1]),
    }
    found = pnl_quote(row)
    exact = Fraction(2 * cash + position * mark, 2) * Fraction(*value) / 10**6
    assert Fraction(Decimal(found)) == exact
    assert text is None or found == text


def test_infinite_features_are_none(control: Control) -> None:
    row = control.record["instruments"][0]
    row["microprice_ticks"], row["order_flow_imbalance"] = np.nan, np.inf
    features = snapshot(control)["instruments"][0]["features"]
    assert (features["microprice_ticks"], features["order_flow_imbalance"]) == (None, None)


def test_the_book_is_the_copy_of_the_version(control: Control) -> None:
    row = control.record["instruments"][0]
    pages.fill_book(row["view_odd"], 100, 102)
    row["view_odd"]["asks"][12:] = 0
    even = snapshot(control)["instruments"][0]["book"]
    row["view_version"] = 1
    odd = snapshot(control)["instruments"][0]["book"]
    assert even["bids"][0] == {"price": "223.87", "lots": 100, "own_lots": 0, "own_orders": 0}
    assert even["bids"][1] == {"price": "223.86", "lots": 101, "own_lots": 7, "own_orders": 1}
    assert even["asks"][4] == {"price": "223.92", "lots": 204, "own_lots": 0, "own_orders": 0}
    assert even["own_asks"] == [
        {"price": "223.89", "lots": 7, "age_s": 1.5, "account": 1},
        {"price": "224.38", "lots": 10, "age_s": 90.0, "account": 2},
    ]
    assert (even["own_bid_count"], even["own_ask_count"]) == (2, 2)
    assert even["event_ts_ns"] == pages.EVENT_TS_NS
    assert [level["price"] for level in odd["asks"]] == ["1.02", "1.03", "1.04"]
    assert [level["price"] for level in odd["bids"]][:3] == ["1.00", "0.99", "0.98"]
    assert len(odd["bids"]) == VIEW_LEVELS


class Moving(dict[str, Any]):
    """A row whose view's version is another one at each of the first looks."""

    def __init__(self, row: Any, changes: int) -> None:
        self.row, self.changes = row, changes

    def __getitem__(self, name: str) -> Any:
        if name != "view_version":
            return self.row[name]
        self.changes -= self.changes > 0
        return np.uint64(2 * self.changes)


def test_a_book_that_changes_is_read_again_but_not_for_ever(control: Control) -> None:
    row = control.record["instruments"][0]
    assert book(Moving(row, 20), "0.01") == book(row, "0.01")
    assert book(Moving(row, 3 * BOOK_READS_MAX), "0.01") is None


def test_an_empty_page_is_no_error() -> None:
    with pages.new_page(INSTANCE) as control:
        shot = snapshot(control)
        assert (shot["nodes"], shot["edges"], shot["instruments"]) == ([], [], [])
        assert shot["tick_to_order_ns"] == {"count": 0}
        assert shot["engine"]["state_hash"] is None


def test_a_half_filled_page_is_no_error() -> None:
    with pages.new_page(INSTANCE) as control:
        page = control.record
        page["node_count"] = page["edge_count"] = page["instrument_count"] = 2**32 - 1
        pages.put(page["nodes"][0], "name", "a name of 16 by.")
        page["nodes"][0]["state"] = 99
        page["edges"][0]["producer"] = 999
        page["instruments"][0]["position_lots"] = 5
        shot = snapshot(control)
    assert (len(shot["nodes"]), len(shot["edges"])) == (16, 24)
    assert len(shot["instruments"]) == len(page["instruments"]) >= pages.ROOM
    node, edge, instrument = shot["nodes"][0], shot["edges"][0], shot["instruments"][0]
    assert (node["name"], node["state"]) == ("a name of 16 by.", "99")
    assert (node["alive"], node["heartbeat_age_ms"], node["busy_share"]) == (False, None, 0.0)
    assert (edge["producer"], edge["hop_ns"]) == ("", {"count": 0})
    assert (instrument["position"], instrument["pnl_quote"]) == ("5", "0")
    json.dumps(shot, allow_nan=False)
