"""Where in a TOML document each key and value stands; tomlkit does not keep it.

The text must be TOML already: what tomlkit has parsed is scanned once more, for its tokens only.
"""

import bisect
import re
from typing import NamedTuple

import tomlkit

__all__ = ["Path", "Place", "places"]

Path = tuple[str | int, ...]  # keys, and indices into arrays

BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
SPACE = re.compile(r"[ \t]*")
STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}(?!")' r"|'''.*?'{3,5}(?!')" r'|"(?:\\.|[^"\\])*"' r"|'[^']*'",
    re.DOTALL,
)
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
SCALAR = re.compile(r"[^,\]}#\r\n]*")


class Place(NamedTuple):
    """The line of a key (from 1), and its value as it is written there; '' for a table."""

    line: int
    text: str


def places(text: str) -> dict[Path, Place]:
    """The place of every key, table and array element of a document, by its path."""
    scanner = Scanner(text)
    scanner.scan()
    return scanner.places


class Scanner:
    """One pass over the text; `at` is how far it got."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.line_ends = [found.start() for found in re.finditer("\n", text)]
        self.newest: dict[Path, int] = {}  # index of the newest table of each array of tables
        self.places: dict[Path, Place] = {}

    def scan(self) -> None:
        table: Path = ()
        while self.skip(BLANK):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)

    def skip(self, pattern: re.Pattern[str]) -> bool:
        """Go beyond what the pattern matches; whether there is more."""
        found = pattern.match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        return self.at < len(self.text)

    def token(self, pattern: re.Pattern[str]) -> str:
        start = self.at
        self.skip(pattern)
        return self.text[start : self.at]

    def line(self) -> int:
        return bisect.bisect_left(self.line_ends, self.at) + 1

    def header(self) -> Path:
        line, many = self.line(), self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        parts = self.key()
        self.at += 2 if many else 1
        path: Path = ()
        for number, part in enumerate(parts, 1):
            path += (part,)
            self.places.setdefault(path, Place(line, ""))
            if many and number == len(parts):
                self.newest[path] = self.newest.get(path, -1) + 1
            if path in self.newest:
                path += (self.newest[path],)
                self.places.setdefault(path, Place(line, ""))
        return path

    def key(self) -> list[str]:
        """The parts of a key, and the blanks around it."""
        parts = []
        while True:
            self.skip(SPACE)
            if self.text[self.at] in "\"'":
                parts.append(next(iter(tomlkit.parse(f"{self.token(STRING)} = 0").unwrap())))
            else:
                parts.append(self.token(BARE_KEY))
            self.skip(SPACE)
            if self.text[self.at] != ".":
                return parts
            self.at += 1

    def pair(self, table: Path) -> None:
        line, path = self.line(), table
        parts = self.key()
        self.at += 1  # the =
        self.skip(SPACE)
        for part in parts:
            path += (part,)
            self.places.setdefault(path, Place(line, ""))
        self.value(path, line)

    def value(self, path: Path, line: int) -> None:
        start = self.at
        first = self.text[start]
        if first in "\"'":
            self.skip(STRING)
        elif first == "[":
            self.elements(path)
        elif first == "{":
            self.elements(path, table=True)
        else:
            self.skip(SCALAR)
        self.places[path] = Place(line, self.text[start : self.at].rstrip())

    def elements(self, path: Path, *, table: bool = False) -> None:
        """The inside of an array or of an inline table."""
        index = 0
        self.at += 1
        while self.skip(BLANK):
            if self.text[self.at] in "]}":
                self.at += 1
                return
            if self.text[self.at] == ",":
                self.at += 1
            elif table:
                self.pair(path)
            else:
                self.value((*path, index), self.line())
                index += 1
