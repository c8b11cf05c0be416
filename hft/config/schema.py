"""The tables and keys of the configuration: one home for each type, bound and default."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

__all__ = [
    "Config", "EngineConfig", "FusionConfig", "FusionWeights", "ImbalanceTakerConfig",
    "InstrumentConfig", "JournalConfig", "LatencyConfig", "MarketMakerConfig", "RiskConfig",
    "SimulatorConfig", "StrategyConfig",
]  # fmt: skip

# Bounded, so that what is made of them fits 64 bits and no float is infinite.
Positive = Annotated[int, msgspec.Meta(ge=1, le=10**12)]
NotNegative = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
PositiveFloat = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
NotNegativeFloat = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Weight = Annotated[float, msgspec.Meta(ge=0, le=100)]
Nanoseconds = Annotated[int, msgspec.Meta(ge=0, le=10**12)]


class Section(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A table of the configuration."""


class EngineConfig(Section, frozen=True):
    """Capacities of the matching engine."""

    orders: Annotated[int, msgspec.Meta(ge=1, le=1 << 26)] = 65536


class JournalConfig(Section, frozen=True):
    """Where a run's files go and how large a journal segment is."""

    folder: str = "hft-data"
    segment_mib: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 64


class LatencyConfig(Section, frozen=True):
    """How long an own order takes from the risk gate to the engine: uniform between the two."""

    order_ns_min: Nanoseconds = 50_000
    order_ns_max: Nanoseconds = 500_000


class SimulatorConfig(Section, frozen=True):
    """The built-in market."""

    price: Decimal = Decimal("100.00")
    tick_size: Decimal = Decimal("0.01")
    lot_size: Decimal = Decimal("1")
    spread_ticks: PositiveFloat = 2.0
    volatility_ticks: NotNegativeFloat = 3.0  # standard deviation over one second
    events_per_second: Annotated[float, msgspec.Meta(gt=0, le=1e8)] = 2000.0
    depth_ticks: PositiveFloat = 8.0  # mean distance of new orders from the touch
    resting_orders: Annotated[int, msgspec.Meta(ge=10, le=1 << 22)] = 2000
    order_lots: Annotated[float, msgspec.Meta(ge=1, le=1e9)] = 50.0


class InstrumentConfig(Section, frozen=True):
    """The grid of an instrument of a feed whose files don't tell it."""

    tick_size: Decimal
    lot_size: Decimal
    order_increment_ticks: Annotated[int, msgspec.Meta(ge=1, le=10**12)] = 1


class RiskConfig(Section, frozen=True):
    """Limits of the risk gate, per instrument."""

    order_lots: Positive = 100
    position_lots: Positive = 500
    order_notional_quote: Positive = 1_000_000
    price_band_bps: Positive = 500
    orders_per_second: Annotated[int, msgspec.Meta(ge=1, le=10**6)] = 500
    open_orders: Annotated[int, msgspec.Meta(ge=1, le=1 << 20)] = 64
    loss_quote: NotNegative = 0  # engages the kill switch; 0: no limit


class MarketMakerConfig(Section, frozen=True):
    """The market maker; see hft.core.market_maker for the formulas."""

    order_lots: Positive = 10
    inventory_lots: Positive = 100
    half_spread_bps: NotNegativeFloat = 0.5
    skew_bps: NotNegativeFloat = 0.3
    signal_bps: NotNegativeFloat = 0.5
    requote_bps: NotNegativeFloat = 0.5


class ImbalanceTakerConfig(Section, frozen=True):
    """The imbalance taker; see hft.core.imbalance_taker for its rules."""

    order_lots: Positive = 20
    inventory_lots: Positive = 60
    entry_imbalance: Share = 0.6
    hold_ns: Nanoseconds = 500_000_000


class StrategyConfig(Section, frozen=True):
    """Which strategies trade: built-in ones, and one of your own."""

    builtin: tuple[Literal["market_maker", "imbalance_taker"], ...] | None = None
    path: str = ""
    parameters: dict[str, Any] = {}

    @property
    def built_in_names(self) -> tuple[str, ...]:
        """The built-in strategies that trade: the market maker, where nothing else is said."""
        if self.builtin is None:
            return () if self.path else ("market_maker",)
        return self.builtin


class FusionWeights(Section, frozen=True):
    """How much each source counts; 0 silences it."""

    book_imbalance: Weight = 0.5
    order_flow_imbalance: Weight = 0.3
    momentum: Weight = 0.2


class FusionConfig(Section, frozen=True):
    """How signals become decisions; see docs/fusion.md for the formulas."""

    weights: FusionWeights = FusionWeights()
    interval_ns: Nanoseconds = 10_000_000
    confidence_min: Annotated[float, msgspec.Meta(ge=0.5, le=1)] = 0.55
    disagreement_penalty: Share = 1.0
    risk_override: Share = 0.9
    stale_ns: Nanoseconds = 1_000_000_000
    timeout_ns: Nanoseconds = 50_000_000


class Config(Section, frozen=True):
    """Everything that can be set, table by table."""

    engine: EngineConfig = EngineConfig()
    journal: JournalConfig = JournalConfig()
    latency: LatencyConfig = LatencyConfig()
    simulator: SimulatorConfig = SimulatorConfig()
    risk: RiskConfig = RiskConfig()
    strategy: StrategyConfig = StrategyConfig()
    market_maker: MarketMakerConfig = MarketMakerConfig()
    imbalance_taker: ImbalanceTakerConfig = ImbalanceTakerConfig()
    fusion: FusionConfig = FusionConfig()
