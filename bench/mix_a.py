"""The flow "mix A": commands of own orders on one instrument, made from a seed with their answer.

The fair value starts at 32,768 ticks and takes a step of one tick, up or down, in one operation of
2,000. First `live` adds, then the operations to be timed:

- 5 %: replace a random live order: price moved by 1-3 ticks (not crossing), new quantity 1-100;
- 5 %: aggressive limit order 3 ticks through the opposite best, quantity 1-100; the rest stays;
- 90 %: add or cancel, such that about `live` orders rest. An add is at fair value -+ (1 +
  exponential with mean 20 ticks, at most 100), not crossing; a cancel takes a random live order,
  the worst case for caches, or with `recent` one of the newest.

The generator keeps a book of its own (price to first-in-first-out queue; nothing of hft) and notes
every fill, so that a timed engine can be checked against it: the fills, in order, must be equal.
"""

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from support import CACHE

from hft.core import MatchingEngine
from hft.core.messages import COMMAND, TRADE_DTYPE, Kind, Side, Source, order_id

VERSION = 1  # of what is generated; a change makes cached flows useless
FAIR_TICKS = 32_768
NEWEST = 64
LOTS_MAX = 100
FIELDS = ("kind", "order_id", "side", "price_ticks", "qty_lots")
FILL = np.dtype([("maker", np.uint64), ("price_ticks", np.int64), ("qty_lots", np.int64)])


@dataclass(frozen=True)
class Flow:
    """`commands[:live]` fill the book, untimed; the others are timed and give `fills`."""

    commands: Any
    live: int
    fills: Any  # array of FILL
    left: int  # orders that rest in the end

    @property
    def timed(self) -> Any:
        return self.commands[self.live :]


class Generator:
    """A book as plain as can be, and who trades on it."""

    def __init__(self, live: int, recent: bool, seed: int) -> None:
        self.random = random.Random(seed)
        self.target, self.recent = live, recent
        self.fair_ticks = FAIR_TICKS
        self.sides: dict[int, dict[int, dict[int, int]]] = {Side.BUY: {}, Side.SELL: {}}
        self.best = {Side.BUY: 0, Side.SELL: 2 * FAIR_TICKS}  # of an empty side: its far end
        self.orders: dict[int, tuple[int, int]] = {}  # id to side and price
        self.ids: list[int] = []
        self.place: dict[int, int] = {}  # id to its place in `ids`
        self.rows: list[tuple[int, int, int, int, int]] = []
        self.fills: list[tuple[int, int, int]] = []

    def step(self) -> None:
        """One operation."""
        draw = self.random.random()
        if self.random.random() < 1 / 2000:
            self.fair_ticks += self.random.choice((-1, 1))
        if draw < 0.05 and self.ids:
            self.replace()
        elif 0.05 <= draw < 0.1 and self.sides[Side.BUY] and self.sides[Side.SELL]:
            self.cross()
        else:
            lean = max(-1.0, min(1.0, (self.target - len(self.ids)) / 500))
            if not self.ids or self.random.random() < 0.5 + 0.5 * lean:
                self.add()
            else:
                self.cancel()

    def lots(self) -> int:
        return self.random.randint(1, LOTS_MAX)

    def add(self) -> None:
        away = min(1 + int(self.random.expovariate(1 / 20)), 100)
        if self.random.random() < 0.5:
            side, price = Side.BUY, min(self.fair_ticks - away, self.best[Side.SELL] - 1)
        else:
            side, price = Side.SELL, max(self.fair_ticks + away, self.best[Side.BUY] + 1)
        number, lots = order_id(Source.SOURCE_STRATEGY, len(self.rows) + 1), self.lots()
        self.rows.append((Kind.NEW_ORDER, number, side, price, lots))
        self.rest(number, side, price, lots)

    def cancel(self) -> None:
        first = max(0, len(self.ids) - NEWEST) if self.recent else 0
        number = self.ids[self.random.randrange(first, len(self.ids))]
        self.rows.append((Kind.CANCEL_ORDER, number, 0, 0, 0))
        self.remove(number)

    def replace(self) -> None:
        number = self.ids[self.random.randrange(len(self.ids))]
        side, old = self.orders[number]
        price = old + self.random.choice((-3, -2, -1, 1, 2, 3))
        if side == Side.BUY and price >= self.best[Side.SELL]:
            price = old - 1
        elif side == Side.SELL and price <= self.best[Side.BUY]:
            price = old + 1
        lots = self.lots()
        self.rows.append((Kind.REPLACE_ORDER, number, 0, price, lots))
        self.remove(number)
        self.rest(number, side, price, lots)

    def cross(self) -> None:
        side = self.random.choice((Side.BUY, Side.SELL))
        other = Side.SELL if side == Side.BUY else Side.BUY
        sign = 1 if side == Side.BUY else -1
        price = self.best[other] + 3 * sign
        number, lots = order_id(Source.SOURCE_STRATEGY, len(self.rows) + 1), self.lots()
        self.rows.append((Kind.NEW_ORDER, number, side, price, lots))
        while lots and self.sides[other] and (price - self.best[other]) * sign >= 0:
            queue = self.sides[other][self.best[other]]
            maker, there = next(iter(queue.items()))
            traded = min(lots, there)
            self.fills.append((maker, self.best[other], traded))
            lots -= traded
            if traded == there:
                self.remove(maker)
            else:
                queue[maker] = there - traded
        if lots:
            self.rest(number, side, price, lots)

    def rest(self, number: int, side: int, price: int, lots: int) -> None:
        self.sides[side].setdefault(price, {})[number] = lots
        if (price > self.best[side]) == (side == Side.BUY):
            self.best[side] = price
        self.orders[number] = side, price
        self.place[number] = len(self.ids)
        self.ids.append(number)

    def remove(self, number: int) -> None:
        side, price = self.orders.pop(number)
        levels = self.sides[side]
        del levels[price][number]
        if not levels[price]:
            del levels[price]
            if price == self.best[side]:
                self.best[side] = self.next_best(side)
        # The last id takes the place of the removed one.
        place, last = self.place.pop(number), self.ids.pop()
        if last != number:
            self.ids[place] = last
            self.place[last] = place

    def next_best(self, side: int) -> int:
        if side == Side.BUY:
            return max(self.sides[side], default=0)
        return min(self.sides[side], default=2 * FAIR_TICKS)


