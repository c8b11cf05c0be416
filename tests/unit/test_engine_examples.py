"""Worked examples of docs/engine.md, from 16 on: one for each order type and rule of own orders."""

import pytest

from hft.core.messages import Kind
from tests.reference.desk import (
    BUY,
    CANCEL_MAKER,
    CLOSED,
    DAY,
    DECREMENT,
    GTD,
    MARKET_TO_LIMIT,
    OPEN,
    PEG_BID,
    PEG_MID,
    PRE_OPEN,
    REDUCE_ONLY,
    SLIDE,
    STOP,
)


def trades(said):
    return [line for line in said if line.startswith("trade")]


def test_example_16_an_icebergs_next_part_joins_the_back(desk):
    """Others at the price fill before what an iceberg hid."""
    desk.own("S1", 20, 101, display=6)
    desk.own("S2", 5, 101)
    assert trades(desk.own("B1", 13, 101)) == [
        "trade 6 @ 101 S1 B1",
        "trade 5 @ 101 S2 B1",
        "trade 2 @ 101 S1 B1",
    ]
    assert desk.where("S1") == "resting 4+8 @ 101"


def test_example_17_a_stop_becomes_a_market_order(desk):
    """Once the last trade is at its trigger."""
    desk.own("B1", 5, 0, **STOP, trigger=110)
    desk.own("S1", 3, 115)
    assert desk.hidden(BUY, 1, 110)[2:] == [
        "B1 triggered 5 @ 110",
        "trade 3 @ 115 S1 B1",
        "S1 filled 3 @ 115, leaves 0",
        "B1 filled 3 @ 115, leaves 2",
        "B1 cancelled 2 MARKET_REMAINDER, leaves 0",
    ]


def test_example_18_stops_act_in_order_of_arrival_wave_by_wave(desk):
    """A stop that another one's trade reaches acts after those in line, though it came first."""
    for name, trigger in (("B1", 108), ("B2", 105), ("B3", 105)):
        desk.own(name, 1, 0, **STOP, trigger=trigger)
    for name, price in (("S1", 108), ("S2", 109), ("S3", 110)):
        desk.own(name, 1, price)
    assert trades(desk.hidden(BUY, 1, 105))[1:] == [
        "trade 1 @ 108 S1 B2",
        "trade 1 @ 109 S2 B3",
        "trade 1 @ 110 S3 B1",
    ]


@pytest.fixture
def pegged(desk):
    """B2 bids 98, the peg B1 follows it."""
    desk.own("B2", 3, 98)
    assert desk.own("B1", 5, 200, **PEG_BID) == ["B1 accepted 5 @ 98"]
    return desk


def test_example_19_a_peg_follows(pegged):
    """It joins the back of where it goes."""
    assert pegged.own("B3", 4, 100)[1:] == ["B1 restated 5 @ 100 PEG_MOVED"]
    assert pegged.resting() == ["B3", "B1", "B2"]


def test_example_20_a_peg_does_not_follow_itself(pegged):
    """Without another bid it is parked."""
    assert pegged.pull("B2")[1:] == ["B1 restated 5 @ 0 PARKED"]
    assert pegged.levels(BUY) == []


def test_example_21_the_middle_is_rounded_away_from_the_other_side(desk):
    """Down for a buy, up for a sell."""
    desk.own("B2", 5, 98)
    desk.own("S2", 5, 103)
    assert desk.own("B1", 5, 200, **PEG_MID) == ["B1 accepted 5 @ 100"]
    assert desk.own("S1", 5, 0, **PEG_MID) == ["S1 accepted 5 @ 101"]


@pytest.fixture
def linked(desk):
    """A profit target S1 and its stop S2; somebody bids 89."""
    desk.own("S1", 5, 110)
    desk.own("S2", 5, 0, **STOP, trigger=90, link="S1")
    desk.own("B1", 5, 89)
    return desk


def test_example_22_a_fill_ends_the_linked_stop(linked):
    """A partial one too, after both FILLED."""
    assert linked.own("B2", 2, 110)[2:] == [
        "S1 filled 2 @ 110, leaves 3",
        "B2 filled 2 @ 110, leaves 0",
        "S2 cancelled 5 LINK_ENDED, leaves 0",
    ]


def test_example_23_a_trigger_ends_the_linked_target(linked):
    """Before the stop acts."""
    assert linked.hidden(BUY, 1, 90)[2:5] == [
        "S1 cancelled 5 LINK_ENDED, leaves 0",
        "S2 triggered 5 @ 90",
        "trade 5 @ 89 B1 S2",
    ]


def test_example_24_a_reduce_only_order_is_cut_on_arrival(desk):
    """To what the position allows."""
    desk.position(-4)
    desk.own("S1", 9, 101, account=1)
    assert desk.own("B1", 6, 101, **REDUCE_ONLY)[:3] == [
        "B1 accepted 6 @ 101",
        "B1 restated 4 @ 101 NOTHING_TO_REDUCE, lost 2",
        "trade 4 @ 101 S1 B1",
    ]


