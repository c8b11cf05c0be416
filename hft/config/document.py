"""A configuration file: its values, each checked, and all that is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import msgspec.inspect as inspect
import tomlkit
import tomlkit.exceptions

from hft.config import positions, references
from hft.config.keys import field_kinds, nearest
from hft.config.kinds import Kind, Misfit, allowed, bare, check_length, read_text, read_toml
from hft.config.origin import Origin
from hft.config.schema import Config
from hft.errors import ConfigError

__all__ = ["Document", "read_document"]

SIZE_MAX = 1 << 20
MISSING: Any = object()


class Literally:
    """A value as it is written in the file."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


@dataclass
class Document:
    """What a file says: the values that are right, where each key is set, and what is wrong."""

    file: Path
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    errors: list[ConfigError] = field(default_factory=list)
    variables: set[str] = field(default_factory=set)  # that its values refer to


def read_document(file: Path, environment: Mapping[str, str], settled: set[str]) -> Document:
    """Read a file; ConfigError if it is no TOML. Keys that are `settled` elsewhere may lack VAR."""
    text = read(file)
    tree = parse(file, text)
    document = Document(file)
    reader = Reader(document, positions.places(text), environment, settled)
    document.values = reader.table(inspect.type_info(Config), tree, ())
    return document


def read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(SIZE_MAX + 1)
    except OSError as error:
        raise ConfigError(f"can't be read: {error.strerror}", file=file) from None
    except ValueError:  # a name with a zero byte
        raise ConfigError("can't be read: not the name of a file", file=file) from None
    if len(content) > SIZE_MAX:
        raise ConfigError(f"must be at most {SIZE_MAX} bytes", file=file)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError("is not a text file in UTF-8", file=file, line=line) from None


def parse(file: Path, text: str) -> dict[str, Any]:
    try:
        return dict(tomlkit.parse(text).unwrap())
    except tomlkit.exceptions.TOMLKitError as error:
        line = getattr(error, "line", None) or line_of_defect(text)
        problem = str(error).partition(" at line ")[0].rstrip(".")
    except (RecursionError, ValueError) as error:
        line, problem = line_of_defect(text), str(error)
    raise ConfigError(f"is not TOML: {problem}", file=file, line=line)


def line_of_defect(text: str) -> int:
    """The line whose end makes the text a defective one; all before it, alone, is different."""
    lines = text.splitlines(keepends=True)
    whole = defect("".join(lines))
    low, high = 1, len(lines)
    while low < high:
        middle = (low + high) // 2
        if defect("".join(lines[:middle])) == whole:
            high = middle
        else:
            low = middle + 1
    return low


def defect(text: str) -> str | None:
    try:
        tomlkit.parse(text).unwrap()
    except (tomlkit.exceptions.TOMLKitError, RecursionError, ValueError) as error:
        return str(error)
    return None


