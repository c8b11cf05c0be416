"""DBN: files of Databento's binary encoding, as far as those of market by order need it.

    "DBN", version (1), length of what follows (4), metadata, then records

All numbers are little-endian. Of the metadata, what is taken is the dataset, the schema and which
symbol an instrument has. A market-by-order record has 56 bytes, the first of which is that in units
of 4; no other kind of record may be there.
"""

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hft.errors import FeedError
from hft.feeds.recording import read_recording

__all__ = ["MBO", "DbnFile", "read_dbn"]

MBO = np.dtype(
    [
        ("length", "u1"),
        ("rtype", "u1"),
        ("publisher_id", "<u2"),
        ("instrument_id", "<u4"),
        ("ts_event", "<u8"),
        ("order_id", "<u8"),
        ("price", "<i8"),
        ("size", "<u4"),
        ("flags", "u1"),
        ("channel_id", "u1"),
        ("action", "S1"),
        ("side", "S1"),
        ("ts_recv", "<u8"),
        ("ts_in_delta", "<i4"),
        ("sequence", "<u4"),
    ]
)
MBO_SCHEMA, MBO_RTYPE = 0, 160
VERSIONS = range(1, 4)
SYMBOL_BYTES_V1 = 22  # later versions tell
FIXED_BYTES = 100
SYMBOL_BYTES_AT = 45


class DbnFile(NamedTuple):
    """`symbols` are by instrument_id; `records` are of dtype MBO, not to be written to."""

    path: Path
    dataset: str
    symbols: dict[int, str]
    records: npt.NDArray[np.void]


def read_dbn(path: Path) -> DbnFile:
    """The market-by-order file, plain, gzip or zstd; FeedError if it is none."""
    content = read_recording(path)
    if content[:3] != b"DBN":
        raise FeedError("is not a DBN file: it must begin with DBN", file=path)
    version = content[3] if len(content) > 3 else 0
    if version not in VERSIONS:
        raise FeedError("must be 1, 2 or 3", file=path, field="version", value=version)
    try:
        (length,) = struct.unpack_from("<I", content, 4)
        metadata = content[8 : 8 + length]
        dataset = text(metadata[:16])
        (schema,) = struct.unpack_from("<H", metadata, 16)
        symbols = symbols_of(metadata, version)
    except struct.error:
        raise FeedError("is damaged or cut off", file=path, field="metadata") from None
    if schema != MBO_SCHEMA:
        rule = f"must be {MBO_SCHEMA}, market by order"
        raise FeedError(rule, file=path, field="schema", value=schema)
    return DbnFile(path, dataset, symbols, records_of(path, content[8 + length :]))


def symbols_of(metadata: bytes, version: int) -> dict[int, str]:
    """The symbol of each instrument_id; where it changed, the first."""
    size = SYMBOL_BYTES_V1
    if version > 1:
        (size,) = struct.unpack_from("<H", metadata, SYMBOL_BYTES_AT)
    (definition_length,) = struct.unpack_from("<I", metadata, FIXED_BYTES)
    at = FIXED_BYTES + 4 + definition_length
    for _ in range(3):  # the symbols asked for, those found in part, and those not found
        (count,) = struct.unpack_from("<I", metadata, at)
        at += 4 + count * size
    (count,) = struct.unpack_from("<I", metadata, at)
    at += 4
    symbols: dict[int, str] = {}
    for _ in range(count):
        raw, intervals = struct.unpack_from(f"<{size}sI", metadata, at)
        at += size + 4
        for _ in range(intervals):
            _, _, mapped = struct.unpack_from(f"<II{size}s", metadata, at)
            at += 8 + size
            if text(mapped).isdigit():
                symbols.setdefault(int(text(mapped)), text(raw))
    return symbols


def text(padded: bytes) -> str:
    return padded.partition(b"\0")[0].decode("utf-8", errors="replace")


def records_of(path: Path, body: bytes) -> npt.NDArray[np.void]:
    """The records, if they are all of market by order and whole."""
    records = np.frombuffer(body[: len(body) // MBO.itemsize * MBO.itemsize], MBO)
    # The first that is wrong is in its place, since all before it have the right length.
    for field, right in ("rtype", MBO_RTYPE), ("length", MBO.itemsize // 4):
        wrong = records[field] != right
        if wrong.any():
            place = int(wrong.argmax())
            raise FeedError(
                f"must be {right}, that of market by order",
                file=path,
                member=f"record {place + 1}",
                field=field,
                value=int(records[field][place]),
            )
    if len(body) % MBO.itemsize:
        problem = f"is cut off: must have {MBO.itemsize} bytes"
        raise FeedError(
            problem, file=path, member=f"record {len(records) + 1}", value=len(body) % MBO.itemsize
        )
    if not len(records):
        raise FeedError("must have records", file=path)
    return records
