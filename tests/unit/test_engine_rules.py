"""The worked examples of docs/engine.md, and every field of what the engine says."""

from hft.core.messages import Kind, Reason
from tests.reference.desk import BUY, FOK, IOC, OWN, POST_ONLY, SELL, id_of, stand_ahead
from tests.reference.wire import Report, Top, Trade

# The worked examples.


def test_example_1_a_trade_has_the_makers_price(desk):
    """A taker that would pay more pays what the maker asked."""
    desk.own("S1", 10, 101)
    assert desk.own("B1", 4, 102) == [
        "B1 accepted 4 @ 102",
        "trade 4 @ 101 S1 B1",
        "S1 filled 4 @ 101, leaves 6",
        "B1 filled 4 @ 101, leaves 0",
    ]
    assert desk.levels(SELL) == [[101, 6, 1]]
    assert desk.levels(BUY) == []


def test_example_2_time_priority(desk):
    """Orders at one price fill in the order of their arrival."""
    desk.own("S1", 10, 101)
    desk.own("S2", 5, 101)
    assert desk.own("B1", 12, 101) == [
        "B1 accepted 12 @ 101",
        "trade 10 @ 101 S1 B1",
        "S1 filled 10 @ 101, leaves 0",
        "B1 filled 10 @ 101, leaves 2",
        "trade 2 @ 101 S2 B1",
        "S2 filled 2 @ 101, leaves 3",
        "B1 filled 2 @ 101, leaves 0",
    ]


def test_example_3_an_ioc_remainder_is_cancelled(desk):
    """What an immediate-or-cancel order doesn't get never rests."""
    desk.own("S1", 10, 101)
    assert desk.own("B1", 15, 101, **IOC)[-2:] == [
        "B1 filled 10 @ 101, leaves 5",
        "B1 cancelled 5 IOC_REMAINDER, leaves 0",
    ]
    assert desk.tops == ["top none, none"]
    assert desk.levels(BUY) == desk.levels(SELL) == []
    assert desk.lots("B1") is None
    assert len(desk.engine) == 0


def test_example_4_fok_fills_whole_or_not_at_all(desk):
    """A fill-or-kill order that the book can't fill whole trades nothing."""
    desk.own("S1", 10, 101)
    assert desk.own("B1", 11, 101, **FOK) == [
        "B1 accepted 11 @ 101",
        "B1 cancelled 11 FOK_UNFILLABLE, leaves 0",
    ]
    assert desk.levels(SELL) == [[101, 10, 1]]


def test_example_5_post_only_never_takes(desk):
    """A post-only order that would match is rejected and changes nothing."""
    desk.own("S1", 10, 101)
    before = desk.engine.state_hash()
    assert desk.own("B1", 5, 101, **POST_ONLY) == ["B1 rejected POST_ONLY_WOULD_MATCH"]
    assert desk.engine.state_hash() == before


def test_example_6_a_smaller_replace_keeps_its_place(desk):
    """A replace to fewer lots at the same price keeps its place in the queue."""
    desk.own("S1", 10, 101)
    desk.own("S2", 5, 101)
    assert desk.replace("S1", 4, 101) == ["S1 replaced 4 @ 101"]
    assert "trade 3 @ 101 S1 B1" in desk.own("B1", 3, 101)
    assert desk.levels(SELL) == [[101, 6, 2]]


def test_example_7_a_larger_replace_loses_its_place(desk):
    """A replace to more lots goes to the back of the queue."""
    desk.own("S1", 10, 101)
    desk.own("S2", 5, 101)
    assert desk.replace("S1", 12, 101) == ["S1 replaced 12 @ 101"]
    assert "trade 3 @ 101 S2 B1" in desk.own("B1", 3, 101)
    assert desk.levels(SELL) == [[101, 14, 2]]


def test_example_8_what_an_own_taker_took_is_not_executed_again(desk):
    """A recorded execution of lots that an own order took before trades only the rest."""
    desk.add("R1", SELL, 80, 101)
    assert desk.own("B1", 50, 101)[1:] == [
        "trade 50 @ 101 R1 B1",
        "R1 filled 50 @ 101, leaves 30",
        "B1 filled 50 @ 101, leaves 0",
    ]
    assert desk.lots("R1") == (30, 80)
    assert desk.execute("R1", 80) == ["trade 30 @ 101 R1 -", "R1 filled 30 @ 101, leaves 0"]
    assert desk.lots("R1") is None
    assert desk.engine.displaced_lots(0) == 50


def test_example_9_an_own_order_ahead_fills_first(desk):
    """An execution of a recorded order first fills the own orders ahead of it in its queue."""
    assert stand_ahead(desk) == [
        "trade 30 @ 101 S1 -",
        "S1 filled 30 @ 101, leaves 0",
        "trade 20 @ 101 R1 -",
        "R1 filled 20 @ 101, leaves 60",
    ]
    assert desk.lots("R1") == (60, 30)
    assert desk.engine.displaced_lots(0) == 30


def test_example_10_a_deletion_takes_all_leaves(desk):
    """A deleted recorded order leaves whole, also with more leaves than life."""
    stand_ahead(desk)
    assert desk.delete("R1") == ["R1 cancelled 60 REQUESTED, leaves 0"]
    assert desk.levels(SELL) == []
    assert desk.engine.displaced_lots(0) == 30


