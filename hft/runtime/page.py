"""Filling in the names of a new control page, before the nodes start."""

import time
from collections.abc import Iterable

import numpy as np

from hft.core.control import Control
from hft.core.histogram import NO_VALUE
from hft.core.segment import Segment
from hft.instruments import Instrument
from hft.runtime.latencies import LATENCIES
from hft.runtime.topology import EDGES, NODES, Process, node_index, waits

__all__ = ["lay_out"]


def lay_out(
    control: Control,
    instance: str,
    instruments: list[Instrument],
    rings: dict[str, Segment],
    processes: Iterable[Process],
    *,
    seed: int,
    speed: float,
    simulated: bool,
) -> None:
    """Name everything: nodes, edges (with their memory), instruments, and what is measured.

    And say who shares a process, and which processes have to be woken.
    """
    page = control.record
    page["instance"] = instance.encode()
    page["started_wall_ns"] = time.time_ns()
    page["node_count"] = len(NODES)
    page["edge_count"] = len(EDGES)
    page["locked"] = control.segment.locked
    page["numa_nodes"] = control.segment.numa_nodes()
    page["simulated_time"] = simulated
    page["speed_milli"] = round(speed * 1000)
    page["seed"] = seed
    for row, node in zip(page["nodes"], NODES, strict=False):
        set_text(row["name"], node.name)
        row["core"] = -1
    for row, edge in zip(page["edges"], EDGES, strict=False):
        set_text(row["name"], edge.name)
        row["producer"] = node_index(edge.producer)
        row["consumer"] = node_index(edge.consumer)
        row["policy"] = edge.policy
        row["capacity_slots"] = edge.capacity_slots
        row["page_bytes"] = rings[edge.name].header["page_bytes"]
        row["locked"] = rings[edge.name].locked
        row["numa_nodes"] = rings[edge.name].numa_nodes()
    for process in processes:
        indices = [node_index(name) for name in process.nodes]
        page["nodes"]["host"][indices] = indices[0]
        page["nodes"]["waits"][indices] = waits(process)
    for row, instrument in zip(page["instruments"], instruments, strict=False):
        set_text(row["venue"], instrument.venue)
        set_text(row["symbol"], instrument.symbol)
        set_text(row["tick_size"], str(instrument.tick_size))
        set_text(row["lot_size"], str(instrument.lot_size))
        row["order_increment_ticks"] = instrument.order_increment_ticks
        row["value_numerator"], row["value_denominator"] = instrument.quote_micros_per_tick_lot
    page["latency_count"] = len(LATENCIES)
    for row, latency in zip(page["latencies"], LATENCIES, strict=False):
        set_text(row["name"], latency.name)
        row["node"] = node_index(latency.node)
        row["kind"] = latency.kind
        row["subject"] = latency.subject
        row["gap_max"] = latency.gap_max
        for kind in latency.message_kinds:
            row["message_kinds"][kind // 64] |= np.uint64(1 << kind % 64)
        row["histogram"]["min_ns"] = NO_VALUE


def set_text(field: np.ndarray, text: str) -> None:
    """Write text into a field of bytes, cut to its size, the rest zero."""
    field[:] = np.frombuffer(text.encode()[: len(field)].ljust(len(field), b"\0"), np.uint8)
