"""Orders with a minimum quantity: so much at once, or nothing."""

import pytest

from tests.reference.desk import (
    CANCEL_MAKER,
    CANCEL_TAKER,
    DAY,
    FOK,
    IOC,
    MARKET,
    SELL,
)


@pytest.fixture
def offers(desk):
    """5 at 101, 5 at 102."""
    desk.own("S1", 5, 101, account=1)
    desk.own("S2", 5, 102, account=2)
    return desk


@pytest.mark.parametrize("way", [{}, IOC, DAY])
def test_too_little_within_the_price(offers, way):
    """It is cancelled whole, without a trade, whatever its time in force."""
    assert offers.own("B1", 9, 101, least=6, **way) == [
        "B1 accepted 9 @ 101",
        "B1 cancelled 9 MIN_QTY_UNMET, leaves 0",
    ]
    assert offers.levels(SELL) == [[101, 5, 1], [102, 5, 1]]


def test_enough_within_the_price(offers):
    """The minimum over several levels; what is left of the order rests."""
    assert offers.own("B1", 12, 102, least=10)[-1] == "B1 filled 5 @ 102, leaves 2"
    assert offers.where("B1") == "resting 2 @ 102"


def test_the_minimum_is_a_question_of_arrival(offers):
    """Later fills and replaces may be of any size."""
    offers.own("B1", 12, 102, least=10)
    assert offers.own("S3", 1, 102)[1] == "trade 1 @ 102 B1 S3"
    assert offers.replace("B1", 30, 100) == ["B1 replaced 30 @ 100"]
    offers.own("S4", 1, 105)
    assert offers.replace("B1", 30, 105)[1] == "trade 1 @ 105 S4 B1"


def test_a_minimum_of_all_is_not_yet_fill_or_kill(offers):
    """It fills whole or not at all, but says so in its own words."""
    assert offers.own("B1", 11, 102, least=11)[1] == "B1 cancelled 11 MIN_QTY_UNMET, leaves 0"
    assert offers.own("B1", 10, 102, least=10)[-1] == "B1 filled 5 @ 102, leaves 0"


def test_the_minimum_comes_before_fill_or_kill(offers):
    """Both unmet: the minimum is told; only the other: that."""
    assert (
        offers.own("B1", 12, 102, least=11, **FOK)[1] == "B1 cancelled 12 MIN_QTY_UNMET, leaves 0"
    )
    assert (
        offers.own("B1", 12, 102, least=9, **FOK)[1] == "B1 cancelled 12 FOK_UNFILLABLE, leaves 0"
    )


def test_a_market_order_may_ask_for_a_minimum(offers):
    """At any price."""
    assert offers.own("B1", 12, **MARKET, least=11)[1] == "B1 cancelled 12 MIN_QTY_UNMET, leaves 0"
    assert offers.own("B1", 12, **MARKET, least=10)[-1] == (
        "B1 cancelled 2 MARKET_REMAINDER, leaves 0"
    )


def test_the_same_counts_as_for_fill_or_kill(offers):
    """Icebergs whole; of the own account what its rule leaves; no linked or reduce-only makers."""
    offers.own("S3", 20, 103, display=1, account=1)
    assert offers.own("B1", 30, 103, least=30, account=2)[-1] == "B1 filled 1 @ 103, leaves 0"


@pytest.mark.parametrize(("rule", "most"), [(CANCEL_MAKER, 5), (CANCEL_TAKER, 0)])
def test_own_makers_under_a_rule(offers, rule, most):
    """What can't be traded with doesn't count."""
    offers.rule(rule, account=1)
    said = offers.own("B1", 9, 102, least=most + 1, account=1)
    assert said[1] == "B1 cancelled 9 MIN_QTY_UNMET, leaves 0"
    if most:
        said = offers.own("B1", 5, 102, least=most, account=1)
        assert said[-1] == "B1 filled 5 @ 102, leaves 0"


def test_linked_makers_do_not_count(desk):
    """The fill of one takes the other away."""
    desk.own("S1", 5, 101)
    desk.own("S2", 5, 101, link="S1")
    assert desk.own("B1", 9, 101, least=1)[1] == "B1 cancelled 9 MIN_QTY_UNMET, leaves 0"
    assert desk.own("B1", 9, 101)[-1] == "S2 cancelled 5 LINK_ENDED, leaves 0"


def test_an_iceberg_may_ask_for_a_minimum(offers):
    """What it shows doesn't matter on arrival."""
    assert offers.own("B1", 20, 101, least=6, display=2)[1] == (
        "B1 cancelled 20 MIN_QTY_UNMET, leaves 0"
    )
    offers.own("B1", 20, 101, least=5, display=2)
    assert offers.where("B1") == "resting 2+13 @ 101"
