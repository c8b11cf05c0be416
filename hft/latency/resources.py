"""What the processes and the shared memory of a run take; read from outside, by who asks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from hft.core.control import Control
from hft.core.segment import read_header
from hft.monitor.snapshot import snapshot
from hft.runtime.segments import segment_paths

__all__ = ["ProcessUse", "SegmentUse", "process_uses", "segment_uses"]


@dataclass(frozen=True)
class ProcessUse:
    """A process since its start; `nodes` are those in it, `busy` the share of time of each.

    Context switches are those of its main thread, which runs the nodes: `waited` of its own accord,
    `preempted` because another wanted the core. `private_bytes` are its own, `rss_bytes` also what
    it shares, all of the run's segments that it has touched included. `allocations` are those of
    the nodes after their start, without Python's.
    """

    pid: int
    nodes: tuple[str, ...]
    busy: tuple[float, ...]
    waited: int
    preempted: int
    minor_faults: int
    major_faults: int
    private_bytes: int
    rss_bytes: int
    allocations: int


@dataclass(frozen=True)
class SegmentUse:
    """A segment of shared memory: its size, and the size of the pages behind it."""

    name: str
    size_bytes: int
    page_bytes: int


def process_uses(control: Control) -> list[ProcessUse]:
    """Every living process of a run, in the order of its nodes."""
    nodes: dict[int, list[Any]] = {}
    for node in snapshot(control)["nodes"]:
        if node["alive"]:
            nodes.setdefault(node["pid"], []).append(node)
    found = []
    for pid, rows in nodes.items():
        try:
            found.append(process_use(pid, rows))
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            continue  # it ended just now
    return found


def process_use(pid: int, rows: list[Any]) -> ProcessUse:
    process = psutil.Process(pid)
    # Fields 10 and 12 of proc_pid_stat(5), after the name, which may hold anything.
    stat = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    switches = process.num_ctx_switches()
    memory = process.memory_full_info()
    return ProcessUse(
        pid=pid,
        nodes=tuple(row["name"] for row in rows),
        busy=tuple(row["busy_share"] for row in rows),
        waited=switches.voluntary,
        preempted=switches.involuntary,
        minor_faults=int(stat[7]),
        major_faults=int(stat[9]),
        private_bytes=memory.uss,
        rss_bytes=memory.rss,
        allocations=sum(row["allocations"] for row in rows),
    )


def segment_uses(instance: str) -> list[SegmentUse]:
    """The segments of an instance; one that goes away meanwhile is left out."""
    found = []
    for path in segment_paths(instance):
        header = read_header(path)
        if header is not None:
            found.append(SegmentUse(path.name, header["size_bytes"], header["page_bytes"]))
    return found
