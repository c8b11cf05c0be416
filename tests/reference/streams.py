"""Random commands: lists that hypothesis shrinks, and long streams that a seed repeats.

Both are biased to what happens in a book: few ids, used again and again, a dozen prices around 100,
own and recorded orders mixed, stops and expiries near, accounts that meet themselves; now and then
a field is extreme or invalid.
"""

import random
from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

from hft.core.messages import Kind, OrderFlag, OrderType, Side, TimeInForce
from tests.reference.book import Order
from tests.reference.engine import ReferenceEngine
from tests.reference.wire import commands

INSTRUMENTS, LISTED = 3, 2
OWN = 1 << 56
INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)
BUY, SELL = int(Side.BUY), int(Side.SELL)

# Ends of the range, and both sides of where a price needs one more node to be found.
ODD_PRICES = [
    *(INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX),
    *(sign * 64**power + step for sign in (-1, 1) for power in (1, 2, 5, 10) for step in (-1, 0)),
]
ODD_LOTS = [INT64_MIN, -1, 0, 2**62, INT64_MAX - 20, INT64_MAX]
RECORDED_IDS = list(range(1, 81))
OWN_IDS = [*range(OWN + 1, OWN + 16), *range(2**64 - 8, 2**64)]
ODD_IDS = [0, OWN - 1, OWN, 2**63]
ACCOUNTS = [0, 1, 2, 65535]

# How often, of a thousand commands.
KINDS = {
    Kind.NEW_ORDER: 380,
    Kind.FLOW_ADD: 130,
    Kind.FLOW_CANCEL: 40,
    Kind.FLOW_DELETE: 40,
    Kind.FLOW_EXECUTE: 60,
    Kind.FLOW_HIDDEN: 25,
    Kind.FLOW_SEED: 40,
    Kind.FLOW_FORGET: 15,
    Kind.FLOW_STATUS: 30,
    Kind.CANCEL_ORDER: 30,
    Kind.REPLACE_ORDER: 110,
    Kind.MASS_CANCEL: 4,
    Kind.LIST_INSTRUMENT: 12,
    Kind.RETIRE_INSTRUMENT: 3,
    Kind.SET_ACCOUNT: 15,
    Kind.SET_POSITION: 30,
    Kind.DISCONNECT: 4,
    Kind.ADVANCE_TIME: 10,
    Kind.ORDER_OPTIONS: 2,
    0: 1,
    Kind.REPLACED: 1,
    Kind.TIME: 1,
    200: 3,
}
EVERY_KIND = [int(kind) for kind, times in KINDS.items() for _ in range(times)]
MAY_MEAN_ANONYMOUS = (Kind.FLOW_CANCEL, Kind.FLOW_DELETE, Kind.FLOW_EXECUTE)
HAS_FLAGS = (Kind.FLOW_STATUS, Kind.SET_ACCOUNT, Kind.MASS_CANCEL)
FLAGS = {
    Kind.FLOW_STATUS: ([0] * 12 + [1, 2, 3], [4, 128]),
    Kind.SET_ACCOUNT: ([0, 1, 2, 3, 4, 8, 9, 10, 11, 12], [5, 7, 13, 16]),
    Kind.MASS_CANCEL: ([0, 1, 1, 2, 3], [4, 255]),
}
STOPS, PEGS = (OrderType.STOP, OrderType.STOP_LIMIT), (5, 6, 7)
TYPES = [int(OrderType.LIMIT)] * 12 + [1, 2, 3, 3, 4, 4, 5, 6, 7]
REST = [int(tif) for tif in (TimeInForce.GTC, TimeInForce.DAY, TimeInForce.GTD)]
PRICES = [100, 101, 99, 102, 98, 103, 97, 104, 96, 100, 101, 99, 102, 98, 100, 99]

# One of the usual values, in a small share of all cases an odd one; or a usual one by default.
Pick = Callable[..., int]


