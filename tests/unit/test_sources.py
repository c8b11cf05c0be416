"""The built-in sources against their formulas, written out in Python."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hft.core.features import features_of
from hft.core.messages import BOOK_TOP_DTYPE, Kind, SignalSource
from hft.core.sources import BUILT_IN_SOURCES, signals_of

MS = 10**6


def tops_of(rows):
    tops = np.zeros(len(rows), BOOK_TOP_DTYPE)
    tops["kind"] = Kind.BOOK_TOP
    for place, row in enumerate(rows):
        fields = ("event_ts_ns", "bid_price_ticks", "bid_lots", "ask_price_ticks", "ask_lots")
        for field, value in zip(fields, row, strict=True):
            tops[field][place] = value
    return tops


def half(elapsed_ns, half_life_ms):
    return 2 ** (-elapsed_ns / (half_life_ms * MS))


def scores(tops):
    """The three scores after every message, both sides of which are there."""
    features = features_of(tops)
    mean = depth = square = 0.0
    answer = []
    for place, (top, feature) in enumerate(zip(tops, features, strict=True)):
        now_depth = (float(top["bid_lots"]) + float(top["ask_lots"])) / 2
        price = feature["microprice_ticks"]
        if place == 0:
            mean, depth = price, now_depth
        else:
            elapsed_ns = int(top["event_ts_ns"]) - int(tops["event_ts_ns"][place - 1])
            mean = price + (mean - price) * half(elapsed_ns, 500)
            away = (price - mean) ** 2
            square = away + (square - away) * half(elapsed_ns, 30_000)
            depth = now_depth + (depth - now_depth) * half(elapsed_ns, 10_000)
        flow = feature["order_flow_imbalance"] / depth
        momentum = (price - mean) / max(0.01, math.sqrt(square))
        answer.append(
            [feature["imbalance"], *(max(-4.0, min(4.0, score)) for score in (flow, momentum))]
        )
    return np.array(answer)


ROWS = st.lists(
    st.tuples(
        st.integers(0, 3000 * MS),
        st.integers(-5, 5),
        st.integers(1, 500),
        st.integers(1, 8),
        st.integers(1, 500),
    ),
    min_size=1,
    max_size=30,
)


@given(ROWS)
def test_sources_follow_their_formulas(rows):
    times = np.cumsum([elapsed for elapsed, *_ in rows])
    tops = tops_of(
        [
            (int(time), 1000 + bid, bid_lots, 1000 + bid + spread, ask_lots)
            for time, (_, bid, bid_lots, spread, ask_lots) in zip(times, rows, strict=True)
        ]
    )
    said = signals_of(tops)
    expected = scores(tops)
    assert said.shape == (len(rows), BUILT_IN_SOURCES)
    assert (said["kind"] == Kind.SIGNAL).all()
    assert said["signal_source"].tolist() == [[0, 1, 2]] * len(rows)
    assert (tops["event_ts_ns"] == said["event_ts_ns"].T).all()
    assert (said["expiry_ts_ns"] - said["event_ts_ns"] == said["horizon_ns"]).all()
    confidence = 1 / (1 + np.exp(-np.array([2.0, 0.5, 0.5]) * np.abs(expected)))
    assert said["confidence"] == pytest.approx(confidence, abs=1e-4)
    clear = np.abs(expected) > 1e-6
    assert (said["direction"][clear] == np.sign(expected)[clear]).all()
    assert (said["confidence"][expected == 0] == 0.5).all()


def test_a_book_that_leans_up_makes_all_sources_say_up():
    rows = [(0, 100, 10, 102, 10), (100 * MS, 101, 50, 102, 5), (200 * MS, 102, 80, 103, 5)]
    said = signals_of(tops_of(rows))
    assert said["direction"][-1].tolist() == [1, 1, 1]
    assert (said["confidence"][-1] > 0.6).all()
    mirrored = [(t, -ask, ask_lots, -bid, bid_lots) for t, bid, bid_lots, ask, ask_lots in rows]
    against = signals_of(tops_of(mirrored))
    assert against["direction"][-1].tolist() == [-1, -1, -1]
    assert against["confidence"][-1] == pytest.approx(said["confidence"][-1])


def test_a_price_that_stands_still_has_no_momentum():
    """However the means are rounded: what is left of a move is soon nothing."""
    rows = [(0, 100, 7, 103, 3), *((time * 7 * MS, 101, 7, 104, 3) for time in range(1, 9000))]
    said = signals_of(tops_of(rows))
    assert said["confidence"][1, SignalSource.MOMENTUM] > 0.8
    assert (said["confidence"][1000:, SignalSource.MOMENTUM] < 0.501).all()


def test_they_speak_when_the_interval_has_passed_and_both_sides_are_there():
    rows = [(time * MS, 100, 10 if time != 20 else 0, 101, 10) for time in range(0, 60, 5)]
    said = signals_of(tops_of(rows), 10 * MS)
    times = (said["event_ts_ns"][:, 0] // MS).tolist()
    assert times == [0, 10, 25, 35, 45, 55]
    assert all(later - earlier >= 10 for earlier, later in pairwise(times))


def test_no_messages_no_signals():
    assert signals_of(tops_of([])).shape == (0, BUILT_IN_SOURCES)


def test_sources_are_numbered_as_the_messages_say():
    assert [SignalSource(number).name for number in range(BUILT_IN_SOURCES)] == [
        "BOOK_IMBALANCE",
        "ORDER_FLOW_IMBALANCE",
        "MOMENTUM",
    ]
