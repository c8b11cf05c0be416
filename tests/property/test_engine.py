"""The engine against the reference engine, command by command, and what must hold of any engine.

`HFT_SEED=n` starts the streams at seed n and makes hypothesis repeat its run.
"""

import os
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from hft.core import MatchingEngine
from hft.core.messages import Kind, Reason
from tests.reference.book import BUY, SELL
from tests.reference.engine import ReferenceEngine
from tests.reference.fast import FastEngine
from tests.reference.streams import INSTRUMENTS, OWN, OWN_IDS, RECORDED_IDS, command_lists, seeded
from tests.reference.wire import Report, Top, commands

SEED = int(os.environ.get("HFT_SEED", "1"))
POOLS = [1024, 1024, 24, 48]  # orders that fit, one stream each
STREAM_COMMANDS = 5_000
ENGINE_REASONS = {reason for reason in Reason if reason < Reason.RISK_KILL_SWITCH}
RECORDED = [*RECORDED_IDS, OWN - 1]
repeatable = seed(SEED) if "HFT_SEED" in os.environ else lambda test: test
pools = st.sampled_from([1024, 1, 2, 3, 8])


def numbered(fields):
    """The command array of a list of dicts, its sequences counted from 1."""
    return commands(*({"sequence": n, **values} for n, values in enumerate(fields, 1)))


class Pair:
    """Both engines at once; every answer and every view of the state must be the same."""

    def __init__(self, orders: int) -> None:
        self.slow = ReferenceEngine(INSTRUMENTS, orders)
        self.fast = FastEngine(INSTRUMENTS, orders)
        self.order, self.depth = self.fast.order, self.fast.depth

    def process(self, command):
        answers = self.slow.process(command)
        assert self.fast.process(command) == answers
        for instrument in range(INSTRUMENTS):
            assert self.fast.depth(instrument, 5) == self.slow.depth(instrument, 5)
        assert self.fast.state_hash() == self.slow.state_hash()
        assert len(self.fast) == len(self.slow)
        return answers


class Watch:
    """What must hold of any engine: the accounts of all own lots, kept by its reports."""

    def __init__(self, engine) -> None:
        self.engine = engine
        self.left: dict[int, int] = defaultdict(int)  # accepted, and neither filled nor cancelled
        self.reasons: set[int] = set()

    def process(self, command):
        answers = self.engine.process(command)
        for answer in answers:
            if isinstance(answer, Report):
                self.follow(answer)
        assert any(isinstance(answer, Report) for answer in answers)
        tops = [isinstance(answer, Top) for answer in answers]
        assert tops == sorted(tops)
        return answers

    def follow(self, report: Report) -> None:
        self.reasons.add(report.reason)
        if report.order_id < OWN or report.kind == Kind.REJECTED:
            return
        if report.kind == Kind.ACCEPTED and report.leaves_lots == 0:
            return  # a recorded event, which repeats whatever id it had
        if report.kind in (Kind.ACCEPTED, Kind.REPLACED):
            assert report.last_lots == 0
            self.left[report.order_id] = report.leaves_lots
        else:
            assert report.kind in (Kind.FILLED, Kind.CANCELLED)
            assert 0 < report.last_lots <= self.left[report.order_id]
            self.left[report.order_id] -= report.last_lots
            assert report.leaves_lots == self.left[report.order_id]

    def check(self) -> None:
        """Own lots rest if not filled or cancelled; levels add up; own orders don't cross."""
        known = [self.engine.order(order_id) for order_id in {*self.left, *RECORDED}]
        live = [order for order in known if order and order["leaves_lots"]]
        resting = {o["order_id"]: o["leaves_lots"] for o in live if o["order_id"] >= OWN}
        assert resting == {order_id: lots for order_id, lots in self.left.items() if lots}

        named = defaultdict(list)
        for order in live:
            named[order["instrument"], order["side"], order["price_ticks"]].append(order)
        for instrument in range(INSTRUMENTS):
            best = {}
            for side, levels in zip((BUY, SELL), self.engine.depth(instrument, 64), strict=True):
                rows = [row for row in levels if row[2]]
                for price, lots, orders in rows:
                    there = named.pop((instrument, side, price), [])
                    unnamed = lots - sum(order["leaves_lots"] for order in there)
                    # At most one order of a level has no name.
                    assert orders - len(there) == (1 if unnamed else 0)
                    assert unnamed >= 0
                prices = [row[0] for row in rows]
                assert prices == sorted(set(prices), reverse=side == BUY)
                best[side] = prices[:1]
            for order in live:
                if order["order_id"] >= OWN and order["instrument"] == instrument:
                    for price in best[BUY + SELL - order["side"]]:
                        against = price - order["price_ticks"]
                        assert (against if order["side"] == BUY else -against) > 0
        assert not named


