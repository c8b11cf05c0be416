"""The matching engine of docs/engine.md in plain Python: slow, short, obviously correct.

It shares nothing with hft.core.MatchingEngine but the numbers of the enums. What the rules derive
by search (queue positions, totals, the number of orders, which stops are reached) is searched for
each time instead of being kept up to date. Each subject has a file of its own: checks.py, own.py,
recorded.py, matching.py, stops.py, pegs.py, accounts.py, state.py, and saying.py for what goes out.
"""

from collections.abc import Collection

from hft.core.messages import Kind
from tests.reference.accounts import Accounts
from tests.reference.book import Book, Order
from tests.reference.checks import Checks
from tests.reference.matching import Matching
from tests.reference.own import Own
from tests.reference.pegs import Pegs
from tests.reference.recorded import Recorded
from tests.reference.saying import Saying
from tests.reference.state import State
from tests.reference.stops import Stops
from tests.reference.wire import Output, Rules, Top, command_of, options_of, rules_of
from tests.reference.words import (
    FLOW,
    GTD,
    HAS_OPTIONS,
    INT64_MIN,
    OPEN,
    ORDERS,
    PRE_OPEN,
    REPORTS,
    K,
)


class ReferenceEngine(Checks, Own, Recorded, Matching, Stops, Pegs, Accounts, State, Saying):
    def __init__(
        self,
        instruments: int = 4,
        orders: int = 1024,
        listed: int | None = None,
        market_data: Collection[str] = (),
    ) -> None:
        self.books = [Book() for _ in range(instruments)]
        for book in self.books[: instruments if listed is None else listed]:
            book.listed, book.state, book.rules = True, OPEN, Rules()
        self.capacity = orders
        self.market_data = market_data
        self.time = INT64_MIN
        self.last_arrival = 0
        self.by_id: dict[int, Order] = {}  # all but the anonymous ones
        self.account_flags: dict[int, int] = {}
        self.positions: dict[tuple[int, int], int] = {}  # of (account, instrument)

    @property
    def book(self) -> Book:
        return self.books[self.command.instrument]

    def process(self, record, options=None) -> list[Output]:
        """The answers to one command: a record, and the one behind it where it has options."""
        self.command = c = command_of(record)
        self.options = options_of(options)
        assert options is None or c.flags & HAS_OPTIONS
        self.rules = rules_of(record) if c.kind == K["LIST_INSTRUMENT"] else None
        self.out: list[Output] = []
        tops = [book.top() for book in self.books]
        if c.kind in FLOW or c.kind in ORDERS:
            self.time = max(self.time, c.event_ts_ns)
            self.expire()
        reason = self.objection()
        if reason:
            self.echo("REJECTED", reason, last=c.qty_lots)
        else:
            self.carry_out()
        for book in self.books:
            if book.state == OPEN:
                self.trigger_stops(book)
        for book in self.books:
            self.move_pegs(book)
        for index, book in enumerate(self.books):
            if book.top() != tops[index]:
                self.out.append(Top(K["BOOK_TOP"], index, *book.top(), c.event_ts_ns))
        return self.out

    def expire(self) -> None:
        dated = [order for order in self.all_orders() if order.own and order.time_in_force == GTD]
        due = [order for order in dated if order.expiry <= self.time]
        self.cancel_all(sorted(due, key=lambda o: (o.expiry, o.arrival)), "EXPIRED")

    def carry_out(self) -> None:
        said = len(self.out)
        getattr(self, Kind(self.command.kind).name.lower())()
        if not any(message.kind in REPORTS for message in self.out[said:]):
            self.echo("ACCEPTED")

    def advance_time(self) -> None:
        """Nothing happened."""

    def list_instrument(self) -> None:
        self.books[self.command.instrument] = Book(True, PRE_OPEN, self.rules)

    def retire_instrument(self) -> None:
        index = self.command.instrument
        self.echo("ACCEPTED")
        self.cancel_all(list(self.book.orders()), "INSTRUMENT_RETIRED")
        for side in self.book.ghosts.values():
            for ghost in side:
                self.by_id.pop(ghost.order_id, None)
        self.books[index] = Book()
        self.positions = {pair: lots for pair, lots in self.positions.items() if pair[1] != index}
