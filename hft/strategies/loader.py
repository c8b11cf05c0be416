"""Loading a person's own strategy from its file, and saying what is wrong with it."""

import difflib
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
from msgspec import inspect as inspect_types

from hft.config.keys import field_kinds, nearest
from hft.config.kinds import allowed
from hft.core.strategy import Strategy as CompiledStrategy
from hft.errors import ConfigError, ConfigErrors, StrategyError, UserError, words_of
from hft.own_code import line_in, run_file
from hft.strategies.base import CALLBACKS, Parameters, Strategy

__all__ = ["handlers_of", "load_parameters", "load_strategy", "where_it_failed"]

StrategyClass = type[Strategy] | type[CompiledStrategy]

SUFFIXES = (".py", ".so")
PATH, PARAMETERS = "strategy.path", "strategy.parameters"
SINGLE = {"on_book", "on_trade", "on_signal", "on_report"}  # what on_batch takes the place of

loaded_names: set[str] = set()  # of modules that are strategies


def load_strategy(path: Path) -> StrategyClass:
    """The one strategy class that is defined in a file, checked; StrategyError says file and line.

    The file is Python, or an extension module with a compiled strategy. Modules beside it can be
    imported by it, as by a script.
    """
    module = load_module(path)
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, (Strategy, CompiledStrategy))
        and value.__module__ == module.__name__
    ]
    found = list(dict.fromkeys(found))  # a class may have two names
    if len(found) != 1:
        names = ", ".join(each.__name__ for each in found) or "none"
        raise StrategyError(
            "must define exactly one subclass of hft.strategies.Strategy", file=path, value=names
        )
    if issubclass(found[0], Strategy):
        check_callbacks(path, found[0])
    return found[0]


def load_module(path: Path) -> ModuleType:
    if path.suffix not in SUFFIXES or not path.is_file():
        problem = "must be a file that ends in .py or .so"
        if path.suffix in SUFFIXES:
            problem = "is a folder" if path.is_dir() else "no such file"
        raise ConfigError(problem, field=PATH, value=str(path))
    # An extension module's name is in its init function.
    name = path.name.partition(".")[0]
    if name in sys.modules and name not in loaded_names:
        raise StrategyError(f"has the name of a module in use, {name}; call it otherwise",
                            file=path)  # fmt: skip
    loaded_names.add(name)
    sys.path.insert(0, str(path.absolute().parent))
    try:
        return run_file(path, name)
    except (Exception, SystemExit) as error:
        line, problem = where_it_failed(error, path)
        raise StrategyError(f"can't be imported: {problem}", file=path, line=line) from None


def where_it_failed(error: BaseException, path: Path) -> tuple[int | None, str]:
    """The last line of the file that ran, if any, and the exception in words."""
    if isinstance(error, SyntaxError) and error.filename == str(path.absolute()):
        return error.lineno, f"{type(error).__name__}: {error.msg}"
    return line_in(path, error), words_of(error)


def handlers_of(strategy: type[Strategy]) -> set[str]:
    """The callbacks that a class defines itself."""
    return {name for name in CALLBACKS if getattr(strategy, name) is not getattr(Strategy, name)}


def check_callbacks(path: Path, strategy: type[Strategy]) -> None:
    """StrategyError unless there are callbacks, all of them known and callable as they will be."""
    for name, value in inspect.getmembers(strategy):
        if not name.startswith("on_"):
            continue
        line = line_of(value)
        if name not in CALLBACKS:
            near = difflib.get_close_matches(name, CALLBACKS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(CALLBACKS)}"
            problem = f"{strategy.__name__}.{name} is no callback; {hint}"
            raise StrategyError(problem, file=path, line=line)
        odd = inspect.iscoroutinefunction(value) or inspect.isgeneratorfunction(value)
        if odd or not callable(value):
            problem = f"{strategy.__name__}.{name} must be a plain function, or nothing of it runs"
            raise StrategyError(problem, file=path, line=line)
        wanted = inspect.signature(getattr(Strategy, name))
        try:
            inspect.signature(value).bind(*wanted.parameters)
        except TypeError:
            problem = f"{strategy.__name__}.{name} must take ({', '.join(wanted.parameters)})"
            raise StrategyError(problem, file=path, line=line) from None
    handlers = handlers_of(strategy)
    idle = {"on_start", "on_stop"}
    if not handlers - idle:
        others = ", ".join(name for name in CALLBACKS if name not in idle)
        raise StrategyError(
            f"{strategy.__name__} must have a callback besides on_start and on_stop: {others}",
            file=path,
            line=line_of(strategy),
        )
    if "on_batch" in handlers and handlers & SINGLE:
        unused = ", ".join(sorted(handlers & SINGLE))
        raise StrategyError(
            f"{strategy.__name__}.on_batch takes the place of {unused}: have one or the other",
            file=path,
            line=line_of(strategy.on_batch),
        )
    try:
        inspect.signature(strategy).bind("parameters", "instruments")
    except TypeError:
        raise StrategyError(
            f"{strategy.__name__}.__init__ must take (self, parameters, instruments); what a run "
            "begins with can be made in on_start",
            file=path,
            line=line_of(strategy.__init__),
        ) from None
    if not (isinstance(strategy.Parameters, type) and issubclass(strategy.Parameters, Parameters)):
        raise StrategyError(
            f"{strategy.__name__}.Parameters must be a subclass of hft.strategies.Parameters",
            file=path,
            line=line_of(strategy),
        )


def line_of(value: Any) -> int | None:
    try:
        return inspect.getsourcelines(value)[1]
    except (OSError, TypeError):
        return None


def load_parameters(strategy: StrategyClass, values: dict[str, Any]) -> Parameters:
    """The parameters of a strategy, typed and checked; ConfigErrors names every wrong key."""
    parameters: type[Parameters] = getattr(strategy, "Parameters", Parameters)
    try:
        return convert_parameters(strategy.__name__, parameters, values)
    except UserError:
        raise
    except Exception as error:  # of their types, which are looked at now, or of their own checks
        problem = f"the parameters of {strategy.__name__} can't be made: {words_of(error)}"
        raise ConfigError(problem, field=PARAMETERS) from None


def convert_parameters(
    owner: str, parameters: type[Parameters], values: dict[str, Any]
) -> Parameters:
    fields = field_kinds(inspect_types.type_info(parameters))
    errors: list[UserError] = []
    made = {}
    for key, value in values.items():
        where = f"{PARAMETERS}.{key}"
        if key not in fields:
            near = nearest(key, fields)
            there_are = f"there are {', '.join(fields)}" if fields else "it has none"
            hint = f"did you mean {near}?" if near else there_are
            problem = f"unknown parameter of {owner}; {hint}"
            errors.append(ConfigError(problem, field=where, value=value))
            continue
        try:
            made[key] = msgspec.convert(value, types_of(parameters)[key])
        except msgspec.ValidationError as error:
            errors.append(ConfigError(rule(fields[key], error), field=where, value=value))
    errors += [
        ConfigError(f"{owner} must be told its {key}", field=PARAMETERS)
        for key, field in fields.items()
        if field.required and key not in values
    ]
    if errors:
        raise ConfigErrors(errors)
    return parameters(**made)


def rule(field: inspect_types.Field, error: msgspec.ValidationError) -> str:
    """What a parameter must be; of a type that no key of the configuration has, what is wrong."""
    try:
        return f"must be {allowed(field.type)}"
    except TypeError:
        return str(error)[:1].lower() + str(error)[1:]


def types_of(parameters: type[Parameters]) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(parameters)}
