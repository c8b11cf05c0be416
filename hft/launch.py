"""Start the system, show what it does, end it: `python -m hft.launch`."""

import argparse
import logging
import os
import platform
import signal
import sys
import time
from importlib import metadata
from pathlib import Path

import msgspec

from hft.arguments import Parser
from hft.config import Config, load_config
from hft.core.messages import MESSAGE
from hft.display import Display
from hft.errors import ConfigError, run_command
from hft.feeds import FeedOptions, open_feed
from hft.monitor.snapshot import Snapshot, snapshot
from hft.nodes.spec import RunSpec
from hft.oms.summary import Summary, summarise
from hft.report import differences, report, write_report
from hft.run import Run
from hft.runtime.log import LogBook, use
from hft.runtime.segments import InstanceLock, check_instance, new_run_id
from hft.runtime.supervisor import END_SIGNALS
from hft.runtime.topology import EDGES, Placement, place, show
from hft.strategies import check_strategy

__all__ = ["main"]

HUGE_PAGE_BYTES = 2 << 20
LARGE_BYTES = 1 << 20  # smaller rings don't need huge pages

log = logging.getLogger("hft.launch")


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
        help="sim (default), lobster:FILE, csv:FILE, bbo:FILE, MY_FEED.py:ARGUMENT")  # fmt: skip
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
    """The run, with its log."""
    book = LogBook(Path(spec.folder) / "log.jsonl", as_json=spec.log_format == "json")
    display = Display(spec, feed, book)
    try:
        with use(book.write, spec.log_level):
            return execute_logged(spec, feed, placement, report_path, book, display)
    finally:
        book.close()


def execute_logged(
    spec: RunSpec,
    feed: str,
    placement: Placement,
    report_path: Path | None,
    book: LogBook,
    display: Display,
) -> int:
    """The run, from its shared memory to its summary."""
    started = time.monotonic()
    # Not while there is shared memory and nobody to remove it.
    signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
    try:
        run = Run(spec, placement, book)
        for number_ in END_SIGNALS:
            signal.signal(number_, lambda *_: run.request_end())
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, END_SIGNALS)
    try:
        print(f"{feed} -> {spec.folder}", flush=True)
        log_start(spec, feed, run)
        for note in placement.notes:
            print(note, flush=True)
            log.warning(note, extra={"said": True})
        if run.removed:
            note = f"removed {len(run.removed)} segments of a dead run"
            print(note, flush=True)
            log.warning(note, extra={"said": True, "segments": run.removed})
        run.start()
        display.watch(run)
        if run.failure is not None:
            print(f"hft.launch: error: {run.failure}; stopping all others", file=sys.stderr)
        run.finish()
        shot = snapshot(run.control)
        display.alerts.look(shot)
    finally:
        run.remove()
    if run.failure is not None:
        print(f"the journal of this run is in {spec.folder}", file=sys.stderr)
        return run.exit_code
    if not run.began:
        print("ended before all nodes had started")
        log.info("ended before all nodes had started", extra={"said": True})
        return 0
    marks = [instrument["mark_half_ticks"] or None for instrument in shot["instruments"]]
    summary = summarise(Path(spec.folder), spec.instruments, marks)
    print(summary.lines())
    log_end(shot, summary)
    for line in differences(shot, summary):
        print(f"hft.launch: warning: {line}", file=sys.stderr)
        log.warning(line, extra={"said": True})
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


def log_start(spec: RunSpec, feed: str, run: Run) -> None:
    """What is run, on what, with which memory."""
    rows = run.page["edges"][: len(EDGES)]
    rows = rows[rows["capacity_slots"] * MESSAGE.itemsize >= LARGE_BYTES]
    page_bytes, locked = int(rows["page_bytes"].min()), bool(rows["locked"].all())
    log.info(
        "run started",
        extra={
            "instance": spec.instance,
            "run_id": spec.run_id,
            "folder": spec.folder,
            "feed": feed,
            "seed": spec.seed,
            "speed": spec.speed or "max",
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("numpy", "msgspec", "pyarrow")},
            "kernel": platform.release(),
            "host_cores": sorted(os.sched_getaffinity(0)),
            "processes": {"+".join(each.nodes): each.core for each in run.placement.processes},
            "page_bytes": page_bytes,
            "locked": locked,
        },
    )
    lacks = []
    if page_bytes < HUGE_PAGE_BYTES:
        lacks.append(f"pages of {page_bytes >> 10} KiB, not 2 MiB")
    if not locked:
        lacks.append("not locked, so it may be swapped out")
    if lacks:
        log.warning(f"shared memory: {'; '.join(lacks)}")


def log_end(shot: Snapshot, summary: Summary) -> None:
    log.info(
        "run ended",
        extra={
            "trades": summary.trades,
            "fills": summary.fills,
            "orders": msgspec.to_builtins(summary.orders),
            "pnl_quote": {each.instrument: each.pnl_quote for each in summary.instruments},
            "position_lots": {each.instrument: each.position_lots for each in summary.instruments},
            "steps": shot["engine"]["steps"],
            "state_hash": shot["engine"]["state_hash"],
            "tick_to_order_ns": shot["tick_to_order_ns"],
        },
    )


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
