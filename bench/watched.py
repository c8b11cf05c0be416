"""One run of the system and what it came to: rates, busy time, percentiles, memory.

All of it is from the run's own control page, looked at from outside. Looks give the page's counters
at an instant, so a rate is that between the first look that sees an event taken and the last that
sees one still to be taken: start-up and end are not in it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import DATA, LOBSTER  # before what needs hft, which it makes be found

# isort: split
import numpy as np
import stream_feed
import system

from hft.core.control import Control, Counter, LatencyKind, NodeState
from hft.core.histogram import bucket_top_ns
from hft.monitor.fields import text
from hft.runtime.segments import SEGMENT_DIRS
from hft.runtime.topology import edge_index, node_index

LOOK_S = 0.002
MEMORY_LOOK_S = 0.25
PATIENCE_S = 600.0
QUANTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "p99.99": 0.9999}
HOPS = ("market_flow", "market_data", "reports", "intents", "orders")
HOT = ("feed", "signal", "risk", "engine")
NODES = (*HOT, "recorder")
FED = (Counter.FEED_EVENTS, Counter.FEED_EVENT_TS_NS)
FALLS_BEHIND = 0.01  # of the run's time: a feed that is later at the end than at the start by more

Quantiles = dict[str, float]  # of ns, by name; `count` and `max` too


@dataclass(frozen=True)
class Flow:
    """What a run is fed with, and how many events it has in a second of its market."""

    name: str
    spec: str
    rate_per_s: float | None  # None: not known before it has been run


@dataclass
class Measured:
    events: int  # of the market
    seconds: float  # that they took
    event_s: float  # of these, each
    market_rate_per_s: float  # events in a second of the market
    busy_ns: dict[str, float]  # of a node, an event
    busy_share: dict[str, float]
    hops: dict[str, Quantiles]  # from publication to taking, by ring
    tick_to_order: Quantiles
    paths: dict[str, Quantiles]
    late_ns: Quantiles  # of events behind their due time when the engine took them
    late_growth: float  # of the feed, from the run's first quarter to its last, a second
    private_bytes: int  # of all processes
    segment_bytes: int
    beside: Any  # what was done beside it came to
    report: dict[str, Any] = field(repr=False)

    @property
    def rate_per_s(self) -> float:
        return 1 / self.event_s

    @property
    def kept_up(self) -> bool:
        """Whether a paced run had no backlog that grew."""
        return self.late_growth < FALLS_BEHIND


def stream(events: int, instruments: int = 1) -> Flow:
    """So many events of the synthetic stream, whose block is made now if it isn't there."""
    told = stream_feed.block(instruments)
    rate_per_s = len(told) / (stream_feed.lasts_ns(told) * 1e-9)
    spec = f"{stream_feed.__file__}:instruments={instruments},events={events}"
    return Flow("stream", spec, rate_per_s)


def amzn_day() -> Flow | None:
    """The recorded day, if it is there: 225 thousand events, most of them near its ends."""
    return Flow("AMZN day", f"lobster:{LOBSTER}", None) if LOBSTER.is_file() else None


def no_amzn_day() -> str:
    return f"the AMZN day is not measured: no {LOBSTER.relative_to(DATA)} in {DATA} (HFT_DATA)"


class Looks:
    """What was seen of a run's page, look by look."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self.page = control.record
        self.row = self.page["edges"][edge_index("market_flow")]
        self.counters = self.page["nodes"][node_index("feed")]["counters"]
        self.nodes = [node_index(name) for name in NODES]
        # Host's ns, events that the engine took, events and market's time of the feed.
        self.seen: list[tuple[int, int, int, int]] = []
        self.ends: list[Any] = []  # the nodes' rows at the first look and at the last
        self.private_bytes = 0
        self.memory_due_s = 0.0

    def look(self) -> None:
        now_ns, taken = time.perf_counter_ns(), int(self.row["taken"])
        if not taken or (self.seen and taken == self.seen[-1][1]):
            return
        if self.page["nodes"]["state"][node_index("engine")] >= NodeState.NODE_DONE:
            return  # when it took the last one is not known
        fed, fed_ts_ns = (int(self.counters[which]) for which in FED)
        self.seen.append((now_ns, taken, fed, fed_ts_ns))
        self.ends = [*self.ends[:1], self.page["nodes"][["busy_ns", "loop_ns"]].copy()]

    def look_at_memory(self, owner_pid: int) -> None:
        now_s = time.monotonic()
        if now_s < self.memory_due_s:
            return
        self.memory_due_s = now_s + MEMORY_LOOK_S
        pids = {int(pid) for pid in self.page["nodes"]["pid"] if pid} | {owner_pid}
        self.private_bytes = max(self.private_bytes, sum(map(private_bytes_of, pids)))

    def rate(self) -> tuple[int, float]:
        """Events, and the seconds that they took."""
        if len(self.seen) < 2:
            raise RuntimeError("the run was over before it was looked at twice: take more events")
        first, last = self.seen[0], self.seen[-1]
        return last[1] - first[1], (last[0] - first[0]) * 1e-9

    def market_rate_per_s(self) -> float:
        first, last = self.seen[0], self.seen[-1]
        return (last[2] - first[2]) / max(1e-9, (last[3] - first[3]) * 1e-9)

    def late_growth(self, speed: float) -> float:
        """Seconds by which a feed at this speed comes later in each second of the run."""
        ns, _, _, market_ns = np.array(self.seen, np.int64).T
        late_ns = (ns - ns[0]) - (market_ns - market_ns[0]) / speed
        quarter = max(1, len(late_ns) // 4)
        growth_ns = np.median(late_ns[-quarter:]) - np.median(late_ns[:quarter])
        return float(growth_ns / max(1, ns[-1] - ns[0]))

    def busy(self, events: int) -> tuple[dict[str, float], dict[str, float]]:
        """Of each node: busy ns an event, and the share of its loop's time."""
        first, last = self.ends[0], self.ends[-1]
        busy_ns = (last["busy_ns"] - first["busy_ns"])[self.nodes]
        loop_ns = np.maximum(1, last["loop_ns"] - first["loop_ns"])[self.nodes]
        by_event = dict(zip(NODES, (busy_ns / events).tolist(), strict=True))
        return by_event, dict(zip(NODES, (busy_ns / loop_ns).tolist(), strict=True))