class Reader:
    """Holds a document's tree against the schema."""

    def __init__(
        self,
        document: Document,
        places: dict[positions.Path, positions.Place],
        environment: Mapping[str, str],
        settled: set[str],
    ) -> None:
        self.document = document
        self.places = places
        self.environment = environment
        self.settled = settled

    def table(self, kind: Kind, found: Any, path: positions.Path) -> Any:
        """The right values of a table; what else there is becomes errors."""
        if not isinstance(found, dict):
            return self.wrong(path, "must be a table")
        fields = field_kinds(kind)
        values = {}
        for name, inner in found.items():
            if name not in fields:
                self.unknown((*path, name), fields)
                continue
            value = self.value(fields[name].type, inner, (*path, name))
            if value is not MISSING:
                values[name] = value
        absent = [
            name for name, each in fields.items()
            if each.required and name not in found and dotted((*path, name)) not in self.settled
        ]  # fmt: skip
        for name in absent:
            self.wrong(path, f"must have {name}, {allowed(fields[name].type)}", value=None)
        if any(each.required and name not in values for name, each in fields.items()):
            return MISSING
        return values

    def value(self, kind: Kind, found: Any, path: positions.Path) -> Any:
        core = bare(kind)
        if isinstance(core, inspect.StructType):
            return self.table(core, found, path)
        if isinstance(core, inspect.DictType):
            return self.free_table(core, found, path)
        self.document.origins[dotted(path)] = Origin.in_file(self.document.file, self.line(path))
        if isinstance(core, inspect.ListType | inspect.VarTupleType) and isinstance(found, list):
            return self.items(kind, core, found, path)
        if isinstance(core, inspect.AnyType):
            return self.anything(core, found, path)
        return self.leaf(kind, found, path)

    def anything(self, kind: Kind, found: Any, path: positions.Path) -> Any:
        """A value of no certain type: a table or list, or one that they are made of."""
        if isinstance(found, dict):
            inner = {name: self.anything(kind, found[name], (*path, name)) for name in found}
            return {name: value for name, value in inner.items() if value is not MISSING}
        if isinstance(found, list):
            items = [self.anything(kind, each, (*path, i)) for i, each in enumerate(found)]
            return [value for value in items if value is not MISSING]
        return self.leaf(kind, found, path)

    def free_table(self, kind: inspect.DictType, found: Any, path: positions.Path) -> Any:
        """A table whose names are free."""
        if not isinstance(found, dict):
            return self.wrong(path, "must be a table")
        values = {name: self.value(kind.value_type, found[name], (*path, name)) for name in found}
        if "" in values:
            self.wrong((*path, ""), "must have a name that is not empty", value=None)
        return {name: value for name, value in values.items() if value is not MISSING}

    def items(
        self,
        kind: Kind,
        core: inspect.ListType | inspect.VarTupleType,
        found: list[Any],
        path: positions.Path,
    ) -> Any:
        try:
            check_length(core, len(found))
        except Misfit:
            return self.wrong(path, f"must be {allowed(kind)}")
        item = bare(core.item_type)
        read = self.value if isinstance(item, inspect.StructType) else self.leaf
        values = [read(core.item_type, each, (*path, i)) for i, each in enumerate(found)]
        return MISSING if any(value is MISSING for value in values) else values

    def leaf(self, kind: Kind, found: Any, path: positions.Path) -> Any:
        text = self.places[path].text if path in self.places else str(found)
        try:
            if isinstance(found, str):
                self.document.variables |= references.names(found)
                if references.has_reference(found):
                    found = references.resolve(found, self.environment)
                    text = repr(found)
                    return read_text(kind, found)
                found = references.resolve(found, self.environment)
            return read_toml(kind, found, text)
        except references.NotSet as problem:
            settled = dotted(tuple(part for part in path if isinstance(part, str))) in self.settled
            return MISSING if settled else self.wrong(path, str(problem))
        except references.ReferenceProblem as problem:
            return self.wrong(path, str(problem))
        except Misfit:
            return self.wrong(path, f"must be {allowed(kind)}", value=text)

    def unknown(self, path: positions.Path, fields: dict[str, inspect.Field]) -> None:
        table = dotted(path[:-1])
        names = [f"{table}.{name}" if table else name for name in fields]
        near = nearest(dotted(path), names)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(sorted(names))}"
        self.wrong(path, f"unknown key; {hint}")

    def wrong(self, path: positions.Path, problem: str, value: str | None = "") -> Any:
        """Note an error; the value is as written unless given, None for none."""
        written = self.places[path].text if path in self.places else ""
        shown = written if value == "" else value
        self.document.errors.append(
            ConfigError(
                problem,
                file=self.document.file,
                line=self.line(path),
                field=dotted(path),
                value=Literally(" ".join(shown.split())) if shown else None,
            )
        )
        return MISSING

    def line(self, path: positions.Path) -> int | None:
        return self.places[path].line if path in self.places else None


def dotted(path: positions.Path) -> str:
    """A path as people write it: run.affinity[0]."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = part.replace("-", "").replace("_", "").isalnum() and part.isascii()
            text += ("." if text else "") + (part if plain else msgspec.json.encode(part).decode())
    return text
