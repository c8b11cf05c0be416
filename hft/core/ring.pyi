"""Types of the compiled module ext/ring.pyx."""

import enum

import numpy as np

from hft.core.segment import Segment

class RingPolicy(enum.IntFlag):
    RING_WAIT = 0
    RING_DROP = 1

class RingHandle:
    segment: Segment
    @staticmethod
    def create_segment(
        name: str,
        capacity_slots: int,
        policy: RingPolicy = RingPolicy.RING_WAIT,
        run_id: int = 0,
        pages: str = "auto",
    ) -> Segment: ...

class Ring(RingHandle):
    @staticmethod
    def create(
        name: str, capacity_slots: int = 65536, policy: RingPolicy = RingPolicy.RING_WAIT
    ) -> Ring: ...
    @staticmethod
    def attach(name: str) -> Ring: ...
    def claim(self, producer: bool) -> int: ...
    def push(self, messages: np.ndarray) -> int: ...
    def take(self, at_most: int = 256) -> np.ndarray: ...
    def release(self, count: int | None = None) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def capacity_slots(self) -> int: ...
    @property
    def policy(self) -> RingPolicy: ...
    @property
    def lost(self) -> int: ...
    def __len__(self) -> int: ...
    def unlink(self) -> None: ...
