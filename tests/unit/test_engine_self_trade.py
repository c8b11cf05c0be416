"""Self-trade prevention: what happens where an account would trade with itself."""

import pytest

from tests.reference.desk import (
    ALLOW,
    BUY,
    CANCEL_BOTH,
    CANCEL_MAKER,
    CANCEL_TAKER,
    DECREMENT,
    FOK,
    MARKET,
    REDUCE_ONLY,
    SELL,
    STOP,
)


@pytest.fixture
def queue(desk):
    """S1 is of account 1, S2 of account 2, both of account 1's price."""
    desk.own("S1", 5, 101, account=1)
    desk.own("S2", 5, 101, account=2)
    return desk


def test_accounts_trade_with_themselves_unless_told_otherwise(queue):
    """Nothing is prevented without a rule, or with the rule to allow it."""
    assert queue.own("B1", 2, 101, account=1)[1] == "trade 2 @ 101 S1 B1"
    queue.rule(CANCEL_TAKER, account=1)
    queue.rule(ALLOW, account=1)
    assert queue.own("B1", 2, 101, account=1)[1] == "trade 2 @ 101 S1 B1"


def test_cancel_taker(queue):
    """What is left of the taker goes; the maker stays."""
    queue.rule(CANCEL_TAKER, account=1)
    queue.own("S3", 3, 100, account=2)
    assert queue.own("B1", 9, 101, account=1)[1:] == [
        "trade 3 @ 100 S3 B1",
        "S3 filled 3 @ 100, leaves 0",
        "B1 filled 3 @ 100, leaves 6",
        "B1 cancelled 6 SELF_TRADE, leaves 0",
    ]
    assert queue.levels(SELL) == [[101, 10, 2]]
    assert queue.where("B1") is None


def test_cancel_maker(queue):
    """The maker goes, and the taker goes on."""
    queue.rule(CANCEL_MAKER, account=1)
    assert queue.own("B1", 9, 101, account=1)[1:] == [
        "S1 cancelled 5 SELF_TRADE, leaves 0",
        "trade 5 @ 101 S2 B1",
        "S2 filled 5 @ 101, leaves 0",
        "B1 filled 5 @ 101, leaves 4",
    ]
    assert queue.where("B1") == "resting 4 @ 101"


def test_cancel_maker_takes_an_iceberg_whole(desk):
    """Hidden quantity too."""
    desk.rule(CANCEL_MAKER)
    desk.own("S1", 20, 101, display=3)
    assert desk.own("B1", 9, 101)[1:] == ["S1 cancelled 20 SELF_TRADE, leaves 0"]


def test_cancel_both(queue):
    """The maker first, then the taker."""
    queue.rule(CANCEL_BOTH, account=1)
    assert queue.own("B1", 9, 101, account=1)[1:] == [
        "S1 cancelled 5 SELF_TRADE, leaves 0",
        "B1 cancelled 9 SELF_TRADE, leaves 0",
    ]
    assert queue.resting() == ["S2"]


def test_decrement_of_a_smaller_maker(queue):
    """The maker is gone, the taker is so much smaller and goes on."""
    queue.rule(DECREMENT, account=1)
    assert queue.own("B1", 9, 101, account=1)[1:] == [
        "S1 cancelled 5 SELF_TRADE, leaves 0",
        "B1 restated 4 @ 101 SELF_TRADE, lost 5",
        "trade 4 @ 101 S2 B1",
        "S2 filled 4 @ 101, leaves 1",
        "B1 filled 4 @ 101, leaves 0",
    ]


def test_decrement_of_a_larger_maker(queue):
    """The taker is gone, the maker is so much smaller and keeps its place."""
    queue.rule(DECREMENT, account=1)
    assert queue.own("B1", 3, 101, account=1)[1:] == [
        "S1 restated 2 @ 101 SELF_TRADE, lost 3",
        "B1 cancelled 3 SELF_TRADE, leaves 0",
    ]
    assert queue.resting() == ["S1", "S2"]
    assert queue.tops == ["top none, 7 @ 101"]


def test_decrement_of_equals(queue):
    """Both are gone, without a trade."""
    queue.rule(DECREMENT, account=1)
    assert queue.own("B1", 5, 101, account=1)[1:] == [
        "S1 cancelled 5 SELF_TRADE, leaves 0",
        "B1 cancelled 5 SELF_TRADE, leaves 0",
    ]


def test_decrement_meets_what_an_iceberg_shows(desk):
    """Its next part joins the back; leaves are all that is left."""
    desk.rule(DECREMENT)
    desk.own("S1", 10, 101, display=3)
    desk.own("S2", 4, 101)
    assert desk.own("B1", 5, 101)[1:] == [
        "S1 restated 7 @ 101 SELF_TRADE, lost 3",
        "B1 restated 2 @ 101 SELF_TRADE, lost 3",
        "S2 restated 2 @ 101 SELF_TRADE, lost 2",
        "B1 cancelled 2 SELF_TRADE, leaves 0",
    ]
    assert desk.where("S1") == "resting 3+4 @ 101"
    assert desk.resting() == ["S2", "S1"]


