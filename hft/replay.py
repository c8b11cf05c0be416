"""Replay a feed through the matching engine: python -m hft.replay lobster:FILE.zip --truth

With --truth the engine's book is compared with every row of the recording. The exit code is 0 if
nothing was rejected and nothing differs, 1 otherwise, and 2 if the feed can't be read.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

import msgspec
import numpy as np

from hft.arguments import Parser
from hft.core import MatchingEngine
from hft.errors import UserError, run_command
from hft.feeds import BookTruth, Feed, FeedOptions, open_feed

ORDERS = 65_536  # live orders that the engine has room for


class Mismatch(msgspec.Struct, frozen=True):
    """A level where the engine's book is not the recording's; prices in ticks.

    `line` is that of the recording; of one without lines it is the number of its `unit`.
    """

    unit: str
    line: int
    side: str
    level: int
    expected_price_ticks: int
    expected_lots: int
    found_price_ticks: int
    found_lots: int

    def __str__(self) -> str:
        return (
            f"{self.unit} {self.line}, {self.side} {self.level}: "
            f"expected {self.expected_lots} @ {self.expected_price_ticks}, "
            f"found {self.found_lots} @ {self.found_price_ticks}"
        )


class Comparison(msgspec.Struct, frozen=True):
    """The engine's book against a recording; `comparisons` counts levels, `shown` is the first."""

    source: str
    rows: int
    levels: int
    comparisons: int
    mismatches: int
    shown: list[Mismatch]
    seeds: dict[str, int]
    forgets: int


class Replay(msgspec.Struct, frozen=True):
    """What came of a feed; `events_per_s` is the engine's alone, without the feed."""

    feed: str
    messages: int
    rejected: int
    trades: int
    traded_lots: int
    events_per_s: int
    state_hash: str
    truth: Comparison | None

    @property
    def clean(self) -> bool:
        return self.rejected == 0 and (self.truth is None or self.truth.mismatches == 0)


def replay(feed: Feed, truth: BookTruth | None = None, mismatches_shown_max: int = 10) -> Replay:
    """Feed every message to a new engine, and if given, compare its book with the truth."""
    engine = MatchingEngine(instruments=len(feed.instruments), orders=ORDERS)
    elapsed_ns = 0
    for commands in feed.chunks():
        start_ns = time.perf_counter_ns()
        engine.process_all(commands)
        elapsed_ns += time.perf_counter_ns() - start_ns
    counts = engine.counts()
    return Replay(
        feed=feed.name,
        messages=counts["commands"],
        rejected=counts["rejected"],
        trades=counts["trades"],
        traded_lots=counts["traded_lots"],
        events_per_s=counts["commands"] * 10**9 // max(elapsed_ns, 1),
        state_hash=f"{engine.state_hash():016x}",
        truth=None if truth is None else compare(feed, truth, mismatches_shown_max),
    )


def compare(feed: Feed, truth: BookTruth, shown_max: int) -> Comparison:
    """Compare the book of a new engine with every row of the truth."""
    engine = MatchingEngine(instruments=len(feed.instruments), orders=ORDERS)
    rows, levels = truth.rows.shape[:2]
    commands = np.concatenate(list(feed.chunks()))
    found = engine.depth_after(commands, truth.row_end, levels)
    # Per row, level and side: price and lots are one comparison.
    differs = (found != truth.rows).reshape(rows, levels, 2, 2).any(axis=3)
    shown = []
    for row, level, side in np.argwhere(differs)[:shown_max].tolist():
        expected_price_ticks, expected_lots = truth.rows[row, level, 2 * side : 2 * side + 2]
        found_price_ticks, found_lots = found[row, level, 2 * side : 2 * side + 2]
        shown.append(
            Mismatch(
                unit=truth.unit,
                line=row + 1 if truth.numbers is None else int(truth.numbers[row]),
                side=("ask", "bid")[side],
                level=level + 1,
                expected_price_ticks=int(expected_price_ticks),
                expected_lots=int(expected_lots),
                found_price_ticks=int(found_price_ticks),
                found_lots=int(found_lots),
            )
        )
    return Comparison(
        source=truth.source,
        rows=rows,
        levels=levels,
        comparisons=differs.size,
        mismatches=int(differs.sum()),
        shown=shown,
        seeds=truth.seeds,
        forgets=truth.forgets,
    )


def report(result: Replay) -> str:
    """The result as lines of text, for people."""
    lines = [
        f"feed        {result.feed}",
        f"messages    {result.messages:,}",
        f"rejected    {result.rejected:,}",
        f"trades      {result.trades:,} of {result.traded_lots:,} lots",
        f"engine      {result.events_per_s:,} messages/s",
        f"state hash  {result.state_hash}",
    ]
    truth = result.truth
    if truth is not None:
        seeds = "".join(f", {cause} {count:,}" for cause, count in truth.seeds.items())
        lines += [
            f"rows        {truth.rows:,} of {truth.levels} levels, {truth.source}",
            f"compared    {truth.comparisons:,} levels",
            f"mismatches  {truth.mismatches:,}",
            *(f"            {mismatch}" for mismatch in truth.shown),
            f"seeds       {sum(truth.seeds.values()):,}{seeds.replace(',', ':', 1)}",
            f"forgets     {truth.forgets:,}",
        ]
    return "\n".join(lines)


def duration_ns(text: str) -> int:
    """Seconds, as text, in ns."""
    try:
        ns = Decimal(text).scaleb(9)
        if ns > 0 and ns < 2**63:
            return int(ns)
    except InvalidOperation:
        pass
    raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, was {text!r}")


def count(text: str) -> int:
    """A whole number, not negative."""
    if not (text.isascii() and text.isdigit() and int(text) < 2**63):
        raise argparse.ArgumentTypeError(f"must be a whole number from 0, was {text!r}")
    return int(text)


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(prog="hft.replay", description="Replay a feed through the matching engine.")
    parser.add_argument("feed", help="such as lobster:FILE.zip or bbo:FILE")
    parser.add_argument(
        "--truth", action="store_true", help="compare the book with every row of the recording"
    )
    parser.add_argument("--max-mismatches-shown", type=count, default=10, metavar="N")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.add_argument("--seed", type=count, default=1, metavar="N", help="of a simulated feed")
    parser.add_argument(
        "--duration", type=duration_ns, metavar="SECONDS", help="stop after this much of the feed"
    )
    return parser.parse_args(argv)


@run_command
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parse_arguments(argv)
    if arguments.feed == "sim" and arguments.duration is None:
        raise UserError("has no end; give --duration SECONDS", field="sim")
    options = FeedOptions(seed=arguments.seed, duration_ns=arguments.duration)
    feed = open_feed(arguments.feed, options)
    truth = feed.truth if arguments.truth else None
    if arguments.truth and truth is None:
        raise UserError("has no truth to compare with; replay it without --truth", field=feed.name)
    result = replay(feed, truth, arguments.max_mismatches_shown)
    print(msgspec.json.encode(result).decode() if arguments.json else report(result))
    return 0 if result.clean else 1


if __name__ == "__main__":
    sys.exit(main())
