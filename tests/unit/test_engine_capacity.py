"""Prices and ids without a pattern: what the engine's trie and id map must find again."""

import numpy as np
import pytest

from hft.core import MatchingEngine
from hft.core.messages import COMMAND, Kind, Reason, Side

BUY, SELL = int(Side.BUY), int(Side.SELL)
OWN = 1 << 56
INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)
EDGES = sorted(
    {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX}
    | {sign * 64**power + step for power in range(11) for sign in (-1, 1) for step in (-1, 0, 1)}
)


def adds(prices, side, first=1):
    """One recorded order of 1 lot at each price."""
    commands = np.zeros(len(prices), COMMAND)
    commands["kind"] = Kind.FLOW_ADD
    commands["order_id"] = np.arange(first, first + len(prices))
    commands["price_ticks"], commands["qty_lots"], commands["side"] = prices, 1, side
    return commands


def deletes(ids):
    commands = np.zeros(len(ids), COMMAND)
    commands["kind"], commands["side"], commands["order_id"] = Kind.FLOW_DELETE, BUY, ids
    return commands


def prices_of(engine, side, levels=400):
    rows = engine.depth(0, levels)[side - BUY]
    return rows[rows[:, 2] > 0][:, 0].tolist()


def best_first(prices, side):
    return sorted(set(prices), reverse=side == BUY)


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("seed", range(4))
def test_levels_are_in_order_whatever_the_gaps(side, seed):
    """Added and removed in any order, at all powers of 64 and both ends of the range."""
    rng = np.random.default_rng(seed)
    engine = MatchingEngine(1, len(EDGES))
    prices = rng.permutation(np.array(EDGES, np.int64))
    here = {}
    for number, price in enumerate(prices.tolist(), 1):
        engine.process(adds([price], side, number))
        here[number] = price
        assert engine.depth(0, 1)[side - BUY, 0, 0] == best_first(here.values(), side)[0]
    assert prices_of(engine, side) == best_first(EDGES, side)
    for number in rng.permutation(list(here)).tolist():
        engine.process(deletes([number]))
        del here[number]
        assert prices_of(engine, side) == best_first(here.values(), side)
    assert len(engine) == 0


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_side_that_emptied_fills_again_anywhere(side):
    """Nothing of where the market was is left: from each edge to each other one and back."""
    engine = MatchingEngine(1, 2)
    for price in EDGES:
        for other in EDGES:
            engine.process(np.concatenate([adds([price], side), deletes([1])]))
            assert prices_of(engine, side, 2) == []
            engine.process(adds([other, price], side))
            assert prices_of(engine, side, 2) == best_first([price, other], side)
            engine.process(deletes([1, 2]))
            assert len(engine) == 0


@pytest.mark.parametrize("side", [BUY, SELL])
def test_matching_walks_across_the_widest_gaps(side):
    """A market order takes one level after the other, best first, wherever the next one is."""
    engine = MatchingEngine(1, len(EDGES) + 1)
    engine.process(adds(EDGES, side))
    order = np.zeros(1, COMMAND)
    order["kind"], order["order_type"], order["order_id"] = Kind.NEW_ORDER, 1, OWN + 1
    order["side"], order["qty_lots"] = BUY + SELL - side, len(EDGES)
    reports = engine.process(order)
    makers = reports[(reports["kind"] == Kind.FILLED) & (reports["order_id"] < OWN)]
    assert makers["price_ticks"].tolist() == best_first(EDGES, side)
    assert prices_of(engine, side) == []


@pytest.mark.parametrize("orders", [1, 16, 500])
def test_any_prices_fit_as_far_as_orders_do(orders):
    """The worst prices for the trie, each on a path of its own, fill the pool and no more."""
    rng = np.random.default_rng(orders)
    engine = MatchingEngine(1, orders)
    prices = rng.integers(INT64_MIN, INT64_MAX, orders + 1)
    reasons = engine.process(adds(prices, BUY))["reason"].tolist()
    assert reasons == [Reason.NONE] * orders + [Reason.POOL_FULL]
    assert prices_of(engine, BUY, orders + 1) == best_first(prices[:-1].tolist(), BUY)


@pytest.mark.parametrize("stride", [1, 2**16, 2**32, 2**40 + 1, 0x61C8864680B583EB])
def test_many_ids_are_told_apart(stride):
    """Thousands of ids, also such as hash alike: every one found, none found after it left."""
    count = 5000
    numbers = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(stride) % np.uint64(2**56)
    ids = np.unique(numbers[numbers > 0])
    rng = np.random.default_rng(1)
    rng.shuffle(ids)
    engine = MatchingEngine(1, len(ids))
    commands = adds(np.arange(len(ids)) % 50, BUY)
    commands["order_id"] = ids
    assert (engine.process(commands)["reason"] == Reason.NONE).all()
    assert (engine.process(commands)["reason"] == Reason.DUPLICATE_ID).all()
    gone, left = ids[: len(ids) // 2], ids[len(ids) // 2 :]
    rng.shuffle(gone)
    assert (engine.process(deletes(gone))["kind"] == Kind.CANCELLED).all()
    for order_id in gone[:100].tolist():
        assert engine.order(order_id) is None
    for order_id in left.tolist():
        assert engine.order(order_id)["order_id"] == order_id
    assert (engine.process(deletes(gone))["reason"] == Reason.UNKNOWN_ORDER).all()
    assert (engine.process(deletes(left))["kind"] == Kind.CANCELLED).all()
    assert len(engine) == 0


def test_ids_come_and_go_for_ever():
    """Hundreds of thousands of ids through a small map against a set."""
    rng = np.random.default_rng(1)
    engine = MatchingEngine(1, 64)
    here: list[int] = []
    for round_number in range(2000):
        ids = rng.integers(1, 2**56, 64 - len(here)).tolist()
        commands = adds([5] * len(ids), SELL)
        commands["order_id"] = ids
        assert (engine.process(commands)["reason"] == Reason.NONE).all()
        here += ids
        assert len(engine) == 64
        rng.shuffle(here)
        cut = int(rng.integers(0, 64))
        reports = engine.process(deletes(here[cut:]))
        assert reports["last_lots"].tolist() == [1] * (64 - cut), round_number
        here = here[:cut]


@pytest.mark.parametrize("lead", range(24))
def test_a_full_path_pool_rejects_and_disturbs_nothing(lead):
    """Prices so far apart that paths run out before orders are rejected, nothing overwritten."""
    engine = MatchingEngine(instruments=2000, orders=16385)
    count = lead + 2000
    commands = np.zeros(count, COMMAND)
    commands["kind"] = Kind.FLOW_ADD
    commands["order_id"] = np.arange(1, count + 1)
    commands["side"] = Side.BUY
    commands["qty_lots"] = 7
    # First `lead` paths of one node; then pairs whose second order needs the longest path there is.
    commands["instrument"][:lead] = 1999 - np.arange(lead)
    commands["instrument"][lead:] = np.arange(2000) // 2
    commands["price_ticks"][lead:] = -(np.arange(2000) % 2)
    reports = engine.process(commands)
    full = reports[reports["kind"] == Kind.REJECTED]
    assert 0 < len(full) < count
    assert set(full["reason"]) == {Reason.POOL_FULL}
    for order in reports["order_id"][reports["kind"] == Kind.ACCEPTED]:
        found = engine.order(int(order))
        assert (found["leaves_lots"], found["life_lots"]) == (7, 7)
        assert found["price_ticks"] == commands["price_ticks"][order - 1]
    commands["kind"] = Kind.FLOW_DELETE
    engine.process(commands)
    assert len(engine) == 0
