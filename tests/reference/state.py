"""What one can ask the reference engine: views of its state, and the state hash."""

from collections.abc import Iterator

from tests.reference.book import GHOST, LINED_UP, RESTING, Book, Order
from tests.reference.words import BUY, DAY, GTD, SELL

INSTRUMENT_SHIFT = 65536


def mix(h: int, word: int) -> int:
    h = (h ^ word % 2**64) * 0x9E3779B97F4A7C15 % 2**64
    return h ^ (h >> 32)


def attributes(order: Order) -> int:
    return (
        1 * order.post_only
        + 2 * order.slides
        + 4 * (order.time_in_force == DAY)
        + 8 * bool(order.display)
        + 16 * order.reduce_only
        + 32 * bool(order.link)
        + 64 * (order.time_in_force == GTD)
        + 128 * order.is_peg
        + 256 * order.is_stop
    )


def words_of(order: Order) -> list[int]:
    words = [order.order_id, order.leaves, order.life, order.account, attributes(order)]
    if attributes(order) >= 8:
        limit = order.limit if order.is_peg else order.price if order.is_stop else 0
        moves = order.is_peg or order.is_stop
        words += [
            *(order.hidden, order.display, limit, order.trigger, order.expiry, order.arrival),
            order.link.order_id if order.link else 0,
            order.order_type * 8 + order.time_in_force if moves else 0,
        ]
    return words


def pair(price: int | None) -> list[int]:
    return [0, 0] if price is None else [1, price]


def words_of_book(book: Book) -> list[int]:
    words = [int(book.listed), book.state, book.displaced, *pair(book.last_trade)]
    rules = book.rules
    if rules:
        words += [rules.price_step_ticks, rules.qty_step_lots]
        words += [rules.price_min_ticks, rules.price_max_ticks, rules.qty_max_lots]
    else:
        words += [0] * 5
    sides = [book.levels[BUY], book.levels[SELL], book.stops[SELL], book.stops[BUY]]
    for levels in sides:
        for price, queue in levels.items():
            words.append(price)
            for order in queue:
                words += words_of(order)
    for order in book.orders():
        if order in book.parked:
            words += words_of(order)
    if book.pegs():
        words.append(1)
        for price in book.looked or [None] * 4:
            words += pair(price)
    return words


class State:
    def all_orders(self) -> Iterator[Order]:
        """The live ones, instruments ascending, each in book order."""
        for book in self.books:
            yield from book.orders()

    def depth(self, instrument: int, levels: int) -> list[list[list[int]]]:
        sides = []
        for side in (BUY, SELL):
            items = list(self.books[instrument].levels[side].items())[:levels]
            rows = [[price, sum(o.leaves for o in queue), len(queue)] for price, queue in items]
            sides.append(rows + [[0, 0, 0]] * (levels - len(rows)))
        return sides

    def order(self, order_id: int) -> dict | None:
        order = self.by_id.get(order_id)
        return order and self.as_dict(order)

    def orders(self) -> list[dict]:
        return [self.as_dict(order) for order in self.all_orders()]

    @staticmethod
    def as_dict(order: Order) -> dict:
        assert order.place not in (None, LINED_UP)
        return {
            "order_id": order.order_id,
            "instrument": order.instrument,
            "side": order.side,
            "price_ticks": order.price,
            "leaves_lots": order.leaves,
            "life_lots": order.life,
            "account": order.account,
            "post_only": order.post_only,
            "state": RESTING if order.place == GHOST else order.place,
            "hidden_lots": order.hidden,
            "linked_order_id": order.link.order_id if order.link else 0,
            "reduce_only": order.reduce_only,
            "display_lots": order.display,
            "trigger_ticks": order.trigger if order.is_stop or order.is_peg else 0,
            "expiry_ts_ns": order.expiry if order.time_in_force == GTD else 0,
        }

    def state(self, instrument: int) -> int:
        return self.books[instrument].state

    def displaced_lots(self, instrument: int) -> int:
        """Two's complement, as in the hash."""
        return (self.books[instrument].displaced + 2**63) % 2**64 - 2**63

    def position(self, account: int, instrument: int) -> int | None:
        return self.positions.get((account, instrument))

    def __len__(self) -> int:
        return sum(len(book) for book in self.books)

    def state_hash(self) -> int:
        words = [self.time, self.last_arrival]
        for book in self.books:
            words += words_of_book(book)
        for book in self.books:
            for side in (BUY, SELL):
                for ghost in book.ghosts[side]:
                    words += [ghost.order_id, ghost.price, ghost.life]
        for account, flags in sorted(self.account_flags.items()):
            if flags:
                words += [account, flags]
        total = 0
        for (account, instrument), position in self.positions.items():
            total += mix(mix(0, instrument * INSTRUMENT_SHIFT + account), position)
        mixed = 0
        for word in [*words, total]:
            mixed = mix(mixed, word)
        return mixed
