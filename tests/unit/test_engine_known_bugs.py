"""Bugs that come again and again in public matching engines: one test for each."""

import pytest

from tests.reference.desk import BUY, FOK, IOC, MARKET, OWN, SELL, id_of

INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)


def test_an_ioc_remainder_does_not_rest(desk):
    """What an immediate order doesn't get is in no level, no index and no total."""
    desk.own("S1", 4, 101)
    desk.own("B1", 9, 101, **IOC)
    desk.own("B2", 9, 101, **FOK)
    desk.own("B3", 9, **MARKET)
    assert desk.levels(BUY) == desk.levels(SELL) == []
    assert len(desk.engine) == 0
    assert desk.own("S2", 5, 90) == ["S2 accepted 5 @ 90"]


def test_a_smaller_modify_does_not_lose_priority(desk):
    """An order that only shrinks is still the first to fill."""
    for name in ("S1", "S2", "S3"):
        desk.own(name, 5, 101)
    desk.replace("S2", 3, 101)
    desk.replace("S1", 2, 101)
    trades = [line for line in desk.own("B1", 10, 101) if line.startswith("trade")]
    assert trades == ["trade 2 @ 101 S1 B1", "trade 3 @ 101 S2 B1", "trade 5 @ 101 S3 B1"]


@pytest.mark.parametrize(("lots", "price"), [(6, 101), (5, 102)])
def test_a_larger_or_moved_modify_does_not_keep_priority(desk, lots, price):
    """Nobody buys a place by growing or by moving there and back."""
    for name in ("S1", "S2"):
        desk.own(name, 5, 101)
    desk.replace("S1", lots, price)
    desk.replace("S1", lots, 101)
    assert desk.own("B1", 1, 101)[1] == "trade 1 @ 101 S2 B1"


@pytest.mark.parametrize("how", ["cancel", "fill", "replace", "delete"])
def test_the_best_price_is_not_stale(desk, how):
    """Once the best level is empty, whatever emptied it, the next one is the best."""
    desk.add("R1", SELL, 5, 100)
    desk.own("S1", 5, 101)
    desk.own("S2", 5, 103)
    desk.delete("R1")
    assert desk.tops == ["top none, 5 @ 101"]
    if how == "cancel":
        desk.pull("S1")
    elif how == "fill":
        desk.own("B1", 5, 101)
    elif how == "replace":
        desk.replace("S1", 5, 105)
    else:
        desk.add("R2", SELL, 1, 102)
        desk.pull("S1")
        desk.delete("R2")
    assert desk.tops == ["top none, 5 @ 103"]
    assert desk.own("B2", 1, 102) == ["B2 accepted 1 @ 102"]


def test_a_filled_maker_is_not_in_the_id_index(desk):
    """It can't be cancelled or replaced after its fill, and its id is free."""
    desk.own("S1", 5, 101)
    desk.own("B1", 5, 101)
    assert desk.engine.order(id_of("S1")) is None
    assert desk.pull("S1") == ["S1 rejected UNKNOWN_ORDER"]
    assert desk.replace("S1", 1, 101) == ["S1 rejected UNKNOWN_ORDER"]
    assert desk.own("S1", 5, 101) == ["S1 accepted 5 @ 101"]
    assert len(desk.engine) == 1


def test_trades_are_printed_at_the_makers_price(desk):
    """Each one, on both sides, also of a market order and of a replace."""
    desk.own("S1", 1, 101)
    desk.own("S2", 1, 103)
    said = desk.own("B1", 2, 110)
    assert [line for line in said if "trade" in line] == [
        "trade 1 @ 101 S1 B1",
        "trade 1 @ 103 S2 B1",
    ]
    desk.own("B2", 1, 99)
    assert desk.own("S3", 1, -5, **MARKET)[1] == "trade 1 @ 99 B2 S3"
    desk.own("B3", 1, 98)
    desk.own("S4", 1, 120)
    assert desk.replace("S4", 1, 90)[1] == "trade 1 @ 98 B3 S4"


@pytest.mark.parametrize("price", [INT64_MIN, -1, 0, 2**31, 2**32, 2**53 + 1, INT64_MAX])
def test_no_price_is_beyond_a_silent_ceiling(desk, price):
    """No array index, 32-bit field or double is in the way."""
    desk.own("B1", 5, price)
    assert desk.levels(BUY) == [[price, 5, 1]]
    assert desk.own("S1", 5, price)[1] == f"trade 5 @ {price} B1 S1"


@pytest.mark.parametrize("number", [2**31, 2**32, 2**53 + 1, 2**56 - 1])
def test_no_id_is_beyond_a_silent_ceiling(desk, number):
    """Two ids that differ in one bit only, high or low, are two orders."""
    desk.send(16, order_id=OWN * 5 + number, price_ticks=98, qty_lots=1, side=BUY)
    desk.send(16, order_id=OWN * 5 + (number ^ 1), price_ticks=98, qty_lots=2, side=BUY)
    desk.send(16, order_id=OWN * 4 + number, price_ticks=98, qty_lots=3, side=BUY)
    desk.send(17, order_id=OWN * 5 + number)
    assert desk.outputs[0].last_lots == 1
    assert desk.levels(BUY) == [[98, 5, 2]]


def test_a_delete_ahead_does_not_clear_the_whole_queue(desk):
    """In a back-test a deleted order takes its own lots from the queue ahead, no others."""
    for name in ("R1", "R2", "R3"):
        desk.add(name, SELL, 10, 101)
    desk.own("S1", 5, 101)
    desk.delete("R2")
    assert desk.resting() == ["R1", "R3", "S1"]
    said = desk.add("R4", BUY, 5, 101)
    assert said[1] == "trade 5 @ 101 S1 R4"  # recorded orders ahead trade by their executions
    desk.own("S2", 5, 101)
    assert "S2" not in " ".join(desk.execute("R1", 10))
    assert desk.execute("R3", 10)[0] == "trade 10 @ 101 R3 -"
    assert desk.where("S2") == "resting 5 @ 101"


def test_a_recorded_cancel_ahead_moves_an_own_order_by_so_much(desk):
    """The queue ahead shrinks by what was cancelled, whoever cancelled it."""
    desk.add("R1", SELL, 10, 101)
    desk.own("S1", 5, 101)
    desk.cancel("R1", 4)
    assert desk.own("B1", 7, 101)[1:5:3] == ["trade 6 @ 101 R1 B1", "trade 1 @ 101 S1 B1"]
