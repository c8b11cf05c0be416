"""The engine against the reference engine, command by command, and what must hold of any engine.

`HFT_SEED=n` starts the streams at seed n and makes hypothesis repeat its run.
"""

import os
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from hft.core import MatchingEngine
from hft.core.messages import Kind, Reason
from tests.reference.engine import ReferenceEngine
from tests.reference.fast import FastEngine
from tests.reference.streams import (
    ACCOUNTS,
    INSTRUMENTS,
    KINDS,
    LISTED,
    OWN_IDS,
    RECORDED_IDS,
    command_lists,
    seeded,
)
from tests.reference.watch import Watch
from tests.reference.wire import commands, slots

SEED = int(os.environ.get("HFT_SEED", "1"))
BOTH = ("levels", "orders")
STREAMS = [  # orders that fit, and market data
    (1024, BOTH),
    (1024, ()),
    (24, ("orders",)),
    (48, ("levels",)),
]
STREAM_COMMANDS = 5_000
ENGINE_REASONS = {reason for reason in Reason if reason < Reason.RISK_KILL_SWITCH}
ENGINE_REPORTS = {*range(Kind.ACCEPTED, Kind.RESTATED + 1)} - {Kind.REFUSED}
WAYS_OUT = {  # of an own order that was accepted
    *(Reason.REQUESTED, Reason.IOC_REMAINDER, Reason.FOK_UNFILLABLE, Reason.MARKET_REMAINDER),
    *(Reason.KILLED, Reason.EXPIRED, Reason.MIN_QTY_UNMET, Reason.SELF_TRADE, Reason.LINK_ENDED),
    *(Reason.NOTHING_TO_REDUCE, Reason.DISCONNECTED, Reason.INSTRUMENT_RETIRED),
}
repeatable = seed(SEED) if "HFT_SEED" in os.environ else lambda test: test
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
pools = st.sampled_from([1024, 1, 2, 3, 8])
market_data = st.sampled_from([BOTH, (), ("orders",), ("levels",)])
stream_of = cache(seeded)


def numbered(fields):
    """The slots of a list of dicts, their sequences counted from 1."""
    return commands(*({"sequence": n, **values} for n, values in enumerate(fields, 1)))


class Pair:
    """Both engines at once; every answer and every view of the state must be the same."""

    def __init__(self, orders, market_data) -> None:
        self.slow = ReferenceEngine(INSTRUMENTS, orders, LISTED, market_data)
        self.fast = FastEngine(INSTRUMENTS, orders, LISTED, market_data)
        self.order, self.orders, self.depth = self.fast.order, self.fast.orders, self.fast.depth
        self.position = self.fast.position

    def process(self, command, options=None):
        answers = self.slow.process(command, options)
        assert self.fast.process(command, options) == answers
        assert self.fast.orders() == self.slow.orders()
        assert len(self.fast) == len(self.slow)
        for instrument in range(INSTRUMENTS):
            assert self.fast.depth(instrument, 5) == self.slow.depth(instrument, 5)
            assert self.fast.state(instrument) == self.slow.state(instrument)
            displaced = self.slow.displaced_lots(instrument)
            assert self.fast.displaced_lots(instrument) == displaced
            for account in ACCOUNTS:
                position = self.slow.position(account, instrument)
                assert self.fast.position(account, instrument) == position
        assert self.fast.state_hash() == self.slow.state_hash()
        return answers


ENGINES = {
    "reference": lambda orders, data: ReferenceEngine(INSTRUMENTS, orders, LISTED, data),
    "fast": lambda orders, data: FastEngine(INSTRUMENTS, orders, LISTED, data),
}
each_engine = pytest.mark.parametrize("engine", ENGINES)


def run(watch, stream, every=1, what=""):
    """Send a stream; a failure says where in which stream."""
    for index, (command, options) in enumerate(slots(stream)):
        try:
            watch.process(command, options)
            if index % every == 0:
                watch.check()
        except BaseException as error:
            with_options = "" if options is None else f" with {options.tobytes().hex()}"
            error.add_note(f"at command {index}: {command}{with_options}{what}")
            raise
    watch.check()


@repeatable
@settings(unhurried, max_examples=200)
@given(command_lists(), pools, market_data)
def test_any_commands_give_what_the_reference_gives(fields, orders, data):
    """Answers, depth, orders, hash and size are the reference's after any command of any list."""
    run(Watch(Pair(orders, data), data), numbered(fields))


@each_engine
@repeatable
@settings(unhurried, max_examples=60)
@given(fields=command_lists(), orders=pools, data=market_data)
def test_any_commands_keep_the_invariants(engine, fields, orders, data):
    """No own lot is lost, no level is wrong and no own order crosses, whatever is sent."""
    run(Watch(ENGINES[engine](orders, data), data), numbered(fields))


@repeatable
@settings(unhurried, max_examples=60)
@given(command_lists(), pools, market_data, st.data())
def test_any_batches_give_what_single_commands_give(fields, orders, market, data):
    """How commands are cut into batches changes nothing."""
    stream = numbered(fields)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=5).map(sorted))
    assert_batches_change_nothing(stream, orders, market, cuts)


