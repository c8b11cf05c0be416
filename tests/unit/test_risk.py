"""The risk gate: each limit at its bound and one beyond, and accounts against a Python model."""

from collections import defaultdict

import numpy as np
import pytest

from hft.core.messages import (
    BOOK_TOP_DTYPE,
    COMMAND,
    MESSAGE,
    REPORT,
    Kind,
    OrderType,
    Reason,
    Side,
)
from hft.core.risk import Risk

BUY, SELL = int(Side.BUY), int(Side.SELL)
OWN = 1 << 56
INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)
SECOND_NS = 10**9
NONE = Reason.NONE
# Wide enough that only the limit under test says no.
LIMITS = {
    "order_lots": 10**6,
    "position_lots": 10**9,
    "order_notional_micros": INT64_MAX,
    "price_band_bps": 10**6,
    "loss_micros": 0,
    "orders_per_second": 10_000,
    "open_orders": 1000,
    "order_increment_ticks": 1,
    "value_numerator": 1,
    "value_denominator": 1,
}


class Gate:
    """A Risk of two equal instruments, told and asked in one line."""

    def __init__(self, mid: int | None = 1000, **limits: int) -> None:
        self.risk = Risk([LIMITS | limits] * 2)
        self.now_ns = 0
        if mid is not None:
            self.mark(mid - 1, mid + 1)

    def mark(self, bid, ask, bid_lots=1, ask_lots=1, instrument=0):
        top = np.zeros(1, BOOK_TOP_DTYPE)
        top["kind"], top["instrument"] = Kind.BOOK_TOP, instrument
        top["bid_price_ticks"], top["bid_lots"] = bid, bid_lots
        top["ask_price_ticks"], top["ask_lots"] = ask, ask_lots
        self.risk.follow(top.view(MESSAGE))

    def ask(self, kind, number=1, lots=0, price=1000, **fields):
        intent = np.zeros(1, COMMAND)
        intent["kind"], intent["order_id"] = kind, OWN + number
        intent["qty_lots"], intent["price_ticks"] = lots, price
        intent["event_ts_ns"] = self.now_ns
        for name, value in fields.items():
            intent[name] = value
        return Reason(int(self.risk.check(intent)[0]))

    def buy(self, number, lots, price=1000, **fields):
        return self.ask(Kind.NEW_ORDER, number, lots, price, side=BUY, **fields)

    def sell(self, number, lots, price=1000, **fields):
        return self.ask(Kind.NEW_ORDER, number, lots, price, side=SELL, **fields)

    def replace(self, number, lots, price=1000, **fields):
        return self.ask(Kind.REPLACE_ORDER, number, lots, price, **fields)

    def cancel(self, number, **fields):
        return self.ask(Kind.CANCEL_ORDER, number, **fields)

    def hear(self, kind, number=1, last=0, leaves=0, price=1000, side=BUY, **fields):
        report = np.zeros(1, REPORT)
        report["kind"], report["order_id"], report["side"] = kind, OWN + number, side
        report["last_lots"], report["leaves_lots"], report["price_ticks"] = last, leaves, price
        for name, value in fields.items():
            report[name] = value
        self.risk.follow(report.view(MESSAGE))

    def __getattr__(self, name):
        return self.risk.position(0)[name]


# Limits, at and beyond.


@pytest.mark.parametrize("send", [Gate.buy, Gate.sell])
def test_order_size(send):
    gate = Gate(order_lots=10)
    assert send(gate, 1, 11) == Reason.RISK_ORDER_SIZE
    assert send(gate, 1, 10) == NONE


@pytest.mark.parametrize("lots", [0, -1, INT64_MIN])
def test_a_quantity_is_above_zero(lots):
    gate = Gate()
    gate.buy(1, 5)
    assert gate.buy(2, lots) == gate.replace(1, lots) == Reason.RISK_BAD_ORDER


@pytest.mark.parametrize("side", [0, 3, 255])
def test_a_side_is_buy_or_sell(side):
    assert Gate().ask(Kind.NEW_ORDER, 1, 5, side=side) == Reason.RISK_BAD_ORDER


