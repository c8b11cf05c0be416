"""The built-in market maker, on the first instrument. Its logic is in ext/market_maker.pyx."""

from hft.config import MarketMakerConfig
from hft.core.market_maker import MarketMaker
from hft.instruments import Instrument

__all__ = ["build"]


def build(config: MarketMakerConfig, instrument: Instrument) -> MarketMaker:
    return MarketMaker(
        order_lots=config.order_lots,
        inventory_lots=config.inventory_lots,
        half_spread_bps=config.half_spread_bps,
        skew_bps=config.skew_bps,
        requote_bps=config.requote_bps,
        increment_ticks=instrument.order_increment_ticks,
    )
