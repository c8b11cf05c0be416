"""Trades become flow in which exactly these trades happen, in a book that is never absurd."""

import csv
import gzip
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hft.core import MatchingEngine
from hft.core.messages import BOOK_TOP_DTYPE, COMMAND, TRADE_DTYPE, Kind, Side, order_id
from hft.feeds import Feed, open_feed

BUY, SELL = int(Side.BUY), int(Side.SELL)
HEADING = "timestamp,symbol,price,size,side\n"


def trades_feed(path: Path, rows: list[str]) -> Feed:
    path.write_text(HEADING + "".join(f"{row}\n" for row in rows))
    return open_feed(f"csv:{path}")


def flow_of(feed: Feed) -> np.ndarray:
    return np.concatenate(list(feed.chunks()))


def book_after(engine: MatchingEngine) -> tuple[list[int], list[int]]:
    bid, ask = engine.depth(0, 1)[:, 0, :2].tolist()
    return bid, ask


def own_order(number: int, side: Side, price_ticks: int, qty_lots: int) -> np.ndarray:
    command = np.zeros(1, COMMAND)
    command["kind"], command["order_id"] = Kind.NEW_ORDER, order_id(1, number)
    command["side"], command["price_ticks"], command["qty_lots"] = side, price_ticks, qty_lots
    return command


