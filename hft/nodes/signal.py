"""signal: features, fusion and strategies; market data and reports in, intents out."""

from pathlib import Path
from typing import Any

import msgspec

from hft.config import FusionConfig
from hft.core.journal import JournalWriter
from hft.core.messages import SignalSource
from hft.core.signal_node import SignalAgent
from hft.nodes.context import Context
from hft.runtime.topology import node_index
from hft.strategies import build_strategies

__all__ = ["DECISIONS", "build", "fusion_settings"]

DECISIONS = "decisions"  # the folder, within the run's, of the journal of decisions
SEGMENT_RECORDS = 1 << 16


def fusion_settings(config: FusionConfig) -> dict[str, Any] | None:
    """What the fusion needs to know; None if no source has a weight."""
    weights = {
        int(SignalSource[name.upper()]): weight
        for name, weight in msgspec.structs.asdict(config.weights).items()
        if weight > 0
    }
    return {**msgspec.structs.asdict(config), "weights": weights} if weights else None


def build(context: Context) -> SignalAgent:
    spec = context.spec
    fusion = fusion_settings(spec.config.fusion)

    def make_journal() -> JournalWriter:
        folder = Path(spec.folder) / DECISIONS
        folder.mkdir()
        description = {
            "fusion": msgspec.to_builtins(spec.config.fusion),
            "instruments": msgspec.to_builtins(spec.instruments),
        }
        return JournalWriter(folder, description, SEGMENT_RECORDS, context.helper_cores())

    return SignalAgent(
        context.control,
        "signal",
        node_index("signal"),
        data=context.ring("market_data"),
        refusals=context.ring("refusals"),
        intents=context.ring("intents"),
        edges=context.edges("market_data", "refusals", "intents"),
        strategies=build_strategies(spec.config, spec.instruments),
        instruments=len(spec.instruments),
        fusion=fusion,
        make_journal=make_journal,
        simulated=spec.simulated,
    )
