"""Bitfinex's raw books become flow exactly, and a damaged recording is an error that says where."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from hft import replay
from hft.core import MatchingEngine
from hft.core.messages import Kind, Side
from hft.errors import FeedError
from hft.feeds.base import FeedOptions
from hft.feeds.bitfinex import BitfinexFeed

SUBSCRIBED = (
    '{"event": "subscribed", "channel": "book", "chanId": 7, "symbol": "tBTCUSD", "prec": "R0"}'
)
# The comment says what a frame is.
FRAMES = [
    '{"event": "info", "version": 2}',
    SUBSCRIBED,
    "[7, [[1, 100, 0.5], [2, 100, 0.25], [3, 101.5, -1]]]",
    "[7, [1, 100, 0.2]]",  # shrinks
    '[7, "hb"]',
    "[7, [2, 100, 0.75]]",  # grows
    "[7, [3, 101.00000001, -1]]",  # moves
    "[7, [2, 100, 0.75]]",  # says it again
    "[7, [4, 99, 1e-8]]",
    "[7, [1, 0, 1]]",  # leaves
    "[7, [[9, 102, -3]]]",  # all is sent anew
    "[7, [2, 100, 0.75]]",  # so this one is new
]
E8, MS = 10**8, 10**6
BUY, SELL = Side.BUY, Side.SELL
ADD, CANCEL, DELETE = Kind.FLOW_ADD, Kind.FLOW_CANCEL, Kind.FLOW_DELETE
FLOW = [
    (ADD, 1, BUY, 100 * E8, 50_000_000, 2 * MS),
    (ADD, 2, BUY, 100 * E8, 25_000_000, 2 * MS),
    (ADD, 3, SELL, 101_5 * E8 // 10, E8, 2 * MS),
    (CANCEL, 1, BUY, 100 * E8, 30_000_000, 3 * MS),
    (DELETE, 2, BUY, 100 * E8, 25_000_000, 5 * MS),
    (ADD, 2, BUY, 100 * E8, 75_000_000, 5 * MS),
    (DELETE, 3, SELL, 101_5 * E8 // 10, E8, 6 * MS),
    (ADD, 3, SELL, 101 * E8 + 1, E8, 6 * MS),
    (ADD, 4, BUY, 99 * E8, 1, 8 * MS),
    (DELETE, 1, BUY, 100 * E8, 20_000_000, 9 * MS),
    (DELETE, 3, SELL, 101 * E8 + 1, E8, 10 * MS),
    (DELETE, 2, BUY, 100 * E8, 75_000_000, 10 * MS),
    (DELETE, 4, BUY, 99 * E8, 1, 10 * MS),
    (ADD, 9, SELL, 102 * E8, 3 * E8, 10 * MS),
    (ADD, 2, BUY, 100 * E8, 75_000_000, 11 * MS),
]
FIELDS = ["kind", "order_id", "side", "price_ticks", "qty_lots", "event_ts_ns"]


def write(tmp_path: Path, frames: list[str]) -> Path:
    path = tmp_path / "book.json"
    path.write_text(f"[{', '.join(frames)}]")
    return path


def flow_of(feed: BitfinexFeed) -> list[tuple[int, ...]]:
    commands = np.concatenate(list(feed.chunks()))
    return [tuple(int(command[field]) for field in FIELDS) for command in commands]


def test_frames_become_flow(tmp_path: Path) -> None:
    feed = BitfinexFeed(str(write(tmp_path, FRAMES)), FeedOptions())
    assert flow_of(feed) == FLOW
    assert feed.name == "bitfinex BTCUSD: 9 frames, 1 ms each for want of recorded times"
    (instrument,) = feed.instruments
    assert instrument.name == "BITFINEX:BTCUSD"
    assert (instrument.tick_size, instrument.lot_size) == (Decimal("1e-8"), Decimal("1e-8"))
    assert instrument.order_increment_ticks == 10**6  # 101.50 has five digits
    for field in ("sequence", "origin_ts_ns", "stamp", "source", "instrument", "reserved", "flags"):
        assert not feed.commands[field].any()


def test_the_truth_is_the_book_after_each_frame(tmp_path: Path) -> None:
    feed = BitfinexFeed(str(write(tmp_path, FRAMES)), FeedOptions())
    assert feed.truth.row_end.tolist() == [3, 4, 6, 8, 8, 9, 10, 14, 15]
    assert feed.truth.numbers.tolist() == [3, 4, 6, 7, 8, 9, 10, 11, 12]
    assert feed.truth.rows[1, 0].tolist() == [10_150_000_000, E8, 100 * E8, 45_000_000]
    assert feed.truth.rows[6, 1].tolist() == [9999999999, 0, 99 * E8, 1]
    result = replay.replay(feed, feed.truth)
    assert result.clean
    assert result.truth.comparisons == 9 * 25 * 2


def test_a_difference_is_told_with_its_frame(tmp_path: Path) -> None:
    feed = BitfinexFeed(str(write(tmp_path, FRAMES)), FeedOptions())
    feed.truth.rows[2, 0, 3] += 1
    result = replay.replay(feed, feed.truth)
    assert [str(each) for each in result.truth.shown] == [
        "frame 6, bid 1: expected 95000001 @ 10000000000, found 95000000 @ 10000000000"
    ]
    assert "seeds       0\n" in replay.report(result)


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_it_may_be_compressed(tmp_path: Path, codec: str) -> None:
    plain = write(tmp_path, FRAMES).read_bytes()
    packed = gzip.compress(plain) if codec == "gzip" else pa.compress(plain, codec, asbytes=True)
    path = tmp_path / "packed"
    path.write_bytes(packed)
    assert flow_of(BitfinexFeed(str(path), FeedOptions())) == FLOW
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(FeedError, match=f"packed: is a damaged or cut-off {codec} file: "):
        BitfinexFeed(str(path), FeedOptions())


def test_a_duration_ends_it(tmp_path: Path) -> None:
    feed = BitfinexFeed(str(write(tmp_path, FRAMES)), FeedOptions(duration_ns=2 * MS))
    assert flow_of(feed) == FLOW[:4]
    assert len(feed.truth.rows) == 2


@pytest.mark.parametrize(
    ("frame", "text", "problem"),
    [
        (2, SUBSCRIBED.replace("R0", "P0"), "frame 2, subscription: must be of the channel book"),
        (2, SUBSCRIBED.replace("tBTCUSD", ""), "frame 2, symbol: must be one pair in a file, was"),
        (2, "7", "frame 2, frame: must be an event or [channel, orders]: Expected `array`"),
        (2, "[]", "frame 2, frame: must be an event or [channel, orders]: "),
        (2, '{"event": 1}', "frame 2, frame: must be an event or [channel, orders]: Expected"),
        (2, "[7, [1, 2, 3]]", "frame 2, channel: must be that of a book of precision R0, subscr"),
        (4, "[8, [1, 100, 0.2]]", "frame 4, channel: must be 7, that of the book, was '8'"),
        (4, "[7, [1, 100]]", "frame 4, orders: must be [order id, price, amount] or a list of s"),
        (4, '[7, [1, "x", 2]]', "frame 4, orders: must be [order id, price, amount] or a list o"),
        (4, '[7, [1, "NaN", 2]]', "frame 4, price: must be a finite number, was NaN"),
        (4, "[7, [0, 100, 1]]", "frame 4, order id: must be 1 to 2**56 - 1, was 0"),
        (4, f"[7, [{2**56}, 1, 1]]", f"frame 4, order id: must be 1 to 2**56 - 1, was {2**56}"),
        (4, "[7, [1, -1, 1]]", "frame 4, price: must not be below 0, was -1"),
        (4, "[7, [1, 100, 0]]", "frame 4, amount: must not be 0, was 0"),
        (4, "[7, [1, 1, 1e-9]]", "frame 4, amount: must be a multiple of 1E-8, such as 0E-8 or 1E"),
        (4, "[7, [1, 1e30, 1]]", "frame 4, price: must be at most 9.2e18 ticks"),
        (4, "[7, [6, 0, 1]]", "frame 4, order id: of the price 0 must be that of an order in the"),
        (
            4,
            "[7, [1, 0, -1]]",
            "frame 4, amount: must have the sign of order 1, which goes, was -1",
        ),
        (
            11,
            "[7, [[9, 1, 1], [9, 1, 1]]]",
            "frame 11, order id: of a whole book must be there onc",
        ),
        (11, "[7, [[9, 0, 1]]]", "frame 11, order id: of a whole book must have a price, was 9"),
    ],
)
def test_a_bad_frame_is_an_error_with_its_place(
    tmp_path: Path, frame: int, text: str, problem: str
) -> None:
    frames = list(FRAMES)
    frames[frame - 1] = text
    path = write(tmp_path, frames)
    with pytest.raises(FeedError) as caught:
        BitfinexFeed(str(path), FeedOptions())
    assert str(caught.value).startswith(f"{path}: {problem}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "must not be empty"),
        ("[]", "must have a frame of a book, after its subscription"),
        (f"[{SUBSCRIBED}]", "must have a frame of a book, after its subscription"),
        ("{}", "is not a JSON array of frames: Expected `array`, got `object`"),
        ("[[7, [1, 2", "is not a JSON array of frames: "),
        ("hello", "is not a JSON array of frames: "),
    ],
)
def test_another_file_is_an_error(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(FeedError) as caught:
        BitfinexFeed(str(path), FeedOptions())
    assert str(caught.value).startswith(f"{path}: {problem}")


@pytest.fixture(scope="module")
def recorded(data_dir: Path) -> Path:
    return data_dir / "l3_other/bitfinex_R0_BTCUSD_L3_feed.json.zst"


def test_the_recorded_book(recorded: Path) -> None:
    """Against the truth in every frame; now and then, too, against Decimals straight from the file.

    The recording itself is crossed in two runs of frames, of 6 and of 15.
    """
    feed = BitfinexFeed(str(recorded), FeedOptions())
    truth = feed.truth
    engine = MatchingEngine(instruments=1, orders=1024)
    found = engine.depth_after(feed.commands, truth.row_end, truth.rows.shape[1])
    assert found.shape == (99_999, 25, 4)
    assert np.array_equal(found, truth.rows)
    assert engine.counts()["commands"] == len(feed.commands) == 125_011
    assert engine.counts()["rejected"] == engine.counts()["trades"] == 0
    both = (found[:, 0, 1] > 0) & (found[:, 0, 3] > 0)
    crossed = both & (found[:, 0, 2] >= found[:, 0, 0])

    with pa.input_stream(str(recorded)) as stream:
        frames = json.loads(stream.read(), parse_float=Decimal)[2:]
    orders: dict[int, tuple[int, int]] = {}
    crossed_rows = []
    for row, (_, body) in enumerate(frames):
        for order_id, price, amount in body if row == 0 else [body]:
            if price:
                orders[order_id] = int(Decimal(price) * E8), int(Decimal(amount) * E8)
            else:
                del orders[order_id]
        bids = [price for price, amount in orders.values() if amount > 0]
        asks = [price for price, amount in orders.values() if amount < 0]
        assert len(bids) <= 25
        assert len(asks) <= 25
        if bids and asks and max(bids) >= min(asks):
            crossed_rows.append(row)
        if row % 101 == 0 or row == len(frames) - 1:
            for side, column in (1, 2), (-1, 0):
                totals: dict[int, int] = {}
                for price, amount in orders.values():
                    if amount * side > 0:
                        totals[price] = totals.get(price, 0) + abs(amount)
                expected = [list(level) for level in sorted(totals.items(), reverse=side > 0)]
                there = found[row, :, column + 1] > 0
                assert found[row, there, column : column + 2].tolist() == expected
    assert np.flatnonzero(crossed).tolist() == crossed_rows
    assert len(crossed_rows) == 21
    assert len(engine) == len(orders) == 38
    for order_id, (price, amount) in orders.items():
        known = engine.order(order_id)
        assert known["price_ticks"] == price
        assert known["leaves_lots"] == known["life_lots"] == abs(amount)
        assert known["side"] == (BUY if amount > 0 else SELL)
