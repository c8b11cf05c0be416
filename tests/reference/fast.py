"""hft.core.MatchingEngine behind the surface of the reference engine."""

import numpy as np

from hft.core import MatchingEngine
from tests.reference.wire import Output, decode


class FastEngine:
    def __init__(self, instruments: int = 4, orders: int = 1024) -> None:
        self.engine = MatchingEngine(instruments=instruments, orders=orders)

    def process(self, command: np.void) -> list[Output]:
        return decode(self.engine.process_all(np.array([command])), command)

    def depth(self, instrument: int, levels: int) -> list[list[list[int]]]:
        return self.engine.depth(instrument, levels).tolist()

    def order(self, order_id: int) -> dict | None:
        return self.engine.order(order_id)

    def state(self, instrument: int) -> int:
        return self.engine.state(instrument)

    def displaced_lots(self, instrument: int) -> int:
        return self.engine.displaced_lots(instrument)

    def state_hash(self) -> int:
        return self.engine.state_hash()

    def __len__(self) -> int:
        return len(self.engine)
