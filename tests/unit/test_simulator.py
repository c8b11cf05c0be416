"""The simulated market is repeatable, legal, and looks like a market."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from hft.core import MatchingEngine
from hft.core.messages import MESSAGE, Kind, Side
from hft.core.simulator import Simulator

MID = 10_000
START_TS_NS = 34_200 * 10**9
DEFAULTS = {
    "mid_ticks": MID,
    "spread_ticks": 2.0,
    "volatility_ticks": 3.0,
    "events_per_second": 2000.0,
    "depth_ticks": 8.0,
    "resting_orders": 2000,
    "order_lots": 50.0,
    "start_ts_ns": START_TS_NS,
    "seed": 1,
}


def flow(count: int, **changed: Any) -> Any:
    """At least so many commands, in chunks as the feed takes them."""
    simulator = Simulator(**{**DEFAULTS, **changed})
    chunks, found = [], 0
    while found < count:
        chunks.append(simulator.chunk(1024))
        found += len(chunks[-1])
    return np.concatenate(chunks)


def arrivals_s(commands: Any) -> Any:
    """Times of the events after the opening: what one event does has one time."""
    times_ns = np.unique(commands["event_ts_ns"])[1:]
    return (times_ns - START_TS_NS) / 1e9


@dataclass
class Book:
    """The levels of both sides, as the messages say they are."""

    levels: dict[int, dict[int, int]]

    def take(self, row: Any) -> None:
        side = self.levels[int(row["side"])]
        price, lots = int(row["price_ticks"]), int(row["qty_lots"])
        side[price] = side.get(price, 0) + (lots if row["kind"] == Kind.FLOW_ADD else -lots)
        if side[price] == 0:
            del side[price]

    @property
    def best(self) -> tuple[int, int]:
        return max(self.levels[Side.BUY]), min(self.levels[Side.SELL])


def books(commands: Any, every: int) -> Any:
    """The book after every so many commands, from the opening on; the same object each time."""
    book = Book({Side.BUY: {}, Side.SELL: {}})
    for place, row in enumerate(commands):
        book.take(row)
        if row["event_ts_ns"] > START_TS_NS and place % every == 0:
            yield book


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Everything that is drawn comes from the seed."""
    first = flow(20_000, seed=5)
    assert first.tobytes() == flow(20_000, seed=5).tobytes()
    assert first.tobytes() != flow(20_000, seed=6).tobytes()


@pytest.mark.parametrize("chunk", [1, 7, 5000])
def test_chunks_don_t_matter(chunk: int) -> None:
    """However the flow is asked for, it is the same."""
    simulator, found = Simulator(**DEFAULTS), []
    while sum(map(len, found)) < 5000:
        found.append(simulator.chunk(chunk))
    assert np.concatenate(found)[:5000].tobytes() == flow(5000)[:5000].tobytes()


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"volatility_ticks": 100.0},
        {"resting_orders": 10, "volatility_ticks": 30.0},
        {"depth_ticks": 0.5, "spread_ticks": 0.1},
        {"order_lots": 1.0},
    ],
)
def test_every_message_is_accepted(changed: dict[str, Any]) -> None:
    """The flow is what a venue could have said: a fresh engine follows it without an objection."""
    commands = flow(50_000, **changed)
    assert (np.diff(commands["event_ts_ns"]) >= 0).all()
    engine = MatchingEngine(instruments=1, orders=1 << 16)
    messages = np.zeros(len(commands), MESSAGE)
    messages[:] = commands.view(MESSAGE)
    engine.process_all(messages)
    counts = engine.counts()
    assert counts["commands"] == len(commands)
    assert (counts["rejected"], counts["trades"] > 0) == (0, True)


def test_the_book_is_never_crossed() -> None:
    """Bids stay below asks after each message but within an event, and no level goes negative."""
    commands = flow(30_000)
    book = Book({Side.BUY: {}, Side.SELL: {}})
    for place, row in enumerate(commands):
        book.take(row)
        last_of_event = place + 1 == len(commands) or (
            commands["event_ts_ns"][place + 1] > row["event_ts_ns"]
        )
        if row["event_ts_ns"] > START_TS_NS:
            bid, ask = book.best
            assert bid < ask or not last_of_event
    assert all(lots > 0 for side in book.levels.values() for lots in side.values())


@pytest.mark.parametrize("rate", [200.0, 2000.0, 50_000.0])
def test_the_mean_rate_is_what_was_asked_for(rate: float) -> None:
    """Clustering moves events, it makes no more of them."""
    times_s = arrivals_s(flow(200_000, events_per_second=rate))
    assert len(times_s) / times_s[-1] == pytest.approx(rate, rel=0.1)


def test_arrivals_cluster() -> None:
    """Events excite others: the ratio would be 1 for independent arrivals."""
    times_s = arrivals_s(flow(200_000))
    counts = np.bincount((times_s / 0.1).astype(int))[:-1]
    assert counts.var() / counts.mean() > 1.5


def test_depth_decays_away_from_the_touch() -> None:
    """Most quantity rests near the best prices."""
    total = np.zeros(40)
    for book in books(flow(100_000), every=200):
        bid, ask = book.best
        for distance in range(len(total)):
            total[distance] += book.levels[Side.BUY].get(bid - distance, 0)
            total[distance] += book.levels[Side.SELL].get(ask + distance, 0)
    near, middle, far = total[2:10].sum(), total[12:20].sum(), total[22:30].sum()
    assert near > 1.5 * middle > 1.5 * 1.5 * far > 0


def mean_spread(**changed: Any) -> float:
    spreads = [book.best[1] - book.best[0] for book in books(flow(40_000, **changed), every=50)]
    return float(np.mean(spreads))


def test_the_spread_follows_its_parameter() -> None:
    """A wider spread is asked for, a wider one is seen."""
    narrow, wide, wider = (mean_spread(spread_ticks=ticks) for ticks in (1.0, 10.0, 30.0))
    assert narrow < wide < wider
    assert wider == pytest.approx(30, rel=0.5)


def move_per_second(volatility_ticks: float) -> float:
    """Root mean square of the mid's moves over a second."""
    commands = flow(120_000, volatility_ticks=volatility_ticks)
    book, mids, second = Book({Side.BUY: {}, Side.SELL: {}}), [], START_TS_NS
    for row in commands:
        if row["event_ts_ns"] > second + 10**9:
            mids.append(sum(book.best) / 2)
            second += 10**9
        book.take(row)
    return float(np.sqrt(np.mean(np.diff(mids) ** 2)))


def test_the_mid_follows_the_volatility() -> None:
    """The hidden price pulls the book along."""
    calm, wild = move_per_second(1.0), move_per_second(20.0)
    assert calm < 4
    assert wild == pytest.approx(20, rel=0.5)
