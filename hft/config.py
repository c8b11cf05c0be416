"""Configuration: TOML, typed and checked as a whole before anything starts.

Every key has a default, so a configuration file says only what differs. Names carry their units.
An unknown key is an error that names the file, the line and the nearest key there is.
"""

import difflib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
import tomlkit
import tomlkit.exceptions

from hft.errors import ConfigError

__all__ = [
    "Config", "EngineConfig", "InstrumentConfig", "JournalConfig", "LatencyConfig",
    "MarketMakerConfig", "RiskConfig", "SimulatorConfig", "load_config",
]  # fmt: skip

# Bounded, so that what is made of them fits 64 bits and no float is infinite.
Positive = Annotated[int, msgspec.Meta(ge=1, le=10**12)]
NotNegative = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
PositiveFloat = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
NotNegativeFloat = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
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
    requote_bps: NotNegativeFloat = 0.5


class Config(Section, frozen=True):
    """Everything that can be set, table by table."""

    engine: EngineConfig = EngineConfig()
    journal: JournalConfig = JournalConfig()
    latency: LatencyConfig = LatencyConfig()
    simulator: SimulatorConfig = SimulatorConfig()
    risk: RiskConfig = RiskConfig()
    market_maker: MarketMakerConfig = MarketMakerConfig()


def load_config(path: Path | None) -> Config:
    """The configuration of a file, or the defaults; ConfigError says file, line, key, rule."""
    if path is None:
        return Config()
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"can't be read: {error.strerror}", file=path) from None
    except UnicodeDecodeError:
        raise ConfigError("is not a text file in UTF-8", file=path) from None
    try:
        values = tomlkit.parse(text).unwrap()
    except tomlkit.exceptions.TOMLKitError as error:  # a key that is there twice has no line
        line = getattr(error, "line", None)
        raise ConfigError(f"is not TOML: {error}", file=path, line=line) from None
    refuse_unknown(path, text, values)
    try:
        config = msgspec.convert(plain(values), Config)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$.")
        key = where.rstrip("`")
        raise ConfigError(
            problem[0].lower() + problem[1:], file=path, line=line_of(text, key), field=key
        ) from None
    check_together(path, text, config)
    return config


def plain(value: Any) -> Any:
    """TOML values with floats as text where a decimal is wanted exactly."""
    if isinstance(value, dict):
        return {
            key: str(inner) if key in ("price", "tick_size", "lot_size") else plain(inner)
            for key, inner in value.items()
        }
    return value


def refuse_unknown(path: Path, text: str, values: dict[str, Any]) -> None:
    """ConfigError for the first table or key that there isn't."""
    tables = {field.name: field.type for field in msgspec.structs.fields(Config)}
    for table, keys in values.items():
        if table not in tables:
            raise unknown(path, text, table, list(tables))
        if not isinstance(keys, dict):
            raise ConfigError(
                "must be a table", file=path, line=line_of(text, table), field=table, value=keys
            )
        known = [field.name for field in msgspec.structs.fields(tables[table])]
        for key in keys:
            if key not in known:
                raise unknown(path, text, f"{table}.{key}", [f"{table}.{name}" for name in known])


def unknown(path: Path, text: str, key: str, known: list[str]) -> ConfigError:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
    return ConfigError(f"unknown key; {hint}", file=path, line=line_of(text, key), field=key)


def line_of(text: str, key: str) -> int | None:
    """The line (from 1) on which a `table.key` or a table is set, as far as it can be told."""
    table, _, name = key.partition(".")
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            current = stripped.strip("[] ").split("#")[0].strip("] ")
            if current == table and not name:
                return number
        word = stripped.split("=")[0].strip().strip("\"'")
        if (current == table and word == name) or (not current and word in (key, table)):
            return number
    return None


def check_together(path: Path, text: str, config: Config) -> None:
    """ConfigError for values that are fine alone but not with each other."""
    latency = config.latency
    if latency.order_ns_min > latency.order_ns_max:
        raise ConfigError(
            f"must be at least order_ns_min, {latency.order_ns_min}",
            file=path,
            line=line_of(text, "latency.order_ns_max"),
            field="latency.order_ns_max",
            value=latency.order_ns_max,
        )
    for field in ("price", "tick_size", "lot_size"):
        value = getattr(config.simulator, field)
        if not value.is_finite() or value <= 0:
            raise ConfigError(
                "must be a number above 0",
                file=path,
                line=line_of(text, f"simulator.{field}"),
                field=f"simulator.{field}",
                value=value,
            )
