"""CSV feeds: columns by heading, times and grids told by the file, and errors that say where."""

import gzip
import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hft.config import InstrumentConfig
from hft.core.control import INSTRUMENTS_MAX
from hft.core.messages import Kind, Side
from hft.errors import FeedError
from hft.feeds import Feed, FeedOptions, open_feed
from hft.feeds import csv_file as csv_file_module

HEADING = "timestamp,symbol,price,size,side\n"
TRADES = HEADING + "1582329602,AB,10.5,3,buy\n1582329603,AB,10.4,2,sell\n"
QUOTES = "timestamp,symbol,bid_price,bid_size,ask_price,ask_size\n1,AB,10.4,2,10.5,3\n"
GRID = InstrumentConfig(tick_size=Decimal("0.05"), lot_size=Decimal("2"))
NO_OPTIONS = FeedOptions()


def open_text(
    tmp_path: Path, text: str | bytes, scheme: str = "csv", options: FeedOptions = NO_OPTIONS
) -> Feed:
    path = tmp_path / "file.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_feed(f"{scheme}:{path}", options)


def error_of(
    tmp_path: Path, text: str | bytes, scheme: str = "csv", options: FeedOptions = NO_OPTIONS
) -> str:
    """What the error says after the file's name; it is one line."""
    with pytest.raises(FeedError) as caught:
        open_text(tmp_path, text, scheme, options)
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(f"{tmp_path / 'file.csv'}: ")
    return said.removeprefix(f"{tmp_path / 'file.csv'}: ")


def trades_of(feed: Feed) -> list[tuple[int, int, int, int, int]]:
    """Time, instrument, price, lots and maker's side of every execution."""
    flow = np.concatenate(list(feed.chunks()))
    flow = flow[flow["kind"] == Kind.FLOW_EXECUTE]
    fields = ("event_ts_ns", "instrument", "price_ticks", "qty_lots", "side")
    return [tuple(int(each[field]) for field in fields) for each in flow]


S = 10**9
T = 1582329602 * S
TWO_TRADES = [
    (T, 0, 105, 3, Side.SELL),
    (T + S, 0, 104, 2, Side.BUY),
]


@pytest.mark.parametrize(
    "text",
    [
        TRADES,
        TRADES.removeprefix(HEADING),
        TRADES.removesuffix("\n"),
        TRADES + "\n\r\n\n",
        "\n" + TRADES.replace("\n", "\r\n\r\n"),
        "\ufeff" + TRADES,
        '"Time","SYMBOL","px","Quantity","Side"\n' + TRADES.removeprefix(HEADING),
        TRADES.replace(",", " , "),
        TRADES.replace("AB", '"AB"').replace("10.4", '"10.4"'),
        TRADES.replace("10.4", "1.04e1").replace("3,buy", "3E+0,BUY").replace(",2,", ",02.000,"),
        TRADES.replace("10.5", "+10.500000000000000000").replace("sell", "-1"),
        "side,id,qty,ts,local_timestamp,trade price,sym\n"
        "b,9,3,1582329602,5,10.5,AB\nask,8,2,1582329603,x,10.4,AB\n",
        gzip.compress(TRADES.encode()),
        gzip.compress(TRADES[:50].encode()) + gzip.compress(TRADES[50:].encode()),
    ],
)
def test_one_file_in_many_spellings(tmp_path: Path, text: str | bytes) -> None:
    feed = open_text(tmp_path, text)
    assert trades_of(feed) == TWO_TRADES
    assert [each.name for each in feed.instruments] == ["CSV:AB"]
    assert feed.instruments[0].tick_size == Decimal("0.1")
    assert feed.instruments[0].lot_size == 1
    assert feed.name == "csv file.csv: 2 trades, CSV:AB, tick 0.1, lot 1, times in s"


