"""Stops: when they trigger, in which order, and what they then do."""

import pytest

from tests.reference.desk import (
    BUY,
    FOK,
    HALTED,
    IOC,
    OPEN,
    PRE_OPEN,
    REDUCE_ONLY,
    SELL,
    STOP,
    STOP_LIMIT,
)

INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)


def test_a_stop_waits_unseen(desk):
    """It is in no level and no top, has its trigger as price, and can be cancelled."""
    assert desk.own("B1", 5, 77, **STOP, trigger=110) == ["B1 accepted 5 @ 110"]
    assert desk.own("S1", 5, 88, **STOP_LIMIT, trigger=90) == ["S1 accepted 5 @ 88"]
    assert desk.tops == []
    assert desk.levels(BUY) == desk.levels(SELL) == []
    assert (desk.where("B1"), desk.where("S1")) == ("waiting 5 @ 110", "waiting 5 @ 88")
    assert len(desk.engine) == 2
    assert desk.pull("B1") == ["B1 cancelled 5 REQUESTED, leaves 0"]
    assert desk.outputs[0].price_ticks == 110


@pytest.mark.parametrize(("name", "reaches", "misses"), [("B1", 110, 109), ("S1", 110, 111)])
def test_a_trade_at_the_trigger_reaches_it(desk, name, reaches, misses):
    """A buy stop triggers at its price or above, a sell stop at or below."""
    other = "S9" if name == "B1" else "B9"
    desk.own(other, 5, 300 if name == "B1" else 20)
    desk.own(name, 5, 0, **STOP, trigger=110)
    desk.print(misses)
    assert desk.where(name) == "waiting 5 @ 110"
    said = desk.hidden(BUY, 1, reaches)
    assert said[2] == f"{name} triggered 5 @ 110"
    assert said[-1].startswith(f"{name} filled 5")


def test_a_stop_becomes_a_market_order(desk):
    """What is left of it goes as a market order's remainder, at its trigger price."""
    desk.own("S1", 3, 115)
    desk.own("B1", 5, 0, **STOP, trigger=110)
    assert desk.hidden(SELL, 1, 110) == [
        "trade 1 @ 110 - - hidden",
        "- accepted 0 @ 110",
        "B1 triggered 5 @ 110",
        "trade 3 @ 115 S1 B1",
        "S1 filled 3 @ 115, leaves 0",
        "B1 filled 3 @ 115, leaves 2",
        "B1 cancelled 2 MARKET_REMAINDER, leaves 0",
    ]
    assert desk.outputs[-2].price_ticks == 110
    assert len(desk.engine) == 0


def test_a_stop_limit_becomes_a_limit_order(desk):
    """It trades up to its limit, and what is left rests there as any order."""
    desk.own("S1", 3, 111)
    desk.own("S2", 3, 113)
    desk.own("B1", 5, 112, **STOP_LIMIT, trigger=110)
    desk.print(110)
    assert desk.where("B1") == "resting 2 @ 112"
    assert desk.replace("B1", 1, 112) == ["B1 replaced 1 @ 112"]
    assert desk.replace("B1", 1, 112, trigger=1) == ["B1 rejected BAD_OPTIONS"]


@pytest.mark.parametrize(("way", "reason"), [(IOC, "IOC_REMAINDER"), (FOK, "FOK_UNFILLABLE")])
def test_a_triggered_order_has_its_time_in_force(desk, way, reason):
    """Immediate and fill-or-kill are asked when it triggers, not when it comes."""
    desk.own("S1", 3, 111)
    assert desk.own("B1", 5, 112, **STOP_LIMIT, **way, trigger=110) == ["B1 accepted 5 @ 112"]
    said = desk.hidden(SELL, 1, 110)
    left = 2 if way == IOC else 5
    assert said[-1] == f"B1 cancelled {left} {reason}, leaves 0"
    assert ("trade 3 @ 111 S1 B1" in said) == (way == IOC)


def test_a_fok_stop_is_a_market_order_too(desk):
    """It fills whole at any price or not at all."""
    desk.own("S1", 3, 111)
    desk.own("B1", 4, 0, **STOP, **FOK, trigger=110)
    desk.own("B2", 3, 0, **STOP, **FOK, trigger=110)
    said = desk.hidden(SELL, 1, 110)
    assert said[2:4] == ["B1 triggered 4 @ 110", "B1 cancelled 4 FOK_UNFILLABLE, leaves 0"]
    assert said[-1] == "B2 filled 3 @ 111, leaves 0"


