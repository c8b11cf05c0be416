"""NUMA nodes: memory is nearest to the cores of its node, which is that of who touches it first."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hft.errors import ConfigError

__all__ = ["keeping_to", "node_cores", "node_of"]

NODES = Path("/sys/devices/system/node")


def node_cores(node: int, nodes: Path = NODES) -> set[int]:
    """The cores of a NUMA node; ConfigError names the nodes there are."""
    try:
        return cores_of((nodes / f"node{node}" / "cpulist").read_text())
    except FileNotFoundError:
        known = sorted(int(path.name.removeprefix("node")) for path in nodes.glob("node[0-9]*"))
        problem = (
            f"must be a NUMA node of this host ({', '.join(map(str, known))})"
            if known
            else "must be unset: this host shows no NUMA nodes"
        )
        raise ConfigError(problem, field="memory.numa_node", value=node) from None


def node_of(core: int | None, nodes: Path = NODES) -> int | None:
    """The NUMA node of a core; None for no core, and where all memory is as near as any other."""
    known = sorted(nodes.glob("node[0-9]*"))
    if core is None or len(known) < 2:
        return None
    for path in known:
        if core in cores_of((path / "cpulist").read_text()):
            return int(path.name.removeprefix("node"))
    return None


def cores_of(text: str) -> set[int]:
    """The cores of the kernel's list, such as 0-3,8."""
    cores: set[int] = set()
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            cores.update(range(int(first), int(last or first) + 1))
    return cores


@contextmanager
def keeping_to(node: int | None) -> Iterator[None]:
    """Run on the node's cores only, so that what is touched first here is of its memory."""
    if node is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before & node_cores(node))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
