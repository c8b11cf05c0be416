"""Instruments: listing and retiring, the rules of prices and quantities, states."""

import pytest

from hft.core.messages import Kind
from tests.reference.desk import (
    BUY,
    CLOSED,
    FOK,
    HALTED,
    IOC,
    MARKET,
    MARKET_TO_LIMIT,
    OPEN,
    PEG_BID,
    PRE_OPEN,
    SELL,
    SLIDE,
    STOP,
    STOP_LIMIT,
)

INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)


@pytest.fixture
def desk(new_desk):
    """Two instruments are listed, two are not."""
    return new_desk(listed=2)


def retire(desk, instrument=0):
    return desk.send(Kind.RETIRE_INSTRUMENT, instrument=instrument)


# Listing and retiring.


def test_an_instrument_must_be_listed(desk):
    """Nothing happens on one that isn't; it is listed before the opening."""
    for kind in (Kind.NEW_ORDER, Kind.FLOW_ADD, Kind.FLOW_STATUS, Kind.SET_POSITION):
        said = desk.send(kind, instrument=2, order_id=1, qty_lots=1, side=BUY)
        assert said[0].endswith("rejected UNKNOWN_INSTRUMENT")
    assert retire(desk, 2) == ["- rejected UNKNOWN_INSTRUMENT"]
    assert desk.list_instrument(2) == ["- accepted 0 @ 0"]
    assert desk.engine.state(2) == PRE_OPEN
    assert desk.own("B1", 5, 98, instrument=2) == ["B1 accepted 5 @ 98"]


def test_what_is_listed_cannot_be_listed_again(desk):
    """The first listing stands."""
    assert desk.list_instrument(0, price_step_ticks=5) == ["- rejected ALREADY_LISTED"]
    assert desk.own("B1", 5, 98) == ["B1 accepted 5 @ 98"]
    assert desk.list_instrument(4) == ["- rejected UNKNOWN_INSTRUMENT"]
    assert desk.list_instrument(0, price_step_ticks=0) == ["- rejected ALREADY_LISTED"]


@pytest.mark.parametrize(
    "rules",
    [
        {"price_step_ticks": 0},
        {"qty_step_lots": 0},
        {"price_min_ticks": 5, "price_max_ticks": 4},
        {"price_min_ticks": INT64_MAX, "price_max_ticks": INT64_MIN},
        {"qty_max_lots": 0},
        {"qty_max_lots": INT64_MIN},
    ],
)
def test_rules_that_nobody_could_follow_are_refused(desk, rules):
    """The instrument stays unlisted, and the refusal repeats none of the rules."""
    assert desk.list_instrument(2, **rules) == ["- rejected BAD_RULES"]
    assert desk.outputs[0].last_lots == desk.outputs[0].price_ticks == 0
    assert desk.list_instrument(2, price_min_ticks=4, price_max_ticks=4) == ["- accepted 0 @ 0"]


def test_a_retired_instrument_takes_all_along(desk):
    """Every order in book order, recorded and anonymous ones too; ghosts in silence."""
    desk.own("B1", 5, 98)
    desk.own("S1", 5, 105, display=2)
    desk.add("R1", SELL, 5, 105)
    desk.seed(BUY, 7, 97)
    desk.own("B2", 5, 0, **STOP, trigger=120)
    desk.own("S2", 5, 90, **STOP_LIMIT, trigger=80)
    desk.own("B3", 5, 1, **PEG_BID, trigger=INT64_MIN)
    desk.add("R2", SELL, 3, 99)
    desk.own("B4", 3, 99)
    desk.own("B5", 5, 98, instrument=1)
    assert desk.lots("R2") == (0, 3)
    assert retire(desk) == [
        "- accepted 0 @ 0",
        "B1 cancelled 5 INSTRUMENT_RETIRED, leaves 0",
        "- cancelled 7 INSTRUMENT_RETIRED, leaves 0",
        "B3 cancelled 5 INSTRUMENT_RETIRED, leaves 0",
        "S1 cancelled 5 INSTRUMENT_RETIRED, leaves 0",
        "R1 cancelled 5 INSTRUMENT_RETIRED, leaves 0",
        "S2 cancelled 5 INSTRUMENT_RETIRED, leaves 0",
        "B2 cancelled 5 INSTRUMENT_RETIRED, leaves 0",
    ]
    assert desk.tops == ["top none, none"]
    assert desk.resting() == ["B5"]
    assert len(desk.engine) == 1
    assert desk.lots("R2") is None
    assert desk.engine.state(0) == CLOSED