def test_a_stop_whose_trigger_is_reached_triggers_at_once(desk):
    """The last trade counts, however long ago it was; without any trade nothing is reached."""
    assert len(desk.own("B1", 5, 110, **STOP_LIMIT, trigger=INT64_MIN)) == 1
    desk.print(105)
    assert desk.where("B1") == "resting 5 @ 110"
    assert desk.own("B2", 5, 104, **STOP_LIMIT, trigger=105) == [
        "B2 accepted 5 @ 104",
        "B2 triggered 5 @ 104",
    ]
    assert len(desk.own("B3", 5, 104, **STOP_LIMIT, trigger=106)) == 1


def test_only_the_last_trade_of_a_command_counts(desk):
    """A sweep through a trigger and a trade back from it leave the stop waiting."""
    desk.own("S1", 1, 110)
    desk.own("S2", 1, 101)
    desk.own("B1", 5, 90, **STOP_LIMIT, trigger=105)
    desk.own("S3", 5, 95, **STOP_LIMIT, trigger=103)
    said = desk.own("B2", 2, 120)
    assert "B1 triggered 5 @ 90" in said
    assert "S3 triggered 5 @ 95" not in said


@pytest.mark.parametrize("how", ["own", "execute", "hidden", "add"])
def test_every_trade_counts(desk, how):
    """Own, recorded and hidden trades alike."""
    desk.add("R1", SELL, 5, 105)
    desk.own("S1", 1, 108)
    desk.own("B1", 5, 90, **STOP_LIMIT, trigger=105)
    said = {
        "own": lambda: desk.own("B2", 1, 105),
        "execute": lambda: desk.execute("R1", 2, price=105),
        "hidden": lambda: desk.hidden(BUY, 1, 105),
        "add": lambda: desk.add("R2", BUY, 1, 108),
    }[how]()
    assert said[-1] == "B1 triggered 5 @ 90"


def test_stops_that_are_reached_together_act_by_arrival(desk):
    """Whatever their triggers and sides: who came first acts first."""
    desk.own("B1", 1, 90, **STOP_LIMIT, trigger=104)
    desk.own("S1", 1, 120, **STOP_LIMIT, trigger=106)
    desk.own("B2", 1, 91, **STOP_LIMIT, trigger=102)
    desk.own("S2", 1, 121, **STOP_LIMIT, trigger=105)
    said = desk.hidden(BUY, 1, 105)
    names = [line.split()[0] for line in said if "triggered" in line]
    assert names == ["B1", "S1", "B2", "S2"]


def test_a_chain_of_stops(desk):
    """The trades of one reach the next; those line up behind the ones in line already."""
    desk.own("B9", 1, 0, **STOP, trigger=108)
    desk.own("B1", 1, 0, **STOP, trigger=105)
    desk.own("B2", 1, 0, **STOP, trigger=105)
    for name, price in (("S1", 108), ("S2", 109), ("S3", 110)):
        desk.own(name, 1, price)
    said = desk.hidden(BUY, 1, 105)
    assert [line for line in said if "triggered" in line or "trade" in line] == [
        "trade 1 @ 105 - - hidden",
        "B1 triggered 1 @ 105",
        "trade 1 @ 108 S1 B1",
        "B2 triggered 1 @ 105",
        "trade 1 @ 109 S2 B2",
        "B9 triggered 1 @ 108",
        "trade 1 @ 110 S3 B9",
    ]
    assert desk.tops == ["top none, none"]


def test_stops_wait_while_the_instrument_is_not_open(desk):
    """They enter before the opening, trades meanwhile count, and opening triggers them."""
    desk.status(PRE_OPEN)
    assert desk.own("B1", 5, 100, **STOP_LIMIT, trigger=105) == ["B1 accepted 5 @ 100"]
    desk.print(106)
    desk.status(HALTED)
    assert desk.own("B2", 5, 100, **STOP, trigger=105) == ["B2 rejected INSTRUMENT_HALTED"]
    assert desk.where("B1") == "waiting 5 @ 100"
    assert desk.status(OPEN) == ["- accepted 0 @ 0", "B1 triggered 5 @ 100"]


def test_stops_of_another_instrument_wait(desk):
    """Trades of one instrument reach no stop of another."""
    desk.own("B1", 5, 100, **STOP_LIMIT, trigger=105, instrument=1)
    desk.print(110)
    assert desk.where("B1") == "waiting 5 @ 100"


# Replaces.


def test_a_replaced_stop_keeps_or_loses_its_place(desk):
    """Fewer lots keep place and arrival number; another limit or more lots lose both."""
    for name in ("B1", "B2", "B3"):
        desk.own(name, 5, 90, **STOP_LIMIT, trigger=105)
    assert desk.replace("B1", 4, 90) == ["B1 replaced 4 @ 90"]
    assert desk.resting() == ["B1", "B2", "B3"]
    assert desk.replace("B1", 4, 91) == ["B1 replaced 4 @ 91"]
    assert desk.resting() == ["B2", "B3", "B1"]
    desk.replace("B2", 6, 90)
    desk.own("B4", 5, 90, **STOP_LIMIT, trigger=101)
    assert desk.resting() == ["B4", "B3", "B1", "B2"]
    names = [line.split()[0] for line in desk.hidden(BUY, 1, 105) if "triggered" in line]
    assert names == ["B3", "B1", "B2", "B4"]


