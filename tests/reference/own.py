"""Own orders of the reference engine: how they come, change and go."""

from tests.reference.book import Order
from tests.reference.words import (
    ALL_ACCOUNTS,
    ANONYMOUS,
    FOK,
    IOC,
    LIMIT,
    MARKET,
    MARKET_TO_LIMIT,
    MAY_REST,
    ONE_INSTRUMENT,
    POST_ONLY,
    POST_ONLY_SLIDE,
    REDUCE_ONLY,
    STOP,
    other,
)


class Own:
    def new_order(self) -> None:
        order = self.brought()
        if order.is_stop:
            self.report("ACCEPTED", order)
            self.wait(order)
        elif order.is_peg:
            self.new_peg(order)
        elif order.order_type == MARKET_TO_LIMIT:
            best = self.book.best(other(order.side))
            order.price = order.price if best is None else best
            self.report("ACCEPTED", order)
            self.cut(order)
            if best is None:
                self.cancel(order, "MARKET_REMAINDER")
            else:
                order.order_type = LIMIT
                self.arrive(order)
        else:
            order.price, reason = self.slid(order, order.price)
            self.report("ACCEPTED", order, reason)
            self.cut(order)
            self.arrive(order, self.options.min_lots if self.options else 0)

    def brought(self) -> Order:
        """The order that the command brings, linked and numbered."""
        c, o = self.command, self.options
        order = Order(
            c.order_id,
            c.instrument,
            c.side,
            c.price_ticks,
            c.qty_lots,
            c.qty_lots,
            c.account,
            c.order_type,
            c.time_in_force,
            post_only=bool(c.flags & POST_ONLY),
            slides=bool(c.flags & POST_ONLY_SLIDE),
            reduce_only=bool(c.flags & REDUCE_ONLY),
        )
        if o:
            order.trigger, order.expiry = o.trigger_ticks, o.expiry_ts_ns
            order.display = o.display_lots if o.display_lots < c.qty_lots else 0
            if o.linked_order_id:
                order.link = self.by_id[o.linked_order_id]
                order.link.link = order
        if order.order_type == STOP:
            order.price = order.trigger
        if order.is_peg:
            order.limit = c.price_ticks
        if order.is_special:
            order.arrival = self.next_arrival()
        return order

    def next_arrival(self) -> int:
        self.last_arrival += 1
        return self.last_arrival

    def slid(self, order: Order, price: int) -> tuple[int, str]:
        """Where an order goes that is wanted at a price."""
        if order.slides and any(self.book.resting(other(order.side), price)):
            return self.slide(self.book, order.side, price), "SLID"
        return price, "NONE"

    def arrive(self, order: Order, min_lots: int = 0) -> None:
        """An accepted or triggered order meets the book."""
        limit = None if order.order_type == MARKET else order.price
        fillable = min(self.fillable(order, limit), order.leaves)
        if fillable < min_lots:
            self.cancel(order, "MIN_QTY_UNMET")
            return
        if order.time_in_force == FOK and fillable < order.leaves:
            self.cancel(order, "FOK_UNFILLABLE")
            return
        self.match(order, limit)
        if not order.left:
            return
        if order.order_type == MARKET:
            self.cancel(order, "MARKET_REMAINDER")
        elif order.time_in_force == IOC:
            self.cancel(order, "IOC_REMAINDER")
        else:
            assert order.time_in_force in MAY_REST
            if order.left > self.room(order) and not order.display:
                self.cancel(order, "BAD_QTY")  # only what became a limit order on its way
            else:
                self.rest(order)

    def cancel_order(self) -> None:
        self.cancel(self.by_id[self.command.order_id], "REQUESTED")

    def replace_order(self) -> None:
        c = self.command
        order = self.by_id[c.order_id]
        if order.is_stop:
            self.replace_stop(order)
            return
        if order.is_peg:
            self.replace_peg(order)
            return
        price, reason = self.slid(order, c.price_ticks)
        self.report("REPLACED", order, reason, price=price, leaves=c.qty_lots)
        if price == order.price and c.qty_lots <= order.left:
            shown = min(order.leaves, c.qty_lots)
            order.has(shown, c.qty_lots - shown)
            self.settle(order)
            return
        self.leave(order)
        order.price = price
        order.has(c.qty_lots)
        self.cut(order)
        self.match(order, price)
        if order.left:
            self.rest(order)

    def mass_cancel(self) -> None:
        c = self.command
        chosen = [
            order
            for order in self.all_orders()
            if order.own
            and (c.flags & ALL_ACCOUNTS or order.account == c.account)
            and (not c.flags & ONE_INSTRUMENT or order.instrument == c.instrument)
            and c.side in (0, order.side)
        ]
        self.cancel_all(chosen, "KILLED")
        if not chosen:
            self.echo("CANCELLED", "REQUESTED", order_id=ANONYMOUS)
