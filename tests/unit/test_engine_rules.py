"""docs/engine.md, rule by rule, with answers worked out by hand; both engines must give them."""

import pytest

from hft.core.messages import Kind, Reason, Side
from tests.reference.desk import (
    BUY,
    FOK,
    HALTED,
    IOC,
    MARKET,
    OPEN,
    OWN,
    POST_ONLY,
    QUOTING,
    SELL,
    Desk,
    id_of,
)
from tests.reference.engine import ReferenceEngine
from tests.reference.fast import FastEngine
from tests.reference.wire import Report, Top, Trade

INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)
FLOW = range(Kind.FLOW_ADD, Kind.FLOW_FORGET + 1)
COMMANDS = {*FLOW, *range(Kind.NEW_ORDER, Kind.MASS_CANCEL + 1)}


@pytest.fixture(params=[ReferenceEngine, FastEngine], ids=["reference", "fast"])
def new_desk(request):
    return lambda **capacity: Desk(request.param(**capacity))


@pytest.fixture
def desk(new_desk):
    return new_desk()


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


def stand_ahead(desk):
    """Example 9: S1 has stood ahead of R1 in an execution of 50."""
    desk.own("S1", 30, 101)
    desk.add("R1", SELL, 80, 101)
    return desk.execute("R1", 50)


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
        Kind.NEW_ORDER, order_id=OWN + 7, price_ticks=101, qty_lots=10, side=SELL, account=3,
        instrument=2,
    )
    desk.send(
        Kind.NEW_ORDER, order_id=OWN + 8, price_ticks=102, qty_lots=4, side=BUY, account=5,
        instrument=2, sequence=(9 << 32) + 77, event_ts_ns=123,
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
        Kind.REPLACE_ORDER, order_id=OWN + 9, price_ticks=-4, qty_lots=6, side=SELL, account=8,
        instrument=1, sequence=2**64 - 1,
    )
    assert desk.outputs == [
        Report(
            Kind.REJECTED, 1, OWN + 9, -4, 6, 0, 2**32 - 1, 8, Reason.UNKNOWN_ORDER, SELL
        )
    ]


def test_a_cancellation_tells_the_orders_own_price_and_side(desk):
    """A cancel names only the order, its report says which price and side left."""
    desk.own("S1", 10, 101, account=4)
    desk.pull("S1", account=4)
    assert desk.outputs == [
        Report(Kind.CANCELLED, 0, id_of("S1"), 101, 10, 0, 2, 4, Reason.REQUESTED, SELL),
        Top(Kind.BOOK_TOP, 0, 0, 0, 0, 0, 20),
    ]


def test_the_taker_of_a_recorded_execution_has_no_name(desk):
    """The trade's side is the side opposite to the maker's, the command's side doesn't count."""
    desk.add("R1", BUY, 10, 99)
    desk.execute("R1", 10, side=SELL, price=500)
    assert desk.outputs[0] == Trade(Kind.TRADE, 0, 1, 0, 99, 10, 2, SELL, 0)


# What an arriving order does.


def test_a_sweep_trades_at_each_makers_price(desk):
    """Price goes before time, and no trade is printed at the taker's price."""
    for name, price in (("S1", 103), ("S2", 101), ("S3", 102)):
        desk.own(name, 10, price)
    trades = [line for line in desk.own("B1", 25, 110) if line.startswith("trade")]
    assert trades == ["trade 10 @ 101 S2 B1", "trade 10 @ 102 S3 B1", "trade 5 @ 103 S1 B1"]


def test_a_sell_sweeps_bids_from_the_highest(desk):
    """The best bid is the highest, and a limit stops the sweep."""
    for name, price in (("B1", 99), ("B2", 101), ("B3", 100)):
        desk.own(name, 10, price)
    trades = [line for line in desk.own("S1", 40, 100) if line.startswith("trade")]
    assert trades == ["trade 10 @ 101 B2 S1", "trade 10 @ 100 B3 S1"]
    assert desk.levels(SELL) == [[100, 20, 1]]
    assert desk.levels(BUY) == [[99, 10, 1]]