@pytest.mark.parametrize(
    "kind", [k for k in Kind if k not in (Kind.NEW_ORDER, Kind.CANCEL_ORDER, Kind.REPLACE_ORDER)]
)
def test_what_is_no_order_is_refused(kind):
    assert Gate().ask(kind, 1, 5, side=BUY) == Reason.RISK_BAD_ORDER


def test_an_id_is_used_once():
    """While its order is open; and an id of the recording's never."""
    gate = Gate()
    assert gate.buy(1, 5) == NONE
    assert gate.buy(1, 5) == gate.buy(7 - OWN, 5) == Reason.RISK_BAD_ORDER
    gate.hear(Kind.CANCELLED, 1, last=5)
    assert gate.buy(1, 5) == NONE


def test_notional():
    """Price times lots times the value of a tick-lot, rounded down."""
    gate = Gate(order_notional_micros=15_000, value_numerator=3, value_denominator=2)
    assert gate.buy(1, 11) == Reason.RISK_NOTIONAL
    assert gate.buy(1, 10, 1001) == Reason.RISK_NOTIONAL
    assert gate.buy(1, 10) == NONE


@pytest.mark.parametrize("price", [INT64_MAX, INT64_MAX - 1, INT64_MIN, INT64_MIN + 1])
@pytest.mark.parametrize("lots", [2, INT64_MAX])
@pytest.mark.parametrize("value", [1, 2**32, 2**64 - 1])
def test_a_notional_beyond_64_bits_is_refused(price, lots, value):
    """A product never wraps into something small."""
    half = price // 2
    gate = Gate(
        mid=None, order_lots=INT64_MAX, price_band_bps=2**62, value_numerator=value,
        value_denominator=1,
    )  # fmt: skip
    gate.mark(half, half)
    assert gate.buy(1, lots, price) == gate.sell(1, lots, price) == Reason.RISK_NOTIONAL


def test_the_largest_notional_that_fits_passes():
    gate = Gate(order_lots=INT64_MAX, position_lots=INT64_MAX, price_band_bps=2**62, mid=1)
    assert gate.buy(1, INT64_MAX, 1) == NONE


def test_the_price_band():
    """100 basis points of 1000 are 10 ticks, either way and for either side."""
    gate = Gate(price_band_bps=100)
    for number, price in enumerate((990, 1010)):
        assert gate.buy(2 * number, 1, price) == gate.sell(2 * number + 1, 1, price) == NONE
    for price in (989, 1011):
        assert gate.buy(9, 1, price) == gate.sell(9, 1, price) == Reason.RISK_PRICE_BAND
    assert gate.replace(1, 1, 1011) == Reason.RISK_PRICE_BAND


def test_the_tick_grid():
    gate = Gate(order_increment_ticks=5)
    assert gate.buy(1, 1, 1003) == gate.buy(1, 1, 999) == Reason.RISK_OFF_TICK
    assert gate.buy(1, 1, 1005) == NONE
    assert gate.replace(1, 1, 1001) == Reason.RISK_OFF_TICK
    gate.mark(-6, -4)
    assert gate.buy(2, 1, -5) == NONE
    assert gate.buy(3, 1, -6) == Reason.RISK_OFF_TICK


def test_a_market_order_needs_no_price_but_has_a_value():
    """It is valued at the mid."""
    gate = Gate(order_notional_micros=10_000, order_increment_ticks=7, price_band_bps=1)
    market = {"order_type": OrderType.MARKET, "price": INT64_MAX}
    assert gate.buy(1, 11, **market) == Reason.RISK_NOTIONAL
    assert gate.buy(1, 10, **market) == NONE


def test_no_order_without_a_reference_price():
    """Both sides must be there now: a price from before a side emptied judges nothing."""
    gate = Gate(mid=None)
    gate.mark(99, 0, ask_lots=0)
    assert gate.buy(1, 1) == Reason.RISK_NO_REFERENCE
    gate.mark(999, 1001, instrument=1)
    assert gate.buy(1, 1) == Reason.RISK_NO_REFERENCE
    gate.mark(999, 1001)
    gate.mark(0, 1001, bid_lots=0)
    assert gate.buy(1, 1) == Reason.RISK_NO_REFERENCE
    gate.mark(999, 1001)
    assert gate.buy(1, 1) == NONE


