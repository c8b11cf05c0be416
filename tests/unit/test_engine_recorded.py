"""What recorded events do, and the state hash: docs/engine.md, worked out by hand."""

from hft.core.messages import Side
from tests.reference.desk import BUY, SELL, stand_ahead

# Recorded orders.


def test_without_own_orders_the_book_is_the_recorded_one(desk):
    """Recorded orders never match each other, also where they cross."""
    desk.add("R1", SELL, 10, 101)
    assert desk.add("R2", BUY, 5, 103) == ["R2 accepted 5 @ 103"]
    assert desk.seed(BUY, 7, 104) == ["- accepted 7 @ 104"]
    assert desk.tops == ["top 7 @ 104, 10 @ 101"]
    assert desk.cancel("R1", 4) == ["R1 cancelled 4 REQUESTED, leaves 6"]
    assert desk.execute("R1", 6) == ["trade 6 @ 101 R1 -", "R1 filled 6 @ 101, leaves 0"]
    assert desk.delete("R2") == ["R2 cancelled 5 REQUESTED, leaves 0"]
    assert desk.execute("-", 7, BUY, 104)[0] == "trade 7 @ 104 - -"
    assert len(desk.engine) == 0
    assert desk.engine.displaced_lots(0) == 0


def test_a_recorded_arrival_passes_recorded_makers(desk):
    """A recorded taker skips recorded orders ahead of an own one and fills at the own's price."""
    desk.add("R1", BUY, 10, 102)
    desk.own("B1", 5, 102)
    assert desk.add("R2", SELL, 5, 100) == [
        "R2 accepted 5 @ 100",
        "trade 5 @ 102 B1 R2",
        "B1 filled 5 @ 102, leaves 0",
        "R2 filled 5 @ 102, leaves 0",
    ]
    assert desk.lots("R2") == (0, 5)
    assert desk.lots("R1") == (10, 10)
    assert desk.levels(SELL) == []


def test_an_execution_passes_recorded_orders_ahead(desk):
    """The recording decides which recorded order trades; own orders behind it wait."""
    desk.add("R1", SELL, 10, 101)
    desk.add("R2", SELL, 10, 101)
    desk.own("S1", 10, 101)
    assert desk.execute("R2", 10) == ["trade 10 @ 101 R2 -", "R2 filled 10 @ 101, leaves 0"]


def test_a_delete_of_the_whole_queue_ahead_brings_the_own_order_to_the_front(desk):
    """Once all ahead of an own order are deleted, it is the first to fill."""
    desk.add("R1", SELL, 10, 101)
    desk.add("R2", SELL, 20, 101)
    desk.own("S1", 5, 101)
    desk.add("R3", SELL, 30, 101)
    desk.delete("R1")
    desk.delete("R2")
    assert desk.levels(SELL) == [[101, 35, 2]]
    assert desk.execute("R3", 6) == [
        "trade 5 @ 101 S1 -",
        "S1 filled 5 @ 101, leaves 0",
        "trade 1 @ 101 R3 -",
        "R3 filled 1 @ 101, leaves 29",
    ]


def test_an_execution_that_own_orders_absorb_still_ages_the_named_order(desk):
    """Where own orders take a whole execution, the named order keeps its leaves for a while."""
    desk.own("S1", 50, 101)
    desk.add("R1", SELL, 80, 101)
    assert desk.execute("R1", 50) == ["trade 50 @ 101 S1 -", "S1 filled 50 @ 101, leaves 0"]
    assert desk.lots("R1") == (80, 30)
    assert desk.execute("R1", 30) == [
        "trade 30 @ 101 R1 -",
        "R1 filled 30 @ 101, leaves 50",
        "R1 cancelled 50 RECORDED_LIFE_ENDED, leaves 0",
    ]
    assert desk.levels(SELL) == []
    assert len(desk.engine) == 0
    assert desk.engine.displaced_lots(0) == 50


def test_a_cancel_that_ends_a_life_takes_the_leaves_along(desk):
    """A recorded order that outlived its recording leaves the book."""
    stand_ahead(desk)
    assert desk.cancel("R1", 30) == [
        "R1 cancelled 30 REQUESTED, leaves 30",
        "R1 cancelled 30 RECORDED_LIFE_ENDED, leaves 0",
    ]
    assert desk.lots("R1") is None