def run(engine, stream, check=None, every=1, what=""):
    """Send a stream; a failure says where in which stream."""
    for index, command in enumerate(stream):
        try:
            engine.process(command)
            if check and index % every == 0:
                check()
        except BaseException as error:
            error.add_note(f"at command {index}: {command}{what}")
            raise


@repeatable
@settings(deadline=None, max_examples=400)
@given(command_lists(), pools)
def test_any_commands_give_what_the_reference_gives(fields, orders):
    """Answers, depth, hash and size are the reference's after every command of any list."""
    run(Pair(orders), numbered(fields))


@repeatable
@settings(deadline=None, max_examples=100)
@given(command_lists(), pools)
def test_any_commands_keep_the_invariants(fields, orders):
    """No own lot is lost, no level is wrong and no own order crosses, whatever is sent."""
    watch = Watch(FastEngine(INSTRUMENTS, orders))
    run(watch, numbered(fields), watch.check)


@repeatable
@settings(deadline=None, max_examples=100)
@given(command_lists(), pools, st.data())
def test_any_batches_give_what_single_commands_give(fields, orders, data):
    """How commands are cut into batches changes nothing."""
    stream = numbered(fields)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=5).map(sorted))
    assert_batches_change_nothing(stream, orders, cuts)


def assert_batches_change_nothing(stream, orders, cuts):
    singly, batched = (MatchingEngine(INSTRUMENTS, orders) for _ in range(2))
    one_by_one = [singly.process_all(stream[n : n + 1]).tobytes() for n in range(len(stream))]
    batches = [batched.process_all(batch).tobytes() for batch in np.split(stream, cuts)]
    assert b"".join(one_by_one) == b"".join(batches)
    assert singly.state_hash() == batched.state_hash()
    assert singly.counts() == batched.counts()


@pytest.mark.parametrize(("number", "orders"), list(enumerate(POOLS)))
def test_a_seeded_stream_gives_what_the_reference_gives(number, orders):
    """Thousands of commands in one book: answers, depth, hash and size, and the invariants."""
    stream = seeded(SEED + number, STREAM_COMMANDS)
    watch = Watch(Pair(orders))
    run(watch, stream, watch.check, every=10, what=f", HFT_SEED={SEED + number}, {orders} orders")


def test_a_seeded_stream_in_batches_gives_what_single_commands_give():
    """Batches of all sizes of a long stream change nothing."""
    rng = np.random.default_rng(SEED)
    cuts = np.sort(rng.integers(0, STREAM_COMMANDS, 50))
    assert_batches_change_nothing(seeded(SEED, STREAM_COMMANDS), 1024, cuts)


def test_the_streams_reach_every_reason():
    """The streams are not blind: every reason that the engine can give is given in them."""
    reasons, kinds = set(), set()
    for number, orders in enumerate(POOLS):
        answers = MatchingEngine(INSTRUMENTS, orders).process(seeded(1 + number, STREAM_COMMANDS))
        reasons |= {*answers["reason"].tolist()}
        kinds |= {*answers["kind"].tolist()}
    assert kinds == set(range(Kind.ACCEPTED, Kind.REJECTED + 1))
    assert reasons == ENGINE_REASONS


def test_the_streams_use_every_id():
    """The ids that the invariants are checked for are those that the streams use."""
    used = {*seeded(1, STREAM_COMMANDS)["order_id"].tolist()}
    assert used >= {*OWN_IDS, *RECORDED_IDS, 0}


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_million_commands_give_what_the_reference_gives():
    """As the seeded streams, far longer, in books that fill up and empty many times."""
    for number in range(100):
        orders = POOLS[number % len(POOLS)]
        watch = Watch(Pair(orders))
        stream = seeded(SEED + number, 10_000)
        what = f", HFT_SEED={SEED + number}, {orders} orders"
        run(watch, stream, watch.check, every=50, what=what)
