"""Values as TOML, so that what `show` prints can be loaded again."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import tomlkit

from hft.config.document import dotted
from hft.config.load import Loaded

__all__ = ["value_text", "written"]


def value_text(value: object) -> str:
    """A value of a key as TOML, such as `"sim"`, `0.01` or `[0, 1]`."""
    match value:
        case Decimal():
            return f"{value:f}"
        case tuple() | list():
            return f"[{', '.join(map(value_text, value))}]"
        case dict() if not value:
            return "{}"
        case msgspec.Struct() | dict():
            inner = fields(value)
            return "{ " + ", ".join(f"{name} = {value_text(each)}" for name, each in inner) + " }"
        case str():
            return tomlkit.item(value.replace("${", "$${")).as_string()
    return tomlkit.item(value).as_string()


def fields(value: Any) -> list[tuple[str, Any]]:
    """The names and values of a table."""
    if isinstance(value, dict):
        return [(dotted((name,)), each) for name, each in value.items()]
    return [(name, getattr(value, name)) for name in value.__struct_fields__]


def written(loaded: Loaded) -> str:
    """The whole configuration; what is not default says where it comes from."""
    return "\n".join(lines(loaded.config, "", loaded)).lstrip("\n") + "\n"


def lines(value: Any, name: str, loaded: Loaded) -> Iterator[str]:
    inner = []
    begun = not name
    for key, each in fields(value):
        path = f"{name}.{key}" if name else key
        empty_inside = each == {} and isinstance(value, dict)  # it would be no table of its own
        if isinstance(each, (msgspec.Struct, dict)) and not empty_inside:
            inner.append((path, each))
            continue
        if not begun:
            yield ""
            yield f"[{name}]"
            begun = True
        origin = loaded.origins.get(path)
        comment = "" if origin is None else f"  # {' '.join(str(origin).split())}"
        yield f"# {key} is not set" if each is None else f"{key} = {value_text(each)}{comment}"
    for path, each in inner:
        yield from lines(each, path, loaded)
