"""What a run is, and what a process of it is to do: written by launch, read by `hft.nodes`."""

import msgspec

from hft.config import Config
from hft.feeds import Feed, FeedOptions, open_feed
from hft.instruments import Instrument

__all__ = ["Assignment", "RunSpec"]


class RunSpec(msgspec.Struct, frozen=True):
    """A run, resolved: nothing in it is looked up again.

    `speed` is recorded seconds per second, 0 for as fast as it goes; `simulated`: the engine merges
    by market time. `folder` is where its files go.
    """

    instance: str
    run_id: int
    folder: str
    config: Config
    feed: str
    instruments: list[Instrument]
    seed: int
    speed: float
    simulated: bool
    duration_ns: int | None
    log_level: str = "info"
    log_format: str = "text"  # or json

    def open_feed(self) -> Feed:
        options = FeedOptions(
            self.seed, self.duration_ns, self.config.simulator, self.config.instruments
        )
        return open_feed(self.feed, options)


class Assignment(msgspec.Struct, frozen=True):
    """What one process does: the nodes it hosts, in the order in which they are polled."""

    spec: RunSpec
    nodes: tuple[str, ...]
    core: int | None
    idle: int
    parent_pid: int
