"""csv: trades from a CSV file, with the thinnest book in which they can have happened.

    timestamp, symbol, price, size, side (of the aggressor)

A file of trades doesn't say what was bid and offered. What it implies is one order a side:

- A buy at p was sold to by an offer at p. If the offer that stands is at p and holds the trade's
  size, it is what trades; own orders behind it wait. Else an offer of twice the size enters at p,
  behind the own orders there, and the old one leaves. Then it trades once the size, so that own
  orders at better prices and ahead of it are filled first. The other half stays as the new offer.
- An offer that a trade uses up wholly is followed by one of the trade's size.
- A bid at or above p can't have been there: it falls to one order increment below p, with the
  size of the last sell. It rises again only when a sell trades higher. Where there is none yet, it
  comes after the trade, one increment below it.

And the other way round for a sell. A trade of unknown side has that of the last price change: up
is a buy, down is a sell, and the first of all is a buy.
"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from hft.core.messages import Kind, Side
from hft.feeds.base import Commands, FeedOptions, Int64s
from hft.feeds.csv_fields import Misfit
from hft.feeds.csv_market import SYMBOL_ROLES, Block, CsvMarketFeed, tally
from hft.feeds.flow import FlowWriter

__all__ = ["CsvTradesFeed"]

UNKNOWN = 0
SIDE_OF_TEXT = {
    **dict.fromkeys(("buy", "b", "bid", "buyer", "1", "+1", "long"), int(Side.BUY)),
    **dict.fromkeys(("sell", "s", "ask", "a", "seller", "-1", "2", "short"), int(Side.SELL)),
    **dict.fromkeys(("", "unknown", "none", "null", "na", "nan", "n/a", "u", "0"), UNKNOWN),
}


class CsvTradesFeed(CsvMarketFeed):
    """Trades of one or several symbols; see the module."""

    scheme = "csv"
    roles: ClassVar = {
        **SYMBOL_ROLES,
        "price": ("price", "px", "tradeprice", "lastprice", "p"),
        "size": ("size", "amount", "qty", "quantity", "sz", "volume", "lots", "lastqty", "q"),
        "side": ("side", "takerside", "aggressor", "aggressorside", "direction"),
    }
    bare = ("timestamp", "symbol", "price", "size", "side")
    optional = frozenset({"venue", "side"})
    foreign = frozenset({"issnapshot"})  # changes of a book, which have a price, size and side too
    pairs = (("price", "size"),)
    may_be_empty = False

    def __init__(self, argument: str, options: FeedOptions) -> None:
        self.unknown = 0
        super().__init__(argument, options)

    def note(self, block: Block) -> None:
        self.unknown += int((sides_of(block) == UNKNOWN).sum())

    def check_cells(self, line: int, cells: dict[str, str]) -> None:
        if cells.get("side", "").lower() not in SIDE_OF_TEXT:
            rule = "must be buy or sell (or b, s, 1, -1; empty where it isn't known)"
            self.file.fail(line, "side", rule, cells["side"])

    def notes(self) -> list[str]:
        unknown = [f"{self.unknown:,} of unknown side"] if self.unknown else []
        return [f"{self.row_count:,} trades", *unknown, *self.common_notes()]

    def blocks(self) -> Iterator[Commands]:
        flow = FlowWriter()
        books = [Quotes(flow, each.order_increment_ticks) for each in self.instruments]
        for block in self.read():
            columns = block.instrument, sides_of(block), block.steps["price"], block.steps["size"]
            rows = zip(*(column.tolist() for column in columns), strict=True)
            for row, (index, side, price_ticks, lots) in enumerate(rows):
                books[index].trade(row, side, price_ticks, lots)
            yield flow.take(block.ts_ns, block.instrument)


def sides_of(block: Block) -> Int64s:
    """The rows' sides of the aggressor, UNKNOWN where the file doesn't tell."""
    if "side" not in block.texts.schema.names:
        return np.full(len(block), UNKNOWN, np.int64)
    codes, texts = tally(block.texts["side"])
    if not all(text.lower() in SIDE_OF_TEXT for text in texts):
        raise Misfit
    sides: Int64s = np.array([SIDE_OF_TEXT[text.lower()] for text in texts], np.int64)
    return sides[codes]


class Quote:
    """The implied order of one side; none while `order_id` is 0."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.order_id = 0
        self.price_ticks = 0
        self.left_lots = 0
        self.last_lots = 0  # of the last trade against this side

    def move(self, flow: FlowWriter, row: int, price_ticks: int, qty_lots: int) -> None:
        """Another order in place of this one."""
        entered = flow.add(row, self.side, price_ticks, qty_lots)
        self.leave(flow, row)
        self.order_id, self.price_ticks, self.left_lots = entered, price_ticks, qty_lots

    def leave(self, flow: FlowWriter, row: int) -> None:
        if self.order_id:
            put = self.order_id, self.side, self.price_ticks, self.left_lots
            flow.put(row, Kind.FLOW_DELETE, *put)
            self.order_id = 0

    def execute(self, flow: FlowWriter, row: int, lots: int) -> None:
        """A trade; when it takes all, one of its size follows, entered before: no empty side."""
        price_ticks, order_id = self.price_ticks, self.order_id
        if lots == self.left_lots:
            self.order_id = flow.add(row, self.side, price_ticks, lots)
        else:
            self.left_lots -= lots
        flow.put(row, Kind.FLOW_EXECUTE, order_id, self.side, price_ticks, lots)
        self.last_lots = lots


class Quotes:
    """The implied book of one instrument."""

    def __init__(self, flow: FlowWriter, increment_ticks: int) -> None:
        self.flow = flow
        self.increment_ticks = increment_ticks
        self.bid, self.ask = Quote(Side.BUY), Quote(Side.SELL)
        self.last_side = int(Side.BUY)
        self.last_ticks = 0

    def trade(self, row: int, side: int, price_ticks: int, lots: int) -> None:
        """The commands of one trade; `side` is the aggressor's."""
        if side == UNKNOWN:
            side = self.last_side
            if self.last_ticks and price_ticks != self.last_ticks:
                side = int(Side.BUY if price_ticks > self.last_ticks else Side.SELL)
        self.last_side, self.last_ticks = side, price_ticks
        if side == Side.BUY:
            maker, other, away_ticks = self.ask, self.bid, price_ticks - self.increment_ticks
            crossed = other.price_ticks >= price_ticks
        else:
            maker, other, away_ticks = self.bid, self.ask, price_ticks + self.increment_ticks
            crossed = other.price_ticks <= price_ticks
        if other.order_id and crossed:
            self.retreat(other, row, away_ticks, other.last_lots or lots)
        if maker.price_ticks != price_ticks or maker.left_lots < lots or not maker.order_id:
            maker.move(self.flow, row, price_ticks, 2 * lots)
        maker.execute(self.flow, row, lots)
        if not other.order_id:
            self.retreat(other, row, away_ticks, other.last_lots or lots)

    def retreat(self, quote: Quote, row: int, price_ticks: int, lots: int) -> None:
        """Put a quote out of the way of a trade; below all prices there is none."""
        if price_ticks > 0:
            quote.move(self.flow, row, price_ticks, lots)
        else:
            quote.leave(self.flow, row)
