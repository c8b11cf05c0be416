"""sim: the built-in market. An endless flow of one instrument, the same for the same seed."""

from collections.abc import Iterator

from hft.core.simulator import Simulator
from hft.errors import FeedError
from hft.feeds.base import Commands, Feed, FeedOptions
from hft.instruments import Instrument

__all__ = ["SimulatedFeed"]

CHUNK_COMMANDS = 1024
START_TS_NS = 34_200 * 10**9  # half past nine


class SimulatedFeed(Feed):
    """`sim`; its market is the configuration's `simulator` table."""

    knows_grids = True

    def __init__(self, argument: str, options: FeedOptions) -> None:
        if argument:
            raise FeedError("takes nothing after 'sim'", field="feed", value=f"sim:{argument}")
        market = options.simulator
        self.options = options
        self.name = f"sim, seed {options.seed}"
        self.instruments = [Instrument("SIM", "TEST", market.tick_size, market.lot_size)]
        self.mid_ticks = self.instruments[0].price_to_ticks(market.price)

    def chunks(self) -> Iterator[Commands]:
        market = self.options.simulator
        simulator = Simulator(
            mid_ticks=self.mid_ticks,
            spread_ticks=market.spread_ticks,
            volatility_ticks=market.volatility_ticks,
            events_per_second=market.events_per_second,
            depth_ticks=market.depth_ticks,
            resting_orders=market.resting_orders,
            order_lots=market.order_lots,
            start_ts_ns=START_TS_NS,
            seed=self.options.seed,
        )
        end = self.options.duration_ns
        while True:
            commands = simulator.chunk(CHUNK_COMMANDS)
            if end is not None and commands["event_ts_ns"][-1] > START_TS_NS + end:
                commands = commands[commands["event_ts_ns"] <= START_TS_NS + end]
                if len(commands):
                    yield commands
                return
            yield commands
