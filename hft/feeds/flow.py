"""Writing market flow one command at a time, for formats whose book must be kept to tell it."""

from array import array

import numpy as np

from hft.core.messages import COMMAND, Kind, Side, Source
from hft.feeds.base import Commands, Int64s

__all__ = ["FlowWriter"]

FIELDS = 6


class FlowWriter:
    """Commands of the rows of a block, and the ids of recorded orders.

    Ids are unique over all instruments, from 1.
    """

    def __init__(self) -> None:
        self.order_id = 0
        self.numbers = array("q")

    def __len__(self) -> int:
        """Commands since the last `take`."""
        return len(self.numbers) // FIELDS

    def add(self, row: int, side: Side, price_ticks: int, qty_lots: int) -> int:
        """A new recorded order; its id."""
        self.order_id += 1
        self.put(row, Kind.FLOW_ADD, self.order_id, side, price_ticks, qty_lots)
        return self.order_id

    def put(
        self, row: int, kind: Kind, order_id: int, side: Side, price_ticks: int, qty_lots: int
    ) -> None:
        self.numbers.extend((row, kind, order_id, side, price_ticks, qty_lots))

    def take(self, ts_ns: Int64s, instrument: Int64s) -> Commands:
        """The commands since the last call, given the rows' times and instruments."""
        numbers = np.array(self.numbers, np.int64).reshape(-1, FIELDS)
        self.numbers = array("q")
        commands = np.zeros(len(numbers), COMMAND)
        row = numbers[:, 0]
        commands["source"] = Source.SOURCE_RECORDED
        commands["event_ts_ns"] = ts_ns[row]
        commands["instrument"] = instrument[row]
        for column, field in enumerate(("kind", "order_id", "side", "price_ticks", "qty_lots"), 1):
            commands[field] = numbers[:, column]
        return commands
