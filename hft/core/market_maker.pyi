"""Types of the compiled module ext/market_maker.pyx."""

from hft.core.strategy import Strategy

class MarketMaker(Strategy):
    def __init__(
        self,
        *,
        instrument: int = 0,
        order_lots: int,
        inventory_lots: int,
        half_spread_bps: float,
        skew_bps: float,
        requote_bps: float,
        increment_ticks: int = 1,
        pause_ns: int = 10_000_000,
    ) -> None: ...
