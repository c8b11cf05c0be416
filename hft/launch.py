"""Start the system, show what it does, end it: `python -m hft.launch`."""

import argparse
import logging
import platform
import shutil
import signal
import sys
import time
from importlib import metadata
from pathlib import Path

import msgspec

from hft.arguments import Parser
from hft.config import Config
from hft.config.keys import keys
from hft.config.load import Loaded, load
from hft.config.profiles import find, profiles
from hft.core.control import INSTRUMENTS_MAX
from hft.core.messages import MESSAGE
from hft.display import Display
from hft.errors import ConfigError, SegmentError, UserError, run_command
from hft.feeds import Feed, FeedOptions, open_feed
from hft.monitor.snapshot import Snapshot, clock_source, snapshot
from hft.nodes.spec import RunSpec
from hft.oms.summary import Summary, summarise
from hft.report import differences, kill_line, rejections, report, writable, write_report
from hft.run import Run
from hft.runtime.cores import host_cores
from hft.runtime.log import SAID, LogBook, use
from hft.runtime.numa import node_cores, node_of
from hft.runtime.segments import InstanceLock, new_run_id
from hft.runtime.supervisor import END_SIGNALS
from hft.runtime.topology import EDGES, Placement, place, show
from hft.strategies import check_strategy

__all__ = ["main"]

HUGE_PAGE_BYTES = 2 << 20
INSTRUMENTS_LOGGED = 20  # the first of them: a line is for people
LARGE_BYTES = 1 << 20  # smaller rings don't need huge pages

log = logging.getLogger("hft.launch")


# Each option of a key, and what stands for its value; types, bounds and defaults are the schema's.
OPTIONS = {
    "run.affinity": ("--affinity", "CORES"),
    "run.strict_affinity": ("--strict-affinity", None),
    "run.processes": ("--processes", "folded|separate"),
    "run.instance": ("--instance", "NAME"),
    "run.feed": ("--feed", "FEED"),
    "run.speed": ("--speed", "N|max"),
    "run.merge": ("--merge", "time|arrival"),
    "run.duration_s": ("--duration", "SECONDS"),
    "run.seed": ("--seed", "N"),
    "run.report": ("--report", "FILE.json"),
}


def parser() -> Parser:
    made = Parser(
        prog="python -m hft.launch",
        description="Start the trading system. An option wins over the same key of the "
        "configuration; `python -m hft.config explain run` tells more.",
    )
    made.add_argument(
        "--config", metavar="FILE", help=f"a TOML file, or a profile: {', '.join(profiles())}"
    )
    for key, (option, metavar) in OPTIONS.items():
        about = keys()[key].description
        if metavar is None:
            made.add_argument(option, dest=key, action="store_const", const="true", help=about)
        else:
            made.add_argument(option, dest=key, metavar=metavar, help=about)
    made.add_argument(
        "--show-topology", action="store_true", help="print nodes, rings and cores, and exit"
    )
    return made


def load_all(options: argparse.Namespace) -> Loaded:
    """The configuration that the options, the environment and a file come to."""
    file = None if options.config is None else find(options.config, "--config")
    given = {
        key: (option, getattr(options, key))
        for key, (option, _) in OPTIONS.items()
        if getattr(options, key) is not None
    }
    return load(file, options=given)


def place_all(loaded: Loaded) -> Placement:
    """The placement on this host's cores, or on those of the NUMA node that it is to keep to."""
    run, node = loaded.config.run, loaded.config.memory.numa_node
    host, affinity = host_cores(), list(run.affinity)
    if node is not None:
        with loaded.at("memory.numa_node"):
            local = node_cores(node) & host
            if not local:
                raise ConfigError("must have a core that this host lets us use", value=node)
        if "run.affinity" not in loaded.origins:
            affinity = sorted(local)[: len(affinity)]
        with loaded.at("run.affinity"):
            if not set(affinity) & host <= local:
                raise ConfigError(
                    f"must be cores of NUMA node {node} ({','.join(map(str, sorted(local)))})",
                    value=",".join(map(str, affinity)),
                )
        host = local
    with loaded.at("run.affinity"):
        return place(
            affinity,
            host,
            separate=run.processes == "separate",
            strict=run.strict_affinity,
            idle=run.idle,
        )


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


def run_spec(loaded: Loaded) -> tuple[RunSpec, str, list[str]]:
    """The run that is configured, its folder not yet made; the feed's name; what to say of it."""
    config, run = loaded.config, loaded.config.run
    duration_ns = None if run.duration_s is None else round(run.duration_s * 1e9)
    with loaded.at("strategy.parameters"):
        check_strategy(config)
    with loaded.at("run.feed"):
        feed = open_feed(
            run.feed, FeedOptions(run.seed, duration_ns, config.simulator, config.instruments)
        )
        if len(feed.instruments) > INSTRUMENTS_MAX:
            raise ConfigError(
                f"must have at most {INSTRUMENTS_MAX} instruments, has {len(feed.instruments)}",
                value=run.feed,
            )
    spec = RunSpec(
        instance=run.instance,
        run_id=new_run_id(),
        folder="",
        config=config,
        feed=run.feed,
        instruments=feed.instruments,
        seed=run.seed,
        speed=0.0 if run.speed == "max" else run.speed,
        simulated=run.speed == "max" and run.merge != "arrival",
        duration_ns=duration_ns,
        log_level=config.log.level,
        log_format=config.log.format,
    )
    return spec, feed.name, unused_grids(feed, config)


