"""The graph as data: which nodes there are, which ring joins which two, and which core runs what.

Everything else follows from these tables: segments, wiring, status, documentation.
"""

import enum
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from hft.core.control import IdleStrategy
from hft.core.ring import RingPolicy
from hft.errors import ConfigError

__all__ = ["EDGES", "NODES", "Edge", "Node", "Placement", "Process", "edge_index", "node_index",
           "place", "show", "waits"]  # fmt: skip

SPIN, BACKOFF, PARK = IdleStrategy.IDLE_SPIN, IdleStrategy.IDLE_BACKOFF, IdleStrategy.IDLE_PARK
WAIT, DROP = RingPolicy.RING_WAIT, RingPolicy.RING_DROP


@dataclass(frozen=True)
class Node:
    """A node of the graph. Pinned nodes get cores, in this order; the others go where they may."""

    name: str
    pinned: bool
    owns: str


@dataclass(frozen=True)
class Edge:
    """A ring: one writer, one reader."""

    name: str
    producer: str
    consumer: str
    policy: RingPolicy
    capacity_slots: int
    carries: str


NODES = (
    Node("feed", True, "the market's view"),
    Node("signal", True, "features and the strategy"),
    Node("risk", True, "positions, limits, the kill switch"),
    Node("engine", True, "the books and the journal of inputs"),
    Node("recorder", False, "trades and reports in files"),
    Node("monitor", False, "nothing: it only reads"),
)

EDGES = (
    Edge("market_flow", "feed", "engine", WAIT, 1 << 16, "recorded orders"),
    Edge("market_data", "engine", "signal", WAIT, 1 << 16, "best prices, trades, reports"),
    Edge("reports", "engine", "risk", WAIT, 1 << 16, "best prices, reports"),
    Edge("intents", "signal", "risk", WAIT, 1 << 14, "what the strategy wants"),
    Edge("orders", "risk", "engine", WAIT, 1 << 14, "what the risk gate let through"),
    Edge("refusals", "risk", "signal", WAIT, 1 << 14, "what it refused"),
    Edge("records", "engine", "recorder", WAIT, 1 << 16, "trades, reports"),
    Edge("refusal_records", "risk", "recorder", WAIT, 1 << 14, "what it refused"),
    Edge("tape", "engine", "monitor", DROP, 1 << 12, "trades"),
)

PINNED = tuple(node.name for node in NODES if node.pinned)


def node_index(name: str) -> int:
    return [node.name for node in NODES].index(name)


def edge_index(name: str) -> int:
    return [edge.name for edge in EDGES].index(name)


@dataclass(frozen=True)
class Process:
    """An operating-system process: the nodes it hosts, its core (None: any) and how it idles."""

    nodes: tuple[str, ...]
    core: int | None
    idle: IdleStrategy


@dataclass(frozen=True)
class Placement:
    """Which processes there are, and what a person should know about it."""

    processes: tuple[Process, ...]
    notes: tuple[str, ...]

    def core_of(self, name: str) -> int | None:
        """The core of a node; None if it has none."""
        return next((each.core for each in self.processes if name in each.nodes), None)

    def memory_core(self, edge: Edge) -> int | None:
        """The core to which a ring's memory is to be near: its reader's, its writer's if the reader
        has none."""
        reader = self.core_of(edge.consumer)
        return self.core_of(edge.producer) if reader is None else reader


def fold(cores: list[int]) -> list[int]:
    """A core for each pinned node: contiguous runs of nodes, the first cores taking one more."""
    share, more = divmod(len(PINNED), len(cores))
    return [
        core for place, core in enumerate(cores) for _ in range(share + (1 if place < more else 0))
    ]


def waits(process: Process) -> bool:
    """Whether a process has to be woken, because it waits in the kernel.

    The free ones are not: they want batches, and a wake-up costs its producer a system call.
    """
    return process.idle in (BACKOFF, PARK) and process.core is not None


def idle_of(core: int, cores: Collection[int], *, spare: bool, asked: str) -> IdleStrategy:
    """How a pinned process idles, `cores` being those of all of them.

    Who spins or yields starves the others on its core, so by itself a process does so only on a
    core of its own, and not for ever unless the free nodes have another one.
    """
    if asked != "auto":
        return IdleStrategy[f"IDLE_{asked.upper()}"]
    if list(cores).count(core) > 1:
        return PARK
    return SPIN if spare else BACKOFF


