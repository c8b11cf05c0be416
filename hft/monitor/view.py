"""The live view of a run in a terminal, and the line that stands for it where there is none."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.layout import Layout
from rich.live import Live

from hft.core.control import VIEW_LEVELS
from hft.monitor.pace import History, Pace
from hft.monitor.panels import ORDER_LINES, STRATEGY_LINES, Scene, stuck_text
from hft.monitor.snapshot import Snapshot
from hft.monitor.trade import Trade
from hft.monitor.units import clock, count, latency, money, rate

__all__ = ["REDRAW_S", "View", "can_draw"]

REDRAW_S = 0.5  # drawing takes some milliseconds of a core that others need
RATES_OVER_S = 1.0  # redraws are too close together for steady rates
TRADES_KEPT = 200
LOG_KEPT = 40
CYCLE_S = 6  # with several instruments, how long each is shown
NARROW, WIDE = 80, 100  # columns: below, panels are stacked; from here on, all figures are there
TALL, TALLER = 30, 36  # lines from which on the log has three, and five
HEADER_LINES = 2
FRAME_LINES = 2  # of a panel


def can_draw(console: Console) -> bool:
    """Whether the live view can be drawn there: TERM=dumb has no cursor to move."""
    return console.is_terminal and not console.is_dumb_terminal


class View:
    """Draws snapshots. The caller appends to `trades`, `warnings` and `log`, newest last.

    Args:
        feed: the feed as text.
        console: where `live` draws; by default the terminal.
        instrument: index of the one whose book is shown; None: each in turn that is traded.
    """

    def __init__(
        self, feed: str = "", console: Console | None = None, instrument: int | None = None
    ) -> None:
        self.feed = feed
        self.instrument = instrument
        self.console = console
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT)
        self.warnings: list[str] = []
        self.log: deque[str] = deque(maxlen=LOG_KEPT)
        self.history = History()

    def render(self, shot: Snapshot, previous: Snapshot | None = None) -> RenderableType:
        """All of the view; rates are those since the previous snapshot, or else since the start."""
        self.history.add(shot)
        return Screen(
            Scene(
                shot=shot,
                pace=Pace(shot, previous),
                feed=self.feed,
                shown=instrument_of(shot) if self.instrument is None else self.instrument,
                trades=list(self.trades)[::-1],
                history=self.history,
                warnings=list(self.warnings),
                log=list(self.log),
            )
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
        if stuck := stuck_text(shot):
            parts.append(stuck.upper())
        return "  ".join(parts)


def instrument_of(shot: Snapshot) -> int:
    """The instrument to show now: each in turn in which there is a position or an own order."""
    traded = [
        index
        for index, one in enumerate(shot["instruments"])
        if one["position_lots"] or one["open_orders"] or one["cash_tick_lots"]
    ]
    return traded[int(shot["uptime_s"] / CYCLE_S) % len(traded)] if traded else 0


@dataclass(frozen=True)
class Screen:
    """The view, laid out when it is drawn, for the size that there is then."""

    scene: Scene

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.height or console.height
        width = options.max_width
        self.scene.hidden.clear()
        rows = self.stack(width, height) if width < NARROW else self.grid(width, height)
        screen = Layout()
        screen.split_column(*rows)
        yield from console.render(screen, options.update(height=height))

    def grid(self, width: int, height: int) -> list[Layout]:
        """Two rows of panels; the lower one only if there is room for it."""
        scene, wide = self.scene, width >= WIDE
        footer_lines = 1 if height < TALL else 3 if height < TALLER else 5
        lower_lines = FRAME_LINES + 1 + max(len(scene.shot["edges"]), nodes_lines(scene.shot))
        room = height - HEADER_LINES - footer_lines
        fits = room - lower_lines >= FRAME_LINES + 5
        levels = levels_in(room - lower_lines if fits else room)
        lines = 2 * levels + 1
        sizes = (40, 32) if width >= WIDE + 16 else (38, 28) if wide else (34, 20)
        upper = Layout(size=lines + FRAME_LINES)
        upper.split_row(
            Layout(scene.ladder(levels, wide)),
            Layout(scene.position(lines, sizes[0] - 4), size=sizes[0]),
            Layout(scene.recent_trades(lines, wide), size=sizes[1]),
        )
        rows = [Layout(scene.header(width), size=HEADER_LINES), upper]
        if height < TALL:
            scene.hidden.append("log")
        if fits:
            lower = Layout(size=lower_lines)
            lower.split_row(
                Layout(scene.nodes(wide), size=width * 45 // 100 if wide else 38),
                Layout(scene.hops(wide, note=True)),
            )
            rows.append(lower)
        else:
            scene.hidden.extend(("nodes", "hops"))
        used = sum(row.size or 0 for row in rows)
        return [*rows, Layout(scene.footer(max(1, height - used), note=not fits))]

    def stack(self, width: int, height: int) -> list[Layout]:
        """One panel below the other, the most important first, while there is room."""
        scene = self.scene
        rows = [Layout(scene.header(width), size=HEADER_LINES)]
        left = max(0, height - HEADER_LINES - 1)
        top = self.top(left, width, height)
        rows += top
        left -= sum(row.size or 0 for row in top)
        parts: tuple[tuple[str, Callable[[], RenderableType], int], ...] = (
            ("nodes", lambda: scene.nodes(False), 1 + nodes_lines(scene.shot)),
            ("hops", lambda: scene.hops(False), 1 + len(scene.shot["edges"])),
            ("trades", lambda: scene.recent_trades(4, False), 4),
        )
        for name, draw, lines in parts:
            if lines + FRAME_LINES <= left:
                rows.append(Layout(draw(), size=lines + FRAME_LINES))
                left -= lines + FRAME_LINES
            else:
                scene.hidden.append(name)
        return [*rows, Layout(scene.footer(left + 1, note=True))]

    def top(self, left: int, width: int, height: int) -> list[Layout]:
        """What matters most, in so many lines at most: the book's best prices and the position."""
        scene = self.scene
        levels = min(levels_in(height // 2), 5)
        lines = 1 + min(max(1, len(scene.shot["instruments"])), 3) + ORDER_LINES
        while levels > 2 and panel_lines(2 * levels + 1) + panel_lines(lines) > left:
            levels -= 1
        lines = min(lines, left - panel_lines(2 * levels + 1) - FRAME_LINES)
        if lines < 2:
            levels, lines = 1, lines + 2
        if panel_lines(2 * levels + 1) + panel_lines(2) <= left:
            return [
                Layout(scene.ladder(levels, width >= 50), size=panel_lines(2 * levels + 1)),
                Layout(scene.position(lines, width - 4), size=panel_lines(lines)),
            ]
        scene.hidden.append("orders")
        brief = [Layout(line, size=1) for line in scene.brief()]
        if brief and 1 + panel_lines(3) <= left:
            return [Layout(scene.ladder(1, width >= 50), size=panel_lines(3)), brief[0]]
        return brief[:left]


def panel_lines(lines: int) -> int:
    return lines + FRAME_LINES


def nodes_lines(shot: Snapshot) -> int:
    return len(shot["nodes"]) + min(len(shot["strategies"]), STRATEGY_LINES)


def levels_in(lines: int) -> int:
    """Levels of a ladder, with its frame, in so many lines."""
    return max(1, min(VIEW_LEVELS, (lines - FRAME_LINES - 1) // 2))
