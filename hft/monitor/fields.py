"""Single fields of the control page, and what else is shown, as plain values."""

import enum
import math
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["bits", "finite", "is_alive", "name_of", "text", "utc"]


def text(raw: Any) -> str:
    """A name in a field of bytes, which it may fill."""
    return bytes(raw).partition(b"\0")[0].decode(errors="replace")


def name_of(kind: type[enum.IntFlag], value: Any) -> str:
    """NODE_RUNNING as "running"; a value without a name as its digits."""
    for name, member in kind.__members__.items():
        if member == int(value):
            return name.partition("_")[2].lower()
    return str(value)


def bits(word: Any) -> list[int]:
    """The places of a word's bits that are set."""
    return [place for place in range(64) if int(word) >> place & 1]


def finite(value: Any) -> float | None:
    """The number, for JSON, which has no infinities."""
    return float(value) if math.isfinite(value) else None


def utc(wall_ns: int) -> str:
    """A wall clock's time as ISO text in UTC, to the millisecond."""
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=wall_ns // 1000)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_alive(pid: int) -> bool:
    """Whether there is such a process and it still runs: a zombie doesn't."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            state = stat.read().rpartition(b")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in (b"Z", b"X")
