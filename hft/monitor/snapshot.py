"""One look at a run: the control page as plain values that JSON can hold.

Only shared memory is read, and of /proc whether the processes live. Every field of the page is
written by a running node at any time, so values of one snapshot can be some microseconds apart. A
page that is only half filled in is no error: what is missing is empty, zero or None.
"""

from decimal import Context, Decimal, InvalidOperation
from typing import Any, TypedDict

from hft.core.clock import ClockSource
from hft.core.control import (
    EDGES_MAX,
    LATENCIES_MAX,
    NODES_MAX,
    STRATEGIES_MAX,
    VIEW_LEVELS,
    VIEW_OWN_ORDERS,
    Control,
    Counter,
    IdleStrategy,
    LatencyKind,
    NodeState,
    StopWord,
    StrategyState,
)
from hft.core.histogram import summary
from hft.core.messages import DecisionReason
from hft.core.ring import RingPolicy
from hft.core.segment import process_start_ticks
from hft.monitor.fields import bits, finite, is_alive, name_of, text, utc

__all__ = [
    "Book", "Clock", "Decision", "Edge", "Instrument", "Latency", "Level", "Node", "OwnOrder",
    "Snapshot", "Strategy", "book_copy", "clock_source", "shown_state", "snapshot",
]  # fmt: skip

# Exact for a product of 64-bit numbers, also after division by a power of two or of ten.
EXACT = Context(prec=200)
BOOK_READS_MAX = 100
STUCK_S = 2.0  # a node's loop gives a sign of life every millisecond

Latency = dict[str, int]  # count, mean, p50, p99, p99.9, max; without any value only count


class Owner(TypedDict):
    """The process of `launch`."""

    pid: int
    alive: bool


class ControlPage(TypedDict):
    """The memory of the control page itself."""

    page_bytes: int
    locked: bool
    numa_nodes: list[int]


class KillSwitch(TypedDict):
    engaged: bool
    since: str | None  # UTC


class Clock(TypedDict):
    """The clock that all stamps are of; in nanoseconds by CLOCK_MONOTONIC, that less the clock."""

    source: str  # tsc or monotonic
    notice: str | None  # why it is not the TSC
    ghz: float | None  # the TSC's rate
    error_ns: int  # when last compared
    worst_error_ns: int
    bracket_ns: int  # how long that comparison took
    corrections: int
    unusable: int  # comparisons that took too long
    offset_ns: int  # by which it stays ahead, since the TSC had to be given up


class Node(TypedDict):
    name: str
    pid: int
    alive: bool
    core: int | None  # None: not pinned
    idle: str
    state: str
    heartbeat_age_ms: float | None  # None: none yet
    stuck_s: float | None  # for how long it has given no sign of life; None: it does, or need not
    memory_locked: bool  # its process's, as it was when it had started
    busy_share: float  # since the node started
    busy_ns: int
    loop_ns: int
    messages_in: int
    messages_out: int
    allocations: int  # after start: its boxes were too small
    counters: dict[str, int]


class Edge(TypedDict):
    name: str
    producer: str
    consumer: str
    policy: str
    capacity: int
    page_bytes: int
    locked: bool
    numa_nodes: list[int]  # that its memory is of; empty: the kernel doesn't tell
    published: int
    taken: int
    depth: int
    high_water: int
    dropped: int
    hop_ns: Latency  # from publication to taking
    age_ns: Latency  # from the market event's entry into the system to taking


class Level(TypedDict):
    price: str
    lots: int
    own_lots: int  # of these
    own_orders: int


class OwnOrder(TypedDict):
    """An own order that rests, wherever; `age_s` is market time since it came."""

    price: str
    lots: int  # leaves
    age_s: float
    account: int


class Book(TypedDict):
    """The engine's best levels and best own orders, best first."""

    event_ts_ns: int
    sequence: int
    bids: list[Level]
    asks: list[Level]
    own_bids: list[OwnOrder]
    own_asks: list[OwnOrder]
    own_bid_count: int  # all that rest, also those not listed
    own_ask_count: int


