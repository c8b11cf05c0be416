"""The parts of the live view, each drawn for the room that it is given."""

from dataclasses import dataclass, field
from decimal import Decimal

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hft.monitor.pace import History, Pace, sparkline
from hft.monitor.rows import Cell, Gauge, Rows
from hft.monitor.snapshot import Book, Instrument, Latency, Level, Snapshot, shown_state
from hft.monitor.trade import Trade
from hft.monitor.units import clock, count, elapsed, fitting, latency, money, rate

__all__ = ["Scene", "stuck_text"]

# The sixteen colours of the terminal's own palette: readable on dark and on light.
UP, DOWN, OWN = "green", "red", "bold magenta"
GOOD, BUSY, MUTED, ALARM = "green", "yellow", "dim", "bold white on red"
STATE_STYLES = {
    "running": GOOD, "trading": GOOD, "done": "cyan", "starting": BUSY, "waiting": BUSY,
    "failed": ALARM, "dead": ALARM, "stuck": ALARM,
}  # fmt: skip
MARK = "◆"
TIME_CHARS = len("hh:mm:ss.mmm")
ORDER_LINES = 5
STRATEGY_LINES = 3


@dataclass(frozen=True)
class Scene:
    """Everything that there is to draw."""

    shot: Snapshot
    pace: Pace
    feed: str
    shown: int  # index of the instrument whose book is drawn
    trades: list[Trade]  # newest first
    history: History
    warnings: list[str]
    log: list[str]
    hidden: list[str] = field(default_factory=list)  # what had no room

    @property
    def instrument(self) -> Instrument | None:
        instruments = self.shot["instruments"]
        return instruments[self.shown] if self.shown < len(instruments) else None

    def header(self, width: int) -> RenderableType:
        wide, narrow = width >= 100, width < 60
        shot, pace = self.shot, self.pace
        if shot["kill_switch"]["engaged"]:
            switch = Text(" KILL SWITCH ENGAGED ", ALARM)
        else:
            switch = Text("" if narrow else "kill switch off", GOOD)
        if shot["stop"] != "none":
            switch = Text.assemble((f"stopping ({shot['stop']})  ", BUSY), switch)
        stuck = stuck_text(shot)
        if stuck:
            switch = Text.assemble((f" {stuck} ", ALARM), "  " if switch else "", switch)
        mode = "simulated, " if shot["simulated_time"] else "real time, "
        speed = f"{shot['speed']:g}x" if shot["speed"] else "full speed"
        up = elapsed(shot["uptime_s"])
        market_time = clock(shot["engine"]["event_ts_ns"])
        name = Text.assemble(("hft ", "bold"), (shot["instance"], "bold cyan"), "  ", self.feed)
        if market_time[:-TIME_CHARS]:
            name.append(f"  {market_time[:-TIME_CHARS]}".rstrip(), MUTED)
        if wide:
            right = Text.assemble((f"{mode}{speed}  up ", MUTED), up, "  ", switch)
        else:
            right = switch
        left = Text.assemble((market_time[-TIME_CHARS:], "bold"))
        if wide:
            left.append_text(Text.assemble(("  tick-to-order ", MUTED), *self.tick_to_order()))
        elif not narrow:
            left.append_text(Text.assemble((f"  {mode}", MUTED), speed, ("  up ", MUTED), up))
        rates = Text.assemble((rate(pace.events), "bold"), (" events/s", MUTED))
        if width >= 80:
            rates = Text.assemble(
                rates,
                (", ", MUTED), (rate(pace.orders), "bold"), (" orders, ", MUTED),
                (rate(pace.trades), "bold"), (" trades", MUTED),
            )  # fmt: skip
        return Group(two_ends(name, right), two_ends(left, rates))

    def tick_to_order(self) -> list[tuple[str, str]]:
        age_ns = self.shot["tick_to_order_ns"]
        return [
            (tight(age_ns, "p50"), "bold"),
            (" p99 ", MUTED),
            (tight(age_ns, "p99"), "bold"),
            (" p99.9 ", MUTED),
            (tight(age_ns, "p99.9"), "bold"),
        ]

    def ladder(self, levels: int, wide: bool) -> RenderableType:
        shown = self.instrument
        if shown is None:
            return panel("order book", Text("no instrument yet", MUTED))
        total = len(self.shot["instruments"])
        title = f"{shown['venue']}:{shown['symbol']}"
        title += f" ({self.shown + 1} of {total})" if total > 1 else ""
        book = shown["book"]
        if book is None:
            return panel(title, Text("no whole view of the book: is its writer dead?", ALARM))
        asks, bids = book["asks"][:levels], book["bids"][:levels]
        largest = max((level["lots"] for level in asks + bids), default=1)
        made = Rows("", ">", ">", ">", "=")
        empty = [("", "", "", "")]
        for row in empty * (levels - len(asks)) + [
            level_row(level, DOWN, largest) for level in reversed(asks)
        ]:
            made.add_row(*row)
        made.add_row(*spread(book), style=MUTED)
        for row in [level_row(level, UP, largest) for level in bids]:
            made.add_row(*row)
        for row in empty * (levels - len(bids)):
            made.add_row(*row)
        imbalance = shown["features"]["imbalance"]
        under = [] if imbalance is None else [f"imbalance {imbalance:+.2f}"]
        under += own_text(book, asks + bids, wide)
        return panel(title, made, " ".join(under))

    def position(self, lines: int, width: int) -> RenderableType:
        """Positions, what became of own orders, and as much else as fits."""
        instruments, orders = self.shot["instruments"], self.shot["orders"]
        parts: list[RenderableType] = []
        room = max(1, lines - ORDER_LINES - 1)
        held = Rows("bold", "<INSTRUMENT", ">POSITION", ">PNL")
        first = max(0, self.shown - room + 1)  # the one whose book is drawn is among them
        for index, one in list(enumerate(instruments))[first : first + room]:
            pnl = money(one["pnl_quote"])
            mark = "> " if index == self.shown and len(instruments) > 1 else ""
            held.add_row(
                mark + one["symbol"],
                one["position"],
                Cell(pnl, DOWN if pnl.startswith("-") else UP),
            )
        parts.append(held)
        left = lines - 1 - min(room, len(instruments)) - ORDER_LINES
        outcomes = Rows("", "<", ">", "<", ">")
        digits = 7 if width >= 36 else 5
        pairs = [(name, value) for name, value in orders.items() if isinstance(value, int)]
        whole = list(zip(pairs[::2], pairs[1::2], strict=True))
        if left < 0:
            self.hidden.append("orders")
        for (name, value), (name_2, value_2) in whole[: max(0, left + ORDER_LINES)]:
            outcomes.add_row(
                Cell(name, MUTED),
                fitting(value, digits),
                Cell(name_2, MUTED),
                fitting(value_2, digits),
            )
        parts.append(outcomes)
        pnls = self.history.pnl(self.shown)
        if left >= 3:
            tall = 3 if left >= 6 else 2
            style = DOWN if pnls and pnls[-1] < 0 else UP
            parts.append(self.curve("pnl", pnls, width, tall, style))
            left -= tall + 1
        else:
            self.hidden.append("curve of the pnl")
        own = self.own_orders(left - 1)
        if own is not None:
            parts.append(own)
            left -= own.row_count + 1
        microprices = self.history.microprice(self.shown)
        if left >= 3 and microprices:
            parts.append(self.curve("price", microprices, width, min(3, left - 1), "cyan"))
        return panel("position and orders", Group(*parts))

    def brief(self) -> list[Text]:
        """Position and best prices where there is no room for panels, a line each."""
        one = self.instrument
        if one is None:
            return []
        pnl = money(one["pnl_quote"])
        held = Text.assemble(
            (one["symbol"], "bold"), f" {one['position']}", ("  pnl ", MUTED),
            (pnl, DOWN if pnl.startswith("-") else UP),
        )  # fmt: skip
        book = one["book"]
        bid, ask = (
            f"{side[0]['lots']} @ {side[0]['price']}" if side else "-"
            for side in ((book["bids"], book["asks"]) if book else ([], []))
        )
        lines = [held, Text.assemble((bid, UP), (" / ", MUTED), (ask, DOWN))]
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
        return lines

    def curve(
        self, name: str, values: list[float], width: int, lines: int, style: str
    ) -> RenderableType:
        span = elapsed(self.history.seconds)
        bounds = f"{money(str(min(values)))} to {money(str(max(values)))}" if values else "-"
        label = Text.assemble((f"{name} over {span}: ", MUTED), bounds)
        label.no_wrap, label.overflow = True, "ellipsis"
        drawn = sparkline(values, width, lines)
        return Group(label, *(Text(line, style, no_wrap=True) for line in drawn))

    def own_orders(self, at_most: int) -> Rows | None:
        """Own orders that rest, those nearest to the touch."""
        book = None if self.instrument is None else self.instrument["book"]
        if book is None or at_most < 1 or not (book["own_bids"] or book["own_asks"]):
            return None
        made = Rows("bold", "<OWN ORDER", ">LOTS", ">PRICE", ">AGE")
        rows = [
            (side, style, order)
            for style, side, orders in (
                (UP, "buy", book["own_bids"]),
                (DOWN, "sell", book["own_asks"]),
            )
            for order in orders[: max(1, at_most // 2)]
        ]
        for side, style, order in rows[:at_most]:
            made.add_row(
                Cell(f"{MARK} {side}", style),
                count(order["lots"]),
                order["price"],
                elapsed(order["age_s"]),
            )
        return made

    def recent_trades(self, lines: int, wide: bool) -> RenderableType:
        mine = [trade for trade in self.trades if trade.instrument == self.shown]
        if not mine:
            return panel("recent trades", Text("none yet", MUTED))
        made = Rows("", *("<" for _ in range(wide)), "<", ">", ">")
        for trade in mine[:lines]:
            time = clock(trade.event_ts_ns)[-TIME_CHARS:]
            made.add_row(
                *(Cell(time, MUTED) for _ in range(wide)),
                Cell(MARK if trade.own else "", OWN),
                Cell(trade.price, UP if trade.side == "buy" else DOWN),
                Cell(count(trade.lots), OWN if trade.own else ""),
            )
        return panel("recent trades", made, f"{MARK} own" if any(t.own for t in mine) else "")

    def nodes(self, wide: bool) -> RenderableType:
        core_column = [">CPU"] if wide else []
        made = Rows("bold", "<NODE", *core_column, "<STATE", ">BUSY", ">IN/S", ">OUT/S")
        for node in self.shot["nodes"]:
            busy_share, messages_in, messages_out = self.pace.node(node)
            state = shown_state(node)
            core = "-" if node["core"] is None else str(node["core"])
            made.add_row(
                node["name"],
                *([core] if wide else []),
                Cell(state, STATE_STYLES.get(state, MUTED)),
                f"{busy_share:.0%}",
                rate(messages_in),
                rate(messages_out),
            )
        # Who trades stands below what it runs on; failed ones first.
        strategies = sorted(self.shot["strategies"], key=lambda each: each["state"] != "failed")
        for strategy in strategies[:STRATEGY_LINES]:
            events, intents = self.pace.strategy(strategy)
            made.add_row(
                Cell(strategy["name"], "cyan"),
                *([""] if wide else []),
                Cell(strategy["state"], STATE_STYLES.get(strategy["state"], MUTED)),
                "",
                rate(events),
                rate(intents),
            )
        more = len(strategies) - STRATEGY_LINES
        title = "nodes and strategies" if strategies else "nodes"
        return panel(title, made, f"and {more} more strategies" if more > 0 else "")

    def hops(self, wide: bool, note: bool = False) -> RenderableType:
        depth_column = [">DEPTH"] if wide else []
        made = Rows("bold", "<HOP", ">P50", ">P99", ">MAX", *depth_column, ">HIGH")
        for edge in self.shot["edges"]:
            figures = latency if wide else tight
            times = [figures(edge["hop_ns"], name) for name in ("p50", "p99", "max")]
            lossy = edge["dropped"] and edge["consumer"] != "monitor"
            made.add_row(
                Cell(edge["name"], BUSY if lossy else ""),
                *times,
                *([rate(edge["depth"])] if wide else []),
                rate(edge["high_water"]),
            )
        age_ns = self.shot["tick_to_order_ns"]
        title = f"tick-to-order {latency(age_ns, 'p50')}, p99 {latency(age_ns, 'p99')}"
        return panel("hops between nodes" if wide else title, made, self.note() if note else "")

    def note(self) -> str:
        """What had no room."""
        return f"no room for: {', '.join(self.hidden)}" if self.hidden else ""

    def footer(self, lines: int, note: bool) -> Text:
        """The newest warnings, then the newest lines of the log; `note`: then what had no room."""
        lines -= note and lines > 1
        shown = self.warnings[-max(1, lines - (1 if self.log and lines > 1 else 0)) :]
        rest = list(self.log)[-(lines - len(shown)) :] if lines > len(shown) else []
        earlier = len(self.warnings) - len(shown)
        rows = [
            Text(f"! {warning}{f' (and {earlier} earlier)' * (earlier > 0 and place == 0)}", BUSY)
            for place, warning in enumerate(shown)
        ]
        rows += [Text(line, MUTED) for line in rest]
        if note and self.hidden:
            rows = [*rows[: lines if lines > 1 else 0], Text(self.note(), MUTED)]
        made = Text("\n").join(rows)
        made.no_wrap, made.overflow = True, "ellipsis"
        return made


def two_ends(left: Text, right: Text) -> Table:
    """A line of which the right end is whole."""
    made = Table.grid(expand=True, padding=(0, 1))
    made.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    made.add_column(no_wrap=True, justify="right")
    made.add_row(left, right)
    return made


def stuck_text(shot: Snapshot) -> str:
    """Who gives no sign of life, and for how long; "" if nobody."""
    stuck = [node for node in shot["nodes"] if shown_state(node) == "stuck"]
    if not stuck:
        return ""
    who = stuck[0]["name"] if len(stuck) == 1 else f"{len(stuck)} nodes"
    return f"{who} stuck for {elapsed(max(node['stuck_s'] or 0.0 for node in stuck))}"


def tight(summary: Latency, name: str) -> str:
    return latency(summary, name).replace(" ", "")


def panel(title: str, content: RenderableType, subtitle: str = "") -> Panel:
    return Panel(
        content,
        title=Text(title),
        title_align="left",
        subtitle=Text(subtitle) if subtitle else None,
        subtitle_align="left",
        border_style=MUTED,
        box=box.ROUNDED,
    )


def level_row(level: Level, style: str, largest: int) -> tuple[Cell, Cell, Cell, Gauge]:
    """A level of the ladder: own lots, price, all lots, a bar of them."""
    own = level["own_orders"] > 0
    return (
        Cell(f"{MARK} {count(level['own_lots'])}" if own else "", OWN),
        Cell(level["price"], f"bold {style}" if own else style),
        Cell(count(level["lots"])),
        Gauge(level["lots"] / largest, style),
    )


def own_text(book: Book, levels: list[Level], wide: bool) -> list[str]:
    """How many own orders rest; `wide`: and how many of them where no level shows them."""
    total = book["own_bid_count"] + book["own_ask_count"]
    deeper = total - sum(level["own_orders"] for level in levels)
    if total == 0:
        return []
    return [f"{MARK} {total}, {deeper} deeper" if wide and deeper > 0 else f"{MARK} {total}"]


def spread(book: Book) -> tuple[str, str, str, str]:
    """The row between asks and bids."""
    if not (book["bids"] and book["asks"]):
        return "", "", "", ""
    width = Decimal(book["asks"][0]["price"]) - Decimal(book["bids"][0]["price"])
    return "", f"{width:f}", "spread", ""
