"""The book of one instrument for the reference engine: lists in a sorted dictionary of prices."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import neg

from sortedcontainers import SortedDict

BUY, SELL = 1, 2
OPEN, PRE_OPEN, HALTED = 0, 1, 2
SOURCE_SHIFT = 56  # an order id's top byte is its source
ANONYMOUS = 0  # the order id of quantity that the recording doesn't name


@dataclass(eq=False)
class Order:
    """An order or a ghost. The life of an own order is always its leaves."""

    order_id: int
    instrument: int
    side: int
    price: int
    leaves: int
    life: int
    account: int
    post_only: bool = False

    @property
    def own(self) -> bool:
        return self.order_id >> SOURCE_SHIFT != 0

    def lose(self, lots: int) -> None:
        self.leaves -= lots
        if self.own:
            self.life = self.leaves


@dataclass
class Book:
    """Of one instrument. Levels are in order best first, and each is its queue, never empty."""

    state: int = OPEN
    displaced: int = 0
    levels: dict[int, SortedDict] = field(
        default_factory=lambda: {BUY: SortedDict(neg), SELL: SortedDict()}
    )
    ghosts: dict[int, list[Order]] = field(default_factory=lambda: {BUY: [], SELL: []})

    def queue(self, side: int, price: int) -> list[Order]:
        return self.levels[side].get(price, [])

    def resting(self, side: int) -> Iterator[Order]:
        """The orders of a side, price best first, then queue order."""
        for queue in self.levels[side].values():
            yield from queue

    def matching(self, side: int, limit: int | None) -> list[Order]:
        """The orders of a side at the limit or better; None is no limit."""
        found = []
        for price, queue in self.levels[side].items():
            if limit is not None and (price < limit if side == BUY else price > limit):
                break
            found += queue
        return found

    def anonymous(self, side: int, price: int) -> Order | None:
        """The one resting at the front, or else the oldest ghost."""
        candidates = self.queue(side, price)[:1] + self.ghosts[side]
        for order in candidates:
            if order.order_id == ANONYMOUS and order.price == price:
                return order
        return None

    def join(self, order: Order, front: bool = False) -> None:
        queue = self.levels[order.side].setdefault(order.price, [])
        queue.insert(0 if front else len(queue), order)

    def leave(self, order: Order) -> bool:
        """Whether it stood in its queue; it no longer does."""
        queue = self.queue(order.side, order.price)
        if order not in queue:
            return False
        queue.remove(order)
        if not queue:
            del self.levels[order.side][order.price]
        return True

    def top(self) -> tuple[int, int, int, int]:
        best = []
        for side in (BUY, SELL):
            price, queue = next(iter(self.levels[side].items()), (0, []))
            best += [price, sum(order.leaves for order in queue)]
        return tuple(best)
