"""The state hash: every word of docs/engine.md, worked out by hand."""

import pytest

from hft.core.messages import Kind
from tests.reference.desk import (
    BUY,
    CLOSED,
    DAY,
    DECREMENT,
    GTD,
    HALTED,
    PEG_ASK,
    PEG_BID,
    POST_ONLY,
    REDUCE_ONLY,
    SELL,
    SLIDE,
    STOP,
    STOP_LIMIT,
    id_of,
)

INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)
RULES = (1, 1, INT64_MIN, INT64_MAX, INT64_MAX)
FRESH = (1, 0, 0, 0, 0, *RULES)  # listed, open, nothing displaced, never traded
B1, B2, B3, B4 = (id_of(f"B{number}") for number in (1, 2, 3, 4))
S1, S2 = (id_of(f"S{number}") for number in (1, 2))


def mix(h, word):
    h = (h ^ word % 2**64) * 0x9E3779B97F4A7C15 % 2**64
    return h ^ (h >> 32)


def fold(*words):
    """The hash as docs/engine.md writes it."""
    h = 0
    for word in words:
        h = mix(h, word)
    return h


@pytest.fixture
def desk(new_desk):
    return new_desk(instruments=1)


def test_the_hash_of_an_empty_engine(new_desk):
    """Time, arrivals, and of every instrument its state, rules and displaced lots."""
    desk = new_desk(instruments=2)
    assert desk.engine.state_hash() == fold(INT64_MIN, 0, *FRESH, *FRESH, 0)
    desk.status(HALTED, instrument=1, event_ts_ns=-5)
    halted = (1, int(HALTED), *FRESH[2:])
    assert desk.engine.state_hash() == fold(-5, 0, *FRESH, *halted, 0)


def test_the_hash_knows_what_is_listed(new_desk):
    """An instrument that isn't listed has no rules; one that is has its own."""
    desk = new_desk(instruments=2, listed=1)
    unlisted = (0, int(CLOSED), *([0] * 8))
    assert desk.engine.state_hash() == fold(INT64_MIN, 0, *FRESH, *unlisted, 0)
    desk.list_instrument(1, price_step_ticks=5, qty_step_lots=2, price_min_ticks=-10)
    listed = (1, 1, 0, 0, 0, 5, 2, -10, INT64_MAX, INT64_MAX)
    assert desk.engine.state_hash() == fold(0, 0, *FRESH, *listed, 0)
    desk.send(Kind.RETIRE_INSTRUMENT, instrument=1)
    assert desk.engine.state_hash() == fold(0, 0, *FRESH, *unlisted, 0)


def test_the_hash_covers_every_field_of_every_order(new_desk):
    """Books in order of instrument, buys first, best first; then the ghosts of all."""
    desk = new_desk(instruments=2)
    desk.own("B1", 5, 98, account=3, **POST_ONLY)
    desk.own("B2", 6, -7, account=4, **SLIDE)
    desk.own("B3", 7, 98, account=65535, **DAY)
    desk.add("R1", SELL, 9, 101)
    desk.add("R2", SELL, 4, 102)
    desk.own("B4", 10, 102)
    desk.own("S1", 8, 200, instrument=1, account=2)
    desk.cancel("R2", 1)
    assert desk.lots("R2") == (2, 3)
    assert desk.levels(BUY) == [[98, 12, 2], [-7, 6, 1]]
    assert desk.engine.state_hash() == fold(
        *(0, 0),
        *(1, 0, 0, 1, 102, *RULES),
        *(98, B1, 5, 5, 3, 1, B3, 7, 7, 65535, 4),
        *(-7, B2, 6, 6, 4, 2),
        *(102, 2, 2, 3, 0, 0),
        *FRESH,
        *(200, S1, 8, 8, 2, 0),
        *(1, 101, 9),
        0,
    )


def test_the_hash_of_an_iceberg(desk):
    """What it hides and shows at a time, also when it hides nothing any more."""
    desk.own("B1", 10, 98, display=4)
    iceberg = (8, 6, 4, 0, 0, 0, 1, 0, 0)
    assert desk.engine.state_hash() == fold(0, 1, *FRESH, 98, B1, 4, 4, 0, *iceberg, 0)
    desk.replace("B1", 3, 98)
    iceberg = (8, 0, 4, 0, 0, 0, 1, 0, 0)
    assert desk.engine.state_hash() == fold(0, 1, *FRESH, 98, B1, 3, 3, 0, *iceberg, 0)
    desk.replace("B1", 5, 98)
    iceberg = (8, 1, 4, 0, 0, 0, 1, 0, 0)
    assert desk.engine.state_hash() == fold(0, 1, *FRESH, 98, B1, 4, 4, 0, *iceberg, 0)


def test_a_display_of_all_is_no_iceberg(desk):
    """It takes no arrival number either."""
    desk.own("B1", 10, 98, display=10)
    assert desk.engine.state_hash() == fold(0, 0, *FRESH, 98, B1, 10, 10, 0, 0, 0)


