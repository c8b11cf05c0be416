"""Post-only orders that slide: moved to the next price at which they don't match."""

import pytest

from tests.reference.desk import BUY, DAY, FOK, GTD, IOC, SELL, SLIDE, id_of

INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)


def test_one_that_would_match_slides(desk):
    """One tick from the best price of the other side, however far it would have reached."""
    desk.own("S1", 5, 101)
    desk.own("S2", 5, 103)
    assert desk.own("B1", 5, 110, **SLIDE) == ["B1 accepted 5 @ 100 SLID"]
    assert desk.own("S3", 5, 1, **SLIDE) == ["S3 accepted 5 @ 101 SLID"]
    assert desk.levels(BUY) == [[100, 5, 1]]
    assert desk.levels(SELL) == [[101, 10, 2], [103, 5, 1]]


@pytest.mark.parametrize("way", [{}, DAY, {**GTD, "expiry": 9}])
def test_one_that_would_not_match_stays(desk, way):
    """Its price is its own."""
    desk.own("S1", 5, 101)
    assert desk.own("B1", 5, 100, **SLIDE, **way) == ["B1 accepted 5 @ 100"]
    assert not desk.engine.order(id_of("B1"))["post_only"]


@pytest.mark.parametrize("way", [IOC, FOK])
def test_it_must_rest(desk, way):
    """Sliding and being immediate is a contradiction."""
    assert desk.own("B1", 5, 100, **SLIDE, **way) == ["B1 rejected BAD_FLAGS"]


def test_the_end_of_the_range_gives_no_price(desk):
    """Below the least price there is none."""
    desk.own("S1", 5, INT64_MIN)
    assert desk.own("B1", 5, 0, **SLIDE) == ["B1 rejected POST_ONLY_WOULD_MATCH"]
    desk.pull("S1")
    desk.own("B2", 5, INT64_MAX)
    assert desk.own("S2", 5, 0, **SLIDE) == ["S2 rejected POST_ONLY_WOULD_MATCH"]
    desk.pull("B2")
    desk.own("B2", 5, INT64_MAX - 1)
    assert desk.own("S2", 5, 0, **SLIDE) == [f"S2 accepted 5 @ {INT64_MAX} SLID"]


def test_it_is_held_against_the_level_it_slides_to(desk):
    """That level must have room, not the one of its own price."""
    desk.own("S1", 5, 101)
    desk.own("B1", INT64_MAX - 4, 100)
    assert desk.own("B2", 5, 105, **SLIDE) == ["B2 rejected BAD_QTY"]
    assert desk.own("B2", 4, 105, **SLIDE) == ["B2 accepted 4 @ 100 SLID"]


# Replaces.


def test_it_slides_again(desk):
    """Where its new price would match, REPLACED says where it went."""
    desk.own("B1", 5, 98, **SLIDE)
    desk.own("S1", 5, 101)
    assert desk.replace("B1", 5, 105) == ["B1 replaced 5 @ 100 SLID"]
    desk.pull("S1")
    assert desk.replace("B1", 5, 105) == ["B1 replaced 5 @ 105"]


def test_one_that_slides_to_where_it_is_keeps_its_place(desk):
    """Its place is asked for with the price that it slides to."""
    desk.own("S1", 5, 101)
    desk.own("B1", 5, 105, **SLIDE)
    desk.own("B2", 5, 100)
    assert desk.replace("B1", 4, 103) == ["B1 replaced 4 @ 100 SLID"]
    assert desk.resting() == ["B1", "B2", "S1"]
    assert desk.replace("B1", 5, 103) == ["B1 replaced 5 @ 100 SLID"]
    assert desk.resting() == ["B2", "B1", "S1"]


def test_one_that_finds_no_price_stays_as_it_was(desk):
    """The refusal changes nothing."""
    desk.own("B1", 5, INT64_MIN, **SLIDE)
    desk.own("S1", 5, INT64_MIN + 1)
    assert desk.replace("B1", 9, 0) == [f"B1 replaced 9 @ {INT64_MIN} SLID"]
    desk.pull("B1")
    desk.own("S2", 5, INT64_MIN)
    assert desk.own("B2", 5, 0, **SLIDE) == ["B2 rejected POST_ONLY_WOULD_MATCH"]
