"""LOBSTER days become flow exactly, and a damaged one is an error that says where."""

import zipfile
from collections import Counter
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from hft.core.messages import InstrumentState, Kind, Side
from hft.errors import FeedError
from hft.feeds.base import FeedOptions
from hft.feeds.lobster import EMPTY, LobsterFeed

STEM = "ABC_2012-06-21_34200000_57600000"
MESSAGE, ORDERBOOK = f"{STEM}_message_1.csv", f"{STEM}_orderbook_1.csv"

# One level a side. The comment says what the row implies.
MESSAGES = [
    "34200.000000001,1,1,10,100,1",  # the ask was there before: seed
    "34200.5,1,2,7,101,1",  # hides the bid of 100: forget
    "34200.5,3,2,7,101,1",  # shows it again: seed
    "34201,7,0,0,-1,-1",
    "34202,7,0,0,0,-1",
    "34203,7,0,0,1,-1",
    "34203.25,4,77,5,110,-1",  # takes the ask; the next one shows: seed
    "34203.25,5,0,9,111,-1",
    "34204,2,1,4,100,1",
]
ROWS = [
    "110,5,100,10",
    "110,5,101,7",
    "110,5,100,12",
    "110,5,100,12",
    "110,5,100,12",
    "110,5,100,12",
    "115,3,100,12",
    "115,3,100,12",
    "115,3,100,8",
]
S = 10**9
FLOW = [
    (Kind.FLOW_ADD, 1, 100, 10, Side.BUY, 34200 * S + 1, 0),
    (Kind.FLOW_SEED, 0, 110, 5, Side.SELL, 34200 * S + 1, 0),
    (Kind.FLOW_ADD, 2, 101, 7, Side.BUY, 34200 * S + S // 2, 0),
    (Kind.FLOW_FORGET, 0, 100, 0, Side.BUY, 34200 * S + S // 2, 0),
    (Kind.FLOW_DELETE, 2, 101, 7, Side.BUY, 34200 * S + S // 2, 0),
    (Kind.FLOW_SEED, 0, 100, 12, Side.BUY, 34200 * S + S // 2, 0),
    (Kind.FLOW_STATUS, 0, 0, 0, 0, 34201 * S, InstrumentState.HALTED),
    (Kind.FLOW_STATUS, 0, 0, 0, 0, 34202 * S, InstrumentState.PRE_OPEN),
    (Kind.FLOW_STATUS, 0, 0, 0, 0, 34203 * S, InstrumentState.OPEN),
    (Kind.FLOW_EXECUTE, 77, 110, 5, Side.SELL, 34203 * S + S // 4, 0),
    (Kind.FLOW_SEED, 0, 115, 3, Side.SELL, 34203 * S + S // 4, 0),
    (Kind.FLOW_HIDDEN, 0, 111, 9, Side.SELL, 34203 * S + S // 4, 0),
    (Kind.FLOW_CANCEL, 1, 100, 4, Side.BUY, 34204 * S, 0),
]
FIELDS = ["kind", "order_id", "price_ticks", "qty_lots", "side", "event_ts_ns", "flags"]


def text_of(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def write_zip(path: Path, members: dict[str, str], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def read_day(tmp_path: Path, messages: list[str], rows: list[str], seconds: int = 0) -> LobsterFeed:
    members = {MESSAGE: text_of(messages), ORDERBOOK: text_of(rows), "ReadMe.txt": "hello"}
    path = write_zip(tmp_path / "day.zip", members)
    return LobsterFeed(str(path), FeedOptions(duration_ns=seconds * S or None))


def error_of(path: Path) -> FeedError:
    with pytest.raises(FeedError) as caught:
        LobsterFeed(str(path), FeedOptions())
    assert "\n" not in str(caught.value)
    assert caught.value.file == path
    return caught.value


def flow_of(feed: LobsterFeed) -> list[tuple[int, ...]]:
    commands = np.concatenate(list(feed.chunks()))
    return [tuple(int(command[field]) for field in FIELDS) for command in commands]


def test_a_day_becomes_flow_with_seeds_and_forgets(tmp_path: Path) -> None:
    feed = read_day(tmp_path, MESSAGES, ROWS)
    assert flow_of(feed) == FLOW
    assert feed.truth.row_end.tolist() == [2, 4, 6, 7, 8, 9, 11, 12, 13]
    assert feed.truth.rows[6].tolist() == [[115, 3, 100, 12]]
    assert feed.truth.seeds == {"first_row": 1, "after_delete": 1, "after_execute": 1}
    assert feed.truth.forgets == 1
    assert feed.name == "lobster ABC 2012-06-21"
    assert [instrument.name for instrument in feed.instruments] == ["NASDAQ:ABC"]
    assert feed.instruments[0].order_increment_ticks == 100
    for field in ("sequence", "origin_ts_ns", "stamp", "source", "instrument", "reserved"):
        assert not feed.commands[field].any()


def test_lines_may_end_as_on_windows(tmp_path: Path) -> None:
    members = {
        MESSAGE: text_of(MESSAGES).replace("\n", "\r\n"),
        ORDERBOOK: text_of(ROWS).replace("\n", "\r\n").removesuffix("\r\n"),
    }
    path = write_zip(tmp_path / "day.zip", members)
    assert flow_of(LobsterFeed(str(path), FeedOptions())) == FLOW


def test_a_duration_ends_the_day_and_its_truth(tmp_path: Path) -> None:
    feed = read_day(tmp_path, MESSAGES, ROWS, seconds=1)
    assert flow_of(feed) == FLOW[:7]
    assert len(feed.truth.rows) == 4
    assert feed.truth.row_end.tolist() == [2, 4, 6, 7]


def test_chunks_are_the_caller_s_to_change(tmp_path: Path) -> None:
    feed = read_day(tmp_path, MESSAGES, ROWS)
    for chunk in feed.chunks():
        chunk["qty_lots"] = -1
    assert flow_of(feed) == FLOW


def test_what_the_first_message_takes_was_there_before(tmp_path: Path) -> None:
    feed = read_day(tmp_path, ["34200,3,9,4,101,1"], ["110,5,100,8"])
    assert [step[:5] for step in flow_of(feed)] == [
        (Kind.FLOW_SEED, 0, 101, 4, Side.BUY),
        (Kind.FLOW_DELETE, 9, 101, 4, Side.BUY),
        (Kind.FLOW_SEED, 0, 110, 5, Side.SELL),
        (Kind.FLOW_SEED, 0, 100, 8, Side.BUY),
    ]
    assert feed.truth.row_end.tolist() == [4]
    assert feed.truth.seeds == {"before_first_row": 1, "first_row": 2}


def test_nothing_lies_below_a_side_that_is_not_full(tmp_path: Path) -> None:
    empty = f"{EMPTY},0,{-EMPTY},0"
    messages = ["34200,5,0,1,100,1", "34201,1,1,3,100,1", "34202,1,2,3,99,1"]
    rows = [
        f"{empty},{empty}",
        f"{EMPTY},0,100,3,{empty}",
        f"{EMPTY},0,100,3,{EMPTY},0,99,3",
    ]
    feed = read_day(tmp_path, messages, rows)
    assert feed.truth.seeds == {}
    assert feed.truth.forgets == 0
    assert feed.truth.row_end.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "ts_ns"),
    [
        ("0", 0),
        ("34200.017459617", 34200_017459617),
        ("43002.632812672004", 43002_632812672),  # of the recorded day
        ("1.000000000499", 1_000000000),
        ("1.0000000005", 1_000000001),
        ("86399.999999999", 86399_999999999),
    ],
)
def test_times_are_exact_to_the_nanosecond(tmp_path: Path, text: str, ts_ns: int) -> None:
    feed = read_day(tmp_path, [f"{text},5,0,1,100,1"], ROWS[:1])
    assert feed.commands["event_ts_ns"].tolist() == [ts_ns] * 3


@pytest.mark.parametrize(
    ("line", "column", "value", "problem"),
    [
        (1, 0, "noon", "time: must be seconds with at most 12 decimals, was 'noon'"),
        (1, 0, "", "time: must be seconds with at most 12 decimals, was ''"),
        (1, 0, "1.0000000000001", "time: must be seconds with at most 12 decimals"),
        (1, 0, "-1", "time: must be within one day, in seconds, was -1.000000000000"),
        (9, 0, "86400", "time: must be within one day, in seconds, was 86400.000000000000"),
        (4, 0, "34200.4", "time: must not be before that of the line above, was 34200.400000000"),
        (2, 1, "6", "type: must be 1, 2, 3, 4, 5 or 7, was 6"),
        (2, 1, "-1", "type: must be 1, 2, 3, 4, 5 or 7, was -1"),
        (2, 1, "1.0", "type: must be a 64-bit integer, was '1.0'"),
        (3, 2, "0", "order id: must not be 0, was 0"),
        (1, 2, "0", "order id: must not be 0, was 0"),
        (1, 2, "-1", "order id: must be 0 to 2**56 - 1, was -1"),
        (2, 2, str(2**56), "order id: must be 0 to 2**56 - 1, was 72057594037927936"),
        (2, 2, str(2**63), "order id: must be a 64-bit integer, was '9223372036854775808'"),
        (2, 3, "0", "size: must be above 0, was 0"),
        (9, 3, "-4", "size: must be above 0, was -4"),
        (9, 3, "NA", "size: must be a 64-bit integer, was 'NA'"),
        (8, 4, "0", "price: must be 1 to 9999999998, was 0"),
        (8, 4, str(EMPTY), "price: must be 1 to 9999999998, was 9999999999"),
        (5, 4, "2", "price: of type 7 must be -1, 0 or 1, was 2"),
        (6, 5, "0", "direction: must be 1 or -1, was 0"),
        (6, 5, "2", "direction: must be 1 or -1, was 2"),
        (6, 5, "-1,3", "columns: must be 6, was 7"),
    ],
)
def test_a_bad_message_is_an_error_with_its_place(
    tmp_path: Path, line: int, column: int, value: str, problem: str
) -> None:
    messages = list(MESSAGES)
    fields = messages[line - 1].split(",")
    fields[column] = value
    messages[line - 1] = ",".join(fields)
    members = {MESSAGE: text_of(messages), ORDERBOOK: text_of(ROWS)}
    path = write_zip(tmp_path / "day.zip", members)
    error = error_of(path)
    assert str(error).startswith(f"{path}: {MESSAGE}, line {line}, {problem}")
    assert (error.member, error.line) == (MESSAGE, line)


@pytest.mark.parametrize(
    ("line", "row", "problem"),
    [
        (2, "110,5,101", "columns: must be 4, was 3"),
        (1, "110,5,101", "columns: must be four per level, was 3"),
        (2, "", "columns: must be 4, was 1"),
        (2, "110,5,101,x", "bid size 1: must be a 64-bit integer, was 'x'"),
        (2, "110,,101,7", "ask size 1: must be a 64-bit integer, was ''"),
        (2, "0,5,101,7", "ask price 1: must be 1 to 9999999998, was 0"),
        (2, "110,5,-101,7", "bid price 1: must be 1 to 9999999998, was -101"),
        (2, "110,0,101,7", "ask size 1: must be above 0, was 0"),
        (2, "110,5,101,-7", "bid size 1: must be above 0, was -7"),
        (2, f"{EMPTY},5,101,7", "ask size 1: must be 0 at the price 9999999999, was 5"),
        (1, "110,5,100,9", "bid size 1: must be at least 10, which the message of that line"),
    ],
)
def test_a_bad_row_is_an_error_with_its_place(
    tmp_path: Path, line: int, row: str, problem: str
) -> None:
    rows = list(ROWS)
    rows[line - 1] = row
    path = write_zip(tmp_path / "day.zip", {MESSAGE: text_of(MESSAGES), ORDERBOOK: text_of(rows)})
    error = error_of(path)
    assert str(error).startswith(f"{path}: {ORDERBOOK}, line {line}, {problem}")
    assert (error.member, error.line) == (ORDERBOOK, line)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("110,5,100,7,110,5,99,7", "ask price 2"),
        ("110,5,100,7,111,5,101,7", "bid price 2"),
        (f"{EMPTY},0,100,7,111,5,99,7", "ask price 2"),
    ],
)
def test_levels_must_go_outward(tmp_path: Path, row: str, field: str) -> None:
    members = {MESSAGE: "34200,5,0,1,100,1\n", ORDERBOOK: f"{row}\n"}
    error = error_of(write_zip(tmp_path / "day.zip", members))
    assert error.field == field
    assert "must be further out" in str(error)


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({}, "members: must be one pair "),
        ({MESSAGE: "x"}, "members: must be one pair "),
        ({ORDERBOOK: "x"}, "members: must be one pair "),
        ({MESSAGE: "x", f"XYZ{ORDERBOOK}": "x"}, "members: must be one pair "),
        ({MESSAGE: "", ORDERBOOK: text_of(ROWS)}, f"{MESSAGE}: must not be empty"),
        ({MESSAGE: text_of(MESSAGES), ORDERBOOK: ""}, f"{ORDERBOOK}: must not be empty"),
        (
            {MESSAGE: text_of(MESSAGES[:3]), ORDERBOOK: text_of(ROWS)},
            f"{MESSAGE}, rows: must have as many rows as {ORDERBOOK}, which has 9, was 3",
        ),
    ],
)
def test_wrong_members_are_errors(tmp_path: Path, members: dict[str, str], problem: str) -> None:
    path = write_zip(tmp_path / "day.zip", members)
    assert str(error_of(path)).startswith(f"{path}: {problem}")


def test_a_path_without_a_zip_file_is_an_error(tmp_path: Path) -> None:
    assert str(error_of(tmp_path / "no.zip")).endswith("can't be read: No such file or directory")
    assert str(error_of(tmp_path)).endswith("can't be read: Is a directory")
    for content in (b"", b"hello"):
        path = tmp_path / "text.zip"
        path.write_bytes(content)
        assert str(error_of(path)) == f"{path}: is not a zip file"


def test_a_zip_file_cut_off_anywhere_is_an_error(tmp_path: Path) -> None:
    members = {MESSAGE: text_of(MESSAGES), ORDERBOOK: text_of(ROWS)}
    whole = write_zip(tmp_path / "day.zip", members).read_bytes()
    path = tmp_path / "cut.zip"
    for size_bytes in range(len(whole)):
        path.write_bytes(whole[:size_bytes])
        problem = "not a zip file" if size_bytes < 4 else "a damaged or cut-off zip file"
        assert str(error_of(path)) == f"{path}: is {problem}"


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("member", [MESSAGE, ORDERBOOK])
def test_a_corrupted_member_is_an_error_that_names_it(
    tmp_path: Path, member: str, compression: int
) -> None:
    members = {MESSAGE: text_of(MESSAGES), ORDERBOOK: text_of(ROWS)}
    path = write_zip(tmp_path / "day.zip", members, compression)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(member)
    data = bytearray(path.read_bytes())
    start = info.header_offset + 30 + len(member)  # a local header and the name
    data[start + info.compress_size // 2] ^= 1
    path.write_bytes(data)
    error = error_of(path)
    assert str(error).startswith(f"{path}: {member}: is damaged: ")


@pytest.mark.parametrize(
    ("place", "value", "problem"),
    [(8, 1, "is encrypted, password required"), (10, 97, "compression method is not supported")],
)
def test_a_member_that_can_not_be_unpacked_is_an_error(
    tmp_path: Path, place: int, value: int, problem: str
) -> None:
    """A password, a compression that nobody here knows: flags and method of the zip's headers."""
    members = {MESSAGE: text_of(MESSAGES), ORDERBOOK: text_of(ROWS)}
    path = write_zip(tmp_path / "day.zip", members)
    data = bytearray(path.read_bytes())
    for signature, shift in ((b"PK\x01\x02", 0), (b"PK\x03\x04", -2)):
        start = data.find(signature)
        while start >= 0:
            data[start + place + shift] = value
            start = data.find(signature, start + 1)
    path.write_bytes(data)
    error = str(error_of(path))
    assert error.startswith(f"{path}: {MESSAGE}: can't be unpacked: ")
    assert problem in error


@pytest.mark.parametrize(
    ("levels", "rows", "seeds", "forgets"),
    [
        (1, 57_515, {"first_row": 2, "after_delete": 9_714, "after_execute": 4_239}, 13_604),
        (5, 155_935, {"first_row": 10, "after_delete": 29_601, "after_execute": 4_239}, 35_386),
    ],
)
def test_the_recorded_day(
    data_dir: Path, levels: int, rows: int, seeds: dict[str, int], forgets: int
) -> None:
    path = data_dir / f"lobster/LOBSTER_SampleFile_AMZN_2012-06-21_{levels}.zip"
    feed = LobsterFeed(str(path), FeedOptions())
    assert feed.truth.rows.shape == (rows, levels, 4)
    assert feed.truth.seeds == seeds
    assert feed.truth.forgets == forgets
    assert feed.truth.row_end[-1] == len(feed.commands) == rows + forgets + sum(seeds.values())
    assert (np.diff(feed.commands["event_ts_ns"]) >= 0).all()
    # Straight from the text, message by message.
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if "message" in name)
        lines = archive.read(name).decode().splitlines()
    kinds = Counter(feed.commands["kind"].tolist())
    types = Counter(int(line.split(",")[1]) for line in lines)
    assert [kinds[kind] for kind in range(1, 6)] == [types[type_] for type_ in range(1, 6)]
    starts = np.concatenate([[0], feed.truth.row_end[:-1]])
    for line, command in zip(lines[::97], feed.commands[starts][::97], strict=True):
        time, _, order_id, size, price, direction = line.split(",")
        assert command["event_ts_ns"] == round(Decimal(time) * S)
        assert command["order_id"] == int(order_id)
        assert (command["price_ticks"], command["qty_lots"]) == (int(price), int(size))
        assert command["side"] == (Side.BUY if direction == "1" else Side.SELL)
