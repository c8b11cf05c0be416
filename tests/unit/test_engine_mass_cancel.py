"""Who goes when many go at once: mass cancels and lost sessions."""

import pytest

from hft.core.messages import Kind
from tests.reference.desk import BUY, CANCEL_MAKER, PEG_BID, SELL, STOP, STOP_LIMIT

ONE, ALL = 1, 2
KEEP, CANCEL = 0, 8


@pytest.fixture
def many(desk):
    """Accounts 1 and 2, instruments 0 and 1, both sides, a stop and parked pegs."""
    desk.own("S1", 1, 105, account=1, instrument=1)
    desk.own("B1", 2, 98, account=1, instrument=1)
    desk.own("B2", 3, 98, account=2, instrument=1)
    desk.own("S2", 4, 105, account=2)
    desk.own("S3", 5, 104, account=1)
    desk.own("B3", 6, 0, **STOP, trigger=120, account=1)
    desk.own("S4", 7, 90, **STOP_LIMIT, trigger=80, account=1)
    desk.own("B4", 8, 200, **PEG_BID, account=1)
    desk.add("R1", BUY, 9, 97, instrument=1)
    desk.seed(SELL, 9, 105)
    return desk


def killed(desk, **fields):
    said = desk.send(Kind.MASS_CANCEL, **fields)
    assert all("KILLED" in line for line in said)
    return " ".join(line.split()[0] for line in said)


def test_all_orders_of_an_account(many):
    """On every instrument, in book order: bids, asks, sell stops, buy stops, parked pegs."""
    assert killed(many, account=1) == "S3 S4 B3 B4 B1 S1"
    assert many.resting() == ["-", "S2", "B2", "R1"]


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"account": 1, "side": BUY}, "B3 B4 B1"),
        ({"account": 1, "side": SELL}, "S3 S4 S1"),
        ({"account": 1, "flags": ONE, "instrument": 1}, "B1 S1"),
        ({"account": 1, "flags": ONE, "instrument": 1, "side": SELL}, "S1"),
        ({"flags": ALL}, "S3 S2 S4 B3 B4 B1 B2 S1"),
        ({"flags": ALL | ONE, "instrument": 1}, "B1 B2 S1"),
        ({"flags": ALL | ONE, "side": SELL}, "S3 S2 S4"),
        ({"account": 2}, "S2 B2"),
    ],
)
def test_some_of_them(many, fields, names):
    """Of one side, one instrument, or of everybody."""
    assert killed(many, **fields) == names


def test_recorded_orders_are_not_killed(many):
    """They have no account, not even for ALL_ACCOUNTS."""
    killed(many, flags=ALL)
    assert many.resting() == ["-", "R1"]


@pytest.mark.parametrize(
    "fields",
    [{"account": 9}, {"account": 2, "side": BUY, "flags": ONE}, {"account": 1, "flags": ONE}],
)
def test_nobody_to_kill_is_answered(many, fields):
    """One report with order id 0."""
    fields = {"instrument": 0 if fields["account"] == 2 else 3, "order_id": 77, **fields}
    said = many.send(Kind.MASS_CANCEL, price_ticks=5, **fields)
    assert said == ["- cancelled 0 REQUESTED, leaves 0"]
    assert many.outputs[0].account == fields["account"]
    assert many.outputs[0].price_ticks == 5


def test_one_instrument_must_be_known(many):
    """The instrument of the header counts only then."""
    assert many.send(Kind.MASS_CANCEL, flags=ONE, instrument=9) == ["- rejected UNKNOWN_INSTRUMENT"]
    assert killed(many, account=2, instrument=9) == "S2 B2"


def test_pegs_follow_on_every_instrument_that_lost_orders(many):
    """In order of instruments, after all cancellations."""
    for instrument, name in ((1, "B8"), (0, "B7")):
        many.own(name, 1, 200, **PEG_BID, account=3, instrument=instrument)
    many.own("B9", 1, 96, account=1)
    assert many.where("B7") == "resting 1 @ 96"
    assert many.where("B8") == "resting 1 @ 98"
    said = many.send(Kind.MASS_CANCEL, account=1)
    assert said[-1:] == ["B7 restated 1 @ 0 PARKED"]
    assert many.send(Kind.MASS_CANCEL, account=2)[-1] == "B8 restated 1 @ 97 PEG_MOVED"


# Lost sessions.


def test_a_lost_session_cancels_where_told(many):
    """All own orders of the account, in the order of a mass cancel."""
    many.rule(CANCEL | CANCEL_MAKER, account=1)
    said = many.send(Kind.DISCONNECT, account=1)
    assert all("DISCONNECTED" in line for line in said)
    assert " ".join(line.split()[0] for line in said) == "S3 S4 B3 B4 B1 S1"
    assert many.send(Kind.DISCONNECT, account=1) == ["- accepted 0 @ 0"]


def test_a_lost_session_keeps_orders_unless_told(many):
    """Without the flag, or when it was taken back."""
    assert many.send(Kind.DISCONNECT, account=1) == ["- accepted 0 @ 0"]
    many.rule(CANCEL, account=1)
    many.rule(KEEP, account=1)
    assert many.send(Kind.DISCONNECT, account=1) == ["- accepted 0 @ 0"]
    many.rule(CANCEL, account=2)
    assert many.send(Kind.DISCONNECT, account=1) == ["- accepted 0 @ 0"]
    assert len(many.resting()) == 10


def test_orders_after_a_lost_session_are_orders(desk):
    """The account may come back."""
    desk.rule(CANCEL)
    desk.send(Kind.DISCONNECT)
    assert desk.own("B1", 5, 98) == ["B1 accepted 5 @ 98"]
