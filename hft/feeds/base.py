"""What every feed offers: its instruments and their flow, as chunks of commands."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import msgspec
import numpy as np
import numpy.typing as npt

from hft.config import InstrumentConfig, SimulatorConfig
from hft.instruments import Instrument

__all__ = ["BookTruth", "Commands", "Feed", "FeedOptions", "Int64s"]

Commands = npt.NDArray[np.void]  # of dtype hft.core.messages.COMMAND
Int64s = npt.NDArray[np.int64]


class FeedOptions(msgspec.Struct, frozen=True):
    """What a person may ask of any feed.

    `seed` and `simulator` are for the simulated market; a recording has no use for them. A feed
    ends after `duration_ns` of recorded or simulated time, or with its source. `instruments` are
    the grids, by symbol, of a file that doesn't tell them.
    """

    seed: int = 1
    duration_ns: int | None = None
    simulator: SimulatorConfig = SimulatorConfig()
    instruments: dict[str, InstrumentConfig] = {}


@dataclass(frozen=True)
class BookTruth:
    """What the source says the book of instrument 0 is, to check an engine against.

    `rows` has the shape (rows, levels, 4), best level first: ask price, ask lots, bid price, bid
    lots; prices in ticks. A level that isn't there has lots 0 and the price 9999999999 (ask) or
    -9999999999 (bid). Row k holds after the first `row_end[k]` commands of the feed. `source` names
    the file, or says what else the rows are from. Row k is of its line k + 1; where `numbers` are
    given, of its `unit` (such as "record") number numbers[k].

    A source that shows only its best levels doesn't say what is in those that come into view:
    `seeds` counts them, by what let them in, and `forgets` those that went out of view.
    """

    source: str
    rows: Int64s
    row_end: Int64s
    seeds: dict[str, int]
    forgets: int
    unit: str = "line"
    numbers: Int64s | None = None


class Feed(ABC):
    """A source of market flow; it can be read any number of times, and gives the same each time.

    A feed is made from the argument of its `scheme:argument` and the options, checks all it can
    before it returns, and raises FeedError.
    """

    name: str  # for people: source, symbol, day
    instruments: list[Instrument]  # a message's `instrument` is an index into this list
    truth: BookTruth | None = None
    knows_grids: ClassVar[bool] = False  # and has no use for those of the options

    @abstractmethod
    def __init__(self, argument: str, options: FeedOptions) -> None: ...

    @abstractmethod
    def chunks(self) -> Iterator[Commands]:
        """The flow in order, as COMMAND arrays of shape (n,), n > 0, that the caller may change.

        Kinds are FLOW_*, `source` is SOURCE_RECORDED and `event_ts_ns` never decreases. `sequence`,
        `origin_ts_ns` and `stamp` are 0: the node that publishes the messages fills them.
        """
