"""Pegs: what they follow, where they rest, and when they move."""

import pytest

from hft.core.messages import Kind
from tests.reference.desk import (
    BUY,
    DAY,
    HALTED,
    IOC,
    OPEN,
    PEG_ASK,
    PEG_BID,
    PEG_MID,
    PRE_OPEN,
    REDUCE_ONLY,
    SELL,
)

INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)
FAR = {BUY: 10**6, SELL: -(10**6)}


@pytest.fixture
def market(desk):
    """Bid 98, ask 103."""
    desk.own("B9", 5, 98)
    desk.own("S9", 5, 103)
    return desk


@pytest.mark.parametrize(
    ("name", "way", "offset", "price"),
    [
        ("B1", PEG_BID, 0, 98),
        ("B1", PEG_BID, -2, 96),
        ("B1", PEG_BID, 2, 100),
        ("B1", PEG_BID, 9, 102),  # one below the ask
        ("B1", PEG_ASK, -1, 102),
        ("B1", PEG_ASK, 0, 102),
        ("B1", PEG_MID, 0, 100),  # 100.5 rounded down
        ("B1", PEG_MID, -3, 97),
        ("S1", PEG_ASK, 0, 103),
        ("S1", PEG_ASK, -9, 99),  # one above the bid
        ("S1", PEG_BID, 0, 99),
        ("S1", PEG_MID, 0, 101),  # rounded up
        ("S1", PEG_MID, 1, 102),
    ],
)
def test_where_a_peg_rests(market, name, way, offset, price):
    """What it follows plus its offset, held so that it doesn't take."""
    side = BUY if name == "B1" else SELL
    options = {"trigger": offset} if offset else {}
    assert market.own(name, 5, FAR[side], **way, **options) == [f"{name} accepted 5 @ {price}"]
    assert market.where(name) == f"resting 5 @ {price}"


def test_the_middle_of_negative_prices(desk):
    """Down is down and up is up below zero too."""
    desk.own("B9", 5, -8)
    desk.own("S9", 5, -3)
    assert desk.own("B1", 5, 0, **PEG_MID) == ["B1 accepted 5 @ -6"]
    assert desk.own("S1", 5, -10, **PEG_MID) == ["S1 accepted 5 @ -5"]


def test_a_peg_is_held_to_its_limit(market):
    """A buy never pays more, a sell never asks less than its own price."""
    assert market.own("B1", 5, 97, **PEG_BID) == ["B1 accepted 5 @ 97"]
    assert market.own("S1", 5, 105, **PEG_ASK) == ["S1 accepted 5 @ 105"]


def test_a_peg_without_a_reference_is_parked(desk):
    """It is live at price 0, in no level, and rests once there is what it follows."""
    assert desk.own("B1", 5, 200, **PEG_BID) == ["B1 accepted 5 @ 0 PARKED"]
    assert desk.where("B1") == "parked 5 @ 0"
    assert desk.levels(BUY) == []
    assert len(desk.engine) == 1
    assert desk.own("B2", 3, 98) == ["B2 accepted 3 @ 98", "B1 restated 5 @ 98 PEG_MOVED"]
    assert desk.tops == ["top 8 @ 98, none"]
    assert desk.resting() == ["B2", "B1"]
    assert desk.outputs[1].last_lots == 0


def test_pegs_do_not_follow_pegs(desk):
    """Without another bid, a pegged one is no reference for anybody, itself included."""
    desk.own("B2", 3, 98)
    desk.own("B1", 5, 200, **PEG_BID)
    desk.own("B3", 5, 200, **PEG_BID, trigger=-1)
    assert desk.pull("B2") == [
        "B2 cancelled 3 REQUESTED, leaves 0",
        "B1 restated 5 @ 0 PARKED",
        "B3 restated 5 @ 0 PARKED",
    ]
    assert desk.tops == ["top none, none"]
    assert desk.pull("B1") == ["B1 cancelled 5 REQUESTED, leaves 0"]
    assert desk.outputs[0].price_ticks == 0


