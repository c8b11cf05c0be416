"""One cancels the other: what ends a link, and which links there can be."""

import pytest

from hft.core.messages import Kind
from tests.reference.desk import (
    BUY,
    CANCEL_TAKER,
    GTD,
    IOC,
    MARKET,
    PEG_BID,
    SELL,
    STOP,
    STOP_LIMIT,
    id_of,
)

# What ends a link.


def linked(desk):
    """A profit target S1 and its stop S2."""
    desk.own("S1", 5, 110)
    desk.own("S2", 5, 0, **STOP, trigger=90, link="S1")


def test_a_link_is_of_both(desk):
    """Each names the other."""
    linked(desk)
    orders = [desk.engine.order(id_of(name)) for name in ("S1", "S2")]
    assert [order["linked_order_id"] for order in orders] == [id_of("S2"), id_of("S1")]


def test_a_fill_ends_the_other(desk):
    """Also a partial one: after both FILLED."""
    linked(desk)
    assert desk.own("B1", 2, 110) == [
        "B1 accepted 2 @ 110",
        "trade 2 @ 110 S1 B1",
        "S1 filled 2 @ 110, leaves 3",
        "B1 filled 2 @ 110, leaves 0",
        "S2 cancelled 5 LINK_ENDED, leaves 0",
    ]
    assert desk.engine.order(id_of("S1"))["linked_order_id"] == 0
    assert desk.outputs[4].price_ticks == 90


def test_a_trigger_ends_the_other(desk):
    """Before the stop acts."""
    linked(desk)
    desk.own("B1", 9, 89)
    assert desk.hidden(BUY, 1, 90)[2:] == [
        "S1 cancelled 5 LINK_ENDED, leaves 0",
        "S2 triggered 5 @ 90",
        "trade 5 @ 89 B1 S2",
        "B1 filled 5 @ 89, leaves 4",
        "S2 filled 5 @ 89, leaves 0",
    ]


def test_a_cancel_ends_the_other(desk):
    """Whoever leaves takes the other along."""
    linked(desk)
    said = ["S1 cancelled 5 REQUESTED, leaves 0", "S2 cancelled 5 LINK_ENDED, leaves 0"]
    assert desk.pull("S1") == said
    assert len(desk.engine) == 0


def test_a_replace_keeps_the_link(desk):
    """Another price or quantity is not a departure."""
    linked(desk)
    assert desk.replace("S1", 9, 111) == ["S1 replaced 9 @ 111"]
    assert desk.replace("S2", 9, 0, trigger=88) == ["S2 replaced 9 @ 88"]
    assert desk.pull("S2")[1] == "S1 cancelled 9 LINK_ENDED, leaves 0"


def test_a_new_order_that_trades_ends_the_other_at_once(desk):
    """The link begins with the acceptance."""
    desk.own("B1", 5, 98)
    desk.own("S1", 2, 101)
    assert desk.own("B2", 5, 101, link="B1")[1:] == [
        "trade 2 @ 101 S1 B2",
        "S1 filled 2 @ 101, leaves 0",
        "B2 filled 2 @ 101, leaves 3",
        "B1 cancelled 5 LINK_ENDED, leaves 0",
    ]


def test_the_makers_other_goes_before_the_takers(desk):
    """Both traded: two links end, in this order."""
    desk.own("S1", 5, 101)
    desk.own("S2", 5, 105, link="S1")
    desk.own("B1", 5, 98)
    assert desk.own("B2", 5, 101, link="B1")[4:] == [
        "S2 cancelled 5 LINK_ENDED, leaves 0",
        "B1 cancelled 5 LINK_ENDED, leaves 0",
    ]


def test_a_maker_whose_link_ended_is_not_met(desk):
    """A taker that fills one of two linked makers doesn't meet the other."""
    desk.own("S1", 5, 101)
    desk.own("S2", 5, 102, link="S1")
    said = desk.own("B1", 9, 102)
    assert said[-1] == "S2 cancelled 5 LINK_ENDED, leaves 0"
    assert desk.where("B1") == "resting 4 @ 102"


def test_an_order_that_is_cancelled_on_arrival_ends_the_other(desk):
    """A departure is one for whatever reason."""
    desk.own("B1", 5, 98)
    assert desk.own("B2", 5, 99, link="B1", least=2) == [
        "B2 accepted 5 @ 99",
        "B2 cancelled 5 MIN_QTY_UNMET, leaves 0",
        "B1 cancelled 5 LINK_ENDED, leaves 0",
    ]


def test_two_linked_stops_that_are_reached_together(desk):
    """The first one's trigger ends the second, which never acts."""
    desk.own("B1", 5, 90, **STOP_LIMIT, trigger=105)
    desk.own("B2", 5, 90, **STOP_LIMIT, trigger=104, link="B1")
    assert desk.hidden(BUY, 1, 105)[2:] == [
        "B2 cancelled 5 LINK_ENDED, leaves 0",
        "B1 triggered 5 @ 90",
    ]