class Writer:
    """Writes commands whose fields are picked by `pick(usual, odd=(), share=...)`.

    It sends them to an engine of its own, to know what lives: most commands shall be about that.
    """

    def __init__(self, pick: Pick) -> None:
        self.pick = pick
        self.now = 0
        self.engine = ReferenceEngine(INSTRUMENTS, 1024, LISTED)

    def chance(self, in_all: int) -> bool:
        return self.pick([False] * (in_all - 1) + [True])

    def known(self, own: bool) -> list[Order]:
        return [order for order in self.engine.by_id.values() if order.own == own]

    def new_id(self, ids: list[int]) -> int:
        fresh = [each for each in ids if each not in self.engine.by_id]
        return self.pick(fresh or ids, [*ids, *ODD_IDS, OWN + 1], 0.03)

    def about(self, fields: dict[str, int], own: bool) -> None:
        """The command is about an order that lives, or now and then about any id."""
        known = self.known(own)
        if not known or self.chance(12):
            fields["order_id"] = self.pick(OWN_IDS if own else RECORDED_IDS, ODD_IDS, 0.1)
            return
        order = known[self.pick(range(len(known)))]
        fields["order_id"], fields["instrument"] = order.order_id, order.instrument
        fields["side"] = order.side

    def account(self, order_id: int) -> int:
        """Most orders of an id are of one account, so that it can cancel them."""
        return self.pick([ACCOUNTS[order_id % 3]], ACCOUNTS, 0.03)

    def price(self, side: int = 0, odd_share: float = 0.015) -> int:
        """Buys and sells overlap a little, so that books are deep and still trade."""
        price = self.pick(PRICES, ODD_PRICES, odd_share)
        return price - (side == BUY) if abs(price) < 2**60 else price

    def slots(self) -> list[dict[str, int]]:
        """The fields of the next command, and those of its options if it has any."""
        written = self.write()
        self.engine.process(*commands(*written))
        return written

    def write(self) -> list[dict[str, int]]:
        self.now += self.pick([0, 1, 10, 100])
        kind = self.pick(EVERY_KIND)
        fields = {
            "kind": kind,
            "instrument": self.pick([0] * 10 + [1] * 5 + [2], [3, 65535], 0.004),
        }
        if kind == Kind.ORDER_OPTIONS:
            return [{**fields, **self.options({"order_type": 4, "time_in_force": 4})}]
        fields["event_ts_ns"] = self.pick([self.now], [self.now - 200, INT64_MIN], 0.03)
        if kind == Kind.LIST_INSTRUMENT:
            fields["instrument"] = self.pick([2, 0, 1], [3], 0.02)
            return [{**fields, **self.rules()}]
        fields["side"] = self.pick([BUY, SELL], [0, 3, 255], 0.008)
        if kind == Kind.NEW_ORDER:
            return self.new_order(fields)
        if kind == Kind.REPLACE_ORDER:
            return self.replace(fields)
        if kind == Kind.RETIRE_INSTRUMENT:
            fields["instrument"] = self.pick([2], [0, 1, 3], 0.1)
        if kind == Kind.CANCEL_ORDER:
            self.about(fields, own=True)
        elif kind in MAY_MEAN_ANONYMOUS and not self.chance(4):
            self.about(fields, own=False)
        elif kind == Kind.FLOW_ADD:
            fields["order_id"] = self.new_id(RECORDED_IDS)
        else:
            fields["order_id"] = self.pick([0], [*OWN_IDS, *RECORDED_IDS], 0.03)
        order_id = fields["order_id"]
        fields["price_ticks"] = self.price(fields["side"])
        fields["qty_lots"] = self.pick([*range(1, 13)], ODD_LOTS, 0.012)
        fields["account"] = self.account(order_id) if order_id else self.pick(ACCOUNTS)
        if kind in HAS_FLAGS:
            fields["flags"] = self.pick(*FLAGS[kind], 0.03)
        if kind == Kind.MASS_CANCEL:
            fields["side"] = self.pick([0, BUY, SELL], [3], 0.02)
        if kind == Kind.SET_POSITION:
            usual = [-20, -8, -3, 0, 3, 8, 20, 12, -12]
            fields["qty_lots"] = self.pick(usual, [INT64_MIN, INT64_MAX, -INT64_MAX], 0.03)
        return [fields]

    def rules(self) -> dict[str, int]:
        return {
            "price_step_ticks": self.pick([1, 1, 1, 2], [0, 2**32 - 1], 0.06),
            "qty_step_lots": self.pick([1, 1, 1, 2], [0], 0.04),
            "price_min_ticks": self.pick([90, 97, INT64_MIN], [INT64_MAX, 102], 0.06),
            "price_max_ticks": self.pick([110, 103, INT64_MAX], [INT64_MIN, 95], 0.06),
            "qty_max_lots": self.pick([30, 15, INT64_MAX], [0, -1], 0.06),
        }

    def new_order(self, fields: dict[str, int]) -> list[dict[str, int]]:
        order_id = self.new_id(OWN_IDS)
        order_type = self.pick(TYPES, [8, 255], 0.004)
        rests = order_type in (OrderType.MARKET_TO_LIMIT, *PEGS)
        usual = REST if rests else [0, *REST, *REST, *REST, 1, 2]
        usual = [0, 0, 1, 2] if order_type == OrderType.MARKET else usual
        fields |= {
            "order_id": order_id,
            "account": self.account(order_id),
            "order_type": order_type,
            "time_in_force": self.pick(usual, [1, 3, 5, 255], 0.015),
            "price_ticks": self.price(fields["side"]),
            "qty_lots": self.pick([*range(1, 21)], ODD_LOTS, 0.012),
        }
        flags = self.pick([0] * 10 + [1, 2, 2], [3, 8, 64], 0.01)
        if order_type != OrderType.LIMIT or fields["time_in_force"] not in REST:
            flags = self.pick([0], [1, 2], 0.01)
        flags |= self.pick([0, 0, 0, 0, OrderFlag.REDUCE_ONLY])
        if order_type in PEGS and self.chance(2):
            fields["price_ticks"] = 110 if fields["side"] == BUY else 90
        needs = order_type in STOPS or fields["time_in_force"] == TimeInForce.GTD
        if not self.pick([needs or self.chance(3)], [not needs], 0.02):
            return [{**fields, "flags": flags}]
        flags |= OrderFlag.HAS_OPTIONS
        options = self.options({**fields, "flags": flags})
        return [{**fields, "flags": flags}, options][: self.pick([2], [1], 0.01)]

    def options(self, order: dict[str, int]) -> dict[str, int]:
        """Of what the options can say, most of the time only what goes with the order."""
        order_type, flags = order["order_type"], order.get("flags", 0)
        rests = order["time_in_force"] in REST
        said = {"kind": int(Kind.ORDER_OPTIONS)}
        if order_type in STOPS or self.chance(150):
            said["trigger_ticks"] = self.price()
        if order_type in PEGS:
            said["trigger_ticks"] = self.pick([0, 1, -1, 2, -2, 0], ODD_PRICES, 0.03)
        hides = order_type == OrderType.LIMIT and rests and not flags & OrderFlag.REDUCE_ONLY
        if self.chance(2) if hides else self.chance(150):
            said["display_lots"] = self.pick([1, 2, 3, 5, 30], [-1, INT64_MAX], 0.02)
        may_ask = order_type in (OrderType.LIMIT, OrderType.MARKET) and not flags & 3
        if self.chance(3) if may_ask else self.chance(150):
            said["min_lots"] = self.pick([1, 2, 4, 8], [-1, INT64_MAX], 0.02)
        if order["time_in_force"] == TimeInForce.GTD or self.chance(150):
            later = [self.now + ahead for ahead in (1, 50, 300, 1000, 3000)]
            said["expiry_ts_ns"] = self.pick(later, [0, self.now, INT64_MAX, INT64_MIN], 0.03)
        linkable = rests and order_type not in (OrderType.MARKET, OrderType.MARKET_TO_LIMIT)
        if self.chance(2) if linkable else self.chance(150):
            said["linked_order_id"] = self.linked(order)
        return said

    def linked(self, order: dict[str, int]) -> int:
        """Mostly the id of a live order of the same account and instrument."""
        whose = (order.get("account", 0), order.get("instrument", 0))
        good = [o for o in self.known(own=True) if (o.account, o.instrument) == whose]
        return self.pick([o.order_id for o in good] or OWN_IDS, [*OWN_IDS, 1, OWN], 0.1)

    def replace(self, fields: dict[str, int]) -> list[dict[str, int]]:
        self.about(fields, own=True)
        fields |= {
            "account": self.account(fields["order_id"]),
            "price_ticks": self.price(fields["side"]),
            "qty_lots": self.pick([*range(1, 16)], [*ODD_LOTS, 5000], 0.015),
            "flags": self.pick([0], [1, 64, 129], 0.01),
        }
        if not self.chance(8):
            return [fields]
        fields["flags"] |= OrderFlag.HAS_OPTIONS
        options = {"kind": int(Kind.ORDER_OPTIONS), "trigger_ticks": self.price()}
        if self.chance(3):
            options["trigger_ticks"] = self.pick([0, 1, -1, 2])
        if self.chance(50):
            options["display_lots"] = 1
        return [fields, options][: self.pick([2], [1], 0.02)]


def seeded(seed: int, count: int) -> np.ndarray:
    """A stream of so many commands and their options; the same for the same seed."""
    rng = random.Random(seed)

    def pick(usual, odd=(), share=0.02):
        return rng.choice(odd if odd and rng.random() < share else usual)

    writer = Writer(pick)
    written: list[dict[str, int]] = []
    for number in range(count):
        slots = writer.slots()
        # A cause is the sequence's low half: let it wrap.
        slots[0]["sequence"] = 2**32 - count // 2 + number
        slots[0]["origin_ts_ns"] = rng.randrange(2**40)
        written += slots
    return commands(*written)


@st.composite
def command_lists(draw, longest: int = 40) -> list[dict[str, int]]:
    """The fields of commands and of their options; it shrinks to few plain orders at 100."""

    def pick(usual, odd=(), share=0.02):
        times = 1 + int(len(odd) / share / len(usual))
        return draw(st.sampled_from([*(list(usual) * times), *odd] if odd else usual))

    writer = Writer(pick)
    return [slot for _ in range(draw(st.integers(0, longest))) for slot in writer.slots()]
