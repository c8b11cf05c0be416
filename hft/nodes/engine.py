"""engine: market flow and orders in; it journals, matches, and tells signal, risk and recorder."""

import msgspec

from hft.core.engine_node import EngineAgent
from hft.core.journal import JournalWriter
from hft.core.matching_engine import MatchingEngine
from hft.core.messages import MESSAGE
from hft.nodes.context import Context
from hft.runtime.topology import node_index

__all__ = ["build"]

MIB = 1 << 20
OUTPUTS = ("market_data", "reports", "records", "tape")


def build(context: Context) -> EngineAgent:
    spec = context.spec
    orders = spec.config.engine.orders

    def make_journal() -> JournalWriter:
        description = {
            "engine_instruments": len(spec.instruments),
            "engine_orders": orders,
            "instruments": msgspec.to_builtins(spec.instruments),
            "simulated_time": spec.simulated,
        }
        records = spec.config.journal.segment_mib * MIB // MESSAGE.itemsize
        return JournalWriter(spec.folder, description, records, context.helper_cores())

    latency = spec.config.latency
    return EngineAgent(
        context.control,
        "engine",
        node_index("engine"),
        flow=context.ring("market_flow"),
        orders=context.ring("orders"),
        outputs=tuple(context.ring(name) for name in OUTPUTS),
        edges=context.edges("market_flow", "orders", *OUTPUTS),
        engine=MatchingEngine(instruments=len(spec.instruments), orders=orders),
        make_journal=make_journal,
        delay_ns=(latency.order_ns_min, latency.order_ns_max),
        delay_seed=spec.seed,
        speed=spec.speed,
        simulated=spec.simulated,
    )
