"""What own orders do: docs/engine.md, rule by rule, with answers worked out by hand."""

from hft.core.messages import Kind
from tests.reference.desk import (
    BUY,
    FOK,
    HALTED,
    IOC,
    MARKET,
    OPEN,
    POST_ONLY,
    PRE_OPEN,
    SELL,
    id_of,
)

INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)


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
    desk.status(PRE_OPEN)
    assert desk.own("B1", 5, 100) == ["B1 accepted 5 @ 100"]
    assert desk.own("B2", 5, 101) == ["B2 rejected INSTRUMENT_HALTED"]
    assert desk.own("B2", 5, 101, **POST_ONLY) == ["B2 rejected INSTRUMENT_HALTED"]
    assert desk.own("B2", 5, **MARKET) == ["B2 rejected INSTRUMENT_HALTED"]
    assert desk.replace("B1", 5, 101) == ["B1 rejected INSTRUMENT_HALTED"]
    assert desk.replace("B1", 6, 99) == ["B1 replaced 6 @ 99"]