@pytest.mark.parametrize(
    ("first", "second", "unit", "ts_ns"),
    [
        ("0", "0.000000001", "in s", (0, 1)),
        ("34200.017459617", "34200.1", "in s", (34200_017459617, 34200_100000000)),
        ("1582329602.123456789", "1582329603", "in s", (T + 123456789, T + S)),
        ("1582329602111", "1582329602111.000001", "in ms", (T + 111000000, T + 111000001)),
        ("1582329602111222", "1582329602111223", "in µs", (T + 111222000, T + 111223000)),
        ("1.582329602111222e15", "1582329602111223", "in µs", (T + 111222000, T + 111223000)),
        ("1582329602111222333", "1582329602111222334", "in ns", (T + 111222333, T + 111222334)),
        (
            "2020-02-22T00:00:02.111222333Z",
            "2020-02-22 01:00:03+01:00",
            "in ISO 8601",
            (T + 111222333, T + S),
        ),
        ("2020-02-22 00:00:02.5", "2020-02-23", "in ISO 8601", (T + S // 2, T + 86398 * S)),
    ],
)
def test_the_unit_of_time_is_told_and_exact(
    tmp_path: Path, first: str, second: str, unit: str, ts_ns: tuple[int, int]
) -> None:
    feed = open_text(tmp_path, f"{first},AB,10,1,buy\n{second},AB,10,1,sell\n")
    assert feed.name.endswith(f"times {unit}")
    assert tuple(each[0] for each in trades_of(feed)) == ts_ns


@pytest.mark.parametrize(
    ("numbers", "step"),
    [
        (["1", "2"], "1"),
        (["100", "5000"], "1"),
        (["1.50", "2.25"], "0.01"),
        (["0.5", "1e-3"], "0.001"),
        (["1", "0.000000000000000001"], "1E-18"),
        (["12345678901", "0.1"], "0.1"),
        (["0.10000000000000000000000", "7"], "0.1"),
    ],
)
def test_grids_are_found_exactly(tmp_path: Path, numbers: list[str], step: str) -> None:
    for column in (2, 3):
        lines = []
        for number in numbers:
            cells = ["1", "AB", "1", "1", "buy"]
            cells[column] = number
            lines.append(",".join(cells) + "\n")
        feed = open_text(tmp_path, "".join(lines))
        instrument = feed.instruments[0]
        assert (instrument.tick_size, instrument.lot_size)[column - 2] == Decimal(step)
        found = [each[column] * Decimal(step) for each in trades_of(feed)]
        assert found == [Decimal(number) for number in numbers]


def spellings(number: Decimal) -> st.SearchStrategy[str]:
    """Texts of a number above 0."""
    plain = f"{number:f}"
    zeros = plain + ("" if "." in plain else ".") + "000"
    return st.sampled_from([plain, zeros, "+" + plain, "0" + plain, f"{number:e}", f"{number:E}"])


amounts = st.decimals(Decimal("1e-7"), Decimal(10**9), places=7).map(Decimal.normalize)


@given(st.data(), st.lists(st.tuples(amounts, amounts), min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_any_spelling_of_a_number_is_exact(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, rows: list[tuple[Decimal, ...]]
) -> None:
    """No binary float comes between the text and the ticks and lots."""
    lines = [
        f"1,AB,{data.draw(spellings(price))},{data.draw(spellings(size))},buy\n"
        for price, size in rows
    ]
    feed = open_text(tmp_path_factory.mktemp("numbers"), "".join(lines))
    (instrument,) = feed.instruments
    found = [
        (instrument.ticks_to_price(each[2]), instrument.lots_to_qty(each[3]))
        for each in trades_of(feed)
    ]
    assert found == rows
    assert any(price % (10 * instrument.tick_size) for price, _ in rows) or (
        instrument.tick_size == 1
    )


@given(
    st.sampled_from([("s", 9), ("ms", 6), ("µs", 3), ("ns", 0)]),
    st.lists(st.integers(10**16, 9 * 10**18 - 1), min_size=1, max_size=8),
)
@settings(max_examples=200, deadline=None)
def test_any_time_is_exact(
    tmp_path_factory: pytest.TempPathFactory, unit: tuple[str, int], times: list[int]
) -> None:
    times.sort()
    texts = [f"{Decimal(ts_ns).scaleb(-unit[1]):f}" for ts_ns in times]
    lines = [f"{text},AB,10,1,buy\n" for text in texts]
    feed = open_text(tmp_path_factory.mktemp("times"), "".join(lines))
    assert feed.name.endswith(f"times in {unit[0]}")
    assert [each[0] for each in trades_of(feed)] == times


def test_symbols_have_grids_of_their_own(tmp_path: Path) -> None:
    """In order of appearance, apart by venue; the same symbol of two venues is two instruments."""
    text = "exchange,symbol,timestamp,price,amount,side\n" + "".join(
        f"{line}\n"
        for line in ("X,B,1,10.25,5,buy", "Y,A,1,3,0.5,sell", "Y,B,2,7,1,buy", ",A,2,8.5,1,sell")
    )
    feed = open_text(tmp_path, text)
    assert [each.name for each in feed.instruments] == ["X:B", "Y:A", "Y:B", "CSV:A"]
    assert [str(each.tick_size) for each in feed.instruments] == ["0.01", "1", "1", "0.1"]
    assert [str(each.lot_size) for each in feed.instruments] == ["1", "0.1", "1", "1"]
    assert [each[1:] for each in trades_of(feed)] == [
        (0, 1025, 5, Side.SELL), (1, 3, 5, Side.BUY), (2, 7, 1, Side.SELL), (3, 85, 1, Side.BUY)
    ]  # fmt: skip
    assert "4 symbols" in feed.name


@pytest.mark.parametrize(
    ("heading", "row", "problem"),
    [
        (
            "date,time,symbol,price,size",
            "1,1,A,2,3",
            "must have one column timestamp, or call one of them so, was 'date, time'",
        ),
        (
            "timestamp,symbol,last_price,px,size",
            "1,A,2,2,3",
            "must have one column price, or call one of them so, was 'last_price, px'",
        ),
        ("timestamp,symbol,price,Price,size", "1,A,2,2,3", "was 'price, Price'"),
        ("timestamp,symbol,price,size,direction,taker_side", "1,A,2,3,b,s", "one column side, or"),
        (
            "timestamp,symbol,price,size,market,venue",
            "1,A,2,3,X,Y",
            "one column exchange, or call one",
        ),
        ("timestamp,symbol,price,size,market,exchange", "1,A,2,3,X,Y", None),
        ("time,date,symbol,last_price,price,size,timestamp", "9,9,A,9,2,3,1", None),
    ],
)
def test_columns_of_one_role_are_told_apart_by_its_name(
    tmp_path: Path, heading: str, row: str, problem: str | None
) -> None:
    text = f"{heading}\n{row}\n"
    if problem is None:
        assert trades_of(open_text(tmp_path, text)) == [(S, 0, 2, 3, Side.SELL)]
    else:
        said = error_of(tmp_path, text)
        assert said.startswith("line 1, heading: must have one column ")
        assert problem in said


def test_a_given_grid_is_the_grid(tmp_path: Path) -> None:
    options = FeedOptions(instruments={"AB": GRID})
    feed = open_text(tmp_path, TRADES.replace("3,buy", "4,buy"), options=options)
    assert feed.instruments[0].tick_size == Decimal("0.05")
    assert [each[2:4] for each in trades_of(feed)] == [(210, 2), (208, 1)]


@pytest.mark.parametrize(("scheme", "text"), [("csv", TRADES), ("bbo", QUOTES)])
def test_blocks_make_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, text: str
) -> None:
    """A file of many blocks gives the flow of one block, and the same lines in its errors."""
    heading, _, row = text.partition("\n")
    cells = row.splitlines()[0].split(",")
    lines = [",".join([str(second), *cells[1:]]) for second in range(3000)]
    whole = "\n".join([heading, *lines, ""])
    flows, errors = [], []
    for block_bytes in (1 << 20, 1 << 10):
        monkeypatch.setattr(csv_file_module, "BLOCK_BYTES", block_bytes)
        flows.append(np.concatenate(list(open_text(tmp_path, whole, scheme).chunks())))
        errors.append(error_of(tmp_path, whole + "2998" + lines[0][1:] + "\n", scheme))
    assert flows[0].tobytes() == flows[1].tobytes()
    assert set(errors) == {
        "line 3002, timestamp: must not be before that of the row above, was '2998'"
    }


def test_a_duration_ends_the_flow(tmp_path: Path) -> None:
    options = FeedOptions(duration_ns=S)
    assert trades_of(open_text(tmp_path, TRADES, options=options)) == TWO_TRADES[:1]
    options = FeedOptions(duration_ns=S + 1)
    assert trades_of(open_text(tmp_path, TRADES, options=options)) == TWO_TRADES


def test_chunks_are_the_caller_s_to_change(tmp_path: Path) -> None:
    feed = open_text(tmp_path, TRADES)
    for chunk in feed.chunks():
        assert not chunk["sequence"].any()
        chunk["qty_lots"] = -1
    assert trades_of(feed) == TWO_TRADES


OFF_TIME = "must be a time: s, ms, µs or ns since 1970, or as 2020-02-22T00:00:01.096"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("1582329602,AB,10.5,3", "columns: must be 5, was 4"),
        ("1582329602,AB,10.5,3,buy,x", "columns: must be 5, was 6"),
        (" ", "columns: must be 5, was 1"),
        ("noon,AB,10.5,3,buy", f"timestamp: {OFF_TIME}, was 'noon'"),
        (",AB,10.5,3,buy", f"timestamp: {OFF_TIME}, was ''"),
        ("1582329601.9,AB,10.5,3,buy", "timestamp: must not be before that of the row above, was"),
        (
            "1582329602111,AB,10.5,3,buy",
            "timestamp: must be in s as the first is, and between 1970",
        ),
        (
            "1582329602.0000000001,AB,1,3,buy",
            "timestamp: must be a whole number of ns, as a time in",
        ),
        ("-5,AB,10.5,3,buy", "timestamp: must be in s as the first is, and between 1970 and 2255"),
        ("1582329602,,10.5,3,buy", "symbol: must be a name of printable letters, was ''"),
        ("1582329602,A\tB,10.5,3,buy", "symbol: must be a name of printable letters, was 'A\\tB'"),
        ("1582329602,AB,,3,buy", "price: must be a number, was ''"),
        ("1582329602,AB,ten,3,buy", "price: must be a number, was 'ten'"),
        ("1582329602,AB,nan,3,buy", "price: must be a number, was 'nan'"),
        ("1582329602,AB,1_0,3,buy", "price: must be a number, was '1_0'"),
        ("1582329602,AB,0x10,3,buy", "price: must be a number, was '0x10'"),
        ("1582329602,AB,0,3,buy", "price: must be above 0, was '0'"),
        ("1582329602,AB,-10.5,3,buy", "price: must be above 0, was '-10.5'"),
        ("1582329602,AB,1e30,3,buy", "price: must fit 64 bits, was '1e30'"),
        ("1582329602,AB,1e300,3,buy", "price: must fit 64 bits, was '1e300'"),
        ("1582329602,AB,99999999999999999999999,3,buy", "price: must fit 64 bits, was"),
        ("1582329602,AB,9999999999999999999999999999999999999999999,3,buy", "price: must fit 64"),
        ("1582329602,AB,1e-19,3,buy", "price: must have at most 18 decimals, was '1e-19'"),
        ("1582329602,AB,10.5,0,buy", "size: must be above 0, was '0'"),
        ("1582329602,AB,10.5,0.0,buy", "size: must be above 0, was '0.0'"),
        ("1582329602,AB,10.5,-3,buy", "size: must be above 0, was '-3'"),
        ("1582329602,AB,10.5,x,buy", "size: must be a number, was 'x'"),
        ("1582329602,AB,10.5,3,up", "side: must be buy or sell (or b, s, 1, -1; empty where it"),
        ('1582329602,AB,10.5,3,"buy', "side: must be buy or sell"),
    ],
)
def test_a_bad_row_is_an_error_with_its_line(tmp_path: Path, row: str, problem: str) -> None:
    for lead in (
        TRADES.splitlines(keepends=True)[:2],
        [HEADING, "\r\n", TRADES.splitlines()[1], "\n\n"],
    ):
        text = "".join(lead)
        line = text.count("\n") + 1
        assert error_of(tmp_path, f"{text}{row}\n{row}\n").startswith(f"line {line}, {problem}")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("2,AB,10.4,2,10.5", "columns: must be 6, was 5"),
        ("2,AB,0,2,10.5,3", "bid_price: must be above 0 where there is a bid_size, was '0'"),
        ("2,AB,10.4,-0.1,10.5,3", "bid_size: must be above 0, was '-0.1'"),
        ("2,AB,ten,0,10.5,3", "bid_price: must be a number, was 'ten'"),
        ("2,AB,10.4,2,,3", "ask_price: must be above 0 where there is an ask_size, was ''"),
        ("2,AB,10.4,2,10.5,-3", "ask_size: must be above 0, was '-3'"),
        ("2,AB,-10.4,2,10.5,3", "bid_price: must be above 0, was '-10.4'"),
        ("0.5,AB,10.4,2,10.5,3", "timestamp: must not be before that of the row above, was '0.5'"),
    ],
)
def test_a_bad_quote_is_an_error_with_its_line(tmp_path: Path, row: str, problem: str) -> None:
    assert error_of(tmp_path, QUOTES + row + "\n", "bbo").startswith(f"line 3, {problem}")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("1582329602,ABB,10.5,2,buy", "symbol: must be an instrument of the configuration; did y"),
        ("1582329602,XY,10.5,2,buy", "configuration; there are AB, was 'XY'"),
        ("1582329602,AB,10.51,2,buy", "price: must be a multiple of 0.05, such as 10.50 or 10.55"),
        ("1582329602,AB,10.525,2,buy", "price: must be a multiple of 0.05, such as 10.50 or 10.55"),
        ("1582329602,AB,0.01,2,buy", "price: must be a multiple of 0.05, such as 0.05, was '0.01'"),
        ("1582329602,AB,10.5,3,buy", "size: must be a multiple of 2, such as 2 or 4, was '3'"),
    ],
)
def test_off_a_given_grid_is_an_error_with_the_right_values(
    tmp_path: Path, row: str, problem: str
) -> None:
    text = f"{HEADING}1582329602,AB,10.5,2,buy\n{row}\n"
    said = error_of(tmp_path, text, options=FeedOptions(instruments={"AB": GRID}))
    assert said.startswith("line 3, ")
    assert problem in said