def test_a_self_trade_that_cancels_ends_the_link(desk):
    """The taker leaves, its other too."""
    desk.rule(CANCEL_TAKER)
    desk.own("S1", 5, 101)
    desk.own("B1", 5, 98)
    assert desk.own("B2", 5, 101, link="B1")[1:] == [
        "B2 cancelled 5 SELF_TRADE, leaves 0",
        "B1 cancelled 5 LINK_ENDED, leaves 0",
    ]


def test_an_expiry_ends_the_other(desk):
    """Right after its own report."""
    desk.own("B1", 5, 98, **GTD, expiry=20)
    desk.own("B2", 5, 97, link="B1")
    desk.own("B3", 5, 98, **GTD, expiry=20)
    assert desk.at(20) == [
        "B1 cancelled 5 EXPIRED, leaves 0",
        "B2 cancelled 5 LINK_ENDED, leaves 0",
        "B3 cancelled 5 EXPIRED, leaves 0",
        "- accepted 0 @ 0",
    ]


def test_a_mass_cancel_reports_the_other_once(desk):
    """An order that its link ended is not killed again; one of the other side goes too."""
    linked(desk)
    desk.own("B1", 5, 0, **STOP, trigger=120)
    desk.own("S3", 5, 115, link="B1")
    assert desk.send(Kind.MASS_CANCEL, side=SELL) == [
        "S1 cancelled 5 KILLED, leaves 0",
        "S2 cancelled 5 LINK_ENDED, leaves 0",
        "S3 cancelled 5 KILLED, leaves 0",
        "B1 cancelled 5 LINK_ENDED, leaves 0",
    ]


def test_a_peg_may_be_linked(desk):
    """Its moves are no departures."""
    desk.own("B1", 5, 98)
    desk.own("B2", 5, 200, **PEG_BID)
    desk.own("B3", 5, 90, link="B2")
    assert desk.own("B4", 5, 99)[1:] == ["B2 restated 5 @ 99 PEG_MOVED"]
    assert desk.pull("B3")[1] == "B2 cancelled 5 LINK_ENDED, leaves 0"


# Which links there can be.


@pytest.mark.parametrize("bad", ["unknown", "recorded", "instrument", "account", "itself", "side"])
def test_a_bad_link_is_refused(desk, bad):
    """The other one must be a live own order of the same instrument, account and side."""
    desk.own("B1", 5, 98, account=3)
    desk.add("R1", BUY, 5, 98, account=3)
    fields = {"account": 3, "link": "B1"}
    fields |= {
        "unknown": {"link": "B9"},
        "recorded": {"link": "R1"},
        "instrument": {"instrument": 1},
        "account": {"account": 4},
        "itself": {"link": "B2"},
        "side": {"side": SELL},
    }[bad]
    price = 110 if bad == "side" else 97
    assert desk.own("B2", 5, price, **fields) == ["B2 rejected BAD_LINK"]
    assert desk.own("B2", 5, price, account=3, link="B1") == [f"B2 accepted 5 @ {price}"]


def test_an_order_has_one_link(desk):
    """One that is linked takes no second; one whose link ended does."""
    desk.own("B1", 5, 98)
    desk.own("B2", 5, 97, link="B1")
    assert desk.own("B3", 5, 96, link="B1") == ["B3 rejected BAD_LINK"]
    desk.own("S1", 1, 98)
    assert desk.where("B2") is None
    assert desk.own("B3", 5, 96, link="B1") == ["B3 accepted 5 @ 96"]


def test_orders_of_both_sides_need_a_stop(desk):
    """With one of the two waiting, the sides may differ; a triggered one is no stop any more."""
    desk.own("B1", 5, 98)
    assert desk.own("S1", 5, 105, **STOP_LIMIT, trigger=90, link="B1") == ["S1 accepted 5 @ 105"]
    desk.own("B2", 5, 90, **STOP_LIMIT, trigger=106)
    assert desk.own("S2", 5, 108, link="B2") == ["S2 accepted 5 @ 108"]
    desk.own("B3", 5, 91, **STOP_LIMIT, trigger=107)
    desk.print(107)
    assert desk.where("S2") is None
    assert desk.own("S3", 5, 108, link="B3") == ["S3 rejected BAD_LINK"]


def test_what_does_not_rest_has_no_link(desk):
    """An order that is gone after its arrival cancels nobody."""
    desk.own("B1", 5, 98)
    for way in (IOC, MARKET):
        assert desk.own("B2", 5, 98, link="B1", **way) == ["B2 rejected BAD_OPTIONS"]