def assert_batches_change_nothing(stream, orders, market, cuts):
    """The cuts count slots; one between an order and its options moves behind them."""
    made_of = {"instruments": INSTRUMENTS, "orders": orders}
    made_of |= {"listed": LISTED, "market_data": market}
    singly, batched = MatchingEngine(**made_of), MatchingEngine(**made_of)
    sizes = [1 if options is None else 2 for _, options in slots(stream)]
    starts = np.cumsum([0, *sizes])
    parts = np.split(stream, starts[1:-1])
    one_by_one = [singly.process_all(part).tobytes() for part in parts if len(part)]
    wholes = np.split(stream, [starts[np.searchsorted(starts, cut)] for cut in cuts])
    batches = [batched.process_all(batch).tobytes() for batch in wholes]
    assert b"".join(one_by_one) == b"".join(batches)
    assert singly.state_hash() == batched.state_hash()
    assert singly.counts() == batched.counts()


@pytest.mark.parametrize("number", range(len(STREAMS)))
def test_a_seeded_stream_gives_what_the_reference_gives(number):
    """Thousands of commands in one book: answers, depth, hash and size, and the invariants."""
    orders, data = STREAMS[number]
    watch = Watch(Pair(orders, data), data)
    what = f", HFT_SEED={SEED + number}, {orders} orders, {data}"
    run(watch, stream_of(SEED + number, STREAM_COMMANDS), every=10, what=what)


@each_engine
@pytest.mark.parametrize("number", range(len(STREAMS)))
def test_a_seeded_stream_keeps_the_invariants(number, engine):
    """Each engine for itself: no own lot is lost, no level is wrong, no own order crosses."""
    orders, data = STREAMS[number]
    watch = Watch(ENGINES[engine](orders, data), data)
    what = f", HFT_SEED={SEED + number}, {orders} orders, {data}"
    run(watch, stream_of(SEED + number, STREAM_COMMANDS), every=5, what=what)


def test_a_seeded_stream_in_batches_gives_what_single_commands_give():
    """Batches of all sizes of a long stream change nothing."""
    stream = stream_of(SEED, STREAM_COMMANDS)
    cuts = np.sort(np.random.default_rng(SEED).integers(0, len(stream), 50))
    assert_batches_change_nothing(stream, 1024, BOTH, cuts)


# The streams are not blind.


@cache
def said_in_streams(engine):
    """Kinds and reasons of all reports, on own orders and on all, in the default streams."""
    said = set()
    for number, (orders, data) in enumerate(STREAMS):
        watch = Watch(ENGINES[engine](orders, data), data)
        for command, options in slots(stream_of(1 + number, STREAM_COMMANDS)):
            watch.process(command, options)
        said |= watch.said
    return said


@each_engine
def test_the_streams_reach_every_reason(engine):
    """Every reason and every kind of report that the engine can give is given in them."""
    said = said_in_streams(engine)
    assert {kind for kind, _ in said} == ENGINE_REPORTS
    assert {reason for _, reason in said} == ENGINE_REASONS


@each_engine
def test_the_streams_reach_every_way_out(engine):
    """Orders leave for every reason, change for every reason, and are refused for every one."""
    said = said_in_streams(engine)
    gone = {reason for kind, reason in said if kind == Kind.CANCELLED}
    assert gone >= WAYS_OUT | {Reason.FORGOTTEN, Reason.RECORDED_LIFE_ENDED}
    changed = {reason for kind, reason in said if kind == Kind.RESTATED}
    assert changed == {
        *(Reason.SELF_TRADE, Reason.NOTHING_TO_REDUCE, Reason.PEG_MOVED, Reason.PARKED),
    }
    for kind in (Kind.ACCEPTED, Kind.REPLACED):
        reasons = {reason for each, reason in said if each == kind}
        assert reasons == {Reason.NONE, Reason.SLID, Reason.PARKED}
    refused = {reason for kind, reason in said if kind == Kind.REJECTED}
    assert refused >= {reason for reason in ENGINE_REASONS if reason.name.startswith("BAD_")}


def test_the_streams_use_every_kind_and_id():
    """Nothing that the generator may write is too rare to be written."""
    streams = [stream_of(1 + number, STREAM_COMMANDS) for number in range(len(STREAMS))]
    kinds = {kind for stream in streams for kind in stream["kind"].tolist()}
    assert kinds >= {int(kind) for kind in KINDS}
    used = {order_id for stream in streams for order_id in stream["order_id"].tolist()}
    assert used >= {*OWN_IDS, *RECORDED_IDS, 0}


def test_most_commands_of_the_streams_are_carried_out():
    """A stream that is mostly refused would test nothing but refusals."""
    engine = ReferenceEngine(INSTRUMENTS, 1024, LISTED)
    refused = [
        any(answer.kind == Kind.REJECTED for answer in engine.process(command, options))
        for command, options in slots(stream_of(1, STREAM_COMMANDS))
    ]
    assert sum(refused) < len(refused) / 2


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_million_commands_give_what_the_reference_gives():
    """As the seeded streams, far longer, in books that fill up and empty many times."""
    for number in range(100):
        orders, data = STREAMS[number % len(STREAMS)]
        watch = Watch(Pair(orders, data), data)
        what = f", HFT_SEED={SEED + number}, {orders} orders, {data}"
        run(watch, seeded(SEED + number, 10_000), every=50, what=what)