def test_an_unmatched_ioc_order_does_not_rest(desk):
    """An IOC order that meets nobody goes whole, and may reuse its id at once."""
    for _ in range(2):
        assert desk.own("B1", 15, 101, **IOC) == [
            "B1 accepted 15 @ 101",
            "B1 cancelled 15 IOC_REMAINDER, leaves 0",
        ]
    assert desk.tops == []
    assert desk.levels(BUY) == []


def test_a_market_order_takes_any_price_and_never_rests(desk):
    """A market order's own price means nothing, whatever its time in force."""
    for time_in_force in ({}, IOC):
        desk.own("S1", 10, INT64_MAX)
        assert desk.own("B1", 15, -5, **MARKET, **time_in_force) == [
            "B1 accepted 15 @ -5",
            f"trade 10 @ {INT64_MAX} S1 B1",
            f"S1 filled 10 @ {INT64_MAX}, leaves 0",
            f"B1 filled 10 @ {INT64_MAX}, leaves 5",
            "B1 cancelled 5 MARKET_REMAINDER, leaves 0",
        ]
    assert desk.levels(BUY) == []


def test_a_market_fok_order_counts_every_price(desk):
    """A market fill-or-kill order fills whole across all prices or not at all."""
    desk.own("S1", 10, 101)
    desk.own("S2", 10, 900)
    unfillable = ["B1 accepted 21 @ 0", "B1 cancelled 21 FOK_UNFILLABLE, leaves 0"]
    assert desk.own("B1", 21, **MARKET, **FOK) == unfillable
    assert desk.own("B1", 20, **MARKET, **FOK)[-1] == "B1 filled 10 @ 900, leaves 0"


def test_fok_counts_only_prices_within_its_limit(desk):
    """Lots beyond the limit don't make a fill-or-kill order fillable, lots at it do."""
    desk.own("B1", 10, 100)
    desk.own("B2", 10, 99)
    assert desk.own("S1", 11, 100, **FOK)[1:] == ["S1 cancelled 11 FOK_UNFILLABLE, leaves 0"]
    assert desk.own("S1", 11, 99, **FOK)[-1] == "S1 filled 1 @ 99, leaves 0"


def test_fok_counts_what_is_left_in_the_book(desk):
    """What a recorded order has left counts for a fill-or-kill order, not its recorded life."""
    desk.add("R1", SELL, 80, 101)
    desk.own("B1", 50, 101)
    assert desk.own("B2", 31, 101, **FOK)[1:] == ["B2 cancelled 31 FOK_UNFILLABLE, leaves 0"]
    assert desk.own("B2", 30, 101, **FOK)[-1] == "B2 filled 30 @ 101, leaves 0"


def test_a_filled_maker_leaves_the_id_index(desk):
    """A filled order is unknown to cancels and replaces, and its id may be used again."""
    desk.own("S1", 10, 101)
    desk.own("B1", 10, 101)
    assert desk.lots("S1") is None
    assert desk.lots("B1") is None
    assert len(desk.engine) == 0
    assert desk.pull("S1") == ["S1 rejected UNKNOWN_ORDER"]
    assert desk.replace("S1", 5, 101) == ["S1 rejected UNKNOWN_ORDER"]
    assert desk.own("S1", 3, 105) == ["S1 accepted 3 @ 105"]


def test_a_partly_filled_maker_keeps_its_place(desk):
    """A partial fill neither moves nor forgets the maker."""
    desk.own("S1", 10, 101)
    desk.own("S2", 10, 101)
    desk.own("B1", 4, 101)
    assert "trade 6 @ 101 S1 B2" in desk.own("B2", 7, 101)


def test_the_rest_of_a_taker_is_live(desk):
    """What is left of a limit order rests at its limit, can be hit, replaced and cancelled."""
    desk.own("S1", 10, 101)
    desk.own("B1", 15, 102)
    assert desk.lots("B1") == (5, 5)
    assert desk.levels(BUY) == [[102, 5, 1]]
    assert "trade 2 @ 102 B1 S2" in desk.own("S2", 2, 90)
    assert desk.pull("B1") == ["B1 cancelled 3 REQUESTED, leaves 0"]


# Replaces.


