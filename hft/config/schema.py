"""The tables and keys of the configuration: one home for each type, bound, default and meaning.

A key is an annotated field: its type with bounds, and `about` with what it means. Errors, `python
-m hft.config explain` and docs/configuration_keys.md say what they say from here.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

__all__ = [
    "Config",
    "EngineConfig",
    "FusionConfig",
    "FusionWeights",
    "ImbalanceTakerConfig",
    "InstrumentConfig",
    "JournalConfig",
    "LatencyConfig",
    "LogConfig",
    "MarketMakerConfig",
    "MemoryConfig",
    "RiskConfig",
    "RunConfig",
    "Section",
    "SimulatorConfig",
    "StrategyConfig",
    "about",
]  # fmt: skip

# Bounded, so that what is made of them fits 64 bits and no float is infinite.
Positive = Annotated[int, msgspec.Meta(ge=1, le=10**12)]
NotNegative = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
PositiveFloat = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
NotNegativeFloat = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Weight = Annotated[float, msgspec.Meta(ge=0, le=100)]
PositiveDecimal = Annotated[Decimal, msgspec.Meta(extra={"ge": "1e-18", "le": "1e12"})]
Seconds = Annotated[float, msgspec.Meta(gt=0, lt=1e12)]
Speed = Annotated[float, msgspec.Meta(ge=0.001, lt=1e12)]  # shown to a thousandth
Core = Annotated[int, msgspec.Meta(ge=0, le=65535)]


def about(
    description: str, unit: str | None = None, *, variable: str | None = None
) -> msgspec.Meta:
    """What a key means: one line; its unit; its variable, unless that is HFT_<TABLE>_<KEY>."""
    return msgspec.Meta(description=description, extra={"unit": unit, "variable": variable})


class Section(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A table of the configuration."""


class RunConfig(Section, frozen=True):
    """What to run, how fast, for how long, and where: what the options of launch say too."""

    feed: Annotated[
        str,
        msgspec.Meta(min_length=1),
        about(
            "Where market flow comes from: sim, lobster:FILE, csv:FILE, MINE.py:ARGUMENT and more "
            "(docs/feeds.md)."
        ),
    ] = "sim"
    speed: Annotated[
        Speed | Literal["max"],
        about("Pace; max is as fast as it goes.", "market seconds per second"),
    ] = 1.0
    merge: Annotated[
        Literal["time", "arrival"] | None,
        about(
            "The engine takes inputs by market time, simulated (with speed max), or as they come; "
            "unset: time with speed max, else arrival."
        ),
    ] = None
    duration_s: Annotated[
        Seconds | None, about("End after so much market time; unset: with the feed.", "seconds")
    ] = None
    seed: Annotated[NotNegative, about("Of everything that is drawn.")] = 1
    affinity: Annotated[
        tuple[Core, ...],
        msgspec.Meta(
            min_length=1, max_length=4, extra={"allowed": "a list of 1 to 4 core numbers"}
        ),
        about("Cores of feed, signal, risk, engine; with fewer, neighbours share.",
              variable="HFT_CPU_AFFINITY"),
    ] = (0, 1, 2, 3)  # fmt: skip
    strict_affinity: Annotated[bool, about("Missing cores are an error: do not fold.")] = False
    processes: Annotated[
        Literal["folded", "separate"], about("separate: a process per node, whatever the cores.")
    ] = "folded"
    clock: Annotated[
        Literal["auto", "monotonic"],
        about("auto: the TSC, where it can be trusted; monotonic: the kernel's CLOCK_MONOTONIC."),
    ] = "auto"
    idle: Annotated[
        Literal["auto", "spin", "yield", "backoff", "park"],
        about(
            "What the pinned nodes do while there is nothing to do; auto: what fits their cores "
            "(docs/runtime.md)."
        ),
    ] = "auto"
    instance: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[A-Za-z0-9_-]{1,40}\Z",
            extra={"allowed": "1 to 40 letters, digits, '_' or '-'"},
        ),
        about("Names the run's shared memory and folder."),
    ] = "default"
    report: Annotated[
        str | None, about("Write the run's figures to this file, as JSON; unset: don't.")
    ] = None


class MemoryConfig(Section, frozen=True):
    """The shared memory of a run."""

    hugepages: Annotated[
        Literal["auto", "never", "require"],
        about("2 MiB pages: where to be had; never; or of hugetlbfs alone, else no start.",
              variable="HFT_HUGEPAGES"),
    ] = "auto"  # fmt: skip
    numa_node: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=1023)] | None,
        about("NUMA node of the pinned cores and of the shared memory; unset: any.",
              variable="HFT_NUMA_NODE"),
    ] = None  # fmt: skip


