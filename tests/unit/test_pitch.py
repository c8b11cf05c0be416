"""PITCH messages become flow exactly, and a damaged recording is an error that says where."""

import gzip
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from hft import replay
from hft.core import MatchingEngine
from hft.core.messages import TRADE_DTYPE, InstrumentState, Kind, Side
from hft.errors import FeedError
from hft.feeds.base import FeedOptions
from hft.feeds.pitch import PitchFeed

# The comment says what a line is.
LINES = [
    "28800011AAK27GA0000DTS000100SH    0000619200Y",
    "28800012AAK27GA0000DUB000300SPY   0001424100Y",
    "S28800012AAK27GA0000DVB000200SPY   0001424100Y",  # with the S in front
    "28800011EAK27GA0000DU00010000001AQ00001",  # 2 ms earlier than it may be read
    "28800013XAK27GA0000DV000050",  # shrinks
    "28800014PAK27GA00003PS000100SPY   0001425000000N4AQ00003",
    "28800015XAK27GA0000DU000200",  # leaves
    "28800016dAK27GA0000DUS000010SPY     0001430000YABCD",  # under the same id
    "28800017HSPY     H0  ",
    "28800017HSPY     Q0  ",
    "28800018HSPY     T0  ",
    "28800019rAK27GA00003QB000007SPY     0001420000000N4AQ00004",
    "28800020BANYTHING",
    "28800021sSPY     ",
]
S, MS = 10**9, 10**6
BUY, SELL = Side.BUY, Side.SELL
T = 28_800_000 * MS
FLOW = [
    (Kind.FLOW_ADD, 1, SELL, 619_200, 100, T + 11 * MS, 1, 0),
    (Kind.FLOW_ADD, 2, BUY, 1_424_100, 300, T + 12 * MS, 0, 0),
    (Kind.FLOW_ADD, 3, BUY, 1_424_100, 200, T + 12 * MS, 0, 0),
    (Kind.FLOW_EXECUTE, 2, BUY, 1_424_100, 100, T + 12 * MS, 0, 0),
    (Kind.FLOW_CANCEL, 3, BUY, 1_424_100, 50, T + 13 * MS, 0, 0),
    (Kind.FLOW_HIDDEN, 0, SELL, 1_425_000, 100, T + 14 * MS, 0, 0),
    (Kind.FLOW_DELETE, 2, BUY, 1_424_100, 200, T + 15 * MS, 0, 0),
    (Kind.FLOW_ADD, 2, SELL, 1_430_000, 10, T + 16 * MS, 0, 0),
    (Kind.FLOW_STATUS, 0, 0, 0, 0, T + 17 * MS, 0, InstrumentState.HALTED),
    (Kind.FLOW_STATUS, 0, 0, 0, 0, T + 17 * MS, 0, InstrumentState.PRE_OPEN),
    (Kind.FLOW_STATUS, 0, 0, 0, 0, T + 18 * MS, 0, InstrumentState.OPEN),
    (Kind.FLOW_HIDDEN, 0, BUY, 1_420_000, 7, T + 19 * MS, 0, 0),
    (Kind.FLOW_DELETE, 3, BUY, 1_424_100, 150, T + 21 * MS, 0, 0),
    (Kind.FLOW_DELETE, 2, SELL, 1_430_000, 10, T + 21 * MS, 0, 0),
]
FIELDS = [
    "kind", "order_id", "side", "price_ticks", "qty_lots", "event_ts_ns", "instrument", "flags",
]  # fmt: skip


def write(tmp_path: Path, lines: list[str], end: str = "\n") -> Path:
    path = tmp_path / "pitch.txt"
    path.write_text("".join(f"{line}{end}" for line in lines), newline="")
    return path


def flow_of(feed: PitchFeed) -> list[tuple[int, ...]]:
    commands = np.concatenate(list(feed.chunks()))
    return [tuple(int(command[field]) for field in FIELDS) for command in commands]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_messages_become_flow(tmp_path: Path, end: str) -> None:
    feed = PitchFeed(str(write(tmp_path, LINES, end)), FeedOptions())
    assert flow_of(feed) == FLOW
    assert feed.name == "pitch pitch.txt: 2 of 2 symbols"
    assert [instrument.name for instrument in feed.instruments] == ["BATS:SPY", "BATS:SH"]
    assert feed.instruments[0].tick_size == Decimal("0.0001")
    assert feed.instruments[0].order_increment_ticks == 100
    for field in ("sequence", "origin_ts_ns", "stamp", "source", "reserved"):
        assert not feed.commands[field].any()


