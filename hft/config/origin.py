"""Where a value comes from: a line of a file, a variable, or an option."""

from pathlib import Path
from typing import NamedTuple

from hft.errors import ConfigError

__all__ = ["Origin"]


class Origin(NamedTuple):
    """A file and its line, or the name of a variable or an option."""

    file: Path | None
    line: int | None
    name: str | None

    @classmethod
    def in_file(cls, file: Path, line: int | None) -> "Origin":
        return cls(file, line, None)

    @classmethod
    def named(cls, name: str) -> "Origin":
        return cls(None, None, name)

    def error(self, key: str, problem: str, value: object = None) -> ConfigError:
        """What is wrong with the value that a key got from here."""
        field = key if self.name is None else self.name
        return ConfigError(problem, file=self.file, line=self.line, field=field, value=value)

    def __str__(self) -> str:
        if self.name is not None:
            return self.name
        return str(self.file) if self.line is None else f"{self.file}:{self.line}"