class LogConfig(Section, frozen=True):
    """What is logged, and how."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        msgspec.Meta(extra={"allowed": "one of debug, info, warning, error"}),
        about("The least that is logged."),
    ] = "info"
    format: Annotated[
        Literal["text", "json"], about("text for people, or one JSON object per line.")
    ] = "text"


class EngineConfig(Section, frozen=True):
    """Capacities of the matching engine."""

    orders: Annotated[
        int, msgspec.Meta(ge=1, le=1 << 26), about("Resting orders of all instruments.", "orders")
    ] = 65536


class JournalConfig(Section, frozen=True):
    """Where a run's files go and how large a journal segment is."""

    folder: Annotated[
        str, msgspec.Meta(min_length=1), about("A run's files go to FOLDER/INSTANCE/START.")
    ] = "hft-data"
    segment_mib: Annotated[
        int, msgspec.Meta(ge=1, le=4096), about("Size of one file of the journal.", "MiB")
    ] = 64


class LatencyConfig(Section, frozen=True):
    """How long an own order takes from the risk gate to the engine: uniform between the two."""

    order_ns_min: Annotated[NotNegative, about("The shortest.", "nanoseconds")] = 50_000
    order_ns_max: Annotated[NotNegative, about("The longest.", "nanoseconds")] = 500_000


class SimulatorConfig(Section, frozen=True):
    """The built-in market."""

    price: Annotated[
        PositiveDecimal, about("Where the market starts; a multiple of tick_size.", "quote")
    ] = Decimal("100.00")
    tick_size: Annotated[PositiveDecimal, about("Step of prices.", "quote")] = Decimal("0.01")
    lot_size: Annotated[PositiveDecimal, about("Step of quantities.", "units traded")] = Decimal(
        "1"
    )
    spread_ticks: Annotated[PositiveFloat, about("Mean distance of bid and ask.", "ticks")] = 2.0
    volatility_ticks: Annotated[
        NotNegativeFloat, about("Standard deviation of the price over one second.", "ticks")
    ] = 3.0
    events_per_second: Annotated[
        float, msgspec.Meta(gt=0, le=1e8), about("Orders, cancels and trades.", "per second")
    ] = 2000.0
    depth_ticks: Annotated[
        PositiveFloat, about("Mean distance of new orders from the touch.", "ticks")
    ] = 8.0
    resting_orders: Annotated[
        int, msgspec.Meta(ge=10, le=1 << 22), about("Orders in the book, about.", "orders")
    ] = 2000
    order_lots: Annotated[
        float, msgspec.Meta(ge=1, le=1e9), about("Mean quantity of an order.", "lots")
    ] = 50.0


class InstrumentConfig(Section, frozen=True):
    """The grid of an instrument of a feed whose files don't tell it."""

    tick_size: Annotated[PositiveDecimal, about("Step of prices.", "quote")]
    lot_size: Annotated[PositiveDecimal, about("Step of quantities.", "units traded")]
    order_increment_ticks: Annotated[
        Positive, about("Step of the prices of own orders, if coarser.", "ticks")
    ] = 1


class RiskConfig(Section, frozen=True):
    """Limits of the risk gate, per instrument."""

    order_lots: Annotated[Positive, about("Quantity of one order, at most.", "lots")] = 100
    position_lots: Annotated[
        Positive, about("Position with all open orders of one side, at most.", "lots")
    ] = 500
    order_notional_quote: Annotated[
        Positive, about("Price times quantity of one order, at most.", "quote")
    ] = 1_000_000
    price_band_bps: Annotated[
        Positive, about("Distance of a limit price from the mid, at most.", "basis points")
    ] = 500
    orders_per_second: Annotated[
        int,
        msgspec.Meta(ge=1, le=10**6),
        about("New and replacing orders in a second of market time, at most.", "per second"),
    ] = 500
    open_orders: Annotated[
        int, msgspec.Meta(ge=1, le=1 << 20), about("Open orders, at most.", "orders")
    ] = 64
    loss_quote: Annotated[
        NotNegative, about("A loss beyond it engages the kill switch; 0: no limit.", "quote")
    ] = 0