def test_a_replaced_trigger_moves_the_stop(desk):
    """The price of a plain stop's replace means nothing, its options are the new trigger."""
    desk.own("S1", 5, 0, **STOP, trigger=95)
    assert desk.replace("S1", 5, 12345) == ["S1 replaced 5 @ 95"]
    assert desk.replace("S1", 5, 0, trigger=93) == ["S1 replaced 5 @ 93"]
    desk.print(95)
    assert desk.where("S1") == "waiting 5 @ 93"
    assert desk.replace("S1", 5, 0, trigger=95) == [
        "S1 replaced 5 @ 95",
        "S1 triggered 5 @ 95",
        "S1 cancelled 5 MARKET_REMAINDER, leaves 0",
    ]


def test_a_stop_may_be_replaced_before_the_opening(desk):
    """A stop doesn't match, whatever its limit."""
    desk.own("S1", 5, 101)
    desk.own("B1", 5, 105, **STOP_LIMIT, trigger=110)
    desk.status(PRE_OPEN)
    assert desk.replace("B1", 5, 106) == ["B1 replaced 5 @ 106"]
    desk.status(HALTED)
    assert desk.replace("B1", 5, 106) == ["B1 rejected INSTRUMENT_HALTED"]


# Order, room and positions.


def test_stops_are_in_book_order(desk):
    """Sell stops by falling trigger, buy stops by rising one, then by arrival."""
    for name, trigger in (("S1", 90), ("S2", 95), ("S3", 95), ("B1", 110), ("B2", 105)):
        desk.own(name, 5, 100, **STOP_LIMIT, trigger=trigger)
    assert desk.resting() == ["S2", "S3", "S1", "B2", "B1"]


def test_a_level_of_stops_never_overflows(desk):
    """A stop is held against the stops at its trigger, not against the book."""
    desk.own("B1", INT64_MAX, 100, **STOP_LIMIT, trigger=110)
    assert desk.own("B2", 1, 90, **STOP_LIMIT, trigger=110) == ["B2 rejected BAD_QTY"]
    assert desk.own("B2", 1, 90, **STOP, trigger=110) == ["B2 rejected BAD_QTY"]
    assert desk.own("B2", 1, 100, **STOP_LIMIT, trigger=111) == ["B2 accepted 1 @ 100"]
    assert desk.replace("B2", 1, 100, trigger=110) == ["B2 rejected BAD_QTY"]
    assert desk.own("B3", INT64_MAX, 100) == [f"B3 accepted {INT64_MAX} @ 100"]


def test_a_triggered_order_that_cannot_rest_goes(desk):
    """Where its level has no room it leaves unmatched."""
    desk.own("B1", INT64_MAX, 100)
    desk.own("B2", 1, 100, **STOP_LIMIT, trigger=110)
    said = desk.hidden(BUY, 1, 110)
    assert said[2:] == ["B2 triggered 1 @ 100", "B2 cancelled 1 BAD_QTY, leaves 0"]


def test_a_reduce_only_stop_is_cut_when_it_triggers(desk):
    """Its position is asked then: it enters without one, is cut to one, or goes."""
    desk.own("B1", 5, 90, **STOP_LIMIT, **REDUCE_ONLY, trigger=110)
    desk.own("B2", 5, 90, **STOP_LIMIT, **REDUCE_ONLY, trigger=110, account=1)
    desk.position(-3)
    assert desk.hidden(BUY, 1, 110)[2:] == [
        "B1 triggered 5 @ 90",
        "B1 restated 3 @ 90 NOTHING_TO_REDUCE, lost 2",
        "B2 triggered 5 @ 90",
        "B2 cancelled 5 NOTHING_TO_REDUCE, leaves 0",
    ]
    assert desk.where("B1") == "resting 3 @ 90"


@pytest.mark.parametrize("trigger", [INT64_MIN, INT64_MAX])
def test_triggers_may_be_extreme(desk, trigger):
    """Both ends of the range trigger, and only there."""
    desk.own("S1" if trigger < 0 else "B1", 5, 100, **STOP_LIMIT, trigger=trigger)
    desk.print(trigger + (1 if trigger < 0 else -1))
    assert len(desk.resting()) == 1
    assert "waiting" in desk.where("S1" if trigger < 0 else "B1")
    desk.print(trigger)
    assert "resting" in desk.where("S1" if trigger < 0 else "B1")
