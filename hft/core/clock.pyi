"""Types of the compiled module ext/clock.pyx."""

import enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

FRACTION_BITS: Final = 60

class ClockSource(enum.IntFlag):
    CLOCK_MONOTONIC_SOURCE = 0
    CLOCK_TSC = 1

class RunClock:
    def now_ns(self) -> int: ...
    def use(self) -> None: ...
    @property
    def newest(self) -> tuple[int, int, int]: ...
    def publish(
        self, base_ticks: int, base_ns: int, ns_per_tick: int, ahead_ticks: int
    ) -> bool: ...
    def compare(self, tries: int) -> tuple[int, int, int]: ...
    def fall_back(self, tries: int) -> int: ...
    def hand_over(
        self, words: NDArray[np.uint64], second: bool, rounds: int, within_ns: int
    ) -> tuple[int, int]: ...

def bracket(tries: int) -> tuple[int, int, int]: ...
def now_ns() -> int: ...
