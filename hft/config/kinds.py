"""The types of the schema: what they allow, in words, and whether a value is of one.

A value comes from TOML with its type, or from a variable, an option or `${VAR}` as text. Either is
held strictly against the key's type: true is no number, 1.5 no whole one, and "7" is text.
"""

import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec.inspect as inspect

__all__ = ["Kind", "Misfit", "allowed", "bare", "extra_of", "read_text", "read_toml"]

Kind = inspect.Type
TEXT_CHARS_MAX = 100  # of a number
LOW, HIGH = "-1e18", "1e18"  # of a decimal number without bounds of its own
WHOLE = re.compile(r"[+-]?[0-9]+(_[0-9]+)*")
NUMBER = re.compile(r"[+-]?[0-9]+(_[0-9]+)*(\.[0-9]+(_[0-9]+)*)?([eE][+-]?[0-9]+)?")
BOOLS = {"true": True, "false": False}


class Misfit(Exception):
    """The value is not of the type."""


def bare(kind: Kind) -> Kind:
    """The type without what is said about it, and without being optional."""
    while True:
        if isinstance(kind, inspect.Metadata):
            kind = kind.type
        elif isinstance(kind, inspect.UnionType) and len(kinds := some(kind)) == 1:
            kind = kinds[0]
        else:
            return kind


def extra_of(kind: Kind) -> dict[str, Any]:
    """What the schema says of a type beyond its bounds."""
    extra: dict[str, Any] = {}
    while True:
        if isinstance(kind, inspect.Metadata):
            extra = {**(kind.extra or {}), **(kind.extra_json_schema or {}), **extra}
            kind = kind.type
        elif isinstance(kind, inspect.UnionType) and len(kinds := some(kind)) == 1:
            kind = kinds[0]
        else:
            return extra


def some(kind: inspect.UnionType) -> list[Kind]:
    """The types that a value can be of, when there is one."""
    return [each for each in kind.types if not isinstance(each, inspect.NoneType)]


def allowed(kind: Kind) -> str:
    """What a value must be: `a whole number from 1 to 4096`."""
    extra = extra_of(kind)
    kind = bare(kind)
    if "allowed" in extra:
        return str(extra["allowed"])
    match kind:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + bounds(kind)
        case inspect.FloatType():
            return "a number" + bounds(kind)
        case inspect.DecimalType():
            return f"a decimal number from {extra.get('ge', LOW)} to {extra.get('le', HIGH)}"
        case inspect.LiteralType():
            values = [str(value) for value in kind.values]
            return values[0] if len(values) == 1 else f"one of {', '.join(values)}"
        case inspect.UnionType():
            return ", or ".join(map(allowed, some(kind)))
        case inspect.StrType():
            return "text that is not empty" if kind.min_length else "text"
        case inspect.ListType() | inspect.VarTupleType():
            low, high = kind.min_length or 0, kind.max_length
            many = f" of {low} to {high}" if high else ""
            return f"a list{many}, each {allowed(kind.item_type)}"
        case inspect.AnyType():
            return "text, a number, true, false, or a list or table of these"
        case inspect.StructType() | inspect.DictType():
            return "a table"
    raise TypeError(f"the configuration has no keys of the type {kind}")


def bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    """The bounds of a number, as ` from 1 to 10` or ` above 0, at most 10`."""
    if kind.ge is not None:
        if kind.le is not None:
            return f" from {plain(kind.ge)} to {plain(kind.le)}"
        return f" from {plain(kind.ge)}" + (f", below {plain(kind.lt)}" if kind.lt else "")
    parts = [
        f"{words} {plain(bound)}"
        for words, bound in (
            ("above", kind.gt),
            ("below", kind.lt),
            ("at most", kind.le),
        )
        if bound is not None
    ]
    return " " + ", ".join(parts) if parts else ""


def plain(bound: float) -> str:
    return str(int(bound)) if float(bound).is_integer() else repr(bound)


