"""Options, environment, file and defaults become one Config, or all that is wrong with them.

An option wins over a variable, a variable over the file, the file over the default. What is wrong
is an error also where something else wins.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import msgspec.inspect as inspect

from hft.config.document import Document, read_document
from hft.config.environment import overrides, refuse_unknown
from hft.config.keys import keys
from hft.config.kinds import Misfit, bare, read_text
from hft.config.origin import Origin
from hft.config.rules import conflicts
from hft.config.schema import Config
from hft.errors import ConfigError, ConfigErrors, FeedError, UserError

__all__ = ["Loaded", "load", "load_config"]


class Loaded:
    """A configuration, and where its values come from; what isn't in `origins` is default."""

    def __init__(self, config: Config, origins: dict[str, Origin]) -> None:
        self.config = config
        self.origins = origins

    @contextmanager
    def at(self, key: str) -> Iterator[None]:
        """Let an error about a key's value, found later, say where the value comes from.

        An error that names a key itself is about that one.
        """
        try:
            yield
        except ConfigErrors as found:
            raise all_of([self.placed(each.field or key, each) for each in found.errors]) from None
        except (ConfigError, FeedError) as error:
            if error.file is not None:
                raise  # it says already where
            named = error.field if error.field in self.origins else key
            raise self.placed(named, error) from None

    def placed(self, key: str, error: UserError) -> ConfigError:
        origin = self.origins.get(key, Origin(None, None, None))
        return origin.error(key, error.problem, error.value)


def load_config(file: Path | None) -> Config:
    """The configuration of a file and the environment; ConfigError says all that is wrong."""
    return load(file).config


def load(
    file: Path | None = None,
    *,
    options: Mapping[str, tuple[str, str]] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Loaded:
    """The configuration of a file, if there is one, with what overrides it.

    Args:
        options: the name and the text of each option that was given, by key.
        environment: by default that of the process.
    """
    environment = os.environ if environment is None else environment
    texts = {
        key: (text, Origin.named(variable))
        for key, (variable, text) in overrides(environment).items()
    }
    variables = texts.copy()
    given = {key: (text, Origin.named(name)) for key, (name, text) in (options or {}).items()}
    texts |= given

    errors: list[UserError] = []
    document = Document(Path())
    if file is not None:
        try:
            document = read_document(file, environment, set(texts))
        except ConfigError as error:
            errors.append(error)
    errors += document.errors
    values, origins = document.values, document.origins
    errors += refuse_unknown(environment, document.variables)
    for layer in (variables, given):
        for key, (text, origin) in layer.items():
            kind = keys()[key].kind
            try:
                put(values, key, read_text(kind, text))
            except Misfit:
                is_list = isinstance(bare(kind), inspect.VarTupleType | inspect.ListType)
                problem = (
                    f"must be {keys()[key].allowed}{' separated by commas' if is_list else ''}"
                )
                errors.append(origin.error(key, problem, text))
            origins[key] = origin
    return finish(values, origins, errors)


def put(values: dict[str, Any], key: str, value: object) -> None:
    *tables, last = key.split(".")
    for table in tables:
        values = values.setdefault(table, {})
    values[last] = value


def finish(values: dict[str, Any], origins: dict[str, Origin], errors: list[UserError]) -> Loaded:
    """Hold the values against each other; what is wrong in itself is not said twice."""
    wrong = {error.field for error in errors}
    named = {name for name, key in keys().items() if key.variable in wrong}
    try:
        config = msgspec.convert(values, Config)
    except msgspec.ValidationError as error:
        # A rule of a table's own that its types don't say.
        problem, _, where = str(error).partition(" - at `$.")
        errors.append(ConfigError(problem, field=where.rstrip("`") or None))
        raise all_of(errors) from None
    for conflict in conflicts(config):
        about = [key for key, _ in conflict.problems]
        if wrong.union(named).intersection(about):
            continue
        key, problem = next(
            (each for each in conflict.problems if each[0] in origins), conflict.problems[0]
        )
        origin = origins.get(key, Origin(None, None, None))
        errors.append(origin.error(key, problem, value_of(config, key)))
    if errors:
        raise all_of(errors)
    return Loaded(config, origins)


def value_of(config: Config, key: str) -> object:
    found: Any = config
    for part in key.split("."):
        found = found[part] if isinstance(found, dict) else getattr(found, part)
    return found


def all_of(errors: list[UserError]) -> ConfigError:
    """One error as it is, several together, those of a file in the order of its lines."""
    if len(errors) == 1 and isinstance(errors[0], ConfigError):
        return errors[0]
    return ConfigErrors(sorted(errors, key=lambda error: (error.file is None, error.line or 0)))
