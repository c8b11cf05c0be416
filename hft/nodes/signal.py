"""signal: features and the strategy; market data and reports in, intents out."""

from hft.core.signal_node import SignalAgent
from hft.nodes.context import Context
from hft.runtime.topology import node_index
from hft.strategies import market_maker

__all__ = ["build"]


def build(context: Context) -> SignalAgent:
    spec = context.spec
    return SignalAgent(
        context.control,
        "signal",
        node_index("signal"),
        data=context.ring("market_data"),
        refusals=context.ring("refusals"),
        intents=context.ring("intents"),
        edges=context.edges("market_data", "refusals", "intents"),
        strategy=market_maker.build(spec.config.market_maker, spec.instruments[0]),
        instruments=len(spec.instruments),
        simulated=spec.simulated,
    )
