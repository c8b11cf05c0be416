"""Quotes become flow whose best prices are the quotes, row by row."""

import csv
import gzip
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hft.core import MatchingEngine
from hft.core.messages import BOOK_TOP_DTYPE, COMMAND, Kind, Side, order_id
from hft.feeds import Feed, open_feed

HEADING = "timestamp,symbol,bid_price,bid_size,ask_price,ask_size\n"
Quote = tuple[int, int, int, int]  # bid price, lots, ask price, lots; lots 0: none


def quotes_feed(path: Path, rows: list[str]) -> Feed:
    path.write_text(HEADING + "".join(f"{row}\n" for row in rows))
    return open_feed(f"bbo:{path}")


def steps_of(feed: Feed) -> list[tuple[int, ...]]:
    flow = np.concatenate(list(feed.chunks()))
    fields = ("kind", "order_id", "side", "price_ticks", "qty_lots", "event_ts_ns")
    return [tuple(int(command[field]) for field in fields) for command in flow]


def top_of(engine: MatchingEngine, instrument: int) -> Quote:
    (bid, ask) = engine.depth(instrument, 1)[:, 0, :2].tolist()
    return (*bid, *ask)


def test_quotes_become_levels(tmp_path: Path) -> None:
    """Growth joins the back; the newest shrinks first; a side that retreats goes first."""
    feed = quotes_feed(
        tmp_path / "q.csv",
        [
            "1,A,100,10,102,5",
            "2,A,100,14,102,5",  # grows
            "3,A,100,12,102,5",  # shrinks by a part of the newest
            "4,A,100,7,102,5",  # by all of it, and a part of the first
            "5,A,103,4,104,6",  # both up: the ask retreats first
            "6,A,103,4,,",  # no ask
            "6,A,103,4,,0",  # nothing new
            "6,A,103,4,99,0",  # nor here: no size, no ask, and no crossed book
            "6,A,103,4,105,",
            "7,A,101,3,102,9",  # a bid that retreats, and an ask
        ],
    )
    add, cancel, delete = Kind.FLOW_ADD, Kind.FLOW_CANCEL, Kind.FLOW_DELETE
    buy, sell = Side.BUY, Side.SELL
    s = 10**9
    assert steps_of(feed) == [
        (add, 1, buy, 100, 10, 1 * s),
        (add, 2, sell, 102, 5, 1 * s),
        (add, 3, buy, 100, 4, 2 * s),
        (cancel, 3, buy, 100, 2, 3 * s),
        (delete, 3, buy, 100, 2, 4 * s),
        (cancel, 1, buy, 100, 3, 4 * s),
        (add, 4, sell, 104, 6, 5 * s),
        (delete, 2, sell, 102, 5, 5 * s),
        (add, 5, buy, 103, 4, 5 * s),
        (delete, 1, buy, 100, 7, 5 * s),
        (delete, 4, sell, 104, 6, 6 * s),
        (add, 6, buy, 101, 3, 7 * s),
        (delete, 5, buy, 103, 4, 7 * s),
        (add, 7, sell, 102, 9, 7 * s),
    ]


def test_a_price_without_a_size_is_an_empty_side(tmp_path: Path) -> None:
    feed = quotes_feed(tmp_path / "q.csv", ["1,A,100,10,102,5", "2,A,100,0,90,0", "3,A,9,0,102,4"])
    assert "crossed" not in feed.name
    assert [step[:5] for step in steps_of(feed)] == [
        (Kind.FLOW_ADD, 1, Side.BUY, 100, 10),
        (Kind.FLOW_ADD, 2, Side.SELL, 102, 5),
        (Kind.FLOW_DELETE, 2, Side.SELL, 102, 5),
        (Kind.FLOW_DELETE, 1, Side.BUY, 100, 10),
        (Kind.FLOW_ADD, 3, Side.SELL, 102, 4),
    ]


def own_order(number: int, side: Side, price_ticks: int, qty_lots: int) -> np.ndarray:
    command = np.zeros(1, COMMAND)
    command["kind"], command["order_id"] = Kind.NEW_ORDER, order_id(1, number)
    command["side"], command["price_ticks"], command["qty_lots"] = side, price_ticks, qty_lots
    return command


def leaves_of(engine: MatchingEngine, number: int) -> int:
    order = engine.order(order_id(1, number))
    return order["leaves_lots"] if order else 0


def test_crossed_quotes_are_counted_whatever_their_decimals(tmp_path: Path) -> None:
    """The grid that the bids ask for is not yet that of the asks."""
    rows = ["1,A,101,1,100.5,1", "2,A,100,1,100.5,1"]
    assert "2 quotes, 1 of them crossed, " in quotes_feed(tmp_path / "q.csv", rows).name


