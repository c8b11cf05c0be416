"""What values that are fine alone must be to each other."""

from collections.abc import Iterator
from typing import NamedTuple

from hft.config.schema import Config
from hft.errors import InstrumentError
from hft.instruments import Instrument

__all__ = ["Conflict", "conflicts"]


class Conflict(NamedTuple):
    """What is wrong, said of each key that could put it right: `problems` has (key, problem)."""

    problems: tuple[tuple[str, str], ...]


def conflicts(config: Config) -> Iterator[Conflict]:
    """All that is wrong with a configuration whose values are each of their type."""
    latency = config.latency
    if latency.order_ns_min > latency.order_ns_max:
        yield Conflict((
            ("latency.order_ns_max",
             f"must be at least latency.order_ns_min, {latency.order_ns_min}"),
            ("latency.order_ns_min",
             f"must be at most latency.order_ns_max, {latency.order_ns_max}"),
        ))  # fmt: skip
    if config.run.merge == "time" and config.run.speed != "max":
        yield Conflict((
            ("run.merge", "must be arrival, unless run.speed is max"),
            ("run.speed", "must be max, for run.merge is time"),
        ))  # fmt: skip
    if config.strategy.parameters and not config.strategy.path:
        yield Conflict((
            ("strategy.parameters", "are those of strategy.path, which is not set"),
            *((f"strategy.parameters.{name}", "is a parameter of strategy.path, which is not set")
              for name in config.strategy.parameters),
        ))  # fmt: skip
    market = config.simulator
    grids = {"simulator": (market.tick_size, market.lot_size)} | {
        f"instruments.{name}": (each.tick_size, each.lot_size)
        for name, each in config.instruments.items()
    }
    for table, (tick_size, lot_size) in grids.items():
        try:
            instrument = Instrument("-", "-", tick_size, lot_size)
            if table == "simulator":
                instrument.price_to_ticks(market.price)
        except InstrumentError as error:
            last = ("price", "tick_size", "lot_size") if table == "simulator" else ("tick_size",)
            yield Conflict(tuple((f"{table}.{name}", problem_of(name, error)) for name in last))


def problem_of(name: str, error: InstrumentError) -> str:
    """The problem of an instrument's grid, as one of a key."""
    about = str(error.field).removeprefix("-:- ")
    return error.problem if about == name else f"{about} {error.problem}, was {error.value}"