class Features(TypedDict):
    microprice_ticks: float | None
    imbalance: float | None
    order_flow_imbalance: float | None
    spread_ticks: float | None


class Decision(TypedDict):
    """What the fusion last decided on an instrument."""

    count: int
    log_odds: float | None
    size: float | None  # below 0: to sell
    reason: str
    signals: int


class Instrument(TypedDict):
    venue: str
    symbol: str
    tick_size: str
    lot_size: str
    position_lots: int
    position: str
    cash_tick_lots: int
    mark_half_ticks: int
    pnl_quote: str  # in quote currency, exact
    open_orders: int
    open_buy_lots: int
    open_sell_lots: int
    features: Features
    decision: Decision
    book: Book | None  # None: the writer was too fast, or died while it wrote


class Orders(TypedDict):
    """Own orders and intents, by what became of them."""

    intended: int
    passed: int
    refused: int
    accepted: int
    filled: int
    fills: int
    cancelled: int
    replaced: int
    rejected: int
    open: int


class Engine(TypedDict):
    steps: int
    trades: int
    traded_lots: int
    rejected: int
    journaled: int
    journal_stalls: int
    live_orders: int
    displaced_lots: int
    event_ts_ns: int
    state_hash: str | None  # None until the engine has finished


class Strategy(TypedDict):
    name: str
    account: int
    language: str
    state: str
    events: int
    intents: int
    python_ns: int  # spent in its callbacks, of one in Python
    error: str | None  # what stopped it


class Snapshot(TypedDict):
    instance: str
    run_id: int
    owner: Owner
    host_ts_ns: int  # when the page was read
    started: str  # UTC
    uptime_s: float
    simulated_time: bool
    speed: float  # recorded seconds per host second; 0: as fast as it goes
    seed: int
    stop: str
    control_page: ControlPage
    kill_switch: KillSwitch
    clock: Clock
    nodes: list[Node]
    edges: list[Edge]
    tick_to_order_ns: Latency
    operations_ns: dict[str, Latency]  # "engine.new_order": what a node's work on a message takes
    paths_ns: dict[str, Latency]  # across nodes
    strategies: list[Strategy]
    instruments: list[Instrument]
    orders: Orders
    engine: Engine