def test_own_orders_fill_when_the_market_comes_through_them(tmp_path: Path) -> None:
    """And not when the quote only leaves their price, nor before."""
    feed = quotes_feed(
        tmp_path / "q.csv",
        ["1,A,100,10,102,5", "2,A,99,10,101,5", "3,A,98,1,100,3", "4,A,98,1,100,9"],
    )
    flow = np.concatenate(list(feed.chunks()))
    left = []
    engine = MatchingEngine()
    for second in range(1, 5):
        engine.process(flow[flow["event_ts_ns"] == second * 10**9])
        if second == 1:
            engine.process(own_order(1, Side.BUY, 100, 7))
        left.append(leaves_of(engine, 1))
    assert left == [7, 7, 4, 0]
    assert top_of(engine, 0) == (98, 1, 100, 2)  # 9 less our 7


# Small numbers, so that prices repeat, levels grow and shrink, and sides cross and are empty.
quotes = st.tuples(st.integers(1, 4), st.integers(0, 4), st.integers(1, 4), st.integers(0, 4))
days = st.lists(st.tuples(st.sampled_from("AB"), quotes), min_size=1, max_size=40)


@given(days)
@settings(max_examples=150, deadline=None)
def test_the_book_is_the_quotes(
    tmp_path_factory: pytest.TempPathFactory, day: list[tuple[str, Quote]]
) -> None:
    """After each row the engine shows it, and on the way only prices of this row or the last."""
    rows, last = [], {}
    for second, (symbol, (bid, bid_lots, ask, ask_lots)) in enumerate(day):
        row = f"{second},{symbol},{bid if bid_lots else ''},{bid_lots}"
        rows.append(f"{row},{ask if ask_lots else ''},{ask_lots}")
    feed = quotes_feed(tmp_path_factory.mktemp("bbo") / "q.csv", rows)
    flow = np.concatenate([np.zeros(0, COMMAND), *feed.chunks()])
    index = {each.symbol: number for number, each in enumerate(feed.instruments)}
    engine = MatchingEngine(instruments=2)
    for second, (symbol, (bid, bid_lots, ask, ask_lots)) in enumerate(day):
        here = flow[flow["event_ts_ns"] == second * 10**9]
        assert set(here["instrument"].tolist()) <= {index[symbol]}
        answers = engine.process_all(here)
        assert not (answers["kind"] == Kind.REJECTED).any()
        row = (bid if bid_lots else 0, bid_lots, ask if ask_lots else 0, ask_lots)
        assert top_of(engine, index[symbol]) == row
        before = last.get(symbol, (0, 0, 0, 0))
        for top in answers[answers["kind"] == Kind.BOOK_TOP].view(BOOK_TOP_DTYPE):
            assert top["bid_price_ticks"] in (row[0], before[0])
            assert top["ask_price_ticks"] in (row[2], before[2])
            crosses = top["bid_lots"] and top["ask_lots"]
            if crosses and top["bid_price_ticks"] >= top["ask_price_ticks"]:
                assert any(each[1] and each[3] and each[0] >= each[2] for each in (row, before))
        last[symbol] = row
    crossed = sum(q[1] > 0 and q[3] > 0 and q[0] >= q[2] for _, q in day)
    assert (f"{crossed:,} of them crossed" in feed.name) == (crossed > 0)


def test_the_recorded_quotes_are_the_tops_of_the_book(data_dir: Path) -> None:
    """Every row of a recorded file, as it was recorded, and never a crossed top on the way."""
    path = data_dir / "tardis_csv/binance-futures_quotes_2020-02-22_BTCUSDT.csv.gz"
    feed = open_feed(f"bbo:{path}")
    assert [each.name for each in feed.instruments] == ["binance-futures:BTCUSDT"]
    flow = np.concatenate(list(feed.chunks()))
    with gzip.open(path, "rt") as stream:
        rows = list(csv.DictReader(stream))
    assert f"{len(rows):,} quotes" in feed.name
    # Rows of one instant can't be told apart in the flow; here no two in a row are alike.
    engine, place, shown = MatchingEngine(), 0, []
    for row in rows:
        ts_ns = int(row["timestamp"]) * 1000
        wanted = (
            int(Decimal(row["bid_price"]) * 100), int(Decimal(row["bid_amount"]) * 1000),
            int(Decimal(row["ask_price"]) * 100), int(Decimal(row["ask_amount"]) * 1000),
        )  # fmt: skip
        first = place
        while place == first or top_of(engine, 0) != wanted:
            assert flow[place]["event_ts_ns"] == ts_ns
            answers = engine.process_all(flow[place : place + 1])
            shown.append(answers[answers["kind"] == Kind.BOOK_TOP])
            place += 1
        # What is left of the row doesn't change the best prices.
        while place < len(flow) and flow[place]["kind"] == Kind.FLOW_DELETE:
            if engine.order(int(flow[place]["order_id"]))["price_ticks"] in (wanted[0], wanted[2]):
                break
            engine.process(flow[place : place + 1])
            place += 1
    assert place == len(flow)
    assert engine.counts()["rejected"] == engine.counts()["trades"] == 0
    tops = np.concatenate(shown).view(BOOK_TOP_DTYPE)
    whole = (tops["bid_lots"] > 0) & (tops["ask_lots"] > 0)
    assert (~whole).sum() == 1  # after the very first order
    assert (tops["bid_price_ticks"] < tops["ask_price_ticks"])[whole].all()