def test_the_truth_is_the_book_of_the_first_symbol(tmp_path: Path) -> None:
    feed = PitchFeed(str(write(tmp_path, LINES)), FeedOptions())
    assert feed.truth.row_end.tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14]
    assert feed.truth.numbers.tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14]
    assert feed.truth.rows[4, 0].tolist() == [9999999999, 0, 1_424_100, 350]
    assert feed.truth.rows[-1, 0].tolist() == [9999999999, 0, -9999999999, 0]
    result = replay.replay(feed, feed.truth)
    assert result.clean
    assert (result.trades, result.traded_lots) == (3, 207)


def test_symbols_may_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path, LINES)
    (only,) = flow_of(PitchFeed(f"{path}:SH", FeedOptions()))
    assert only == (*FLOW[0][:6], 0, 0)
    both = PitchFeed(f"{path}:SH,SPY,SH", FeedOptions())
    assert [instrument.symbol for instrument in both.instruments] == ["SH", "SPY"]
    assert [step[6] for step in flow_of(both)] == [0] + [1] * 13
    with pytest.raises(FeedError, match="symbol: must be one of the 2 of the file, such as SPY, w"):
        PitchFeed(f"{path}:SPX", FeedOptions())


def test_of_many_symbols_those_with_the_most_orders_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        f"28800011AAK27GA{number:06}S000100S{number % 70:<5}0000619200Y" for number in range(99)
    ]
    path = write(tmp_path, lines)
    feed = PitchFeed(str(path), FeedOptions())
    assert [instrument.symbol for instrument in feed.instruments] == [f"S{n}" for n in range(32)]
    many = ",".join(f"S{number}" for number in range(65))
    monkeypatch.setattr("hft.feeds.pitch.INSTRUMENTS_MAX", 64)
    with pytest.raises(FeedError, match=r"pitch\.txt: symbols: must be at most 64, was 65"):
        PitchFeed(f"{path}:{many}", FeedOptions())


def test_a_duration_ends_it(tmp_path: Path) -> None:
    feed = PitchFeed(str(write(tmp_path, LINES)), FeedOptions(duration_ns=2 * MS))
    assert flow_of(feed) == FLOW[:4]


def test_it_may_be_compressed(tmp_path: Path) -> None:
    path = tmp_path / "pitch.gz"
    path.write_bytes(gzip.compress(write(tmp_path, LINES).read_bytes()))
    assert flow_of(PitchFeed(str(path), FeedOptions())) == FLOW


@pytest.mark.parametrize(
    ("line", "text", "problem"),
    [
        (2, "", "time: must be 8 digits, the ms after midnight, was ''"),
        (2, "2880001xA", "time: must be 8 digits, the ms after midnight, was '2880001x'"),
        (2, "86400000B", "time: must be below 86400000 ms, one day, was '86400000'"),
        (4, "28799011B", "time: must not be more than 1000 ms before that of a line above, was '2"),
        (2, "28800012", "type: must be one of A, B, E, H, I, J, P, X, d, r, s, was ''"),
        (2, "28800012Q", "type: must be one of A, B, E, H, I, J, P, X, d, r, s, was 'Q'"),
        (5, "28800013XAK27GA0000DV00005", "length: must be 27 characters of type X, was 26"),
        (2, LINES[1] + " ", "length: must be 45 characters of type A, was 46"),
        (2, LINES[1].replace("27G", "27g"), "order id: must be 12 digits and capital letters, was"),
        (2, LINES[1].replace("UB0", "UC0"), "side: must be B or S, was 'C'"),
        (
            2,
            LINES[1].replace("000300", "000000"),
            "shares: must be 6 digits, above 0, was '000000'",
        ),
        (
            2,
            LINES[1].replace("000300", "   300"),
            "shares: must be 6 digits, above 0, was '   300'",
        ),
        (2, LINES[1].replace("SPY   ", "      "), "symbol: must be a name, with spaces behind it"),
        (
            2,
            LINES[1].replace("SPY   ", "S\u00e9Y   "),
            "length: must be 45 characters of type A, w",
        ),
        (2, LINES[1].replace("0001424100", "000142.410"), "price: must be 10 digits, above 0, was"),
        (9, "28800017HSPY     Z0  ", "status: must be A, H, Q, S or T, was 'Z'"),
        (3, LINES[1], "order id: must not be that of an order which has shares left, was 'AK27GA0"),
        (
            5,
            "28800013XAK27GA0000DZ000050",
            "order id: must be that of an order which was added and",
        ),
        (5, "28800013XAK27GA0000DV000201", "shares: must be at most 200, which order AK27GA0000DV"),
    ],
)
def test_a_bad_line_is_an_error_with_its_place(
    tmp_path: Path, line: int, text: str, problem: str
) -> None:
    lines = list(LINES)
    lines[line - 1] = text
    path = write(tmp_path, lines)
    with pytest.raises(FeedError) as caught:
        PitchFeed(str(path), FeedOptions())
    assert str(caught.value).startswith(f"{path}: line {line}, {problem}")
    assert caught.value.line == line


