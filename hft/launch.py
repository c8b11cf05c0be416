"""Start the system, show what it does, end it: `python -m hft.launch`."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console

from hft.arguments import Parser
from hft.config import Config, load_config
from hft.core.messages import CONTROL, TRADE_DTYPE, Kind, Side
from hft.errors import ConfigError, run_command
from hft.feeds import FeedOptions, open_feed
from hft.feeds.base import Commands
from hft.monitor.snapshot import Snapshot, snapshot
from hft.monitor.view import REDRAW_S, Trade, View
from hft.nodes.spec import RunSpec
from hft.oms.summary import summarise
from hft.report import differences, report, write_report
from hft.run import Run
from hft.runtime.segments import InstanceLock, check_instance, new_run_id
from hft.runtime.supervisor import END_SIGNALS
from hft.runtime.topology import Placement, place, show
from hft.strategies import check_strategy

__all__ = ["main"]

LINE_S = 1.0
TRADES_READ = 64  # of the newest; more would scroll by unseen


def parser() -> Parser:
    made = Parser(prog="python -m hft.launch", description="Start the trading system.")
    add = made.add_argument
    add("--affinity", default="0,1,2,3", metavar="CORES", help="of feed, signal, risk, engine")
    add("--strict-affinity", action="store_true", help="missing cores are an error: do not fold")
    add("--processes", choices=("folded", "separate"), default="folded",
        help="separate: a process per node, whatever the cores")  # fmt: skip
    add("--instance", default="default", metavar="NAME", help="names the run's shared memory")
    add("--config", type=Path, metavar="FILE.toml", help="what differs from the defaults")
    add("--feed", default="sim", metavar="FEED",
        help="sim (default), lobster:FILE.zip, csv:FILE, bbo:FILE or MY_FEED.py:ARGUMENT")  # fmt: skip
    add("--speed", default="1", metavar="N|max",
        help="market seconds per second; max: simulated time, as fast as it goes")  # fmt: skip
    add("--duration", metavar="SECONDS", help="end after so much market time")
    add("--seed", default="1", metavar="N", help="of everything that is drawn")
    add("--report", type=Path, metavar="FILE.json", help="write the run's figures there")
    add("--show-topology", action="store_true", help="print nodes, rings and cores, and exit")
    return made


def number(option: str, text: str, *, whole: bool = False, above_zero: bool = True) -> float:
    """The number that an option gives; ConfigError says what it must be."""
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = -1
    if not 0 <= value < 1e12 or (above_zero and value == 0):
        kind = "a whole number" if whole else "a number"
        raise ConfigError(
            f"must be {kind} {'above' if above_zero else 'of at least'} 0, and below 10^12",
            field=option,
            value=text,
        )
    return value


def cores_of(text: str) -> list[int]:
    """The cores of a list such as 0,1,2,3."""
    for entry in text.split(","):
        if not (entry.isascii() and entry.isdigit()):
            raise ConfigError(
                f"must be core numbers separated by commas; {entry!r} is not a core number",
                field="--affinity",
                value=text,
            )
    return [int(entry) for entry in text.split(",")]


def check_report(path: Path) -> None:
    """ConfigError unless the report could be written."""
    if path.is_dir():
        raise ConfigError("must be a file, is a folder", field="--report", value=str(path))
    target = path if path.exists() else path.parent
    if not os.access(target, os.W_OK):
        raise ConfigError("can't be written", field="--report", value=str(path))


def make_folder(config: Config, instance: str) -> Path:
    """A new folder for the run's files."""
    base = Path(config.journal.folder) / instance
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    try:
        base.mkdir(parents=True, exist_ok=True)
        taken = len(list(base.glob(f"{stamp}*")))
        folder = base / (f"{stamp}-{taken}" if taken else stamp)
        folder.mkdir()
    except OSError as error:
        problem = f"can't make a folder for the run: {error.strerror}"
        raise ConfigError(problem, field="journal.folder", value=str(base)) from None
    return folder


def link_latest(folder: Path) -> None:
    """Let `latest` mean this run, now that it has begun."""
    latest = folder.parent / "latest"
    latest.unlink(missing_ok=True)
    latest.symlink_to(folder.name)


