"""How fast a run goes, between two snapshots, and how it went over the last minutes."""

from collections import deque
from decimal import Decimal
from itertools import pairwise

from hft.monitor.snapshot import Instrument, Node, Snapshot, Strategy

__all__ = ["History", "Pace", "sparkline"]

SAMPLE_S = 1.0
SAMPLES_KEPT = 300
EIGHTHS = " ▁▂▃▄▅▆▇█"


class Pace:
    """Rates per second between two snapshots, or since the start."""

    def __init__(self, shot: Snapshot, previous: Snapshot | None) -> None:
        if previous is not None and previous["run_id"] != shot["run_id"]:
            previous = None
        self.seconds = shot["uptime_s"]
        if previous is not None:
            self.seconds = (shot["host_ts_ns"] - previous["host_ts_ns"]) / 1e9
        self.before = {} if previous is None else {node["name"]: node for node in previous["nodes"]}
        self.strategies_before = (
            {} if previous is None else {each["account"]: each for each in previous["strategies"]}
        )
        engine, orders = shot["engine"], shot["orders"]
        steps, trades, passed = engine["steps"], engine["trades"], orders["passed"]
        if previous is not None:
            steps -= previous["engine"]["steps"]
            trades -= previous["engine"]["trades"]
            passed -= previous["orders"]["passed"]
        self.events = self.per_second(steps)
        self.trades = self.per_second(trades)
        self.orders = self.per_second(passed)

    def per_second(self, difference: int) -> float:
        return max(0, difference) / self.seconds if self.seconds > 0 else 0.0

    def node(self, node: Node) -> tuple[float, float, float]:
        """Busy share, messages in and messages out per second."""
        before = self.before.get(node["name"])
        if before is None:
            return (
                node["busy_share"],
                self.per_second(node["messages_in"]),
                self.per_second(node["messages_out"]),
            )
        loop_ns = node["loop_ns"] - before["loop_ns"]
        busy_ns = node["busy_ns"] - before["busy_ns"]
        return (
            busy_ns / loop_ns if loop_ns > 0 else 0.0,
            self.per_second(node["messages_in"] - before["messages_in"]),
            self.per_second(node["messages_out"] - before["messages_out"]),
        )

    def strategy(self, strategy: Strategy) -> tuple[float, float]:
        """Events and intents per second."""
        before = self.strategies_before.get(strategy["account"])
        events, intents = strategy["events"], strategy["intents"]
        if before is not None:
            events -= before["events"]
            intents -= before["intents"]
        return self.per_second(events), self.per_second(intents)


class History:
    """What a curve is drawn of: a sample a second, of the last minutes, per instrument."""

    def __init__(self) -> None:
        self.run_id = 0
        self.samples: deque[tuple[int, list[tuple[float, float | None]]]] = deque(
            maxlen=SAMPLES_KEPT
        )

    def add(self, shot: Snapshot) -> None:
        """Take a sample if it is time for one."""
        now_ns = shot["host_ts_ns"]
        if shot["run_id"] != self.run_id:
            self.run_id = shot["run_id"]
            self.samples.clear()
        if self.samples and now_ns - self.samples[-1][0] < SAMPLE_S * 0.9e9:
            return
        values = [
            (float(Decimal(one["pnl_quote"])), microprice(one)) for one in shot["instruments"]
        ]
        self.samples.append((now_ns, values))

    @property
    def seconds(self) -> float:
        return (self.samples[-1][0] - self.samples[0][0]) / 1e9 if self.samples else 0.0

    def pnl(self, instrument: int) -> list[float]:
        return [values[instrument][0] for _, values in self.samples if instrument < len(values)]

    def microprice(self, instrument: int) -> list[float]:
        found = (values[instrument][1] for _, values in self.samples if instrument < len(values))
        return [value for value in found if value]


def microprice(one: Instrument) -> float | None:
    """The microprice, in quote currency where the tick size is known."""
    ticks = one["features"]["microprice_ticks"]
    return ticks * float(one["tick_size"] or 1) if ticks else None


def sparkline(values: list[float], width: int, lines: int) -> list[str]:
    """A curve, its top line first. More values than columns are averaged."""
    if len(values) > width:
        ends = [round(place * len(values) / width) for place in range(width + 1)]
        values = [sum(values[first:end]) / (end - first) for first, end in pairwise(ends)]
    low, high = min(values, default=0.0), max(values, default=0.0)
    steps = 8 * lines - 1
    heights = [
        1 + round((value - low) / (high - low) * steps) if high > low else 1 for value in values
    ]
    return [
        "".join(EIGHTHS[max(0, min(8, height - 8 * line))] for height in heights)
        for line in reversed(range(lines))
    ]
