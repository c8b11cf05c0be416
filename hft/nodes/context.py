"""What a node's wiring has at hand: the run, the control page, and the node's rings by name."""

import os

from hft.core.control import Control
from hft.core.ring import Ring
from hft.nodes.spec import RunSpec
from hft.runtime.segments import ring_name
from hft.runtime.topology import EDGES, edge_index

__all__ = ["Context"]


class Context:
    """For one node of one run."""

    def __init__(self, node: str, spec: RunSpec, control: Control) -> None:
        self.node = node
        self.spec = spec
        self.control = control

    def ring(self, edge: str) -> Ring:
        """The node's end of an edge, claimed for this process."""
        found = EDGES[edge_index(edge)]
        if self.node not in (found.producer, found.consumer):
            raise ValueError(f"edge {edge} joins {found.producer} and {found.consumer}")
        ring = Ring.attach(ring_name(self.spec.instance, edge))
        ring.claim(self.node == found.producer)
        return ring

    def edges(self, *names: str) -> tuple[int, ...]:
        """Rows of the control page for edges."""
        return tuple(map(edge_index, names))

    def helper_cores(self) -> set[int]:
        """Cores for threads that must not disturb this process."""
        return os.sched_getaffinity(os.getppid()) - os.sched_getaffinity(0)
