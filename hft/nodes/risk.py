"""risk: intents in, through the limits, orders out; reports in, positions kept."""

from hft.config import RiskConfig
from hft.core.risk import Risk
from hft.core.risk_node import RiskAgent
from hft.instruments import Instrument
from hft.nodes.context import Context
from hft.runtime.topology import node_index

__all__ = ["build", "limits"]

MICROS = 10**6


def limits(config: RiskConfig, instrument: Instrument) -> dict[str, int]:
    """What the risk gate needs to know of an instrument."""
    numerator, denominator = instrument.quote_micros_per_tick_lot
    return {
        "order_lots": config.order_lots,
        "position_lots": config.position_lots,
        "order_notional_micros": config.order_notional_quote * MICROS,
        "price_band_bps": config.price_band_bps,
        "orders_per_second": config.orders_per_second,
        "open_orders": config.open_orders,
        "loss_micros": config.loss_quote * MICROS,
        "order_increment_ticks": instrument.order_increment_ticks,
        "value_numerator": numerator,
        "value_denominator": denominator,
    }


def build(context: Context) -> RiskAgent:
    spec = context.spec
    return RiskAgent(
        context.control,
        "risk",
        node_index("risk"),
        reports=context.ring("reports"),
        intents=context.ring("intents"),
        orders=context.ring("orders"),
        refusals=context.ring("refusals"),
        refused=context.ring("refusal_records"),
        edges=context.edges("reports", "intents", "orders", "refusals", "refusal_records"),
        gate=Risk([limits(spec.config.risk, instrument) for instrument in spec.instruments]),
        simulated=spec.simulated,
    )
