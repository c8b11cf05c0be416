"""Tables of what `make bench` measured: all of it on the screen, the gist in README.md.

Run as `python -m tools.figures`; with --readme, write the table between README.md's markers, or
leave it as it is while nothing has been measured. Values are medians over all values of all
processes, the spread is the median absolute deviation.
"""

import argparse
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import pyperf

from hft.arguments import Parser
from hft.errors import UserError, run_command

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "build/bench"
README = ROOT / "README.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
STAR = "* the spread is more than a tenth: the machine was not quiet, or not the same throughout"
NOISY = 0.1  # of the median: a spread beyond it is marked
TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
PLAIN, RATIO = ((1.0, "x"),), "ratio"
# pyperf's units, of which it takes no others, and how they are shown.
UNITS = {"second": TIMES, "byte": ((1e6, "MB"), (1.0, "B")), "integer": ((1.0, "instr."),)}
RATES = ((1e6, "M/s"), (1e3, "k/s"), (1.0, "/s"))

# What a reader sees: benchmark, what it is in words, and whether as a rate.
ROWS = (
    ("ring, one way, one by one", "Ring between two cores: messages, published one by one", True),
    ("ring, one way, batches of 256", "Ring between two cores: messages, in batches", True),
    (
        "head/tail ring, one way, one by one",
        "A head/tail ring beside it: messages, published one by one",
        True,
    ),
    ("ring, round trip p50", "Ring between two cores: round trip, p50", False),
    ("ring, round trip p99", "Ring between two cores: round trip, p99", False),
    ("bare flag, round trip p50", "A bare flag between the same cores: round trip, p50", False),
    ("head/tail ring, round trip p50", "The head/tail ring: round trip, p50", False),
    ("ring to engine to ring, round trip p50", "Ring, engine, ring: round trip, p50", False),
    ("ring to engine to ring, round trip p99", "Ring, engine, ring: round trip, p99", False),
    ("ring from Python, a call of push", "Ring from Python: a call of `push`", False),
    ("ring from Python, a call of take_into", "Ring from Python: a call of `take_into`", False),
    (
        "ring from Python, message of a batch of 256",
        "Ring from Python: a message of a batch, pushed and taken",
        False,
    ),
    ("ring from Python, round trip p50", "Ring, Python to Python: round trip, p50", False),
    ("multiprocessing.Pipe, round trip p50", "`multiprocessing.Pipe`: round trip, p50", False),
    ("pyzmq over ipc, round trip p50", "pyzmq over ipc: round trip, p50", False),
    ("faster-fifo, round trip p50", "faster-fifo: round trip, p50", False),
    ("multiprocessing.Queue, round trip p50", "`multiprocessing.Queue`: round trip, p50", False),
    ("compiled engine, mix A", "Engine, mix A from C: a command with its reports", False),
    ("floor, mix A", "The least that a C program can do for mix A, beside it", False),
    ("compiled engine, mix A, one operation p50", "Engine, mix A, one command: p50", False),
    ("compiled engine, mix A, one operation p99", "Engine, mix A, one command: p99", False),
    ("compiled engine, mix A, one operation p99.9", "Engine, mix A, one command: p99.9", False),
    ("compiled engine, mix A, one operation waited for p50", "The same, waited for: p50", False),
    ("compiled engine, mix A, one operation waited for p99", "The same, waited for: p99", False),
    ("compiled engine, large", "Engine with 200,000 resting orders", False),
    ("compiled engine, huge", "Engine with 1,000,000 resting orders", False),
    ("compiled engine, wide", "Engine with 1,000 instruments", False),
    ("compiled engine, mix A, instructions", "Engine, mix A: instructions a command", False),
    ("floor, mix A, instructions", "The same floor: instructions a command", False),
    ("compiled engine, memory of a resting order", "Engine: memory of a resting order", False),
    ("engine, mix A", "Engine, mix A from Python: a command with its reports", False),
    (
        "from Python, a call of process_into beyond an empty one",
        "One command a call from Python, beyond an empty call",
        False,
    ),
    ("engine, mix A large", "The same with 200,000 resting orders", False),
    ("feed, LOBSTER", "LOBSTER file decoded: rows", True),
    ("feed, quotes", "CSV of quotes decoded: rows", True),
    ("feed, trades", "CSV of trades decoded: rows", True),
    ("features, in the node", "Features: a change of the best prices", False),
    ("features and signals", "The same with the signals of all sources, from Python", False),
    ("latency, a value recorded", "Latency recorded in a histogram: a value", False),
    ("pipeline, simulated market", "Whole system, simulated market: events", True),
    ("pipeline, strategy in Python", "The same with a strategy in Python: events", True),
    ("pipeline, LOBSTER day", "Whole system, LOBSTER day: events", True),
    ("pipeline, tick to order at --speed 1 p50", "Tick to order in real time, p50", False),
    ("pipeline, tick to order at --speed 1 p99", "Tick to order in real time, p99", False),
    (
        "system, stream, full speed, 2 cores",
        "Whole system, two cores, inputs as they arrive: events",
        True,
    ),
    (
        "system, long stream, full speed, 2 cores",
        "The same for all of the long stream: events",
        True,
    ),
    ("system, stream, full speed, 1 core", "The same on one core: events", True),
    ("system, AMZN day, full speed, 2 cores", "The same, the AMZN day on two cores: events", True),
    (
        "system, 1,000 instruments, 2 cores",
        "The same with 1,000 instruments on two cores: events",
        True,
    ),
    (
        "system, stream, simulated time, 1 core",
        "Whole system, one core, simulated time: events",
        True,
    ),
    ("system, stream, simulated time, 2 cores", "The same on two cores: events", True),
    *(
        (
            f"system, stream, {load} load, 2 cores{stressed}, tick to order {name}",
            f"Tick to order at {load} of full speed{words}, {name}",
            False,
        )
        for load, stressed, words in (
            ("10 %", "", ""),
            ("50 %", "", ""),
            ("50 %", ", stressed", " beside a busy neighbour"),
            ("90 %", "", ""),
        )
        for name in ("p50", "p99")
    ),
    ("start-up, import hft.core", "`import hft.core`, a whole process", False),
    ("start-up, first trade", "`python -m hft.launch` to its first trade", False),
)
# Of two benchmarks whose repetitions belong together: value by value, so the machine cancels out.
RATIOS = (
    ("ring, round trip p50", "bare flag, round trip p50", "Ring to bare flag: round trip, p50"),
    ("ring, round trip p99", "bare flag, round trip p99", "Ring to bare flag: round trip, p99"),
    (
        "ring to engine to ring, round trip p50",
        "bare flag, round trip p50",
        "Ring, engine, ring to bare flag: round trip, p50",
    ),
    (
        "head/tail ring, one way, one by one",
        "ring, one way, one by one",
        "Head/tail ring to ring: time of a message, one by one",
    ),
    ("compiled engine, mix A", "floor, mix A", "Engine to floor: mix A"),
    ("compiled engine, large", "floor, large", "Engine to floor: 200,000 resting orders"),
    ("compiled engine, huge", "floor, huge", "Engine to floor: 1,000,000 resting orders"),
)
MACHINE = ("cpu_model_name", "cpu_count", "platform", "python_version")