def test_a_replace_to_the_same_lots_keeps_its_place(desk):
    """Only more lots or another price cost an order its place."""
    desk.own("S1", 10, 101)
    desk.own("S2", 10, 101)
    desk.replace("S1", 10, 101)
    assert "trade 1 @ 101 S1 B1" in desk.own("B1", 1, 101)


def test_a_replace_compares_with_what_is_left(desk):
    """After a partial fill, going back to the first quantity is a larger replace."""
    desk.own("S1", 10, 101)
    desk.own("S2", 10, 101)
    desk.own("B1", 4, 101)
    desk.replace("S1", 7, 101)
    assert "trade 1 @ 101 S2 B2" in desk.own("B2", 1, 101)


def test_a_replace_there_and_back_loses_its_place(desk):
    """An order that left its price comes back behind those who stayed."""
    desk.own("S1", 10, 101)
    desk.own("S2", 10, 101)
    desk.replace("S1", 10, 102)
    assert desk.levels(SELL) == [[101, 10, 1], [102, 10, 1]]
    desk.replace("S1", 10, 101)
    assert "trade 1 @ 101 S2 B1" in desk.own("B1", 1, 101)


def test_a_replace_may_match(desk):
    """An order that is replaced to a crossing price takes, at the makers' prices."""
    desk.own("S1", 10, 101)
    desk.own("B1", 4, 99)
    assert desk.replace("B1", 12, 103) == [
        "B1 replaced 12 @ 103",
        "trade 10 @ 101 S1 B1",
        "S1 filled 10 @ 101, leaves 0",
        "B1 filled 10 @ 101, leaves 2",
    ]
    assert desk.tops == ["top 2 @ 103, none"]
    desk.own("S1", 5, 104)
    assert desk.replace("B1", 5, 104)[-1] == "B1 filled 5 @ 104, leaves 0"
    assert desk.lots("B1") is None
    assert len(desk.engine) == 0


def test_a_replaced_post_only_order_stays_post_only(desk):
    """A post-only order that is replaced to a crossing price is rejected and stays as it was."""
    desk.own("S1", 10, 101)
    desk.own("B1", 4, 99, **POST_ONLY)
    assert desk.replace("B1", 4, 101) == ["B1 rejected POST_ONLY_WOULD_MATCH"]
    assert desk.levels(BUY) == [[99, 4, 1]]
    assert desk.replace("B1", 8, 100) == ["B1 replaced 8 @ 100"]
    assert desk.engine.order(id_of("B1"))["post_only"]


def test_a_replace_ignores_the_commands_side(desk):
    """The side of a replace is the order's, whatever the command says."""
    desk.own("B1", 4, 99)
    desk.replace("B1", 4, 98, side=SELL)
    assert desk.levels(BUY) == [[98, 4, 1]]
    assert desk.outputs[0].side == BUY


# Who may cancel what.


def test_only_the_owner_cancels(desk):
    """Another account neither cancels nor replaces an order."""
    desk.own("S1", 10, 101, account=1)
    assert desk.pull("S1", account=2) == ["S1 rejected WRONG_ACCOUNT"]
    assert desk.replace("S1", 5, 101, account=2) == ["S1 rejected WRONG_ACCOUNT"]
    assert desk.pull("S1", account=1, instrument=1) == ["S1 rejected UNKNOWN_ORDER"]
    assert desk.pull("S1", account=1) == ["S1 cancelled 10 REQUESTED, leaves 0"]


def test_order_commands_do_not_reach_recorded_orders(desk):
    """A recorded order can be neither cancelled nor replaced by its id."""
    desk.add("R1", SELL, 10, 101)
    assert desk.pull("R1") == ["R1 rejected UNKNOWN_ORDER"]
    assert desk.replace("R1", 5, 101) == ["R1 rejected UNKNOWN_ORDER"]


def test_flow_commands_do_not_reach_own_orders(desk):
    """A recorded cancel, deletion or execution that bears an own order's id leaves it alone."""
    desk.own("S1", 10, 101)
    for command in (desk.cancel, desk.delete, desk.execute):
        assert command("S1", 5) == ["S1 rejected UNKNOWN_ORDER"]
    assert desk.lots("S1") == (10, 10)


