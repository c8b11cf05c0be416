"""Market data: what each change of a book says, and that it is enough to have the same book."""

import random

import pytest

from hft.core.messages import BookAction, Kind
from tests.reference.consumers import Consumer
from tests.reference.desk import BUY, DECREMENT, PEG_BID, SELL, STOP_LIMIT, id_of
from tests.reference.streams import INSTRUMENTS, LISTED, Writer
from tests.reference.wire import BookOrder, Level, commands

BOTH = ("levels", "orders")


@pytest.fixture
def orders(new_desk):
    """A desk with BOOK_ORDER only."""
    return new_desk(market_data=("orders",))


@pytest.fixture
def levels(new_desk):
    """A desk with BOOK_LEVEL only."""
    return new_desk(market_data=("levels",))


# Orders.


def test_an_order_joins_and_leaves(orders):
    """After the reports that tell why."""
    assert orders.own("B1", 5, 98) == ["B1 accepted 5 @ 98", "B1 joined 5 @ 98"]
    assert orders.pull("B1") == ["B1 cancelled 5 REQUESTED, leaves 0", "B1 left 0 @ 98"]


def test_a_taker_joins_with_what_is_left(orders):
    """Each fill shrinks or removes its maker; the taker is not in the book before it rests."""
    orders.own("S1", 2, 101)
    orders.own("S2", 5, 102)
    assert orders.own("B1", 4, 101)[1:] == [
        "trade 2 @ 101 S1 B1",
        "S1 filled 2 @ 101, leaves 0",
        "B1 filled 2 @ 101, leaves 2",
        "S1 left 0 @ 101",
        "B1 joined 2 @ 101",
    ]
    assert orders.own("B2", 1, 102)[-1] == "S2 shrank 4 @ 102"


def test_a_replace_shrinks_or_leaves_and_joins(orders):
    """What keeps its place shrinks; with the same quantity nothing is said."""
    orders.own("B1", 5, 98)
    assert orders.replace("B1", 5, 98) == ["B1 replaced 5 @ 98"]
    assert orders.replace("B1", 3, 98) == ["B1 replaced 3 @ 98", "B1 shrank 3 @ 98"]
    assert orders.replace("B1", 4, 99) == [
        "B1 replaced 4 @ 99",
        "B1 left 0 @ 98",
        "B1 joined 4 @ 99",
    ]


def test_an_icebergs_next_part_joins(orders):
    """What it hides is never seen, and a replace of it says nothing."""
    assert orders.own("S1", 9, 101, display=4)[1] == "S1 joined 4 @ 101"
    assert orders.replace("S1", 7, 101) == ["S1 replaced 7 @ 101"]
    assert orders.own("B1", 4, 101)[-2:] == ["S1 left 0 @ 101", "S1 joined 3 @ 101"]


def test_seeded_quantity_joins_the_front(orders):
    """Grown, it left and joined the front again."""
    orders.own("S1", 5, 101)
    assert orders.seed(SELL, 3, 101)[1:] == ["- joined the front 3 @ 101"]
    assert orders.seed(SELL, 2, 101)[1:] == ["- left 0 @ 101", "- joined the front 5 @ 101"]


def test_recorded_orders_are_seen(orders):
    """A ghost left; what happens to its life is not seen."""
    assert orders.add("R1", SELL, 9, 101)[1:] == ["R1 joined 9 @ 101"]
    assert orders.cancel("R1", 2)[1:] == ["R1 shrank 7 @ 101"]
    assert orders.own("B1", 7, 101)[-1] == "R1 left 0 @ 101"
    assert len(orders.cancel("R1", 3)) == 1
    assert len(orders.delete("R1")) == 1
    orders.add("R2", SELL, 9, 101)
    assert orders.forget(SELL, 101)[1:] == ["R2 left 0 @ 101"]


def test_what_waits_or_is_parked_is_not_seen(orders):
    """Until it rests."""
    assert len(orders.own("B1", 5, 97, **STOP_LIMIT, trigger=105)) == 1
    assert len(orders.own("B2", 5, 200, **PEG_BID)) == 1
    assert orders.hidden(BUY, 1, 105)[2:] == [
        "B1 triggered 5 @ 97",
        "B1 joined 5 @ 97",
        "B2 restated 5 @ 97 PEG_MOVED",
        "B2 joined 5 @ 97",
    ]
    assert orders.pull("B1")[1:] == [
        "B1 left 0 @ 97",
        "B2 restated 5 @ 0 PARKED",
        "B2 left 0 @ 97",
    ]


