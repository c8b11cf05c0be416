"""What a strategy in Python is: a class with the callbacks that it wants."""

from typing import Any, ClassVar

import msgspec

from hft.core.events import Batch, Book, Decision, Report, Timer, Trade
from hft.core.python_strategy import Context
from hft.instruments import Instrument

__all__ = ["CALLBACKS", "Parameters", "Strategy"]


class Parameters(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Base of a strategy's parameters: typed attributes, set in `[strategy.parameters]`.

    `Annotated[int, msgspec.Meta(ge=1)]` bounds one.
    """


class Strategy:
    """Base of strategies in Python.

    A callback that a subclass does not define costs nothing. Each is given the Context to trade
    with; prices are in ticks, quantities in lots, times in ns of the market's clock. An exception
    stops the strategy and cancels its orders; nothing else stops.

    A strategy with `on_batch` gets its events as one structured array after each step (in
    simulated time: each round) and none of the callbacks of single events.
    """

    Parameters: ClassVar[type[msgspec.Struct]] = Parameters

    def __init__(self, parameters: Any, instruments: tuple[Instrument, ...]) -> None:
        self.parameters = parameters
        self.instruments = instruments

    def on_start(self, ctx: Context) -> None:
        """The run begins; there is no market yet, and no time."""

    def on_book(self, ctx: Context, book: Book) -> None:
        """The best prices of an instrument changed."""

    def on_trade(self, ctx: Context, trade: Trade) -> None:
        """Somebody traded."""

    def on_signal(self, ctx: Context, signal: Decision) -> None:
        """The fusion of all signals made a decision on an instrument."""

    def on_report(self, ctx: Context, report: Report) -> None:
        """Something became of an own order; `ctx.orders` and positions know it already."""

    def on_timer(self, ctx: Context, timer: Timer) -> None:
        """A timer of `ctx.set_timer` has come due."""

    def on_batch(self, ctx: Context, batch: Batch) -> None:
        """All that happened in a step."""

    def on_stop(self, ctx: Context) -> None:
        """The run ends; what is still open afterwards is cancelled."""


CALLBACKS = tuple(name for name in vars(Strategy) if name.startswith("on_"))
