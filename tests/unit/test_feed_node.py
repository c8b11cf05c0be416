"""The feed's stamps: when an event was due is when it entered, however late it was pushed."""

import time
from collections.abc import Iterator

import numpy as np
import pytest

from hft.core.clock import now_ns
from hft.core.control import Control
from hft.core.feed_node import FeedAgent
from hft.core.messages import COMMAND, Kind
from hft.core.ring import Ring
from tests.shared_memory import fresh_name, fresh_ring

STEP_NS = 1_000_000
EVENTS = 20
STALL_S = 0.05


@pytest.fixture
def control() -> Iterator[Control]:
    with fresh_name() as name:
        yield Control.create(name, 1)


def pushed(control: Control, ring: Ring, speed: float) -> np.ndarray:
    """What a feed pushes that is kept from its core for longer than the events last."""
    events = np.zeros(EVENTS, COMMAND)
    events["kind"] = Kind.FLOW_ADD
    events["event_ts_ns"] = 7 + np.arange(EVENTS) * STEP_NS
    agent = FeedAgent(
        control, "feed", 0, flow=ring, edge=0, chunks=[events], speed=speed, duration_ns=0
    )
    while len(ring) == 0:
        agent.step()
    time.sleep(STALL_S)
    while len(ring) < EVENTS:
        agent.step()
    return ring.take()


@pytest.mark.parametrize("speed", [1.0, 2.0])
def test_a_paced_event_enters_when_it_is_due(control: Control, speed: float) -> None:
    """The stall is in the age of each event that it held up, not only of the first after it."""
    with fresh_ring(64) as ring:
        origins = pushed(control, ring, speed)["origin_ts_ns"]
        assert (np.diff(origins) == STEP_NS / speed).all()
        assert now_ns() - origins[-1] > STALL_S * 1e9 - EVENTS * STEP_NS


def test_an_event_without_a_pace_enters_when_it_is_pushed(control: Control) -> None:
    """As fast as it goes there is no time at which it was due."""
    with fresh_ring(1024) as ring:
        before = now_ns()
        origins = pushed(control, ring, 0)["origin_ts_ns"]
        assert before <= origins.min() <= origins.max() <= now_ns()