def test_a_retired_instrument_forgets(desk):
    """Trades, positions, displaced lots and rules: a new listing begins anew."""
    desk.add("R1", SELL, 5, 105)
    desk.own("B1", 5, 105)
    desk.delete("R1")
    desk.position(5)
    assert desk.engine.displaced_lots(0) == 5
    retire(desk)
    assert desk.engine.displaced_lots(0) == 0
    assert desk.engine.position(0, 0) is None
    desk.list_instrument(0)
    desk.status(OPEN)
    assert len(desk.own("B2", 5, 90, **STOP_LIMIT, trigger=100)) == 1
    assert desk.engine.displaced_lots(0) == 0


def test_links_end_with_their_instrument(desk):
    """One of the two is retired, the other's link has ended then."""
    desk.own("B1", 5, 98)
    desk.own("B2", 5, 97, link="B1")
    assert retire(desk)[1:] == [
        "B1 cancelled 5 INSTRUMENT_RETIRED, leaves 0",
        "B2 cancelled 5 LINK_ENDED, leaves 0",
    ]


# Rules.


@pytest.fixture
def ruled(desk):
    """Prices are multiples of 5 from 90 to 112, quantities of 2 up to 20."""
    desk.list_instrument(
        2,
        price_step_ticks=5,
        qty_step_lots=2,
        price_min_ticks=90,
        price_max_ticks=112,
        qty_max_lots=20,
    )
    desk.status(OPEN, instrument=2)
    own, replace = desk.own, desk.replace
    desk.own = lambda *args, **fields: own(*args, instrument=2, **fields)
    desk.replace = lambda *args, **fields: replace(*args, instrument=2, **fields)
    return desk


@pytest.mark.parametrize("price", [89, 85, 91, 101, 113, 115, 112, INT64_MIN, INT64_MAX])
def test_prices_outside_the_rules(ruled, price):
    """Beyond a bound or between the steps, new or replaced; a bound itself need be no step."""
    assert ruled.own("B1", 2, price) == ["B1 rejected BAD_PRICE"]
    assert ruled.own("B1", 2, price, **STOP_LIMIT, trigger=99) == ["B1 rejected BAD_PRICE"]
    ruled.own("B1", 2, 100)
    ruled.own("B2", 2, 100, **STOP_LIMIT, trigger=99)
    assert ruled.replace("B1", 2, price) == ["B1 rejected BAD_PRICE"]
    assert ruled.replace("B2", 2, price) == ["B2 rejected BAD_PRICE"]
    assert ruled.own("B3", 2, 90) == ["B3 accepted 2 @ 90"]
    assert ruled.own("B4", 2, 110) == ["B4 accepted 2 @ 110"]


@pytest.mark.parametrize("lots", [1, 3, 21, 22, INT64_MAX])
def test_quantities_outside_the_rules(ruled, lots):
    """Beyond the largest or between the steps, of any type."""
    assert ruled.own("B1", lots, 100) == ["B1 rejected BAD_QTY"]
    assert ruled.own("B1", lots, **MARKET) == ["B1 rejected BAD_QTY"]
    ruled.own("B1", 2, 100)
    assert ruled.replace("B1", lots, 100) == ["B1 rejected BAD_QTY"]
    assert ruled.own("B2", 20, 100) == ["B2 accepted 20 @ 100"]


def test_negative_prices_have_steps_too(desk):
    """Multiples are multiples below zero."""
    desk.list_instrument(2, price_step_ticks=5)
    assert desk.own("B1", 1, -10, instrument=2) == ["B1 accepted 1 @ -10"]
    assert desk.own("B2", 1, -9, instrument=2) == ["B2 rejected BAD_PRICE"]


def test_what_has_no_limit_price_is_not_held_to_it(ruled):
    """Market orders, triggers and pegs may name any price."""
    ruled.own("S1", 2, 105)
    assert ruled.own("B1", 4, 7, **MARKET)[0] == "B1 accepted 4 @ 7"
    assert ruled.own("B1", 2, 7, **STOP, trigger=1111) == ["B1 accepted 2 @ 1111"]
    assert ruled.replace("B1", 2, 7, trigger=1112) == ["B1 replaced 2 @ 1112"]
    assert ruled.own("B2", 2, 7, **PEG_BID) == ["B2 accepted 2 @ 0 PARKED"]
    assert ruled.replace("B2", 2, 8) == ["B2 replaced 2 @ 0 PARKED"]