def test_mass_cancel_takes_every_order_of_the_account(desk):
    """By instrument, buys first, best price first, queue order; one top per instrument."""
    desk.own("S1", 1, 105, account=1, instrument=1)
    desk.own("S2", 2, 104, account=1, instrument=1)
    desk.own("B1", 3, 99, account=1, instrument=1)
    desk.own("B2", 4, 100, account=1, instrument=1)
    desk.own("B3", 5, 100, account=1, instrument=1)
    desk.own("B4", 6, 100, account=2, instrument=1)
    desk.own("S3", 7, 104, account=1, instrument=0)
    desk.add("R1", BUY, 8, 100, account=1, instrument=1)
    assert desk.send(Kind.MASS_CANCEL, account=1, instrument=2) == [
        "S3 cancelled 7 KILLED, leaves 0",
        "B2 cancelled 4 KILLED, leaves 0",
        "B3 cancelled 5 KILLED, leaves 0",
        "B1 cancelled 3 KILLED, leaves 0",
        "S2 cancelled 2 KILLED, leaves 0",
        "S1 cancelled 1 KILLED, leaves 0",
    ]
    assert desk.tops == ["top none, none", "top 14 @ 100, none"]
    assert [message.instrument for message in desk.outputs] == [0, 1, 1, 1, 1, 1, 0, 1]
    assert desk.levels(BUY, 1) == [[100, 14, 2]]


def test_mass_cancel_without_orders_is_answered(desk):
    """An account without orders gets one report with order id 0."""
    desk.own("B1", 3, 99, account=2)
    assert desk.send(Kind.MASS_CANCEL, account=1) == ["- cancelled 0 REQUESTED, leaves 0"]


# The best prices.


def test_the_best_price_follows_a_cancel(desk):
    """When the only order of the best level leaves, the next level is the best."""
    desk.own("S1", 10, 101)
    desk.own("S2", 5, 103)
    desk.own("B1", 2, 99)
    desk.pull("S1")
    assert desk.tops == ["top 2 @ 99, 5 @ 103"]
    desk.pull("S2")
    assert desk.tops == ["top 2 @ 99, none"]
    assert desk.own("B2", 1, 500) == ["B2 accepted 1 @ 500"]


def test_a_top_follows_only_a_change_of_the_top(desk):
    """Changes behind the best level, and rejections, print no top."""
    desk.own("S1", 10, 101)
    assert desk.tops == ["top none, 10 @ 101"]
    desk.own("S2", 5, 102)
    assert desk.tops == []
    desk.own("S3", 5, 101)
    assert desk.tops == ["top none, 15 @ 101"]
    desk.pull("S2")
    assert desk.tops == []
    desk.own("S3", 5, 101)
    assert desk.tops == []
    desk.replace("S3", 4, 101)
    assert desk.tops == ["top none, 14 @ 101"]


def test_a_top_at_price_zero_is_a_top(desk):
    """A best price of 0 is not mistaken for an empty side."""
    desk.own("B1", 3, 0)
    assert desk.tops == ["top 3 @ 0, none"]
    desk.own("B2", 3, -1)
    desk.pull("B1")
    assert desk.tops == ["top 3 @ -1, none"]


def test_instruments_do_not_touch_each_other(desk):
    """Crossing orders of two instruments don't match."""
    desk.own("S1", 10, 101, instrument=0)
    assert desk.own("B1", 10, 101, instrument=3) == ["B1 accepted 10 @ 101"]
    assert desk.own("B1", 10, 101, instrument=2) == ["B1 rejected DUPLICATE_ID"]


# States of an instrument.


def test_a_halted_instrument_takes_no_orders(desk):
    """While it is halted, orders may only leave; the recording goes on."""
    desk.own("B1", 5, 99)
    desk.status(HALTED)
    assert desk.engine.state(0) == HALTED
    assert desk.engine.state(1) == OPEN
    assert desk.own("B2", 5, 99) == ["B2 rejected INSTRUMENT_HALTED"]
    assert desk.replace("B1", 4, 99) == ["B1 rejected INSTRUMENT_HALTED"]
    assert desk.replace("B9", 4, 99) == ["B9 rejected UNKNOWN_ORDER"]
    assert desk.add("R1", BUY, 5, 99) == ["R1 accepted 5 @ 99"]
    assert desk.pull("B1") == ["B1 cancelled 5 REQUESTED, leaves 0"]
    desk.status(OPEN)
    assert desk.own("B2", 5, 99) == ["B2 accepted 5 @ 99"]


