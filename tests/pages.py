"""Control pages of runs that don't exist, for tests of what shows them."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from hft.core.clock import now_ns
from hft.core.control import VIEW_LEVELS, VIEW_OWN_ORDERS, Control, Counter, LatencyKind
from hft.core.histogram import HISTOGRAM, NO_VALUE, record
from hft.core.segment import Segment
from hft.runtime.segments import control_name

RUN_ID = 4_242
EVENT_TS_NS = (9 * 3600 + 30 * 60) * 10**9 + 123_456_789
ROOM = 8  # instruments that there may be
NODES = ("feed", "engine", "signal", "risk", "recorder")
EDGES = (
    ("market_flow", 0, 1),
    ("orders", 3, 1),
    ("market_data", 1, 2),
    ("reports", 1, 3),
    ("refusal_records", 3, 4),
)


@contextmanager
def new_page(instance: str) -> Iterator[Control]:
    """The page of a new run, with nothing in it."""
    Segment.unlink(control_name(instance))
    control = Control.create(control_name(instance), RUN_ID, instruments=ROOM)
    control.record["instrument_count"] = 0
    try:
        yield control
    finally:
        Segment.unlink(control_name(instance))


def fill(control: Control, instance: str) -> None:
    """Fill in a run as it is in the middle of a day."""
    page = control.record
    page["instance"] = instance.encode()
    page["started_wall_ns"] = time.time_ns()
    page["simulated_time"] = 1
    page["seed"] = 7
    page["node_count"], page["edge_count"], page["instrument_count"] = len(NODES), len(EDGES), 1
    for index, name in enumerate(NODES):
        fill_node(page["nodes"][index], name, core=index if index < 4 else -1)
    for index, (name, producer, consumer) in enumerate(EDGES):
        fill_edge(page["edges"][index], name, producer, consumer)
        rows = page["latencies"][2 * index :]
        fill_latency(rows[0], name, LatencyKind.LATENCY_HOP, [500] * 99 + [90_000])
        fill_latency(rows[1], name, LatencyKind.LATENCY_AGE, [4_000] * 98 + [70_000] * 2)
    rows = page["latencies"][2 * len(EDGES) :]
    fill_latency(rows[0], "engine.new_order", LatencyKind.LATENCY_OPERATION, [200] * 2_000)
    fill_latency(rows[1], "engine.cancel_order", LatencyKind.LATENCY_OPERATION, [])
    fill_latency(rows[2], "order_to_report", LatencyKind.LATENCY_PATH, list(range(900, 1_900)))
    page["latency_count"] = 2 * len(EDGES) + 3
    fill_instrument(page["instruments"][0])
    count(control, "engine", ENGINE_STEPS=269_748, ENGINE_TRADES=5_123, ENGINE_STATE_HASH=0xABC)
    count(control, "engine", ENGINE_EVENT_TS_NS=EVENT_TS_NS)
    count(control, "risk", RISK_INTENTS=51_234, RISK_PASSED=50_000, RISK_REFUSED=1_234)
    count(control, "risk", RISK_ACCEPTED=49_990, RISK_REJECTED=10, RISK_FILLS=812)


def fill_node(row: Any, name: str, core: int) -> None:
    put(row, "name", name)
    row["pid"], row["core"], row["state"] = os.getpid(), core, 2
    row["started_ts_ns"] = row["heartbeat_ts_ns"] = now_ns()
    row["busy_ns"], row["loop_ns"] = 250_000_000, 1_000_000_000
    row["messages_in"], row["messages_out"] = 1_000, 2_000
    row["memory_locked"] = 1


def fill_edge(row: Any, name: str, producer: int, consumer: int) -> None:
    put(row, "name", name)
    row["producer"], row["consumer"] = producer, consumer
    row["capacity_slots"], row["page_bytes"], row["locked"] = 65_536, 2 << 20, 1
    row["numa_nodes"] = 1 << 0 | 1 << 3
    row["published"], row["taken"], row["high_water"] = 1_000_000, 999_990, 1_500


def fill_instrument(row: Any) -> None:
    for field, text in (("venue", "NASDAQ"), ("symbol", "AMZN")):
        put(row, field, text)
    put(row, "tick_size", "0.01")
    put(row, "lot_size", "1")
    row["value_numerator"], row["value_denominator"] = 10_000, 1
    row["position_lots"], row["cash_tick_lots"], row["mark_half_ticks"] = -120, 2_680_000, 44_775
    row["open_orders"], row["open_buy_lots"], row["open_sell_lots"] = 4, 200, 100
    row["imbalance"], row["microprice_ticks"] = 0.25, 22_387.25
    fill_book(row["view_even"], 22_387, 22_388)


def fill_book(copy: Any, bid_ticks: int, ask_ticks: int) -> None:
    copy["event_ts_ns"] = EVENT_TS_NS
    for side, words in (("bids", (bid_ticks, -1, 100)), ("asks", (ask_ticks, 1, 200))):
        best_ticks, step, lots = words
        levels = copy[side].reshape(VIEW_LEVELS, -1)
        for place, row in enumerate(levels):
            row[:2] = best_ticks + step * place, lots + place
        # One order at the second level, one far away.
        levels[1, 2:] = 7, 1
        own = copy[f"own_{side}"].reshape(VIEW_OWN_ORDERS, -1)
        own[0] = best_ticks + step, 7, EVENT_TS_NS - 1_500_000_000, 1
        own[1] = best_ticks + step * 50, 10, EVENT_TS_NS - 90_000_000_000, 2
        copy[f"own_{side[:-1]}_count"] = 2


def put(row: Any, field: str, text: str) -> None:
    row[field][: len(text.encode())] = np.frombuffer(text.encode(), np.uint8)


def fill_latency(row: Any, name: str, kind: LatencyKind, values_ns: list[int]) -> None:
    put(row, "name", name)
    row["kind"] = kind
    histogram = np.zeros(1, HISTOGRAM)
    histogram["min_ns"] = NO_VALUE
    record(histogram, np.array(values_ns, np.int64))
    row["histogram"] = histogram[0]


def count(control: Control, node: str, **counters: int) -> None:
    for name, value in counters.items():
        control.record["nodes"][NODES.index(node)]["counters"][Counter[name]] = value


def main() -> None:
    """Hold a filled page until stdin ends."""
    instance = sys.argv[1]
    with new_page(instance) as control:
        fill(control, instance)
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
