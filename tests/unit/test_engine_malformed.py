"""Malformed commands: each is refused with the reason of the first check that it fails."""

import pytest

from hft.core.messages import Kind, Reason
from tests.reference.desk import (
    BUY,
    CLOSED,
    FOK,
    GTD,
    IOC,
    MARKET,
    OPEN,
    PEG_BID,
    POST_ONLY,
    REDUCE_ONLY,
    SELL,
    STOP,
    STOP_LIMIT,
    id_of,
)

INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)
FLOW = range(Kind.FLOW_ADD, Kind.FLOW_FORGET + 1)
ORDERS = {*range(Kind.NEW_ORDER, Kind.ADVANCE_TIME + 1)} - {Kind.ORDER_OPTIONS}
COMMANDS = {*FLOW, *ORDERS}
EVERYWHERE = {Kind.SET_ACCOUNT, Kind.DISCONNECT, Kind.ADVANCE_TIME}


def rejected(desk, reason, kind, **fields):
    """The command gives one rejection, whose fields are its own, and changes nothing."""
    before = desk.engine.state_hash()
    desk.send(kind, **fields)
    (report,) = desk.outputs
    assert (report.kind, report.reason) == (Kind.REJECTED, reason)
    assert report.cause == desk.sent
    assert report.order_id == fields.get("order_id", 0)
    assert report.price_ticks == fields.get("price_ticks", 0)
    assert report.last_lots == fields.get("qty_lots", 0)
    assert report.side == fields.get("side", 0)
    assert report.account == fields.get("account", 0)
    assert report.leaves_lots == 0
    assert desk.engine.state_hash() == before


@pytest.fixture
def busy(desk):
    """A book in which a command that is wrongly carried out leaves a trace."""
    desk.own("S1", 10, 101)
    desk.own("B1", 10, 99)
    desk.add("R1", SELL, 10, 101)
    desk.add("R2", BUY, 10, 99)
    desk.seed(SELL, 10, 101)
    desk.seed(BUY, 10, 99)
    yield desk
    assert desk.levels(SELL) == [[101, 30, 3]]
    assert desk.levels(BUY) == [[99, 30, 3]]
    assert "trade 10 @ 101 S1 B9" in desk.own("B9", 20, 101)


def good(kind):
    """Fields with which a command of the kind would be carried out."""
    name = {Kind.NEW_ORDER: "B7", Kind.FLOW_ADD: "R7"}.get(kind, "R1" if kind in FLOW else "S1")
    side = BUY if kind in (Kind.NEW_ORDER, Kind.FLOW_ADD) else SELL
    price = 99 if side == BUY else 101
    return {"order_id": id_of(name), "price_ticks": price, "qty_lots": 5, "side": side}


def test_every_unknown_kind_is_rejected(busy):
    """A message that is no command, outputs and control included, is answered and ignored."""
    for kind in set(range(256)) - COMMANDS - {Kind.ORDER_OPTIONS}:
        rejected(busy, Reason.UNKNOWN_KIND, kind, instrument=9999, event_ts_ns=500, **good(kind))


def test_every_unknown_instrument_is_rejected(busy):
    """No command that is about an instrument reaches beyond those the engine has."""
    for kind in COMMANDS - EVERYWHERE - {Kind.LIST_INSTRUMENT}:
        for instrument in (4, 255, 256, 65535):
            fields = {**good(kind), "side": 77, "qty_lots": -1, "flags": 255}
            rejected(busy, Reason.UNKNOWN_INSTRUMENT, kind, instrument=instrument, **fields)
    for instrument in (4, 65535):
        rejected(busy, Reason.UNKNOWN_INSTRUMENT, Kind.LIST_INSTRUMENT, instrument=instrument)


def test_commands_about_no_instrument_take_any(busy):
    """What is said of accounts and of the time doesn't care for the instrument."""
    for kind in EVERYWHERE:
        assert busy.send(kind, instrument=9999, account=8) == ["- accepted 0 @ 0"]
    said = busy.send(Kind.MASS_CANCEL, instrument=9999, account=8)
    assert said == ["- cancelled 0 REQUESTED, leaves 0"]


def test_every_bad_side_is_rejected(busy):
    """Where a side is needed, only buy and sell are one; a mass cancel may leave it open."""
    for kind in {*FLOW, Kind.NEW_ORDER} - {Kind.FLOW_STATUS}:
        for side in set(range(256)) - {BUY, SELL}:
            rejected(busy, Reason.BAD_SIDE, kind, **{**good(kind), "side": side, "qty_lots": 0})
    for side in range(3, 256):
        rejected(busy, Reason.BAD_SIDE, Kind.MASS_CANCEL, side=side, flags=255, account=8)


