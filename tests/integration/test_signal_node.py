"""The signal node with strategies over real rings, in one process, a message at a time."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hft.config import (
    Config,
    FusionConfig,
    FusionWeights,
    ImbalanceTakerConfig,
    MarketMakerConfig,
    StrategyConfig,
)
from hft.core.control import Control, Counter, NodeState
from hft.core.journal import JournalWriter
from hft.core.messages import (
    COMMAND,
    MESSAGE,
    PAYLOAD_OF_KIND,
    Kind,
    OrderFlag,
    Reason,
    Side,
    TimeInForce,
)
from hft.core.ring import Ring
from hft.core.segment import Segment
from hft.core.signal_node import SignalAgent
from hft.instruments import Instrument
from hft.monitor.snapshot import snapshot
from hft.nodes.signal import fusion_settings
from hft.strategies import build_strategies

MS = 10**6
INSTRUMENTS = [Instrument("SIM", name, Decimal("0.01"), Decimal(1)) for name in ("A", "B")]
EVERY_BOOK = FusionConfig(interval_ns=0)
TAKER = ImbalanceTakerConfig(
    order_lots=20, inventory_lots=30, entry_imbalance=0.5, hold_ns=100 * MS
)


class Node:
    """A signal node, and the other ends of its rings."""

    def __init__(self, folder: Path, config: Config, *, fusion: bool = True) -> None:
        prefix = f"hft.test-signal-{os.getpid()}"
        self.names = [f"{prefix}.{name}" for name in ("control", "data", "refusals", "intents")]
        self.control = Control.create(self.names[0], run_id=1, instruments=len(INSTRUMENTS))
        self.data, self.refusals, self.intents = (
            Ring.create(name, 1024) for name in self.names[1:]
        )
        self.seats = build_strategies(config, INSTRUMENTS)
        self.agent = SignalAgent(
            self.control, "signal", 1,
            data=Ring.attach(self.names[1]),
            refusals=Ring.attach(self.names[2]),
            intents=Ring.attach(self.names[3]),
            edges=(0, 1, 2),
            strategies=self.seats,
            instruments=len(INSTRUMENTS),
            fusion=fusion_settings(config.fusion) if fusion else None,
            make_journal=lambda: JournalWriter(folder, {}, 64),
            simulated=False,
        )  # fmt: skip
        self.agent.on_start()
        self.taken = Ring.attach(self.names[3])

    def say(self, kind: Kind, **fields: int) -> list[Any]:
        """Have the engine say something; the intents that follow from it."""
        array = np.zeros(1, PAYLOAD_OF_KIND[kind])
        array["kind"] = kind
        for name, value in fields.items():
            array[name] = value
        self.data.push(array.view(MESSAGE))
        return self.follow()

    def follow(self) -> list[Any]:
        while self.agent.step():
            pass
        intents = self.taken.take().view(COMMAND).copy()
        self.taken.release()
        return list(intents)

    def book(self, ms: int, bid: int, bid_lots: int, ask: int, ask_lots: int, **more: int) -> Any:
        return self.say(
            Kind.BOOK_TOP, event_ts_ns=ms * MS, bid_price_ticks=bid, bid_lots=bid_lots,
            ask_price_ticks=ask, ask_lots=ask_lots, **more,
        )  # fmt: skip

    def answer(self, kind: Kind, intent: Any, **fields: int) -> list[Any]:
        fields = {"leaves_lots": int(intent["qty_lots"]), **fields}
        return self.say(
            kind, order_id=intent["order_id"], account=intent["account"], side=intent["side"],
            price_ticks=intent["price_ticks"], instrument=intent["instrument"], **fields,
        )  # fmt: skip

    def accept(self, *intents: Any) -> None:
        for intent in intents:
            self.answer(Kind.ACCEPTED, intent)

    def fill(self, intent: Any, lots: int, **fields: int) -> list[Any]:
        left = int(intent["qty_lots"]) - lots
        return self.answer(Kind.FILLED, intent, last_lots=lots, leaves_lots=left, **fields)

    def own(self) -> Any:
        """The strategy in Python, the last one."""
        return self.seats[-1][1].strategy

    def strategies(self) -> list[Any]:
        return list(snapshot(self.control)["strategies"])

    def remove(self) -> None:
        self.agent.on_close()
        for name in self.names:
            Segment.unlink(name)
        self.names = []


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Any]:
    made: list[Node] = []

    def make(config: Config, **options: Any) -> Node:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Node(folder, config, **options))
        return made[-1]

    yield make
    for node in made:
        node.remove()


def taker_config(**changes: Any) -> Config:
    return Config(
        strategy=StrategyConfig(builtin=("imbalance_taker",)),
        imbalance_taker=TAKER,
        fusion=FusionConfig(interval_ns=0, weights=FusionWeights(**changes)),
    )


def maker_config(**changes: Any) -> Config:
    quoting = {"half_spread_bps": 100.0, "skew_bps": 0.0, "signal_bps": 0.0, "requote_bps": 1.0}
    return Config(
        market_maker=MarketMakerConfig(order_lots=10, inventory_lots=20, **(quoting | changes)),
        fusion=EVERY_BOOK,
    )


# The imbalance taker


def test_the_taker_takes_what_the_book_and_the_fusion_agree_on(make: Any) -> None:
    node = make(taker_config(book_imbalance=1, order_flow_imbalance=0, momentum=0))
    assert node.book(0, 100, 10, 101, 10) == []  # leans nowhere
    assert node.book(1, 100, 14, 101, 10) == []  # not far enough
    [intent] = node.book(2, 100, 90, 101, 10)
    # The decision's size is 2 / (1 + exp(-2 * 0.8)) - 1 = 0.66; no more than 10 are there.
    assert (intent["kind"], intent["side"]) == (Kind.NEW_ORDER, Side.BUY)
    assert (intent["price_ticks"], intent["qty_lots"]) == (101, 10)
    assert intent["time_in_force"] == TimeInForce.IOC
    assert node.book(3, 100, 95, 101, 50) == []  # one at a time
    node.accept(intent)
    node.fill(intent, 10)
    [more] = node.book(4, 100, 95, 101, 50 // 2)
    assert 1 <= more["qty_lots"] <= 20
    node.accept(more)
    node.answer(Kind.CANCELLED, more, leaves_lots=0, reason=Reason.IOC_REMAINDER)


def test_the_taker_stays_within_its_inventory_and_closes_in_time(make: Any) -> None:
    node = make(taker_config(book_imbalance=1, order_flow_imbalance=0, momentum=0))
    held = 0
    for ms in range(1, 9):
        for intent in node.book(ms, 100, 400, 101, 20 + ms % 2):
            assert intent["side"] == Side.BUY
            node.accept(intent)
            node.fill(intent, int(intent["qty_lots"]))
            held += int(intent["qty_lots"])
    assert held == 30
    assert node.book(50, 100, 400, 101, 22) == []
    [first] = node.book(150, 100, 400, 101, 23)
    assert (first["side"], first["price_ticks"], first["qty_lots"]) == (Side.SELL, 100, 20)
    node.accept(first)
    node.fill(first, 20)
    [rest] = node.book(151, 100, 400, 101, 22)
    assert (rest["side"], rest["qty_lots"]) == (Side.SELL, 10)


def test_the_taker_closes_when_the_fusion_turns(make: Any) -> None:
    node = make(taker_config(book_imbalance=1, order_flow_imbalance=0, momentum=0))
    [intent] = node.book(0, 100, 90, 101, 10)
    node.accept(intent)
    node.fill(intent, 10)
    [closing] = node.book(5, 100, 10, 101, 90)
    assert (closing["side"], closing["price_ticks"], closing["qty_lots"]) == (Side.SELL, 100, 10)


def test_the_taker_does_nothing_without_a_decision(make: Any) -> None:
    node = make(taker_config(), fusion=False)
    assert node.book(0, 100, 900, 101, 10) == []


def test_the_taker_rests_after_a_refusal_and_ends_with_the_kill_switch(make: Any) -> None:
    node = make(taker_config(book_imbalance=1, order_flow_imbalance=0, momentum=0))
    [intent] = node.book(0, 100, 90, 101, 10)
    node.answer(Kind.REFUSED, intent, leaves_lots=0, reason=Reason.RISK_POSITION)
    assert node.book(5, 100, 91, 101, 10) == []
    [again] = node.book(11, 100, 92, 101, 10)
    node.answer(Kind.REFUSED, again, leaves_lots=0, reason=Reason.RISK_KILL_SWITCH)
    assert node.book(5000, 100, 91, 101, 10) == []


# The market maker


def test_the_market_maker_quotes_every_instrument(make: Any) -> None:
    node = make(maker_config())
    bid, ask = node.book(0, 1000, 50, 1002, 50)
    assert [int(each["instrument"]) for each in (bid, ask)] == [0, 0]
    assert (bid["side"], bid["price_ticks"]) == (Side.BUY, 990)  # 1001 less a hundredth
    assert (ask["side"], ask["price_ticks"]) == (Side.SELL, 1012)
    assert bid["flags"] == ask["flags"] == OrderFlag.POST_ONLY
    other = node.book(1, 500, 50, 502, 50, instrument=1)
    assert [int(each["instrument"]) for each in other] == [1, 1]
    assert [int(each["price_ticks"]) for each in other] == [495, 507]
    node.accept(bid, ask, *other)
    # A fill in one instrument changes nothing in the other.
    node.fill(other[0], 10)
    [again] = node.book(2, 500, 51, 502, 51, instrument=1)
    assert (again["side"], again["instrument"]) == (Side.BUY, 1)
    stopped = node.say(Kind.END, event_ts_ns=9 * MS)
    assert [int(each["kind"]) for each in stopped] == [Kind.CANCEL_ORDER] * 4
    assert node.control.record["nodes"][1]["state"] == NodeState.NODE_DONE
    assert node.strategies()[0]["state"] == "stopped"


def test_the_market_maker_stops_buying_at_its_inventory(make: Any) -> None:
    node = make(maker_config())
    bid, ask = node.book(0, 1000, 50, 1002, 50)
    node.accept(bid, ask)
    node.fill(bid, 10)
    [bid] = node.book(1, 1000, 51, 1002, 50)
    node.accept(bid)
    node.fill(bid, 10)
    assert node.book(2, 1000, 50, 1002, 50) == []  # 20 held: no third
    node.fill(ask, 10)
    sides = [int(each["side"]) for each in node.book(3, 1000, 51, 1002, 50)]
    assert sides == [Side.BUY, Side.SELL]


def test_a_decision_shifts_the_market_makers_quotes(make: Any) -> None:
    """By signal_bps of the price at full size, in the direction of the decision."""
    plain, shifted = (
        make_quotes(make, maker_config(signal_bps=signal_bps)) for signal_bps in (0.0, 100.0)
    )
    # The book leans up: the imbalance is 0.8, so the size is that of p = 1 / (1 + exp(-0.8)).
    size = 2 / (1 + np.exp(-0.8)) - 1
    shift = 10018 * 0.01 * size
    for before, after in zip(plain, shifted, strict=True):
        assert after - before == pytest.approx(shift, abs=2)


def make_quotes(make: Any, config: Config) -> list[int]:
    node = make(config)
    quotes = node.book(0, 10000, 90, 10020, 10)
    node.remove()
    return [int(each["price_ticks"]) for each in quotes]


# Several strategies


def test_a_strategy_hears_of_its_own_orders_only(make: Any, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from hft.strategies import Strategy\n"
        "class Own(Strategy):\n"
        "    def on_start(self, ctx):\n"
        "        self.heard = []\n"
        "    def on_book(self, ctx, book):\n"
        "        if not ctx.orders:\n"
        "            ctx.buy(90, 1)\n"
        "    def on_report(self, ctx, report):\n"
        "        self.heard.append(report.order_id)\n"
        "        ctx.replace(report.order_id, 91, 2)\n"
    )
    own = StrategyConfig(builtin=("market_maker",), path=str(tmp_path / "own.py"))
    config = Config(strategy=own, market_maker=maker_config().market_maker, fusion=EVERY_BOOK)
    node = make(config)
    bid, ask, mine = node.book(0, 1000, 50, 1002, 50)
    assert [int(each["account"]) for each in (bid, ask, mine)] == [0, 0, 1]
    assert len({int(each["order_id"]) for each in (bid, ask, mine)}) == 3
    assert node.answer(Kind.ACCEPTED, bid) == []
    [replace] = node.answer(Kind.ACCEPTED, mine)
    assert (replace["kind"], replace["order_id"]) == (Kind.REPLACE_ORDER, mine["order_id"])
    assert (replace["price_ticks"], replace["qty_lots"], replace["account"]) == (91, 2, 1)
    [maker, python] = node.strategies()
    assert (maker["language"], python["language"]) == ("compiled", "python")
    assert (maker["intents"], python["intents"]) == (2, 2)
    assert python["name"] == "own"


def test_the_journal_of_decisions_grows_past_its_first_segment(make: Any, tmp_path: Path) -> None:
    node = make(maker_config())
    for ms in range(200):
        node.book(ms, 1000, 50 + ms, 1002, 50)
    node.agent.on_close()
    assert len(list(tmp_path.glob("0/journal-*.hftj"))) > 5
    assert snapshot(node.control)["instruments"][0]["decision"]["count"] == 200


# Strategies in Python

NOTES = """
from hft.strategies import Kind, Strategy