def test_pegs_move_in_order_of_arrival(market):
    """They follow a better bid, each to the back of its new level."""
    market.own("B1", 1, 200, **PEG_BID)
    market.own("B2", 2, 200, **PEG_BID, trigger=-1)
    market.own("B3", 3, 200, **PEG_BID)
    assert market.own("B4", 4, 100) == [
        "B4 accepted 4 @ 100",
        "B1 restated 1 @ 100 PEG_MOVED",
        "B2 restated 2 @ 99 PEG_MOVED",
        "B3 restated 3 @ 100 PEG_MOVED",
    ]
    assert market.resting() == ["B4", "B1", "B3", "B2", "B9", "S9"]
    assert market.tops == ["top 8 @ 100, 5 @ 103"]


def test_a_peg_that_need_not_move_keeps_its_place(market):
    """The ask moves; a bid peg stays where it is in its queue."""
    market.own("B1", 1, 200, **PEG_BID)
    market.own("B2", 2, 98)
    assert market.own("S1", 1, 102) == ["S1 accepted 1 @ 102"]
    assert market.resting()[:3] == ["B9", "B1", "B2"]


def test_a_peg_makes_way_for_the_other_side(market):
    """What would now match a peg's price pushes the peg once it has rested beyond it."""
    market.own("B1", 5, 200, **PEG_ASK)
    assert market.where("B1") == "resting 5 @ 102"
    said = market.own("S1", 3, 102)
    assert said[1] == "trade 3 @ 102 B1 S1"
    assert market.where("B1") == "resting 2 @ 102"
    assert market.pull("S9")[1:] == ["B1 restated 2 @ 0 PARKED"]


def test_two_pegs_across_the_spread_do_not_meet(market):
    """The second one is held by the first, pegs included."""
    market.own("B1", 5, 200, **PEG_MID)
    market.own("S1", 5, -200, **PEG_BID)
    assert market.where("B1") == "resting 5 @ 100"
    assert market.where("S1") == "resting 5 @ 101"


def test_a_peg_trades_as_a_maker(market):
    """For a taker it is an order like any other."""
    market.own("B1", 5, 200, **PEG_BID, trigger=1)
    assert market.own("S1", 7, 98)[1:3] == ["trade 5 @ 99 B1 S1", "B1 filled 5 @ 99, leaves 0"]
    assert market.where("B1") is None


def test_pegs_follow_the_recording_too(desk):
    """Recorded orders are references; a recorded order that arrives takes from pegs."""
    desk.add("R1", BUY, 5, 98)
    desk.own("B1", 5, 200, **PEG_BID)
    assert desk.add("R2", BUY, 5, 99)[1:] == ["B1 restated 5 @ 99 PEG_MOVED"]
    assert desk.delete("R2", side=BUY)[1:] == ["B1 restated 5 @ 98 PEG_MOVED"]
    assert desk.add("R3", SELL, 2, 98)[1] == "trade 2 @ 98 B1 R3"


def test_pegs_move_only_while_orders_may_enter(market):
    """While the instrument is halted they stay, and look again when it opens."""
    market.own("B1", 1, 200, **PEG_BID)
    market.status(HALTED)
    assert market.pull("B9") == ["B9 cancelled 5 REQUESTED, leaves 0"]
    assert market.own("B2", 1, 200, **PEG_BID) == ["B2 rejected INSTRUMENT_HALTED"]
    assert market.status(PRE_OPEN) == ["- accepted 0 @ 0", "B1 restated 1 @ 0 PARKED"]
    assert market.own("B2", 1, 200, **PEG_ASK) == ["B2 accepted 1 @ 102"]
    assert market.status(OPEN) == ["- accepted 0 @ 0"]


def test_a_peg_is_held_by_the_instruments_rules(desk):
    """Rounded to the step away from the other side, held to the bounds, parked beyond."""
    desk.send(Kind.RETIRE_INSTRUMENT, instrument=0)
    desk.list_instrument(0, price_step_ticks=5, price_min_ticks=90, price_max_ticks=110)
    desk.status(OPEN)
    desk.add("R1", BUY, 5, 98)
    desk.add("R2", SELL, 5, 103)
    assert desk.own("B1", 1, 200, **PEG_BID) == ["B1 accepted 1 @ 95"]
    assert desk.own("S1", 1, 0, **PEG_ASK) == ["S1 accepted 1 @ 105"]
    assert desk.own("B2", 1, 200, **PEG_BID, trigger=-9) == ["B2 accepted 1 @ 0 PARKED"]
    assert desk.own("S2", 1, 0, **PEG_ASK, trigger=8) == ["S2 accepted 1 @ 0 PARKED"]
    assert desk.own("S3", 1, 0, **PEG_ASK, trigger=7) == ["S3 accepted 1 @ 110"]
    assert desk.own("B3", 1, 93, **PEG_BID) == ["B3 accepted 1 @ 90"]


