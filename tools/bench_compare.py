"""What got slower since a base, beyond the noise: what `make bench-compare BASE=...` runs.

Run as `python -m tools.bench_compare BASE`: a file of pyperf's JSON, or a folder of them, such as
a copy of build/bench that was made before a change. The exit code is 1 if something got slower.

A benchmark is called different if all of this holds:

- its medians differ by more than LEAST of the base's, 5 % for a time;
- and by more than 3 times the spread, the root of the sum of both MADs' squares;
- and each median lies beyond nine tenths of the other's values.

Of two equal sets of values with a noise (standard deviation) of 5 %, one in twenty is called
different if there are three of each, one in a hundred if there are five, next to none from ten on;
a change by a fifth is found in eight of ten. A time with fewer than three values has no spread and
is never called different. What this can't tell from a change is a machine that was another one for
the whole of one measurement: measure twice, in turn.
"""

import argparse
import math
import statistics
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hft.arguments import Parser
from hft.errors import UserError, run_command
from tools.figures import RESULTS, Figure, Results, load, results_of

SPREADS = 3.0
BEYOND = 0.9  # of the other's values
LEAST = {
    "second": 0.05,
    "byte": 0.05,
    "integer": 0.01,
}  # by unit; counts repeat nearly to the digit
VALUES_MIN = {"second": 3, "byte": 1, "integer": 1}
WORSE = {"second": "slower", "byte": "more", "integer": "more"}
BETTER = {"second": "faster", "byte": "less", "integer": "less"}
NOISE, TOO_FEW = "within the noise", "too few values"


@dataclass(frozen=True)
class Comparison:
    old: Figure
    new: Figure

    @property
    def ratio(self) -> float:
        """Of the medians, new to old."""
        return statistics.median(self.new.values) / statistics.median(self.old.values)

    @property
    def verdict(self) -> str:
        unit = self.old.unit
        if min(len(self.old.values), len(self.new.values)) < VALUES_MIN[unit]:
            return TOO_FEW
        if not differ(self.old.values, self.new.values, LEAST[unit]):
            return NOISE
        return WORSE[unit] if self.ratio > 1 else BETTER[unit]

    @property
    def is_worse(self) -> bool:
        return self.verdict == WORSE[self.old.unit]


def differ(old: tuple[float, ...], new: tuple[float, ...], least: float) -> bool:
    """Whether two sets of values differ as the module says, `least` being a share of the old."""
    middles = statistics.median(old), statistics.median(new)
    change = abs(middles[1] - middles[0])
    spread = math.hypot(mad(old), mad(new))
    if change <= least * middles[0] or change <= SPREADS * spread:
        return False
    return is_beyond(middles[1], old) and is_beyond(middles[0], new)


def mad(values: tuple[float, ...]) -> float:
    middle = statistics.median(values)
    return statistics.median(abs(value - middle) for value in values)


def is_beyond(middle: float, values: tuple[float, ...]) -> bool:
    """Whether nine tenths of the values are on one side of the other's median."""
    below = sum(value < middle for value in values)
    above = sum(value > middle for value in values)
    return max(below, above) >= BEYOND * len(values)


def loaded(path: Path) -> Results:
    """The results of a file, or of a folder; UserError if there are none."""
    if path.is_dir():
        results = load(path)
        if results is None:
            raise UserError("has no results: no file *.json", file=path)
        return results
    if not path.exists():
        raise UserError("there is no such file or folder", file=path)
    results = results_of([path], path)
    if results is None:
        raise UserError("has no results", file=path)
    return results


def compared(old: Results, new: Results, base: Path) -> list[Comparison]:
    """What is in both, in the base's order; UserError if there is nothing, or units differ."""
    by_name = {figure.name: figure for figure in new.figures}
    pairs = [Comparison(one, by_name[one.name]) for one in old.figures if one.name in by_name]
    if not pairs:
        raise UserError("has no benchmark that was measured now", file=base)
    for pair in pairs:
        if pair.old.unit != pair.new.unit:
            problem = f"in {pair.old.unit}s, is in {pair.new.unit}s now"
            raise UserError(problem, file=base, value=pair.old.name)
    return pairs


def table(pairs: list[Comparison]) -> str:
    rows = [("", "old", "new", "ratio", "")]
    rows += [
        (pair.old.name, shown(pair.old), shown(pair.new), f"{pair.ratio:.2f}x", pair.verdict)
        for pair in pairs
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        f"{row[0]:{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  "
        f"{row[3]:>{widths[3]}}  {row[4]}".rstrip()
        for row in rows
    )


def shown(figure: Figure) -> str:
    middle, spread, _, unit, _ = figure.shown()
    return f"{middle} ± {spread} {unit}"


def conclusion(pairs: list[Comparison], old: Results, new: Results) -> str:
    """What is to be known of all together: first of all what got slower."""
    counts = Counter(pair.verdict for pair in pairs)
    lines = ["; ".join(f"{count} {verdict}" for verdict, count in counts.most_common())]
    names = [{figure.name for figure in each.figures} for each in (old, new)]
    for missing, where in ((names[0] - names[1], "base"), (names[1] - names[0], "new results")):
        if missing:
            lines.append(f"{len(missing)} only in the {where}")
    for pair in sorted(pairs, key=lambda pair: -pair.ratio):
        if pair.is_worse:
            lines.append(f"{pair.verdict}: {pair.old.name}, {pair.ratio:.2f} times the base")
    if not any(pair.is_worse for pair in pairs):
        lines.append("nothing got slower beyond the noise")
    return "\n".join(lines)


def parser() -> Parser:
    made = Parser(prog="python -m tools.bench_compare", description=__doc__.partition("\n")[0])
    made.add_argument("base", type=Path, metavar="BASE", help="pyperf's JSON, or a folder of it")
    made.add_argument(
        "--new", type=Path, default=RESULTS, metavar="PATH", help="what is compared (build/bench)"
    )
    return made


@run_command
def main(arguments: list[str] | None = None) -> int:
    options: argparse.Namespace = parser().parse_args(arguments)
    old, new = loaded(options.base), loaded(options.new)
    pairs = compared(old, new, options.base)
    if old.machine != new.machine:
        print(
            f"tools.bench_compare: warning: different machines: {old.machine}; {new.machine}",
            file=sys.stderr,
        )
    print(table(pairs))
    print()
    print(conclusion(pairs, old, new))
    return 1 if any(pair.is_worse for pair in pairs) else 0


if __name__ == "__main__":
    sys.exit(main())
