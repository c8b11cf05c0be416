"""bbo: best bids and asks from a CSV file, as flow that shows exactly these best prices.

    timestamp, symbol, bid price, bid size, ask price, ask size

Each side of a symbol is one price level of recorded orders:

- A new price: one order of the new size enters there, then the orders of the old level leave.
- A larger size: the difference joins the back of the queue as one more order.
- A smaller size: the newest orders shrink first. So an own order in the queue comes no nearer to
  its front than the size that is left forces it to: that is the cautious assumption.
- No size, or one of 0: the side is empty, whatever its price says.

Of two sides that move in one row the one that retreats goes first, so the book is crossed only
where a row is: bid >= ask in one row is taken as it is, and counted. What this assumes, and what it
means for a back-test, is in docs/feeds.md.
"""

from collections.abc import Iterator
from typing import ClassVar

from hft.core.messages import Kind, Side
from hft.feeds.base import Commands, FeedOptions
from hft.feeds.csv_market import SYMBOL_ROLES, Block, CsvMarketFeed
from hft.feeds.flow import FlowWriter

__all__ = ["BboFeed"]


def headings(side: str) -> dict[str, tuple[str, ...]]:
    """The roles of one side with what their columns may be called."""
    prices = tuple(
        f"{lead}{side}{end}" for end in ("price", "px", "", "p") for lead in ("", "best")
    )
    sizes = tuple(
        f"{lead}{side}{end}"
        for end in ("size", "amount", "qty", "quantity", "sz", "volume", "lots")
        for lead in ("", "best")
    )
    return {f"{side}_price": prices, f"{side}_size": sizes}


class BboFeed(CsvMarketFeed):
    """Quotes of one or several symbols; see the module."""

    scheme = "bbo"
    roles: ClassVar = {**SYMBOL_ROLES, **headings("bid"), **headings("ask")}
    bare = ("timestamp", "symbol", "bid_price", "bid_size", "ask_price", "ask_size")
    optional = frozenset({"venue"})
    pairs = (("bid_price", "bid_size"), ("ask_price", "ask_size"))
    may_be_empty = True

    def __init__(self, argument: str, options: FeedOptions) -> None:
        self.crossed = 0
        super().__init__(argument, options)

    def note(self, block: Block) -> None:
        bid, ask = block.steps["bid_price"], block.steps["ask_price"]
        self.crossed += int(((bid >= ask) & (ask > 0)).sum())

    def check_cells(self, line: int, cells: dict[str, str]) -> None:
        """Every rule is about prices and sizes alone."""

    def notes(self) -> list[str]:
        crossed = [f"{self.crossed:,} of them crossed"] if self.crossed else []
        return [f"{self.row_count:,} quotes", *crossed, *self.common_notes()]

    def blocks(self) -> Iterator[Commands]:
        flow = FlowWriter()
        books = [(Level(Side.BUY), Level(Side.SELL)) for _ in self.instruments]
        for block in self.read():
            columns = (
                block.instrument,
                *(block.steps[role] for pair in self.pairs for role in pair),
            )
            rows = zip(*(column.tolist() for column in columns), strict=True)
            for row, (index, bid_ticks, bid_lots, ask_ticks, ask_lots) in enumerate(rows):
                bid, ask = books[index]
                if ask.total_lots and (ask_ticks > ask.price_ticks or not ask_lots):
                    ask.move(flow, row, ask_ticks, ask_lots)
                    bid.move(flow, row, bid_ticks, bid_lots)
                else:
                    bid.move(flow, row, bid_ticks, bid_lots)
                    ask.move(flow, row, ask_ticks, ask_lots)
            yield flow.take(block.ts_ns, block.instrument)


class Level:
    """The recorded orders of one side, oldest first: all at one price."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.price_ticks = 0
        self.total_lots = 0
        self.orders: list[tuple[int, int]] = []  # id, lots

    def move(self, flow: FlowWriter, row: int, price_ticks: int, total_lots: int) -> None:
        """Make the level what a row says; no lots, no level."""
        if price_ticks == self.price_ticks:
            grown_lots = total_lots - self.total_lots
            if grown_lots > 0:
                self.join(flow, row, grown_lots)
            elif grown_lots < 0:
                self.shrink(flow, row, -grown_lots)
        else:
            leaving, left_ticks = self.orders, self.price_ticks
            self.price_ticks, self.orders = price_ticks, []
            if total_lots:
                self.join(flow, row, total_lots)
            for order_id, lots in leaving:
                flow.put(row, Kind.FLOW_DELETE, order_id, self.side, left_ticks, lots)
        self.total_lots = total_lots

    def join(self, flow: FlowWriter, row: int, lots: int) -> None:
        self.orders.append((flow.add(row, self.side, self.price_ticks, lots), lots))

    def shrink(self, flow: FlowWriter, row: int, lots: int) -> None:
        """Take lots from the back of the queue."""
        while lots:
            order_id, order_lots = self.orders.pop()
            if lots < order_lots:
                self.orders.append((order_id, order_lots - lots))
                flow.put(row, Kind.FLOW_CANCEL, order_id, self.side, self.price_ticks, lots)
                return
            flow.put(row, Kind.FLOW_DELETE, order_id, self.side, self.price_ticks, order_lots)
            lots -= order_lots
