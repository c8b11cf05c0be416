"""The ends of every range, and full pools."""

import pytest

from hft.core.messages import Kind, Reason
from tests.reference.desk import (
    BUY,
    DECREMENT,
    FOK,
    IOC,
    MARKET,
    MARKET_TO_LIMIT,
    OPEN,
    OWN,
    PEG_ASK,
    PEG_BID,
    PEG_MID,
    REDUCE_ONLY,
    SELL,
    SLIDE,
    STOP,
    id_of,
)

INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)


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


# Sums and steps at the ends.


def test_the_middle_of_extreme_prices(desk):
    """The sum of bid and ask is beyond 64 bits, their middle isn't."""
    desk.own("B1", 5, INT64_MAX - 3)
    desk.own("S1", 5, INT64_MAX)
    assert desk.own("B2", 5, INT64_MAX, **PEG_MID) == [f"B2 accepted 5 @ {INT64_MAX - 2}"]
    desk.own("B3", 5, INT64_MIN, instrument=1)
    desk.own("S3", 5, INT64_MIN + 3, instrument=1)
    said = desk.own("S4", 5, INT64_MIN, instrument=1, **PEG_MID)
    assert said == [f"S4 accepted 5 @ {INT64_MIN + 2}"]
    desk.own("B5", 5, INT64_MIN, instrument=2)
    desk.own("S5", 5, INT64_MAX, instrument=2)
    assert desk.own("B6", 5, INT64_MAX, instrument=2, **PEG_MID) == ["B6 accepted 5 @ -1"]
    assert desk.own("S6", 5, INT64_MIN, instrument=2, **PEG_MID) == ["S6 accepted 5 @ 0"]


def test_steps_at_the_ends_of_the_range(new_desk):
    """Rounding away from the other side may leave 64 bits: then there is no price."""
    desk = new_desk(listed=0)
    step = 2**32 - 1
    desk.list_instrument(0, price_step_ticks=step)
    desk.status(OPEN)
    lowest, highest = -(2**63 // step) * step, INT64_MAX // step * step
    desk.add("R1", SELL, 5, lowest + 1)
    desk.add("R2", BUY, 5, highest - 1, instrument=0)
    assert desk.own("B1", 5, 0, **SLIDE) == [f"B1 accepted 5 @ {lowest} SLID"]
    assert desk.own("S1", 5, 0, **SLIDE) == [f"S1 accepted 5 @ {highest} SLID"]
    assert desk.own("B2", 5, INT64_MAX, **PEG_ASK) == [f"B2 accepted 5 @ {lowest}"]
    desk.send(Kind.MASS_CANCEL)
    desk.add("R3", SELL, 5, lowest)
    desk.add("R4", BUY, 5, highest)
    assert desk.own("B1", 5, 0, **SLIDE) == ["B1 rejected POST_ONLY_WOULD_MATCH"]
    assert desk.own("S1", 5, 0, **SLIDE) == ["S1 rejected POST_ONLY_WOULD_MATCH"]
    assert desk.own("B2", 5, INT64_MAX, **PEG_ASK) == ["B2 accepted 5 @ 0 PARKED"]
    assert desk.own("S2", 5, INT64_MIN, **PEG_BID) == ["S2 accepted 5 @ 0 PARKED"]


def test_a_thousand_parts_may_be_more_than_64_bits(desk):
    """The largest quantity may hide behind a part so large that a thousand are too many."""
    shown = INT64_MAX // 1000 + 1
    assert desk.own("S1", INT64_MAX, 101, display=shown) == [f"S1 accepted {INT64_MAX} @ 101"]
    assert desk.where("S1") == f"resting {shown}+{INT64_MAX - shown} @ 101"
    assert desk.own("S2", INT64_MAX, 101, display=INT64_MAX - shown) == [
        f"S2 accepted {INT64_MAX} @ 101"
    ]
    said = desk.own("B1", INT64_MAX, **MARKET, **FOK, least=INT64_MAX)
    assert said[-1].endswith("leaves 0")
    assert "FOK_UNFILLABLE" not in said[-1]


def test_what_is_hidden_sums_beyond_64_bits(desk):
    """Two icebergs at one price hold more than 2^63 lots between them."""
    shown = INT64_MAX // 1000 + 1
    for name in ("S1", "S2", "S3"):
        desk.own(name, INT64_MAX, 101, display=shown)
    assert desk.levels(SELL) == [[101, 3 * shown, 3]]
    assert desk.own("B1", INT64_MAX, 101, **FOK)[-1].endswith("leaves 0")


@pytest.mark.parametrize("account", [0, 65535])
def test_no_account_is_beyond_a_ceiling(desk, account):
    """Accounts of 16 bits have rules, positions and orders."""
    desk.rule(DECREMENT, account=account)
    desk.position(INT64_MIN, account=account)
    desk.own("S1", INT64_MAX, 101, account=account)
    assert desk.own("B1", INT64_MAX, 101, account=account)[1:] == [
        f"S1 cancelled {INT64_MAX} SELF_TRADE, leaves 0",
        f"B1 cancelled {INT64_MAX} SELF_TRADE, leaves 0",
    ]
    said = desk.own("B1", INT64_MAX, 101, account=account, **REDUCE_ONLY)
    assert said == [f"B1 accepted {INT64_MAX} @ 101"]


def test_every_live_order_takes_room(new_desk):
    """Stops and parked pegs count; what leaves on arrival needs a free slot too."""
    desk = new_desk(orders=2)
    desk.own("B1", 5, 0, **STOP, trigger=120)
    desk.own("B2", 5, 0, **PEG_BID)
    assert len(desk.engine) == 2
    for way in ({}, IOC, MARKET, PEG_BID, {**STOP, "trigger": 1}):
        assert desk.own("B3", 5, 98, **way) == ["B3 rejected POOL_FULL"]
    assert desk.pull("B2") == ["B2 cancelled 5 REQUESTED, leaves 0"]
    assert desk.own("B3", 5, 98) == ["B3 accepted 5 @ 98"]


def test_an_icebergs_next_part_leaves_its_level_below_2_63(desk):
    """What others filled its level up with since bounds what an iceberg shows next."""
    desk.own("S1", 20, 101, display=7)
    desk.own("B1", 6, 101, **IOC)
    desk.add("R1", SELL, INT64_MAX - 1, 101)
    assert desk.levels(SELL) == [[101, INT64_MAX, 2]]
    desk.own("B2", 1, 101, **IOC)
    assert desk.levels(SELL) == [[101, INT64_MAX, 2]]
    assert desk.engine.order(id_of("S1"))["leaves_lots"] == 1


def test_a_market_to_limit_order_finds_no_room_where_it_would_rest(desk):
    """In a crossed recorded book the level of the best opposite price may be full already."""
    desk.add("R1", BUY, INT64_MAX, 101)
    desk.add("R2", SELL, 5, 101)
    answers = desk.own("B1", 10, **MARKET_TO_LIMIT)
    assert answers[-1] == "B1 cancelled 5 BAD_QTY, leaves 0"
    assert desk.levels(BUY) == [[101, INT64_MAX, 1]]
