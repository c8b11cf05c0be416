"""HdrHistogram's interval log: a line an interval and row, read by its tools in any language.

The format is that of HistogramLogWriter.java, version 1.3; a histogram in it is HdrHistogram's V2
encoding (EncodableHistogram.java and ZigZagEncoding.java): base64 of a big-endian cookie and
length, and of zlib's compression of a header and the counts, each a zigzag LEB128 number of at most
nine bytes, a run of zeros as one negative number. The package `hdrhistogram` writes no tags and
needs setuptools to run, so the tests have it, to read all this back, and hft has not.
"""

import base64
import binascii
import io
import struct
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from hft.core.histogram import HISTOGRAM_BUCKETS, HISTOGRAM_SUB_BITS, bucket_of
from hft.errors import UserError
from hft.latency.capture import Capture, Key, Recording, together
from hft.latency.distribution import TOPS_NS, Counts, Distribution

__all__ = ["decode", "encode", "read_log", "write_log"]

COMPRESSED = 0x1C849304 | 0x10
PLAIN = 0x1C849303 | 0x10
OUTER = struct.Struct(">II")  # cookie, bytes that follow
INNER = struct.Struct(">IIIIQQd")  # cookie, bytes, offset, digits, lowest, highest, ratio
DIGITS, LOWEST = 2, 1
HIGHEST = int(TOPS_NS[-1])
INFLATED_MAX = 1 << 20
LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'
NS_PER_MS = 1_000_000  # by convention the log says maxima in ms of values in ns
OTHER = "other"  # the kind of a row that hft did not write


class Unreadable(Exception):
    """What is wrong with a histogram."""


def put_number(into: bytearray, value: int) -> None:
    """Append a zigzag LEB128 number of 64 bits; its ninth byte holds eight."""
    rest = (value << 1 ^ value >> 63) & (1 << 64) - 1
    for _ in range(8):
        if rest < 0x80:
            into.append(rest)
            return
        into.append(rest & 0x7F | 0x80)
        rest >>= 7
    into.append(rest)


def numbers(data: bytes) -> Iterator[int]:
    """The numbers that `put_number` wrote."""
    place = 0
    while place < len(data):
        value = 0
        for shift in range(0, 64, 7):
            if place == len(data):
                raise Unreadable("ends within a number")
            byte = data[place]
            place += 1
            if shift == 56:
                value |= byte << 56
                break
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        yield value >> 1 ^ -(value & 1)


def encode(counts: Counts) -> str:
    """A histogram's counts in HdrHistogram's V2 encoding, compressed, as base64."""
    body = bytearray()
    end = 0
    for place in np.flatnonzero(counts).tolist():
        gap = place - end
        if gap:
            put_number(body, -gap if gap > 1 else 0)
        put_number(body, int(counts[place]))
        end = place + 1
    plain = INNER.pack(PLAIN, len(body), 0, DIGITS, LOWEST, HIGHEST, 1.0) + body
    packed = zlib.compress(plain)
    return base64.b64encode(OUTER.pack(COMPRESSED, len(packed)) + packed).decode()


