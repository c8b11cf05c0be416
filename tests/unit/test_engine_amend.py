"""Replaces: what keeps a place, what an order keeps, and what it is asked again."""

import pytest

from hft.core.messages import Kind
from tests.reference.desk import (
    BUY,
    DAY,
    MARKET_TO_LIMIT,
    PEG_BID,
    POST_ONLY,
    SELL,
    STOP_LIMIT,
    id_of,
)


@pytest.mark.parametrize(
    ("lots", "price", "keeps"),
    [(10, 101, True), (1, 101, True), (11, 101, False), (10, 102, False), (5, 100, False)],
)
def test_what_keeps_a_place(desk, lots, price, keeps):
    """The same price and a quantity not larger, nothing else."""
    desk.own("S1", 10, 101)
    desk.own("S2", 10, price)
    desk.replace("S1", lots, price)
    ahead = next(name for name in desk.resting() if name in ("S1", "S2"))
    assert (ahead == "S1") == keeps


def test_a_place_is_kept_among_recorded_orders(desk):
    """A smaller order stays ahead of a recorded one, a larger one goes behind it."""
    desk.own("S1", 10, 101)
    desk.add("R1", SELL, 10, 101)
    desk.replace("S1", 9, 101)
    assert desk.resting() == ["S1", "R1"]
    desk.replace("S1", 10, 101)
    assert desk.resting() == ["R1", "S1"]


def test_a_crossing_replace_takes_at_the_makers_price(desk):
    """It matches like an arriving order, under its own id and time in force."""
    desk.own("S1", 3, 101)
    desk.own("B1", 5, 98, **DAY)
    assert desk.replace("B1", 7, 105)[1:] == [
        "trade 3 @ 101 S1 B1",
        "S1 filled 3 @ 101, leaves 0",
        "B1 filled 3 @ 101, leaves 4",
    ]
    assert desk.status(3)[1:] == ["B1 cancelled 4 EXPIRED, leaves 0"]


def test_a_market_to_limit_order_that_rests_is_a_limit_order(desk):
    """It takes new prices like one."""
    desk.own("S1", 3, 101)
    assert desk.own("B1", 5, 7, **MARKET_TO_LIMIT) == [
        "B1 accepted 5 @ 101",
        "trade 3 @ 101 S1 B1",
        "S1 filled 3 @ 101, leaves 0",
        "B1 filled 3 @ 101, leaves 2",
    ]
    assert desk.where("B1") == "resting 2 @ 101"
    assert desk.replace("B1", 2, 99) == ["B1 replaced 2 @ 99"]


def test_a_market_to_limit_order_goes_no_deeper(desk):
    """It takes the best price only."""
    desk.own("S1", 3, 101)
    desk.own("S2", 3, 102)
    desk.own("B1", 5, 7, **MARKET_TO_LIMIT)
    assert desk.levels(SELL) == [[102, 3, 1]]
    assert desk.levels(BUY) == [[101, 2, 1]]


def test_a_market_to_limit_order_without_a_price_goes(desk):
    """There is no best opposite price."""
    assert desk.own("B1", 5, 7, **MARKET_TO_LIMIT) == [
        "B1 accepted 5 @ 7",
        "B1 cancelled 5 MARKET_REMAINDER, leaves 0",
    ]


def test_a_replaced_order_keeps_what_it_is(desk):
    """Account, side and flags are the order's, not the command's."""
    desk.own("B1", 5, 98, account=3, **POST_ONLY)
    desk.about(Kind.REPLACE_ORDER, "B1", 6, 97, account=3, side=SELL, order_type=1, time_in_force=2)
    order = desk.engine.order(id_of("B1"))
    assert (order["account"], order["side"], order["post_only"]) == (3, BUY, True)
    assert order["price_ticks"] == 97


def test_a_replace_that_fills_whole_is_gone(desk):
    """Its id is free again."""
    desk.own("S1", 5, 101)
    desk.own("B1", 5, 98)
    assert desk.replace("B1", 5, 101)[-1] == "B1 filled 5 @ 101, leaves 0"
    assert desk.own("B1", 5, 98) == ["B1 accepted 5 @ 98"]


def test_a_refused_replace_changes_nothing(desk):
    """Neither quantity nor place."""
    desk.own("S1", 5, 101)
    desk.own("S2", 5, 101)
    before = desk.engine.state_hash()
    assert desk.replace("S1", 0, 101) == ["S1 rejected BAD_QTY"]
    assert desk.replace("S1", 9, 101, account=2) == ["S1 rejected WRONG_ACCOUNT"]
    assert desk.replace("S1", 9, 101, flags=1) == ["S1 rejected BAD_FLAGS"]
    assert desk.replace("S1", 9, 101, flags=128) == ["S1 rejected BAD_OPTIONS"]
    assert desk.replace("S1", 9, 101, trigger=5) == ["S1 rejected BAD_OPTIONS"]
    assert desk.engine.state_hash() == before


@pytest.mark.parametrize("way", [{**STOP_LIMIT, "trigger": 120}, PEG_BID])
def test_a_full_pool_refuses_every_replace(new_desk, way):
    """Also one that keeps its place, of a stop or of a peg."""
    desk = new_desk(orders=1)
    desk.own("B1", 5, 98, **way)
    assert desk.replace("B1", 4, 98) == ["B1 rejected POOL_FULL"]
    assert desk.pull("B1") == ["B1 cancelled 5 REQUESTED, leaves 0"]