def test_links_end_after_both_were_decremented(desk):
    """A departure by reaching 0 is like a fill: both reports, then the other; else it stays."""
    desk.rule(DECREMENT)
    desk.own("S1", 3, 101)
    desk.own("S2", 3, 105, link="S1")
    desk.own("B1", 5, 95)
    assert desk.own("B2", 5, 101, link="B1")[1:] == [
        "S1 cancelled 3 SELF_TRADE, leaves 0",
        "B2 restated 2 @ 101 SELF_TRADE, lost 3",
        "S2 cancelled 3 LINK_ENDED, leaves 0",
    ]
    assert desk.resting() == ["B2", "B1"]


@pytest.mark.parametrize("rule", [CANCEL_TAKER, CANCEL_MAKER, CANCEL_BOTH, DECREMENT])
def test_others_trade_as_ever(queue, rule):
    """A rule is for an account's own orders; recorded ones have no account."""
    queue.rule(rule, account=1)
    assert queue.own("B1", 2, 101, account=2)[1] == "trade 2 @ 101 S1 B1"
    queue.add("R1", BUY, 1, 101, account=1)
    assert queue.lots("S1") == (2, 2)
    queue.add("R2", SELL, 4, 100, account=1)
    assert queue.own("B2", 1, 101, account=1)[1] == "trade 1 @ 100 R2 B2"


@pytest.mark.parametrize("rule", [CANCEL_TAKER, CANCEL_MAKER, CANCEL_BOTH, DECREMENT])
def test_disconnecting_is_no_self_trade_rule(queue, rule):
    """The rule is the same with the flag to cancel on disconnect."""
    queue.rule(rule | 8, account=1)
    assert "SELF_TRADE" in queue.own("B1", 2, 101, account=1)[1]


def test_a_replaced_order_and_a_stop_are_takers_too(desk):
    """Whatever makes an order take, the rule holds."""
    desk.rule(CANCEL_TAKER)
    desk.own("S1", 5, 101)
    desk.own("B1", 5, 98)
    assert desk.replace("B1", 5, 101)[1:] == ["B1 cancelled 5 SELF_TRADE, leaves 0"]
    assert desk.where("B1") is None
    desk.own("B2", 5, 0, **STOP, trigger=110)
    said = desk.hidden(BUY, 1, 110)
    assert said[-1] == "B2 cancelled 5 SELF_TRADE, leaves 0"


# Fill or kill.


def test_fok_skips_makers_that_would_be_cancelled(queue):
    """With CANCEL_MAKER own makers don't count, others behind them do."""
    queue.rule(CANCEL_MAKER, account=1)
    assert (
        queue.own("B1", 6, 101, account=1, **FOK)[-1] == "B1 cancelled 6 FOK_UNFILLABLE, leaves 0"
    )
    assert queue.own("B1", 5, 101, account=1, **FOK)[-1] == "B1 filled 5 @ 101, leaves 0"


@pytest.mark.parametrize("rule", [CANCEL_TAKER, CANCEL_BOTH, DECREMENT])
def test_fok_stops_at_an_own_maker(queue, rule):
    """Nothing from the first own maker on counts."""
    queue.rule(rule, account=1)
    queue.own("S3", 3, 100, account=2)
    assert (
        queue.own("B1", 4, 101, account=1, **FOK)[-1] == "B1 cancelled 4 FOK_UNFILLABLE, leaves 0"
    )
    assert queue.own("B1", 3, 101, account=1, **FOK)[-1] == "B1 filled 3 @ 100, leaves 0"


def test_fok_knows_that_a_hidden_part_comes_behind_an_own_maker(desk):
    """An iceberg's next parts are behind the account's own order, so they can't fill."""
    desk.rule(CANCEL_TAKER, account=1)
    desk.own("S1", 20, 101, display=4, account=2)
    desk.own("S2", 5, 101, account=1)
    unfillable = "B1 cancelled 5 FOK_UNFILLABLE, leaves 0"
    assert desk.own("B1", 5, 101, account=1, **FOK)[-1] == unfillable
    assert desk.own("B1", 4, **MARKET, account=1, **FOK)[-1] == "B1 filled 4 @ 101, leaves 0"


def test_reduce_only_makers_are_cut_before(desk):
    """What a position doesn't allow is gone before the rule is asked."""
    desk.rule(DECREMENT, account=1)
    desk.position(5, account=1)
    desk.own("S1", 5, 101, account=1, **REDUCE_ONLY)
    desk.position(3, account=1)
    assert desk.own("B1", 9, 101, account=1)[1:] == [
        "S1 restated 3 @ 101 NOTHING_TO_REDUCE, lost 2",
        "S1 cancelled 3 SELF_TRADE, leaves 0",
        "B1 restated 6 @ 101 SELF_TRADE, lost 3",
    ]