def test_open_orders():
    """An order that ends makes room; the instruments don't share theirs."""
    gate = Gate(open_orders=2)
    gate.mark(999, 1001, instrument=1)
    assert gate.buy(1, 1) == gate.sell(2, 1) == NONE
    assert gate.buy(3, 1) == Reason.RISK_OPEN_ORDERS
    assert gate.buy(4, 1, instrument=1) == NONE
    gate.hear(Kind.FILLED, 1, last=1)
    assert gate.buy(3, 1) == NONE
    assert gate.buy(5, 1) == Reason.RISK_OPEN_ORDERS
    assert Gate(open_orders=0).buy(1, 1) == Reason.RISK_OPEN_ORDERS


def test_the_order_rate():
    """The window is exact: an order counts for one second from its own time."""
    gate = Gate(orders_per_second=3)
    for number, gate.now_ns in enumerate((5, 10, 10)):
        assert gate.buy(number, 1) == NONE
    for gate.now_ns in (10, SECOND_NS, SECOND_NS + 4):
        assert gate.buy(9, 1) == gate.replace(1, 1) == Reason.RISK_ORDER_RATE
    gate.now_ns = SECOND_NS + 5
    assert gate.replace(1, 1) == NONE
    assert gate.buy(9, 1) == Reason.RISK_ORDER_RATE
    assert gate.cancel(1) == NONE
    gate.now_ns = SECOND_NS + 10
    assert gate.buy(10, 1) == gate.buy(11, 1) == NONE
    assert gate.buy(12, 1) == Reason.RISK_ORDER_RATE


def test_refused_orders_do_not_count_in_the_rate():
    gate = Gate(orders_per_second=1, order_lots=10)
    assert gate.buy(1, 11) == Reason.RISK_ORDER_SIZE
    assert gate.buy(1, 10) == NONE


def test_a_rate_of_zero_is_none():
    assert Gate(orders_per_second=0).buy(1, 1) == Reason.RISK_ORDER_RATE


@pytest.mark.parametrize("instrument", [2, 65535])
def test_an_unknown_instrument_is_refused(instrument):
    """Cancels too: nothing is known of it."""
    gate = Gate()
    for kind in (Kind.NEW_ORDER, Kind.CANCEL_ORDER, Kind.REPLACE_ORDER):
        assert gate.ask(kind, 1, 1, side=BUY, instrument=instrument) == (
            Reason.RISK_UNKNOWN_INSTRUMENT
        )
    gate.hear(Kind.FILLED, 1, last=1, instrument=instrument)
    gate.mark(1, 2, instrument=instrument)


# Positions.


def test_a_position_limit_counts_what_is_open_on_the_side():
    gate = Gate(position_lots=100)
    assert gate.buy(1, 60) == NONE
    assert gate.buy(2, 41) == Reason.RISK_POSITION
    assert gate.buy(2, 40) == NONE
    assert gate.sell(3, 101) == Reason.RISK_POSITION
    assert gate.sell(3, 100) == NONE
    assert gate.buy(4, 1) == gate.sell(4, 1) == Reason.RISK_POSITION


def test_a_position_limit_counts_what_is_held():
    gate = Gate(position_lots=100)
    gate.buy(1, 60)
    gate.hear(Kind.FILLED, 1, last=60)
    assert (gate.position_lots, gate.open_buy_lots) == (60, 0)
    assert gate.buy(2, 41) == gate.sell(2, 161) == Reason.RISK_POSITION
    assert gate.buy(2, 40) == gate.sell(3, 160) == NONE