def private_bytes_of(pid: int) -> int:
    """What the process has for itself, files and shared memory aside; 0 once it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon:"))


def segment_bytes_of(instance: str) -> int:
    """The size of the run's shared memory."""
    files = [file for folder in SEGMENT_DIRS for file in folder.glob(f"hft.{instance}.*")]
    return sum(file.stat().st_size for file in files)


def quantiles(histogram: Any) -> Quantiles:
    """Percentiles as far as the values go: p99.9 takes 1,000 of them."""
    running = np.cumsum(histogram["buckets"])
    count = int(running[-1])
    found: Quantiles = {"count": count}
    for name, share in QUANTILES.items():
        if count and (share < 0.999 or count * (1 - share) > 0.999):
            bucket = int(np.searchsorted(running, max(1, np.ceil(share * count))))
            found[name] = float(min(bucket_top_ns(bucket), int(histogram["max_ns"])))
    if count:
        found["max"] = float(histogram["max_ns"])
    return found


def latencies(page: Any, kind: LatencyKind) -> dict[str, Quantiles]:
    rows = page["latencies"][: int(page["latency_count"])]
    return {text(row["name"]): quantiles(row["histogram"]) for row in rows if row["kind"] == kind}


@contextmanager
def nothing(_instance: str) -> Iterator[None]:
    yield None


def measure(
    flow: Flow,
    cores: list[int],
    *arguments: str,
    rate_per_s: float | None = None,
    beside: Callable[[str], AbstractContextManager[Any]] = nothing,
) -> Measured:
    """Run the system on these cores to its end.

    Args:
        arguments: more of launch's; without `rate_per_s` they say how fast it goes.
        rate_per_s: of a paced run, events a second on average.
        beside: given the instance's name, a context in which the run is; what it gives is in the
            result.

    Raises:
        RuntimeError: it did not end well; with what it said.
    """
    arguments = ("--feed", flow.spec, *arguments)
    speed = None
    if rate_per_s is not None:
        assert flow.rate_per_s is not None, "what is paced must be known"
        speed = rate_per_s / flow.rate_per_s
        arguments += ("--speed", f"{speed:.9g}")
    instance = system.new_instance()
    affinity = ",".join(map(str, cores))
    with (
        beside(instance) as done_beside,
        system.launched(*arguments, instance=instance, affinity=affinity) as run,
    ):
        looks, segment_bytes = watch(run)
        report = run.report()
    if looks is None:
        raise RuntimeError(f"{' '.join(run.command)}: its control page was never seen")
    taken, seconds = looks.rate()
    busy_ns, busy_share = looks.busy(taken)
    ages = latencies(looks.page, LatencyKind.LATENCY_AGE)
    return Measured(
        events=system.edge(report, "market_flow")["taken"] - 1,  # the last is END
        seconds=seconds,
        event_s=seconds / taken,
        market_rate_per_s=looks.market_rate_per_s(),
        busy_ns=busy_ns,
        busy_share=busy_share,
        hops=latencies(looks.page, LatencyKind.LATENCY_HOP),
        tick_to_order=ages["orders"],
        paths=latencies(looks.page, LatencyKind.LATENCY_PATH),
        late_ns=ages["market_flow"],
        late_growth=0.0 if speed is None else looks.late_growth(speed),
        private_bytes=looks.private_bytes,
        segment_bytes=segment_bytes,
        beside=done_beside,
        report=report,
    )


def watch(run: system.Launched) -> tuple[Looks | None, int]:
    """All looks until the process has ended or time is up, and the size of its segments."""
    looks: Looks | None = None
    segment_bytes = 0
    give_up_s = time.monotonic() + PATIENCE_S
    while run.process.poll() is None and time.monotonic() < give_up_s:
        if looks is None:
            control = system.attach(run.instance)
            if control is not None:
                looks, segment_bytes = Looks(control), segment_bytes_of(run.instance)
        else:
            looks.look()
            looks.look_at_memory(run.process.pid)
        time.sleep(LOOK_S)
    return looks, segment_bytes
