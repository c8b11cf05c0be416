"""The matching engine of docs/engine.md in plain Python: slow, short, obviously correct.

It shares nothing with hft.core.MatchingEngine but the numbers of the enums. Quantities that the
rules derive by search (queue positions, totals, the number of orders) are searched for each time
instead of being kept up to date.
"""

from hft.core.messages import Kind, Reason
from tests.reference.book import (
    ANONYMOUS,
    BUY,
    HALTED,
    OPEN,
    PRE_OPEN,
    SELL,
    SOURCE_SHIFT,
    Book,
    Order,
)
from tests.reference.wire import Command, Report, Top, Trade

LIMIT, MARKET = 0, 1
GTC, IOC, FOK = 0, 1, 2
POST_ONLY = 1
LOTS_LIMIT = 2**63

K = {kind.name: int(kind) for kind in Kind}
R = {reason.name: int(reason) for reason in Reason}

FLOW = range(K["FLOW_ADD"], K["FLOW_FORGET"] + 1)
ORDERS = range(K["NEW_ORDER"], K["MASS_CANCEL"] + 1)
REPORTS = range(K["ACCEPTED"], K["REJECTED"] + 1)
NEEDS_SIDE = {*FLOW, K["NEW_ORDER"]} - {K["FLOW_STATUS"]}
NEEDS_QTY = {
    *(K["NEW_ORDER"], K["REPLACE_ORDER"], K["FLOW_ADD"], K["FLOW_CANCEL"]),
    *(K["FLOW_EXECUTE"], K["FLOW_HIDDEN"], K["FLOW_SEED"]),
}
ENTERS = {K["NEW_ORDER"], K["REPLACE_ORDER"], K["FLOW_ADD"], K["FLOW_SEED"]}
NAMES_OWN = {K["CANCEL_ORDER"], K["REPLACE_ORDER"]}
NAMES_RECORDED = {K["FLOW_CANCEL"], K["FLOW_DELETE"], K["FLOW_EXECUTE"]}


def other(side: int) -> int:
    return SELL if side == BUY else BUY


