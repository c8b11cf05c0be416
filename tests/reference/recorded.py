"""The recorded life: what the reference engine does with FLOW_* commands."""

from tests.reference.book import RESTING, Order
from tests.reference.words import ANONYMOUS, CLOSED, DAY, other


class Recorded:
    def recorded(self) -> Order | None:
        """The recorded order that the command names, or else the anonymous one it then means."""
        c = self.command
        order = self.by_id.get(c.order_id)
        if order and not order.own and order.instrument == c.instrument:
            return order
        return self.book.anonymous(c.side, c.price_ticks)

    def recorded_order(self, order_id: int) -> Order:
        """The one that the command brings, accepted; it has met own orders."""
        c = self.command
        place = (c.instrument, c.side, c.price_ticks)
        order = Order(order_id, *place, c.qty_lots, c.qty_lots, c.account)
        self.report("ACCEPTED", order)
        self.match(order, c.price_ticks)
        return order

    def flow_add(self) -> None:
        order = self.recorded_order(self.command.order_id)
        if order.leaves:
            self.join(order)
        else:
            self.haunt(order)

    def flow_seed(self) -> None:
        order = self.recorded_order(ANONYMOUS)
        queue = self.book.queue(order.side, order.price)
        if order.leaves == 0:
            self.haunt(order)
        elif queue and queue[0].order_id == ANONYMOUS:
            first = queue[0]
            self.leave(first)
            first.leaves += order.leaves
            first.life += order.life
            self.join(first, front=True)
        else:
            self.join(order, front=True)

    def flow_cancel(self) -> None:
        self.shrink(self.recorded(), self.command.qty_lots)

    def flow_delete(self) -> None:
        order = self.recorded()
        if order.order_id == ANONYMOUS:
            self.shrink(order, max(0, min(self.command.qty_lots, order.life)))
            return
        self.book.displaced += max(0, order.life - order.leaves)
        self.cancel(order, "REQUESTED")

    def flow_execute(self) -> None:
        c, order = self.command, self.recorded()

        def ahead() -> Order | None:
            for maker in self.book.resting(order.side, order.price):
                behind_ghost = order.place != RESTING and maker.price == order.price
                if maker is order or behind_ghost:
                    return None
                if maker.own:
                    return maker
            return None

        left = self.take(c.qty_lots, ahead)
        executed = min(left, order.leaves)
        self.book.displaced += c.qty_lots - executed
        order.life = max(0, order.life - c.qty_lots)
        if executed:
            self.trade(order, executed)
        self.settle(order)

    def flow_hidden(self) -> None:
        c = self.command

        def next_own() -> Order | None:
            makers = self.book.resting(c.side, c.price_ticks)
            return next((maker for maker in makers if maker.own), None)

        left = self.take(c.qty_lots, next_own)
        self.book.displaced += c.qty_lots - left
        if left:
            nobody = (ANONYMOUS, ANONYMOUS)
            self.print(c.instrument, *nobody, c.price_ticks, left, other(c.side), hidden=1)

    def flow_status(self) -> None:
        self.book.state = self.command.flags
        self.echo("ACCEPTED")
        if self.book.state == CLOSED:
            daily = [o for o in self.book.orders() if o.own and o.time_in_force == DAY]
            self.cancel_all(daily, "EXPIRED")

    def flow_forget(self) -> None:
        c = self.command
        there = self.book.queue(c.side, c.price_ticks) + self.book.ghosts[c.side]
        gone = [order for order in there if not order.own and order.price == c.price_ticks]
        self.echo("CANCELLED", "FORGOTTEN", sum(o.leaves for o in gone), order_id=ANONYMOUS)
        for order in gone:
            order.leaves = order.life = 0
            self.settle(order)

    def shrink(self, order: Order, lots: int) -> None:
        lost = min(lots, order.leaves)
        self.book.displaced += lots - lost
        order.life = max(0, order.life - lots)
        order.lose(lost)
        self.report("CANCELLED", order, "REQUESTED", lost)
        self.settle(order)
