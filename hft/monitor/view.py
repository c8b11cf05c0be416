"""The live view of a run in a terminal, and the line that stands for it where there is none."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from rich import box
from rich.bar import Bar
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hft.core.control import VIEW_LEVELS
from hft.monitor.snapshot import Book, Node, Snapshot
from hft.monitor.units import clock, count, elapsed, fitting, latency, money, rate

__all__ = ["REDRAW_S", "Trade", "View"]

REDRAW_S = 0.25
RATES_OVER_S = 1.0  # redraws are too close together for steady rates
TRADES_KEPT = 40
LOG_KEPT = 40
WARNINGS_SHOWN = 3
TALL, WIDE = 30, 100  # from here on there is room for all

UP, DOWN = "green", "red"
GOOD, BUSY, MUTED, ALARM = "green", "yellow", "dim", "bold white on red"
STATE_STYLES = {"running": GOOD, "done": "cyan", "starting": BUSY, "failed": ALARM}


class Trade(NamedTuple):
    """A trade to show: `price` as text; `side` is the taker's, "buy" or "sell"."""

    event_ts_ns: int
    price: str
    lots: int
    side: str


class View:
    """Draws snapshots. The caller appends to `trades` (newest last) and keeps up `warnings`.

    Args:
        feed: the feed as text.
        console: where `live` draws; by default the terminal.
        instrument: index of the one whose book is shown.
    """

    def __init__(self, feed: str = "", console: Console | None = None, instrument: int = 0) -> None:
        self.feed = feed
        self.instrument = instrument
        self.console = console
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT)
        self.warnings: list[str] = []
        self.log: deque[str] = deque(maxlen=LOG_KEPT)

    def render(self, shot: Snapshot, previous: Snapshot | None = None) -> RenderableType:
        """All of the view; rates are those since the previous snapshot, or else since the start."""
        return Screen(
            shot=shot,
            pace=Pace(shot, previous),
            feed=self.feed,
            instrument=self.instrument,
            trades=list(self.trades)[::-1],
            warnings=list(self.warnings),
        )

    @contextmanager
    def live(self) -> Iterator[Callable[[Snapshot], None]]:
        """Take over the terminal; what it yields draws a snapshot. Call that every REDRAW_S."""
        recent: deque[Snapshot] = deque()
        with Live(console=self.console, screen=True, auto_refresh=False) as live:

            def show(shot: Snapshot) -> None:
                over_ns = RATES_OVER_S * 1e9
                while len(recent) > 1 and shot["host_ts_ns"] - recent[1]["host_ts_ns"] >= over_ns:
                    recent.popleft()
                live.update(self.render(shot, recent[0] if recent else None), refresh=True)
                recent.append(shot)

            yield show

    def line(self, shot: Snapshot, previous: Snapshot | None = None) -> str:
        """The most important figures in one line, for a run without a terminal."""
        orders, age_ns = shot["orders"], shot["tick_to_order_ns"]
        parts = [
            clock(shot["engine"]["event_ts_ns"]),
            f"{rate(Pace(shot, previous).events)} events/s",
            f"{count(shot['engine']['trades'])} trades",
            *(
                f"{one['symbol']} {one['position']} pnl {money(one['pnl_quote'])}"
                for one in shot["instruments"][:1]
            ),
            f"orders {count(orders['accepted'])} fills {count(orders['fills'])} "
            f"open {count(orders['open'])}",
            f"tick-to-order p50 {latency(age_ns, 'p50')} p99 {latency(age_ns, 'p99')}",
        ]
        if len(shot["instruments"]) > 1:
            parts.insert(4, f"and {len(shot['instruments']) - 1} more")
        if shot["kill_switch"]["engaged"]:
            parts.append("KILLED")
        return "  ".join(parts)


class Pace:
    """How fast things go, between two snapshots or since the start."""

    def __init__(self, shot: Snapshot, previous: Snapshot | None) -> None:
        if previous is not None and previous["run_id"] != shot["run_id"]:
            previous = None
        self.seconds = shot["uptime_s"]
        if previous is not None:
            self.seconds = (shot["host_ts_ns"] - previous["host_ts_ns"]) / 1e9
        self.before = {} if previous is None else {node["name"]: node for node in previous["nodes"]}
        steps_before = 0 if previous is None else previous["engine"]["steps"]
        self.events = self.per_second(shot["engine"]["steps"] - steps_before)

    def per_second(self, difference: int) -> float:
        return max(0, difference) / self.seconds if self.seconds > 0 else 0.0

    def node(self, node: Node) -> tuple[float, float, float]:
        """Busy share, messages in and messages out per second."""
        before = self.before.get(node["name"])
        if before is None:
            return (
                node["busy_share"],
                self.per_second(node["messages_in"]),
                self.per_second(node["messages_out"]),
            )
        loop_ns = node["loop_ns"] - before["loop_ns"]
        busy_ns = node["busy_ns"] - before["busy_ns"]
        return (
            busy_ns / loop_ns if loop_ns > 0 else 0.0,
            self.per_second(node["messages_in"] - before["messages_in"]),
            self.per_second(node["messages_out"] - before["messages_out"]),
        )


