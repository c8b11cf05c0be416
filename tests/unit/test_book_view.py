"""The view of a book shows its best levels and the own orders in it, wherever they rest."""

import os
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hft.core import MatchingEngine
from hft.core.control import VIEW_LEVELS, VIEW_OWN_ORDERS, Control
from hft.core.messages import COMMAND, Kind, Side, order_id
from hft.monitor.snapshot import snapshot
from tests import pages

INSTANCE = f"test-book-view-{os.getpid()}"
NOW_NS = 5_000_000_000

# Own or recorded, price, lots.
orders = st.lists(
    st.tuples(st.booleans(), st.integers(1, 40), st.integers(1, 9)), min_size=0, max_size=80
)


@pytest.fixture
def control() -> Iterator[Control]:
    with pages.new_page(INSTANCE) as made:
        pages.fill(made, INSTANCE)
        pages.put(made.record["instruments"][0], "tick_size", "1\0\0\0")
        yield made


def commands(side: Side, given_orders: list[tuple[bool, int, int]]) -> np.ndarray:
    made = np.zeros(len(given_orders), COMMAND)
    for place, (row, (own, price_ticks, lots)) in enumerate(
        zip(made, given_orders, strict=True), 1
    ):
        row["kind"] = Kind.NEW_ORDER if own else Kind.FLOW_ADD
        row["order_id"] = order_id(1, place) if own else place
        row["side"] = side
        row["price_ticks"], row["qty_lots"] = price_ticks, lots
        row["event_ts_ns"], row["account"] = NOW_NS - place * 10**6, place % 3 if own else 0
    return made


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
@given(given_orders=orders)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_is_the_book(
    control: Control, side: Side, given_orders: list[tuple[bool, int, int]]
) -> None:
    """Against sums over all orders; also the copy that was written before the last one."""
    engine = MatchingEngine(instruments=1, orders=128)
    engine.process(commands(side, given_orders))
    for _ in range(2):
        engine.show(control, 0, NOW_NS)
    book = snapshot(control)["instruments"][0]["book"]
    name, other = ("bid", "ask") if side == Side.BUY else ("ask", "bid")

    best_first = sorted({price for _, price, _ in given_orders}, reverse=side == Side.BUY)
    assert book[f"{other}s"] == book[f"own_{other}s"] == []
    assert book[f"{name}s"] == [
        {
            "price": str(price),
            "lots": sum(lots for _, at, lots in given_orders if at == price),
            "own_lots": sum(lots for own, at, lots in given_orders if own and at == price),
            "own_orders": sum(own for own, at, _ in given_orders if at == price),
        }
        for price in best_first[:VIEW_LEVELS]
    ]
    own = [
        {"price": str(price), "lots": lots, "age_s": round(place / 1e3, 3), "account": place % 3}
        for place, (is_own, price, lots) in enumerate(given_orders, 1)
        if is_own
    ]
    own.sort(key=lambda order: best_first.index(int(order["price"])))
    assert book[f"own_{name}s"] == own[:VIEW_OWN_ORDERS]
    assert book[f"own_{name}_count"] == len(own)


def test_it_does_not_look_for_ever(control: Control) -> None:
    """An own order behind thousands of others is counted but not listed."""
    engine = MatchingEngine(instruments=1, orders=8192)
    given_orders = [(False, 100, 1)] * 5000 + [(True, 99, 3)]
    engine.process(commands(Side.BUY, given_orders))
    engine.show(control, 0, NOW_NS)
    book = snapshot(control)["instruments"][0]["book"]
    assert (book["own_bids"], book["own_bid_count"]) == ([], 1)
    assert [level["own_lots"] for level in book["bids"]] == [0, 0]
