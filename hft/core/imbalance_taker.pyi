"""Types of the compiled module ext/imbalance_taker.pyx."""

from hft.core.strategy import Strategy

class ImbalanceTaker(Strategy):
    def __init__(
        self,
        *,
        instruments: int,
        order_lots: int,
        inventory_lots: int,
        entry_imbalance: float,
        hold_ns: int,
        pause_ns: int = 10_000_000,
    ) -> None: ...
