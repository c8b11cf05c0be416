"""The built-in imbalance taker. Its logic is in ext/imbalance_taker.pyx."""

from hft.config import Config
from hft.core.imbalance_taker import ImbalanceTaker
from hft.instruments import Instrument

__all__ = ["build"]


def build(config: Config, instruments: list[Instrument]) -> ImbalanceTaker:
    parameters = config.imbalance_taker
    return ImbalanceTaker(
        instruments=len(instruments),
        order_lots=parameters.order_lots,
        inventory_lots=parameters.inventory_lots,
        entry_imbalance=parameters.entry_imbalance,
        hold_ns=parameters.hold_ns,
    )
