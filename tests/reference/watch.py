"""What must hold of any engine, whatever is sent: kept by its reports alone."""

from collections import defaultdict

from hft.core.messages import Kind, Reason
from tests.reference.consumers import Consumer
from tests.reference.streams import INSTRUMENTS, OWN
from tests.reference.wire import Output, Report, Top, Trade, command_of, options_of
from tests.reference.words import (
    ANONYMOUS,
    BUY,
    CANCEL_ON_DISCONNECT,
    FLOW,
    FOK,
    GTD,
    INT64_MAX,
    ORDERS,
    POST_ONLY,
    POST_ONLY_SLIDE,
    REDUCE_ONLY,
    SELL,
    STOPS,
)


class Watch:
    """Sends commands on to an engine, or a pair of them, and follows what it answers."""

    def __init__(self, engine, market_data: tuple[str, ...] = ()) -> None:
        self.engine = engine
        self.consumer = Consumer(engine, INSTRUMENTS, market_data)
        self.left: dict[int, int] = {}  # own lots accepted, and neither filled nor cancelled
        self.account: dict[int, int] = {}
        self.passive: set[int] = set()
        self.reducing: set[int] = set()
        self.expiry: dict[int, int] = {}
        self.rules: dict[int, int] = defaultdict(int)
        self.positions: dict[tuple[int, int], int] = {}
        self.time = -(2**63)
        self.said: set[tuple[int, int]] = set()  # kind and reason

    def process(self, record, options=None) -> list[Output]:
        self.command, self.options = command_of(record), options_of(options)
        if self.command.kind in ORDERS or self.command.kind in FLOW:
            self.time = max(self.time, self.command.event_ts_ns)
        answers = self.engine.process(record, options)
        reports = [answer for answer in answers if isinstance(answer, Report)]
        assert reports, "a command without a report"
        tops = [isinstance(answer, Top) for answer in answers]
        assert tops == sorted(tops), "tops come last"
        said_no = any(report.kind == Kind.REJECTED for report in reports)
        if not said_no:
            self.note_command()
        for answer in answers:
            if isinstance(answer, Report):
                self.follow(answer)
            elif isinstance(answer, Trade):
                self.check_trade(answer)
        self.consumer.read(answers)
        if not said_no and self.command.kind == Kind.NEW_ORDER:
            self.check_arrival(reports)
        return answers

    def note_command(self) -> None:
        """What an accepted command says of orders, accounts and positions."""
        c = self.command
        if c.kind == Kind.SET_ACCOUNT:
            self.rules[c.account] = c.flags & ~CANCEL_ON_DISCONNECT
        elif c.kind == Kind.SET_POSITION:
            self.positions[c.account, c.instrument] = max(c.qty_lots, -INT64_MAX)
        elif c.kind == Kind.RETIRE_INSTRUMENT:
            gone = [pair for pair in self.positions if pair[1] == c.instrument]
            for pair in gone:
                del self.positions[pair]
        elif c.kind == Kind.NEW_ORDER:
            passive = POST_ONLY | POST_ONLY_SLIDE
            for flag, ids in ((passive, self.passive), (REDUCE_ONLY, self.reducing)):
                (ids.add if c.flags & flag else ids.discard)(c.order_id)
            self.account[c.order_id] = c.account
            self.expiry.pop(c.order_id, None)
            if c.time_in_force == GTD:
                self.expiry[c.order_id] = self.options.expiry_ts_ns

    def follow(self, report: Report) -> None:
        self.said.add((report.kind, report.reason))
        if report.order_id < OWN or report.kind == Kind.REJECTED:
            return
        if report.kind == Kind.ACCEPTED and report.leaves_lots == 0:
            return  # a command that names nobody, which repeats whatever id it had
        if report.kind in (Kind.ACCEPTED, Kind.REPLACED):
            assert report.last_lots == 0
            assert (report.order_id in self.left) == (report.kind == Kind.REPLACED)
            self.left[report.order_id] = report.leaves_lots
            return
        moved = report.reason in (Reason.PEG_MOVED, Reason.PARKED)
        if report.kind == Kind.TRIGGERED or (report.kind == Kind.RESTATED and moved):
            assert report.last_lots == 0
        else:
            assert report.kind in (Kind.FILLED, Kind.CANCELLED, Kind.RESTATED)
            assert 0 < report.last_lots <= self.left[report.order_id]
        self.left[report.order_id] -= report.last_lots
        assert report.leaves_lots == self.left[report.order_id]
        if report.kind == Kind.CANCELLED:
            assert report.leaves_lots == 0
        if report.kind == Kind.FILLED:
            self.count(report)
        if report.leaves_lots == 0:
            del self.left[report.order_id]

    def count(self, fill: Report) -> None:
        """A reduce-only order never takes a position beyond 0."""
        pair = (fill.account, fill.instrument)
        if pair in self.positions:
            change = fill.last_lots if fill.side == BUY else -fill.last_lots
            position = self.positions[pair] + change
            self.positions[pair] = max(-INT64_MAX, min(position, INT64_MAX))
        if fill.order_id in self.reducing:
            position = self.positions[pair]
            assert position <= 0 if fill.side == BUY else position >= 0

    def check_trade(self, trade: Trade) -> None:
        """Post-only orders never take, and no account trades with itself against its rule."""
        maker, taker = trade.maker_order_id, trade.taker_order_id
        assert trade.qty_lots > 0
        assert taker not in self.passive
        if maker >= OWN and taker >= OWN and self.account[maker] == self.account[taker]:
            assert self.rules[self.account[taker]] == 0
        recorded = max(maker, taker) < OWN
        assert not recorded or ANONYMOUS in (maker, taker)

    def check_arrival(self, reports: list[Report]) -> None:
        """Fill or kill, and the least quantity, are kept whatever is in the way."""
        c = self.command
        mine = [report for report in reports if report.order_id == c.order_id]
        filled = sum(report.last_lots for report in mine if report.kind == Kind.FILLED)
        cut = sum(report.last_lots for report in mine if report.kind == Kind.RESTATED)
        if c.time_in_force == FOK and c.order_type not in STOPS:
            assert filled in (0, c.qty_lots - cut)
        if self.options and self.options.min_lots:
            assert filled == 0 or filled >= self.options.min_lots

    def check(self) -> None:
        """What rests is what reports said; levels add up; own orders don't cross; links hold."""
        self.consumer.check()
        orders = self.engine.orders()
        own = {order["order_id"]: order for order in orders if order["order_id"] >= OWN}
        assert {i: o["leaves_lots"] + o["hidden_lots"] for i, o in own.items()} == self.left
        for order_id, order in own.items():
            assert self.engine.order(order_id) == order
            linked = order["linked_order_id"]
            assert linked == 0 or own[linked]["linked_order_id"] == order_id
            assert order_id not in self.expiry or self.expiry[order_id] > self.time
        for (account, instrument), position in self.positions.items():
            assert self.engine.position(account, instrument) == position
        rows = defaultdict(lambda: [0, 0])
        for order in orders:
            if order["state"] == "resting":
                row = rows[order["instrument"], order["side"], order["price_ticks"]]
                row[0] += order["leaves_lots"]
                row[1] += 1
        for instrument in range(INSTRUMENTS):
            best = {}
            for side, levels in zip((BUY, SELL), self.engine.depth(instrument, 64), strict=True):
                levels = [list(row) for row in levels if row[2]]
                for price, *row in levels:
                    assert rows.pop((instrument, side, price)) == row
                prices = [row[0] for row in levels]
                assert prices == sorted(set(prices), reverse=side == BUY)
                best[side] = prices[:1]
            for order in own.values():
                if order["instrument"] == instrument and order["state"] == "resting":
                    for price in best[BUY + SELL - order["side"]]:
                        against = price - order["price_ticks"]
                        assert (against if order["side"] == BUY else -against) > 0
        assert not rows