def generate(operations: int, live: int, *, recent: bool = False, seed: int = 1) -> Flow:
    made = Generator(live, recent, seed)
    for _ in range(live):
        made.add()
    for _ in range(operations):
        made.step()
    commands = np.zeros(len(made.rows), COMMAND)
    for name, column in zip(FIELDS, zip(*made.rows, strict=True), strict=True):
        commands[name] = column
    commands["sequence"] = np.arange(1, len(commands) + 1)
    commands["source"] = Source.SOURCE_STRATEGY
    return Flow(commands, live, np.array(made.fills, FILL), len(made.ids))


def cached(operations: int, live: int, *, recent: bool = False, seed: int = 1) -> Flow:
    """The same from build/, generated once: some seconds for a million operations."""
    kind = "recent" if recent else "random"
    path = CACHE / f"mix-a-{VERSION}-{operations}-{live}-{kind}-{seed}.npz"
    if not path.exists():
        flow = generate(operations, live, recent=recent, seed=seed)
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(file, commands=flow.commands.view(np.uint8), fills=flow.fills, left=flow.left)
        partial.rename(path)
    with np.load(path) as stored:
        return Flow(stored["commands"].view(COMMAND), live, stored["fills"], int(stored["left"]))


def check(flow: Flow, engine: MatchingEngine) -> None:
    """ValueError unless a new engine makes of the flow what its generator did."""
    found = []
    for start in range(0, len(flow.commands), 10_000):
        answers = engine.process_all(flow.commands[start : start + 10_000])
        trades = answers[answers["kind"] == Kind.TRADE].view(TRADE_DTYPE)
        fills = np.empty(len(trades), FILL)
        fills["maker"] = trades["maker_order_id"]
        fills["price_ticks"], fills["qty_lots"] = trades["price_ticks"], trades["qty_lots"]
        found.append(fills)
    fills = np.concatenate(found)
    if not np.array_equal(fills, flow.fills):
        raise ValueError(f"{len(fills)} fills are not the generator's {len(flow.fills)}")
    rejected = engine.counts()["rejected"]
    if rejected or len(engine) != flow.left:
        raise ValueError(f"{rejected} rejected, {len(engine)} left instead of {flow.left}")