class Display:
    """What a person sees of a run: the live view on a terminal, else a line a second."""

    def __init__(self, spec: RunSpec, feed: str, notes: tuple[str, ...]) -> None:
        self.spec = spec
        self.console = Console()
        self.view = View(feed, self.console)
        self.view.warnings.extend(notes)
        self.every_s = REDRAW_S if self.console.is_terminal else LINE_S
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
        if self.console.is_terminal:
            with self.view.live() as draw:
                run.watch(lambda run: self.look(run, draw))
        else:
            run.watch(lambda run: self.look(run, self.print_line))

    def look(self, run: Run, draw: Callable[[Snapshot], None]) -> None:
        if run.began and not self.linked:
            link_latest(Path(self.spec.folder))
            self.linked = True
        self.collect_trades(run.take_trades())
        if time.monotonic() >= self.next_s:
            self.next_s = time.monotonic() + self.every_s
            draw(snapshot(run.control))

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
                self.view.trades.append(
                    Trade(self.event_ts_ns, str(price), int(trade["qty_lots"]), side)
                )


def run_spec(options: argparse.Namespace) -> tuple[RunSpec, str]:
    """The run that the options ask for, its folder not yet made, and the feed's name."""
    config = load_config(options.config)
    seed = int(number("--seed", options.seed, whole=True, above_zero=False))
    speed = 0.0 if options.speed == "max" else number("--speed", options.speed)
    duration_ns = None
    if options.duration is not None:
        duration_ns = round(number("--duration", options.duration) * 1e9)
    check_strategy(config)
    feed = open_feed(options.feed, FeedOptions(seed, duration_ns, config.simulator))
    spec = RunSpec(
        instance=check_instance(options.instance),
        run_id=new_run_id(),
        folder="",
        config=config,
        feed=options.feed,
        instruments=feed.instruments,
        seed=seed,
        speed=speed,
        duration_ns=duration_ns,
    )
    return spec, feed.name


def execute(spec: RunSpec, feed: str, placement: Placement, report_path: Path | None) -> int:
    """The run, from its shared memory to its summary."""
    started = time.monotonic()
    # Not while there is shared memory and nobody to remove it.
    signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
    try:
        run = Run(spec, placement)
        for number_ in END_SIGNALS:
            signal.signal(number_, lambda *_: run.request_end())
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, END_SIGNALS)
    try:
        print(f"{feed} -> {spec.folder}", flush=True)
        for note in placement.notes:
            print(note, flush=True)
        if run.removed:
            print(f"removed {len(run.removed)} segments of a dead run", flush=True)
        run.start()
        Display(spec, feed, placement.notes).watch(run)
        if run.failure is not None:
            print(f"hft.launch: error: {run.failure}; stopping all others", file=sys.stderr)
        run.finish()
        shot = snapshot(run.control)
    finally:
        run.remove()
    if run.failure is not None:
        print(f"the journal of this run is in {spec.folder}", file=sys.stderr)
        return run.exit_code
    if not run.began:
        print("ended before all nodes had started")
        return 0
    marks = [instrument["mark_half_ticks"] or None for instrument in shot["instruments"]]
    summary = summarise(Path(spec.folder), spec.instruments, marks)
    print(summary.lines())
    for line in differences(shot, summary):
        print(f"hft.launch: warning: {line}", file=sys.stderr)
    for strategy in shot["strategies"]:
        if strategy["error"] is not None:
            print(
                f"hft.launch: warning: strategy {strategy['name']} was stopped: "
                f"{strategy['error']}",
                file=sys.stderr,
            )
    if report_path is not None:
        write_report(report_path, report(spec, shot, summary, time.monotonic() - started))
    return 0


@run_command
def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    cores = cores_of(options.affinity)
    placement = place(
        cores,
        os.sched_getaffinity(0),
        separate=options.processes == "separate",
        strict=options.strict_affinity,
    )
    if options.show_topology:
        print(show(placement))
        return 0
    if options.report is not None:
        check_report(options.report)
    spec, feed = run_spec(options)
    lock = InstanceLock(spec.instance)
    try:
        folder = make_folder(spec.config, spec.instance)
        spec = msgspec.structs.replace(spec, folder=str(folder))
        return execute(spec, feed, placement, options.report)
    finally:
        lock.release()


if __name__ == "__main__":
    sys.exit(main())
