"""The book of one instrument for the reference engine: lists in sorted dictionaries of prices."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import neg

from sortedcontainers import SortedDict

from tests.reference.wire import Rules
from tests.reference.words import (
    ANONYMOUS,
    BUY,
    CLOSED,
    GTC,
    GTD,
    LIMIT,
    PEGS,
    SELL,
    SOURCE_SHIFT,
    STOPS,
)

RESTING, WAITING, PARKED, LINED_UP, GHOST = "resting", "waiting", "parked", "lined up", "ghost"


@dataclass(eq=False)
class Order:
    """An order or a ghost. The life of an own order is always its leaves."""

    order_id: int
    instrument: int
    side: int
    price: int  # as reports give it
    leaves: int  # what it shows, or all of it while it arrives
    life: int
    account: int
    order_type: int = LIMIT
    time_in_force: int = GTC
    post_only: bool = False
    slides: bool = False
    reduce_only: bool = False
    display: int = 0  # of an iceberg
    hidden: int = 0
    limit: int = 0  # of a peg
    trigger: int = 0  # of a stop; a peg's offset
    expiry: int = 0
    arrival: int = 0
    link: "Order | None" = None
    place: str | None = None  # None: it arrives, or is gone
    told: int = 0  # what market data said last that it shows

    @property
    def own(self) -> bool:
        return self.order_id >> SOURCE_SHIFT != 0

    @property
    def left(self) -> int:
        return self.leaves + self.hidden

    @property
    def is_stop(self) -> bool:
        return self.order_type in STOPS

    @property
    def is_peg(self) -> bool:
        return self.order_type in PEGS

    @property
    def is_special(self) -> bool:
        way = self.is_stop or self.is_peg or self.time_in_force == GTD
        return way or bool(self.display or self.reduce_only or self.link)

    def has(self, leaves: int, hidden: int = 0) -> None:
        """The new quantities of an own order."""
        self.leaves = self.life = leaves
        self.hidden = hidden

    def lose(self, lots: int) -> None:
        self.leaves -= lots
        if self.own:
            self.life = self.leaves


@dataclass
class Book:
    """Of one instrument. Levels are in book order, and each is its queue, never empty."""

    listed: bool = False
    state: int = CLOSED
    rules: Rules | None = None
    displaced: int = 0
    last_trade: int | None = None
    levels: dict[int, SortedDict] = field(
        default_factory=lambda: {BUY: SortedDict(neg), SELL: SortedDict()}
    )
    stops: dict[int, SortedDict] = field(
        default_factory=lambda: {SELL: SortedDict(neg), BUY: SortedDict()}
    )
    parked: list[Order] = field(default_factory=list)
    ghosts: dict[int, list[Order]] = field(default_factory=lambda: {BUY: [], SELL: []})
    looked: tuple | None = None  # what pegs looked at last

    # Looking.

    def queue(self, side: int, price: int) -> list[Order]:
        return self.levels[side].get(price, [])

    def stop_queue(self, side: int, trigger: int) -> list[Order]:
        return self.stops[side].get(trigger, [])

    def orders(self) -> Iterator[Order]:
        """All live orders in book order."""
        for side in (BUY, SELL):
            yield from self.resting(side)
        for side in (SELL, BUY):
            for queue in self.stops[side].values():
                yield from queue
        yield from sorted(self.parked, key=lambda order: order.arrival)

    def resting(self, side: int, limit: int | None = None) -> Iterator[Order]:
        """The orders of a side at the limit or better, in book order; None is no limit."""
        for price, queue in self.levels[side].items():
            if limit is not None and (price < limit if side == BUY else price > limit):
                return
            yield from queue

    def pegs(self) -> list[Order]:
        """In order of arrival number."""
        return sorted((o for o in self.orders() if o.is_peg), key=lambda order: order.arrival)

    def best(self, side: int, pegs: bool = True) -> int | None:
        for order in self.resting(side):
            if pegs or not order.is_peg:
                return order.price
        return None

    def anonymous(self, side: int, price: int) -> Order | None:
        """The one resting at the front, or else the oldest ghost."""
        candidates = self.queue(side, price)[:1] + self.ghosts[side]
        for order in candidates:
            if order.order_id == ANONYMOUS and order.price == price:
                return order
        return None

    def top(self) -> tuple[int, int, int, int]:
        best = []
        for side in (BUY, SELL):
            price, queue = next(iter(self.levels[side].items()), (0, []))
            best += [price, sum(order.leaves for order in queue)]
        return tuple(best)

    def __len__(self) -> int:
        return len(list(self.orders())) + sum(len(ghosts) for ghosts in self.ghosts.values())

    # Changing.

    def rest(self, order: Order, front: bool = False) -> None:
        order.place = RESTING
        queue = self.levels[order.side].setdefault(order.price, [])
        queue.insert(0 if front else len(queue), order)

    def wait(self, order: Order) -> None:
        order.place = WAITING
        self.stops[order.side].setdefault(order.trigger, []).append(order)

    def park(self, order: Order) -> None:
        order.place = PARKED
        self.parked.append(order)

    def haunt(self, ghost: Order) -> None:
        ghost.place = GHOST
        self.ghosts[ghost.side].append(ghost)

    def leave(self, order: Order) -> None:
        """It is nowhere now."""
        place, order.place = order.place, None
        if place == RESTING:
            take_out(order, self.levels[order.side], order.price)
        elif place == WAITING:
            take_out(order, self.stops[order.side], order.trigger)
        elif place == PARKED:
            self.parked.remove(order)
        elif place == GHOST:
            self.ghosts[order.side].remove(order)


def take_out(order: Order, levels: SortedDict, price: int) -> None:
    levels[price].remove(order)
    if not levels[price]:
        del levels[price]
