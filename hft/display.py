"""What a person sees of a run while it lasts: the live view on a terminal, else a line a second."""

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console

from hft.core.messages import CONTROL, SOURCE_SHIFT, TRADE_DTYPE, Kind, Side
from hft.feeds.base import Commands
from hft.monitor.alerts import Alerts
from hft.monitor.snapshot import Snapshot, snapshot
from hft.monitor.trade import Trade
from hft.monitor.view import REDRAW_S, View, can_draw
from hft.nodes.spec import RunSpec
from hft.run import Run
from hft.runtime.log import LogBook, Record, text_of

__all__ = ["Display"]

LINE_S = 1.0
TRADES_READ = 64  # of the newest; more would scroll by unseen

log = logging.getLogger("hft.launch")


def link_latest(folder: Path) -> None:
    """Let `latest` mean this run, now that it has begun; without it the run goes on."""
    latest = folder.parent / "latest"
    try:
        latest.unlink(missing_ok=True)
        latest.symlink_to(folder.name)
    except OSError as error:
        log.warning(f"{latest}: can't be linked to this run: {error.strerror}")


class Display:
    """Shows a run. What the log says goes to the view, or where there is none, to stderr."""

    def __init__(self, spec: RunSpec, feed: str, book: LogBook) -> None:
        self.spec = spec
        self.console = Console()
        self.view = View(feed, self.console)
        self.alerts = Alerts()
        self.errors: list[str] = []
        self.draws = can_draw(self.console)
        if self.draws:
            book.listeners.append(self.take_log)
        else:
            book.screen = sys.stderr
        self.every_s = REDRAW_S if self.draws else LINE_S
        self.next_s = time.monotonic() + self.every_s
        self.previous: Snapshot | None = None
        self.event_ts_ns = 0
        self.linked = False

    def watch(self, run: Run) -> None:
        """Show the run until it is over; it ends, cleanly, when nobody can see it any more."""
        try:
            self.show(run)
        except OSError:
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())
            run.request_end()
            run.watch(lambda _: None)

    def show(self, run: Run) -> None:
        if self.draws:
            try:
                with self.view.live() as draw:
                    run.watch(lambda run: self.look(run, draw))
            finally:
                for line in self.errors:
                    print(line, file=sys.stderr)
        else:
            run.watch(lambda run: self.look(run, self.print_line))

    def look(self, run: Run, draw: Callable[[Snapshot], None]) -> None:
        if run.began and not self.linked:
            link_latest(Path(self.spec.folder))
            self.linked = True
        self.collect_trades(run.take_trades())
        if time.monotonic() >= self.next_s:
            self.next_s = time.monotonic() + self.every_s
            shot = snapshot(run.control)
            self.alerts.look(shot)
            draw(shot)

    def take_log(self, record: Record) -> None:
        """A record of the log, for the view; an error stays on the screen after it."""
        if record["level"] in ("warning", "error", "critical"):
            self.view.warnings.append(record["message"].partition("\n")[0])
        else:
            self.view.log.append(text_of(record).partition("\n")[0])
        if record["level"] in ("error", "critical") and record["component"] != "launch":
            plain = record["message"].startswith("hft.nodes: ")
            self.errors.append(record["message"] if plain else text_of(record))

    def print_line(self, shot: Snapshot) -> None:
        print(self.view.line(shot, self.previous), flush=True)
        self.previous = shot

    def collect_trades(self, messages: Commands) -> None:
        """Keep the newest trades of the tape; a TIME message tells when those after it were."""
        for message in messages[-TRADES_READ:]:
            one = np.array([message])
            if message["kind"] == Kind.TIME:
                self.event_ts_ns = int(one.view(CONTROL)["event_ts_ns"][0])
            elif message["kind"] == Kind.TRADE:
                trade = one.view(TRADE_DTYPE)[0]
                instrument = self.spec.instruments[trade["instrument"]]
                price = instrument.ticks_to_price(int(trade["price_ticks"]))
                side = "buy" if trade["side"] == Side.BUY else "sell"
                sources = int(trade["maker_order_id"]) | int(trade["taker_order_id"])
                self.view.trades.append(
                    Trade(
                        self.event_ts_ns,
                        str(price),
                        int(trade["qty_lots"]),
                        side,
                        int(trade["instrument"]),
                        own=sources >> SOURCE_SHIFT != 0,
                    )
                )