def decode(text: str) -> Counts:
    """The counts of an encoded histogram; Unreadable if it is none, or not of our precision."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("is no base64, or is cut short") from None
    if len(data) < OUTER.size:
        raise Unreadable("is cut short")
    cookie, size_bytes = OUTER.unpack_from(data)
    if cookie != COMPRESSED:
        raise Unreadable("is no compressed histogram of version 2")
    if len(data) < OUTER.size + size_bytes:
        raise Unreadable("is cut short")
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(data[OUTER.size : OUTER.size + size_bytes], INFLATED_MAX)
    except zlib.error:
        raise Unreadable("can't be decompressed") from None
    if len(plain) < INNER.size or not unpacker.eof:
        raise Unreadable("is cut short")
    inner, size_bytes, offset, digits, lowest, _, _ = INNER.unpack_from(plain)
    if inner != PLAIN or len(plain) != INNER.size + size_bytes or offset:
        raise Unreadable("has no counts of version 2")
    if (digits, lowest) != (DIGITS, LOWEST):
        raise Unreadable(
            f"has {digits} significant digits from {lowest} on, must have {DIGITS} from {LOWEST} on"
        )
    return counts_of(plain[INNER.size :])


def counts_of(body: bytes) -> Counts:
    counts = np.zeros(HISTOGRAM_BUCKETS, np.int64)
    place = 0
    for number in numbers(body):
        if number < 0:
            place -= number
            continue
        if number >> 62:
            raise Unreadable("has a count that is too large")
        if number:
            # Of a longer histogram: what is beyond 2^40 ns is in our last bucket.
            counts[min(place, HISTOGRAM_BUCKETS - 1)] += number
        place += 1
        if place > 64 << HISTOGRAM_SUB_BITS:
            raise Unreadable("has more counts than any histogram")
    return counts


def write_log(recording: Recording) -> str:
    """A recording as the text of a log, of its intervals if it has them."""
    began_ns = recording.whole.began_wall_ns
    out = io.StringIO()
    when = datetime.fromtimestamp(began_ns / 1e9, UTC).isoformat(" ", "milliseconds")
    out.write(f"#[{recording.title}, ns]\n#[Histogram log format version 1.3]\n")
    out.write(f"#[BaseTime: {began_ns / 1e9:.3f} (seconds since epoch)]\n")
    out.write(f"#[StartTime: {began_ns / 1e9:.3f} (seconds since epoch), {when}]\n{LEGEND}\n")
    for place, one in enumerate(recording.intervals or (recording.whole,)):
        start_s = (one.began_wall_ns - began_ns) / 1e9
        for (kind, name), found in one.rows.items():
            # The first has all rows, so that their order is kept and those without values are told.
            if found.count or not place:
                out.write(
                    f"Tag={kind}.{name},{start_s:.3f},{one.seconds:.3f},"
                    f"{found.max_ns / NS_PER_MS:.6f},{encode(found.counts)}\n"
                )
    return out.getvalue()


def key_of(tag: str) -> Key:
    kind, _, name = tag.partition(".")
    return (kind, name) if name and kind in ("hop", "age", "operation", "path") else (OTHER, tag)


def read_log(path: Path) -> Recording:
    """A log as it was written; UserError that names the line if it is none, or not whole."""
    try:
        text = path.read_text()
    except OSError as error:
        raise UserError(f"can't be read: {error.strerror}", file=path) from None
    except UnicodeDecodeError:
        raise UserError("is no histogram log: is no text", file=path) from None
    title, base_s = path.name, 0.0
    intervals: dict[tuple[float, float], dict[Key, Distribution]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            if line.startswith("#"):
                title, base_s = told(line, title, base_s)
            elif line and not line.startswith('"'):
                key, span, found = read_line(line)
                rows = intervals.setdefault(span, {})
                rows[key] = rows[key].plus(found) if key in rows else found
        except Unreadable as error:
            raise UserError(f"line {number}: {error}", file=path) from None
    if not intervals:
        raise UserError("is no histogram log, or one without an interval", file=path)
    captures = tuple(
        Capture(round((base_s + begin) * 1e9), round((base_s + begin + length) * 1e9), rows)
        for (begin, length), rows in sorted(intervals.items())
    )
    return Recording(title, together(captures), captures)


def told(line: str, title: str, base_s: float) -> tuple[str, float]:
    """Title and base of times, after a line of comment."""
    name, _, rest = line.removeprefix("#[").partition(": ")
    if name == "BaseTime":
        try:
            return title, float(rest.split()[0])
        except (ValueError, IndexError):
            raise Unreadable("has no base time") from None
    if line.startswith("#[hft") and line.endswith(", ns]"):
        return line[2:].removesuffix(", ns]"), base_s
    return title, base_s


def read_line(line: str) -> tuple[Key, tuple[float, float], Distribution]:
    tag = ""
    if line.startswith("Tag="):
        tag, _, line = line.removeprefix("Tag=").partition(",")
    fields = line.split(",")
    if len(fields) != 4:
        raise Unreadable(f"must have 4 fields after its tag, has {len(fields)}")
    try:
        begin_s, length_s, largest = map(float, fields[:3])
    except ValueError:
        raise Unreadable("must begin with three numbers") from None
    counts = decode(fields[3])
    found = Distribution.of_counts(counts)
    largest_ns = round(largest * NS_PER_MS)
    # The maximum that the log says, if it can be that of the histogram: to the ns, then.
    if found.count and bucket_of(largest_ns) == np.flatnonzero(counts)[-1]:
        found = Distribution.of_counts(counts, largest_ns)
    return key_of(tag), (begin_s, length_s), found