def test_example_11_a_better_own_price_fills_first(desk):
    """An execution of a recorded order first fills own orders at better prices, at those prices."""
    desk.add("R1", SELL, 80, 101)
    desk.own("S1", 30, 100)
    assert desk.execute("R1", 50) == [
        "trade 30 @ 100 S1 -",
        "S1 filled 30 @ 100, leaves 0",
        "trade 20 @ 101 R1 -",
        "R1 filled 20 @ 101, leaves 60",
    ]


def test_example_12_a_recorded_arrival_matches_own_orders(desk):
    """A recorded order that meets an own one rests with what is left, its life is whole."""
    desk.own("B1", 30, 101)
    assert desk.add("R1", SELL, 50, 101) == [
        "R1 accepted 50 @ 101",
        "trade 30 @ 101 B1 R1",
        "B1 filled 30 @ 101, leaves 0",
        "R1 filled 30 @ 101, leaves 20",
    ]
    assert desk.lots("R1") == (20, 50)
    assert desk.levels(SELL) == [[101, 20, 1]]


def test_example_13_a_ghost_lives_as_long_as_its_recording(desk):
    """A recorded order that own orders emptied is known until its recorded life ends."""
    desk.add("R1", SELL, 20, 101)
    desk.own("B1", 20, 101)
    assert desk.lots("R1") == (0, 20)
    assert desk.levels(SELL) == []
    assert len(desk.engine) == 1
    assert desk.cancel("R1", 5) == ["R1 cancelled 0 REQUESTED, leaves 0"]
    assert desk.lots("R1") == (0, 15)
    assert desk.delete("R1") == ["R1 cancelled 0 REQUESTED, leaves 0"]
    assert desk.lots("R1") is None
    assert len(desk.engine) == 0
    assert desk.engine.displaced_lots(0) == 20


def test_example_14_a_seeded_level_joins_the_front(desk):
    """Quantity that was there before the window showed it is ahead of what was seen to arrive."""
    desk.add("R1", SELL, 10, 101)
    desk.own("S1", 5, 101)
    assert desk.seed(SELL, 7, 101) == ["- accepted 7 @ 101"]
    assert desk.own("B1", 8, 101)[1:] == [
        "trade 7 @ 101 - B1",
        "B1 filled 7 @ 101, leaves 1",
        "trade 1 @ 101 R1 B1",
        "R1 filled 1 @ 101, leaves 9",
        "B1 filled 1 @ 101, leaves 0",
    ]


def test_example_15_a_forgotten_level_keeps_own_orders(desk):
    """A level that leaves the window takes its recorded orders along, not the own ones."""
    desk.add("R1", SELL, 10, 101)
    desk.own("S1", 5, 101)
    assert desk.forget(SELL, 101) == ["- cancelled 10 FORGOTTEN, leaves 0"]
    assert desk.levels(SELL) == [[101, 5, 1]]
    assert desk.lots("R1") is None
    assert desk.lots("S1") == (5, 5)


# Every field of the outputs.


def test_every_field_of_a_trades_messages(desk):
    """Reports name the order's account and side, trades the taker's side, all of them the cause."""
    desk.send(
        Kind.NEW_ORDER,
        order_id=OWN + 7,
        price_ticks=101,
        qty_lots=10,
        side=SELL,
        account=3,
        instrument=2,
    )
    desk.send(
        Kind.NEW_ORDER,
        order_id=OWN + 8,
        price_ticks=102,
        qty_lots=4,
        side=BUY,
        account=5,
        instrument=2,
        sequence=(9 << 32) + 77,
        event_ts_ns=123,
    )
    assert desk.outputs == [
        Report(Kind.ACCEPTED, 2, OWN + 8, 102, 0, 4, 77, 5, Reason.NONE, BUY),
        Trade(Kind.TRADE, 2, OWN + 7, OWN + 8, 101, 4, 77, BUY, 0),
        Report(Kind.FILLED, 2, OWN + 7, 101, 4, 6, 77, 3, Reason.NONE, SELL),
        Report(Kind.FILLED, 2, OWN + 8, 101, 4, 0, 77, 5, Reason.NONE, BUY),
        Top(Kind.BOOK_TOP, 2, 0, 0, 101, 6, 123),
    ]


def test_every_field_of_a_rejection(desk):
    """A rejection repeats the command's id, price, account and side; its quantity is the last."""
    desk.send(
        Kind.REPLACE_ORDER,
        order_id=OWN + 9,
        price_ticks=-4,
        qty_lots=6,
        side=SELL,
        account=8,
        instrument=1,
        sequence=2**64 - 1,
    )
    assert desk.outputs == [
        Report(Kind.REJECTED, 1, OWN + 9, -4, 6, 0, 2**32 - 1, 8, Reason.UNKNOWN_ORDER, SELL)
    ]


def test_a_cancellation_tells_the_orders_own_price_and_side(desk):
    """A cancel names only the order, its report says which price and side left."""
    desk.own("S1", 10, 101, account=4)
    desk.pull("S1", account=4, event_ts_ns=7)
    assert desk.outputs == [
        Report(Kind.CANCELLED, 0, id_of("S1"), 101, 10, 0, 2, 4, Reason.REQUESTED, SELL),
        Top(Kind.BOOK_TOP, 0, 0, 0, 0, 0, 7),
    ]


def test_the_taker_of_a_recorded_execution_has_no_name(desk):
    """The trade's side is the side opposite to the maker's, the command's side doesn't count."""
    desk.add("R1", BUY, 10, 99)
    desk.execute("R1", 10, side=SELL, price=500)
    assert desk.outputs[0] == Trade(Kind.TRADE, 0, 1, 0, 99, 10, 2, SELL, 0)