def test_a_quoting_instrument_takes_orders_that_cannot_match(desk):
    """While it is quoting, orders enter and move as long as they meet nobody."""
    desk.own("S1", 5, 101)
    desk.status(QUOTING)
    assert desk.own("B1", 5, 100) == ["B1 accepted 5 @ 100"]
    assert desk.own("B2", 5, 101) == ["B2 rejected INSTRUMENT_HALTED"]
    assert desk.own("B2", 5, 101, **POST_ONLY) == ["B2 rejected INSTRUMENT_HALTED"]
    assert desk.own("B2", 5, **MARKET) == ["B2 rejected INSTRUMENT_HALTED"]
    assert desk.replace("B1", 5, 101) == ["B1 rejected INSTRUMENT_HALTED"]
    assert desk.replace("B1", 6, 99) == ["B1 replaced 6 @ 99"]


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


# Limits.


@pytest.mark.parametrize("price", [INT64_MIN, -1, 0, 1, INT64_MAX])
def test_no_price_is_beyond_a_ceiling(desk, price):
    """Orders at any 64-bit price rest, match and leave like others."""
    desk.own("S1", 10, price)
    assert desk.tops == [f"top none, 10 @ {price}"]
    assert f"trade 4 @ {price} S1 B1" in desk.own("B1", 4, price)
    assert desk.pull("S1") == ["S1 cancelled 6 REQUESTED, leaves 0"]
    desk.own("B1", 10, price)
    assert desk.levels(BUY) == [[price, 10, 1]]
    assert f"trade 10 @ {price} B1 S1" in desk.own("S1", 10, price)


def test_the_ends_of_the_price_range_are_in_order(desk):
    """The lowest and the highest 64-bit price don't wrap around each other."""
    desk.own("S1", 1, INT64_MAX)
    assert desk.own("B1", 2, INT64_MIN) == ["B1 accepted 2 @ " + str(INT64_MIN)]
    desk.own("B2", 3, INT64_MAX - 1)
    assert desk.levels(BUY) == [[INT64_MAX - 1, 3, 1], [INT64_MIN, 2, 1]]
    assert "trade 3 @ 9223372036854775806 B2 S2" in desk.own("S2", 4, INT64_MIN + 1)
    assert desk.levels(SELL) == [[INT64_MIN + 1, 1, 1], [INT64_MAX, 1, 1]]


@pytest.mark.parametrize("order_id", [OWN, 2**63 - 1, 2**63, 2**64 - 1])
def test_no_own_id_is_beyond_a_ceiling(desk, order_id):
    """Own ids up to 2^64 - 1 are found again."""
    desk.send(Kind.NEW_ORDER, order_id=order_id, price_ticks=5, qty_lots=3, side=BUY)
    assert desk.engine.order(order_id)["leaves_lots"] == 3
    desk.send(Kind.CANCEL_ORDER, order_id=order_id)
    assert (desk.outputs[0].kind, desk.outputs[0].order_id) == (Kind.CANCELLED, order_id)
    assert desk.engine.order(order_id) is None


def test_recorded_and_own_ids_are_apart(desk):
    """The top byte decides whose an id is, and id 0 is nobody's."""
    assert desk.add("R72057594037927935", BUY, 1, 5)[0].endswith("accepted 1 @ 5")
    for order_id in (0, OWN, 2**64 - 1):
        desk.send(Kind.FLOW_ADD, order_id=order_id, price_ticks=5, qty_lots=3, side=BUY)
        assert desk.outputs[0].reason == Reason.BAD_ID
    for order_id in (0, 1, OWN - 1):
        desk.send(Kind.NEW_ORDER, order_id=order_id, price_ticks=5, qty_lots=3, side=BUY)
        assert desk.outputs[0].reason == Reason.BAD_ID
    assert desk.engine.order(0) is None