def test_a_given_grid_must_be_one(tmp_path: Path) -> None:
    for size in ("0", "-1", "NaN", "1e-19"):
        bad = InstrumentConfig(tick_size=Decimal(size), lot_size=Decimal(1))
        with pytest.raises(FeedError, match=r"instruments.AB.tick_size: must be above 0, with at"):
            open_text(tmp_path, TRADES, options=FeedOptions(instruments={"AB": bad}))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "must not be empty"),
        (b"\n\r\n", "must not be empty"),
        (b"\xef\xbb\xbf", "must not be empty"),
        (gzip.compress(b""), "must not be empty"),
        (HEADING.encode(), "must have rows after its heading"),
        (HEADING.encode() + b"\n\n", "must have rows after its heading"),
        (b"\x00\x01\x02binary\n", "is not a text file in UTF-8"),
        (b"PK\x03\x04\xff\xfe", "is not a text file in UTF-8"),
        (TRADES.encode("utf-16"), "is not a text file in UTF-8"),
        (gzip.compress(bytes(1000)), "is not a text file in UTF-8"),
        (gzip.compress(TRADES.encode())[:-4], "is damaged: "),
        (gzip.compress(TRADES.encode())[:20], "is damaged: "),
        (gzip.compress(TRADES.encode()) + b"junk", "is damaged: "),
        (b"\x1f\x8b and then nothing like it", "is damaged: "),
        (b"hello\n", "line 1, heading: must have a column timestamp (or time, ts, datetime), was"),
        (
            b"timestamp,symbol,price,side\n1,AB,1,buy\n",
            "line 1, heading: must have a column size (or amount, qty, quantity), was",
        ),
        (
            b"timestamp,symbol,exchange,price,size\n1,AB,X\tY,5,1\n",
            "line 2, exchange: must be a name of printable letters, was 'X\\tY'",
        ),
        (
            b"timestamp,symbol,is_snapshot,side,price,amount\n1,AB,true,bid,5,1\n",
            "line 1, heading: must have no column issnapshot: such a file is not of this kind",
        ),
        (
            b"1582329602,AB,10.5,3\n",
            "line 1, columns: must be 5 without heading: timestamp,symbol,price,size,side, was 4",
        ),
        (HEADING.encode() + b"\nsoon,AB,1,1,buy\n", f"line 3, timestamp: {OFF_TIME}, was 'soon'"),
        (HEADING.encode() + b"1e19,AB,1,1,buy\n", "line 2, timestamp: must be a time in s, ms, µs"),
        (HEADING.encode() + b"1,A\xff,1,1,buy\n", "line 2, symbol: must be a name of printable"),
        (
            HEADING.encode() + b"1,A,10000000000,1,buy\n1,A,0.0000000001,1,buy\n",
            "has prices or sizes of one symbol that differ too much to fit 64 bits",
        ),
    ],
)
def test_a_bad_file_is_an_error(tmp_path: Path, text: bytes, problem: str) -> None:
    if b"\xff" in text and text.startswith(HEADING.encode()):
        text = text.replace(HEADING.encode(), HEADING.encode() + b"1,A,1,1,buy\n" * 9000)
        problem = problem.replace("line 2", "line 9002")  # beyond what is looked at first
    assert error_of(tmp_path, text).startswith(problem)


