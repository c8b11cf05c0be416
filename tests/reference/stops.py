"""Stops of the reference engine: when they trigger, and what they then are."""

from tests.reference.book import LINED_UP, Book, Order
from tests.reference.words import BUY, LIMIT, LOTS_LIMIT, MARKET, STOP


class Stops:
    def trigger_stops(self, book: Book) -> None:
        line: list[Order] = []
        while True:
            for stop in sorted(self.reached(book), key=lambda order: order.arrival):
                book.leave(stop)
                stop.place = LINED_UP
                line.append(stop)
            if not line:
                return
            first = line.pop(0)
            if first.place == LINED_UP:  # or else a link ended it
                first.place = None
                self.fire(first)

    @staticmethod
    def reached(book: Book) -> list[Order]:
        last = book.last_trade
        if last is None:
            return []
        stops = [order for order in book.orders() if order.is_stop]
        return [o for o in stops if (last >= o.trigger if o.side == BUY else last <= o.trigger)]

    def fire(self, stop: Order) -> None:
        self.end_link(stop)
        self.report("TRIGGERED", stop)
        stop.order_type = MARKET if stop.order_type == STOP else LIMIT
        stop.trigger = 0
        self.forget_arrival(stop)
        self.cut(stop)
        if not stop.left:
            return
        queue = self.books[stop.instrument].queue(stop.side, stop.price)
        total = sum(order.leaves for order in queue) + stop.leaves
        if stop.order_type == LIMIT and total >= LOTS_LIMIT:
            self.cancel(stop, "BAD_QTY")
        else:
            self.arrive(stop)

    def replace_stop(self, stop: Order) -> None:
        c = self.command
        trigger = self.options.trigger_ticks if self.options else stop.trigger
        price = trigger if stop.order_type == STOP else c.price_ticks
        stays = (price, trigger) == (stop.price, stop.trigger) and c.qty_lots <= stop.leaves
        if not stays:
            self.leave(stop)
            stop.arrival = self.next_arrival()
        stop.price, stop.trigger = price, trigger
        stop.has(c.qty_lots)
        self.report("REPLACED", stop)
        if not stays:
            self.wait(stop)
