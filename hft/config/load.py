"""A configuration file becomes a Config, or an error that says file, line, key and rule."""

import difflib
from pathlib import Path
from typing import Any

import msgspec
import tomlkit
import tomlkit.exceptions

from hft.config.schema import Config
from hft.errors import ConfigError

__all__ = ["load_config"]


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
