"""Icebergs: what they show, what they hide, and where the next part joins."""

import pytest

from tests.reference.desk import BUY, FOK, IOC, MARKET, POST_ONLY, SELL, SLIDE, id_of


def test_only_what_it_shows_is_in_the_level(desk):
    """The hidden rest is in no total; what is left is told whole."""
    assert desk.own("S1", 20, 101, display=6) == ["S1 accepted 20 @ 101"]
    assert desk.levels(SELL) == [[101, 6, 1]]
    assert desk.tops == ["top none, 6 @ 101"]
    assert desk.where("S1") == "resting 6+14 @ 101"
    assert desk.lots("S1") == (6, 6)


def test_the_next_part_joins_the_back(desk):
    """A taker meets the others at the price before the iceberg's next part."""
    desk.own("S1", 20, 101, display=6)
    desk.own("S2", 5, 101)
    assert desk.own("B1", 13, 101) == [
        "B1 accepted 13 @ 101",
        "trade 6 @ 101 S1 B1",
        "S1 filled 6 @ 101, leaves 14",
        "B1 filled 6 @ 101, leaves 7",
        "trade 5 @ 101 S2 B1",
        "S2 filled 5 @ 101, leaves 0",
        "B1 filled 5 @ 101, leaves 2",
        "trade 2 @ 101 S1 B1",
        "S1 filled 2 @ 101, leaves 12",
        "B1 filled 2 @ 101, leaves 0",
    ]
    assert desk.where("S1") == "resting 4+8 @ 101"


def test_a_part_that_is_not_used_up_keeps_its_place(desk):
    """Only a part that has traded whole goes to the back."""
    desk.own("S1", 20, 101, display=6)
    desk.own("S2", 5, 101)
    desk.own("B1", 5, 101)
    assert "trade 1 @ 101 S1 B2" in desk.own("B2", 1, 101)
    assert desk.where("S1") == "resting 6+8 @ 101"
    assert desk.resting() == ["S2", "S1"]


def test_the_last_part_is_what_is_left(desk):
    """A last part smaller than the others is shown as it is, then the order is done."""
    desk.own("S1", 10, 101, display=6)
    desk.own("B1", 6, 101)
    assert desk.where("S1") == "resting 4 @ 101"
    assert desk.own("B1", 4, 101)[2] == "S1 filled 4 @ 101, leaves 0"
    assert len(desk.engine) == 0


def test_an_iceberg_alone_fills_part_by_part(desk):
    """Each part is a trade of its own."""
    desk.own("S1", 5, 101, display=2)
    trades = [line for line in desk.own("B1", 5, **MARKET) if line.startswith("trade")]
    assert trades == ["trade 2 @ 101 S1 B1", "trade 2 @ 101 S1 B1", "trade 1 @ 101 S1 B1"]


def test_it_arrives_with_its_whole_quantity(desk):
    """As a taker an iceberg hides nothing; what is left of it shows a part."""
    desk.own("S1", 8, 101)
    assert desk.own("B1", 20, 101, display=5)[1:] == [
        "trade 8 @ 101 S1 B1",
        "S1 filled 8 @ 101, leaves 0",
        "B1 filled 8 @ 101, leaves 12",
    ]
    assert desk.where("B1") == "resting 5+7 @ 101"


def test_what_is_left_on_arrival_may_be_less_than_a_part(desk):
    """It shows what there is."""
    desk.own("S1", 17, 101)
    desk.own("B1", 20, 101, display=5)
    assert desk.where("B1") == "resting 3 @ 101"


@pytest.mark.parametrize("display", [20, 21, 10**12])
def test_a_display_of_the_whole_hides_nothing(desk, display):
    """Such an order is like any other, and a larger replace shows all of it."""
    desk.own("S1", 20, 101, display=display)
    assert desk.where("S1") == "resting 20 @ 101"
    desk.replace("S1", 40, 101)
    assert desk.where("S1") == "resting 40 @ 101"


def test_a_cancel_takes_the_hidden_quantity_too(desk):
    """One report for all of it."""
    desk.own("S1", 20, 101, display=6)
    assert desk.pull("S1") == ["S1 cancelled 20 REQUESTED, leaves 0"]
    assert desk.levels(SELL) == []


# Replaces.


def test_a_smaller_replace_hides_less_first(desk):
    """What it shows stays, with its place, as long as there is something hidden."""
    desk.own("S1", 20, 101, display=6)
    desk.own("S2", 5, 101)
    assert desk.replace("S1", 9, 101) == ["S1 replaced 9 @ 101"]
    assert desk.where("S1") == "resting 6+3 @ 101"
    assert desk.tops == []
    desk.replace("S1", 4, 101)
    assert desk.where("S1") == "resting 4 @ 101"
    assert desk.resting() == ["S1", "S2"]