def test_every_bad_quantity_is_rejected(busy):
    """Where a quantity is needed, it is above zero."""
    with_quantity = {*FLOW, Kind.NEW_ORDER, Kind.REPLACE_ORDER}
    with_quantity -= {Kind.FLOW_DELETE, Kind.FLOW_FORGET, Kind.FLOW_STATUS}
    for kind in with_quantity:
        for lots in (0, -1, INT64_MIN):
            fields = {**good(kind), "qty_lots": lots, "order_id": 0, "flags": 99}
            rejected(busy, Reason.BAD_QTY, kind, **fields)


def test_every_bad_flag_of_a_command_is_rejected(busy):
    """Flags mean what the kind says; what it doesn't say is refused."""
    known = {
        Kind.FLOW_STATUS: range(4),
        Kind.MASS_CANCEL: range(4),
        Kind.SET_ACCOUNT: [rule + keeps for rule in range(5) for keeps in (0, 8)],
    }
    for kind, flags in known.items():
        for value in set(range(256)) - {*flags}:
            rejected(busy, Reason.BAD_FLAGS, kind, flags=value)
    for value in set(range(256)) - {0, 128}:
        fields = {**good(Kind.REPLACE_ORDER), "order_id": 5, "flags": value}
        rejected(busy, Reason.BAD_FLAGS, Kind.REPLACE_ORDER, **fields)


def test_every_bad_order_type_time_in_force_and_flag_is_rejected(busy):
    """An order with an unknown option is refused rather than guessed at."""
    fields = {**good(Kind.NEW_ORDER), "order_id": 0}
    for value in range(8, 256):
        options = {"order_type": value, "time_in_force": 99, "flags": 99}
        rejected(busy, Reason.BAD_ORDER_TYPE, Kind.NEW_ORDER, **fields, **options)
    for value in range(5, 256):
        options = {"time_in_force": value, "flags": 99}
        rejected(busy, Reason.BAD_TIME_IN_FORCE, Kind.NEW_ORDER, **fields, **options)
    for value in range(256):
        if value & 0b01111000 or value & 3 == 3:
            rejected(busy, Reason.BAD_FLAGS, Kind.NEW_ORDER, **fields, flags=value)


@pytest.mark.parametrize("order_type", range(8))
def test_times_in_force_that_go_with_a_type(desk, order_type):
    """A market order doesn't wait for an end; what rests or follows isn't immediate."""
    market, to_limit, stops, pegs = order_type == 1, order_type == 2, (3, 4), (5, 6, 7)
    for time_in_force in range(5):
        options = {"trigger": 0} if order_type in stops else {}
        options |= {"expiry": 9} if time_in_force == 4 else {}
        way = {"order_type": order_type, "time_in_force": time_in_force}
        said = desk.own("B1", 5, 99, **way, **options)[0]
        bad = market and time_in_force in (3, 4)
        bad |= (to_limit or order_type in pegs) and time_in_force in (1, 2)
        assert ("BAD_TIME_IN_FORCE" in said) == bad
        assert bad or "accepted" in said
        desk.pull("B1")


def test_post_only_goes_with_nothing_else(busy):
    """A post-only order that must trade at once, or follow, is a contradiction."""
    ways = [MARKET, IOC, FOK, {**MARKET, **IOC}, STOP, STOP_LIMIT, PEG_BID, {"order_type": 2}]
    for way in ways:
        for flags in (1, 2):
            fields = {**good(Kind.NEW_ORDER), **way, "flags": flags}
            rejected(busy, Reason.BAD_FLAGS, Kind.NEW_ORDER, **fields)
    rejected(busy, Reason.BAD_FLAGS, Kind.NEW_ORDER, **good(Kind.NEW_ORDER), flags=3)


def test_a_negative_deletion_of_the_anonymous_order_takes_nothing(busy):
    """A deletion's quantity is not checked, so it must not add lots either."""
    for lots in (0, -1, INT64_MIN):
        assert busy.delete("-", lots) == ["- cancelled 0 REQUESTED, leaves 10"]
    assert busy.engine.displaced_lots(0) == 0


def test_fields_that_a_command_does_not_use_do_not_matter(busy):
    """Cancels have no side, quantity or options, the recording no options."""
    junk = {"order_type": 200, "time_in_force": 200, "flags": 200}
    busy.own("S5", 4, 150)
    assert busy.pull("S5", lots=-1, side=99, **junk) == ["S5 cancelled 4 REQUESTED, leaves 0"]
    assert busy.add("R5", SELL, 4, 150, **junk) == ["R5 accepted 4 @ 150"]
    assert busy.about(Kind.FLOW_DELETE, "R5", lots=-1, side=BUY, **junk) == [
        "R5 cancelled 4 REQUESTED, leaves 0"
    ]
    assert len(busy.status(OPEN, side=99, qty_lots=-1, order_type=200)) == 1


# Options.