@dataclass(frozen=True)
class Figure:
    """A benchmark's values in pyperf's unit, and the script that made them."""

    name: str
    script: str
    values: tuple[float, ...]
    unit: str = "second"

    def shown(self, rate: bool = False) -> tuple[str, str, str, str, bool]:
        """Median, spread, least to most, unit; and whether the spread is large."""
        values = [1 / value for value in self.values] if rate else list(self.values)
        middle = statistics.median(values)
        spread = statistics.median(abs(value - middle) for value in values)
        scales = PLAIN if self.script == RATIO else RATES if rate else UNITS[self.unit]
        scale, unit = next((each for each in scales if middle >= each[0]), scales[-1])
        # Three digits of the median, and the same places in what goes with it.
        places = 2 if middle / scale < 10 else 1 if middle / scale < 100 else 0
        text = [f"{value / scale:,.{places}f}" for value in (middle, spread, *bounds(values))]
        return text[0], text[1], f"{text[2]} - {text[3]}", unit, spread > NOISY * middle


def bounds(values: list[float]) -> tuple[float, float]:
    return min(values), max(values)


@dataclass(frozen=True)
class Results:
    figures: tuple[Figure, ...]
    machine: str
    days: tuple[str, str]  # first and last of the measurement
    loads: tuple[float, ...]  # load averages, where pyperf noted them


def ratios(figures: list[Figure]) -> list[tuple[Figure, str, Figure]]:
    """Each of RATIOS that was measured in one script: the ratio, its words, what it is made of."""
    by_name = {figure.name: figure for figure in figures}
    found = []
    for upper, lower, words in RATIOS:
        top, bottom = by_name.get(upper), by_name.get(lower)
        if top and bottom and len(top.values) == len(bottom.values):
            values = tuple(a / b for a, b in zip(top.values, bottom.values, strict=True))
            found.append(
                (Figure(f"{upper}, to {lower.partition(',')[0]}", RATIO, values), words, top)
            )
    return found


def load(folder: Path) -> Results | None:
    """All results of a folder; None if there are none."""
    return results_of(sorted(folder.glob("*.json")), folder)


