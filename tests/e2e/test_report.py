"""What a run says of itself at its end is complete and agrees with its files."""

from collections import Counter
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from tests.e2e.conftest import Day

NODES = ["feed", "signal", "risk", "engine", "recorder", "monitor"]
LOSSLESS = {
    "market_flow", "market_data", "reports", "intents", "orders", "refusals", "records",
    "refusal_records",
}  # fmt: skip
PERCENTILES = ["p50", "p99", "p99.9", "max"]


def reports_of(day: Day, kind: str) -> pa.Table:
    table = pq.read_table(day.system.run_folder / "reports.parquet")
    return table.filter(pc.equal(table["kind"].cast(pa.string()), kind))


def test_every_node_is_reported(amzn_day: Day) -> None:
    """Where each node ran and what it did."""
    nodes = amzn_day.report["nodes"]
    assert [node["name"] for node in nodes] == NODES
    assert all(node["pid"] > 0 and 0 <= node["busy_share"] <= 1 for node in nodes)
    pinned = [node for node in nodes if node["name"] not in ("recorder", "monitor")]
    assert all(isinstance(node["core"], int) for node in pinned)
    assert all(node["messages_in"] > 0 for node in nodes if node["name"] != "feed")
    assert all(node["messages_out"] > 0 for node in pinned)
    pids = {node["pid"]: node["core"] for node in pinned}
    assert len(pids) == len(set(pids.values()))  # one process per core


def test_every_hop_is_measured(amzn_day: Day) -> None:
    """Latencies have a count and rising percentiles, each message counted once."""
    report = amzn_day.report
    taken = {edge["name"]: edge["taken"] for edge in report["edges"]}
    assert set(taken) == LOSSLESS | {"tape"}
    for name in LOSSLESS:
        hop, age = report["latency_ns"][name], report["latency_ns"][f"tick_to_{name}"]
        assert hop["count"] == taken[name]
        assert age["count"] <= taken[name]
        values = [hop[percentile] for percentile in PERCENTILES]
        assert values == sorted(values)
        assert values[0] > 0


def test_operations_and_paths_are_measured(amzn_day: Day) -> None:
    """Each own command and its first answer are timed, of the market's some of each kind."""
    report = amzn_day.report
    operations, paths = report["operations_ns"], report["paths_ns"]
    counts = {name: operation["count"] for name, operation in operations.items()}
    taken = {edge["name"]: edge["taken"] for edge in report["edges"]}
    own = ("new_order", "replace_order", "cancel_order")
    assert sum(counts[f"engine.{name}"] for name in own) == taken["orders"]
    assert sum(counts[f"risk.{name}"] for name in own) == taken["intents"]
    assert paths["tick_to_intent"]["count"] == taken["intents"]
    # Each was answered, once: accepted, replaced, rejected or cancelled.
    assert paths["order_to_report"]["count"] == taken["orders"]
    sampled = sum(count for name, count in counts.items() if name.startswith("engine.flow_"))
    assert 0.9 < sampled * 32.5 / taken["market_flow"] < 1.1
    assert min(counts[f"engine.{kind}"] for kind in ("flow_add", "flow_delete")) > 500
    for summary in (*operations.values(), *paths.values()):
        values = [summary[percentile] for percentile in PERCENTILES if percentile in summary]
        assert values == sorted(values)


def test_the_log_of_latencies_is_whole(amzn_day: Day) -> None:
    """HdrHistogram's package reads the run's own log: its intervals add up to the report."""
    report = amzn_day.report
    hdr = HdrHistogram(1, 2**40 - 1, 2)
    reader = HistogramLogReader(str(amzn_day.system.run_folder / "latency.hlog"), hdr)
    counts: Counter[str] = Counter()
    while (one := reader.get_next_interval_histogram()) is not None:
        counts[one.get_tag()] += one.get_total_count()
    reader.close()
    reported = {
        **{f"operation.{name}": each["count"] for name, each in report["operations_ns"].items()},
        **{f"path.{name}": each["count"] for name, each in report["paths_ns"].items()},
    }
    for name, each in report["latency_ns"].items():
        kind = "age" if name.startswith("tick_to_") else "hop"
        reported[f"{kind}.{name.removeprefix('tick_to_')}"] = each["count"]
    reported["path.tick_to_order"] = reported["age.orders"]
    assert dict(counts) == reported


def test_nothing_is_lost(amzn_day: Day) -> None:
    """What was published on a lossless edge was taken."""
    for edge in amzn_day.report["edges"]:
        if edge["name"] in LOSSLESS:
            assert edge["published"] == edge["taken"] > 0, edge["name"]
            assert amzn_day.report["dropped"][edge["name"]] == 0, edge["name"]


def test_orders_trades_and_profit_are_those_of_the_files(amzn_day: Day) -> None:
    """The summary counts what the files hold."""
    report, orders = amzn_day.report, amzn_day.report["orders"]
    assert orders["accepted"] == len(reports_of(amzn_day, "ACCEPTED")) > 0
    assert orders["cancelled"] == len(reports_of(amzn_day, "CANCELLED"))
    assert orders["replaced"] == len(reports_of(amzn_day, "REPLACED"))
    assert sum(orders["rejected"].values()) == len(reports_of(amzn_day, "REJECTED"))
    assert sum(orders["refused"].values()) == len(reports_of(amzn_day, "REFUSED"))
    assert report["fills"] == len(reports_of(amzn_day, "FILLED")) > 0
    trades = pq.read_table(amzn_day.system.run_folder / "trades.parquet")
    assert report["trades"] == report["engine"]["trades"] == len(trades)
    assert report["own_trades"] == pc.sum(trades["own"]).as_py()
    assert Decimal(report["pnl_quote"]["NASDAQ:AMZN"]) != 0


def test_positions_agree(amzn_day: Day) -> None:
    """Fills in the file, the summary and the risk gate come to one position."""
    fills = reports_of(amzn_day, "FILLED")
    signs = pc.if_else(pc.equal(fills["side"].cast(pa.string()), "BUY"), 1, -1)
    position = pc.sum(pc.multiply(fills["last_lots"], signs)).as_py()
    assert amzn_day.report["position_lots"] == {"NASDAQ:AMZN": position}
    assert f"NASDAQ:AMZN: position {position}," in amzn_day.system.out
    assert "warning" not in amzn_day.system.err


def test_no_order_fills_beyond_its_quantity(amzn_day: Day) -> None:
    """What is left of an order falls by each fill, and only a replace raises it."""
    table = pq.read_table(amzn_day.system.run_folder / "reports.parquet")
    columns = ["kind", "order_id", "last_lots", "leaves_lots"]
    left: dict[int, int] = {}
    for row in table.select(columns).to_pylist():
        order, kind = row["order_id"], row["kind"]
        if kind in ("ACCEPTED", "REPLACED"):
            left[order] = row["leaves_lots"]
        elif kind == "FILLED":
            left[order] -= row["last_lots"]
            assert row["last_lots"] > 0
            assert left[order] == row["leaves_lots"] >= 0
        elif kind == "CANCELLED":
            del left[order]
    assert set(left.values()) == {0}  # and at the end of the day nothing rests