def test_too_many_symbols_are_an_error(tmp_path: Path) -> None:
    text = HEADING + "".join(f"1,S{number},1,1,buy\n" for number in range(INSTRUMENTS_MAX))
    assert len(open_text(tmp_path, text).instruments) == INSTRUMENTS_MAX
    said = error_of(tmp_path, text + "1,S0,1,1,buy\n1,ONE,1,1,buy\n")
    line = INSTRUMENTS_MAX + 3
    rule = f"must be one of at most {INSTRUMENTS_MAX} in a file"
    assert said == f"line {line}, symbol: {rule}, was 'ONE'"


@pytest.mark.parametrize("scheme", ["csv", "bbo"])
def test_what_is_no_file_is_an_error(tmp_path: Path, scheme: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, problem in (
        ("none.csv", "can't be read: No such file or directory"),
        (".", "can't be read: Is a directory"),
        ("pipe", "must be a file, since it is read twice"),
    ):
        with pytest.raises(FeedError) as caught:
            open_feed(f"{scheme}:{tmp_path / name}")
        assert str(caught.value) == f"{tmp_path / name}: {problem}"
    with pytest.raises(FeedError, match=f"^feed: must be {scheme}:FILE, was '{scheme}:'$"):
        open_feed(f"{scheme}:")
