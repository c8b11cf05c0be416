"""Records: a run's trades and the reports on its own orders, as two Parquet files.

While they are written they are called `*.parquet.partial`. They get their names when the last row
is in; so a file that is there is whole. After a crash, the journal has everything.
"""

import os
import time
from decimal import Decimal
from enum import IntFlag
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hft.core.messages import (
    CONTROL,
    REPORT,
    SOURCE_SHIFT,
    TRADE_DTYPE,
    Kind,
    Reason,
    Side,
)
from hft.errors import InstrumentError, UserError
from hft.instruments import Instrument

__all__ = ["PARTIAL", "REPORTS", "REPORT_SCHEMA", "TRADES", "RecordWriter", "trade_schema"]

Messages = npt.NDArray[np.void]
Times = npt.NDArray[np.int64]

TRADES, REPORTS, PARTIAL = "trades.parquet", "reports.parquet", ".partial"
ROW_GROUP_ROWS = 65_536
FLUSH_S = 60.0

# A 64-bit count has 19 digits and a product one more than its factors; a decimal128 has 38.
COUNT = pa.decimal128(19, 0)
STEP_DIGITS = 18
WORD = pa.dictionary(pa.int8(), pa.string())
SYMBOL = pa.dictionary(pa.int32(), pa.string())

REPORT_SCHEMA = pa.schema(
    {
        "event_ts_ns": pa.int64(),
        "origin_ts_ns": pa.int64(),
        "kind": WORD,
        "instrument": pa.uint16(),
        "symbol": SYMBOL,
        "order_id": pa.uint64(),
        "price_ticks": pa.int64(),
        "last_lots": pa.int64(),
        "leaves_lots": pa.int64(),
        "account": pa.uint16(),
        "reason": WORD,
        "side": WORD,
        "cause": pa.uint32(),
    }
)


class Words:
    """The names of an enum, as a dictionary-encoded column; null for what is none of its values."""

    def __init__(self, enum: type[IntFlag]) -> None:
        self.places = np.full(256, -1, np.int8)
        members = enum.__members__  # all of them, which iterating over flags doesn't give
        self.places[[int(member) for member in members.values()]] = np.arange(len(members))
        self.names = pa.array(list(members))

    def column(self, values: npt.NDArray[np.uint8]) -> pa.Array:
        places = self.places[values]
        return pa.DictionaryArray.from_arrays(pa.array(places, mask=places < 0), self.names)


class Grid:
    """Counts of each instrument's steps (a tick, a lot) as exact decimals of one common type."""

    def __init__(self, field: str, sizes: list[Decimal]) -> None:
        scale = max((-int(size.as_tuple().exponent) for size in sizes), default=0)
        try:
            self.steps = pa.array([*sizes, None], pa.decimal128(STEP_DIGITS, max(scale, 0)))
        except pa.ArrowInvalid:
            raise InstrumentError(
                f"of all instruments must have at most {STEP_DIGITS} digits together", field=field
            ) from None
        self.type = pc.multiply(pa.array([], COUNT), self.steps[:0]).type

    def column(self, counts: npt.NDArray[np.int64], places: npt.NDArray[np.intp]) -> pa.Array:
        return pc.multiply(pa.array(counts).cast(COUNT), self.steps.take(pa.array(places)))


