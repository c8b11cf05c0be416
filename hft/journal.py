"""Read a journal: python -m hft.journal show FILE, verify FILE, decisions FOLDER

FILE is a segment, or a folder of segments. `show` prints records. `verify` checks every checksum
and that nothing is missing, and replays the records through a new engine. `decisions` prints what
the fusion decided in a run, with the signals that each decision rests on, and whether it follows
from them. The exit code is 0 if nothing is wrong, 1 if something is, and 2 if the file can't be
read.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import IntFlag
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from hft.arguments import Parser
from hft.core import MatchingEngine
from hft.core.journal import JournalReader, segment_paths
from hft.core.messages import (
    COMMAND,
    SOURCE_SHIFT,
    InstrumentState,
    Kind,
    OrderFlag,
    OrderType,
    Side,
    Source,
    TimeInForce,
)
from hft.decisions import decisions_of, is_of_decisions
from hft.errors import JournalError, run_command
from hft.instruments import Instrument

__all__ = ["Record", "Verification", "main", "records_of", "verify"]

Records = npt.NDArray[np.void]

REPLAY_RECORDS = 65_536
NUMBER_MASK = 2**SOURCE_SHIFT - 1
PRICELESS = {Kind.FLOW_STATUS, Kind.CANCEL_ORDER, Kind.MASS_CANCEL}
QUANTITYLESS = {*PRICELESS, Kind.FLOW_FORGET}


class Description(msgspec.Struct, frozen=True):
    """What a journal says of itself; a reader ignores what else is there."""

    instruments: list[Instrument] = []
    engine_instruments: int | None = None
    engine_orders: int | None = None


class Record(msgspec.Struct, frozen=True):
    """One record, in words; price and qty are decimals where the journal knows the instrument."""

    sequence: int
    ts_ns: int
    event_ts_ns: int
    kind: str
    source: str
    ring_sequence: int
    instrument: str
    order_id: int
    side: str
    price: str
    qty: str
    detail: str

    def line(self) -> str:
        return LINE.format(
            self.sequence, seconds(self.ts_ns), self.kind, self.source, self.instrument,
            order_text(self.order_id), self.side, self.price, self.qty, self.detail,
        ).rstrip()  # fmt: skip


LINE = "{:>10}  {:>20}  {:12}  {:8}  {:16}  {:>20}  {:4}  {:>14}  {:>14}  {}"
HEADING = LINE.format(
    "sequence", "time s", "kind", "source", "instrument", "order id", "side", "price", "qty", ""
).rstrip()


class Verification(msgspec.Struct, frozen=True):
    """What came of checking a journal; `records` and what follows are of those before any damage.

    `torn_at` is the sequence of the first record that is not what was written. There is no replay
    (None) of a segment that is not the first.
    """

    journal: str
    segments: int
    records: int
    torn_at: int | None
    problems: list[str]
    trades: int | None
    traded_lots: int | None
    rejected: int | None
    state_hash: str | None

    @property
    def clean(self) -> bool:
        return not self.problems

    def lines(self) -> str:
        lines = [
            f"journal     {self.journal}",
            f"segments    {self.segments:,}",
            f"records     {self.records:,}",
        ]
        if self.state_hash is None:
            lines.append("replay      none: the first record is not here")
        else:
            lines += [
                f"trades      {self.trades:,} of {self.traded_lots:,} lots",
                f"rejected    {self.rejected:,}",
                f"state hash  {self.state_hash}",
            ]
        lines += [f"problem     {problem}" for problem in self.problems] or ["problems    none"]
        return "\n".join(lines)


def description_of(reader: JournalReader) -> Description:
    if is_of_decisions(reader.description):
        problem = "is a journal of decisions: `python -m hft.journal decisions` shows these"
        raise JournalError(problem, file=reader.path)
    try:
        return msgspec.convert(reader.description, Description)
    except msgspec.ValidationError as error:
        raise JournalError(f"the description is unusable: {error}", file=reader.path) from None


# Showing


def records_of(reader: JournalReader, first: int, count: int | None) -> Iterator[Record]:
    """The records from journal sequence `first` on, at most `count` of them."""
    instruments = description_of(reader).instruments
    start = max(first - reader.first_sequence, 0)
    rows = reader.records[start : None if count is None else start + count].view(COMMAND)
    for sequence, row in enumerate(rows, reader.first_sequence + start):
        fields = dict(zip(COMMAND.names or (), row.item(), strict=True))
        yield record(sequence, fields, instruments)


def record(sequence: int, fields: dict[str, Any], instruments: list[Instrument]) -> Record:
    index, kind = fields["instrument"], fields["kind"]
    known = instruments[index] if index < len(instruments) else None
    price, qty = Decimal(fields["price_ticks"]), Decimal(fields["qty_lots"])
    if known is not None:
        price, qty = known.ticks_to_price(int(price)), known.lots_to_qty(int(qty))
    is_market = kind == Kind.NEW_ORDER and fields["order_type"] == OrderType.MARKET
    return Record(
        sequence=sequence,
        ts_ns=fields["origin_ts_ns"],
        event_ts_ns=fields["event_ts_ns"],
        kind=word(Kind, kind),
        source=word(Source, fields["source"]).removeprefix("SOURCE_"),
        ring_sequence=fields["sequence"],
        instrument=str(index) if known is None else known.name,
        order_id=fields["order_id"],
        side=word(Side, fields["side"]) if fields["side"] else "",
        price="" if kind in PRICELESS or is_market else f"{price:f}",
        qty="" if kind in QUANTITYLESS else f"{qty:f}",
        detail=detail(fields),
    )


def detail(fields: dict[str, Any]) -> str:
    """What only some kinds have."""
    if fields["kind"] == Kind.FLOW_STATUS:
        return word(InstrumentState, fields["flags"])
    if fields["kind"] != Kind.NEW_ORDER:
        return ""
    words = [word(OrderType, fields["order_type"]), word(TimeInForce, fields["time_in_force"])]
    if fields["flags"]:
        words.append(word(OrderFlag, fields["flags"]))
    return " ".join(words)


def word(enum: type[IntFlag], value: int) -> str:
    """The name of an enum's value; a value without a name as it is."""
    return next((name for name, member in enum.__members__.items() if member == value), str(value))


