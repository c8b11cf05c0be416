"""Short words for commands and outputs, so that a test reads like the table of rules.

Orders go by names: B1 and S1 are own buy and sell orders, R1 is a recorded one, - is anonymous.
"""

from hft.core.messages import InstrumentState, Kind, OrderFlag, OrderType, Reason, Side, TimeInForce
from tests.reference.wire import Output, Report, Top, Trade, commands

BUY, SELL = int(Side.BUY), int(Side.SELL)
OWN = 1 << 56
NUMBER_OF = {"-": 0, "R": 0, "B": OWN, "S": OWN + (1 << 32)}
IOC = {"time_in_force": TimeInForce.IOC}
FOK = {"time_in_force": TimeInForce.FOK}
MARKET = {"order_type": OrderType.MARKET}
POST_ONLY = {"flags": OrderFlag.POST_ONLY}
OPEN, PRE_OPEN, HALTED = InstrumentState.OPEN, InstrumentState.PRE_OPEN, InstrumentState.HALTED


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
    name = name_of(output.order_id)
    if output.kind == Kind.FILLED:
        lots, price = output.last_lots, output.price_ticks
        return f"{name} filled {lots} @ {price}, leaves {output.leaves_lots}"
    if output.kind == Kind.CANCELLED:
        reason = Reason(output.reason).name
        return f"{name} cancelled {output.last_lots} {reason}, leaves {output.leaves_lots}"
    if output.kind == Kind.REJECTED:
        return f"{name} rejected {Reason(output.reason).name}"
    kind = Kind(output.kind).name.lower()
    return f"{name} {kind} {output.leaves_lots} @ {output.price_ticks}"


class Desk:
    """Sends commands to one engine; what comes back is in words, tops apart."""

    def __init__(self, engine) -> None:
        self.engine = engine
        self.sent = 0
        self.outputs: list[Output] = []

    def send(self, kind: int, **fields) -> list[str]:
        self.sent += 1
        defaults = {"sequence": self.sent, "event_ts_ns": 10 * self.sent}
        command = commands({"kind": kind, **defaults, **fields})[0]
        self.outputs = self.engine.process(command)
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
