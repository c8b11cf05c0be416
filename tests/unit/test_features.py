"""Features of the best bid and ask, worked out by hand from the formulas in ext/features.pxd."""

import math

import numpy as np
import pytest

from hft.core.features import features_of
from hft.core.messages import BOOK_TOP_DTYPE

SECOND_NS = 10**9


def tops(*rows):
    """BOOK_TOPs from rows of bid, bid lots, ask, ask lots and perhaps time in ns."""
    array = np.zeros(len(rows), BOOK_TOP_DTYPE)
    for record, row in zip(array, rows, strict=True):
        record["bid_price_ticks"], record["bid_lots"] = row[:2]
        record["ask_price_ticks"], record["ask_lots"] = row[2:4]
        record["event_ts_ns"] = row[4] if len(row) > 4 else 0
    return array


def flow(*rows):
    return features_of(tops(*rows))["order_flow_imbalance"].tolist()


def test_spread_imbalance_and_microprice():
    """(30 - 10) / 40; the price leans to the side where less is quoted."""
    (features,) = features_of(tops((100, 30, 104, 10)))
    assert features["spread_ticks"] == 4
    assert features["imbalance"] == 0.5
    assert features["microprice_ticks"] == (104 * 30 + 100 * 10) / 40 == 103
    assert features["order_flow_imbalance"] == 0
    assert features["valid"]


@pytest.mark.parametrize(("bid", "ask", "expected"), [(10, 10, 0), (1, 0, 1), (0, 1, -1)])
def test_imbalance_goes_from_minus_one_to_one(bid, ask, expected):
    """Its limits, with a million to one lots for what can't be all to nothing."""
    lots = [side * 10**6 or 1 for side in (bid, ask)]
    (features,) = features_of(tops((100, lots[0], 101, lots[1])))
    assert features["imbalance"] == pytest.approx(expected, abs=1e-5)


def test_prices_may_be_negative():
    (features,) = features_of(tops((-104, 10, -100, 30)))
    assert features["spread_ticks"] == 4
    assert features["microprice_ticks"] == (-100 * 10 - 104 * 30) / 40


# The event's flow: [b >= b'] q_b - [b <= b'] q_b' - [a <= a'] q_a + [a >= a'] q_a'.
@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ((100, 10, 110, 20), 0),  # nothing changed: 10 - 10 - 20 + 20
        ((100, 17, 110, 20), 7),  # bid grew
        ((100, 4, 110, 20), -6),  # bid shrank
        ((100, 10, 110, 25), -5),  # ask grew
        ((100, 10, 110, 12), 8),  # ask shrank
        ((101, 3, 110, 20), 3),  # a better bid: all its lots are new
        ((99, 50, 110, 20), -10),  # the bid left: its lots are gone
        ((100, 10, 109, 6), -6),  # a better ask
        ((100, 10, 111, 60), 20),  # the ask left
        ((101, 3, 111, 60), 23),  # up on both sides
        ((99, 50, 109, 6), -16),  # down on both sides
    ],
)
def test_order_flow_of_one_event(after, expected):
    """All lots of a price that came count, and all of one that went."""
    assert flow((100, 10, 110, 20), after) == [0, expected]


def test_order_flow_adds_up_and_halves_every_second():
    """What was before counts half after a second of market time, a quarter after two."""
    rows = [(100, 10, 110, 20, 0), (100, 18, 110, 20, 0), (100, 20, 110, 20, SECOND_NS)]
    assert flow(*rows) == [0, 8, 4 + 2]
    assert flow(*rows, (100, 20, 110, 20, 3 * SECOND_NS))[-1] == 6 / 4
    half = flow(*rows, (100, 20, 110, 20, SECOND_NS + SECOND_NS // 2))[-1]
    assert half == pytest.approx(6 / math.sqrt(2))


@pytest.mark.parametrize("empty", [(0, 0, 110, 20, 5), (100, 10, 0, 0, 5), (0, 0, 0, 0, 5)])
def test_an_empty_side_leaves_the_features_as_they_were(empty):
    """They are then not valid, and the next event has no state before it."""
    first = (100, 10, 110, 20, 0)
    before, during, after = features_of(tops(first, empty, (100, 99, 110, 20, 0)))
    assert not during["valid"]
    assert during.tolist()[:-1] == before.tolist()[:-1]
    assert after["valid"]
    assert after["order_flow_imbalance"] == 0


def test_no_messages_give_no_features():
    assert len(features_of(tops())) == 0


def test_random_books_follow_the_formulas():
    """Against the formulas in plain Python, over thousands of random tops."""
    rng = np.random.default_rng(1)
    bids = 100 + rng.integers(-3, 4, 3000)
    array = tops(
        *zip(
            bids.tolist(),
            rng.integers(0, 20, 3000).tolist(),
            (bids + rng.integers(1, 4, 3000)).tolist(),
            rng.integers(0, 20, 3000).tolist(),
            np.cumsum(rng.integers(0, SECOND_NS // 4, 3000)).tolist(),
            strict=True,
        )
    )
    before, total, since = None, 0.0, 0
    names = ("bid_price_ticks", "bid_lots", "ask_price_ticks", "ask_lots", "event_ts_ns")
    for top, features in zip(array[list(names)].tolist(), features_of(array), strict=True):
        b, qb, a, qa, now = top
        assert features["valid"] == (qb > 0 and qa > 0)
        if not features["valid"]:
            before = None
            continue
        total *= 2 ** -((now - since) / SECOND_NS)
        since = now
        if before:
            b0, qb0, a0, qa0 = before
            total += (b >= b0) * qb - (b <= b0) * qb0 - (a <= a0) * qa + (a >= a0) * qa0
        before = top[:4]
        assert features["spread_ticks"] == a - b
        assert features["imbalance"] == pytest.approx((qb - qa) / (qb + qa))
        assert features["microprice_ticks"] == pytest.approx((a * qb + b * qa) / (qb + qa))
        assert features["order_flow_imbalance"] == pytest.approx(total)
