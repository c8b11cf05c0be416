"""Rows have the time last told on their input, exact decimals and names; files are whole."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hft.core.messages import (
    CONTROL,
    MESSAGE,
    PAYLOAD_OF_KIND,
    REPORT,
    TRADE_DTYPE,
    Kind,
    Reason,
    Side,
    Source,
    order_id,
)
from hft.errors import InstrumentError, UserError
from hft.instruments import Instrument
from hft.oms import records
from hft.oms.records import RecordWriter

AMZN = Instrument("NASDAQ", "AMZN", Decimal("0.0001"), Decimal(1))
BTC = Instrument("BINANCE", "BTCUSDT", Decimal("0.10"), Decimal("0.001"))
OTHER_BTC = Instrument("OTHER", "BTCUSDT", Decimal("0.01"), Decimal("0.01"))
INSTRUMENTS = [AMZN, BTC, OTHER_BTC]
OWN = order_id(Source.SOURCE_STRATEGY, 7)


def message(kind: Kind, **fields: int) -> np.ndarray:
    """One MESSAGE; the fields that aren't given are 0."""
    array = np.zeros(1, PAYLOAD_OF_KIND[kind])
    array["kind"] = kind
    for name, value in fields.items():
        array[name] = value
    return array.view(MESSAGE)


def write(folder: Path, *messages: np.ndarray) -> None:
    writer = RecordWriter(folder, INSTRUMENTS)
    writer.add(0, np.concatenate(messages))
    writer.close(whole=True)


def column(path: Path, name: str) -> list[object]:
    return pq.read_table(path)[name].to_pylist()


def test_a_trade_in_polars(tmp_path: Path) -> None:
    write(
        tmp_path,
        message(Kind.TIME, event_ts_ns=5),
        message(
            Kind.TRADE, instrument=1, maker_order_id=OWN, taker_order_id=3, price_ticks=641_234,
            qty_lots=3, side=Side.SELL, hidden=1,
        ),
        message(Kind.TRADE, maker_order_id=9, price_ticks=-(2**63), qty_lots=2**63 - 1, side=1),
    )  # fmt: skip
    expected = {
        "event_ts_ns": [5, 5],
        "instrument": [1, 0],
        "symbol": ["BTCUSDT", "AMZN"],
        "price_ticks": [641_234, -(2**63)],
        "price": [Decimal("64123.4"), Decimal("-922337203685477.5808")],
        "qty_lots": [3, 2**63 - 1],
        "qty": [Decimal("0.003"), Decimal(2**63 - 1)],
        "side": ["SELL", "BUY"],
        "maker_order_id": [OWN, 9],
        "taker_order_id": [3, 0],
        "hidden": [True, False],
        "own": [True, False],
    }
    assert pq.read_table(tmp_path / "trades.parquet").to_pydict() == expected
    in_polars = pl.read_parquet(tmp_path / "trades.parquet")
    assert in_polars.to_dict(as_series=False) == expected
    assert in_polars.schema["maker_order_id"] == pl.UInt64
    assert in_polars.schema["side"] == pl.Categorical


def test_a_report_in_polars(tmp_path: Path) -> None:
    fields = {
        "origin_ts_ns": 8, "instrument": 2, "order_id": OWN, "price_ticks": -1, "last_lots": 4,
        "leaves_lots": 2, "account": 65_535, "cause": 2**32 - 1,
    }  # fmt: skip
    reason, side = Reason.RISK_POSITION, Side.BUY
    write(
        tmp_path,
        message(Kind.TIME, event_ts_ns=6),
        message(Kind.REFUSED, reason=reason, side=side, **fields),
    )
    expected = {
        **fields, "event_ts_ns": 6, "kind": "REFUSED", "symbol": "BTCUSDT",
        "reason": "RISK_POSITION", "side": "BUY",
    }  # fmt: skip
    path = tmp_path / "reports.parquet"
    assert pl.read_parquet(path).to_dicts() == [expected]


