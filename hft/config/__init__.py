"""Configuration: TOML, typed and checked as a whole before anything starts.

Every key has a default, so a configuration file says only what differs. Names carry their units.
An unknown key is an error that names the file, the line and the nearest key there is.
"""

from hft.config.load import load_config
from hft.config.schema import (
    Config,
    EngineConfig,
    FusionConfig,
    FusionWeights,
    ImbalanceTakerConfig,
    InstrumentConfig,
    JournalConfig,
    LatencyConfig,
    LogConfig,
    MarketMakerConfig,
    MemoryConfig,
    RiskConfig,
    RunConfig,
    SimulatorConfig,
    StrategyConfig,
)

__all__ = [
    "Config", "EngineConfig", "FusionConfig", "FusionWeights", "ImbalanceTakerConfig",
    "InstrumentConfig", "JournalConfig", "LatencyConfig", "LogConfig", "MarketMakerConfig",
    "MemoryConfig", "RiskConfig", "RunConfig", "SimulatorConfig", "StrategyConfig", "load_config",
]  # fmt: skip