def order_text(order_id: int) -> str:
    """An order id for people: the number that its source gave, led by the source if not 0."""
    source, number = order_id >> SOURCE_SHIFT, order_id & NUMBER_MASK
    return f"{source}:{number}" if source else str(number)


def seconds(ts_ns: int) -> str:
    return f"{Decimal(ts_ns).scaleb(-9):f}"


def show(path: Path, first: int, count: int | None, as_json: bool) -> int:
    """Print records; the exit code."""
    code = 0
    headed = as_json
    for segment in segment_paths(path):
        reader = JournalReader(segment)
        for each in records_of(reader, first, count):
            if not headed:
                print(HEADING)
                headed = True
            print(msgspec.json.encode(each).decode() if as_json else each.line())
            count = None if count is None else count - 1
        if count == 0:
            break
        if reader.torn_at is not None:
            print(torn_text(reader), file=sys.stderr)
            code = 1
    return code


# Verifying


def torn_text(reader: JournalReader) -> str:
    return f"{reader.path.name}: record {reader.torn_at} is torn or altered"


class RingCheck:
    """Follows the places that the records had in one input ring of the engine.

    Every message of the ring is journaled but the END of a flow, so nothing else may be missing.
    """

    def __init__(self, name: str, gap_max: int) -> None:
        self.name = name
        self.gap_max = gap_max
        self.last: int | None = None
        self.faults = 0
        self.first_fault = ""

    def follow(self, places: npt.NDArray[np.uint64], sequences: npt.NDArray[np.int64]) -> None:
        """Check the next records: their places in the ring and in the journal."""
        if len(places) == 0:
            return
        before = [] if self.last is None else [self.last]
        # Unsigned: a place that went back makes a step that is far too large.
        steps = np.diff(np.concatenate([np.array(before, np.uint64), places]))
        wrong = np.flatnonzero(steps - np.uint64(1) > np.uint64(self.gap_max))
        if len(wrong) and not self.faults:
            place = int(wrong[0]) + 1 - len(before)
            previous = int(places[place - 1]) if place else self.last
            self.first_fault = (
                f"record {sequences[place]}: message {places[place]} of the {self.name} ring "
                f"follows {previous}"
            )
        self.faults += len(wrong)
        self.last = int(places[-1])

    def problems(self) -> list[str]:
        more = f", and {self.faults - 1:,} more such" if self.faults > 1 else ""
        return [self.first_fault + more] if self.faults else []


