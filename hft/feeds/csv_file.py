"""CSV files, plain or gzip: their columns by heading as text, block by block, and lines for errors.

Two readers of one file. `batches` is the fast one, for the rows that are right; `rows` is slow and
knows its lines, for saying what is wrong with one.
"""

import csv
import gzip
import io
import re
import stat
import zlib
from codecs import getincrementaldecoder
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pyarrow.csv as pa_csv

from hft.errors import FeedError

__all__ = ["CsvFile"]

BLOCK_BYTES = 1 << 18
HEAD_BYTES = 1 << 16
GZIP_MAGIC = b"\x1f\x8b"
DAMAGE = (OSError, EOFError, zlib.error)
SEPARATORS = re.compile(r"[\s_.-]")
NUMBER_START = re.compile(r"[\d.+-]")


class CsvFile:
    """A file with the columns of some roles, checked as far as its first row.

    `names` are the cells of that row, as headings are compared.

    Args:
        roles: per role the headings that it may have, first the one that wins over the others;
            in small letters, without spaces, underscores, hyphens and dots, all of which a heading
            may have.
        bare: the roles of a file without heading, in order.
        optional: roles that a file with a heading may lack.
    """

    def __init__(
        self,
        path: Path,
        roles: Mapping[str, tuple[str, ...]],
        bare: tuple[str, ...],
        optional: frozenset[str],
    ) -> None:
        self.path = path
        self.gzip = False
        head = self.read_head()
        reader = csv.reader(io.StringIO(head, newline=""))
        try:
            first = next((row for row in reader if row), None)
        except csv.Error as error:
            self.fail(reader.line_num, "columns", f"can't be read: {error}")
        if first is None or not any(cell.strip() for cell in first):
            raise FeedError("must not be empty", file=path)
        self.width = len(first)
        self.heading_lines = 0
        self.names = names = [SEPARATORS.sub("", cell).lower() for cell in first]
        known = sum(name in synonyms for synonyms in roles.values() for name in names)
        if known > 1 or not any(NUMBER_START.match(cell.strip()) for cell in first):
            self.heading_lines = reader.line_num
            self.columns = self.find_columns(first, names, roles, optional)
        elif self.width != len(bare):
            problem = f"must be {len(bare)} without heading: {','.join(bare)}"
            self.fail(reader.line_num, "columns", problem, self.width)
        else:
            self.columns = {role: index for index, role in enumerate(bare)}

    def read_head(self) -> str:
        """The beginning of the text; FeedError if it is none."""
        try:
            if not stat.S_ISREG(self.path.stat().st_mode) and not self.path.is_dir():
                raise FeedError("must be a file, since it is read twice", file=self.path)
            with self.path.open("rb") as plain:
                self.gzip = plain.read(2) == GZIP_MAGIC
        except OSError as error:
            problem = f"can't be read: {error.strerror or error}"
            raise FeedError(problem, file=self.path) from None
        try:
            with self.open() as stream:
                head = stream.read(HEAD_BYTES)
        except DAMAGE as error:
            self.damaged(error)
        try:
            text = getincrementaldecoder("utf-8-sig")().decode(head, final=len(head) < HEAD_BYTES)
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise FeedError("is not a text file in UTF-8", file=self.path)
        return text

    def find_columns(
        self,
        heading: list[str],
        names: list[str],
        roles: Mapping[str, tuple[str, ...]],
        optional: frozenset[str],
    ) -> dict[str, int]:
        """The index of each role's column: the only one, or the only one of the first name."""
        columns = {}
        for role, synonyms in roles.items():
            there = [index for index, name in enumerate(names) if name in synonyms]
            chosen = [index for index in there if names[index] == synonyms[0]]
            if len(chosen) != 1:
                chosen = there
            if len(chosen) > 1:
                name = role if SEPARATORS.sub("", role) == synonyms[0] else synonyms[0]
                self.fail(
                    self.heading_lines,
                    "heading",
                    f"must have one column {name}, or call one of them so",
                    ", ".join(heading[index].strip() for index in chosen),
                )
            if chosen:
                columns[role] = chosen[0]
            elif role not in optional:
                self.fail(
                    self.heading_lines,
                    "heading",
                    f"must have a column {role} (or {', '.join(synonyms[1:4])})",
                    ",".join(heading),
                )
        return columns

    def open(self) -> gzip.GzipFile | io.BufferedReader:
        return gzip.open(self.path) if self.gzip else self.path.open("rb")

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows as text: one string column per role; venue, symbol and side as dictionaries.

        Raises pa.ArrowInvalid at a row of the wrong width or text that isn't UTF-8.
        """
        names = [str(index) for index in range(self.width)]
        coded = pa.dictionary(pa.int32(), pa.string())
        types = {
            names[index]: coded if role in ("venue", "symbol", "side") else pa.string()
            for role, index in self.columns.items()
        }
        try:
            stream = pa.OSFile(str(self.path))
            if self.gzip:
                stream = pa.CompressedInputStream(stream, "gzip")
            with stream:
                reader = pa_csv.open_csv(
                    stream,
                    pa_csv.ReadOptions(
                        column_names=names,
                        skip_rows=self.heading_lines,
                        block_size=BLOCK_BYTES,
                        use_threads=False,
                    ),
                    pa_csv.ParseOptions(newlines_in_values=True),
                    pa_csv.ConvertOptions(
                        column_types=types,
                        include_columns=list(types),
                        null_values=[],
                        strings_can_be_null=False,
                    ),
                )
                for batch in reader:
                    columns = [batch.column(names[index]) for index in self.columns.values()]
                    yield pa.record_batch(columns, list(self.columns))
        except DAMAGE as error:
            self.damaged(error)

    def rows(self, skipped: int) -> Iterator[tuple[int, list[str]]]:
        """The line (from 1) and the cells of each row but the first `skipped`."""
        try:
            with self.open() as stream:
                text = io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline="")
                for _ in range(self.heading_lines):
                    text.readline()
                reader = csv.reader(text)
                line = self.heading_lines + 1
                for cells in reader:
                    if cells:
                        skipped -= 1
                        if skipped < 0:
                            yield line, cells
                    line = self.heading_lines + reader.line_num + 1
        except csv.Error as error:
            self.fail(line, "columns", f"can't be read: {error}")
        except DAMAGE as error:
            self.damaged(error)

    def damaged(self, error: Exception) -> NoReturn:
        problem = "is damaged" if self.gzip else "can't be read"
        raise FeedError(f"{problem}: {str(error) or 'it ends too early'}", file=self.path) from None

    def fail(self, line: int, field: str, problem: str, value: object = None) -> NoReturn:
        """Raise the FeedError of one field of one line."""
        raise FeedError(problem, file=self.path, line=line, field=field, value=value) from None
