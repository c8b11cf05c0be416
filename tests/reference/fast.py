"""hft.core.MatchingEngine behind the surface of the reference engine."""

from collections.abc import Collection

import numpy as np

from hft.core import MatchingEngine
from tests.reference.wire import Output, decode

AGREED = (  # what both engines say of an order
    *("order_id", "instrument", "side", "price_ticks", "leaves_lots", "life_lots", "account"),
    *("post_only", "state", "hidden_lots", "linked_order_id", "reduce_only", "display_lots"),
    *("trigger_ticks", "expiry_ts_ns"),
)


def agreed(order: dict) -> dict:
    return {key: order[key] for key in AGREED}


class FastEngine:
    def __init__(
        self,
        instruments: int = 4,
        orders: int = 1024,
        listed: int | None = None,
        market_data: Collection[str] = (),
    ) -> None:
        self.engine = MatchingEngine(
            instruments=instruments, orders=orders, listed=listed, market_data=market_data
        )

    def process(self, command: np.void, options: np.void | None = None) -> list[Output]:
        slots = [command] if options is None else [command, options]
        return decode(self.engine.process_all(np.array(slots)), command)

    def depth(self, instrument: int, levels: int) -> list[list[list[int]]]:
        return self.engine.depth(instrument, levels).tolist()

    def order(self, order_id: int) -> dict | None:
        order = self.engine.order(order_id)
        return order and agreed(order)

    def orders(self) -> list[dict]:
        return [agreed(order) for order in self.engine.orders()]

    def state(self, instrument: int) -> int:
        return self.engine.state(instrument)

    def displaced_lots(self, instrument: int) -> int:
        return self.engine.displaced_lots(instrument)

    def position(self, account: int, instrument: int) -> int | None:
        return self.engine.position(account, instrument)

    def state_hash(self) -> int:
        return self.engine.state_hash()

    def __len__(self) -> int:
        return len(self.engine)
