"""The schema as a list: every key by its dotted name, with its variable."""

import difflib
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec
import msgspec.inspect as inspect

from hft.config.kinds import Kind, allowed, bare, extra_of
from hft.config.schema import Config

__all__ = ["FREE", "Key", "Table", "field_kinds", "keys", "nearest", "tables", "variables"]

FREE = "NAME"  # stands for the name of a table that may be called anything


@dataclass(frozen=True)
class Key:
    """A key; `default` is NODEFAULT where the key must be given, None where it may be unset."""

    name: str
    kind: Kind
    default: object
    variable: str | None  # keys of tables with free names have none

    @property
    def table(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def allowed(self) -> str:
        return allowed(self.kind)

    @property
    def description(self) -> str:
        return str(extra_of(self.kind).get("description", ""))

    @property
    def unit(self) -> str | None:
        return extra_of(self.kind).get("unit")


@dataclass(frozen=True)
class Table:
    """A table, `[risk]` or `[instruments.NAME]`, and its one line."""

    name: str
    description: str
    keys: tuple[Key, ...]


def field_kinds(kind: Kind) -> dict[str, inspect.Field]:
    """The fields of a table's type."""
    core = bare(kind)
    assert isinstance(core, inspect.StructType)
    return {field.encode_name: field for field in core.fields}


@functools.cache
def tables() -> tuple[Table, ...]:
    """All tables, in the order of the schema."""
    return tuple(tables_of(inspect.type_info(Config), "", free=False))


def tables_of(kind: Kind, name: str, *, free: bool) -> Iterator[Table]:
    """The table of a struct, if it has keys, and those inside it."""
    own: list[Key] = []
    inner: list[Table] = []
    for field in field_kinds(kind).values():
        path = f"{name}.{field.encode_name}" if name else field.encode_name
        core = bare(field.type)
        value = core.value_type if isinstance(core, inspect.DictType) else core
        if isinstance(bare(value), inspect.StructType):
            if value is core:
                inner += tables_of(core, path, free=free)
            else:
                inner += tables_of(value, f"{path}.{FREE}", free=True)
            continue
        said = extra_of(field.type).get("variable")
        variable = said or f"HFT_{path.replace('.', '_').upper()}"
        has_variable = not free and not isinstance(core, inspect.DictType)
        own.append(Key(path, field.type, default_of(field), variable if has_variable else None))
    if own:
        core = bare(kind)
        assert isinstance(core, inspect.StructType)
        yield Table(name, " ".join((core.cls.__doc__ or "").split()), tuple(own))
    yield from inner


def default_of(field: inspect.Field) -> object:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


@functools.cache
def keys() -> dict[str, Key]:
    """All keys by their names."""
    return {key.name: key for table in tables() for key in table.keys}


@functools.cache
def variables() -> dict[str, Key]:
    """The keys that have a variable, by its name."""
    return {key.variable: key for key in keys().values() if key.variable is not None}


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant; a key in the wrong table is found too."""
    known = list(known)
    last = name.rpartition(".")[2]
    elsewhere = [each for each in keys() if each.rpartition(".")[2] == last]
    close = elsewhere or [each for each in known if alike(last, each.rpartition(".")[2]) > 0.6]
    return max(close, key=lambda each: alike(name, each), default=None)


def alike(one: str, other: str) -> float:
    """How alike two names are: 1 is the same."""
    return difflib.SequenceMatcher(None, one, other).ratio()
