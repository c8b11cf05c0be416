"""Databento's orders become flow exactly, and a damaged file is an error that says where."""

import struct
from collections.abc import Iterable
from decimal import Decimal
from itertools import takewhile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from hft import replay
from hft.config import InstrumentConfig
from hft.core import MatchingEngine
from hft.core.messages import TRADE_DTYPE, Kind, Side
from hft.errors import FeedError
from hft.feeds.base import FeedOptions
from hft.feeds.databento import DatabentoFeed
from hft.feeds.dbn import MBO

F_LAST, SNAPSHOT = 128, 32
NO_PRICE = 2**63 - 1
UNIT = 10**9
BUY, SELL = Side.BUY, Side.SELL
ADD, CANCEL, DELETE = Kind.FLOW_ADD, Kind.FLOW_CANCEL, Kind.FLOW_DELETE
EXECUTE, HIDDEN = Kind.FLOW_EXECUTE, Kind.FLOW_HIDDEN

Row = tuple[str, int, str, str, int, int]  # action, order id, side, price, size, flags
# The comment says what becomes of a record: prices are in ticks of 0.01.
ROWS: list[Row] = [
    ("R", 0, "N", "", 0, SNAPSHOT),  # nothing: there is nothing yet
    ("A", 1, "B", "100.25", 5, SNAPSHOT),
    ("A", 2, "B", "100.25", 3, SNAPSHOT),
    ("A", 3, "A", "100.5", 4, SNAPSHOT | F_LAST),
    ("M", 1, "B", "100.25", 4, F_LAST),  # shrinks: keeps its place
    ("M", 1, "B", "100.25", 6, F_LAST),  # grows: behind 2
    ("M", 2, "B", "100", 3, F_LAST),  # moves
    ("C", 3, "A", "100.5", 1, F_LAST),
    ("T", 9, "A", "100.25", 6, 0),
    ("F", 1, "B", "100.25", 2, 0),
    ("F", 1, "B", "100.25", 3, 0),
    ("M", 1, "B", "100.25", 4, 0),  # these two say what F has said
    ("M", 1, "B", "100.25", 1, F_LAST),  # and what no F named of 6 is hidden
    ("T", 9, "B", "100.5", 3, 0),
    ("F", 3, "A", "100.5", 3, 0),
    ("C", 3, "A", "100.5", 3, F_LAST),  # it has left
    ("T", 0, "N", "100.4", 2, F_LAST),  # nobody knows whose
    ("F", 1, "B", "100.25", 1, 0),
    ("M", 1, "B", "100.25", 1, F_LAST),  # shows more of itself: as large as it was
    ("N", 0, "N", "", 0, F_LAST),
    ("R", 0, "N", "", 0, F_LAST),
]
FLOW = [
    (ADD, 1, BUY, 10025, 5, 2),
    (ADD, 2, BUY, 10025, 3, 3),
    (ADD, 3, SELL, 10050, 4, 4),
    (CANCEL, 1, BUY, 10025, 1, 5),
    (DELETE, 1, BUY, 10025, 4, 6),
    (ADD, 1, BUY, 10025, 6, 6),
    (DELETE, 2, BUY, 10025, 3, 7),
    (ADD, 2, BUY, 10000, 3, 7),
    (CANCEL, 3, SELL, 10050, 1, 8),
    (EXECUTE, 1, BUY, 10025, 2, 10),
    (EXECUTE, 1, BUY, 10025, 3, 11),
    (HIDDEN, 0, BUY, 10025, 1, 13),
    (EXECUTE, 3, SELL, 10050, 3, 15),
    (EXECUTE, 1, BUY, 10025, 1, 18),
    (ADD, 1, BUY, 10025, 1, 19),
    (DELETE, 2, BUY, 10000, 3, 21),
    (DELETE, 1, BUY, 10025, 1, 21),
]
FIELDS = ["kind", "order_id", "side", "price_ticks", "qty_lots", "event_ts_ns"]


def records(rows: Iterable[Row]) -> np.ndarray:
    """Records of instrument 77, the n-th received at n ns."""
    rows = list(rows)
    array = np.zeros(len(rows), MBO)
    array["length"], array["rtype"], array["instrument_id"] = 14, 160, 77
    array["ts_recv"] = np.arange(1, len(rows) + 1)
    for record, (action, order_id, side, price, size, flags) in zip(array, rows, strict=True):
        record["action"], record["side"] = action, side
        record["order_id"], record["size"], record["flags"] = order_id, size, flags
        record["price"] = int(Decimal(price) * UNIT) if price else NO_PRICE
    return array