def snapshot(control: Control) -> Snapshot:
    """What the run shows now."""
    page = control.record
    host_ts_ns = control.clock.now_ns()
    nodes = page["nodes"][: min(int(page["node_count"]), NODES_MAX)]
    names = [text(row["name"]) for row in nodes]
    edges = [
        edge(row, hop, age, names)
        for row, hop, age in zip(
            page["edges"][: min(int(page["edge_count"]), EDGES_MAX)],
            page["latencies"]["histogram"][::2],
            page["latencies"]["histogram"][1::2],
            strict=False,
        )
    ]
    instruments = [instrument(row) for row in page["instruments"][: int(page["instrument_count"])]]
    # A counter is written by one node and zero in all others.
    counts = {counter: int(nodes["counters"][:, counter].sum()) for counter in Counter}
    kill = int(page["kill"])
    due_ts_ns = due(page, nodes, host_ts_ns)
    started_ts_ns, started_wall_ns = int(page["started_ts_ns"]), int(page["started_wall_ns"])
    return {
        "instance": text(page["instance"]),
        "run_id": control.run_id,
        "owner": owner(control),
        "host_ts_ns": host_ts_ns,
        "started": utc(started_wall_ns),
        "uptime_s": round((host_ts_ns - started_ts_ns) / 1e9, 3),
        "simulated_time": bool(page["simulated_time"]),
        "speed": int(page["speed_milli"]) / 1000,
        "seed": int(page["seed"]),
        "stop": name_of(StopWord, page["stop"]),
        "control_page": {
            "page_bytes": control.segment.header["page_bytes"],
            "locked": bool(page["locked"]),
            "numa_nodes": bits(page["numa_nodes"]),
        },
        "kill_switch": {
            "engaged": kill != 0,
            "since": utc(started_wall_ns + kill - started_ts_ns) if kill else None,
        },
        "clock": clock(page["clock"]),
        "nodes": [node(row, host_ts_ns, due_ts_ns) for row in nodes],
        "edges": edges,
        "tick_to_order_ns": next(
            (edge["age_ns"] for edge in edges if edge["name"] == "orders"), {"count": 0}
        ),
        "operations_ns": latencies(page, LatencyKind.LATENCY_OPERATION),
        "paths_ns": latencies(page, LatencyKind.LATENCY_PATH),
        "strategies": strategies(page),
        "instruments": instruments,
        "orders": {
            "intended": counts[Counter.RISK_INTENTS],
            "passed": counts[Counter.RISK_PASSED],
            "refused": counts[Counter.RISK_REFUSED],
            "accepted": counts[Counter.RISK_ACCEPTED],
            "filled": counts[Counter.RISK_FILLED],
            "fills": counts[Counter.RISK_FILLS],
            "cancelled": counts[Counter.RISK_CANCELLED],
            "replaced": counts[Counter.RISK_REPLACED],
            "rejected": counts[Counter.RISK_REJECTED],
            "open": sum(one["open_orders"] for one in instruments),
        },
        "engine": {
            "steps": counts[Counter.ENGINE_STEPS],
            "trades": counts[Counter.ENGINE_TRADES],
            "traded_lots": counts[Counter.ENGINE_TRADED_LOTS],
            "rejected": counts[Counter.ENGINE_REJECTED],
            "journaled": counts[Counter.ENGINE_JOURNALED],
            "journal_stalls": counts[Counter.ENGINE_JOURNAL_STALLS],
            "live_orders": counts[Counter.ENGINE_LIVE_ORDERS],
            "displaced_lots": counts[Counter.ENGINE_DISPLACED_LOTS],
            "event_ts_ns": counts[Counter.ENGINE_EVENT_TS_NS],
            "state_hash": f"{counts[Counter.ENGINE_STATE_HASH]:016x}"
            if counts[Counter.ENGINE_STATE_HASH]
            else None,
        },
    }


def owner(control: Control) -> Owner:
    """The process that made the page; a later process with the same pid is another one."""
    header = control.segment.header
    pid = header["owner_pid"]
    same = process_start_ticks(pid) == header["owner_start_ticks"]
    return {"pid": pid, "alive": same and is_alive(pid)}


def clock(row: Any) -> Clock:
    return {
        "source": clock_source(row),
        "notice": text(row["notice"]) or None,
        "ghz": round(float(row["ghz"]), 6) or None,
        "error_ns": int(row["error_ns"]),
        "worst_error_ns": int(row["worst_error_ns"]),
        "bracket_ns": int(row["bracket_ns"]),
        "corrections": int(row["corrections"]),
        "unusable": int(row["unusable"]),
        "offset_ns": int(row["offset_ns"]),
    }


def clock_source(row: Any) -> str:
    return "tsc" if row["source"] == ClockSource.CLOCK_TSC else "monotonic"


def due(page: Any, nodes: Any, host_ts_ns: int) -> int:
    """Since when the loops of all nodes turn; as long as they needn't, now."""
    if page["stop"] == StopWord.STOP_NOW or (nodes["state"] < NodeState.NODE_RUNNING).any():
        return host_ts_ns
    return int(nodes["started_ts_ns"].max(initial=0))


def shown_state(node: Node) -> str:
    """The node's state, or what keeps it from being in it: `dead` or `stuck`."""
    if node["state"] in ("starting", "running", "done"):
        if not node["alive"]:
            return "dead"
        if node["stuck_s"] is not None:
            return "stuck"
    return node["state"]


