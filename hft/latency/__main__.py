"""Latencies of a run: python -m hft.latency [FILE] [--interval S] [--export F] [--plot F] ...

It maps the run's control page read-only and stops nothing; FILE is a log that it exported, or the
folder of a run that has ended, in which launch left one. The exit code is 0; with --compare, 1 if a
percentile is slower beyond the noise; 2 if something is wrong.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, RenderableType

from hft.arguments import Parser, seconds
from hft.attach import attach
from hft.core.control import Control
from hft.core.segment import segment_path
from hft.errors import ConfigError, UserError, run_command
from hft.latency.capture import (
    Capture,
    Recording,
    capture,
    capture_baseline,
    reset,
    title_of,
)
from hft.latency.compare import compare
from hft.latency.correct import corrected
from hft.latency.export import FORMATS, export
from hft.latency.hlog import read_log
from hft.latency.plot import SUFFIXES, draw
from hft.latency.recorder import FILE
from hft.latency.resources import process_uses, segment_uses
from hft.latency.tables import comparison, latencies, resources
from hft.monitor.fields import is_alive, utc
from hft.monitor.snapshot import owner

EXIT_SLOWER = 1
UNCUT_WIDTH = 10_000  # where no terminal has an end of line, nothing is cut


def nanoseconds(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 10**12:
        raise argparse.ArgumentTypeError(f"must be from 1 to 10^12 ns, was {text!r}")
    return int(text)


def target(suffixes: Sequence[str]) -> "type[Path]":
    """A reader of file names with one of these suffixes."""

    def read(text: str) -> Path:
        path = Path(text)
        if path.suffix not in suffixes:
            raise argparse.ArgumentTypeError(f"must end in {', '.join(suffixes)}, was {text!r}")
        return path

    return read  # type: ignore[return-value]  # argparse takes any callable


def parser() -> Parser:
    made = Parser(prog="python -m hft.latency", description="Latencies of a run, live or recorded.")
    made.add_instance()
    add = made.add_argument
    add("file", nargs="?", metavar="FILE", help="an exported .hlog, or the folder of a run")
    add("--all", action="store_true", help="since the start, not since the last --reset")
    add("--reset", action="store_true", help="let what is shown from now on begin now")
    add("--interval", type=seconds, metavar="SECONDS", help="each interval, until the run ends")
    add("--json", action="store_true", help="print one JSON object (of each interval)")
    add("--export", type=target(tuple(FORMATS)), metavar="FILE", help="as .csv, .json or .hlog")
    add("--plot", type=target(SUFFIXES), metavar="FILE", help="draw a picture, as .png or .svg")
    add("--compare", nargs="+", metavar="FILE", help="which percentiles moved from the first file "
        "to the second, or to the run that is live")  # fmt: skip
    add("--verbose", action="store_true", help="with --compare, those that did not move, too")
    add("--expected-interval", type=nanoseconds, metavar="NS", help="correct ages and paths of a "
        "run at full speed for what would have come every NS (docs/latency.md)")  # fmt: skip
    add("--resources", action="store_true", help="what processes and memory take")
    return made


def check(options: argparse.Namespace) -> None:
    """ConfigError if options contradict one another."""
    actions = [name for name in ("reset", "compare", "resources") if getattr(options, name)]
    if len(actions) > 1:
        raise ConfigError(f"--{actions[0]} and --{actions[1]} are two commands, give one")
    looks = ("interval", "export", "plot", "expected_interval")
    if actions:
        for name in (*looks, *(() if options.compare else ("json",)), "file", "all"):
            if getattr(options, name):
                shown = "FILE" if name == "file" else f"--{name.replace('_', '-')}"
                raise ConfigError(f"--{actions[0]} takes no {shown}")
    if options.compare and len(options.compare) > 2:
        raise ConfigError("--compare takes one or two files", value=len(options.compare))
    if options.file and (options.interval or options.all or options.instance):
        raise ConfigError("a FILE is no run: give no --interval, --all or --instance with it")


def show(what: RenderableType) -> None:
    width = None if sys.stdout.isatty() else UNCUT_WIDTH
    Console(width=width, highlight=False, markup=False, emoji=False).print(what)


def recorded(name: str) -> Recording:
    """What a log has, or the log in the folder of a run."""
    path = Path(name)
    if path.is_dir():
        path /= FILE
        if not path.exists():
            raise UserError("is not there: has the run ended well?", file=path)
    return read_log(path)


def live(option: str | None, *, whole: bool) -> tuple[str, Control, Recording]:
    """A run, and its latencies since the last reset, or since its start."""
    instance, control = attach(option, writable=False)
    found, title = capture(control), title_of(control)
    baseline = None if whole else capture_baseline(instance, control)
    if baseline is not None:
        found, title = found.since(baseline), f"{title}, since reset"
    return instance, control, Recording(title, found)


def show_recording(recording: Recording, as_json: bool) -> None:
    whole = recording.whole
    if as_json:
        rows = {".".join(key): found.summary() for key, found in whole.rows.items()}
        print(json.dumps({"title": recording.title, "seconds": whole.seconds, "ns": rows}),
              flush=True)  # fmt: skip
        return
    show(f"{recording.title}: {whole.seconds:,.1f} s from {utc(whole.began_wall_ns)}\n")
    show(latencies(whole))


def watch(control: Control, title: str, before: Capture, options: argparse.Namespace) -> Recording:
    """Show each interval until the run ends or somebody has seen enough; all of them."""
    intervals: list[Capture] = []
    first = before
    try:
        while segment_path(control.segment.name) is not None and is_alive(owner(control)["pid"]):
            time.sleep(options.interval)
            now = capture(control)
            intervals.append(now.since(before))
            before = now
            if intervals[1:] and not options.json:
                print()
            show_recording(Recording(title, intervals[-1]), options.json)
    except KeyboardInterrupt:
        pass
    whole = before.since(first) if intervals else Capture(first.ended_wall_ns,
                                                          first.ended_wall_ns, {})  # fmt: skip
    return Recording(title, whole, tuple(intervals))


def compare_command(options: argparse.Namespace) -> int:
    before = recorded(options.compare[0])
    if len(options.compare) == 2:
        after = recorded(options.compare[1])
    else:
        _, _, after = live(options.instance, whole=False)
    found = compare(before, after)
    if not found:
        raise UserError("have no row with enough values in common", field="the two recordings")
    if options.json:
        rows = [
            {
                "row": ".".join(each.key), "percentile": each.percentile, "moved": each.moved,
                "change": round(each.change, 4), "before_ns": vars(each.before),
                "after_ns": vars(each.after),
            }
            for each in found if each.moved or options.verbose
        ]  # fmt: skip
        print(json.dumps({"before": before.title, "after": after.title, "rows": rows}))
    else:
        numbers = [len(each.intervals) for each in (before, after)]
        show(comparison(found, numbers, options.verbose))
    return EXIT_SLOWER if any(each.moved > 0 for each in found) else 0


def look(options: argparse.Namespace) -> None:
    """Show and keep the latencies of a file or of a run."""
    if options.file:
        recording = recorded(options.file)
        if options.expected_interval:
            recording = corrected(recording, options.expected_interval)
        show_recording(recording, options.json)
    else:
        _, control, recording = live(options.instance, whole=options.all)
        if options.interval:
            title = recording.title.removesuffix(", since reset")
            recording = watch(control, title, capture(control), options)
        if options.expected_interval:
            recording = corrected(recording, options.expected_interval)
        if not options.interval:
            show_recording(recording, options.json)
    if options.export:
        export(recording, options.export)
    if options.plot:
        draw(recording.title, recording.whole, options.plot)


@run_command
def main(argv: Sequence[str] | None = None) -> int:
    options = parser().parse_args(argv)
    check(options)
    if options.compare:
        return compare_command(options)
    if options.reset:
        instance, control = attach(options.instance, writable=False)
        reset(instance, control)
        print(f"instance {instance}: latencies are shown from now on")
    elif options.resources:
        instance, control = attach(options.instance, writable=False)
        for part in resources(process_uses(control), segment_uses(instance)):
            show(part)
    else:
        look(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
