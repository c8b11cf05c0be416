"""Positions, and orders that may only reduce them."""

import pytest

from hft.core.messages import Kind
from tests.reference.desk import BUY, FOK, IOC, MARKET, MARKET_TO_LIMIT, REDUCE_ONLY, SELL

INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)


def position(desk, account=0, instrument=0):
    return desk.engine.position(account, instrument)


# Positions.


def test_a_position_is_known_from_when_it_is_told(desk):
    """Fills before that don't count; those after do, on both sides of a trade."""
    desk.own("S1", 9, 101, account=1)
    desk.own("B1", 2, 101, account=2)
    assert position(desk, 1) is position(desk, 2) is None
    assert desk.position(10, account=1) == ["- accepted 0 @ 0"]
    desk.position(-1, account=2)
    desk.own("B1", 3, 101, account=2)
    assert (position(desk, 1), position(desk, 2)) == (7, 2)


def test_positions_are_by_instrument(desk):
    """A fill counts where it happened."""
    desk.position(5)
    desk.position(5, instrument=1)
    desk.own("S1", 2, 101, instrument=1)
    desk.own("B1", 2, 101, instrument=1, account=3)
    assert (position(desk), position(desk, instrument=1)) == (5, 3)


def test_recorded_fills_change_no_position(desk):
    """A recorded order has no account, whatever the command says; own makers have one."""
    desk.position(0)
    desk.add("R1", SELL, 5, 101, account=0)
    desk.execute("R1", 2)
    assert position(desk) == 0
    desk.own("B1", 3, 101)
    assert position(desk) == 3
    desk.own("S1", 4, 101)
    desk.hidden(SELL, 4, 101)
    assert position(desk) == -1


@pytest.mark.parametrize(("told", "held"), [(INT64_MIN, -INT64_MAX), (INT64_MAX, INT64_MAX)])
def test_positions_are_held_within_their_range(desk, told, held):
    """No position wraps around, told or traded."""
    desk.position(told)
    assert position(desk) == held
    name, other = ("S1", "B1") if told < 0 else ("B1", "S1")
    desk.own(name, 5, 100)
    desk.own(other, 5, 100, account=7)
    assert position(desk) == held
    assert desk.own(name, 9, 100, **REDUCE_ONLY) == [f"{name} rejected NOTHING_TO_REDUCE"]


# Arriving.


@pytest.mark.parametrize(("name", "lots"), [("B1", 5), ("B1", 0), ("S1", -5), ("S1", 0)])
def test_nothing_to_reduce(desk, name, lots):
    """Without a position on the other side a reduce-only order is refused."""
    assert desk.own(name, 3, 100, **REDUCE_ONLY) == [f"{name} rejected NOTHING_TO_REDUCE"]
    desk.position(lots)
    assert desk.own(name, 3, 100, **REDUCE_ONLY) == [f"{name} rejected NOTHING_TO_REDUCE"]


def test_it_is_cut_to_the_position(desk):
    """What it has beyond the position is cut before it trades."""
    desk.position(-4)
    desk.own("S1", 9, 101, account=1)
    assert desk.own("B1", 6, 101, **REDUCE_ONLY) == [
        "B1 accepted 6 @ 101",
        "B1 restated 4 @ 101 NOTHING_TO_REDUCE, lost 2",
        "trade 4 @ 101 S1 B1",
        "S1 filled 4 @ 101, leaves 5",
        "B1 filled 4 @ 101, leaves 0",
    ]
    assert position(desk) == 0


def test_one_within_the_position_is_not_cut(desk):
    """It rests with all of it."""
    desk.position(4)
    assert desk.own("S1", 4, 101, **REDUCE_ONLY) == ["S1 accepted 4 @ 101"]
    assert desk.own("S2", 4, 101, **REDUCE_ONLY) == ["S2 accepted 4 @ 101"]


@pytest.mark.parametrize("way", [MARKET, MARKET_TO_LIMIT, IOC])
def test_any_type_is_cut(desk, way):
    """Market orders too; what is left after the cut is what a remainder is made of."""
    desk.position(-4)
    desk.own("S1", 3, 101, account=1)
    said = desk.own("B1", 6, 101, **way, **REDUCE_ONLY)
    assert said[1] == "B1 restated 4 @ 101 NOTHING_TO_REDUCE, lost 2"
    assert "B1 filled 3 @ 101, leaves 1" in said


def test_fok_asks_for_what_is_left_after_the_cut(desk):
    """The cut quantity is the whole."""
    desk.position(-4)
    desk.own("S1", 4, 101, account=1)
    assert desk.own("B1", 6, 101, **FOK, **REDUCE_ONLY)[-1] == "B1 filled 4 @ 101, leaves 0"


