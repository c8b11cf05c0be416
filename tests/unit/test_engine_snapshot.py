"""A snapshot is the whole engine: what is made of it can't be told from the one that wrote it."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hft.core import MatchingEngine
from hft.core.messages import InstrumentState, Kind, OrderFlag, OrderType, SelfTradeRule, Side
from hft.core.messages import TimeInForce as Tif
from tests.reference.streams import (
    ACCOUNTS,
    INSTRUMENTS,
    LISTED,
    OWN,
    command_lists,
    seeded,
)
from tests.reference.wire import commands, slots

BOTH = ("levels", "orders")
NONE_OF_BOTH = ()
HEADER_BYTES = 144
VERSION_AT, LAYOUT_AT = 8, 12
BUY, SELL = int(Side.BUY), int(Side.SELL)


def seen(engine):
    """All that an engine says of its state."""
    there = range(INSTRUMENTS)
    return {
        "hash": engine.state_hash(),
        "orders": engine.orders(),
        "size": len(engine),
        "counts": engine.counts(),
        "depth": [engine.depth(each, 50).tolist() for each in there],
        "states": [(engine.state(each), engine.listed(each)) for each in there],
        "displaced": [engine.displaced_lots(each) for each in there],
        "positions": [[engine.position(account, each) for account in ACCOUNTS] for each in there],
    }


def split(stream, cut):
    """The stream before and from its command number `cut` on."""
    sizes = [1 if options is None else 2 for _, options in slots(stream)]
    place = sum(sizes[:cut])
    return stream[:place], stream[place:]


def assert_survives(stream, cut, orders=1024, market_data=BOTH, larger=0):
    """Restored in the middle of a stream, the rest of it is answered byte by byte the same."""
    first, rest = split(stream, cut)
    engine = MatchingEngine(INSTRUMENTS, orders, LISTED, market_data)
    engine.process_all(first)
    data = engine.snapshot()
    again = MatchingEngine.restore(data, orders + larger if larger else None)
    assert seen(again) == seen(engine)
    assert again.check() == 0
    if not larger:
        assert again.snapshot() == data
    assert again.process_all(rest).tobytes() == engine.process_all(rest).tobytes()
    assert seen(again) == seen(engine)
    assert again.check() == 0


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(command_lists(), st.integers(0, 40), st.sampled_from([1024, 1, 2, 3, 8]))
def test_any_engine_survives(fields, cut, orders):
    """After any commands, in the pool that they had, also one that is full."""
    assert_survives(commands(*fields), cut, orders)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(command_lists(), st.integers(0, 40), st.sampled_from([1, 500, 100_000]))
def test_any_engine_survives_in_a_larger_pool(fields, cut, larger):
    """Indices and pools are others then; nothing that is said may depend on them."""
    assert_survives(commands(*fields), cut, larger=larger)


@pytest.mark.parametrize("market_data", [BOTH, NONE_OF_BOTH, ("levels",), ("orders",)])
@pytest.mark.parametrize("larger", [0, 4096])
def test_a_long_stream_survives_at_many_places(market_data, larger):
    """Books with everything in them, with the market data that the engine gave before."""
    stream = seeded(len(market_data) + 11, 1_500)
    for cut in np.random.default_rng(larger).integers(0, 1_500, 12).tolist():
        assert_survives(stream, cut, market_data=market_data, larger=larger)


# One of everything

LINKED, GTD_EXPIRY = OWN + 21, 5_000


def order(number, side, price, **more):
    fields = {"kind": Kind.NEW_ORDER, "order_id": OWN + number, "side": side, "qty_lots": 10}
    return {**fields, "price_ticks": price, "event_ts_ns": 100, **more}


def with_options(fields, **options):
    flags = fields.get("flags", 0) | int(OrderFlag.HAS_OPTIONS)
    return [{**fields, "flags": flags}, {"kind": Kind.ORDER_OPTIONS, **options}]


def setting(kind, **more):
    return {"kind": kind, "event_ts_ns": 100, **more}


EVERYTHING = [
    setting(Kind.SET_ACCOUNT, account=1, flags=SelfTradeRule.SELF_TRADE_DECREMENT | 8),
    setting(Kind.SET_ACCOUNT, account=65535, flags=SelfTradeRule.SELF_TRADE_CANCEL_MAKER),
    setting(Kind.SET_POSITION, account=1, qty_lots=-7),
    setting(Kind.SET_POSITION, account=65535, instrument=1, qty_lots=2**63 - 1),
    {"kind": Kind.LIST_INSTRUMENT, "instrument": 2, "price_step_ticks": 1, "qty_step_lots": 1,
     "price_min_ticks": 1, "price_max_ticks": 200, "qty_max_lots": 50, "event_ts_ns": 100},
    setting(Kind.RETIRE_INSTRUMENT, instrument=2),
    setting(Kind.FLOW_STATUS, instrument=1, flags=InstrumentState.PRE_OPEN),
    {"kind": Kind.FLOW_ADD, "order_id": 1, "side": SELL, "price_ticks": 105, "qty_lots": 20},
    {"kind": Kind.FLOW_ADD, "order_id": 2, "side": SELL, "price_ticks": 104, "qty_lots": 4},
    {"kind": Kind.FLOW_SEED, "side": BUY, "price_ticks": 95, "qty_lots": 6},
    order(1, BUY, 104, qty_lots=4),  # R2 becomes a ghost
    *with_options(order(2, SELL, 106, account=1), display_lots=3),  # an iceberg
    *with_options(
        order(3, BUY, 94, time_in_force=Tif.GTD), expiry_ts_ns=GTD_EXPIRY
    ),
    *with_options(order(4, SELL, 0, order_type=OrderType.STOP), trigger_ticks=90),
    *with_options(order(5, BUY, 111, order_type=OrderType.STOP_LIMIT), trigger_ticks=110),
    *with_options(order(6, BUY, 200, order_type=OrderType.PEG_BID), trigger_ticks=-1),
    order(7, BUY, 200, instrument=1, order_type=OrderType.PEG_BID),  # parked
    order(21, SELL, 108),
    *with_options(order(22, SELL, 109), linked_order_id=LINKED),
    order(8, BUY, 93, account=1, flags=OrderFlag.REDUCE_ONLY, qty_lots=5),
    order(9, BUY, 92, time_in_force=Tif.DAY, flags=OrderFlag.POST_ONLY),
]  # fmt: skip
AFTERWARDS = [
    order(31, BUY, 107, qty_lots=40),
    setting(Kind.CANCEL_ORDER, order_id=LINKED),
    {"kind": Kind.FLOW_HIDDEN, "side": BUY, "price_ticks": 90, "qty_lots": 300},
    {"kind": Kind.FLOW_EXECUTE, "order_id": 2, "side": SELL, "price_ticks": 104, "qty_lots": 4},
    setting(Kind.FLOW_STATUS, instrument=1, flags=InstrumentState.OPEN),
    order(32, BUY, 50, instrument=1),
    setting(Kind.ADVANCE_TIME) | {"event_ts_ns": GTD_EXPIRY},
    setting(Kind.DISCONNECT, account=1),
    setting(Kind.FLOW_STATUS, flags=InstrumentState.CLOSED),
    setting(Kind.MASS_CANCEL, flags=2),
]


def full_engine(orders=64):
    engine = MatchingEngine(INSTRUMENTS, orders, LISTED, BOTH)
    reports = engine.process(commands(*EVERYTHING))
    assert Kind.REJECTED not in reports["kind"].tolist()
    return engine


def test_one_of_everything_survives():
    """Stops, pegs, parked ones, GTD, links, icebergs, ghosts, rules, positions, retired ones."""
    stream = commands(*EVERYTHING, *AFTERWARDS)
    engine = full_engine()
    orders = {each["order_id"] & 255: each for each in engine.orders() if each["order_id"] > OWN}
    states = {each["state"] for each in orders.values()}
    assert states == {"resting", "waiting", "parked"}
    assert len(engine) == len(engine.orders()) + 1  # the ghost
    assert orders[2]["hidden_lots"] == 7
    assert orders[3]["expiry_ts_ns"] == GTD_EXPIRY
    assert orders[22]["linked_order_id"] == LINKED
    assert orders[8]["reduce_only"]
    assert [engine.listed(each) for each in range(3)] == [True, True, False]
    assert engine.position(65535, 1) == 2**63 - 1
    for larger in (0, 1, 4096):
        assert_survives(stream, len(list(slots(commands(*EVERYTHING)))), 64, larger=larger)


def test_the_rest_of_everything_is_not_empty():
    """What follows the snapshot above triggers, moves, expires and ends what is in it."""
    engine = MatchingEngine.restore(full_engine().snapshot())
    reports = engine.process(commands(*AFTERWARDS))
    assert {Kind.FILLED, Kind.TRIGGERED, Kind.RESTATED, Kind.CANCELLED} <= set(
        reports["kind"].tolist()
    )
    assert len(engine) == 2  # recorded ones


def test_market_data_go_on_where_they_were():
    """The restored engine gives the streams that the other gave, and no best price twice."""
    quiet = MatchingEngine.restore(MatchingEngine(1, 8, market_data=()).snapshot())
    loud = MatchingEngine.restore(MatchingEngine(1, 8, market_data=BOTH).snapshot())
    new = commands(order(1, BUY, 100))
    extra = {int(Kind.BOOK_LEVEL), int(Kind.BOOK_ORDER)}
    assert not extra & set(quiet.process_all(new)["kind"].tolist())
    assert extra <= set(loud.process_all(new)["kind"].tolist())
    again = MatchingEngine.restore(loud.snapshot())
    assert Kind.BOOK_TOP not in again.process_all(commands(order(2, BUY, 99)))["kind"].tolist()


# What is no snapshot


def test_any_damaged_byte_is_found():
    """Each bit of the header, and of bytes here and there behind it."""
    data = full_engine().snapshot()
    body = np.random.default_rng(3).integers(HEADER_BYTES, len(data), 400).tolist()
    for place in [*range(HEADER_BYTES), *body, len(data) - 1]:
        for bit in range(8) if place < HEADER_BYTES else (place % 8,):
            damaged = bytearray(data)
            damaged[place] ^= 1 << bit
            with pytest.raises(ValueError, match="snapshot"):
                MatchingEngine.restore(bytes(damaged))


def test_any_truncation_is_found():
    """Whatever is missing at the end, or too much."""
    data = full_engine().snapshot()
    for size in [*range(0, HEADER_BYTES + 8), *range(HEADER_BYTES, len(data), 997), len(data) - 1]:
        with pytest.raises(ValueError, match="bytes"):
            MatchingEngine.restore(data[:size])
    with pytest.raises(ValueError, match="bytes"):
        MatchingEngine.restore(data + b"\0")


@pytest.mark.parametrize("place", [VERSION_AT, LAYOUT_AT])
def test_another_version_is_named(place):
    """The message says which version it is and which is read, not that the bytes are damaged."""
    data = bytearray(full_engine().snapshot())
    data[place] = 77
    with pytest.raises(ValueError, match=r"version is .*77.*this engine reads"):
        MatchingEngine.restore(bytes(data))


def test_something_else_is_named():
    """Bytes that are no snapshot at all are shown by their beginning."""
    with pytest.raises(ValueError, match="begins with b'HFTBOOKS', this with b'notabook'"):
        MatchingEngine.restore(b"notabook" * 40)


@pytest.mark.parametrize("what", [None, "HFTBOOKS", 5, bytearray(500), memoryview(bytes(500)), []])
def test_only_bytes_are_read(what):
    """Anything else is a TypeError that says what it was."""
    with pytest.raises(TypeError, match=f"bytes, not {type(what).__name__}"):
        MatchingEngine.restore(what)


def test_a_pool_that_is_too_small_is_refused():
    """As many orders as there are fit; one slot less, and the error says so."""
    engine = full_engine()
    data = engine.snapshot()
    assert seen(MatchingEngine.restore(data, len(engine))) == seen(engine)
    for orders in (len(engine) - 1, 1):
        with pytest.raises(ValueError, match="does not fit"):
            MatchingEngine.restore(data, orders)
    with pytest.raises(ValueError, match="orders must be in"):
        MatchingEngine.restore(data, 0)


def test_writing_changes_nothing():
    """An engine is the same after its snapshot, and the same engine writes the same bytes."""
    engine = full_engine()
    before = seen(engine)
    assert engine.snapshot() == engine.snapshot() == full_engine().snapshot()
    assert seen(engine) == before