def test_a_replace_compares_with_shown_and_hidden(desk):
    """As many lots as are left of all keep the place; one more loses it."""
    desk.own("S1", 20, 101, display=6)
    desk.own("S2", 5, 101)
    desk.own("B1", 4, 101)
    desk.replace("S1", 16, 101)
    assert desk.where("S1") == "resting 2+14 @ 101"
    assert desk.resting() == ["S1", "S2"]
    desk.replace("S1", 17, 101)
    assert desk.where("S1") == "resting 6+11 @ 101"
    assert desk.resting() == ["S2", "S1"]


def test_a_replaced_price_shows_a_new_part(desk):
    """An iceberg that enters again shows as much as a new one, and stays an iceberg."""
    desk.own("S1", 20, 101, display=6)
    desk.own("B1", 4, 101)
    desk.replace("S1", 5, 102)
    assert desk.where("S1") == "resting 5 @ 102"
    desk.replace("S1", 10, 103)
    assert desk.where("S1") == "resting 6+4 @ 103"


# Who meets them.


def test_fok_and_minimum_count_what_is_hidden(desk):
    """What an iceberg hides can be filled at once too."""
    desk.own("S1", 20, 101, display=6)
    unfillable = desk.own("B1", 21, 101, **FOK)
    assert unfillable[-1] == "B1 cancelled 21 FOK_UNFILLABLE, leaves 0"
    assert desk.own("B1", 18, 101, **IOC, least=19)[0] == "B1 rejected BAD_OPTIONS"
    assert desk.own("B1", 18, 101, **FOK)[-1] == "B1 filled 6 @ 101, leaves 0"


def test_a_recorded_order_meets_all_parts(desk):
    """A recorded arrival trades with one part after the other."""
    desk.own("B1", 7, 101, display=3)
    trades = [line for line in desk.add("R1", SELL, 9, 100) if line.startswith("trade")]
    assert trades == ["trade 3 @ 101 B1 R1", "trade 3 @ 101 B1 R1", "trade 1 @ 101 B1 R1"]
    assert desk.lots("R1") == (2, 9)


def test_the_next_part_is_behind_the_executed_order(desk):
    """An execution meets what an iceberg shows ahead of its order, the next part waits behind."""
    desk.own("S1", 20, 101, display=6)
    desk.add("R1", SELL, 10, 101)
    assert desk.execute("R1", 10) == [
        "trade 6 @ 101 S1 -",
        "S1 filled 6 @ 101, leaves 14",
        "trade 4 @ 101 R1 -",
        "R1 filled 4 @ 101, leaves 6",
        "R1 cancelled 6 RECORDED_LIFE_ENDED, leaves 0",
    ]
    assert desk.where("S1") == "resting 6+8 @ 101"


def test_at_a_better_price_all_parts_are_ahead(desk):
    """An execution meets every part at better prices, hidden trades do at the price too."""
    desk.own("S1", 7, 100, display=3)
    desk.add("R1", SELL, 10, 101)
    trades = [line for line in desk.execute("R1", 8) if line.startswith("trade")]
    parts = ["trade 3 @ 100 S1 -", "trade 3 @ 100 S1 -", "trade 1 @ 100 S1 -"]
    assert trades == [*parts, "trade 1 @ 101 R1 -"]
    desk.own("S1", 7, 101, display=3)
    trades = [line for line in desk.hidden(SELL, 8, 101) if line.startswith("trade")]
    parts = ["trade 3 @ 101 S1 -", "trade 3 @ 101 S1 -", "trade 1 @ 101 S1 -"]
    assert trades == [*parts, "trade 1 @ 101 - - hidden"]


def test_a_level_holds_only_what_is_shown(desk):
    """A level's total has room for what an iceberg shows, however much it hides."""
    desk.add("R1", SELL, 2**63 - 8, 101)
    assert desk.own("S1", 2**62, 101, display=2**53) == ["S1 rejected BAD_QTY"]
    assert desk.own("S1", 5000, 101, display=8) == ["S1 rejected BAD_QTY"]
    assert desk.own("S1", 5000, 101, display=7) == ["S1 accepted 5000 @ 101"]
    assert desk.levels(SELL) == [[101, 2**63 - 1, 2]]


@pytest.mark.parametrize("flags", [POST_ONLY, SLIDE])
def test_a_passive_iceberg(desk, flags):
    """Post-only and iceberg go together."""
    desk.own("S1", 5, 102)
    desk.own("B1", 9, 101, display=2, **flags)
    assert desk.where("B1") == "resting 2+7 @ 101"
    assert desk.levels(BUY) == [[101, 2, 1]]
    assert desk.engine.order(id_of("B1"))["post_only"] == (flags == POST_ONLY)