class Own(Strategy):
    def on_start(self, ctx):
        self.ctx = ctx

    def on_book(self, ctx, book):
        if book.bid_lots == 1:
            self.order_id = ctx.buy(90, 5)
            ctx.replace(self.order_id, 91, 5)
            ctx.cancel(self.order_id)
"""


def own_config(folder: Path, text: str, *builtin: str) -> Config:
    """A configuration with a strategy in Python, in a file own.py."""
    (folder / "own.py").write_text(text)
    strategy = StrategyConfig(builtin=builtin, path=str(folder / "own.py"))
    return Config(strategy=strategy, market_maker=maker_config().market_maker, fusion=EVERY_BOOK)


def test_an_order_whose_replace_is_refused_before_it_is_accepted_stays(
    make: Any, tmp_path: Path
) -> None:
    """A refusal comes by another way than the engine's answers, and may overtake them."""
    node = make(own_config(tmp_path, NOTES))
    new, replace, cancel = node.book(0, 100, 1, 101, 10)
    for refused in (replace, cancel):
        node.answer(Kind.REFUSED, refused, leaves_lots=0, reason=Reason.RISK_OFF_TICK)
        assert list(node.own().ctx.orders) == [new["order_id"]]
    node.accept(new)
    node.fill(new, 5)
    assert node.own().ctx.position_lots() == 5
    assert not node.own().ctx.orders


