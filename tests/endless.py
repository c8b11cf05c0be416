"""A stream of commands of every kind that may be sent again and again to one engine.

Round after round its times move on, so that orders are good till a date that is still to come.
"""

import numpy as np

from hft.core.messages import COMMAND, ORDER_OPTIONS_DTYPE, Kind
from tests.reference.streams import seeded

SOON_NS = 10**12  # later times in a stream mean never


class Endless:
    def __init__(self, seed: int, count: int) -> None:
        self.stream = seeded(seed, count)
        kinds = self.stream["kind"]
        options = self.stream.view(ORDER_OPTIONS_DTYPE)
        self.timed = (kinds != Kind.ORDER_OPTIONS) & (kinds != Kind.LIST_INSTRUMENT)
        self.timed &= self.stream["event_ts_ns"] > -SOON_NS
        expiries = options["expiry_ts_ns"]
        self.dated = (kinds == Kind.ORDER_OPTIONS) & (expiries > 0) & (expiries < SOON_NS)
        self.round_ns = 1 + int(self.stream["event_ts_ns"][self.timed].max())

    def move_on(self) -> np.ndarray:
        """The commands of the next round; those of the last one are overwritten."""
        self.stream["event_ts_ns"][self.timed] += self.round_ns
        self.stream.view(ORDER_OPTIONS_DTYPE)["expiry_ts_ns"][self.dated] += self.round_ns
        return self.stream


def batches(stream: np.ndarray, size: int) -> list[np.ndarray]:
    """Parts of about that size, none of which ends between an order and its options."""
    assert stream.dtype == COMMAND
    ends = np.arange(size, len(stream), size)
    ends += stream["kind"][ends] == Kind.ORDER_OPTIONS
    return np.split(stream, ends)