def test_a_decrement_is_seen_after_both_reports(orders):
    """Like a fill."""
    orders.rule(DECREMENT)
    orders.own("S1", 5, 101)
    assert orders.own("B1", 2, 101)[1:] == [
        "S1 restated 3 @ 101 SELF_TRADE, lost 2",
        "B1 cancelled 2 SELF_TRADE, leaves 0",
        "S1 shrank 3 @ 101",
    ]


def test_every_field_of_a_book_order(orders):
    """It carries the command's cause and the engine's time, which may be later."""
    orders.at(50)
    orders.own("B1", 5, 98, instrument=2, sequence=(7 << 32) + 9, event_ts_ns=20)
    about = (5, 50, 9, BookAction.ORDER_JOINED, BUY)
    assert orders.outputs[1] == BookOrder(Kind.BOOK_ORDER, 2, id_of("B1"), 98, *about)


# Levels.


def test_a_level_grows_shrinks_and_goes(levels):
    """Its visible total and its number of orders."""
    assert levels.own("B1", 5, 98)[1:] == ["buy level 98: 5 in 1"]
    assert levels.add("R1", BUY, 4, 98)[1:] == ["buy level 98: 9 in 2"]
    assert levels.own("S1", 6, 98)[-3:] == [
        "R1 filled 1 @ 98, leaves 3",
        "S1 filled 1 @ 98, leaves 0",
        "buy level 98: 3 in 1",
    ]
    assert levels.delete("R1", side=BUY)[1:] == ["buy level 98: 0 in 0"]


def test_a_level_of_an_iceberg(levels):
    """Only what is shown; the next part is a change of its own."""
    levels.own("S1", 9, 101, display=4)
    assert levels.own("B1", 5, 101)[3:] == [
        "B1 filled 4 @ 101, leaves 1",
        "sell level 101: 0 in 0",
        "sell level 101: 4 in 1",
        "trade 1 @ 101 S1 B1",
        "S1 filled 1 @ 101, leaves 4",
        "B1 filled 1 @ 101, leaves 0",
        "sell level 101: 3 in 1",
    ]


def test_every_field_of_a_book_level(levels):
    """It carries the command's cause and the engine's time."""
    levels.at(50)
    levels.own("S1", 5, 98, instrument=2, sequence=(7 << 32) + 9, event_ts_ns=20)
    about = (98, 5, 50, 1, 9, SELL)
    assert levels.outputs[1] == Level(Kind.BOOK_LEVEL, 2, *about)


# Which streams there are.


def test_without_being_asked_for_there_is_none(desk):
    """Tops and trades are all there is."""
    assert desk.own("B1", 5, 98) == ["B1 accepted 5 @ 98"]
    assert desk.tops == ["top 5 @ 98, none"]


def test_both_streams_at_once(new_desk):
    """The order first, then its level."""
    desk = new_desk(market_data=BOTH)
    said = desk.own("B1", 5, 98)
    assert said == ["B1 accepted 5 @ 98", "B1 joined 5 @ 98", "buy level 98: 5 in 1"]


@pytest.mark.parametrize("market_data", [BOTH, ("orders",), ("levels",), ()])
@pytest.mark.parametrize("seed", range(3))
def test_whoever_applies_it_has_the_same_book(new_desk, market_data, seed):
    """Queue order, totals and tops, after every one of many commands of all kinds."""
    engine = new_desk(
        instruments=INSTRUMENTS, orders=1024, listed=LISTED, market_data=market_data
    ).engine
    consumer = Consumer(engine, INSTRUMENTS, market_data)
    rng = random.Random(seed)
    writer = Writer(
        lambda usual, odd=(), share=0.02: rng.choice(odd if odd and rng.random() < share else usual)
    )
    for _ in range(400):
        consumer.read(engine.process(*commands(*writer.slots())))
        consumer.check()