def test_a_position_beyond_64_bits_is_refused():
    """What is open and what is asked never wrap into something small."""
    gate = Gate(order_lots=INT64_MAX, position_lots=INT64_MAX, price_band_bps=2**62, mid=1)
    assert gate.buy(1, INT64_MAX, 1) == gate.sell(2, INT64_MAX, 1) == NONE
    assert gate.buy(3, INT64_MAX, 1) == gate.sell(3, 1, 1) == Reason.RISK_POSITION


def test_a_replace_in_flight_counts_old_and_new():
    """The old quantity may still fill before it, the new one after."""
    gate = Gate(position_lots=100)
    gate.buy(1, 40)
    gate.hear(Kind.ACCEPTED, 1, leaves=40)
    assert gate.replace(1, 61) == Reason.RISK_POSITION
    assert gate.replace(1, 60) == NONE
    assert gate.open_buy_lots == 100
    assert gate.buy(2, 1) == gate.replace(1, 1) == Reason.RISK_POSITION
    gate.hear(Kind.REPLACED, 1, leaves=60)
    assert gate.open_buy_lots == 60
    assert gate.buy(2, 40) == NONE


def test_a_rejected_replace_counts_no_more():
    gate = Gate()
    gate.buy(1, 40)
    gate.hear(Kind.ACCEPTED, 1, leaves=40)
    gate.replace(1, 60)
    gate.hear(Kind.REJECTED, 1, last=60, reason=Reason.POOL_FULL)
    assert gate.open_buy_lots == 40


def test_a_fill_before_the_replace_counts():
    """10 of the old 40 fill, then the order is replaced to 60: 10 held, 60 open."""
    gate = Gate()
    gate.buy(1, 40)
    gate.hear(Kind.ACCEPTED, 1, leaves=40)
    gate.replace(1, 60)
    gate.hear(Kind.FILLED, 1, last=10, leaves=30)
    assert (gate.position_lots, gate.open_buy_lots) == (10, 90)
    gate.hear(Kind.REPLACED, 1, leaves=60)
    assert (gate.position_lots, gate.open_buy_lots) == (10, 60)


def test_an_order_that_fills_whole_takes_its_replace_with_it():
    gate = Gate()
    gate.buy(1, 40)
    gate.replace(1, 60)
    gate.hear(Kind.FILLED, 1, last=40)
    assert (gate.position_lots, gate.open_buy_lots, gate.open_orders) == (40, 0, 0)
    gate.hear(Kind.REJECTED, 1, last=60, reason=Reason.UNKNOWN_ORDER)
    assert (gate.position_lots, gate.open_buy_lots, gate.open_orders) == (40, 0, 0)


def test_several_replaces_count_until_the_last_is_answered():
    gate = Gate()
    gate.buy(1, 10)
    for _ in range(8):
        assert gate.replace(1, 10) == NONE
    assert gate.replace(1, 10) == Reason.RISK_ORDER_RATE
    for answered in range(8):
        assert gate.open_buy_lots == 90, answered
        gate.hear(Kind.REPLACED, 1, leaves=7)
    assert gate.open_buy_lots == 7


def test_a_replace_needs_its_order():
    """Its own, of its instrument and account."""
    gate = Gate()
    gate.mark(999, 1001, instrument=1)
    gate.buy(1, 10, account=3)
    assert gate.replace(2, 5, account=3) == Reason.RISK_UNKNOWN_ORDER
    assert gate.replace(1, 5, account=3, instrument=1) == Reason.RISK_UNKNOWN_ORDER
    assert gate.replace(1, 5, account=4) == Reason.RISK_UNKNOWN_ORDER
    assert gate.replace(1, 5, account=3) == NONE


@pytest.mark.parametrize("reason", [Reason.WRONG_ACCOUNT, Reason.UNKNOWN_ORDER])
def test_a_rejected_cancel_changes_nothing(reason):
    """It is no answer to the order or to a replace that is on its way."""
    gate = Gate()
    gate.buy(1, 40)
    gate.hear(Kind.REJECTED, 1, reason=reason)
    assert (gate.open_buy_lots, gate.open_orders) == (40, 1)
    gate.hear(Kind.ACCEPTED, 1, leaves=40)
    gate.replace(1, 60)
    gate.hear(Kind.REJECTED, 1, reason=reason)
    assert gate.open_buy_lots == 100


