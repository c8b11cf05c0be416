"""What the reference engine says: reports, trades and market data."""

from tests.reference.book import Order
from tests.reference.wire import BookOrder, Level, Report, Trade
from tests.reference.words import K, R


class Saying:
    @property
    def cause(self) -> int:
        return self.command.sequence % 2**32

    def report(
        self,
        kind: str,
        order: Order,
        reason: str = "NONE",
        last: int = 0,
        price: int | None = None,
        leaves: int | None = None,
    ) -> None:
        self.out.append(
            Report(
                K[kind],
                order.instrument,
                order.order_id,
                order.price if price is None else price,
                last,
                order.left if leaves is None else leaves,
                self.cause,
                order.account,
                R[reason],
                order.side,
            )
        )

    def echo(
        self, kind: str, reason: str = "NONE", last: int = 0, order_id: int | None = None
    ) -> None:
        """A report about the command, not about an order."""
        c = self.command
        named = c.order_id if order_id is None else order_id
        whose = (c.account, R[reason], c.side)
        self.out.append(
            Report(K[kind], c.instrument, named, c.price_ticks, last, 0, self.cause, *whose)
        )

    def print(
        self, instrument: int, maker: int, taker: int, price: int, lots: int, side: int, hidden: int
    ) -> None:
        names = (K["TRADE"], instrument, maker, taker)
        self.out.append(Trade(*names, price, lots, self.cause, side, hidden))
        self.books[instrument].last_trade = price

    def show(self, order: Order, action: int) -> None:
        """A resting order came, shrank or went: it is told after the report that tells why."""
        place = (order.instrument, order.order_id, order.price)
        if "orders" in self.market_data:
            about = (order.leaves if order.place else 0, self.time, self.cause, action, order.side)
            self.out.append(BookOrder(K["BOOK_ORDER"], *place, *about))
        if "levels" in self.market_data:
            queue = self.books[order.instrument].queue(order.side, order.price)
            lots = sum(each.leaves for each in queue)
            about = (order.price, lots, self.time, len(queue), self.cause, order.side)
            self.out.append(Level(K["BOOK_LEVEL"], order.instrument, *about))
