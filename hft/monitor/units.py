"""Numbers as people read them in a narrow column."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hft.monitor.snapshot import Latency

__all__ = ["bytes_text", "clock", "count", "elapsed", "fitting", "latency", "money", "ns", "rate"]

DAY_NS = 86_400 * 10**9


def significant(value: float) -> str:
    """Three significant digits of a number from 0 to below 1000."""
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}"


def ns(value: int) -> str:
    """850 ns, 12.3 µs, 4.56 ms, 78.9 s: at most 7 characters, up to 999 s."""
    if value < 1000:
        return f"{value} ns"
    for unit, size in (("µs", 10**3), ("ms", 10**6)):
        if value < 999.5 * size:
            return f"{significant(value / size)} {unit}"
    return f"{significant(value / 10**9)} s"


def latency(summary: Latency, name: str) -> str:
    """One figure of a histogram's summary."""
    return ns(summary[name]) if name in summary else "-"


def count(value: int) -> str:
    return f"{value:,}"


def rate(per_second: float) -> str:
    """950, 12.3k, 4.56M: at most 5 characters."""
    if per_second < 999.5:
        return f"{per_second:.0f}"
    for unit, size in (("k", 10**3), ("M", 10**6)):
        if per_second < 999.5 * size:
            return f"{significant(per_second / size)}{unit}"
    return f"{significant(per_second / 10**9)}G"


def fitting(value: int, chars: int) -> str:
    """The whole count if it is that short, else as a rate is written."""
    text = count(value)
    return text if len(text) <= chars else rate(value)


def money(quote: str) -> str:
    """An exact amount, rounded to hundredths; below 0.1 to three significant digits."""
    amount = Decimal(quote)
    if not amount or abs(amount) >= Decimal("0.1"):
        return f"{amount:,.2f}"
    if abs(amount) < Decimal("0.000001"):
        return f"{amount:.2e}"
    text = f"{amount:.{2 - amount.adjusted()}f}"
    whole, _, digits = text.partition(".")
    return f"{whole}.{digits.rstrip('0').ljust(2, '0')}"


def clock(event_ts_ns: int) -> str:
    """The time of day of a feed's clock, which counts from midnight or from 1970 (UTC)."""
    if event_ts_ns >= DAY_NS:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=event_ts_ns // 1000)
        return when.strftime("%Y-%m-%d %H:%M:%S.") + f"{when.microsecond // 1000:03}"
    seconds, rest_ns = divmod(event_ts_ns, 10**9)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest_ns // 10**6:03}"


def elapsed(seconds: float) -> str:
    """12.3 s, 4:56, 7:08:09."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def bytes_text(size: int) -> str:
    """4 KiB, 2 MiB."""
    for unit, bits in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size >= 1 << bits:
            return f"{size >> bits} {unit}"
    return f"{size} B"