def unused_grids(feed: Feed, config: Config) -> list[str]:
    """A note if there are grids in the configuration that the feed has no use for."""
    if not feed.knows_grids or not config.instruments:
        return []
    tables = ", ".join(f"instruments.{symbol}" for symbol in config.instruments)
    verb = "is" if len(config.instruments) == 1 else "are"
    return [f"{tables} {verb} not used: this feed knows its tick and lot"]


def execute(
    spec: RunSpec, feed: str, placement: Placement, notes: list[str], report_path: Path | None
) -> int:
    """The run, with its log."""
    book = LogBook(Path(spec.folder) / "log.jsonl", as_json=spec.log_format == "json")
    display = Display(spec, feed, book)
    try:
        with use(book.write, spec.log_level):
            return execute_logged(spec, feed, placement, notes, report_path, book, display)
    except SegmentError:  # made before anything runs: there is no run to keep files of
        shutil.rmtree(spec.folder)
        raise
    finally:
        book.close()


def execute_logged(
    spec: RunSpec,
    feed: str,
    placement: Placement,
    notes: list[str],
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
            # nohup has it ignored, so that a run outlives its terminal.
            if number_ != signal.SIGHUP or signal.getsignal(number_) != signal.SIG_IGN:
                signal.signal(number_, lambda *_: run.request_end())
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, END_SIGNALS)
    try:
        print(f"{feed} -> {spec.folder}", flush=True)
        log_start(spec, feed, run)
        for note in [*placement.notes, *notes]:
            print(note, flush=True)
            log.warning(note, extra=SAID)
        if run.timekeeper.notice is not None:
            print(run.timekeeper.notice, flush=True)
            log.warning(run.timekeeper.notice, extra=SAID)
        if run.removed:
            note = f"removed {len(run.removed)} segments of a dead run"
            print(note, flush=True)
            log.warning(note, extra={**SAID, "segments": run.removed})
        run.start()
        display.watch(run)
        if run.failure is not None:
            print(f"hft.launch: error: {run.failure}; stopping all others", file=sys.stderr)
        before = run.failure
        run.finish()
        if run.failure != before:  # that one is left to tell
            print(f"hft.launch: error: {run.failure}", file=sys.stderr)
        shot = snapshot(run.control)
        write_latencies(run, Path(spec.folder))
        display.alerts.look(shot)
    finally:
        run.remove()
    if run.failure is not None:
        print(f"the journal of this run is in {spec.folder}", file=sys.stderr)
        return run.exit_code
    if not run.began:
        print("ended before all nodes had started")
        log.info("ended before all nodes had started", extra=SAID)
        return 0
    marks = [instrument["mark_half_ticks"] or None for instrument in shot["instruments"]]
    summary = summarise(Path(spec.folder), spec.instruments, marks)
    print(summary.lines())
    killed = kill_line(shot)
    if killed is not None:
        print(killed)
    log_end(shot, summary)
    for line in differences(shot, summary) + rejections(spec, shot, summary):
        print(f"hft.launch: warning: {line}", file=sys.stderr)
        log.warning(line, extra=SAID)
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


def write_latencies(run: Run, folder: Path) -> None:
    """Leave what was measured with the run's files; without room for it the run still ends well."""
    try:
        run.latencies.write(folder)
    except UserError as error:
        log.warning(str(error))


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
            "instruments": {
                each.name: f"tick {each.tick_size:f}, lot {each.lot_size:f}"
                for each in spec.instruments[:INSTRUMENTS_LOGGED]
            },
            "seed": spec.seed,
            "speed": spec.speed or "max",
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("numpy", "msgspec", "pyarrow")},
            "kernel": platform.release(),
            "host_cores": sorted(host_cores()),
            "processes": {"+".join(each.nodes): each.core for each in run.placement.processes},
            "page_bytes": page_bytes,
            "locked": locked,
            "clock": clock_source(run.page["clock"]),
        },
    )
    lacks = []
    if page_bytes < HUGE_PAGE_BYTES:
        lacks.append(f"pages of {page_bytes >> 10} KiB, not 2 MiB")
    if not locked:
        lacks.append("not locked, so it may be swapped out")
    far = [
        edge.name
        for edge, row in zip(EDGES, run.page["edges"], strict=False)
        if (node := node_of(run.placement.memory_core(edge))) is not None
        and row["numa_nodes"] not in (0, 1 << node)
    ]
    if far:
        lacks.append(f"{', '.join(far)} not of the NUMA node of their readers")
    if lacks:
        log.warning(f"shared memory: {'; '.join(lacks)}")


def log_end(shot: Snapshot, summary: Summary) -> None:
    logged = summary.instruments[:INSTRUMENTS_LOGGED]
    log.info(
        "run ended",
        extra={
            "trades": summary.trades,
            "fills": summary.fills,
            "orders": msgspec.to_builtins(summary.orders),
            "pnl_quote": {each.instrument: each.pnl_quote for each in logged},
            "position_lots": {each.instrument: each.position_lots for each in logged},
            "steps": shot["engine"]["steps"],
            "state_hash": shot["engine"]["state_hash"],
            "tick_to_order_ns": shot["tick_to_order_ns"],
        },
    )


@run_command
def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    loaded = load_all(options)
    placement = place_all(loaded)
    if options.show_topology:
        print(show(placement))
        return 0
    report_path = None
    if loaded.config.run.report is not None:
        with loaded.at("run.report"):
            report_path = writable(loaded.config.run.report)
    spec, feed, notes = run_spec(loaded)
    lock = InstanceLock(spec.instance)
    try:
        with loaded.at("journal.folder"):
            folder = make_folder(spec.config, spec.instance)
        spec = msgspec.structs.replace(spec, folder=str(folder))
        return execute(spec, feed, placement, notes, report_path)
    finally:
        lock.release()


if __name__ == "__main__":
    sys.exit(main())
