"""A long synthetic stream as a feed: `--feed bench/stream_feed.py:instruments=10,events=50000000`.

A block of the simulated market is made once, kept in build/bench-cache, and told again and again
with its times moved on, so that telling it costs little beside what is measured. Before a block
begins anew, what still rests is deleted: the same order ids serve again. The book that a block
begins with, and those deletions, come at the pace of all else: no instant has a burst of them.
"""

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np

from hft.core.messages import COMMAND, Kind, Source
from hft.core.simulator import Simulator
from hft.errors import FeedError
from hft.feeds import Feed, FeedOptions
from hft.feeds.base import Commands
from hft.instruments import Instrument

CACHE = Path(__file__).resolve().parents[1] / "build/bench-cache"
VERSION = 2  # of the blocks' making
BLOCK_EVENTS = 2_000_000
CHUNK_COMMANDS = 8192
RATE_PER_S = 1000.0  # of market time, per instrument
RESTING = 8_000  # orders in all books
LEAST_RESTING = 20
MID_TICKS = 10_000
START_TS_NS = 34_200 * 10**9
ID_BITS = 32  # of an instrument's own numbers
GAP_NS = round(1e9 / RATE_PER_S)
BREAK_NS = 1_000_000  # between two blocks


def flow_of(instrument: int, instruments: int) -> Commands:
    """One instrument's share of a block, from an empty book to an empty book."""
    simulator = Simulator(
        mid_ticks=MID_TICKS,
        spread_ticks=2.0,
        volatility_ticks=1.0,
        events_per_second=RATE_PER_S,
        depth_ticks=8.0,
        resting_orders=max(LEAST_RESTING, RESTING // instruments),
        order_lots=20.0,
        start_ts_ns=START_TS_NS,
        seed=1 + instrument,
    )
    flow = simulator.chunk(BLOCK_EVENTS // instruments)
    opening = int(np.searchsorted(flow["event_ts_ns"], START_TS_NS, "right"))  # all at once
    flow["event_ts_ns"] += opening * GAP_NS
    # Each instrument has its own place between two of another's.
    first_ts_ns = START_TS_NS + instrument * GAP_NS // instruments
    flow["event_ts_ns"][:opening] = first_ts_ns + GAP_NS * np.arange(opening)
    flow["instrument"] = instrument
    flow["order_id"] |= instrument << ID_BITS
    return np.concatenate([flow, ending(flow)])


def ending(flow: Commands) -> Commands:
    """Deletions of what rests after a flow."""
    adds = flow["kind"] == Kind.FLOW_ADD
    ids, place = np.unique(flow["order_id"], return_inverse=True)
    left = np.zeros(len(ids), np.int64)
    np.add.at(left, place, np.where(adds, 1, -1) * flow["qty_lots"])
    deletions = flow[adds][left[place[adds]] > 0].copy()
    deletions["kind"] = Kind.FLOW_DELETE
    deletions["qty_lots"] = left[np.searchsorted(ids, deletions["order_id"])]
    deletions["event_ts_ns"] = flow["event_ts_ns"][-1] + GAP_NS * np.arange(1, len(deletions) + 1)
    return deletions


def block(instruments: int) -> Commands:
    """The block of so many instruments; made if it was not yet."""
    path = CACHE / f"stream-{VERSION}-{instruments}.npy"
    if not path.exists():
        flows = np.concatenate([flow_of(each, instruments) for each in range(instruments)])
        made = flows[np.argsort(flows["event_ts_ns"], kind="stable")]
        made["source"] = Source.SOURCE_RECORDED
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        with open(partial, "wb") as file:
            np.save(file, made.view(np.uint64))
        partial.rename(path)
    return np.load(path).view(COMMAND)


def lasts_ns(told: Commands) -> int:
    """Market time from the beginning of a block to that of the next."""
    return int(told["event_ts_ns"][-1]) - START_TS_NS + BREAK_NS


class StreamFeed(Feed):
    """Arguments: instruments=N (default 1), events=N (default: one block)."""

    def __init__(self, argument: str, options: FeedOptions) -> None:
        given = {"instruments": 1, "events": BLOCK_EVENTS}
        for part in filter(None, argument.split(",")):
            name, _, value = part.partition("=")
            if name not in given or not value.isdigit() or int(value) == 0:
                raise FeedError(
                    "must be instruments=N,events=N, both optional", field="feed", value=argument
                )
            given[name] = int(value)
        self.count, self.events = given["instruments"], given["events"]
        self.name = f"synthetic stream, {self.events:,} events, {self.count} instruments"
        self.instruments = [
            Instrument("SYN", f"S{each}", Decimal("0.01"), Decimal(1)) for each in range(self.count)
        ]

    def chunks(self) -> Iterator[Commands]:
        told = block(self.count)
        moved_ns = sent = 0
        while sent < self.events:
            for first in range(0, min(len(told), self.events - sent), CHUNK_COMMANDS):
                end = min(first + CHUNK_COMMANDS, len(told), first + self.events - sent)
                chunk = told[first:end].view(np.uint64).copy().view(COMMAND)  # not field by field
                chunk["event_ts_ns"] += moved_ns
                sent += len(chunk)
                yield chunk
            moved_ns += lasts_ns(told)
