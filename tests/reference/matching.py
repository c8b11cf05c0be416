"""How orders of the reference engine meet, leave, and what follows from that."""

from collections.abc import Iterable

from tests.reference.book import GHOST, RESTING, Book, Order
from tests.reference.words import (
    ALLOW,
    ANONYMOUS,
    BUY,
    CANCEL_BOTH,
    CANCEL_MAKER,
    CANCEL_TAKER,
    INT64_MAX,
    INT64_MIN,
    JOINED,
    JOINED_FRONT,
    LEFT,
    LOTS_LIMIT,
    SHRANK,
    other,
)


class Matching:
    # Coming and going.

    def join(self, order: Order, front: bool = False) -> None:
        """Into its level."""
        self.books[order.instrument].rest(order, front)
        order.told = order.leaves
        self.keep(order)
        self.show(order, JOINED_FRONT if front else JOINED)

    def wait(self, stop: Order) -> None:
        self.books[stop.instrument].wait(stop)
        self.keep(stop)

    def park(self, peg: Order) -> None:
        peg.price = 0
        self.books[peg.instrument].park(peg)
        self.keep(peg)

    def haunt(self, ghost: Order) -> None:
        self.books[ghost.instrument].haunt(ghost)
        self.keep(ghost)

    def keep(self, order: Order) -> None:
        if order.order_id != ANONYMOUS:
            self.by_id[order.order_id] = order

    def leave(self, order: Order) -> None:
        """It leaves where it is, whether it comes back or not."""
        rested = order.place == RESTING
        self.books[order.instrument].leave(order)
        if rested:
            self.show(order, LEFT)

    def rest(self, order: Order) -> None:
        """What is left of an order that arrived; an iceberg shows a part, if there is room."""
        if order.display:
            shown = min(order.display, order.left, self.room(order))
            order.has(shown, order.left - shown)
        self.join(order)

    def room(self, order: Order) -> int:
        """What the total of its level can still take."""
        queue = self.books[order.instrument].queue(order.side, order.price)
        return LOTS_LIMIT - 1 - sum(other.leaves for other in queue)

    def settle(self, order: Order) -> None:
        """After its quantities fell: it stays, shows its next part, haunts or is forgotten."""
        if order.place == RESTING and order.leaves == 0:
            self.leave(order)
            if order.hidden:
                self.rest(order)
        elif order.place == RESTING and order.leaves != order.told:
            order.told = order.leaves
            self.show(order, SHRANK)
        if order.leaves and not order.life:
            self.cancel(order, "RECORDED_LIFE_ENDED")
        elif order.life and not order.leaves:
            if order.place != GHOST:
                self.haunt(order)
        elif not order.left:
            self.leave(order)
            self.by_id.pop(order.order_id, None)
            book = self.books[order.instrument]
            if order.is_peg and not book.pegs():
                book.looked = None

    def cancel(self, order: Order, reason: str) -> None:
        """All that is left of it goes."""
        lots = order.left
        order.leaves = order.hidden = order.life = 0
        self.report("CANCELLED", order, reason, lots)
        self.settle(order)
        self.end_link(order)

    def cancel_all(self, orders: Iterable[Order], reason: str) -> None:
        """Those that a link ends before their turn have gone already."""
        for order in orders:
            if order.left:
                self.cancel(order, reason)

    def end_link(self, order: Order) -> None:
        """It traded, triggered or left: the other one of the two leaves."""
        linked = order.link
        if linked is None:
            return
        order.link = linked.link = None
        self.forget_arrival(order)
        if linked.left:
            self.cancel(linked, "LINK_ENDED")

    @staticmethod
    def forget_arrival(order: Order) -> None:
        if not order.is_special:
            order.arrival = 0

    # Trades.

    def trade(self, maker: Order, lots: int, taker: Order | None = None) -> None:
        """Without a taker: one that the recording doesn't name."""
        maker.lose(lots)
        self.count_fill(maker, lots)
        names = (maker.order_id, taker.order_id if taker else ANONYMOUS)
        self.print(maker.instrument, *names, maker.price, lots, other(maker.side), hidden=0)
        if maker.order_id != ANONYMOUS:
            self.report("FILLED", maker, last=lots)
        if taker:
            taker.lose(lots)
            self.count_fill(taker, lots)
            if taker.order_id != ANONYMOUS:
                self.report("FILLED", taker, last=lots, price=maker.price)
        self.settle(maker)
        self.end_link(maker)
        if taker:
            self.end_link(taker)

    def match(self, taker: Order, limit: int | None) -> None:
        """Recorded orders don't match each other."""
        book = self.books[taker.instrument]
        while taker.leaves:
            makers = book.resting(other(taker.side), limit)
            maker = next((each for each in makers if taker.own or each.own), None)
            if maker is None:
                break
            if not self.cut(maker) and not self.prevent_self_trade(taker, maker):
                self.trade(maker, min(taker.leaves, maker.leaves), taker)
        if not taker.left and taker.own:
            self.settle(taker)

    def take(self, lots: int, next_maker) -> int:
        """What is left of the lots of a taker that the recording doesn't name."""
        while lots:
            maker = next_maker()
            if maker is None:
                break
            if not self.cut(maker):
                filled = min(lots, maker.leaves)
                self.trade(maker, filled)
                lots -= filled
        return lots

    def prevent_self_trade(self, taker: Order, maker: Order) -> bool:
        """Whether something happened in place of a trade."""
        rule = self.self_trade_rule(taker.account)
        one_account = taker.own and maker.own and taker.account == maker.account
        if not one_account or rule == ALLOW:
            return False
        if rule in (CANCEL_MAKER, CANCEL_BOTH):
            self.cancel(maker, "SELF_TRADE")
        if rule in (CANCEL_TAKER, CANCEL_BOTH):
            self.cancel(taker, "SELF_TRADE")
        if rule not in (CANCEL_MAKER, CANCEL_TAKER, CANCEL_BOTH):
            self.decrement(taker, maker)
        return True

    def decrement(self, taker: Order, maker: Order) -> None:
        lots = min(maker.leaves, taker.leaves)
        for order in (maker, taker):
            order.lose(lots)
            self.report("RESTATED" if order.left else "CANCELLED", order, "SELF_TRADE", lots)
        for order in (maker, taker):
            self.settle(order)
        for order in (maker, taker):
            if not order.left:
                self.end_link(order)

    def fillable(self, order: Order, limit: int | None) -> int:
        """What the book can fill at once, whatever else may happen meanwhile."""
        rule = self.self_trade_rule(order.account)
        lots = 0
        hidden_here, price_here = 0, None  # hidden parts come behind all that is at their price
        for maker in self.books[order.instrument].resting(other(order.side), limit):
            if maker.price != price_here:
                lots, hidden_here, price_here = lots + hidden_here, 0, maker.price
            if maker.own and maker.account == order.account and rule != ALLOW:
                if rule == CANCEL_MAKER:
                    continue
                return lots
            if not maker.reduce_only and not maker.link:
                lots += maker.leaves
                hidden_here += maker.hidden
        return lots + hidden_here

    def slide(self, book: Book, side: int, price: int) -> int | None:
        """Where a sliding order goes that would match at its price; None: nowhere."""
        step, best = book.rules.price_step_ticks, book.best(other(side))
        if side == BUY:
            price = (best - 1) // step * step
            return price if price >= max(book.rules.price_min_ticks, INT64_MIN) else None
        price = -(-(best + 1) // step) * step
        return price if price <= min(book.rules.price_max_ticks, INT64_MAX) else None