def test_options_without_an_order_are_refused(busy):
    """A stray second slot is a command of its own; none of its fields is repeated."""
    before = busy.engine.state_hash()
    options = {"trigger_ticks": 7, "expiry_ts_ns": 10**9, "linked_order_id": 3}
    assert busy.send(Kind.ORDER_OPTIONS, instrument=2, **options) == ["- rejected BAD_OPTIONS"]
    (report,) = busy.outputs
    assert report == (Kind.REJECTED, 2, 0, 0, 0, 0, busy.sent, 0, Reason.BAD_OPTIONS, 0)
    assert busy.engine.state_hash() == before


@pytest.mark.parametrize(
    "order",
    [
        {"flags": 128},
        STOP,
        STOP_LIMIT,
        GTD,
        {"trigger": 1},
        {"display": -1},
        {**REDUCE_ONLY, "display": 2},
        {**IOC, "display": 2},
        {**MARKET, "display": 2},
        {**PEG_BID, "display": 2},
        {"least": -1},
        {"least": 6},
        {**POST_ONLY, "least": 1},
        {"flags": 2, "least": 1},
        {**STOP_LIMIT, "trigger": 99, "least": 1},
        {"order_type": 2, "least": 1},
        {"expiry": 5},
        {"expiry": -1},
        {**MARKET, "link": "B1"},
        {"order_type": 2, "link": "B1"},
        {**IOC, "link": "B1"},
        {**FOK, "link": "B1"},
    ],
)
def test_options_that_do_not_go_with_the_order_are_refused(desk, order):
    """An option that would mean nothing, or is missing where it must not be, is refused."""
    desk.own("B1", 10, 98)
    before = desk.engine.state_hash()
    assert desk.own("B2", 5, 99, **order) == ["B2 rejected BAD_OPTIONS"]
    assert desk.engine.state_hash() == before


def test_an_iceberg_shows_at_least_a_thousandth(desk):
    """Less would make a replenished queue of a single order too long."""
    assert desk.own("B1", 2001, 99, display=2) == ["B1 rejected BAD_OPTIONS"]
    assert desk.own("B1", 2000, 99, display=2) == ["B1 accepted 2000 @ 99"]
    assert desk.replace("B1", 2001, 99) == ["B1 rejected BAD_QTY"]
    huge = desk.own("B2", INT64_MAX, 99, display=INT64_MAX // 1000)
    assert huge == ["B2 rejected BAD_OPTIONS"]


def test_a_replaced_order_takes_only_a_trigger(desk):
    """The options of a replace are a stop's trigger or a peg's offset, nothing else."""
    desk.own("B1", 5, 99)
    desk.own("B2", 5, 120, **STOP_LIMIT, trigger=110)
    for option in ({"display": 1}, {"least": 1}, {"expiry": 1}, {"link": "B1"}):
        assert desk.replace("B2", 5, 120, trigger=111, **option) == ["B2 rejected BAD_OPTIONS"]
    assert desk.replace("B1", 5, 99, trigger=0) == ["B1 rejected BAD_OPTIONS"]
    assert desk.replace("B1", 5, 99, flags=128) == ["B1 rejected BAD_OPTIONS"]
    assert desk.replace("B2", 5, 120, trigger=111) == ["B2 replaced 5 @ 120"]


def test_checks_are_made_in_the_order_of_the_table(desk):
    """A command that fails several checks is refused for the first; each repair shows the next."""
    desk.own("S1", 10, 101)
    bad = {
        "order_id": 1,
        "instrument": 9,
        "side": 0,
        "qty_lots": 0,
        "order_type": 9,
        "time_in_force": 9,
        "flags": 64 | 128,
        "price_ticks": 102,
        "account": 1,
    }
    repairs = [
        ("UNKNOWN_INSTRUMENT", {"instrument": 0}),
        ("BAD_SIDE", {"side": BUY}),
        ("BAD_QTY", {"qty_lots": 5}),
        ("BAD_ORDER_TYPE", {"order_type": 0}),
        ("BAD_TIME_IN_FORCE", {"time_in_force": 4}),
        ("BAD_FLAGS", {"flags": 1}),
        ("BAD_OPTIONS", {"expiry": -1, "link": "S1"}),
        ("BAD_EXPIRY", {"expiry": 10}),
        ("BAD_ID", {"order_id": id_of("S1")}),
        ("DUPLICATE_ID", {"order_id": id_of("B1")}),
        ("BAD_LINK", {"link": 0}),
    ]
    for reason, repair in repairs:
        assert desk.send(Kind.NEW_ORDER, **bad)[0].endswith(f"rejected {reason}")
        bad |= repair
    desk.status(CLOSED)
    assert desk.send(Kind.NEW_ORDER, **bad) == ["B1 rejected INSTRUMENT_HALTED"]
    desk.status(OPEN)
    assert desk.send(Kind.NEW_ORDER, **bad) == ["B1 rejected POST_ONLY_WOULD_MATCH"]
    assert desk.send(Kind.NEW_ORDER, **{**bad, "flags": 0})[0] == "B1 accepted 5 @ 102"
