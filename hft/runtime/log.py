"""Logs: one JSON object a line, made where the event is, written by launch alone.

In the process of nodes `logging` works as everywhere: `logging.getLogger("hft.strategy")` and a
call with what happened, its figures in `extra`. The record leaves at once, as one line through a
pipe that never blocks; if the pipe is full the line is dropped and counted. There is no thread and
no lock that another process could hold. Nothing logs per message.

A line has `ts` (UTC), `level`, `component` (the logger's name without hft.), `pid`, `message`,
`exception` if there is one (with its traceback), `lines_dropped` if some were before it, and the
fields of `extra`.
"""

import contextlib
import errno
import io
import logging
import os
import select
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import msgspec

__all__ = [
    "LINE_BYTES_MAX", "SAID", "LogBook", "LogHandler", "PipeWriter", "Record", "component_of",
    "print_through", "record_of", "text_of", "use",
]  # fmt: skip

Record = dict[str, Any]

LINE_BYTES_MAX = select.PIPE_BUF  # a longer write to a pipe could be torn
CUT = "[cut] "
# As `extra`, or in it, of a record that the screen has in other words already: for launch alone, a
# value that no other process can send.
SAID = {"said": object()}
LEVELS = ("debug", "info", "warning", "error", "critical")
FIXED = ("ts", "level", "component", "pid", "message", "exception", "lines_dropped")
# What `logging` itself puts into a record; whatever else is in there came as `extra`.
STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


def component_of(logger: str) -> str:
    return logger.removeprefix("hft.")


def now_text() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def fields_of(level: str, component: str, pid: int, message: str) -> Record:
    return {
        "ts": now_text(), "level": level, "component": component, "pid": pid, "message": message,
    }  # fmt: skip


def record_of(made: logging.LogRecord) -> Record:
    """A record of `logging` as what its line says."""
    record = fields_of(
        made.levelname.lower(), component_of(made.name), os.getpid(), made.getMessage()
    )
    record["ts"] = datetime.fromtimestamp(made.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if made.exc_info and made.exc_info[0] is not None:
        record["exception"] = logging.Formatter().formatException(made.exc_info)
    for name, value in vars(made).items():
        if name not in STANDARD:
            record.setdefault(name, value)
    return record


def encode(record: Record) -> bytes:
    """A record as its line.

    Longer ones lose fields of more than half a line, the beginning of a traceback, then the end of
    the message.
    """
    line = json_of(record)
    if len(line) >= LINE_BYTES_MAX:
        bare = {name: record[name] for name in FIXED if name in record}
        if len(line) - len(json_of(bare)) > LINE_BYTES_MAX // 2:
            record = {**bare, "message": f"{record['message']} {CUT}".rstrip()}
            line = json_of(record)
    for field in ("exception", "message"):
        over = len(line) + 1 - LINE_BYTES_MAX
        if over > 0 and field in record:
            text = record[field]
            kept = max(0, len(text) - over - len(CUT))
            # Of a traceback the end says most, of a message the beginning.
            text = CUT + text[len(text) - kept :] if field == "exception" else text[:kept] + CUT
            record = {**record, field: text.rstrip()}
            line = json_of(record)
    return line + b"\n"


def json_of(record: Record) -> bytes:
    try:
        return msgspec.json.encode(record, enc_hook=plain)
    except UnicodeEncodeError:  # part of a file name that isn't UTF-8, say
        return msgspec.json.encode({name: printable(value) for name, value in record.items()})


def plain(value: Any) -> Any:
    """What JSON hasn't: a NumPy scalar as its number, all else as its text."""
    item = getattr(value, "item", None)
    return item() if item is not None and getattr(value, "ndim", 1) == 0 else str(value)


def printable(value: Any) -> str:
    return str(value).encode(errors="backslashreplace").decode()


class LogHandler(logging.Handler):
    """Gives what `logging` is told, as records, to a function."""

    def __init__(self, write: Callable[[Record], None]) -> None:
        super().__init__()
        self.write = write

    def emit(self, made: logging.LogRecord) -> None:
        try:
            self.write(record_of(made))
        except Exception:  # a mistake in a log call must not end the process that makes it
            self.handleError(made)


class PipeWriter:
    """A node's end of the pipe to launch.

    Attributes:
        dropped: lines that found the pipe full and were not yet told of.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.dropped = 0
        os.set_blocking(fd, False)

    def write(self, record: Record) -> None:
        if self.dropped:
            record["lines_dropped"] = self.dropped
        try:
            os.write(self.fd, encode(record))
        except OSError:  # full, or launch is gone
            self.dropped += 1
        else:
            self.dropped = 0


@contextlib.contextmanager
def use(write: Callable[[Record], None], level: str) -> Iterator[None]:
    """Let all loggers of this process write there, from a level on, until the end of the block."""
    root = logging.getLogger()
    before = root.level
    handler = LogHandler(write)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        root.setLevel(before)


class PrintedLines(io.RawIOBase):
    """The bytes of `print`, as a record for each line that isn't empty."""

    def __init__(self, write: Callable[[Record], None], component: str) -> None:
        super().__init__()
        self.give = write
        self.component = component
        self.rest = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        *lines, self.rest = (self.rest + bytes(data)).split(b"\n")
        if len(self.rest) > LINE_BYTES_MAX:
            lines, self.rest = [*lines, self.rest], b""
        for line in lines:
            self.give_line(line)
        return len(data)

    def give_line(self, line: bytes) -> None:
        text = line.decode(errors="backslashreplace").rstrip()
        if text:
            self.give(fields_of("info", self.component, os.getpid(), text))

    def close(self) -> None:
        """Also what has no end of line."""
        if not self.closed:
            self.give_line(self.rest)
        super().close()


@contextlib.contextmanager
def print_through(write: Callable[[Record], None], component: str) -> Iterator[None]:
    """Let `print` make records of level info, line by line, until the end of the block.

    They are asked for whatever the level of the log is, and never wait for a reader.
    """
    raw = PrintedLines(write, component)
    stream = io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True
    )
    with stream, contextlib.redirect_stdout(stream):
        yield


