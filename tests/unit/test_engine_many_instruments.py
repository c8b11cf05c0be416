"""What one command does on instruments far from each other."""

import numpy as np

from hft import commands as c
from hft.core import MatchingEngine
from hft.core.messages import Kind, Side, TimeInForce, order_id

FAR_APART = [0, 63, 64, 1000, 65535]


def engine_with(**terms: int) -> MatchingEngine:
    """An order of account 3 on each of the instruments."""
    engine = MatchingEngine(instruments=65536, orders=100)
    orders = [
        c.order(order_id(1, n + 1), Side.BUY, 5, 100, instrument=n, account=3, **terms)
        for n in FAR_APART
    ]
    engine.process_all(np.concatenate(orders))
    return engine


def instruments_of(answers: np.ndarray, kind: Kind) -> list[int]:
    return answers["instrument"][answers["kind"] == kind].tolist()


def test_an_expiry_tells_the_best_prices_of_each_instrument_in_order():
    """All that expired, then every top, instruments ascending."""
    engine = engine_with(time_in_force=TimeInForce.GTD, expiry_ts_ns=50)
    answers = engine.process_all(c.advance_time(50))
    assert instruments_of(answers, Kind.CANCELLED) == FAR_APART
    assert instruments_of(answers, Kind.BOOK_TOP) == FAR_APART
    assert len(engine) == engine.check() == 0


def test_a_mass_cancel_tells_the_best_prices_of_each_instrument_in_order():
    engine = engine_with()
    answers = engine.process_all(c.mass_cancel(3))
    assert instruments_of(answers, Kind.CANCELLED) == FAR_APART
    assert instruments_of(answers, Kind.BOOK_TOP) == FAR_APART
    # What was touched is forgotten: the next command is about its own instrument alone.
    answers = engine.process_all(c.order(order_id(1, 1), Side.BUY, 5, 100, instrument=7))
    assert instruments_of(answers, Kind.BOOK_TOP) == [7]