class Directory:
    """What the files say of the instruments: symbols, and the decimals of prices and quantities.

    A report may be about an instrument that doesn't exist: it has no symbol and no decimals.
    """

    def __init__(self, instruments: list[Instrument]) -> None:
        symbols = list(dict.fromkeys(instrument.symbol for instrument in instruments))
        self.count = len(instruments)
        self.symbols = pa.array(symbols, pa.string())
        self.symbol_places = pa.array(
            [*(symbols.index(instrument.symbol) for instrument in instruments), None], pa.int32()
        )
        self.ticks = Grid("tick_size", [instrument.tick_size for instrument in instruments])
        self.lots = Grid("lot_size", [instrument.lot_size for instrument in instruments])

    def places(self, indices: npt.NDArray[np.uint16]) -> npt.NDArray[np.intp]:
        """Where the instruments are in the tables here, whose last entry is for unknown ones."""
        return np.minimum(indices, self.count).astype(np.intp)

    def symbol_column(self, places: npt.NDArray[np.intp]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(
            self.symbol_places.take(pa.array(places)), self.symbols
        )


KINDS, REASONS, SIDES = Words(Kind), Words(Reason), Words(Side)


def trade_schema(directory: Directory) -> pa.Schema:
    return pa.schema(
        {
            "event_ts_ns": pa.int64(),
            "instrument": pa.uint16(),
            "symbol": SYMBOL,
            "price_ticks": pa.int64(),
            "price": directory.ticks.type,
            "qty_lots": pa.int64(),
            "qty": directory.lots.type,
            "side": WORD,  # the taker's
            "maker_order_id": pa.uint64(),
            "taker_order_id": pa.uint64(),
            "hidden": pa.bool_(),
            "own": pa.bool_(),
        }
    )


def trade_columns(directory: Directory, times: Times, messages: Messages) -> list[object]:
    rows = messages.view(TRADE_DTYPE)
    places = directory.places(rows["instrument"])
    ids = rows["maker_order_id"] | rows["taker_order_id"]
    return [
        times,
        rows["instrument"],
        directory.symbol_column(places),
        rows["price_ticks"],
        directory.ticks.column(rows["price_ticks"], places),
        rows["qty_lots"],
        directory.lots.column(rows["qty_lots"], places),
        SIDES.column(rows["side"]),
        rows["maker_order_id"],
        rows["taker_order_id"],
        rows["hidden"] != 0,
        ids >> SOURCE_SHIFT != 0,
    ]


def report_columns(directory: Directory, times: Times, messages: Messages) -> list[object]:
    rows = messages.view(REPORT)
    return [
        times,
        rows["origin_ts_ns"],
        KINDS.column(rows["kind"]),
        rows["instrument"],
        directory.symbol_column(directory.places(rows["instrument"])),
        rows["order_id"],
        rows["price_ticks"],
        rows["last_lots"],
        rows["leaves_lots"],
        rows["account"],
        REASONS.column(rows["reason"]),
        SIDES.column(rows["side"]),
        rows["cause"],
    ]


class RecordFile:
    """One Parquet file that grows by row groups."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self.partial = path.with_name(path.name + PARTIAL)
        if path.exists():
            raise UserError("exists already", file=path)
        try:
            self.file: BinaryIO = self.partial.open("xb")
        except OSError as error:
            raise UserError(f"can't be made: {error.strerror}", file=self.partial) from None
        whole = [field.name for field in schema if pa.types.is_integer(field.type)]
        self.writer = pq.ParquetWriter(
            self.file,
            schema,
            compression="zstd",
            use_dictionary=[each.name for each in schema if pa.types.is_dictionary(each.type)],
            column_encoding=dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
            write_statistics=["event_ts_ns"],
        )
        self.waiting: list[tuple[Times, Messages]] = []
        self.waiting_rows = 0
        self.waiting_since = 0.0

    def add(self, times: Times, messages: Messages) -> None:
        if self.waiting_rows == 0:
            self.waiting_since = time.monotonic()
        self.waiting.append((times, messages))
        self.waiting_rows += len(messages)

    @property
    def due(self) -> bool:
        return self.waiting_rows >= ROW_GROUP_ROWS or (
            self.waiting_rows > 0 and time.monotonic() - self.waiting_since >= FLUSH_S
        )

    def take_waiting(self) -> tuple[Times, Messages]:
        times, messages = (np.concatenate(parts) for parts in zip(*self.waiting, strict=True))
        self.waiting, self.waiting_rows = [], 0
        return times, messages

    def write(self, columns: list[object]) -> None:
        """Write the columns as one row group."""
        schema = self.writer.schema
        arrays = [pa.array(column) for column in columns]
        self.writer.write_table(
            pa.Table.from_arrays(arrays, schema=schema), row_group_size=len(arrays[0])
        )

    def finish(self) -> None:
        self.writer.close()
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()


def picked(messages: Messages, wanted: npt.NDArray[np.bool_]) -> Messages:
    """Those that are wanted, copied as words: NumPy would copy field by field."""
    words = messages.view(np.uint64).reshape(len(messages), -1)
    return words[wanted].view(messages.dtype)[:, 0]


class RecordWriter:
    """Writes `trades.parquet` and `reports.parquet` of a run into an existing folder.

    Messages carry no time of their own: each input tells it with TIME, for what follows. A row
    group is written at 65,536 rows, or a minute after its first: each costs memory until the close.

    Attributes:
        rows: trades and reports taken so far.
        ended: whether an END was among the messages.
    """

    def __init__(self, folder: Path, instruments: list[Instrument]) -> None:
        self.directory = Directory(instruments)
        self.trades = RecordFile(folder / TRADES, trade_schema(self.directory))
        self.reports = RecordFile(folder / REPORTS, REPORT_SCHEMA)
        self.times_ns: dict[int, int] = {}
        self.rows = 0
        self.ended = False
        self.closed = False

    def add(self, which: int, messages: Messages) -> None:
        """Take in a MESSAGE array of an input, all of it after what the input gave before."""
        if len(messages) == 0:
            return
        kinds = messages["kind"]
        is_time = kinds == Kind.TIME
        told_ns = messages[is_time].view(CONTROL)["event_ts_ns"]
        told_ns = np.concatenate([[self.times_ns.get(which, 0)], told_ns]).astype(np.int64)
        self.times_ns[which] = int(told_ns[-1])
        self.ended = self.ended or bool((kinds == Kind.END).any())
        times_ns = told_ns[np.cumsum(is_time)]
        is_report = (kinds >= Kind.ACCEPTED) & (kinds <= Kind.REFUSED)
        for file, wanted in ((self.trades, kinds == Kind.TRADE), (self.reports, is_report)):
            if wanted.any():
                file.add(times_ns[wanted], picked(messages, wanted))
                self.rows += int(wanted.sum())
        self.flush(due_only=True)

    def flush(self, *, due_only: bool = False) -> None:
        """Write the rows that are waiting; or those that have waited long enough."""
        for file, columns in ((self.trades, trade_columns), (self.reports, report_columns)):
            if file.due if due_only else file.waiting_rows:
                file.write(columns(self.directory, *file.take_waiting()))

    def close(self, *, whole: bool) -> None:
        """Close the files; where they are `whole`, give them their names. Once is enough."""
        if self.closed:
            return
        self.closed = True
        self.flush()
        files = (self.trades, self.reports)
        for file in files:
            file.finish()
        if whole:
            for file in files:
                file.partial.rename(file.path)