def test_the_largest_quantity_trades(desk):
    """2^63 - 1 lots are accepted, filled and shown unchanged."""
    desk.own("S1", INT64_MAX, 101)
    assert desk.tops == [f"top none, {INT64_MAX} @ 101"]
    assert desk.own("B1", INT64_MAX, 101)[-1] == f"B1 filled {INT64_MAX} @ 101, leaves 0"
    assert len(desk.engine) == 0


@pytest.mark.parametrize("second", ["own", "replace", "add", "seed"])
def test_a_levels_total_never_overflows(desk, second):
    """What would bring a level to 2^63 lots is rejected, one lot less is not."""
    desk.add("R1", SELL, INT64_MAX - 9, 101)
    desk.own("S2", 1, 102)
    enter = {
        "own": lambda lots: desk.own("S1", lots, 101),
        "replace": lambda lots: desk.replace("S2", lots, 101),
        "add": lambda lots: desk.add("R2", SELL, lots, 101),
        "seed": lambda lots: desk.seed(SELL, lots, 101),
    }[second]
    for lots in (10, INT64_MAX):
        assert enter(lots)[0].endswith("rejected BAD_QTY")
    enter(9)
    assert desk.levels(SELL)[0] == [101, INT64_MAX, 2]


def test_a_replace_counts_what_the_order_already_has(desk):
    """The level's total is that before the replace, with the whole new quantity added."""
    desk.own("S1", 2**62, 101)
    assert desk.replace("S1", 2**62, 101) == ["S1 rejected BAD_QTY"]
    assert desk.replace("S1", 2**62 - 1, 101) == [f"S1 replaced {2**62 - 1} @ 101"]


def test_a_seeded_life_never_overflows(desk):
    """An anonymous order whose recorded life would reach 2^63 doesn't grow."""
    desk.seed(SELL, INT64_MAX, 101)
    desk.own("B1", INT64_MAX - 10, 101)
    before = desk.engine.state_hash()
    assert desk.seed(SELL, 1, 101) == ["- rejected BAD_QTY"]
    assert desk.engine.state_hash() == before


def test_fok_sums_beyond_64_bits(desk):
    """The lots that a fill-or-kill order may count exceed 2^63 over two levels."""
    desk.own("S1", INT64_MAX, 101)
    desk.own("S2", INT64_MAX, 102)
    desk.own("S3", INT64_MAX, 103)
    assert desk.own("B1", INT64_MAX, 103, **FOK)[-1] == f"B1 filled {INT64_MAX} @ 101, leaves 0"
    assert desk.own("B1", INT64_MAX, **MARKET)[-1] == f"B1 filled {INT64_MAX} @ 102, leaves 0"


def test_a_full_pool_rejects_and_recovers(new_desk):
    """Ghosts and anonymous orders count; the first order that leaves makes room."""
    desk = new_desk(orders=4)
    desk.add("R1", SELL, 5, 101)
    desk.own("B1", 5, 101)
    desk.seed(SELL, 5, 102)
    desk.own("B2", 5, 99)
    desk.own("B3", 5, 98)
    before = desk.engine.state_hash()
    assert len(desk.engine) == 4
    assert desk.own("B4", 5, 97) == ["B4 rejected POOL_FULL"]
    assert desk.own("B4", 5, **MARKET) == ["B4 rejected POOL_FULL"]
    assert desk.replace("B3", 4, 98) == ["B3 rejected POOL_FULL"]
    assert desk.add("R2", BUY, 5, 97) == ["R2 rejected POOL_FULL"]
    assert desk.seed(SELL, 5, 102) == ["- rejected POOL_FULL"]
    assert desk.engine.state_hash() == before
    desk.delete("R1")
    assert desk.replace("B3", 4, 98) == ["B3 replaced 4 @ 98"]
    assert desk.own("B4", 5, 97) == ["B4 accepted 5 @ 97"]