def test_example_25_a_resting_one_is_cut_when_it_is_reached(desk):
    """Its position has changed meanwhile."""
    desk.position(5)
    desk.own("S1", 5, 101, **REDUCE_ONLY)
    desk.position(2)
    assert desk.own("B1", 4, 101, account=1)[1:3] == [
        "S1 restated 2 @ 101 NOTHING_TO_REDUCE, lost 3",
        "trade 2 @ 101 S1 B1",
    ]
    assert desk.where("B1") == "resting 2 @ 101"


@pytest.fixture
def shared(desk):
    """S1 is of account 1, S2 behind it of account 2."""
    desk.own("S1", 5, 101, account=1)
    desk.own("S2", 5, 101, account=2)
    return desk


def test_example_26_cancel_maker(shared):
    """The account's own order goes, and the taker goes on."""
    shared.rule(CANCEL_MAKER, account=1)
    assert shared.own("B1", 9, 101, account=1)[1:3] == [
        "S1 cancelled 5 SELF_TRADE, leaves 0",
        "trade 5 @ 101 S2 B1",
    ]
    assert shared.where("B1") == "resting 4 @ 101"


def test_example_27_decrement(shared):
    """Both lose the smaller quantity, without a trade."""
    shared.rule(DECREMENT, account=1)
    assert shared.own("B1", 9, 101, account=1)[1:4] == [
        "S1 cancelled 5 SELF_TRADE, leaves 0",
        "B1 restated 4 @ 101 SELF_TRADE, lost 5",
        "trade 4 @ 101 S2 B1",
    ]


def test_example_28_a_sliding_order(desk):
    """It rests at the next price at which it doesn't match."""
    desk.own("S1", 5, 101)
    assert desk.own("B1", 5, 110, **SLIDE) == ["B1 accepted 5 @ 100 SLID"]


def test_example_29_a_minimum_quantity(desk):
    """So much at once, or nothing."""
    desk.own("S1", 5, 101)
    desk.own("S2", 5, 102)
    assert desk.own("B1", 9, 101, least=6)[1:] == ["B1 cancelled 9 MIN_QTY_UNMET, leaves 0"]
    assert len(trades(desk.own("B1", 9, 102, least=6))) == 2


def test_example_30_market_to_limit(desk):
    """It takes the best price only, and rests there."""
    desk.own("S1", 3, 101)
    desk.own("S2", 3, 102)
    assert desk.own("B1", 5, 7, **MARKET_TO_LIMIT)[:2] == [
        "B1 accepted 5 @ 101",
        "trade 3 @ 101 S1 B1",
    ]
    assert desk.where("B1") == "resting 2 @ 101"


def test_example_31_what_expires_is_not_met(desk):
    """Expiries come before the command that brings the time."""
    desk.own("S1", 5, 101, **GTD, expiry=20)
    desk.now = 20
    assert desk.own("B1", 5, 101) == ["S1 cancelled 5 EXPIRED, leaves 0", "B1 accepted 5 @ 101"]


def test_example_32_day_orders_end_with_the_day(desk):
    """Others stay."""
    desk.own("B1", 5, 98, **DAY)
    desk.own("B2", 5, 98)
    assert desk.status(CLOSED)[1:] == ["B1 cancelled 5 EXPIRED, leaves 0"]
    assert desk.resting() == ["B2"]


def test_example_33_a_lost_session(desk):
    """Its orders leave in book order: asks, then buy stops."""
    desk.rule(8, account=1)
    desk.own("B1", 5, 0, **STOP, trigger=110, account=1)
    desk.own("S1", 5, 105, account=1)
    assert desk.send(Kind.DISCONNECT, account=1) == [
        "S1 cancelled 5 DISCONNECTED, leaves 0",
        "B1 cancelled 5 DISCONNECTED, leaves 0",
    ]


def test_example_34_an_instrument_with_rules(new_desk):
    """It is listed before its opening; a price between the steps is refused."""
    desk = new_desk(listed=0)
    desk.list_instrument(0, price_step_ticks=5)
    desk.status(OPEN)
    assert desk.own("B1", 5, 101) == ["B1 rejected BAD_PRICE"]
    assert desk.own("B1", 5, 100) == ["B1 accepted 5 @ 100"]


def test_example_35_before_the_opening(desk):
    """Only what can't match enters."""
    desk.own("S1", 5, 101)
    desk.status(PRE_OPEN)
    assert desk.own("B1", 5, 101) == ["B1 rejected INSTRUMENT_HALTED"]
    assert desk.own("B1", 5, 100) == ["B1 accepted 5 @ 100"]