class Verifier:
    """Checks a journal segment by segment and replays what comes before any damage."""

    def __init__(self, path: Path, first: JournalReader) -> None:
        self.path = path
        self.description = first.description
        self.segments = 0
        self.records = 0
        # A folder has the journal from its beginning, a file may be any of its segments.
        whole = path.is_dir()
        self.next_index = 0 if whole else first.segment_index
        self.next_sequence: int | None = 1 if whole else first.first_sequence
        self.problems: list[str] = []
        self.torn_at: int | None = None
        self.flow, self.orders = RingCheck("flow", gap_max=1), RingCheck("orders", gap_max=0)
        wanted = description_of(first)
        self.engine: MatchingEngine | None = None
        if first.first_sequence == 1:
            if wanted.engine_instruments is None or wanted.engine_orders is None:
                raise JournalError(
                    "can't be replayed: the description has no engine_instruments, engine_orders",
                    file=first.path,
                )
            self.engine = MatchingEngine(
                instruments=wanted.engine_instruments, orders=wanted.engine_orders
            )

    def take(self, reader: JournalReader) -> None:
        """Check and replay one segment, the one after those taken before."""
        self.segments += 1
        self.check_place(reader)
        if not self.problems:
            self.records += len(reader.records)
            self.check_rings(reader)
            self.replay(reader.records)
        if reader.torn_at is not None:
            self.problems.append(torn_text(reader))
            self.torn_at = self.torn_at or reader.torn_at
            self.next_sequence = None  # nobody can tell
        else:
            self.next_sequence = reader.first_sequence + len(reader.records)
        self.next_index = reader.segment_index + 1

    def check_place(self, reader: JournalReader) -> None:
        name = reader.path.name
        if reader.description != self.description:
            self.problems.append(f"{name}: is of another journal")
        if reader.segment_index != self.next_index:
            self.problems.append(
                f"{name}: is segment {reader.segment_index}, {self.next_index} was to follow"
            )
        # A segment made ahead of need, and left by a crash, is empty.
        elif len(reader.records) and self.next_sequence not in (None, reader.first_sequence):
            self.problems.append(
                f"{name}: begins with record {reader.first_sequence}, "
                f"{self.next_sequence} was to follow"
            )

    def check_rings(self, reader: JournalReader) -> None:
        sequences = np.arange(len(reader.records), dtype=np.int64) + reader.first_sequence
        is_flow = reader.records["source"] == Source.SOURCE_RECORDED
        places = reader.records["sequence"]
        self.flow.follow(places[is_flow], sequences[is_flow])
        # Strategy's and risk's commands come through one ring.
        self.orders.follow(places[~is_flow], sequences[~is_flow])

    def replay(self, records: Records) -> None:
        if self.engine is not None:
            for start in range(0, len(records), REPLAY_RECORDS):
                self.engine.process_all(records[start : start + REPLAY_RECORDS])

    def result(self) -> Verification:
        counts = {} if self.engine is None else self.engine.counts()
        return Verification(
            journal=str(self.path),
            segments=self.segments,
            records=self.records,
            torn_at=self.torn_at,
            problems=[*self.problems, *self.flow.problems(), *self.orders.problems()],
            trades=counts.get("trades"),
            traded_lots=counts.get("traded_lots"),
            rejected=counts.get("rejected"),
            state_hash=None if self.engine is None else f"{self.engine.state_hash():016x}",
        )


def verify(path: Path) -> Verification:
    """Check a journal, a segment at a time; JournalError if it can't be read."""
    verifier: Verifier | None = None
    for segment in segment_paths(path):
        reader = JournalReader(segment)
        verifier = verifier or Verifier(path, reader)
        verifier.take(reader)
    assert verifier is not None  # there is a segment, or segment_paths says what is wrong
    return verifier.result()


# Decisions


def show_decisions(path: Path, count: int | None, as_json: bool) -> int:
    """Print decisions; the exit code."""
    shown = wrong = 0
    for each in decisions_of(path):
        if count is None or shown < count:
            print(msgspec.json.encode(each).decode() if as_json else each.line())
        shown += 1
        wrong += not each.follows
    print(
        f"{shown:,} decisions, "
        + (
            f"{wrong:,} do not follow from their inputs"
            if wrong
            else "each follows from its inputs"
        ),
        file=sys.stderr if as_json else sys.stdout,
    )
    return 1 if wrong else 0


# The command


def sequence(text: str) -> int:
    """A whole number, not negative."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"must be a whole number from 0, was {text!r}")
    return int(text)


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(prog="hft.journal", description="Read a journal.")
    commands = parser.add_subparsers(dest="command", required=True)
    shower = commands.add_parser("show", help="print records")
    verifier = commands.add_parser("verify", help="check and replay the whole journal")
    decider = commands.add_parser("decisions", help="print and check what the fusion decided")
    decider.add_argument("file", type=Path, metavar="FOLDER", help="of a run")
    for command in (shower, verifier):
        command.add_argument("file", type=Path, metavar="FILE", help="a segment or their folder")
    for command in (shower, verifier, decider):
        command.add_argument("--json", action="store_true", help="print JSON, one object a line")
    shower.add_argument(
        "--from", dest="first", type=sequence, default=1, metavar="N", help="first sequence shown"
    )
    for command in (shower, decider):
        command.add_argument("--count", type=sequence, metavar="N", help="so many; all by default")
    return parser.parse_args(argv)


@run_command
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parse_arguments(argv)
    if arguments.command == "show":
        return show(arguments.file, arguments.first, arguments.count, arguments.json)
    if arguments.command == "decisions":
        return show_decisions(arguments.file, arguments.count, arguments.json)
    result = verify(arguments.file)
    print(msgspec.json.encode(result).decode() if arguments.json else result.lines())
    return 0 if result.clean else 1


if __name__ == "__main__":
    sys.exit(main())