def test_a_pool_is_used_for_ever(new_desk):
    """No order, level or id of those that left costs room for those that come."""
    desk = new_desk(instruments=1, orders=2)
    for number in range(1, 2000):
        assert len(desk.own(f"S{number}", 2, 100 + 37 * number)) == 1
        if number % 2:
            desk.pull(f"S{number}")
        else:
            desk.own(f"B{number}", 2, **MARKET)
        assert len(desk.engine) == 0


# Malformed commands.


def rejected(desk, reason, kind, **fields):
    """The command gives one rejection, whose fields are its own, and changes nothing."""
    before = desk.engine.state_hash()
    desk.send(kind, **fields)
    (report,) = desk.outputs
    assert (report.kind, report.reason) == (Kind.REJECTED, reason)
    assert report.cause == desk.sent
    assert report.order_id == fields.get("order_id", 0)
    assert report.last_lots == fields.get("qty_lots", 0)
    assert report.side == fields.get("side", 0)
    assert report.leaves_lots == 0
    assert desk.engine.state_hash() == before


@pytest.fixture
def busy(desk):
    """A book in which a command that is wrongly carried out leaves a trace."""
    desk.own("S1", 10, 101)
    desk.own("B1", 10, 99)
    desk.add("R1", SELL, 10, 101)
    desk.add("R2", BUY, 10, 99)
    desk.seed(SELL, 10, 101)
    desk.seed(BUY, 10, 99)
    yield desk
    assert desk.levels(SELL) == [[101, 30, 3]]
    assert desk.levels(BUY) == [[99, 30, 3]]
    assert "trade 10 @ 101 S1 B9" in desk.own("B9", 20, 101)


def good(kind):
    """Fields with which a command of the kind would be carried out."""
    name = {Kind.NEW_ORDER: "B7", Kind.FLOW_ADD: "R7"}.get(kind, "R1" if kind in FLOW else "S1")
    side = BUY if kind in (Kind.NEW_ORDER, Kind.FLOW_ADD) else SELL
    price = 99 if side == BUY else 101
    return {"order_id": id_of(name), "price_ticks": price, "qty_lots": 5, "side": side}


def test_every_unknown_kind_is_rejected(busy):
    """A message that is no command, outputs and control included, is answered and ignored."""
    for kind in set(range(256)) - COMMANDS:
        rejected(busy, Reason.UNKNOWN_KIND, kind, instrument=9999, **good(kind))


def test_every_unknown_instrument_is_rejected(busy):
    """No command reaches beyond the instruments the engine has."""
    for kind in COMMANDS:
        for instrument in (4, 255, 256, 65535):
            fields = {**good(kind), "side": 77, "qty_lots": -1}
            rejected(busy, Reason.UNKNOWN_INSTRUMENT, kind, instrument=instrument, **fields)


def test_every_bad_side_is_rejected(busy):
    """Where a side is needed, only buy and sell are one."""
    for kind in {*FLOW, Kind.NEW_ORDER} - {Kind.FLOW_STATUS}:
        for side in set(range(256)) - {BUY, SELL}:
            fields = {**good(kind), "side": side, "qty_lots": 0}
            rejected(busy, Reason.BAD_SIDE, kind, **fields)


def test_every_bad_quantity_is_rejected(busy):
    """Where a quantity is needed, it is above zero."""
    without = {Kind.FLOW_DELETE, Kind.FLOW_FORGET, Kind.FLOW_STATUS}
    without |= {Kind.CANCEL_ORDER, Kind.MASS_CANCEL}
    for kind in COMMANDS - without:
        for lots in (0, -1, INT64_MIN):
            fields = {**good(kind), "qty_lots": lots, "order_id": 0, "flags": 99}
            rejected(busy, Reason.BAD_QTY, kind, **fields)


def test_every_bad_order_type_time_in_force_and_flag_is_rejected(busy):
    """An order with an unknown option is refused rather than guessed at."""
    fields = {**good(Kind.NEW_ORDER), "order_id": 0}
    for value in range(2, 256):
        options = {"order_type": value, "time_in_force": 99, "flags": 99}
        rejected(busy, Reason.BAD_ORDER_TYPE, Kind.NEW_ORDER, **fields, **options)
        options = {"flags": value, "order_type": 1, "time_in_force": 1}
        rejected(busy, Reason.BAD_FLAGS, Kind.NEW_ORDER, **fields, **options)
    for value in range(3, 256):
        options = {"time_in_force": value, "flags": 99}
        rejected(busy, Reason.BAD_TIME_IN_FORCE, Kind.NEW_ORDER, **fields, **options)
        rejected(busy, Reason.BAD_FLAGS, Kind.FLOW_STATUS, flags=value)