def place(
    affinity: list[int],
    host_cores: Iterable[int],
    *,
    separate: bool,
    strict: bool,
    idle: str = "auto",
) -> Placement:
    """Decide the processes for a list of cores, as many as there are pinned nodes or fewer.

    Cores that the host lacks are left out and the nodes fold onto the rest; with `strict` that is
    a ConfigError. `separate` gives every node a process of its own, on whatever core. `idle` names
    the idle strategy of all pinned processes; by "auto" each has the one that fits its core.
    ConfigError if processes that share a core were to spin.
    """
    host = sorted(host_cores)
    usable = [core for core in dict.fromkeys(affinity) if core in host]
    asked = ",".join(map(str, affinity))
    if not 1 <= len(affinity) <= len(PINNED):
        raise ConfigError(
            f"must be 1 to {len(PINNED)} cores, for {', '.join(PINNED)}",
            field="run.affinity",
            value=asked,
        )
    if not usable:
        raise ConfigError(
            f"must name cores that this host lets us use ({','.join(map(str, host))})",
            field="run.affinity",
            value=asked,
        )
    notes = []
    if len(affinity) == len(PINNED) and set(affinity) <= set(host):
        cores = list(affinity)
    else:
        cores = fold(usable)
    if len(set(cores)) < len(PINNED):
        folded = " | ".join(
            f"{'+'.join(name for name, core in zip(PINNED, cores, strict=True) if core == mine)}"
            f" on core {mine}"
            for mine in dict.fromkeys(cores)
        )
        if strict:
            raise ConfigError(
                f"must give {len(PINNED)} cores of this host ({','.join(map(str, host))}) "
                "with strict_affinity",
                field="run.affinity",
                value=asked,
            )
        notes.append(f"{len(set(cores))} of {len(PINNED)} cores to be had: {folded}")
    # Spinning starves whoever shares the core: the free nodes need one that nobody spins on.
    spare = len(host) > len(set(cores))
    hosted: list[tuple[tuple[str, ...], int]]
    if separate:
        hosted = [((name,), core) for name, core in zip(PINNED, cores, strict=True)]
    else:
        hosted = [
            (tuple(n for n, c in zip(PINNED, cores, strict=True) if c == core), core)
            for core in dict.fromkeys(cores)
        ]
    taken = [core for _, core in hosted]
    if idle == "spin" and len(set(taken)) < len(taken):
        raise ConfigError(
            "must not be spin where processes share a core: the one that spins keeps the core "
            "from the one with something to do",
            field="run.idle",
            value=idle,
        )
    if idle in ("spin", "yield") and not spare:
        notes.append(
            f"run.idle = {idle} leaves no core to the recorder and launch: they will be late"
        )
    processes = [
        Process(names, core, idle_of(core, taken, spare=spare, asked=idle))
        for names, core in hosted
    ]
    processes.append(Process(("recorder",), None, PARK))
    return Placement(tuple(processes), tuple(notes))


def short_name(value: enum.Flag, prefix: str) -> str:
    """An enum's name as people read it."""
    return str(value.name).removeprefix(prefix).lower()


def show(placement: Placement) -> str:
    """The graph and the placement as text."""
    where = {name: process for process in placement.processes for name in process.nodes}
    lines = ["node      process  core  idle     owns"]
    for node in NODES:
        process = where.get(node.name)
        number = "launch" if process is None else str(placement.processes.index(process) + 1)
        core = "any" if process is None or process.core is None else str(process.core)
        idle = "-" if process is None else short_name(process.idle, "IDLE_")
        lines.append(f"{node.name:9} {number:8} {core:5} {idle:8} {node.owns}")
    lines += ["", "ring             from      to        policy  slots  carries"]
    for edge in EDGES:
        policy = short_name(edge.policy, "RING_")
        lines.append(
            f"{edge.name:16} {edge.producer:9} {edge.consumer:9} {policy:7} "
            f"{edge.capacity_slots:5}  {edge.carries}"
        )
    return "\n".join([*lines, *(f"\n{note}" for note in placement.notes)])
