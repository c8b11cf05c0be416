"""What bench/ring.py's two processes have, and what the other one does while this one measures.

Messages go to the other process on `there` and `orders`, and come on `back` and `reports`, so that
each end of each ring is in one process for good.
"""

import contextlib
import os
from ctypes import c_uint64, c_void_p
from typing import Any

import native
import numpy as np
import peers
from support import note
from table import engine_table

from hft.core.control import Control
from hft.core.messages import COMMAND, Kind, Side, Source, order_id
from hft.core.ring import Ring
from hft.core.segment import Segment, SegmentKind
from hft.runtime.clock import Timekeeper

RINGS = ("there", "back", "orders", "reports")
WAYS = ("way-there", "way-back")  # of bench/rings.c
WAY_BYTES = 6 << 20  # one of them, in whole huge pages
CAPACITY_SLOTS = 1 << 16  # as most of the system's edges
BATCH = 256
RESTING = 1_000  # orders in the engine's book
PATIENCE_S = 30


def create(prefix: str, cores: tuple[int, int]) -> list[Segment | Control]:
    """Rings, ways and a run's clock, all in memory as a run has it; to be kept by the caller."""
    control = Control.create(f"{prefix}-control", 1)
    if notice := Timekeeper(control, "auto", cores).notice:
        note(notice)
    made: list[Segment | Control] = [control]
    made += [Ring.create_segment(f"{prefix}-{name}", CAPACITY_SLOTS) for name in RINGS]
    made += [
        Segment.create(f"{prefix}-{name}", WAY_BYTES, SegmentKind.SEGMENT_RING) for name in WAYS
    ]
    return made


def unlink(prefix: str) -> None:
    for name in (*RINGS, *WAYS, "control"):
        Segment.unlink(f"{prefix}-{name}")


class Ends:
    """The ends that one process has, and what it calls."""

    def __init__(self, prefix: str, other: dict[str, peers.End]) -> None:
        self.control = Control.attach(f"{prefix}-control")
        self.control.clock.use()
        self.loops = native.load()
        self.library = native.load_driver()
        self.library.queue_consume.restype = c_uint64
        self.there, self.back, self.orders, self.reports = (
            Ring.attach(f"{prefix}-{name}") for name in RINGS
        )
        self.segments = [
            Segment.attach(f"{prefix}-{name}", SegmentKind.SEGMENT_RING) for name in WAYS
        ]
        self.ways = [c_void_p(np.frombuffer(each, np.uint8).ctypes.data) for each in self.segments]
        self.peers = other
        self.engine: Any = None

    def call(self, name: str, *arguments: Any) -> int:
        """A loop of bench/rings.c; it gives 0 if something was wrong."""
        given = [c_uint64(each) if isinstance(each, int) else each for each in arguments]
        if not (answer := getattr(self.library, name)(*given)):
            raise RuntimeError(f"{name}: the other process stopped, or a message was wrong")
        return int(answer)


# The other process's jobs.


def pong(ends: Ends, count: int) -> None:
    ends.loops.pong(ends.there, ends.back, count)


def flag_pong(ends: Ends, first: int, count: int) -> None:
    ends.call("flag_pong", *ends.ways, first, count)


def queue_pong(ends: Ends, count: int) -> None:
    ends.call("queue_pong", *ends.ways, count)


def publish(ends: Ends, count: int, batch: int) -> None:
    ends.loops.publish(ends.back, count, batch)


def queue_publish(ends: Ends, count: int, batch: int) -> None:
    ends.call("queue_publish", ends.ways[1], count, batch)


def engine(ends: Ends, count: int) -> None:
    if ends.engine is None:
        name = ends.reports.name.encode()
        ends.engine = ends.loops.EngineBehindRings(engine_table(), ends.orders, name)
        resting = np.zeros(RESTING, COMMAND)
        resting["kind"], resting["side"], resting["qty_lots"] = Kind.NEW_ORDER, Side.BUY, 10
        resting["order_id"] = order_id(Source.SOURCE_RECORDED, 1) + np.arange(RESTING)
        resting["price_ticks"] = 1000 - np.arange(RESTING) % 100
        ends.engine.apply(resting.view(np.uint8))
    ends.engine.answer(count)


def python_pong(ends: Ends, count: int) -> None:
    room = np.zeros(1, COMMAND)
    for _ in range(count):
        ends.there.take_into(room, PATIENCE_S)
        ends.back.push(room)


def python_publish(ends: Ends, count: int) -> None:
    messages = np.zeros(BATCH, COMMAND)
    for _ in range(count // BATCH):
        ends.back.push(messages, PATIENCE_S)


def peer_pong(ends: Ends, name: str, count: int) -> None:
    peers.pong(ends.peers[name], count)


def peer_put(ends: Ends, name: str, count: int) -> None:
    peers.put(ends.peers[name], count)


JOBS = {
    job.__name__: job
    for job in (
        *(pong, flag_pong, queue_pong, publish, queue_publish),
        *(engine, python_pong, python_publish, peer_pong, peer_put),
    )
}


def serve(core: int, connection: Any, prefix: str, other: dict[str, peers.End]) -> None:
    """The other process: does the jobs that it is told, until the connection ends."""
    os.sched_setaffinity(0, {core})
    ends = Ends(prefix, other)
    with contextlib.suppress(EOFError):
        while True:
            name, arguments = connection.recv()
            JOBS[name](ends, *arguments)
            connection.send("done")