class ReferenceEngine:
    def __init__(self, instruments: int = 4, orders: int = 1024) -> None:
        self.books = [Book() for _ in range(instruments)]
        self.capacity = orders
        self.by_id: dict[int, Order] = {}  # all but the anonymous ones

    def process(self, record) -> list[Report | Trade | Top]:
        """The answers to one command, a NumPy record or a dict."""
        self.command = c = Command(*(int(record[name]) for name in Command._fields))
        self.out: list[Report | Trade | Top] = []
        reason = self.objection()
        if reason:
            self.echo("REJECTED", reason, last=c.qty_lots)
            return self.out
        before = [book.top() for book in self.books]
        getattr(self, Kind(c.kind).name.lower())()
        if not any(message.kind in REPORTS for message in self.out):
            self.echo("ACCEPTED", "NONE")
        for index, book in enumerate(self.books):
            if book.top() != before[index]:
                self.out.append(Top(K["BOOK_TOP"], index, *book.top(), c.event_ts_ns))
        return self.out

    # What goes out.

    def report(self, kind: str, reason: str, order: Order, last: int, price=None) -> None:
        self.out.append(
            Report(
                K[kind],
                order.instrument,
                order.order_id,
                order.price if price is None else price,
                last,
                order.leaves,
                self.command.sequence % 2**32,
                order.account,
                R[reason],
                order.side,
            )
        )

    def echo(self, kind: str, reason: str, last: int = 0, order_id: int | None = None) -> None:
        """A report about the command, not about an order."""
        c = self.command
        self.out.append(
            Report(
                K[kind],
                c.instrument,
                c.order_id if order_id is None else order_id,
                c.price_ticks,
                last,
                0,
                c.sequence % 2**32,
                c.account,
                R[reason],
                c.side,
            )
        )

    def trade(self, maker: Order, lots: int, taker: Order | None = None) -> None:
        maker.lose(lots)
        taker_id = taker.order_id if taker else ANONYMOUS
        self.print(maker.order_id, taker_id, maker.price, lots, other(maker.side), hidden=0)
        if maker.order_id != ANONYMOUS:
            self.report("FILLED", "NONE", maker, lots)
        if taker:
            taker.lose(lots)
            if taker.order_id != ANONYMOUS:
                self.report("FILLED", "NONE", taker, lots, price=maker.price)

    def print(self, maker: int, taker: int, price: int, lots: int, side: int, hidden: int) -> None:
        self.out.append(
            Trade(
                K["TRADE"],
                self.command.instrument,
                maker,
                taker,
                price,
                lots,
                self.command.sequence % 2**32,
                side,
                hidden,
            )
        )

    # The checks, in the order of the table.

    def objection(self) -> str | None:
        c = self.command
        if c.kind not in FLOW and c.kind not in ORDERS:
            return "UNKNOWN_KIND"
        if c.instrument >= len(self.books):
            return "UNKNOWN_INSTRUMENT"
        if c.kind in NEEDS_SIDE and c.side not in (BUY, SELL):
            return "BAD_SIDE"
        if c.kind in NEEDS_QTY and c.qty_lots <= 0:
            return "BAD_QTY"
        if c.kind == K["FLOW_STATUS"] and c.flags not in (OPEN, PRE_OPEN, HALTED):
            return "BAD_FLAGS"
        if c.kind == K["NEW_ORDER"]:
            if c.order_type not in (LIMIT, MARKET):
                return "BAD_ORDER_TYPE"
            if c.time_in_force not in (GTC, IOC, FOK):
                return "BAD_TIME_IN_FORCE"
            if c.flags not in (0, POST_ONLY):
                return "BAD_FLAGS"
            if c.flags == POST_ONLY and (c.order_type, c.time_in_force) != (LIMIT, GTC):
                return "BAD_FLAGS"
            if c.order_id >> SOURCE_SHIFT == 0:
                return "BAD_ID"
        if c.kind == K["FLOW_ADD"] and (c.order_id >> SOURCE_SHIFT or c.order_id == ANONYMOUS):
            return "BAD_ID"
        if c.kind in (K["NEW_ORDER"], K["FLOW_ADD"]) and c.order_id in self.by_id:
            return "DUPLICATE_ID"
        if c.kind in NAMES_OWN:
            order = self.by_id.get(c.order_id)
            if order is None or not order.own or order.instrument != c.instrument:
                return "UNKNOWN_ORDER"
            if order.account != c.account:
                return "WRONG_ACCOUNT"
        if c.kind in NAMES_RECORDED and self.recorded() is None:
            return "UNKNOWN_ORDER"
        if c.kind in ENTERS:
            return self.objection_to_entering()
        return None

    def objection_to_entering(self) -> str | None:
        c, book = self.command, self.books[self.command.instrument]
        replaced = self.by_id[c.order_id] if c.kind == K["REPLACE_ORDER"] else None
        market = c.kind == K["NEW_ORDER"] and c.order_type == MARKET
        side = replaced.side if replaced else c.side
        if c.kind in ORDERS:
            would_match = bool(book.matching(other(side), None if market else c.price_ticks))
            if book.state == HALTED or (book.state == PRE_OPEN and would_match):
                return "INSTRUMENT_HALTED"
        if len(self) >= self.capacity:
            return "POOL_FULL"
        if not market:
            queue = book.queue(side, c.price_ticks)
            if sum(order.leaves for order in queue) + c.qty_lots >= LOTS_LIMIT:
                return "BAD_QTY"
            grows = c.kind == K["FLOW_SEED"] and queue and queue[0].order_id == ANONYMOUS
            if grows and queue[0].life + c.qty_lots >= LOTS_LIMIT:
                return "BAD_QTY"
        post_only = replaced.post_only if replaced else c.flags == POST_ONLY
        if c.kind in ORDERS and post_only and would_match:
            return "POST_ONLY_WOULD_MATCH"
        return None

    def recorded(self) -> Order | None:
        """The recorded order that the command names, or else the anonymous one it then means."""
        c = self.command
        order = self.by_id.get(c.order_id)
        if order and not order.own and order.instrument == c.instrument:
            return order
        return self.books[c.instrument].anonymous(c.side, c.price_ticks)

    # Own orders.

    def new_order(self) -> None:
        c, book = self.command, self.books[self.command.instrument]
        order = self.arriving(c.order_id)
        limit = None if c.order_type == MARKET else c.price_ticks
        makers = book.matching(other(c.side), limit)
        if c.time_in_force == FOK and sum(maker.leaves for maker in makers) < c.qty_lots:
            self.cancel(order, "FOK_UNFILLABLE")
            return
        self.match(order, makers)
        if order.leaves and c.order_type == MARKET:
            self.cancel(order, "MARKET_REMAINDER")
        elif order.leaves and c.time_in_force == IOC:
            self.cancel(order, "IOC_REMAINDER")
        elif order.leaves:
            book.join(order)
            self.by_id[order.order_id] = order

    def cancel_order(self) -> None:
        self.cancel(self.by_id[self.command.order_id], "REQUESTED")

    def replace_order(self) -> None:
        c, book = self.command, self.books[self.command.instrument]
        order = self.by_id[c.order_id]
        stays = c.price_ticks == order.price and c.qty_lots <= order.leaves
        if not stays:
            book.leave(order)
        order.price = c.price_ticks
        order.leaves = order.life = c.qty_lots
        self.report("REPLACED", "NONE", order, last=0)
        if not stays:
            self.match(order, book.matching(other(order.side), order.price))
            if order.leaves:
                book.join(order)
            else:
                del self.by_id[order.order_id]

    def mass_cancel(self) -> None:
        resting = [o for book in self.books for side in (BUY, SELL) for o in book.resting(side)]
        chosen = [o for o in resting if o.own and o.account == self.command.account]
        for order in chosen:
            self.cancel(order, "KILLED")
        if not chosen:
            self.echo("CANCELLED", "REQUESTED", order_id=ANONYMOUS)

    # Recorded orders.

    def flow_add(self) -> None:
        c, book = self.command, self.books[self.command.instrument]
        order = self.arriving(c.order_id)
        self.match(order, self.own_orders(other(c.side), c.price_ticks))
        self.by_id[order.order_id] = order
        if order.leaves:
            book.join(order)
        else:
            book.ghosts[order.side].append(order)

    def flow_seed(self) -> None:
        c, book = self.command, self.books[self.command.instrument]
        order = self.arriving(ANONYMOUS)
        self.match(order, self.own_orders(other(c.side), c.price_ticks))
        queue = book.queue(order.side, order.price)
        if order.leaves == 0:
            book.ghosts[order.side].append(order)
        elif queue and queue[0].order_id == ANONYMOUS:
            queue[0].leaves += order.leaves
            queue[0].life += order.life
        else:
            book.join(order, front=True)

    def flow_cancel(self) -> None:
        self.shrink(self.recorded(), self.command.qty_lots)

    def flow_delete(self) -> None:
        order = self.recorded()
        if order.order_id == ANONYMOUS:
            self.shrink(order, max(0, min(self.command.qty_lots, order.life)))
            return
        self.books[order.instrument].displaced += max(0, order.life - order.leaves)
        order.life = 0
        self.cancel(order, "REQUESTED")

    def flow_execute(self) -> None:
        c, book, order = self.command, self.books[self.command.instrument], self.recorded()
        ahead = book.matching(order.side, order.price)
        if order in ahead:
            ahead = ahead[: ahead.index(order)]
        else:  # a ghost
            ahead = [maker for maker in ahead if maker.price != order.price]
        left = self.take([maker for maker in ahead if maker.own], c.qty_lots)
        executed = min(left, order.leaves)
        book.displaced += c.qty_lots - executed
        order.life = max(0, order.life - c.qty_lots)
        if executed:
            self.trade(order, executed)
        self.settle(order)

    def flow_hidden(self) -> None:
        c, book = self.command, self.books[self.command.instrument]
        left = self.take(self.own_orders(c.side, c.price_ticks), c.qty_lots)
        book.displaced += c.qty_lots - left
        if left:
            self.print(ANONYMOUS, ANONYMOUS, c.price_ticks, left, other(c.side), hidden=1)

    def flow_status(self) -> None:
        self.books[self.command.instrument].state = self.command.flags

    def flow_forget(self) -> None:
        c, book = self.command, self.books[self.command.instrument]
        orders = book.queue(c.side, c.price_ticks) + book.ghosts[c.side]
        gone = [order for order in orders if not order.own and order.price == c.price_ticks]
        self.echo("CANCELLED", "FORGOTTEN", sum(o.leaves for o in gone), order_id=ANONYMOUS)
        for order in gone:
            order.leaves = order.life = 0
            self.settle(order)

    # What they share.

    def arriving(self, order_id: int) -> Order:
        """The order that the command brings, accepted and in no queue yet."""
        c = self.command
        order = Order(
            order_id,
            c.instrument,
            c.side,
            c.price_ticks,
            c.qty_lots,
            c.qty_lots,
            c.account,
            post_only=c.kind == K["NEW_ORDER"] and c.flags == POST_ONLY,
        )
        self.report("ACCEPTED", "NONE", order, last=0)
        return order

    def own_orders(self, side: int, limit: int) -> list[Order]:
        book = self.books[self.command.instrument]
        return [order for order in book.matching(side, limit) if order.own]

    def match(self, taker: Order, makers: list[Order]) -> None:
        for maker in makers:
            if taker.leaves:
                self.trade(maker, min(taker.leaves, maker.leaves), taker)
                self.settle(maker)

    def take(self, makers: list[Order], lots: int) -> int:
        """What is left of the lots of a taker that the recording doesn't name."""
        for maker in makers:
            if lots:
                filled = min(lots, maker.leaves)
                self.trade(maker, filled)
                self.settle(maker)
                lots -= filled
        return lots

    def shrink(self, order: Order, lots: int) -> None:
        lost = min(lots, order.leaves)
        self.books[order.instrument].displaced += lots - lost
        order.life = max(0, order.life - lots)
        order.lose(lost)
        self.report("CANCELLED", "REQUESTED", order, lost)
        self.settle(order)

    def cancel(self, order: Order, reason: str) -> None:
        """All that is left of it goes."""
        lots = order.leaves
        order.lose(lots)
        self.report("CANCELLED", reason, order, lots)
        self.settle(order)

    def settle(self, order: Order) -> None:
        """After its quantities fell: it stays in its queue, becomes a ghost, or is forgotten."""
        book = self.books[order.instrument]
        if order.leaves and not order.life:
            self.cancel(order, "RECORDED_LIFE_ENDED")
            return
        if not order.leaves and book.leave(order) and order.life:
            book.ghosts[order.side].append(order)
        if not order.life:
            self.by_id.pop(order.order_id, None)
            if order in book.ghosts[order.side]:
                book.ghosts[order.side].remove(order)

    # What one can ask.

    def depth(self, instrument: int, levels: int) -> list[list[list[int]]]:
        sides = []
        for side in (BUY, SELL):
            items = list(self.books[instrument].levels[side].items())[:levels]
            rows = [[price, sum(o.leaves for o in queue), len(queue)] for price, queue in items]
            sides.append(rows + [[0, 0, 0]] * (levels - len(rows)))
        return sides

    def order(self, order_id: int) -> dict | None:
        order = self.by_id.get(order_id)
        if order is None:
            return None
        return {
            "order_id": order.order_id,
            "instrument": order.instrument,
            "side": order.side,
            "price_ticks": order.price,
            "leaves_lots": order.leaves,
            "life_lots": order.life,
            "account": order.account,
            "post_only": order.post_only,
        }

    def state(self, instrument: int) -> int:
        return self.books[instrument].state

    def displaced_lots(self, instrument: int) -> int:
        return self.books[instrument].displaced

    def __len__(self) -> int:
        ghosts = sum(len(side) for book in self.books for side in book.ghosts.values())
        sides = [levels for book in self.books for levels in book.levels.values()]
        return ghosts + sum(len(queue) for levels in sides for queue in levels.values())

    def state_hash(self) -> int:
        words = []
        for book in self.books:
            words += [book.state, book.displaced]
            for levels in book.levels.values():
                for price, queue in levels.items():
                    words.append(price)
                    for o in queue:
                        words += [o.order_id, o.leaves, o.life, o.account, int(o.post_only)]
        for book in self.books:
            for ghosts in book.ghosts.values():
                for ghost in ghosts:
                    words += [ghost.order_id, ghost.price, ghost.life]
        mixed = 0
        for word in words:
            mixed = (mixed ^ word % 2**64) * 0x9E3779B97F4A7C15 % 2**64
            mixed ^= mixed >> 32
        return mixed