def node(row: Any, host_ts_ns: int, due_ts_ns: int) -> Node:
    name = text(row["name"])
    heartbeat_ts_ns, loop_ns = int(row["heartbeat_ts_ns"]), int(row["loop_ns"])
    silent_s = round((host_ts_ns - max(heartbeat_ts_ns, due_ts_ns)) / 1e9, 1)
    turns = row["state"] in (NodeState.NODE_RUNNING, NodeState.NODE_DONE)
    counters = {
        counter.lower(): int(row["counters"][index])
        for counter, index in Counter.__members__.items()
    }
    return {
        "name": name,
        "pid": int(row["pid"]),
        "alive": is_alive(int(row["pid"])),
        "core": int(row["core"]) if row["core"] >= 0 else None,
        "idle": name_of(IdleStrategy, row["idle"]),
        "state": name_of(NodeState, row["state"]),
        "heartbeat_age_ms": max(0.0, round((host_ts_ns - heartbeat_ts_ns) / 1e6, 3))
        if heartbeat_ts_ns
        else None,
        "stuck_s": silent_s if turns and silent_s > STUCK_S else None,
        "memory_locked": bool(row["memory_locked"]),
        "busy_share": round(int(row["busy_ns"]) / loop_ns, 4) if loop_ns > 0 else 0.0,
        "busy_ns": int(row["busy_ns"]),
        "loop_ns": loop_ns,
        "messages_in": int(row["messages_in"]),
        "messages_out": int(row["messages_out"]),
        "allocations": int(row["allocations"]),
        "counters": {
            counter: count
            for counter, count in counters.items()
            if count or counter.startswith(f"{name}_")
        },
    }


def edge(row: Any, hop: Any, age: Any, node_names: list[str]) -> Edge:
    # In this order a message under way can make the depth one too large, but not negative.
    taken = int(row["taken"])
    published = int(row["published"])
    producer, consumer = (
        node_names[index] if index < len(node_names) else ""
        for index in (int(row["producer"]), int(row["consumer"]))
    )
    return {
        "name": text(row["name"]),
        "producer": producer,
        "consumer": consumer,
        "policy": name_of(RingPolicy, row["policy"]),
        "capacity": int(row["capacity_slots"]),
        "page_bytes": int(row["page_bytes"]),
        "locked": bool(row["locked"]),
        "numa_nodes": bits(row["numa_nodes"]),
        "published": published,
        "taken": taken,
        # What the producer shows may lag behind what the consumer has seen.
        "depth": max(0, published - taken),
        "high_water": int(row["high_water"]),
        "dropped": int(row["lost"]),
        "hop_ns": summary(hop),
        "age_ns": summary(age),
    }


def latencies(page: Any, kind: LatencyKind) -> dict[str, Latency]:
    """The rows of one kind, by name."""
    rows = page["latencies"][: min(int(page["latency_count"]), LATENCIES_MAX)]
    return {text(row["name"]): summary(row["histogram"]) for row in rows if row["kind"] == kind}


def instrument(row: Any) -> Instrument:
    tick_size, lot_size = text(row["tick_size"]), text(row["lot_size"])
    position_lots = int(row["position_lots"])
    return {
        "venue": text(row["venue"]),
        "symbol": text(row["symbol"]),
        "tick_size": tick_size,
        "lot_size": lot_size,
        "position_lots": position_lots,
        "position": steps_text(position_lots, lot_size),
        "cash_tick_lots": int(row["cash_tick_lots"]),
        "mark_half_ticks": int(row["mark_half_ticks"]),
        "pnl_quote": pnl_quote(row),
        "open_orders": int(row["open_orders"]),
        "open_buy_lots": int(row["open_buy_lots"]),
        "open_sell_lots": int(row["open_sell_lots"]),
        "features": {
            "microprice_ticks": finite(row["microprice_ticks"]),
            "imbalance": finite(row["imbalance"]),
            "order_flow_imbalance": finite(row["order_flow_imbalance"]),
            "spread_ticks": finite(row["spread_ticks"]),
        },
        "decision": {
            "count": int(row["decisions"]),
            "log_odds": finite(row["decision_log_odds"]),
            "size": finite(row["decision_size"]),
            "reason": (DecisionReason(int(row["decision_reason"])).name or "").lower(),
            "signals": int(row["decision_signals"]),
        },
        "book": book(row, tick_size),
    }