def test_a_refused_order_is_gone(make: Any, tmp_path: Path) -> None:
    node = make(own_config(tmp_path, NOTES))
    new, *_ = node.book(0, 100, 1, 101, 10)
    node.answer(Kind.REFUSED, new, leaves_lots=0, reason=Reason.RISK_OFF_TICK)
    assert not node.own().ctx.orders


BATCHES = """
from hft.strategies import Strategy


class Own(Strategy):
    def on_start(self, ctx):
        self.batches = []
        ctx.set_timer(1)

    def on_batch(self, ctx, batch):
        self.batches.append(batch.events)
"""


def test_every_event_of_a_batch_has_its_instruments_features(make: Any, tmp_path: Path) -> None:
    node = make(own_config(tmp_path, BATCHES))
    node.book(1, 100, 30, 104, 10)
    node.book(2, 100, 10, 101, 30, instrument=1)
    node.say(Kind.TRADE, price_ticks=101, qty_lots=1, side=Side.BUY)
    node.say(Kind.TRADE, price_ticks=101, qty_lots=1, side=Side.BUY, instrument=1)
    node.say(Kind.END, event_ts_ns=9 * MS)
    events = np.concatenate(node.own().batches)
    # What wakes a timer has no instrument, and no features.
    clock = events["kind"] == Kind.TIME
    assert not events["valid"][clock].any()
    events = events[~clock]
    book = [Kind.DECISION, Kind.BOOK_TOP]
    assert events["kind"].tolist() == [*book, *book, Kind.TRADE, Kind.TRADE, Kind.END]
    assert events["imbalance"].tolist() == [0.5, 0.5, -0.5, -0.5, 0.5, -0.5, 0]
    assert events["spread_ticks"].tolist() == [4, 4, 1, 1, 4, 1, 0]
    assert events["valid"].tolist() == [1, 1, 1, 1, 1, 1, 0]


