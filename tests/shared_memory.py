"""Rings and segments of tests: names that nobody else has, and no name left behind."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager

from hft.core.ring import Ring, RingPolicy
from hft.core.segment import Segment

NUMBERS = itertools.count()


@contextmanager
def fresh_name() -> Iterator[str]:
    name = f"hft-test-{os.getpid()}-{next(NUMBERS)}"
    try:
        yield name
    finally:
        Segment.unlink(name)


@contextmanager
def fresh_ring(capacity_slots: int, policy: RingPolicy = RingPolicy.RING_WAIT) -> Iterator[Ring]:
    with fresh_name() as name:
        yield Ring.create(name, capacity_slots, policy)