def test_nobody_stands_ahead_of_a_ghost(desk):
    """An execution of a ghost fills own orders at better prices, none at the ghost's price."""
    desk.add("R1", SELL, 20, 101)
    desk.own("B1", 20, 101)
    desk.own("S1", 5, 101)
    desk.own("S2", 5, 100)
    assert desk.execute("R1", 8)[:2] == ["trade 5 @ 100 S2 -", "S2 filled 5 @ 100, leaves 0"]
    assert desk.lots("R1") == (0, 12)
    assert desk.lots("S1") == (5, 5)
    assert desk.engine.displaced_lots(0) == 8


def test_a_ghosts_end_is_answered(desk):
    """An execution that nobody in the book is part of still gets a report."""
    desk.add("R1", SELL, 20, 101)
    desk.own("B1", 20, 101)
    for left in ((0, 8), None):
        desk.execute("R1", 12)
        assert len(desk.outputs) == 1
        assert desk.lots("R1") == left


def test_a_ghosts_id_is_taken(desk):
    """An id is free again only when its recorded life has ended."""
    desk.add("R1", SELL, 20, 101)
    desk.own("B1", 20, 101)
    assert desk.add("R1", SELL, 5, 102) == ["R1 rejected DUPLICATE_ID"]
    desk.delete("R1")
    assert desk.add("R1", SELL, 5, 102) == ["R1 accepted 5 @ 102"]


def test_a_seed_grows_the_anonymous_front(desk):
    """Two seeds at one price are one anonymous order."""
    desk.seed(SELL, 7, 101)
    desk.own("S1", 5, 101)
    desk.seed(SELL, 3, 101)
    assert desk.levels(SELL) == [[101, 15, 2]]
    assert desk.cancel("-", 4) == ["- cancelled 4 REQUESTED, leaves 6"]


def test_an_unknown_recorded_id_means_the_anonymous_order(desk):
    """The recording may name orders that were there before it began."""
    desk.seed(SELL, 20, 101)
    desk.add("R1", SELL, 5, 101, instrument=1)
    assert desk.cancel("R9", 4) == ["- cancelled 4 REQUESTED, leaves 16"]
    assert desk.cancel("R1", 1) == ["- cancelled 1 REQUESTED, leaves 15"]
    assert desk.execute("R9", 5)[0] == "trade 5 @ 101 - -"
    assert desk.delete("R9", 4) == ["- cancelled 4 REQUESTED, leaves 6"]
    assert desk.delete("R9", 90) == ["- cancelled 6 REQUESTED, leaves 0"]
    assert desk.delete("R9", 1) == ["R9 rejected UNKNOWN_ORDER"]
    assert desk.engine.displaced_lots(0) == 0


def test_anonymous_ghosts_end_oldest_first(desk):
    """What rests goes before ghosts, then the oldest ghost of the price."""
    for lots in (3, 4):
        desk.seed(SELL, lots, 101)
        desk.own("B1", lots, 101)
    desk.seed(SELL, 5, 101)
    assert len(desk.engine) == 3
    assert desk.delete("-", 90) == ["- cancelled 5 REQUESTED, leaves 0"]
    for left in (1, 1, 0):
        assert desk.delete("-", 3) == ["- cancelled 0 REQUESTED, leaves 0"]
        assert len(desk.engine) == left
    assert desk.engine.displaced_lots(0) == 7


def test_hidden_lots_trade_after_visible_ones(desk):
    """Own orders at the price or better fill before a hidden recorded order does."""
    desk.own("S1", 3, 101)
    desk.own("S2", 4, 100)
    desk.own("S3", 5, 102)
    desk.add("R1", SELL, 6, 101)
    assert desk.hidden(SELL, 10, 101) == [
        "trade 4 @ 100 S2 -",
        "S2 filled 4 @ 100, leaves 0",
        "trade 3 @ 101 S1 -",
        "S1 filled 3 @ 101, leaves 0",
        "trade 3 @ 101 - - hidden",
    ]
    assert desk.outputs[4].side == Side.BUY
    assert desk.engine.displaced_lots(0) == 7
    assert desk.levels(SELL) == [[101, 6, 1], [102, 5, 1]]


def test_forgetting_takes_the_ghosts_of_the_price_along(desk):
    """Ghosts at the price go, those at other prices and of the other side stay."""
    desk.add("R1", SELL, 5, 101)
    desk.add("R2", SELL, 5, 102)
    desk.own("B1", 10, 102)
    desk.seed(SELL, 8, 101)
    assert len(desk.engine) == 3
    assert desk.forget(SELL, 101) == ["- cancelled 8 FORGOTTEN, leaves 0"]
    assert desk.lots("R1") is None
    assert desk.lots("R2") == (0, 5)
    assert desk.forget(SELL, 101) == ["- cancelled 0 FORGOTTEN, leaves 0"]
    assert desk.engine.displaced_lots(0) == 0