LEAVING = """
from hft.strategies import Strategy


class Own(Strategy):
    def on_book(self, ctx, book):
        if not ctx.orders:
            ctx.buy(90, 1)
"""


def test_intents_of_the_end_are_counted(make: Any, tmp_path: Path) -> None:
    before_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    node = make(own_config(tmp_path, LEAVING, "market_maker"))
    intents = node.book(0, 1000, 50, 1002, 50, origin_ts_ns=before_ns)
    # Whoever measures an order's age takes it from there.
    assert {int(each["origin_ts_ns"]) for each in intents} == {before_ns}
    node.accept(*intents)
    node.say(Kind.END, event_ts_ns=MS)
    assert [each["intents"] for each in node.strategies()] == [4, 2]
    assert node.agent.count(Counter.SIGNAL_INTENTS) == 6


def test_a_cancel_is_sent_once(make: Any, tmp_path: Path) -> None:
    """Until it is answered the order is there, and whoever asks again is told so."""
    source = LEAVING.replace("ctx.buy(90, 1)", "self.id = ctx.buy(90, 1)")
    source += (
        "        else:\n            assert ctx.cancel(self.id)\n            ctx.cancel_all()\n"
    )
    node = make(own_config(tmp_path, source))
    [order] = node.book(0, 1000, 50, 1002, 50)
    node.accept(order)
    [cancel] = node.book(1, 1000, 51, 1002, 50)
    assert (cancel["kind"], cancel["order_id"]) == (Kind.CANCEL_ORDER, order["order_id"])
    assert node.book(2, 1000, 52, 1002, 50) == []
    node.answer(Kind.CANCELLED, order, leaves_lots=0)
    [again] = node.book(3, 1000, 53, 1002, 50)
    assert again["kind"] == Kind.NEW_ORDER


