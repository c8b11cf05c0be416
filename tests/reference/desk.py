"""Short words for commands and outputs, so that a test reads like the table of rules.

Orders go by names: B1 and S1 are own buy and sell orders, R1 is a recorded one, - is anonymous.
"""

from hft.core.messages import (
    BookAction,
    InstrumentState,
    Kind,
    OrderFlag,
    OrderType,
    Reason,
    SelfTradeRule,
    Side,
    TimeInForce,
)
from tests.reference.wire import BookOrder, Level, Output, Report, Top, Trade, commands

BUY, SELL = int(Side.BUY), int(Side.SELL)
OWN = 1 << 56
NUMBER_OF = {"-": 0, "R": 0, "B": OWN, "S": OWN + (1 << 32)}
IOC = {"time_in_force": TimeInForce.IOC}
FOK = {"time_in_force": TimeInForce.FOK}
DAY = {"time_in_force": TimeInForce.DAY}
GTD = {"time_in_force": TimeInForce.GTD}
MARKET = {"order_type": OrderType.MARKET}
MARKET_TO_LIMIT = {"order_type": OrderType.MARKET_TO_LIMIT}
STOP = {"order_type": OrderType.STOP}
STOP_LIMIT = {"order_type": OrderType.STOP_LIMIT}
PEG_BID = {"order_type": OrderType.PEG_BID}
PEG_ASK = {"order_type": OrderType.PEG_ASK}
PEG_MID = {"order_type": OrderType.PEG_MID}
POST_ONLY = {"flags": OrderFlag.POST_ONLY}
SLIDE = {"flags": OrderFlag.POST_ONLY_SLIDE}
REDUCE_ONLY = {"flags": OrderFlag.REDUCE_ONLY}
OPEN, PRE_OPEN = InstrumentState.OPEN, InstrumentState.PRE_OPEN
HALTED, CLOSED = InstrumentState.HALTED, InstrumentState.CLOSED
ALLOW, DECREMENT = SelfTradeRule.SELF_TRADE_ALLOW, SelfTradeRule.SELF_TRADE_DECREMENT
CANCEL_TAKER = SelfTradeRule.SELF_TRADE_CANCEL_TAKER
CANCEL_MAKER = SelfTradeRule.SELF_TRADE_CANCEL_MAKER
CANCEL_BOTH = SelfTradeRule.SELF_TRADE_CANCEL_BOTH
OPTIONS = {
    "trigger": "trigger_ticks",
    "display": "display_lots",
    "least": "min_lots",
    "expiry": "expiry_ts_ns",
    "link": "linked_order_id",
}
ACTIONS = {
    BookAction.ORDER_JOINED: "joined",
    BookAction.ORDER_JOINED_FRONT: "joined the front",
    BookAction.ORDER_SHRANK: "shrank",
    BookAction.ORDER_LEFT: "left",
}


def id_of(name: str) -> int:
    return NUMBER_OF[name[0]] + int(name[1:] or 0)


def name_of(order_id: int) -> str:
    for letter in "SBR":
        if order_id > NUMBER_OF[letter]:
            return f"{letter}{order_id - NUMBER_OF[letter]}"
    return "-"


def in_words(output: Output) -> str:
    if isinstance(output, Trade):
        names = f"{name_of(output.maker_order_id)} {name_of(output.taker_order_id)}"
        hidden = " hidden" if output.hidden else ""
        return f"trade {output.qty_lots} @ {output.price_ticks} {names}{hidden}"
    if isinstance(output, Top):
        bid = f"{output.bid_lots} @ {output.bid_price_ticks}" if output.bid_lots else "none"
        ask = f"{output.ask_lots} @ {output.ask_price_ticks}" if output.ask_lots else "none"
        return f"top {bid}, {ask}"
    if isinstance(output, Level):
        side = Side(output.side).name.lower()
        return f"{side} level {output.price_ticks}: {output.lots} in {output.order_count}"
    name = name_of(output.order_id)
    if isinstance(output, BookOrder):
        return f"{name} {ACTIONS[output.action]} {output.leaves_lots} @ {output.price_ticks}"
    if output.kind == Kind.FILLED:
        lots, price = output.last_lots, output.price_ticks
        return f"{name} filled {lots} @ {price}, leaves {output.leaves_lots}"
    if output.kind == Kind.CANCELLED:
        reason = Reason(output.reason).name
        return f"{name} cancelled {output.last_lots} {reason}, leaves {output.leaves_lots}"
    if output.kind == Kind.REJECTED:
        return f"{name} rejected {Reason(output.reason).name}"
    what = f"{name} {Kind(output.kind).name.lower()} {output.leaves_lots} @ {output.price_ticks}"
    if output.kind == Kind.RESTATED and output.last_lots:
        return f"{what} {Reason(output.reason).name}, lost {output.last_lots}"
    return f"{what} {Reason(output.reason).name}" if output.reason else what