def test_extreme_offsets_and_limits(market):
    """A sum beyond 64 bits is held at the end; a price beyond them parks."""
    assert market.own("B1", 1, INT64_MAX, **PEG_BID, trigger=INT64_MAX) == ["B1 accepted 1 @ 102"]
    assert market.own("B2", 1, INT64_MAX, **PEG_BID, trigger=INT64_MIN) == [
        f"B2 accepted 1 @ {98 + INT64_MIN}"
    ]
    market.pull("B9")
    market.own("B9", 5, -98)
    assert market.where("B2") == f"resting 1 @ {INT64_MIN}"
    assert market.own("S1", 1, INT64_MIN, **PEG_ASK, trigger=INT64_MAX) == [
        f"S1 accepted 1 @ {INT64_MAX}"
    ]


def test_no_price_beyond_the_lowest_bid(desk):
    """Below the lowest ask there is no price for a buy: it is parked."""
    desk.own("S9", 5, INT64_MIN)
    assert desk.own("B1", 1, 100, **PEG_ASK) == ["B1 accepted 1 @ 0 PARKED"]


def test_a_full_level_parks(market):
    """Where the level has no room the peg waits for another price."""
    market.own("B8", INT64_MAX - 7, 98)
    assert market.own("B1", 3, 200, **PEG_BID) == ["B1 accepted 3 @ 0 PARKED"]
    assert market.own("B2", 2, 200, **PEG_BID) == ["B2 accepted 2 @ 98"]


# Replaces.


def test_a_replaced_peg_keeps_or_loses_its_place(market):
    """Fewer lots at the price where it rests keep it; a new offset or more lots don't."""
    market.own("B1", 5, 200, **PEG_BID)
    market.own("B2", 5, 98)
    assert market.replace("B1", 4, 300) == ["B1 replaced 4 @ 98"]
    assert market.resting()[:3] == ["B9", "B1", "B2"]
    assert market.replace("B1", 4, 250) == ["B1 replaced 4 @ 98"]
    assert market.resting()[:3] == ["B9", "B1", "B2"]
    assert market.replace("B1", 5, 300) == ["B1 replaced 5 @ 98"]
    assert market.resting()[:3] == ["B9", "B2", "B1"]
    assert market.replace("B1", 5, 300, trigger=-1) == ["B1 replaced 5 @ 97"]
    assert market.replace("B1", 5, 96) == ["B1 replaced 5 @ 96"]


def test_a_replaced_peg_may_park(market):
    """Where its new offset gives no price, REPLACED says PARKED."""
    market.own("S1", 5, 0, **PEG_ASK)
    market.pull("S9")
    assert market.where("S1") == "parked 5 @ 0"
    assert market.replace("S1", 3, 0, trigger=4) == ["S1 replaced 3 @ 0 PARKED"]
    assert market.own("S9", 1, 110)[1:] == ["S1 restated 3 @ 114 PEG_MOVED"]


def test_parked_pegs_are_in_order_of_arrival(desk):
    """They come last in book order."""
    for name in ("S1", "B1", "S2"):
        desk.own(name, 1, 100, **PEG_MID)
    desk.replace("S1", 2, 100)
    desk.own("S3", 1, 105)
    assert desk.resting() == ["S3", "S1", "B1", "S2"]


def test_a_reduce_only_peg_is_cut_on_arrival(market):
    """Like any other reduce-only order."""
    assert market.own("B1", 5, 200, **PEG_BID, **REDUCE_ONLY) == ["B1 rejected NOTHING_TO_REDUCE"]
    market.position(-2)
    assert market.own("B1", 5, 200, **PEG_BID, **REDUCE_ONLY) == [
        "B1 accepted 5 @ 98",
        "B1 restated 2 @ 98 NOTHING_TO_REDUCE, lost 3",
    ]


def test_pegs_rest_or_nothing(market):
    """A peg that doesn't rest is a contradiction; one for the day isn't."""
    assert market.own("B1", 5, 200, **PEG_BID, **IOC) == ["B1 rejected BAD_TIME_IN_FORCE"]
    assert market.own("B1", 5, 200, **PEG_BID, **DAY) == ["B1 accepted 5 @ 98"]