def metadata(version: int = 1, schema: int = 0, symbols: dict[str, int] | None = None) -> bytes:
    size = 22 if version == 1 else 71
    fixed = struct.pack("<16sHQQQ", b"XTST.TEST", schema, 1, 2, 0)
    if version == 1:
        fixed += struct.pack("<QBBB47x", 0, 1, 0, 0)
    else:
        fixed += struct.pack("<BBBH53x", 1, 0, 0, size)
    body = struct.pack("<I", 0)
    body += struct.pack(f"<I{size}sII", 1, b"ABC", 0, 0)
    symbols = {"ABCM4": 77} if symbols is None else symbols
    body += struct.pack("<I", len(symbols))
    for symbol, number in symbols.items():
        body += struct.pack(f"<{size}sI", symbol.encode(), 1)
        body += struct.pack(f"<II{size}s", 20240508, 20240509, str(number).encode())
    assert len(fixed) == 100
    return b"DBN" + bytes([version]) + struct.pack("<I", len(fixed + body)) + fixed + body


def write(tmp_path: Path, array: np.ndarray, head: bytes | None = None) -> Path:
    path = tmp_path / "day.dbn"
    path.write_bytes((metadata() if head is None else head) + array.tobytes())
    return path


def flow_of(feed: DatabentoFeed) -> list[tuple[int, ...]]:
    commands = np.concatenate(list(feed.chunks()))
    return [tuple(int(command[field]) for field in FIELDS) for command in commands]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_records_become_flow(tmp_path: Path, version: int) -> None:
    feed = DatabentoFeed(str(write(tmp_path, records(ROWS), metadata(version))), FeedOptions())
    assert flow_of(feed) == FLOW
    assert feed.name == "databento XTST.TEST ABCM4, 1 trades of unknown side left out"
    (instrument,) = feed.instruments
    assert instrument.name == "XTST:ABCM4"
    assert (instrument.tick_size, instrument.lot_size) == (Decimal("0.01"), Decimal(1))
    assert instrument.order_increment_ticks == 5  # of 100.25, 100.4 and 100.5
    for field in ("sequence", "origin_ts_ns", "stamp", "source", "instrument", "reserved", "flags"):
        assert not feed.commands[field].any()


def test_the_truth_is_the_book_at_the_end_of_each_event(tmp_path: Path) -> None:
    feed = DatabentoFeed(str(write(tmp_path, records(ROWS))), FeedOptions())
    assert feed.truth.numbers.tolist() == [4, 5, 6, 7, 8, 13, 16, 17, 19, 20, 21]
    assert feed.truth.row_end.tolist() == [3, 4, 6, 8, 9, 12, 13, 13, 15, 15, 17]
    assert feed.truth.rows[4, :2].tolist() == [
        [10050, 3, 10025, 6],
        [9999999999, 0, 10000, 3],
    ]
    result = replay.replay(feed, feed.truth)
    assert result.clean
    assert (result.trades, result.traded_lots) == (5, 10)
    feed.truth.rows[4, 1, 3] = 2
    shown = replay.replay(feed, feed.truth).truth.shown
    assert str(shown[0]) == "record 8, bid 2: expected 2 @ 10000, found 3 @ 10000"


def test_instruments_are_kept_apart(tmp_path: Path) -> None:
    array = records([*ROWS[1:4], ("A", 4, "B", "0.5", 7, F_LAST), ("R", 0, "N", "", 0, F_LAST)])
    array["instrument_id"][3:] = 5
    feed = DatabentoFeed(str(write(tmp_path, array)), FeedOptions())
    assert [instrument.name for instrument in feed.instruments] == ["XTST:ABCM4", "XTST:5"]
    assert feed.instruments[1].tick_size == Decimal("0.1")
    assert feed.commands["instrument"].tolist() == [0, 0, 0, 1, 1]
    assert flow_of(feed)[3:] == [(ADD, 4, BUY, 5, 7, 4), (DELETE, 4, BUY, 5, 7, 5)]