class Desk:
    """Sends commands to one engine; what comes back is in words, tops apart."""

    def __init__(self, engine) -> None:
        self.engine = engine
        self.sent = 0
        self.now = 0
        self.outputs: list[Output] = []

    def send(self, kind: int, **fields) -> list[str]:
        """Fields that an ORDER_OPTIONS has, by their short words, go into a slot of their own."""
        self.sent += 1
        said = {OPTIONS[word]: fields.pop(word) for word in OPTIONS if word in fields}
        if said:
            fields["flags"] = fields.get("flags", 0) | OrderFlag.HAS_OPTIONS
            if isinstance(said.get("linked_order_id"), str):
                said["linked_order_id"] = id_of(said["linked_order_id"])
        defaults = {"sequence": self.sent, "event_ts_ns": self.now}
        if kind == Kind.ORDER_OPTIONS:  # which has no time
            del defaults["event_ts_ns"]
        slots = [{"kind": kind, **defaults, **fields}, {"kind": Kind.ORDER_OPTIONS, **said}]
        self.outputs = self.engine.process(*commands(*slots[: 2 if said else 1]))
        reports = [output for output in self.outputs if isinstance(output, Report)]
        assert reports, "a command without a report"
        return [in_words(output) for output in self.outputs if not isinstance(output, Top)]

    @property
    def tops(self) -> list[str]:
        """The BOOK_TOPs of the last command, which end its answers."""
        tops = [output for output in self.outputs if isinstance(output, Top)]
        assert self.outputs[len(self.outputs) - len(tops) :] == tops
        return [in_words(top) for top in tops]

    def own(self, name: str, lots: int, price: int = 0, **fields) -> list[str]:
        fields = {"side": BUY if name[0] == "B" else SELL, **fields}
        return self.about(Kind.NEW_ORDER, name, lots, price, **fields)

    def about(self, kind: int, name: str, lots: int = 0, price: int = 0, **fields) -> list[str]:
        return self.send(kind, order_id=id_of(name), qty_lots=lots, price_ticks=price, **fields)

    def pull(self, name: str, **fields) -> list[str]:
        return self.about(Kind.CANCEL_ORDER, name, **fields)

    def replace(self, name: str, lots: int, price: int, **fields) -> list[str]:
        return self.about(Kind.REPLACE_ORDER, name, lots, price, **fields)

    def add(self, name: str, side: int, lots: int, price: int, **fields) -> list[str]:
        return self.about(Kind.FLOW_ADD, name, lots, price, side=side, **fields)

    def cancel(self, name: str, lots: int, side: int = SELL, price: int = 101) -> list[str]:
        return self.about(Kind.FLOW_CANCEL, name, lots, price, side=side)

    def delete(self, name: str, lots: int = 0, side: int = SELL, price: int = 101) -> list[str]:
        return self.about(Kind.FLOW_DELETE, name, lots, price, side=side)

    def execute(self, name: str, lots: int, side: int = SELL, price: int = 101) -> list[str]:
        return self.about(Kind.FLOW_EXECUTE, name, lots, price, side=side)

    def hidden(self, side: int, lots: int, price: int) -> list[str]:
        return self.about(Kind.FLOW_HIDDEN, "-", lots, price, side=side)

    def seed(self, side: int, lots: int, price: int) -> list[str]:
        return self.about(Kind.FLOW_SEED, "-", lots, price, side=side)

    def forget(self, side: int, price: int) -> list[str]:
        return self.about(Kind.FLOW_FORGET, "-", 0, price, side=side)

    def status(self, state: int, **fields) -> list[str]:
        return self.send(Kind.FLOW_STATUS, flags=state, **fields)

    def rule(self, flags: int, account: int = 0) -> list[str]:
        """What SET_ACCOUNT says of an account."""
        return self.send(Kind.SET_ACCOUNT, account=account, flags=flags)

    def position(self, lots: int, account: int = 0, instrument: int = 0) -> list[str]:
        return self.send(Kind.SET_POSITION, account=account, instrument=instrument, qty_lots=lots)

    def at(self, time: int) -> list[str]:
        """The time comes, and nothing else happens."""
        self.now = time
        return self.send(Kind.ADVANCE_TIME)

    def list_instrument(self, instrument: int, **rules) -> list[str]:
        usual = {
            "price_step_ticks": 1,
            "qty_step_lots": 1,
            "price_min_ticks": -(2**63),
            "price_max_ticks": 2**63 - 1,
            "qty_max_lots": 2**63 - 1,
        }
        return self.send(Kind.LIST_INSTRUMENT, instrument=instrument, **{**usual, **rules})

    def print(self, price: int, side: int = BUY) -> None:
        """A trade at the price that no order in the book is part of."""
        assert "hidden" in self.hidden(side, 1, price)[0]

    def resting(self) -> list[str]:
        """The names of all live orders, in instrument and book order."""
        return [name_of(order["order_id"]) for order in self.engine.orders()]

    def where(self, name: str) -> str | None:
        """An order's state, quantity shown, + what it hides, and price."""
        order = self.engine.order(id_of(name))
        if order is None:
            return None
        hidden = f"+{order['hidden_lots']}" if order["hidden_lots"] else ""
        return f"{order['state']} {order['leaves_lots']}{hidden} @ {order['price_ticks']}"

    def levels(self, side: int, instrument: int = 0) -> list[list[int]]:
        """[price, lots, orders] of each level, best first."""
        rows = self.engine.depth(instrument, 16)[side - BUY]
        return [list(row) for row in rows if row[2]]

    def lots(self, name: str) -> tuple[int, int] | None:
        """Leaves and life of an order."""
        order = self.engine.order(id_of(name))
        return order and (order["leaves_lots"], order["life_lots"])


def stand_ahead(desk: Desk) -> list[str]:
    """An own order S1 has stood ahead of the recorded R1 in an execution of 50."""
    desk.own("S1", 30, 101)
    desk.add("R1", SELL, 80, 101)
    return desk.execute("R1", 50)