def test_a_strategys_count_of_intents_is_right_while_it_is_called(make: Any) -> None:
    node = make(maker_config())
    node.accept(*node.book(0, 1000, 50, 1002, 50))
    books = np.zeros(500, PAYLOAD_OF_KIND[Kind.BOOK_TOP])
    books["kind"] = Kind.BOOK_TOP
    books["bid_price_ticks"], books["ask_price_ticks"] = 1000, 1002
    books["bid_lots"] = books["ask_lots"] = 50
    seen = set()
    over = threading.Event()

    def observe() -> None:
        counted = node.control.record["strategies"]["intents"]
        while not over.is_set():
            seen.update(counted[:1].tolist())

    observer = threading.Thread(target=observe)
    switching_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    observer.start()
    try:
        for _ in range(50):
            node.data.push(books.view(MESSAGE))
            assert node.follow() == []
    finally:
        over.set()
        sys.setswitchinterval(switching_s)
        observer.join()
    assert seen == {2}


RESTING = """
from hft.strategies import Strategy


class Own(Strategy):
    def on_start(self, ctx):
        self.calls = []

    def on_book(self, ctx, book):
        self.calls.append(int(self.watched.record["edges"]["published"][2]))
        ctx.buy(90, 1)

    def on_stop(self, ctx):
        self.calls.append("stop")
"""