def text_of(record: Record) -> str:
    """A record for people: time, level, component, message, fields; a traceback below."""
    fields = "".join(f"  {name}={value}" for name, value in record.items() if name not in FIXED)
    dropped = record.get("lines_dropped")
    lost = f"  ({dropped} lines before this one were dropped)" if dropped else ""
    first = f"{record['ts'][11:-1]} {record['level']:7} {record['component']}: "
    below = f"\n{record['exception']}" if "exception" in record else ""
    return f"{first}{record['message']}{fields}{lost}{below}"


class LogBook:
    """The log of a run: every record goes to its file, and to whoever listens.

    Args:
        path: the file, to which JSON lines are added.
        screen: where people read along; None if something else has the screen.
        as_json: whether they do so in JSON.
    """

    def __init__(self, path: Path, screen: TextIO | None = None, as_json: bool = False) -> None:
        self.path = path
        self.file = path.open("ab", buffering=0)
        self.whole = True
        self.screen = screen
        self.as_json = as_json
        self.listeners: list[Callable[[Record], None]] = []

    def write(self, record: Record, said: bool = False) -> None:
        """Add a record; `said`: the screen has it in other words already."""
        if record.get("said") is SAID["said"]:
            del record["said"]
            said = True
        line = encode(record)
        try:
            written = self.file.write(line)
            if written < len(line):  # the next line would continue this one
                self.file.truncate(self.file.tell() - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:  # a full disk: trading goes on without a log
            self.lose(error)
        for listener in self.listeners:
            listener(record)
        if not said:
            self.show(line.decode().rstrip() if self.as_json else text_of(record))

    def lose(self, error: OSError) -> None:
        """Tell, once, whoever looks that the file has not all."""
        if not self.whole:
            return
        self.whole = False
        lost = f"{self.path}: not all of the log is in the file: {error.strerror}"
        for listener in self.listeners:
            listener(fields_of("warning", "launch", os.getpid(), lost))
        self.show(f"hft.launch: warning: {lost}")

    def write_line(self, line: bytes) -> None:
        """Add the line that a node wrote."""
        try:
            record = msgspec.json.decode(line, type=Record)
            whole = record["level"] in LEVELS and {"ts", "component", "message"} <= record.keys()
        except (msgspec.DecodeError, KeyError):
            whole = False
        if not whole:
            text = line.decode(errors="backslashreplace")
            record = fields_of("error", "log", 0, f"not a log line: {text}")
        self.write(record)

    def write_stderr(self, component: str, pid: int, line: bytes) -> None:
        """Add a line that a process wrote to its stderr; people see it as it is."""
        text = line.decode(errors="backslashreplace").rstrip()
        if text:
            self.write(fields_of("error", component, pid, text), said=not self.as_json)
            if not self.as_json:
                self.show(text)

    def show(self, text: str) -> None:
        if self.screen is None:
            return
        try:
            print(text, file=self.screen, flush=True)
        except OSError:  # nobody reads it any more
            self.screen = None

    def close(self) -> None:
        self.file.close()