def test_a_minimum_beyond_the_cut_is_unmet(desk):
    """What was cut can't trade at once."""
    desk.position(-4)
    desk.own("S1", 9, 101, account=1)
    assert desk.own("B1", 6, 101, least=5, **REDUCE_ONLY)[-1] == (
        "B1 cancelled 4 MIN_QTY_UNMET, leaves 0"
    )


# Resting.


def test_a_resting_one_is_cut_when_a_taker_reaches_it(desk):
    """The position may have changed since it came."""
    desk.position(5)
    desk.own("S1", 5, 101, **REDUCE_ONLY)
    desk.position(2)
    assert desk.own("B1", 4, 101, account=1) == [
        "B1 accepted 4 @ 101",
        "S1 restated 2 @ 101 NOTHING_TO_REDUCE, lost 3",
        "trade 2 @ 101 S1 B1",
        "S1 filled 2 @ 101, leaves 0",
        "B1 filled 2 @ 101, leaves 2",
    ]


def test_the_taker_goes_on_behind_one_with_nothing_to_reduce(desk):
    """It is cancelled, and the next maker is met."""
    desk.position(5)
    desk.own("S1", 5, 101, **REDUCE_ONLY)
    desk.own("S2", 5, 101, account=1)
    desk.position(-2)
    assert desk.own("B1", 4, 101, account=2)[1:] == [
        "S1 cancelled 5 NOTHING_TO_REDUCE, leaves 0",
        "trade 4 @ 101 S2 B1",
        "S2 filled 4 @ 101, leaves 1",
        "B1 filled 4 @ 101, leaves 0",
    ]


def test_two_of_them_never_reduce_more_than_there_is(desk):
    """The first one's fill leaves the second less."""
    desk.position(5)
    desk.own("S1", 4, 101, **REDUCE_ONLY)
    desk.own("S2", 4, 101, **REDUCE_ONLY)
    assert desk.own("B1", 9, 101, account=1)[4:6] == [
        "S2 restated 1 @ 101 NOTHING_TO_REDUCE, lost 3",
        "trade 1 @ 101 S2 B1",
    ]
    assert position(desk) == 0


@pytest.mark.parametrize("how", ["add", "execute", "hidden"])
def test_recorded_takers_cut_it_too(desk, how):
    """Whoever reaches it."""
    desk.position(5)
    desk.own("S1", 5, 101, **REDUCE_ONLY)
    desk.add("R1", SELL, 9, 102)
    desk.position(2)
    said = {
        "add": lambda: desk.add("R2", BUY, 3, 101),
        "execute": lambda: desk.execute("R1", 3, price=102),
        "hidden": lambda: desk.hidden(SELL, 3, 101),
    }[how]()
    assert "S1 restated 2 @ 101 NOTHING_TO_REDUCE, lost 3" in said
    assert [line for line in said if line.startswith("trade 2 @ 101 S1")]


def test_a_hidden_trade_that_meets_only_what_must_go_is_answered(desk):
    """The cancellation is a report: no other answer is made up."""
    desk.position(5)
    desk.own("S1", 5, 101, **REDUCE_ONLY)
    desk.position(0)
    assert desk.hidden(SELL, 3, 101) == [
        "S1 cancelled 5 NOTHING_TO_REDUCE, leaves 0",
        "trade 3 @ 101 - - hidden",
    ]


def test_reduce_only_makers_do_not_count_for_fok(desk):
    """They may be cut before they are met."""
    desk.position(5)
    desk.own("S1", 5, 101, **REDUCE_ONLY)
    assert desk.own("B1", 5, 101, account=1, **FOK)[-1] == (
        "B1 cancelled 5 FOK_UNFILLABLE, leaves 0"
    )


# Replaces.


def test_a_replaced_one_is_cut_when_it_enters_again(desk):
    """More lots or another price: as a new one. One that keeps its place isn't cut."""
    desk.position(5)
    desk.own("S1", 5, 101, **REDUCE_ONLY)
    desk.position(2)
    assert desk.replace("S1", 4, 101) == ["S1 replaced 4 @ 101"]
    assert desk.replace("S1", 4, 102) == [
        "S1 replaced 4 @ 102",
        "S1 restated 2 @ 102 NOTHING_TO_REDUCE, lost 2",
    ]
    desk.position(0)
    assert desk.replace("S1", 1, 102) == ["S1 rejected NOTHING_TO_REDUCE"]
    assert desk.where("S1") == "resting 2 @ 102"


# Room.


def test_there_is_room_for_so_many_positions(new_desk):
    """65,536 pairs of account and instrument, and one told before may always be told again."""
    desk = new_desk(instruments=2)
    for account in range(65_536):
        desk.position(1, account=account)
    assert desk.position(1, account=0, instrument=1) == ["- rejected POOL_FULL"]
    assert desk.position(9, account=65_535) == ["- accepted 0 @ 0"]
    desk.send(Kind.RETIRE_INSTRUMENT, instrument=0)
    assert desk.position(1, account=0, instrument=1) == ["- accepted 0 @ 0"]
