"""What the benchmarks share. Imported first, it lets a script run alone: hft is found beside it."""

import argparse
import collections
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyperf

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "build/bench-cache"  # outside of build/bench, which holds results only
DATA = Path(os.environ.get("HFT_DATA") or ROOT.parent / "shared/data")
LOBSTER = DATA / "lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"

Results = dict[str, list[float]]  # values by name

sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = str(ROOT)  # of pyperf's workers, and of the system's processes


class Comprehensive(argparse.Action):
    """Full sizes, and pyperf's --rigorous with them."""

    def __call__(self, _parser: object, namespace: argparse.Namespace, *_: object) -> None:
        namespace.comprehensive = namespace.rigorous = True


class Orders(argparse.Action):
    """So many a value: pyperf need not look for how often they have to be repeated."""

    def __call__(
        self, _parser: object, namespace: argparse.Namespace, values: object, *_: object
    ) -> None:
        namespace.orders, namespace.loops = values, 1


def positive(text: str) -> int:
    """A number of things from the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, is {text!r}")
    return int(text)


def new_runner(description: str | None, *, processes: int, **options: object) -> pyperf.Runner:
    """pyperf's runner with fewer processes than its 20; --fast, --rigorous and -p change them.

    All of them know `--orders N`, how many orders or messages it measures, None if not given, and
    `--comprehensive`; a script takes of these what makes sense for it.
    """

    def pass_on(command: list[str], args: argparse.Namespace) -> None:
        if args.orders is not None:
            command.extend(("--orders", str(args.orders)))

    runner = pyperf.Runner(processes=processes, add_cmdline_args=pass_on, **options)
    runner.metadata["description"] = (description or "").partition("\n")[0]
    # pyperf doesn't note it for the commands that it times.
    runner.metadata["python_version"] = platform.python_version()
    add = runner.argparser.add_argument
    about = "orders or messages of each value"
    add("--orders", type=positive, action=Orders, metavar="N", help=about)
    add(
        "--comprehensive",
        action=Comprehensive,
        nargs=0,
        default=False,
        help="everything at full size, and --rigorous",
    )
    runner.argparser.set_defaults(inherit_environ=["HFT_DATA"])
    return runner


def repeat(runner: pyperf.Runner, experiment: Callable[[], dict[str, float]]) -> None:
    """Run an experiment as often as pyperf would start processes, and record its figures.

    For what pyperf can't time: several processes, or several figures of one run. An experiment
    gives seconds by the figure's name; each becomes a benchmark with one value per repetition. To
    be called after all of the runner's own benchmarks.
    """
    args = runner.parse_args()
    if args.worker:
        return
    runs = collections.defaultdict(list)
    for _ in range(args.processes):
        started = time.perf_counter()
        figures = experiment()
        # Seen from the outside, the figures of one run took the same time.
        common = {**runner.metadata, "duration": time.perf_counter() - started, "loops": 1}
        for name, seconds in figures.items():
            runs[name].append(pyperf.Run([seconds], metadata={**common, "name": name}))
    for name, each in runs.items():
        benchmark = pyperf.Benchmark(each)
        middle, spread = benchmark.median(), 0.0
        if len(each) > 1:
            spread = benchmark.median_abs_dev()
        text = benchmark.format_values((middle, spread))
        print(f"{name}: median +- MAD: {text[0]} +- {text[1]}, {len(each)} runs", flush=True)
        if args.output:
            pyperf.add_runs(args.output, benchmark)


def suite(found: dict[str, Results], started: float) -> pyperf.BenchmarkSuite:
    """The results as pyperf keeps them, with the machine."""
    duration = time.perf_counter() - started
    python = sys.version.split()[0]  # pyperf doesn't note it here
    made = []
    for unit, results in found.items():
        for name, values in results.items():
            metadata = {"name": name, "unit": unit, "duration": duration, "loops": 1}
            metadata["python_version"] = python
            made.append(pyperf.Benchmark([pyperf.Run([v], metadata=metadata) for v in values]))
    return pyperf.BenchmarkSuite(made)


def note(text: str) -> None:
    """Say what is not measured, and why; once, not in every worker."""
    if "--worker" not in sys.argv:
        print(f"{Path(sys.argv[0]).name}: {text}", file=sys.stderr)


def two_cores() -> tuple[int, int] | None:
    """Two cores that we may use; None if there aren't two."""
    cores = sorted(os.sched_getaffinity(0))
    return (cores[0], cores[1]) if len(cores) > 1 else None


@contextmanager
def pinned(core: int) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
