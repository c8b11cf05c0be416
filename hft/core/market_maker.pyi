"""Types of the compiled module ext/market_maker.pyx."""

from collections.abc import Sequence

from hft.core.strategy import Strategy

class MarketMaker(Strategy):
    def __init__(
        self,
        *,
        increment_ticks: Sequence[int],
        order_lots: int,
        inventory_lots: int,
        half_spread_bps: float,
        skew_bps: float,
        signal_bps: float,
        requote_bps: float,
        pause_ns: int = 10_000_000,
    ) -> None: ...