def test_post_only_goes_with_nothing_else(busy):
    """A post-only order that must trade at once is a contradiction."""
    for options in (MARKET, IOC, FOK, {**MARKET, **IOC}):
        rejected(busy, Reason.BAD_FLAGS, Kind.NEW_ORDER, **good(Kind.NEW_ORDER), **POST_ONLY,
                 **options)


def test_a_negative_deletion_of_the_anonymous_order_takes_nothing(busy):
    """A deletion's quantity is not checked, so it must not add lots either."""
    for lots in (0, -1, INT64_MIN):
        assert busy.delete("-", lots) == ["- cancelled 0 REQUESTED, leaves 10"]
    assert busy.engine.displaced_lots(0) == 0


def test_fields_that_a_command_does_not_use_do_not_matter(busy):
    """Cancels have no side, quantity or options, the recording no options."""
    junk = {"order_type": 200, "time_in_force": 200, "flags": 200}
    busy.own("S5", 4, 150)
    assert busy.pull("S5", lots=-1, side=99, **junk) == ["S5 cancelled 4 REQUESTED, leaves 0"]
    assert busy.add("R5", SELL, 4, 150, **junk) == ["R5 accepted 4 @ 150"]
    assert busy.about(Kind.FLOW_DELETE, "R5", lots=-1, side=BUY, **junk) == [
        "R5 cancelled 4 REQUESTED, leaves 0"
    ]
    assert len(busy.status(OPEN, side=99, qty_lots=-1, order_type=200)) == 1


# The state hash.


def fold(words):
    """The hash as docs/engine.md writes it."""
    h = 0
    for word in words:
        h = (h ^ word % 2**64) * 0x9E3779B97F4A7C15 % 2**64
        h ^= h >> 32
    return h


def test_the_hash_of_an_empty_engine(new_desk):
    """State and displaced lots of every instrument are in the hash."""
    desk = new_desk(instruments=2)
    assert desk.engine.state_hash() == fold([0, 0, 0, 0])
    desk.status(HALTED, instrument=1)
    assert desk.engine.state_hash() == fold([0, 0, HALTED, 0])


def test_the_hash_covers_every_field_of_every_order(new_desk):
    """Books in order of instrument, buys first, best first; then the ghosts of all."""
    desk = new_desk(instruments=2)
    desk.own("B1", 5, 98, account=3, **POST_ONLY)
    desk.own("B2", 6, -7, account=4)
    desk.own("B3", 7, 98, account=65535)
    desk.add("R1", SELL, 9, 101)
    desk.add("R2", SELL, 4, 102)
    desk.own("B4", 10, 102)
    desk.own("S1", 8, 200, instrument=1, account=2)
    desk.cancel("R2", 1)
    b1, b2, b3, s1 = (id_of(name) for name in ("B1", "B2", "B3", "S1"))
    assert desk.lots("R2") == (2, 3)
    assert desk.engine.state_hash() == fold([
        *(0, 0),
        *(98, b1, 5, 5, 3, 1, b3, 7, 7, 65535, 0),
        *(-7, b2, 6, 6, 4, 0),
        *(102, 2, 2, 3, 0, 0),
        *(0, 0),
        *(200, s1, 8, 8, 2, 0),
        *(1, 101, 9),
    ])


def test_the_hash_forgets_the_way(desk):
    """Two ways to the same books give the same hash."""
    empty = desk.engine.state_hash()
    desk.own("S1", 5, 101)
    one = desk.engine.state_hash()
    desk.own("S2", 5, 101)
    desk.own("B1", 5, 100)
    assert desk.engine.state_hash() not in (empty, one)
    desk.pull("S2")
    desk.pull("B1")
    assert desk.engine.state_hash() == one
    desk.pull("S1")
    assert desk.engine.state_hash() == empty