# Not among the tools: pyarrow would import it at the start of every command.
def test_pandas_reads_the_same(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    test_a_trade_in_polars(tmp_path)
    trades = pandas.read_parquet(tmp_path / "trades.parquet")
    assert trades.to_dict("list") == pq.read_table(tmp_path / "trades.parquet").to_pydict()
    assert isinstance(trades["symbol"].dtype, pandas.CategoricalDtype)
    (tmp_path / "report").mkdir()
    test_a_report_in_polars(tmp_path / "report")
    path = tmp_path / "report/reports.parquet"
    assert pandas.read_parquet(path).to_dict("records") == pl.read_parquet(path).to_dicts()


def test_times_are_told_per_input_and_last_over_batches(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path, INSTRUMENTS)
    trade = message(Kind.TRADE)
    writer.add(0, trade)  # before any time is told
    writer.add(
        0,
        np.concatenate(
            [
                message(Kind.TIME, event_ts_ns=10), trade, trade,
                message(Kind.TIME, event_ts_ns=11), message(Kind.TIME, event_ts_ns=12), trade,
            ]
        ),
    )  # fmt: skip
    writer.add(1, message(Kind.TIME, event_ts_ns=99))
    writer.add(0, np.concatenate([trade, message(Kind.TIME, event_ts_ns=13)]))
    writer.add(0, np.zeros(0, MESSAGE))
    writer.add(1, message(Kind.REFUSED))
    writer.add(0, message(Kind.FILLED))
    assert writer.rows == 7
    writer.close(whole=True)
    assert column(tmp_path / "trades.parquet", "event_ts_ns") == [0, 10, 10, 12, 12]
    assert column(tmp_path / "reports.parquet", "event_ts_ns") == [99, 13]


def test_what_has_no_name_is_null(tmp_path: Path) -> None:
    write(tmp_path, message(Kind.REJECTED, instrument=3, side=9, reason=200))
    row = pq.read_table(tmp_path / "reports.parquet").to_pylist()[0]
    assert (row["instrument"], row["symbol"], row["side"], row["reason"]) == (3, None, None, None)


def test_files_get_their_names_when_they_are_whole(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path, INSTRUMENTS)
    partial = {"trades.parquet.partial", "reports.parquet.partial"}
    assert {path.name for path in tmp_path.iterdir()} == partial
    with pytest.raises(UserError, match="partial: can't be made: File exists"):
        RecordWriter(tmp_path, INSTRUMENTS)
    assert not writer.ended
    writer.add(0, message(Kind.END))
    assert (writer.ended, writer.rows) == (True, 0)
    writer.close(whole=True)
    writer.close(whole=False)
    assert {path.name for path in tmp_path.iterdir()} == {"trades.parquet", "reports.parquet"}
    assert column(tmp_path / "trades.parquet", "price") == []
    with pytest.raises(UserError, match=r"trades\.parquet: exists already"):
        RecordWriter(tmp_path, INSTRUMENTS)


def test_files_that_are_not_whole_keep_the_rows_but_not_the_name(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path, INSTRUMENTS)
    writer.add(0, message(Kind.TRADE))
    writer.close(whole=False)
    assert column(tmp_path / "trades.parquet.partial", "qty_lots") == [0]
    assert not (tmp_path / "trades.parquet").exists()


def test_rows_are_written_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr(records.time, "monotonic", lambda: now_s[0])
    writer = RecordWriter(tmp_path, INSTRUMENTS)
    trades = np.zeros(40_000, TRADE_DTYPE)
    trades["kind"] = Kind.TRADE
    for _ in range(3):
        writer.add(0, trades.view(MESSAGE))  # the second fills a group
    now_s[0] += records.FLUSH_S / 2
    reports = np.zeros(1, REPORT)
    reports["kind"] = Kind.ACCEPTED
    writer.add(0, reports.view(MESSAGE))
    now_s[0] += records.FLUSH_S / 2
    writer.add(0, np.zeros(1, CONTROL).view(MESSAGE))  # the third has waited long enough
    assert (writer.trades.waiting_rows, writer.reports.waiting_rows) == (0, 1)
    writer.close(whole=True)
    found = pq.ParquetFile(tmp_path / "trades.parquet").metadata
    assert [found.row_group(index).num_rows for index in range(2)] == [80_000, 40_000]


def test_types_of_ids_and_decimals(tmp_path: Path) -> None:
    write(tmp_path, message(Kind.TRADE))
    schema = pq.read_schema(tmp_path / "trades.parquet")
    assert schema.field("price").type == pa.decimal128(38, 4)
    assert schema.field("qty").type == pa.decimal128(38, 3)
    assert schema.field("taker_order_id").type == pa.uint64()


def test_sizes_too_far_apart_for_one_column_are_refused(tmp_path: Path) -> None:
    far = Instrument("X", "Y", Decimal("1e15"), Decimal("0.001"))
    with pytest.raises(InstrumentError, match="tick_size: of all instruments must have at most 18"):
        RecordWriter(tmp_path, [AMZN, far])
    assert list(tmp_path.iterdir()) == []