def strategies(page: Any) -> list[Strategy]:
    """The strategies, by account."""
    count = min(int(page["strategy_count"]), STRATEGIES_MAX)
    return [
        {
            "name": text(row["name"]),
            "account": account,
            "language": "python" if row["python"] else "compiled",
            "state": name_of(StrategyState, row["state"]),
            "events": int(row["events"]),
            "intents": int(row["intents"]),
            "python_ns": int(row["python_ns"]),
            "error": text(row["error"]) or None,
        }
        for account, row in enumerate(page["strategies"][:count])
    ]


def pnl_quote(row: Any) -> str:
    """Cash plus the position at the mid, in quote currency, exactly."""
    half_tick_lots = 2 * int(row["cash_tick_lots"]) + (
        int(row["position_lots"]) * int(row["mark_half_ticks"])
    )
    numerator, denominator = int(row["value_numerator"]), int(row["value_denominator"])
    if denominator == 0:
        return "0"
    quote = EXACT.divide(Decimal(half_tick_lots * numerator), Decimal(2 * denominator * 10**6))
    return f"{quote.normalize(EXACT):f}" if quote else "0"


def book(row: Any, tick_size: str) -> Book | None:
    """The engine's view of an instrument's book; None if that can't be had."""
    copy, _ = book_copy(row)
    if copy is None:
        return None
    return {
        "event_ts_ns": int(copy["event_ts_ns"]),
        "sequence": int(copy["sequence"]),
        "bids": levels(copy["bids"], tick_size),
        "asks": levels(copy["asks"], tick_size),
        "own_bids": own_orders(copy["own_bids"], tick_size, int(copy["event_ts_ns"])),
        "own_asks": own_orders(copy["own_asks"], tick_size, int(copy["event_ts_ns"])),
        "own_bid_count": int(copy["own_bid_count"]),
        "own_ask_count": int(copy["own_ask_count"]),
    }


def book_copy(row: Any) -> tuple[Any, int]:
    """The copy of the view that the engine isn't writing, and how many reads were too late.

    Such a read is done again; the copy is None if the writer was always faster.
    """
    for retries in range(BOOK_READS_MAX):
        version = int(row["view_version"])
        copy = row["view_odd" if version % 2 else "view_even"].copy()
        if int(row["view_version"]) == version:
            return copy, retries
    return None, BOOK_READS_MAX


def levels(words: Any, tick_size: str) -> list[Level]:
    """The levels that there are."""
    return [
        {
            "price": steps_text(price_ticks, tick_size),
            "lots": lots,
            "own_lots": own_lots,
            "own_orders": own_orders,
        }
        for price_ticks, lots, own_lots, own_orders in words.reshape(VIEW_LEVELS, -1).tolist()
        if lots
    ]


def own_orders(words: Any, tick_size: str, event_ts_ns: int) -> list[OwnOrder]:
    return [
        {
            "price": steps_text(price_ticks, tick_size),
            "lots": lots,
            "age_s": round((event_ts_ns - entered_ts_ns) / 1e9, 3),
            "account": account,
        }
        for price_ticks, lots, entered_ts_ns, account in words.reshape(VIEW_OWN_ORDERS, -1).tolist()
        if lots
    ]


def steps_text(steps: int, size: str) -> str:
    """Steps of a size as decimal text, exactly; the bare count while the size is not known."""
    try:
        return f"{EXACT.multiply(Decimal(steps), Decimal(size)):f}"
    except InvalidOperation:
        return str(steps)
