"""Time: orders with an end, orders for the day, and what moves the clock."""

import pytest

from hft.core.messages import Kind
from tests.reference.desk import (
    BUY,
    CLOSED,
    DAY,
    GTD,
    HALTED,
    IOC,
    MARKET,
    MARKET_TO_LIMIT,
    OPEN,
    PEG_BID,
    SELL,
    STOP,
    STOP_LIMIT,
    id_of,
)

INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)


# Good till a date.


def test_an_order_expires_at_its_time(desk):
    """Not before, and at it, not after it."""
    desk.own("B1", 5, 98, **GTD, expiry=20)
    assert desk.at(19) == ["- accepted 0 @ 0"]
    assert desk.at(20) == ["B1 cancelled 5 EXPIRED, leaves 0", "- accepted 0 @ 0"]
    assert desk.tops == ["top none, none"]


def test_any_command_of_a_known_kind_moves_the_time(desk):
    """Also a refused one, and one about another instrument; the expiries come first."""
    for number, send in enumerate(
        [
            lambda: desk.own("B2", 0, 98),
            lambda: desk.own("B2", 5, 98, instrument=1),
            lambda: desk.pull("B9"),
            lambda: desk.send(Kind.CANCEL_ORDER, instrument=999),
            lambda: desk.hidden(SELL, 1, 98),
        ],
        1,
    ):
        desk.own("B1", 5, 98, **GTD, expiry=10 * number)
        desk.now = 10 * number
        said = send()
        assert said[0] == "B1 cancelled 5 EXPIRED, leaves 0"
        assert desk.outputs[0].cause == desk.sent
        assert len(said) > 1


def test_an_unknown_kind_moves_no_time(desk):
    """Nobody knows what its fields mean; options have no time either."""
    desk.own("B1", 5, 98, **GTD, expiry=20)
    assert len(desk.send(200, event_ts_ns=50)) == 1
    assert len(desk.send(Kind.ORDER_OPTIONS, expiry_ts_ns=50)) == 1
    assert desk.where("B1") == "resting 5 @ 98"


def test_a_listing_moves_the_time(new_desk):
    """Its time is where every command has it."""
    desk = new_desk(listed=2)
    desk.own("B1", 5, 98, **GTD, expiry=20)
    desk.now = 20
    assert desk.list_instrument(2)[0] == "B1 cancelled 5 EXPIRED, leaves 0"


def test_time_never_goes_back(desk):
    """An earlier command doesn't move it; an expiry is held against the latest."""
    desk.at(100)
    desk.at(50)
    assert desk.own("B1", 5, 98, **GTD, expiry=100) == ["B1 rejected BAD_EXPIRY"]
    assert desk.own("B1", 5, 98, **GTD, expiry=101) == ["B1 accepted 5 @ 98"]


def test_a_command_moves_the_time_before_its_own_expiry_is_checked(desk):
    """An order can't outlive its own arrival."""
    desk.now = 30
    assert desk.own("B1", 5, 98, **GTD, expiry=30) == ["B1 rejected BAD_EXPIRY"]


def test_expiries_come_in_order(desk):
    """By expiry, then by arrival, over all instruments and kinds of orders."""
    desk.own("B1", 1, 98, **GTD, expiry=30)
    desk.own("B2", 1, 98, **GTD, expiry=20, instrument=1)
    desk.own("B3", 1, 98, **STOP_LIMIT, **GTD, trigger=110, expiry=20)
    desk.own("B4", 1, 98, **PEG_BID, **GTD, expiry=20, instrument=2)
    desk.own("B5", 1, 99, **GTD, expiry=31)
    desk.replace("B3", 2, 99)  # it takes a new arrival number
    assert [line.split()[0] for line in desk.at(30)] == ["B2", "B4", "B3", "B1", "-"]
    assert [top.instrument for top in desk.outputs[5:]] == [1]
    assert desk.where("B5") == "resting 1 @ 99"


def test_a_replace_keeps_the_expiry(desk):
    """It isn't asked for again."""
    desk.own("B1", 5, 98, **GTD, expiry=20)
    desk.replace("B1", 9, 99)
    assert desk.at(20)[0] == "B1 cancelled 9 EXPIRED, leaves 0"


def test_an_expired_order_is_gone_before_the_command(desk):
    """The command that brings the time doesn't meet it, and may take its id."""
    desk.own("S1", 5, 101, **GTD, expiry=20)
    desk.now = 20
    assert desk.own("B1", 5, 101) == ["S1 cancelled 5 EXPIRED, leaves 0", "B1 accepted 5 @ 101"]
    desk.own("S2", 5, 105, **GTD, expiry=30)
    desk.now = 30
    assert desk.own("S2", 5, 105)[1] == "S2 accepted 5 @ 105"


def test_a_cancel_that_comes_too_late_is_refused(desk):
    """It is reported as expired, then as unknown."""
    desk.own("B1", 5, 98, **GTD, expiry=20)
    desk.now = 20
    assert desk.pull("B1") == ["B1 cancelled 5 EXPIRED, leaves 0", "B1 rejected UNKNOWN_ORDER"]


def test_orders_expire_in_any_state(desk):
    """Everything may leave."""
    desk.own("B1", 5, 98, **GTD, expiry=20)
    desk.status(HALTED)
    assert desk.at(20)[0] == "B1 cancelled 5 EXPIRED, leaves 0"


