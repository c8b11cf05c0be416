"""Pegs of the reference engine: where they rest, and when they move."""

from tests.reference.book import PARKED, RESTING, Book, Order
from tests.reference.words import (
    BUY,
    INT64_MAX,
    INT64_MIN,
    LOTS_LIMIT,
    OPEN,
    PEG_ASK,
    PEG_BID,
    PRE_OPEN,
    SELL,
    other,
)


def follows(book: Book, peg: Order) -> int | None:
    bid, ask = book.best(BUY, pegs=False), book.best(SELL, pegs=False)
    if peg.order_type == PEG_BID:
        return bid
    if peg.order_type == PEG_ASK:
        return ask
    if bid is None or ask is None:
        return None
    return (bid + ask) // 2 if peg.side == BUY else -(-(bid + ask) // 2)


def price_of(book: Book, peg: Order, lots: int) -> int | None:
    """Where it rests; None: it is parked."""
    followed, rules, against = follows(book, peg), book.rules, book.best(other(peg.side))
    if followed is None:
        return None
    wish = max(INT64_MIN, min(followed + peg.trigger, INT64_MAX))
    step = rules.price_step_ticks
    if peg.side == BUY:
        most = [wish, peg.limit, rules.price_max_ticks]
        if against is not None:
            most.append(against - 1)
        price = min(most) // step * step
        beyond = price < max(rules.price_min_ticks, INT64_MIN)
    else:
        least = [wish, peg.limit, rules.price_min_ticks]
        if against is not None:
            least.append(against + 1)
        price = -(-max(least) // step) * step
        beyond = price > min(rules.price_max_ticks, INT64_MAX)
    there = [order.leaves for order in book.queue(peg.side, price) if order is not peg]
    return None if beyond or sum(there) + lots >= LOTS_LIMIT else price


def looks_at(book: Book) -> tuple[int | None, ...]:
    return (
        book.best(BUY, pegs=False),
        book.best(SELL, pegs=False),
        book.best(BUY),
        book.best(SELL),
    )


class Pegs:
    def put(self, peg: Order, price: int | None) -> None:
        if price is None:
            self.park(peg)
        else:
            peg.price = price
            self.join(peg)

    def new_peg(self, peg: Order) -> None:
        price = price_of(self.books[peg.instrument], peg, peg.leaves)
        peg.price = price or 0
        self.report("ACCEPTED", peg, "PARKED" if price is None else "NONE")
        self.cut(peg)
        self.put(peg, price)

    def replace_peg(self, peg: Order) -> None:
        c = self.command
        peg.limit = c.price_ticks
        if self.options:
            peg.trigger = self.options.trigger_ticks
        price = price_of(self.books[peg.instrument], peg, c.qty_lots)
        where = peg.price if peg.place == RESTING else None
        stays = price is not None and price == where and c.qty_lots <= peg.leaves
        reason = "PARKED" if price is None else "NONE"
        self.report("REPLACED", peg, reason, price=price or 0, leaves=c.qty_lots)
        if stays:
            peg.has(c.qty_lots)
            self.settle(peg)
            return
        self.leave(peg)
        peg.price = price or 0
        peg.has(c.qty_lots)
        self.cut(peg)
        self.put(peg, price)

    def move_pegs(self, book: Book) -> None:
        if book.state not in (OPEN, PRE_OPEN) or not book.pegs():
            return
        if looks_at(book) == book.looked:
            return
        for peg in book.pegs():
            price = price_of(book, peg, peg.leaves)
            where = None if peg.place == PARKED else peg.price
            if price != where:
                reason = "PARKED" if price is None else "PEG_MOVED"
                self.report("RESTATED", peg, reason, price=price or 0)
                self.leave(peg)
                self.put(peg, price)
        book.looked = looks_at(book)
