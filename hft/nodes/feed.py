"""feed: the market's view, from a recording or a simulator, into the engine."""

from hft.core.feed_node import FeedAgent
from hft.nodes.context import Context
from hft.runtime.topology import edge_index, node_index

__all__ = ["build"]


def build(context: Context) -> FeedAgent:
    spec = context.spec
    return FeedAgent(
        context.control,
        "feed",
        node_index("feed"),
        flow=context.ring("market_flow"),
        edge=edge_index("market_flow"),
        chunks=spec.open_feed().chunks(),
        speed=spec.speed,
        duration_ns=spec.duration_ns or 0,
    )