def test_a_triggered_stop_keeps_its_expiry(desk):
    """It rests until then."""
    desk.own("B1", 5, 98, **STOP_LIMIT, **GTD, trigger=110, expiry=20)
    desk.print(110)
    assert desk.where("B1") == "resting 5 @ 98"
    assert desk.at(20)[0] == "B1 cancelled 5 EXPIRED, leaves 0"


def test_pegs_follow_what_expired(desk):
    """On every instrument that the time touched, also without a command there."""
    for instrument in (2, 1):
        desk.own("B1" if instrument == 1 else "B2", 5, 98, instrument=instrument, **GTD, expiry=20)
        name = "B3" if instrument == 1 else "B4"
        desk.own(name, 5, 200, **PEG_BID, instrument=instrument)
    assert desk.at(20)[2:] == [
        "- accepted 0 @ 0",
        "B3 restated 5 @ 0 PARKED",
        "B4 restated 5 @ 0 PARKED",
    ]


def test_extreme_expiries(desk):
    """The ends of the range are times like others."""
    assert desk.own("B1", 5, 98, **GTD, expiry=INT64_MAX) == ["B1 accepted 5 @ 98"]
    assert desk.at(INT64_MAX - 1) == ["- accepted 0 @ 0"]
    assert desk.at(INT64_MAX)[0] == "B1 cancelled 5 EXPIRED, leaves 0"
    assert desk.own("B1", 5, 98, **GTD, expiry=INT64_MAX) == ["B1 rejected BAD_EXPIRY"]


def test_the_time_before_the_first_command(new_desk):
    """It is the least there is: an expiry there is never after it."""
    desk = new_desk()
    desk.now = INT64_MIN
    assert desk.own("B1", 5, 98, **GTD, expiry=INT64_MIN) == ["B1 rejected BAD_EXPIRY"]
    assert desk.own("B1", 5, 98, **GTD, expiry=INT64_MIN + 1) == ["B1 accepted 5 @ 98"]


# For the day.


def test_day_orders_end_with_the_day(desk):
    """When the instrument is closed: in book order, stops and pegs too, others stay."""
    desk.own("S1", 1, 105, **DAY)
    desk.own("B1", 1, 98, **DAY)
    desk.own("B2", 1, 99)
    desk.own("B3", 1, 0, **STOP, **DAY, trigger=110)
    desk.own("S2", 1, 100, **STOP_LIMIT, **DAY, trigger=90)
    desk.own("B4", 1, 200, **PEG_BID, **DAY)
    desk.own("B5", 1, 98, **DAY, instrument=1)
    assert desk.status(CLOSED) == [
        "- accepted 0 @ 0",
        "B4 cancelled 1 EXPIRED, leaves 0",
        "B1 cancelled 1 EXPIRED, leaves 0",
        "S1 cancelled 1 EXPIRED, leaves 0",
        "S2 cancelled 1 EXPIRED, leaves 0",
        "B3 cancelled 1 EXPIRED, leaves 0",
    ]
    assert desk.resting() == ["B2", "B5"]
    assert desk.own("B6", 1, 98) == ["B6 rejected INSTRUMENT_HALTED"]


def test_closing_again_is_answered(desk):
    """There may be nobody left to expire."""
    desk.status(CLOSED)
    assert desk.status(CLOSED) == ["- accepted 0 @ 0"]
    assert desk.status(OPEN) == ["- accepted 0 @ 0"]
    assert desk.own("B1", 1, 98, **DAY) == ["B1 accepted 1 @ 98"]


def test_a_halt_ends_no_day(desk):
    """Only closing does."""
    desk.own("B1", 1, 98, **DAY)
    assert desk.status(HALTED) == ["- accepted 0 @ 0"]
    assert desk.where("B1") == "resting 1 @ 98"


def test_what_a_day_order_becomes_is_for_the_day(desk):
    """A market-to-limit order's rest and a triggered stop end with it."""
    desk.own("S1", 1, 101)
    desk.own("B1", 3, 0, **MARKET_TO_LIMIT, **DAY)
    desk.own("B2", 3, 99, **STOP_LIMIT, **DAY, trigger=101)
    assert (desk.where("B1"), desk.where("B2")) == ("resting 2 @ 101", "resting 3 @ 99")
    assert desk.status(CLOSED)[1:] == [
        "B1 cancelled 2 EXPIRED, leaves 0",
        "B2 cancelled 3 EXPIRED, leaves 0",
    ]


def test_recorded_orders_have_no_end(desk):
    """Fields that the recording doesn't use don't make it expire."""
    desk.add("R1", BUY, 5, 98, **DAY)
    desk.add("R2", BUY, 5, 98, **GTD)
    desk.status(CLOSED)
    assert desk.lots("R1") == desk.lots("R2") == (5, 5)


@pytest.mark.parametrize("way", [IOC, MARKET])
def test_what_does_not_rest_has_no_end(desk, way):
    """An expiry of an order that isn't good till a date is refused."""
    assert desk.own("B1", 5, 98, expiry=50, **way) == ["B1 rejected BAD_OPTIONS"]
    assert desk.engine.order(id_of("B1")) is None