class MarketMakerConfig(Section, frozen=True):
    """The market maker; see hft.core.market_maker for the formulas."""

    order_lots: Annotated[Positive, about("Quantity of a quote.", "lots")] = 10
    inventory_lots: Annotated[
        Positive, about("Position that its orders never go beyond.", "lots")
    ] = 100
    half_spread_bps: Annotated[
        NotNegativeFloat, about("Distance of a quote from the fair price.", "basis points")
    ] = 0.5
    skew_bps: Annotated[
        NotNegativeFloat,
        about("Shift of the fair price against the position, per order_lots.", "basis points"),
    ] = 0.3
    signal_bps: Annotated[
        NotNegativeFloat, about("Shift of the fair price for a whole decision.", "basis points")
    ] = 0.5
    requote_bps: Annotated[
        NotNegativeFloat, about("Least move of a quote that is worth sending.", "basis points")
    ] = 0.5


class ImbalanceTakerConfig(Section, frozen=True):
    """The imbalance taker; see hft.core.imbalance_taker for its rules."""

    order_lots: Annotated[
        Positive, about("Quantity of an order at a decision's full size.", "lots")
    ] = 20
    inventory_lots: Annotated[
        Positive, about("Position that its orders never go beyond.", "lots")
    ] = 60
    entry_imbalance: Annotated[
        Share, about("Least imbalance of the best quantities that it enters at.")
    ] = 0.6
    hold_ns: Annotated[
        NotNegative, about("It closes its position so long after the last entry.", "nanoseconds")
    ] = 500_000_000


class StrategyConfig(Section, frozen=True):
    """Which strategies trade: built-in ones, and one of your own."""

    builtin: Annotated[
        # Of STRATEGIES_MAX places one is left for `path`.
        Annotated[
            tuple[Literal["market_maker", "imbalance_taker"], ...], msgspec.Meta(max_length=7)
        ]
        | None,
        about("Built-in ones; unset: the market maker, or none where path is given."),
    ] = None
    path: Annotated[str, about("Python file of a strategy of your own; empty: none.")] = ""
    parameters: Annotated[dict[str, Any], about("What your own strategy wants to know.")] = {}

    @property
    def built_in_names(self) -> tuple[str, ...]:
        """The built-in strategies that trade: the market maker, where nothing else is said."""
        if self.builtin is None:
            return () if self.path else ("market_maker",)
        return self.builtin


class FusionWeights(Section, frozen=True):
    """How much each source counts; 0 silences it."""

    book_imbalance: Annotated[Weight, about("Of the best quantities.")] = 0.5
    order_flow_imbalance: Annotated[Weight, about("Of the order flow.")] = 0.3
    momentum: Annotated[Weight, about("Of the microprice against its mean.")] = 0.2


class FusionConfig(Section, frozen=True):
    """How signals become decisions; see docs/fusion.md for the formulas."""

    weights: FusionWeights = FusionWeights()
    interval_ns: Annotated[
        NotNegative, about("A built-in source speaks at most this often.", "nanoseconds")
    ] = 10_000_000
    confidence_min: Annotated[
        float, msgspec.Meta(ge=0.5, le=1), about("Least confidence of a decision that is no hold.")
    ] = 0.55
    disagreement_penalty: Annotated[
        Share, about("Part of a decision's size that full disagreement takes.")
    ] = 1.0
    risk_override: Annotated[
        Share, about("Least confidence of a warning that makes the decision a hold.")
    ] = 0.9
    stale_ns: Annotated[
        NotNegative, about("A signal counts no longer than this.", "nanoseconds")
    ] = 1_000_000_000
    timeout_ns: Annotated[
        NotNegative,
        about("A decision waits for the other sources at most this long.", "nanoseconds"),
    ] = 50_000_000


class Config(Section, frozen=True):
    """Everything that can be set, table by table."""

    run: RunConfig = RunConfig()
    memory: MemoryConfig = MemoryConfig()
    log: LogConfig = LogConfig()
    engine: EngineConfig = EngineConfig()
    journal: JournalConfig = JournalConfig()
    latency: LatencyConfig = LatencyConfig()
    simulator: SimulatorConfig = SimulatorConfig()
    instruments: dict[str, InstrumentConfig] = {}
    risk: RiskConfig = RiskConfig()
    strategy: StrategyConfig = StrategyConfig()
    market_maker: MarketMakerConfig = MarketMakerConfig()
    imbalance_taker: ImbalanceTakerConfig = ImbalanceTakerConfig()
    fusion: FusionConfig = FusionConfig()