def run_rows(feed: Feed, own: dict[int, np.ndarray]) -> tuple[MatchingEngine, list[list[int]]]:
    """Each second's trades; after second k the order own[k] enters. The own fills per second."""
    engine, fills = MatchingEngine(), []
    flow = flow_of(feed)
    for second in range(1, int(flow["event_ts_ns"][-1]) // 10**9 + 1):
        answers = engine.process_all(flow[flow["event_ts_ns"] == second * 10**9])
        trades = answers[answers["kind"] == Kind.TRADE].view(TRADE_DTYPE)
        mine = trades["maker_order_id"] >= order_id(1, 0)
        fills.append(trades["qty_lots"][mine].tolist())
        if second in own:
            engine.process(own[second])
    return engine, fills


def test_trades_imply_best_prices(tmp_path: Path) -> None:
    feed = trades_feed(
        tmp_path / "t.csv",
        [
            "1,A,100,6,buy",  # nothing is known below: a bid one tick away
            "2,A,98,4,sell",
            "3,A,100,2,buy",  # of the 6 that were left
            "4,A,100,9,buy",  # more than are left
            "5,A,97,3,buy",  # below the bid, which can't have been there
            "6,A,99,5,buy",  # the bid doesn't rise by itself
            "7,A,98,1,sell",
        ],
    )
    flow, engine, books = flow_of(feed), MatchingEngine(), []
    for second in range(1, 8):
        engine.process(flow[flow["event_ts_ns"] == second * 10**9])
        books.append(book_after(engine))
    assert books == [
        ([99, 6], [100, 6]),
        ([98, 4], [100, 6]),
        ([98, 4], [100, 4]),
        ([98, 4], [100, 9]),
        ([96, 4], [97, 3]),
        ([96, 4], [99, 5]),
        ([98, 1], [99, 5]),
    ]


def test_own_orders_wait_for_what_stands_ahead(tmp_path: Path) -> None:
    """A trade at our price reaches us once it is larger than what is left of the quote."""
    rows = ["1,A,100,6,buy", "2,A,100,4,buy", "3,A,100,2,buy", "4,A,100,5,buy", "5,A,100,9,buy"]
    engine, fills = run_rows(
        trades_feed(tmp_path / "t.csv", rows), {1: own_order(1, Side.SELL, 100, 10)}
    )
    # 4 of the 6 ahead, then the other 2; what follows stands behind us.
    assert fills == [[], [], [], [5], [5]]
    assert engine.order(order_id(1, 1)) is None


def test_own_orders_at_better_prices_fill_first(tmp_path: Path) -> None:
    rows = ["1,A,100,6,buy", "2,A,102,4,buy", "3,A,102,4,buy"]
    feed = trades_feed(tmp_path / "t.csv", rows)
    engine, fills = run_rows(feed, {1: own_order(1, Side.SELL, 101, 7)})
    assert fills == [[], [4], [3]]
    assert engine.displaced_lots(0) == 7


def test_a_bid_that_only_follows_buys_fills_nobody(tmp_path: Path) -> None:
    """What nobody traded at can't fill: an implied quote only rises where a sell trades."""
    rows = ["1,A,100,6,buy", "2,A,105,1,buy", "3,A,110,1,buy"]
    feed = trades_feed(tmp_path / "t.csv", rows)
    _, fills = run_rows(feed, {1: own_order(1, Side.SELL, 104, 50)})
    assert fills == [[], [1], [1]]


def test_below_the_lowest_price_there_is_no_bid(tmp_path: Path) -> None:
    feed = trades_feed(tmp_path / "t.csv", ["1,A,2,5,buy", "2,A,1,3,buy", "3,A,4,1,buy"])
    engine, books = MatchingEngine(), []
    flow = flow_of(feed)
    for second in (1, 2, 3):
        engine.process(flow[flow["event_ts_ns"] == second * 10**9])
        books.append(book_after(engine))
    assert books == [([1, 5], [2, 5]), ([0, 0], [1, 3]), ([3, 1], [4, 1])]


@pytest.mark.parametrize("side", ["", "unknown", "N/A"])
def test_an_unknown_side_follows_the_price(tmp_path: Path, side: str) -> None:
    """The tick rule, by symbol: up is a buy, down a sell, the same as before otherwise."""
    prices = {"A": [10, 10, 9, 9, 10, 8], "B": [5, 4, 4, 6, 6, 5]}
    rows = [f"1,{name},{prices[name][k]},1,{side}" for k in range(6) for name in "AB"]
    feed = trades_feed(tmp_path / "t.csv", rows)
    flow = flow_of(feed)
    flow = flow[flow["kind"] == Kind.FLOW_EXECUTE]
    taken = [flow["side"][flow["instrument"] == index].tolist() for index in (0, 1)]
    assert taken == [
        [SELL, SELL, BUY, BUY, SELL, BUY],  # the maker's side
        [SELL, BUY, BUY, SELL, SELL, BUY],
    ]
    assert "12 trades, 12 of unknown side, 2 symbols" in feed.name


def test_sides_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("time,symbol,price,qty\n1,A,5,1\n2,A,4,1\n")
    flow = flow_of(open_feed(f"csv:{path}"))
    assert flow[flow["kind"] == Kind.FLOW_EXECUTE]["side"].tolist() == [SELL, BUY]


def check_against(feed: Feed, rows: list[tuple[int, int, int, int, int]]) -> None:
    """Each row (ns, instrument, side, ticks, lots) is one TRADE, in order; no top is absurd."""
    engine = MatchingEngine(instruments=len(feed.instruments))
    answers = engine.process_all(flow_of(feed))
    assert engine.counts()["rejected"] == 0
    trades = answers[answers["kind"] == Kind.TRADE].view(TRADE_DTYPE)
    fields = ("instrument", "side", "price_ticks", "qty_lots")
    found = [tuple(int(trade[field]) for field in fields) for trade in trades]
    assert found == [row[1:] for row in rows]
    executions = [each for each in flow_of(feed) if each["kind"] == Kind.FLOW_EXECUTE]
    assert [int(each["event_ts_ns"]) for each in executions] == [row[0] for row in rows]
    tops = answers[answers["kind"] == Kind.BOOK_TOP].view(BOOK_TOP_DTYPE)
    whole = (tops["bid_lots"] > 0) & (tops["ask_lots"] > 0)
    assert (tops["bid_price_ticks"] < tops["ask_price_ticks"])[whole].all()
    # Once there are two sides, there always are.
    for index in range(len(feed.instruments)):
        both = whole[tops["instrument"] == index]
        assert both[both.argmax() :].all()


trades = st.tuples(
    st.integers(0, 1), st.sampled_from([BUY, SELL]), st.integers(2, 7), st.integers(1, 5)
)


@given(st.lists(trades, min_size=1, max_size=40))
@settings(max_examples=150, deadline=None)
def test_every_trade_happens_once(
    tmp_path_factory: pytest.TempPathFactory, day: list[tuple[int, int, int, int]]
) -> None:
    text = [f"7,{'AB'[which]},{price},{lots},{side}" for which, side, price, lots in day]
    feed = trades_feed(tmp_path_factory.mktemp("csv") / "t.csv", text)
    index = {each.symbol: number for number, each in enumerate(feed.instruments)}
    rows = [(7 * 10**9, index["AB"[each[0]]], *each[1:]) for each in day]
    check_against(feed, rows)


@pytest.mark.parametrize(
    ("name", "unit_ns", "ticks", "lots"),
    [
        ("binance-futures_trades_2020-02-22_BTCUSDT.csv.gz", 1000, 100, 1000),
        ("tiny_trades_1.csv", 1, 10, 1),
    ],
)
def test_the_recorded_trades_happen(
    data_dir: Path, name: str, unit_ns: int, ticks: int, lots: int
) -> None:
    """Every row of the recorded files, as they were recorded."""
    path = data_dir / "tardis_csv" / name
    feed = open_feed(f"csv:{path}")
    with gzip.open(path, "rt") if name.endswith(".gz") else path.open() as stream:
        rows = [
            (
                int(row["timestamp"]) * unit_ns, 0, BUY if row["side"] == "buy" else SELL,
                int(Decimal(row["price"]) * ticks), int(Decimal(row["amount"]) * lots),
            )
            for row in csv.DictReader(stream)
        ]  # fmt: skip
    check_against(feed, rows)