def within(kind: inspect.IntType | inspect.FloatType, value: float) -> bool:
    return (
        math.isfinite(value)
        and (kind.ge is None or value >= kind.ge)
        and (kind.gt is None or value > kind.gt)
        and (kind.le is None or value <= kind.le)
        and (kind.lt is None or value < kind.lt)
    )


def read_toml(kind: Kind, value: object, text: str) -> object:
    """The value of a key that is no table or list; `text` is how the file has it, exactly."""
    core = bare(kind)
    match core:
        case inspect.BoolType() if isinstance(value, bool):
            return value
        case inspect.IntType() if type(value) is int and abs(value) < 2**64 and within(core, value):
            return int(value)
        case inspect.FloatType() if type(value) in (int, float):
            assert isinstance(value, (int, float))
            if abs(value) < 2**64 and within(core, value):
                return float(value)
        case inspect.DecimalType() if type(value) in (int, float):
            # A price is what is written; a binary fraction would be near it only.
            written = text.lower().replace("_", "")
            return read_decimal(kind, str(value) if "x" in written else written)
        case inspect.DecimalType() if isinstance(value, str):
            return read_decimal(kind, value)
        case inspect.LiteralType() | inspect.StrType() if isinstance(value, str):
            return read_text(kind, value)
        case inspect.AnyType() if is_free(value):
            return value
        case inspect.UnionType():
            return first_fit(core, lambda each: read_toml(each, value, text))
    raise Misfit


def read_text(kind: Kind, text: str) -> object:
    """The value of a key, from text without a type of its own."""
    core = bare(kind)
    match core:
        case inspect.BoolType() if text in BOOLS:
            return BOOLS[text]
        case inspect.IntType() if WHOLE.fullmatch(text) and len(text) < TEXT_CHARS_MAX:
            if within_int(core, int(text)):
                return int(text)
        case inspect.FloatType() if NUMBER.fullmatch(text) and len(text) < TEXT_CHARS_MAX:
            if within(core, float(text)):
                return float(text)
        case inspect.DecimalType():
            return read_decimal(kind, text)
        case inspect.LiteralType() if text in core.values:
            return text
        case inspect.StrType() if len(text) >= (core.min_length or 0) and is_plain(text):
            if core.pattern is None or re.search(core.pattern, text):
                return text
        case inspect.AnyType() if is_plain(text):
            return text
        case inspect.UnionType():
            return first_fit(core, lambda each: read_text(each, text))
        case inspect.ListType() | inspect.VarTupleType():
            items = [item.strip() for item in text.split(",")] if text else []
            check_length(core, len(items))
            return [read_text(core.item_type, item) for item in items]
    raise Misfit


def is_free(value: object) -> bool:
    """Whether a value of no certain type can go to another process as it is."""
    if isinstance(value, (int, float)):
        return math.isfinite(value) and abs(value) < 2**63
    return isinstance(value, str) and is_plain(value)


def is_plain(text: str) -> bool:
    """Whether the text can go into a file's name, and to another process as UTF-8."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def within_int(kind: inspect.IntType, value: int) -> bool:
    return abs(value) < 2**64 and within(kind, value)


def check_length(kind: inspect.ListType | inspect.VarTupleType, length: int) -> None:
    if length < (kind.min_length or 0) or (kind.max_length and length > kind.max_length):
        raise Misfit


def first_fit(kind: inspect.UnionType, read: Any) -> object:
    for each in some(kind):
        try:
            return read(each)
        except Misfit:
            continue
    raise Misfit


def read_decimal(kind: Kind, text: str) -> Decimal:
    extra = extra_of(kind)
    if not NUMBER.fullmatch(text) or len(text) >= TEXT_CHARS_MAX:
        raise Misfit
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Misfit from None
    if not Decimal(extra.get("ge", LOW)) <= value <= Decimal(extra.get("le", HIGH)):
        raise Misfit
    return value
