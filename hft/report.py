"""The figures of a finished run, as one JSON document."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from hft.errors import ConfigError, UserError
from hft.monitor.alerts import BY_LOSS
from hft.monitor.snapshot import Snapshot
from hft.nodes.spec import RunSpec
from hft.oms.summary import Summary

NODE_FIELDS = (
    "name", "core", "pid", "idle", "messages_in", "messages_out", "busy_share", "allocations",
)  # fmt: skip
EDGE_FIELDS = ("name", "published", "taken", "high_water")

__all__ = ["differences", "kill_line", "rejections", "report", "writable", "write_report"]


def picked(values: Mapping[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    return {field: values[field] for field in fields}


def report(spec: RunSpec, shot: Snapshot, summary: Summary, wall_s: float) -> dict[str, Any]:
    """What the run was, what it did, and what that cost.

    `latency_ns` has per edge the time from publication to taking, and as `tick_to_...` the time
    since the market event entered the system. `operations_ns` has what nodes take for a message,
    `paths_ns` ways across nodes; hft/runtime/latencies.py has the rows.
    """
    latency = {edge["name"]: edge["hop_ns"] for edge in shot["edges"]}
    latency |= {f"tick_to_{edge['name']}": edge["age_ns"] for edge in shot["edges"]}
    return {
        "instance": spec.instance,
        "folder": spec.folder,
        "feed": spec.feed,
        "seed": spec.seed,
        "speed": spec.speed or "max",
        "simulated_time": spec.simulated,
        "wall_s": round(wall_s, 3),
        "engine": shot["engine"],
        "nodes": [picked(node, NODE_FIELDS) for node in shot["nodes"]],
        "edges": [picked(edge, EDGE_FIELDS) for edge in shot["edges"]],
        "latency_ns": latency,
        "operations_ns": shot["operations_ns"],
        "paths_ns": shot["paths_ns"],
        "strategies": shot["strategies"],
        "decisions": {each["symbol"]: each["decision"]["count"] for each in shot["instruments"]},
        "dropped": {edge["name"]: edge["dropped"] for edge in shot["edges"]},
        "orders": msgspec.to_builtins(summary.orders),
        "trades": summary.trades,
        "own_trades": summary.own_trades,
        "fills": summary.fills,
        "pnl_quote": {each.instrument: each.pnl_quote for each in summary.instruments},
        "position_lots": {each.instrument: each.position_lots for each in summary.instruments},
        "summary": msgspec.to_builtins(summary),
    }


def differences(shot: Snapshot, summary: Summary) -> list[str]:
    """Where the risk gate's positions and the recorder's files don't agree: a defect, if ever."""
    return [
        f"{live['symbol']}: the risk gate holds {live['position_lots']} lots, the records "
        f"{recorded.position_lots}"
        for live, recorded in zip(shot["instruments"], summary.instruments, strict=True)
        if live["position_lots"] != recorded.position_lots
    ]


def kill_line(shot: Snapshot) -> str | None:
    """What the summary says of the kill switch, if it was engaged."""
    if not shot["kill_switch"]["engaged"]:
        return None
    killed = [node["counters"].get("risk_killed") for node in shot["nodes"]]
    by = "beyond the loss limit" if BY_LOSS in killed else "by hand"
    return f"killed     {by}, at {shot['kill_switch']['since']}: no order was let through since"


def rejections(spec: RunSpec, shot: Snapshot, summary: Summary) -> list[str]:
    """What the engine made nothing of though it came from the market; own orders' are apart."""
    count = shot["engine"]["rejected"] - sum(summary.orders.rejected.values())
    if count <= 0:
        return []
    orders = spec.config.engine.orders
    return [
        f"the engine rejected {count:,} of the market's commands, so its book is not the market's; "
        f"raise engine.orders (now {orders:,}) if more orders rest at once, else the feed is wrong"
    ]


def writable(name: str) -> Path:
    """The path of a report that is to be written later; ConfigError unless it can be now."""
    path = Path(name)
    try:
        if not name or path.is_dir():
            raise ConfigError("must be a file" + (", is a folder" if name else ""), value=name)
        target = path.resolve()
        existed = target.exists()
        if existed and not target.is_file():  # whoever reads a pipe would take this for its end
            if not os.access(target, os.W_OK):
                raise ConfigError("can't be written", value=name)
            return path
        with target.open("ab"):
            pass
        if not existed:
            target.unlink()
    except OSError as error:
        raise ConfigError(f"can't be written: {error.strerror}", value=name) from None
    except (ValueError, RuntimeError):  # a zero byte, links in a circle
        raise ConfigError("can't be written: not the name of a file", value=name) from None
    return path


def write_report(path: Path, values: dict[str, Any]) -> None:
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(values), indent=2) + b"\n")
    except OSError as error:
        raise UserError(f"can't be written: {error.strerror}", file=path) from None