def test_the_hash_of_stops(desk):
    """Sell stops by falling trigger, then buy stops by rising one, after bids and asks."""
    desk.own("B1", 1, 120, **STOP_LIMIT, trigger=110)
    desk.own("B2", 2, 77, **STOP, **DAY, trigger=105)
    desk.own("S1", 3, 80, **STOP_LIMIT, **GTD, trigger=90, expiry=50)
    desk.own("S2", 4, 85, **STOP_LIMIT, trigger=95)
    desk.own("B3", 5, 100)
    assert desk.engine.state_hash() == fold(
        *(0, 4, *FRESH),
        *(100, B3, 5, 5, 0, 0),
        *(95, S2, 4, 4, 0, 256, 0, 0, 85, 95, 0, 4, 0, 32),
        *(90, S1, 3, 3, 0, 256 + 64, 0, 0, 80, 90, 50, 3, 0, 36),
        *(105, B2, 2, 2, 0, 256 + 4, 0, 0, 105, 105, 0, 2, 0, 27),
        *(110, B1, 1, 1, 0, 256, 0, 0, 120, 110, 0, 1, 0, 32),
        0,
    )


def test_what_a_stop_was_ends_when_it_triggers(desk):
    """A stop-limit order that triggered is a limit order like any other."""
    desk.own("B1", 5, 100, **STOP_LIMIT, trigger=110)
    desk.print(110)
    assert desk.engine.state_hash() == fold(
        *(0, 1, 1, 0, 0, 1, 110, *RULES, 100, B1, 5, 5, 0, 0, 0)
    )


def test_what_else_a_triggered_stop_was_stays(desk):
    """Its expiry and arrival number are still needed, its trigger, limit and type are not."""
    desk.own("B1", 5, 100, **STOP_LIMIT, **GTD, trigger=110, expiry=50)
    desk.print(110)
    order = (100, B1, 5, 5, 0, 64, 0, 0, 0, 0, 50, 1, 0, 0)
    assert desk.engine.state_hash() == fold(0, 1, 1, 0, 0, 1, 110, *RULES, *order, 0)


def test_the_hash_of_pegs(desk):
    """Their limit and offset, the parked ones last, and what they looked at."""
    desk.own("B1", 5, 98)
    desk.own("B2", 6, 120, **PEG_BID, trigger=-1)
    desk.own("S1", 7, 90, **PEG_ASK)
    assert desk.engine.state_hash() == fold(
        *(0, 2, *FRESH),
        *(98, B1, 5, 5, 0, 0),
        *(97, B2, 6, 6, 0, 128, 0, 0, 120, -1, 0, 1, 0, 40),
        *(S1, 7, 7, 0, 128, 0, 0, 90, 0, 0, 2, 0, 48),
        *(1, 1, 98, 0, 0, 1, 98, 0, 0),
        0,
    )


def test_the_hash_of_links(desk):
    """An order that is linked later has no arrival number of its own; a link ends whole."""
    desk.own("B1", 5, 98)
    desk.own("B2", 6, 97, link="B1")
    linked = (0, 0, 0, 0, 0)
    assert desk.engine.state_hash() == fold(
        *(0, 1, *FRESH),
        *(98, B1, 5, 5, 0, 32, *linked, 0, B2, 0),
        *(97, B2, 6, 6, 0, 32, *linked, 1, B1, 0),
        0,
    )
    desk.pull("B1")
    assert desk.engine.state_hash() == fold(0, 1, *FRESH, 0)


def test_the_hash_of_accounts_and_positions(desk):
    """Rules by account; positions in any order, as a sum."""
    desk.rule(DECREMENT, account=9)
    desk.rule(8, account=3)
    desk.rule(0, account=5)
    desk.position(-4, account=9)
    desk.position(0, account=2)
    desk.own("B1", 3, 98, account=9, **REDUCE_ONLY)
    positions = mix(mix(0, 9), -4) + mix(mix(0, 2), 0)
    order = (98, B1, 3, 3, 9, 16, 0, 0, 0, 0, 0, 1, 0, 0)
    assert desk.engine.state_hash() == fold(0, 1, *FRESH, *order, 3, 8, 9, 4, positions)


def test_a_position_of_another_instrument_is_another_word(new_desk):
    """The pair of instrument and account makes the word."""
    desk = new_desk(instruments=2)
    desk.position(7, account=1, instrument=1)
    assert desk.engine.state_hash() == fold(0, 0, *FRESH, *FRESH, mix(mix(0, 65537), 7))


def test_the_hash_forgets_the_way(desk):
    """Two ways to the same books give the same hash."""
    desk.own("S1", 5, 101)
    one = desk.engine.state_hash()
    desk.own("S2", 5, 101)
    desk.own("B1", 5, 100)
    assert desk.engine.state_hash() != one
    desk.pull("S2")
    desk.pull("B1")
    assert desk.engine.state_hash() == one
    desk.pull("S1")
    assert desk.engine.state_hash() == fold(0, 0, *FRESH, 0)
