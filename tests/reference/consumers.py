"""Books that know nothing but market data: whoever applies it must have the engine's own book."""

from collections import defaultdict

from hft.core.messages import BookAction
from tests.reference.wire import BookOrder, Level, Output, Top
from tests.reference.words import BUY, SELL


class OrderBooks:
    """From BOOK_ORDER (L3): the queue of each level."""

    def __init__(self) -> None:
        self.queues: dict[tuple[int, int, int], list[list[int]]] = defaultdict(list)

    def apply(self, event: BookOrder) -> None:
        level = (event.instrument, event.side, event.price_ticks)
        queue, order = self.queues[level], [event.order_id, event.leaves_lots]
        if event.action == BookAction.ORDER_JOINED:
            queue.append(order)
        elif event.action == BookAction.ORDER_JOINED_FRONT:
            queue.insert(0, order)
        else:
            (place,) = (n for n, each in enumerate(queue) if each[0] == event.order_id)
            if event.action == BookAction.ORDER_SHRANK:
                assert 0 < event.leaves_lots < queue[place][1]
                queue[place] = order
            else:
                assert event.leaves_lots == 0
                del queue[place]
        if not queue:
            del self.queues[level]

    def resting(self, instrument: int, side: int) -> list[tuple[int, int, int]]:
        """Price, id and lots of each order, in book order."""
        prices = [price for there, on, price in self.queues if (there, on) == (instrument, side)]
        return [
            (price, order_id, lots)
            for price in sorted(prices, reverse=side == BUY)
            for order_id, lots in self.queues[instrument, side, price]
        ]


class LevelBooks:
    """From BOOK_LEVEL (L2): total and number of orders of each level."""

    def __init__(self) -> None:
        self.levels: dict[tuple[int, int, int], tuple[int, int]] = {}

    def apply(self, event: Level) -> None:
        level = (event.instrument, event.side, event.price_ticks)
        if event.order_count:
            assert event.lots > 0
            self.levels[level] = (event.lots, event.order_count)
        else:
            assert event.lots == 0
            del self.levels[level]

    def depth(self, instrument: int, side: int) -> list[list[int]]:
        rows = [
            [price, *level]
            for (there, on, price), level in self.levels.items()
            if (there, on) == (instrument, side)
        ]
        return sorted(rows, reverse=side == BUY)


class Consumer:
    """All three streams of one engine; `check` holds them against its book."""

    def __init__(self, engine, instruments: int, market_data: tuple[str, ...]) -> None:
        self.engine, self.instruments, self.market_data = engine, instruments, market_data
        self.orders, self.levels = OrderBooks(), LevelBooks()
        self.tops: dict[int, tuple[int, ...]] = defaultdict(lambda: (0, 0, 0, 0))

    def read(self, answers: list[Output]) -> None:
        for answer in answers:
            if isinstance(answer, BookOrder):
                assert "orders" in self.market_data
                self.orders.apply(answer)
            elif isinstance(answer, Level):
                assert "levels" in self.market_data
                self.levels.apply(answer)
            elif isinstance(answer, Top):
                assert self.tops[answer.instrument] != answer[2:6], "a top that says nothing new"
                self.tops[answer.instrument] = answer[2:6]

    def check(self) -> None:
        resting = defaultdict(list)
        for order in self.engine.orders():
            if order["state"] == "resting":
                place = (order["instrument"], order["side"])
                order = (order["price_ticks"], order["order_id"], order["leaves_lots"])
                resting[place].append(order)
        for instrument in range(self.instruments):
            depth = self.engine.depth(instrument, 64)
            top = []
            for side, rows in zip((BUY, SELL), depth, strict=True):
                rows = [list(row) for row in rows if row[2]]
                top += rows[0][:2] if rows else [0, 0]
                if "orders" in self.market_data:
                    assert self.orders.resting(instrument, side) == resting[instrument, side]
                if "levels" in self.market_data:
                    assert self.levels.depth(instrument, side) == rows
            assert list(self.tops[instrument]) == top