def test_a_configured_grid_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path, records(ROWS[:8]))
    grid = InstrumentConfig(tick_size=Decimal("0.25"), lot_size=Decimal(1))
    feed = DatabentoFeed(str(path), FeedOptions(instruments={"ABCM4": grid}))
    assert feed.instruments[0].tick_size == Decimal("0.25")
    assert flow_of(feed)[0] == (ADD, 1, BUY, 401, 5, 2)
    grid = InstrumentConfig(tick_size=Decimal("0.2"), lot_size=Decimal(1))
    with pytest.raises(FeedError) as caught:
        DatabentoFeed(str(path), FeedOptions(instruments={"ABCM4": grid}))
    problem = (
        "record 2, price: must be a multiple of 0.2, such as 100.2 or 100.4, was 100.250000000"
    )
    assert str(caught.value) == f"{path}: {problem}"
    with pytest.raises(
        FeedError, match="symbol: must be an instrument of the configuration; there"
    ):
        DatabentoFeed(str(path), FeedOptions(instruments={"ABCU4": grid}))


def test_a_duration_ends_it(tmp_path: Path) -> None:
    feed = DatabentoFeed(str(write(tmp_path, records(ROWS))), FeedOptions(duration_ns=4))
    assert flow_of(feed) == FLOW[:3]
    assert len(feed.truth.rows) == 1


