"""The table of what is measured fits the graph, and a new control page names every row."""

import os

import numpy as np

from hft.core.control import LATENCIES_MAX, Control, LatencyKind
from hft.core.histogram import NO_VALUE
from hft.core.messages import Kind
from hft.core.ring import Ring
from hft.core.segment import Segment
from hft.runtime.latencies import LATENCIES
from hft.runtime.page import lay_out
from hft.runtime.topology import EDGES, NODES

NAME = f"hft-test-latencies-{os.getpid()}"


def test_the_rows_of_an_edge_are_where_its_consumer_looks() -> None:
    """Rows 2e and 2e + 1 are hop and age of edge e, recorded by the node that takes."""
    for index, edge in enumerate(EDGES):
        for place, kind in ((2 * index, LatencyKind.LATENCY_HOP),
                            (2 * index + 1, LatencyKind.LATENCY_AGE)):  # fmt: skip
            row = LATENCIES[place]
            assert (row.name, row.node, row.kind, row.subject) == (
                edge.name, edge.consumer, kind, index,
            )  # fmt: skip


def test_the_table_is_sound() -> None:
    """It fits the page, names are found again, no kind of message is two operations of a node."""
    assert len(LATENCIES) <= LATENCIES_MAX
    assert len({(row.kind, row.name) for row in LATENCIES}) == len(LATENCIES)
    nodes = {node.name for node in NODES}
    for row in LATENCIES:
        assert row.node in nodes
        assert 0 < len(row.name.encode()) < 32
        assert row.gap_max & (row.gap_max - 1) == 0
    for node in nodes:
        kinds = [kind for row in LATENCIES if row.node == node for kind in row.message_kinds]
        assert len(kinds) == len(set(kinds))
    engine = {kind for row in LATENCIES if row.node == "engine" for kind in row.message_kinds}
    assert engine == {kind for kind in Kind if kind < Kind.ACCEPTED}


def test_a_new_page_has_the_table() -> None:
    """What a node and a reader need to know of a row is in it, and no value yet."""
    try:
        control = Control.create(NAME, 1)
        rings = {
            edge.name: Ring.create_segment(f"{NAME}-{edge.name}", 64, edge.policy, 1)
            for edge in EDGES
        }
        lay_out(control, "x", [], rings, (), seed=1, speed=1, simulated=False)
        rows = control.record["latencies"][: int(control.record["latency_count"])]
        assert len(rows) == len(LATENCIES)
        for row, latency in zip(rows, LATENCIES, strict=True):
            assert bytes(row["name"]).rstrip(b"\0").decode() == latency.name
            assert NODES[int(row["node"])].name == latency.node
            assert (row["kind"], row["subject"]) == (latency.kind, latency.subject)
            bits = np.unpackbits(row["message_kinds"].view(np.uint8), bitorder="little")
            assert set(np.flatnonzero(bits)) == set(latency.message_kinds)
            histogram = row["histogram"]
            assert (histogram["count"], histogram["min_ns"]) == (0, NO_VALUE)
    finally:
        Segment.unlink(NAME)
        for edge in EDGES:
            Segment.unlink(f"{NAME}-{edge.name}")