def test_the_end_is_told_whatever_else_comes_in_its_step(make: Any, tmp_path: Path) -> None:
    """The kill switch, for one, cancels at any moment."""
    node = make(own_config(tmp_path, RESTING))
    node.own().watched = node.control
    [intent] = node.book(0, 100, 10, 101, 10)
    messages = np.zeros(2, MESSAGE)
    messages["kind"] = Kind.END, Kind.CANCELLED
    last = messages[1:].view(PAYLOAD_OF_KIND[Kind.CANCELLED])
    last["order_id"], last["side"], last["reason"] = intent["order_id"], Side.BUY, Reason.KILLED
    node.data.push(messages)
    assert node.follow() == []
    assert node.own().calls[-1] == "stop"
    assert node.strategies()[0]["state"] == "stopped"


def test_compiled_strategies_do_not_wait_for_those_in_python(make: Any, tmp_path: Path) -> None:
    """In real time: their intents have left when Python is called."""
    node = make(own_config(tmp_path, RESTING, "market_maker"))
    node.own().watched = node.control
    accounts = [int(each["account"]) for each in node.book(0, 1000, 50, 1002, 50)]
    assert accounts == [0, 0, 1]
    assert node.own().calls == [2]


FAILING = """
from hft.strategies import Strategy


class Own(Strategy):
    def on_book(self, ctx, book):
        raise %s
"""
UNPRINTABLE = """
class Mute(Exception):
    def __str__(self):
        raise ValueError("no text")
"""


@pytest.mark.parametrize(
    ("raised", "shown"),
    [
        ("ValueError('price é \\udcff')", "own.py:7: ValueError: price é \\udcff (in on_book)"),
        ("ValueError('é' * 400)", "own.py:7: ValueError: " + "é" * 145),
        ("ValueError('.' + 'é' * 400)", "own.py:7: ValueError: ." + "é" * 144),
        ("GeneratorExit", "own.py:7: GeneratorExit: (in on_book)"),
        ("Mute", "own.py:7: Mute: an exception without a text (in on_book)"),
    ],
    ids=["no UTF-8", "long", "cut within a letter", "no Exception", "no text"],
)
def test_any_exception_stops_its_strategy_alone(
    make: Any, tmp_path: Path, raised: str, shown: str
) -> None:
    node = make(own_config(tmp_path, FAILING % raised + UNPRINTABLE, "market_maker"))
    assert len(node.book(0, 1000, 50, 1002, 50)) == 2
    [maker, own] = node.strategies()
    assert (maker["state"], own["state"]) == ("trading", "failed")
    assert own["error"] == shown


def test_the_open_orders_can_be_read_only(make: Any, tmp_path: Path) -> None:
    """They are what the strategy's positions and its cancels at the end rest on."""
    changing = NOTES.replace(
        "            ctx.replace(", "            ctx.orders.clear()\n            ("
    )
    node = make(own_config(tmp_path, changing))
    new, cancel = node.book(0, 100, 1, 101, 10)
    assert cancel["kind"] == Kind.CANCEL_ORDER
    assert cancel["order_id"] == new["order_id"]
    assert "AttributeError: 'mappingproxy' object has no" in node.strategies()[0]["error"]