@pytest.mark.parametrize(
    ("number", "field", "value", "problem"),
    [
        (3, "rtype", 1, "rtype: must be 160, that of market by order, was 1"),
        (3, "length", 15, "length: must be 14, that of market by order, was 15"),
        (3, "action", b"Z", "action: must be A, C, F, M, N, R or T, was 'Z'"),
        (
            3,
            "ts_recv",
            2**64 - 1,
            "ts_recv: must be before the year 2262, was 18446744073709551615",
        ),
        (3, "ts_recv", 1, "ts_recv: must not be before that of the record before, was 1"),
        (3, "order_id", 0, "order_id: must not be 0, was 0"),
        (3, "order_id", 2**56, "order_id: must be at most 2**56 - 1, was 72057594037927936"),
        (3, "order_id", 1, "order_id: must not be that of a resting order, was 1"),
        (8, "order_id", 6, "order_id: must be that of a resting order; a file that begins with a"),
        (10, "order_id", 6, "order_id: must be that of a resting order; a file that begins with"),
        (7, "instrument_id", 6, "order_id: must be that of a resting order; a file that begins"),
        (3, "side", b"N", "side: must be A or B, was 'N'"),
        (3, "size", 0, "size: must be above 0, was 0"),
        (8, "size", 5, "size: must be at most 4, which order 3 has left, was 5"),
        (10, "size", 7, "size: must be at most 6, which order 1 has left, was 7"),
        (3, "price", NO_PRICE, "price: must be there, was 9223372036854775807"),
    ],
)
def test_a_bad_record_is_an_error_with_its_place(
    tmp_path: Path, number: int, field: str, value: int | bytes, problem: str
) -> None:
    array = records(ROWS)
    array[field][number - 1] = value
    path = write(tmp_path, array)
    with pytest.raises(FeedError) as caught:
        DatabentoFeed(str(path), FeedOptions())
    assert str(caught.value).startswith(f"{path}: record {number}, {problem}")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "must not be empty"),
        (b"hello", "is not a DBN file: it must begin with DBN"),
        (b"DBN", "version: must be 1, 2 or 3, was 0"),
        (b"DBN\x09" + metadata()[4:], "version: must be 1, 2 or 3, was 9"),
        (metadata()[:7], "metadata: is damaged or cut off"),
        (metadata()[:120], "metadata: is damaged or cut off"),
        (metadata(schema=1), "schema: must be 0, market by order, was 1"),
        (metadata(), "must have records"),
        (metadata() + records(ROWS).tobytes()[:-1], "record 21: is cut off: must have 56 bytes, w"),
    ],
)
def test_another_file_is_an_error(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(FeedError) as caught:
        DatabentoFeed(str(path), FeedOptions())
    assert str(caught.value).startswith(f"{path}: {problem}")


def test_a_compressed_file_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    whole = pa.compress(metadata() + records(ROWS).tobytes(), "zstd", asbytes=True)
    path = tmp_path / "day.dbn.zst"
    path.write_bytes(whole)
    assert flow_of(DatabentoFeed(str(path), FeedOptions())) == FLOW
    for size in range(4, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(FeedError, match="is a damaged or cut-off zstd file: "):
            DatabentoFeed(str(path), FeedOptions())


Queues = dict[str, dict[int, dict[int, int]]]  # side, price: sizes by order id, oldest first


def in_book_order(queues: Queues) -> list[tuple[int, int, int]]:
    """Id, price and quantity of every order: bids then asks, best first, then by queue."""
    return [
        (order_id, price, size)
        for side, order in (("B", -1), ("A", 1))
        for price in sorted(queues[side], key=lambda each, order=order: order * each)
        for order_id, size in queues[side][price].items()
    ]


def test_the_recorded_seconds(data_dir: Path) -> None:
    """At the end of each event the book is the plain one, in price-time order, and not crossed.

    Every fill is at the best price, which is its order's, and of the order that has waited longest
    there; one other was ahead once, and left without a trade in the same event. The fills after a
    trade are its size. At the end, and at some events, all queues are compared.
    """
    path = data_dir / "databento/ESM4_mbo_2024-05-08T00-00-00_2s.dbn.zst"
    feed = DatabentoFeed(str(path), FeedOptions())
    assert [instrument.name for instrument in feed.instruments] == ["GLBX:ESM4"]
    assert feed.instruments[0].tick_size == Decimal("0.01")
    assert feed.instruments[0].order_increment_ticks == 25
    result = replay.replay(feed, feed.truth)
    assert result.clean
    assert (result.trades, result.traded_lots) == (5, 6)
    assert (result.truth.rows, result.truth.comparisons) == (185, 3_700)

    with pa.input_stream(str(path)) as stream:
        array = np.frombuffer(stream.read()[206:], MBO)
    assert len(array) == 13_796
    snapshot = (array["flags"] & SNAPSHOT) != 0
    assert snapshot.sum() == 13_601
    assert (np.diff(array["sequence"][~snapshot].astype(np.int64)) >= 0).all()
    engine = MatchingEngine(instruments=1, orders=16_384)
    queues: Queues = {"B": {}, "A": {}}
    place: dict[int, tuple[str, int]] = {}
    ahead: list[int] = []
    done = events = hashes = fills = passed = 0
    traded = filled = 0

    def leave(order_id: int) -> None:
        side, price = place.pop(order_id)
        del queues[side][price][order_id]
        if not queues[side][price]:
            del queues[side][price]

    for row, record in enumerate(array.tolist()):
        (*_, order_id, price, size, flags, _, action, side_byte, _, _, _) = record
        side, ticks = side_byte.decode(), price // 10**7
        end = int(feed.row_end[row])
        trades = engine.process_all(feed.commands[done:end])
        trades = trades[trades["kind"] == Kind.TRADE].view(TRADE_DTYPE)
        done = end
        assert len(trades) == (action == b"F")
        if action == b"A":
            queues[side].setdefault(ticks, {})[order_id] = size
            place[order_id] = side, ticks
        elif action == b"C":
            old_side, old_ticks = place[order_id]
            queues[old_side][old_ticks][order_id] -= size
            assert queues[old_side][old_ticks][order_id] >= 0
            if not queues[old_side][old_ticks][order_id]:
                leave(order_id)
        elif action == b"M":
            if place[order_id] != (side, ticks) or size > queues[side][ticks][order_id]:
                leave(order_id)
                queues[side].setdefault(ticks, {})
                place[order_id] = side, ticks
            queues[side][ticks][order_id] = size
        elif action == b"T":
            assert filled == traded
            traded += size
        elif action == b"F":
            best = min(queues["A"]) if side == "A" else max(queues["B"])
            assert place[order_id] == (side, ticks) == (side, best)
            ahead += takewhile(lambda each, filled=order_id: each != filled, queues[side][best])
            assert trades["maker_order_id"] == order_id
            assert (trades["price_ticks"], trades["qty_lots"]) == (ticks, size)
            filled += size
            fills += 1
        if not flags & F_LAST:
            continue
        events += 1
        bids, asks = engine.depth(0, 20).tolist()
        for levels, name in (bids, "B"), (asks, "A"):
            best = sorted(queues[name], reverse=name == "B")[:20]
            assert levels == [
                [each, sum(queues[name][each].values()), len(queues[name][each])] for each in best
            ]
        assert bids[0][0] < asks[0][0]
        assert traded == filled
        assert not any(each in place for each in ahead)
        passed += len(ahead)
        ahead.clear()
        assert len(engine) == len(place)
        if events % 40 == 0 or row == len(array) - 1:
            found = [
                (each["order_id"], each["price_ticks"], each["leaves_lots"]) for each in engine
            ]
            assert found == in_book_order(queues)
            hashes += 1
    assert (events, fills, traded, passed, hashes) == (185, 5, 6, 1, 5)
    assert len(place) == 13_598  # 78 more came, and 80 left