def test_recorded_orders_follow_no_rules(ruled):
    """The recording knows what it traded."""
    for number, price in enumerate((3, 101, 9999), 1):
        said = ruled.add(f"R{number}", SELL, 3, price, instrument=2)
        assert said == [f"R{number} accepted 3 @ {price}"]
    said = ruled.own("B1", 2, 999, **MARKET_TO_LIMIT)
    assert said[0] == "B1 accepted 2 @ 3"


def test_sliding_keeps_to_the_rules(ruled):
    """The next step away from the other side, and none beyond a bound."""
    ruled.add("R1", SELL, 3, 103, instrument=2)
    assert ruled.own("B1", 2, 105, **SLIDE) == ["B1 accepted 2 @ 100 SLID"]
    ruled.add("R2", SELL, 3, 101, instrument=2)
    assert ruled.own("B2", 2, 105, **SLIDE) == ["B2 accepted 2 @ 100 SLID"]
    ruled.send(Kind.MASS_CANCEL)
    ruled.add("R3", SELL, 3, 91, instrument=2)
    assert ruled.own("B3", 2, 95, **SLIDE) == ["B3 accepted 2 @ 90 SLID"]
    ruled.send(Kind.MASS_CANCEL)
    ruled.add("R4", SELL, 3, 90, instrument=2)
    assert ruled.own("B4", 2, 95, **SLIDE) == ["B4 rejected POST_ONLY_WOULD_MATCH"]


def test_sliding_up_keeps_to_the_largest_price(ruled):
    """A sell's next step may be beyond the largest price."""
    ruled.add("R1", BUY, 3, 108, instrument=2)
    assert ruled.own("S1", 2, 105, **SLIDE) == ["S1 accepted 2 @ 110 SLID"]
    ruled.send(Kind.MASS_CANCEL)
    ruled.add("R2", BUY, 3, 110, instrument=2)
    assert ruled.own("S2", 2, 105, **SLIDE) == ["S2 rejected POST_ONLY_WOULD_MATCH"]


# States.


@pytest.mark.parametrize("state", [HALTED, CLOSED])
def test_nothing_enters_but_everything_leaves(desk, state):
    """Stops and pegs included."""
    desk.own("B1", 5, 98)
    desk.status(state)
    for way in ({}, MARKET, IOC, FOK, MARKET_TO_LIMIT, PEG_BID, {**STOP, "trigger": 5}):
        assert desk.own("B2", 5, 97, **way) == ["B2 rejected INSTRUMENT_HALTED"]
    assert desk.replace("B1", 1, 98) == ["B1 rejected INSTRUMENT_HALTED"]
    assert desk.pull("B1") == ["B1 cancelled 5 REQUESTED, leaves 0"]


def test_before_the_opening_nothing_matches(desk):
    """What could match now doesn't enter; asked by its own price, before any sliding."""
    desk.own("S1", 5, 101)
    desk.status(PRE_OPEN)
    for way in ({}, SLIDE, IOC, FOK, MARKET, MARKET_TO_LIMIT):
        assert desk.own("B1", 5, 101, **way) == ["B1 rejected INSTRUMENT_HALTED"]
    for way in ({}, SLIDE, STOP_LIMIT | {"trigger": 3}, PEG_BID):
        price = 101 if way in (STOP_LIMIT, PEG_BID) else 100
        assert "accepted" in desk.own("B1", 5, price, **way)[0]
        desk.pull("B1")


def test_before_the_opening_a_market_order_needs_an_empty_side(desk):
    """There it can't match, and goes."""
    desk.status(PRE_OPEN)
    assert desk.own("B1", 5, 7, **MARKET) == [
        "B1 accepted 5 @ 7",
        "B1 cancelled 5 MARKET_REMAINDER, leaves 0",
    ]
    assert desk.own("B1", 5, 100, **IOC)[1] == "B1 cancelled 5 IOC_REMAINDER, leaves 0"


def test_recorded_orders_match_in_any_state(desk):
    """The recording knows when it traded."""
    desk.own("B1", 5, 98)
    desk.status(CLOSED)
    assert desk.add("R1", SELL, 2, 98)[1] == "trade 2 @ 98 B1 R1"
