"""The built-in market maker. Its logic is in ext/market_maker.pyx."""

from hft.config import Config
from hft.core.market_maker import MarketMaker
from hft.instruments import Instrument

__all__ = ["build"]


def build(config: Config, instruments: list[Instrument]) -> MarketMaker:
    parameters = config.market_maker
    return MarketMaker(
        increment_ticks=[instrument.order_increment_ticks for instrument in instruments],
        order_lots=parameters.order_lots,
        inventory_lots=parameters.inventory_lots,
        half_spread_bps=parameters.half_spread_bps,
        skew_bps=parameters.skew_bps,
        signal_bps=parameters.signal_bps,
        requote_bps=parameters.requote_bps,
    )