@dataclass(frozen=True)
class Screen:
    """The view, laid out when it is drawn, for the size that there is then."""

    shot: Snapshot
    pace: Pace
    feed: str
    instrument: int
    trades: list[Trade]  # newest first
    warnings: list[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.height or console.height
        wide = options.max_width >= WIDE
        levels = VIEW_LEVELS if height >= TALL else 3
        lines = 2 * levels + 1
        top = Layout(size=lines + 2)
        top.split_row(
            Layout(self.book(levels)),
            Layout(self.position(lines, 7 if wide else 5), size=38 if wide else 34),
            Layout(self.recent_trades(lines, wide), size=33 if wide else 20),
        )
        bottom = Layout()
        bottom.split_row(
            Layout(self.nodes(wide), size=44 if wide else 38),
            Layout(self.hops(wide)),
        )
        rows = [Layout(self.header(), size=2), top, bottom]
        if self.warnings:
            shown = self.warnings[-WARNINGS_SHOWN:]
            rows.append(Layout(self.warning_lines(shown), size=len(shown)))
        screen = Layout()
        screen.split_column(*rows)
        yield from console.render(screen, options.update(height=height))

    def header(self) -> RenderableType:
        shot = self.shot
        if shot["kill_switch"]["engaged"]:
            switch = Text(" KILL SWITCH ENGAGED ", ALARM)
        else:
            switch = Text("kill switch off", GOOD)
        if shot["stop"] != "none":
            switch = Text.assemble((f"stopping ({shot['stop']})  ", BUSY), switch)
        made = Table.grid(expand=True, padding=(0, 1))
        made.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        made.add_column(no_wrap=True, justify="right")
        made.add_row(
            Text.assemble(("hft ", "bold"), (shot["instance"], "bold cyan"), "  ", self.feed),
            switch,
        )
        made.add_row(
            Text.assemble(
                (clock(shot["engine"]["event_ts_ns"]), "bold"),
                ("  simulated, " if shot["simulated_time"] else "  real time, ", MUTED),
                f"{shot['speed']:g}x" if shot["speed"] else "full speed",
            ),
            Text.assemble(
                (rate(self.pace.events), "bold"),
                (" events/s  ", MUTED),
                (count(shot["engine"]["trades"]), "bold"),
                (" trades  up ", MUTED),
                elapsed(shot["uptime_s"]),
            ),
        )
        return made

    def book(self, levels: int) -> RenderableType:
        instruments = self.shot["instruments"]
        if self.instrument >= len(instruments):
            return panel("order book", Text("no instrument yet", MUTED))
        shown = instruments[self.instrument]
        title = f"{shown['venue']}:{shown['symbol']}"
        book = shown["book"]
        if book is None:
            return panel(title, Text("no whole view of the book: is its writer dead?", ALARM))
        asks, bids = book["asks"][:levels], book["bids"][:levels]
        largest = max((level["lots"] for level in asks + bids), default=1)
        made = columns("", ">", ">", "=")
        for side, style in ((asks[::-1], DOWN), (bids, UP)):
            empty = [("", "", "")] * (levels - len(side))
            drawn = [
                (Text(price, style), count(lots), Bar(largest, 0, lots, color=style))
                for price, lots in ((level["price"], level["lots"]) for level in side)
            ]
            if side is bids:
                made.add_row(*spread(book), style=MUTED)
            for row in drawn + empty if side is bids else empty + drawn:
                made.add_row(*row)
        imbalance = shown["features"]["imbalance"]
        return panel(title, made, "" if imbalance is None else f"imbalance {imbalance:+.2f}")

    def position(self, lines: int, digits: int) -> RenderableType:
        instruments, orders = self.shot["instruments"], self.shot["orders"]
        held = columns("bold", "<INSTRUMENT", ">POSITION", ">PNL")
        room = max(1, lines - 7)
        for one in instruments[:room]:
            pnl = money(one["pnl_quote"])
            held.add_row(
                one["symbol"], one["position"], Text(pnl, DOWN if pnl.startswith("-") else UP)
            )
        outcomes = columns("", "<", ">", "<", ">")
        pairs = [(name, value) for name, value in orders.items() if isinstance(value, int)]
        for (left, left_count), (right, right_count) in zip(pairs[::2], pairs[1::2], strict=True):
            outcomes.add_row(
                Text(left, MUTED),
                fitting(left_count, digits),
                Text(right, MUTED),
                fitting(right_count, digits),
            )
        gap = [""] * max(0, lines - 6 - min(room, len(instruments)))
        return panel("position and orders", Group(held, *gap[:1], outcomes))

    def recent_trades(self, lines: int, wide: bool) -> RenderableType:
        if not self.trades:
            return panel("recent trades", Text("none yet", MUTED))
        made = columns("", *("<" for _ in range(wide)), ">", ">")
        for trade in self.trades[:lines]:
            time = clock(trade.event_ts_ns)[-len("hh:mm:ss.mmm") :]
            made.add_row(
                *(Text(time, MUTED) for _ in range(wide)),
                Text(trade.price, UP if trade.side == "buy" else DOWN),
                count(trade.lots),
            )
        return panel("recent trades", made)

    def nodes(self, wide: bool) -> RenderableType:
        made = columns("bold", "<NODE", *([">CORE"] if wide else []), "<STATE", ">BUSY", ">IN/S")
        made.add_column("OUT/S", justify="right", no_wrap=True)
        for node in self.shot["nodes"]:
            busy_share, messages_in, messages_out = self.pace.node(node)
            core = "-" if node["core"] is None else str(node["core"])
            made.add_row(
                node["name"],
                *([core] if wide else []),
                state_text(node),
                f"{busy_share:.0%}",
                rate(messages_in),
                rate(messages_out),
            )
        return panel("nodes", made)

    def hops(self, wide: bool) -> RenderableType:
        made = columns("bold", "<HOP", ">P50", ">P99", ">MAX")
        if wide:
            made.add_column("DEPTH", justify="right", no_wrap=True)
        made.add_column("HIGH", justify="right", no_wrap=True)
        for edge in self.shot["edges"]:
            times = [latency(edge["hop_ns"], figure) for figure in ("p50", "p99", "max")]
            name = Text(edge["name"], BUSY if edge["dropped"] else "")
            name.truncate(15 if wide else 11, overflow="ellipsis")
            made.add_row(
                name,
                *(times if wide else [time.replace(" ", "") for time in times]),
                *([rate(edge["depth"])] if wide else []),
                rate(edge["high_water"]),
            )
        age_ns = self.shot["tick_to_order_ns"]
        title = f"tick-to-order {latency(age_ns, 'p50')}, p99 {latency(age_ns, 'p99')}"
        return panel(f"hops, {title}" if wide else title, made)

    def warning_lines(self, shown: list[str]) -> Text:
        lines = Text(no_wrap=True, overflow="ellipsis", style=BUSY)
        earlier = len(self.warnings) - len(shown)
        for index, warning in enumerate(shown):
            more = f" (and {earlier} earlier)" if earlier and index == 0 else ""
            lines.append(f"! {warning}{more}" + "\n" * (index < len(shown) - 1))
        return lines


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


def columns(header_style: str, *headers: str) -> Table:
    """A table over the whole width; '<' text, '>' numbers, '=' what is left of the width."""
    made = Table(
        box=None,
        expand=True,
        pad_edge=False,
        collapse_padding=True,
        header_style=header_style,
        show_header=bool(header_style),
    )
    for header in headers:
        made.add_column(
            header[1:],
            justify="right" if header.startswith(">") else "left",
            ratio=1 if header.startswith("=") else None,
            no_wrap=True,
        )
    return made


def spread(book: Book) -> tuple[str, str, str]:
    """The row between asks and bids."""
    if not (book["bids"] and book["asks"]):
        return "", "", ""
    width = Decimal(book["asks"][0]["price"]) - Decimal(book["bids"][0]["price"])
    return f"{width:f}", "spread", ""


def state_text(node: Node) -> Text:
    if not node["alive"] and node["state"] in ("starting", "running", "done"):
        return Text("dead", ALARM)
    return Text(node["state"], STATE_STYLES.get(node["state"], MUTED))