def test_a_rejected_order_is_open_no_more():
    gate = Gate()
    gate.sell(1, 40)
    gate.hear(Kind.REJECTED, 1, last=40, side=SELL, reason=Reason.POST_ONLY_WOULD_MATCH)
    assert (gate.open_sell_lots, gate.open_orders) == (0, 0)


def test_reports_of_other_orders_change_nothing():
    gate = Gate()
    gate.buy(1, 40)
    before = gate.risk.position(0)
    for kind in (Kind.FILLED, Kind.CANCELLED, Kind.REPLACED, Kind.REJECTED, Kind.ACCEPTED):
        gate.hear(kind, 2, last=5, leaves=5)
        gate.hear(kind, 1, last=5, leaves=5, instrument=1)
    assert gate.risk.position(0) == before


# The kill switch.


def test_the_kill_switch_refuses_orders_and_passes_cancels():
    """What makes the risk smaller is never refused."""
    gate = Gate()
    gate.buy(1, 10)
    gate.risk.kill()
    assert gate.buy(2, 1) == gate.sell(3, 1) == gate.replace(1, 1) == Reason.RISK_KILL_SWITCH
    assert gate.cancel(1) == NONE
    assert gate.cancel(99) == Reason.RISK_UNKNOWN_ORDER
    gate.hear(Kind.FILLED, 1, last=4, leaves=6)
    assert gate.position_lots == 4


# Accounts.


@pytest.mark.parametrize("seed", range(5))
def test_positions_and_cash_follow_any_fills(seed):
    """Thousands of random orders, fills and cancels against dictionaries of Python."""
    rng = np.random.default_rng(seed)
    gate = Gate(mid=0, order_lots=10**9, position_lots=10**15, price_band_bps=0, open_orders=50)
    gate.mark(-1000, 1000)
    held = cash = passed = 0
    orders: dict[int, list[int]] = {}  # number -> [side, leaves]
    counts: dict[str, int] = defaultdict(int)
    for number in range(4000):
        gate.now_ns += SECOND_NS // 5000
        choice = rng.random()
        if choice < 0.35 or not orders:
            side, lots = int(rng.integers(1, 3)), int(rng.integers(1, 10**9))
            reason = gate.ask(Kind.NEW_ORDER, number, lots, 0, side=side)
            assert reason == (NONE if len(orders) < 50 else Reason.RISK_OPEN_ORDERS)
            if reason == NONE:
                orders[number] = [side, lots]
                passed += 1
        else:
            chosen = list(orders)[int(rng.integers(len(orders)))]
            side, leaves = orders[chosen]
            if choice < 0.8:
                lots = int(rng.integers(1, leaves + 1)) if rng.random() < 0.7 else leaves
                price = int(rng.integers(-1000, 1001))
                gate.hear(Kind.FILLED, chosen, lots, leaves - lots, price, side)
                held += lots if side == BUY else -lots
                cash -= price * (lots if side == BUY else -lots)
                orders[chosen][1] -= lots
                counts["fills"] += 1
                counts["filled"] += lots == leaves
            else:
                gate.hear(Kind.CANCELLED, chosen, leaves, 0, 0, side)
                orders[chosen][1] = 0
                counts["cancelled"] += 1
            if orders[chosen][1] == 0:
                del orders[chosen]
        assert gate.risk.position(0) == {
            "position_lots": held,
            "cash_tick_lots": cash,
            "open_buy_lots": sum(lots for side, lots in orders.values() if side == BUY),
            "open_sell_lots": sum(lots for side, lots in orders.values() if side == SELL),
            "open_orders": len(orders),
        }
    found = gate.risk.counts()
    assert found["passed"] == passed
    assert found["intents"] == found["passed"] + found["refused"]
    assert {name: found[name] for name in counts} == dict(counts)


def test_an_instrument_that_is_not_there_is_an_error():
    with pytest.raises(IndexError, match="instrument must be below 2, was 2"):
        Gate().risk.position(2)
