"""Strategies: the built-in ones, and the base of your own.

A strategy of your own is a class in a file that `strategy.path` of the configuration names; see
`hft.strategies.Strategy`. A built-in one is a module with `build`, and a line in `BUILT_IN`.
"""

import importlib
from pathlib import Path

from hft.config import Config
from hft.core.events import Batch, Book, Decision, Report, Timer, Trade
from hft.core.messages import Kind, OrderFlag, Reason, Side, TimeInForce
from hft.core.python_strategy import Context, Order, PythonStrategy
from hft.core.strategy import Strategy as CompiledStrategy
from hft.errors import StrategyError, UserError
from hft.instruments import Instrument
from hft.strategies.base import Parameters, Strategy
from hft.strategies.loader import (
    StrategyClass,
    handlers_of,
    load_parameters,
    load_strategy,
    where_it_failed,
)

__all__ = [
    "BUILT_IN", "Batch", "Book", "Context", "Decision", "Kind", "Order", "OrderFlag", "Parameters",
    "Reason", "Report", "Side", "Strategy", "TimeInForce", "Timer", "Trade", "build_strategies",
    "check_strategy",
]  # fmt: skip

BUILT_IN = {
    "imbalance_taker": "hft.strategies.imbalance_taker",
    "market_maker": "hft.strategies.market_maker",
}

Seat = tuple[str, CompiledStrategy | PythonStrategy]


def check_strategy(config: Config) -> tuple[StrategyClass, Parameters] | None:
    """A person's own strategy and its parameters, loaded; UserError says what is wrong with it."""
    if not config.strategy.path:
        return None
    strategy = load_strategy(Path(config.strategy.path))
    return strategy, load_parameters(strategy, config.strategy.parameters)


def build_strategies(config: Config, instruments: list[Instrument]) -> list[Seat]:
    """The strategies of a run, by name, in the order of their accounts."""
    seats: list[Seat] = [
        (name, importlib.import_module(BUILT_IN[name]).build(config, instruments))
        for name in config.strategy.built_in_names
    ]
    own = check_strategy(config)
    if own is not None:
        seats.append(seat(Path(config.strategy.path), *own, instruments))
    return seats


def seat(
    path: Path, strategy: StrategyClass, parameters: Parameters, instruments: list[Instrument]
) -> Seat:
    """Make a person's own strategy."""
    name = path.name.partition(".")[0]
    try:
        made = strategy(parameters, tuple(instruments))  # type: ignore[call-arg]
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        line, problem = where_it_failed(error, path)
        raise StrategyError(f"can't be made: {problem}", file=path, line=line) from None
    if isinstance(made, CompiledStrategy):
        return name, made
    return name, PythonStrategy(
        name, made, handlers_of(type(made)), instruments, str(path.absolute())
    )