def test_another_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "other"
    for content, problem in (
        (b"", "must not be empty"),
        (b"28800020B\n", "must have a message that changes a book"),
        (b"\x00\x01", "line 1, time: must be 8 digits, the ms after midnight, was "),
    ):
        path.write_bytes(content)
        with pytest.raises(FeedError) as caught:
            PitchFeed(str(path), FeedOptions())
        assert str(caught.value).startswith(f"{path}: {problem}")


class PlainBook:
    """Orders of one symbol, oldest first, straight from the lines of the file."""

    def __init__(self) -> None:
        self.orders: dict[str, list[int]] = {}  # price, shares
        self.sides: dict[str, str] = {}

    def levels(self, side: str, count: int) -> list[list[int]]:
        """The best levels: price, shares, orders."""
        totals: dict[int, list[int]] = {}
        for order_id, (price, shares) in self.orders.items():
            if self.sides[order_id] == side:
                level = totals.setdefault(price, [price, 0, 0])
                level[1] += shares
                level[2] += 1
        best = sorted(totals.values(), reverse=side == "B")[:count]
        return best + [[0, 0, 0]] * (count - len(best))

    def first(self, side: str) -> str:
        """The order that has waited longest at the best price."""
        best = self.levels(side, 1)[0][0]
        return next(
            each
            for each, (price, _) in self.orders.items()
            if price == best and self.sides[each] == side
        )


def test_the_recorded_orders_of_all_symbols(data_dir: Path) -> None:
    """After each line, the engine's book of its symbol is the plain one, to five levels.

    Every execution is of an order that is known, at its price, which is the best one, and of the
    order that has waited longest there. The books are never crossed.
    """
    path = data_dir / "l3_other/bats_pitch_20k.txt.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    symbols = sorted({line[28:34].strip() for line in lines if line[8] in "AP"})
    symbol_of = {line[9:21]: line[28:34].strip() for line in lines if line[8] in "AP"}
    assert len(symbols) == 288
    seen: Counter[str] = Counter()
    for start in range(0, len(symbols), 64):
        group = symbols[start : start + 64]
        feed = PitchFeed(f"{path}:{','.join(group)}", FeedOptions())
        commands = np.concatenate(list(feed.chunks()))
        mine = [line for line in lines if symbol_of[line[9:21]] in group]
        assert len(commands) == len(mine)
        assert (np.diff(commands["event_ts_ns"]) >= 0).all()
        engine = MatchingEngine(instruments=len(group), orders=4096)
        books: dict[str, PlainBook] = defaultdict(PlainBook)
        traded: Counter[int] = Counter()
        expected_traded: Counter[int] = Counter()
        for place, line in enumerate(mine):
            order_id, symbol = line[9:21], symbol_of[line[9:21]]
            instrument, book = group.index(symbol), books[symbol]
            answers = engine.process_all(commands[place : place + 1])
            trades = answers[answers["kind"] == Kind.TRADE].view(TRADE_DTYPE)
            assert commands["instrument"][place] == instrument
            late_ns = int(commands["event_ts_ns"][place]) - int(line[:8]) * MS
            assert 0 <= late_ns <= 2 * MS
            if line[8] == "A":
                book.orders[order_id] = [int(line[34:44]), int(line[22:28])]
                book.sides[order_id] = line[21]
            elif line[8] == "P":
                (trade,) = trades
                expected = int(line[34:44]), int(line[22:28])
                assert (trade["price_ticks"], trade["qty_lots"]) == expected
                assert trade["hidden"]
            else:
                shares, order = int(line[21:27]), book.orders[order_id]
                if line[8] == "E":
                    (trade,) = trades
                    assert (trade["price_ticks"], trade["qty_lots"]) == (order[0], shares)
                    assert order_id == book.first(book.sides[order_id])
                order[1] -= shares
                assert order[1] >= 0
                if not order[1]:
                    del book.orders[order_id]
            if line[8] in "EP":
                at = 21 if line[8] == "E" else 22
                expected_traded[instrument] += int(line[at : at + 6])
                traded[instrument] += int(trades["qty_lots"].sum())
            bids, asks = engine.depth(instrument, 5).tolist()
            assert (bids, asks) == (book.levels("B", 5), book.levels("S", 5))
            assert not (bids[0][1] and asks[0][1] and bids[0][0] >= asks[0][0])
            seen[line[8]] += 1
        assert traded == expected_traded
        assert engine.counts()["rejected"] == 0
        assert engine.counts()["traded_lots"] == traded.total()
        assert len(engine) == sum(len(book.orders) for book in books.values())
        seen["lots"] += traded.total()
        seen["left"] += len(engine)
    assert seen == {"A": 10_361, "X": 9_592, "E": 20, "P": 27, "lots": 11_440, "left": 784}