def results_of(paths: list[Path], where: Path) -> Results | None:
    """All results of some files, in their order; `where` they are from is for errors."""
    figures: list[Figure] = []
    machines: dict[str, Path] = {}
    days: list[str] = []
    loads: list[float] = []
    for path in paths:
        for benchmark in suite_of(path):
            metadata = benchmark.get_metadata()
            machines.setdefault(machine_of(path, metadata), path)
            first, last = benchmark.get_dates()
            days += [f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"]
            each = (run.get_metadata().get("load_avg_1min") for run in benchmark.get_runs())
            loads += [load for load in each if load is not None]
            name, unit = benchmark.get_name(), benchmark.get_unit()
            figures.append(Figure(name, path.stem, benchmark.get_values(), unit))
    if not figures:
        return None
    if len(machines) > 1:
        files = " and ".join(path.name for path in machines.values())
        raise UserError(f"{files} are from different machines; run `make bench` again", file=where)
    names = [figure.name for figure in figures]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError("each benchmark must be there once", file=where, value=twice)
    return Results(tuple(figures), next(iter(machines)), (min(days), max(days)), tuple(loads))


def suite_of(path: Path) -> pyperf.BenchmarkSuite:
    try:
        suite = pyperf.BenchmarkSuite.load(str(path))
        usable = all(each.get_name() and each.get_values() and each.get_dates() for each in suite)
    # pyperf raises whatever a foreign file makes its code raise.
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError):
        usable = False
    if not usable:
        raise UserError("must be pyperf's JSON, with names, dates and units", file=path) from None
    return suite


def machine_of(path: Path, metadata: dict[str, object]) -> str:
    """The machine in words, from what pyperf noted."""
    missing = [key for key in MACHINE if key not in metadata]
    if missing:
        raise UserError("the machine isn't named", file=path, field=missing[0])
    cpu, cores, kernel, python = (metadata[key] for key in MACHINE)
    kernel = str(kernel).partition("-with-")[0]
    return f"{cpu}, {cores} cores, {kernel}, Python {str(python).split()[0]}"


def where(results: Results) -> str:
    """The machine, the day, and how busy it was."""
    first, last = results.days
    text = f"{results.machine}; {first if first == last else f'{first} to {last}'}"
    if results.loads:
        least, most = bounds(list(results.loads))
        text += f"; load average {least:.1f} to {most:.1f}"
    return text


def screen(results: Results) -> str:
    """Every benchmark, one a line; a spread beyond a tenth is marked with a star."""
    figures = [*results.figures, *(each[0] for each in ratios(list(results.figures)))]
    width = max(len(figure.name) for figure in figures)
    lines = [f"{'':{width}}  {'median':>9}  {'± MAD':>8}  {'unit':4}  {'n':>3}  least - most"]
    for figure in figures:
        middle, spread, both, unit, noisy = figure.shown()
        star = "*" if noisy else ""
        lines.append(
            f"{figure.name:{width}}  {middle:>9}  {spread + star:>8}  {unit:4}  "
            f"{len(figure.values):>3}  {both}"
        )
    lines += ["", where(results)]
    if any(figure.shown()[4] for figure in figures):
        lines.append(STAR)
    return "\n".join(lines)


def table(results: Results) -> str:
    """README's table, with the machine and how each row is made."""
    by_name = {figure.name: figure for figure in results.figures}
    rows = [
        (by_name[name], words, rate, by_name[name].script)
        for name, words, rate in ROWS
        if name in by_name
    ]
    found = ratios(list(results.figures))
    rows += [(ratio, words, False, made_by.script) for ratio, words, made_by in found]
    if not rows:
        raise UserError("none of the table's benchmarks is there", file=RESULTS)
    lines = ["| | median | ± MAD | least - most | | made by |", "|---|--:|--:|--:|---|---|"]
    starred = False
    for figure, words, rate, script in rows:
        middle, spread, both, unit, noisy = figure.shown(rate)
        starred |= noisy
        star = " \\*" if noisy else ""
        lines.append(f"| {words} | {middle} | {spread}{star} | {both} | {unit} | `{script}.py` |")
    lines += ["", f"Measured on {where(results)}."]
    if starred:
        lines += ["", "\\" + STAR + "."]
    return "\n".join(lines)


def replaced(path: Path, content: str) -> str:
    """The file's text with the content between the markers."""
    try:
        text = path.read_text()
    except OSError as error:
        raise UserError(f"can't be read: {error.strerror}", file=path) from None
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise UserError(f"must have {BEGIN} once and {END} once after it", file=path)
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n{content}\n{END}{rest.partition(END)[2]}"


def parser() -> Parser:
    made = Parser(prog="python -m tools.figures", description=__doc__.partition("\n")[0])
    made.add_argument(
        "folder", type=Path, nargs="?", default=RESULTS, help="of pyperf's JSON files"
    )
    made.add_argument(
        "--readme", type=Path, nargs="?", const=README, metavar="FILE", help="write the table there"
    )
    return made


def write(path: Path, results: Results) -> None:
    """Write the table, and say which of its rows were not measured."""
    text = replaced(path, table(results))
    measured = {figure.name for figure in results.figures}
    missing = [name for name, *_ in ROWS if name not in measured]
    if missing:
        print(f"tools.figures: left out, not measured: {'; '.join(missing)}", file=sys.stderr)
    if text != path.read_text():
        path.write_text(text)


@run_command
def main(arguments: list[str] | None = None) -> int:
    options: argparse.Namespace = parser().parse_args(arguments)
    results = load(options.folder)
    if results is None and options.readme is None:
        raise UserError("nothing was measured yet: run `make bench`", file=options.folder)
    if results is None:
        print(f"tools.figures: nothing in {options.folder}; {options.readme.name} stays as it is")
    elif options.readme is None:
        print(screen(results))
    else:
        write(options.readme, results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
