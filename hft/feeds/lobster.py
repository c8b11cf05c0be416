"""LOBSTER: a NASDAQ day as messages and, after each message, the best levels of the book.

A zip holds two CSV files with the same number of rows, without headings:

    ..._message_N.csv    time (seconds after midnight), type, order id, size, price, direction
    ..._orderbook_N.csv  per level, best first: ask price, ask size, bid price, bid size

Prices are in units of USD 0.0001. Row k of the book holds after message k. Two things are not said,
and follow from the rows:

- Levels below the deepest visible one are unknown. A level that comes into view (or is in the first
  row) enters as FLOW_SEED: the row's size there, less what message k itself added.
- A level that goes out of view changes unseen from then on, and leaves as FLOW_FORGET.

So message k is followed by its forgets, then its seeds. A side with fewer levels than the file has
columns for is known whole: nothing lies below it. The whole day is decoded at once: about 1 s and
110 MB for 155,935 messages with 5 levels.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from hft.core.messages import COMMAND, SOURCE_SHIFT, InstrumentState, Kind, Side, Source
from hft.errors import FeedError
from hft.feeds.base import BookTruth, Commands, Feed, FeedOptions, Int64s
from hft.instruments import Instrument

__all__ = ["LobsterFeed"]

CHUNK_COMMANDS = 4096
EMPTY = 9_999_999_999  # price of an ask level that isn't there; of a bid level, its negative
DAY_NS = 86_400 * 10**9
ORDER_ID_MAX = 2**SOURCE_SHIFT - 1

MEMBER = re.compile(
    r"(?P<stem>(?P<symbol>[^_/]+)_(?P<day>[^_/]+)_.*)_(?P<role>message|orderbook)_\d+\.csv"
)
MESSAGE_FIELDS = ("time", "type", "order id", "size", "price", "direction")
LEVEL_FIELDS = ("ask price", "ask size", "bid price", "bid size")
SIDES = (Side.SELL, Side.BUY)  # in the order of a row's columns

ADD, CANCEL, DELETE, EXECUTE, HIDDEN, STATUS = 1, 2, 3, 4, 5, 7
KIND_OF_TYPE = {
    ADD: Kind.FLOW_ADD,
    CANCEL: Kind.FLOW_CANCEL,
    DELETE: Kind.FLOW_DELETE,
    EXECUTE: Kind.FLOW_EXECUTE,
    HIDDEN: Kind.FLOW_HIDDEN,
    STATUS: Kind.FLOW_STATUS,
}
STATE_OF_PRICE = {
    -1: InstrumentState.HALTED,
    0: InstrumentState.PRE_OPEN,
    1: InstrumentState.OPEN,
}

# Times may have 12 decimals (the recorded day has one with the last digits of a double). They are
# read as picoseconds, of which six digits of seconds fit 64 bits.
TIME_TYPE = pa.decimal128(18, 12)
TIME_TEXT = re.compile(r"\d{1,6}(\.\d{0,12})?", re.ASCII)
INT_TEXT = re.compile(r"-?\d{1,19}", re.ASCII)

# What reading a member of a damaged archive may raise.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError)


class LobsterFeed(Feed):
    """One recorded day of one stock; see the module."""

    knows_grids = True
    truth: BookTruth  # always there

    def __init__(self, argument: str, options: FeedOptions) -> None:
        if not argument:
            raise FeedError("must be lobster:FILE.zip", field="feed", value="lobster:")
        with open_archive(Path(argument)) as archive:
            messages, rows = archive.messages(), archive.rows()
        if len(messages) != len(rows):
            raise FeedError(
                f"must have as many rows as {archive.orderbook}, which has {len(rows)}",
                file=archive.path,
                member=archive.message,
                field="rows",
                value=len(messages),
            )
        check_messages(archive, messages)
        check_rows(archive, rows)
        if options.duration_ns is not None:
            count = int(np.searchsorted(messages[:, 0], messages[0, 0] + options.duration_ns))
            messages, rows = messages[:count], rows[:count]
        self.commands, self.truth = flow(archive, messages, rows)
        self.name = f"lobster {archive.symbol} {archive.day}"
        self.instruments = [
            Instrument(
                "NASDAQ", archive.symbol, Decimal("0.0001"), Decimal(1), order_increment_ticks=100
            )
        ]

    def chunks(self) -> Iterator[Commands]:
        for start in range(0, len(self.commands), CHUNK_COMMANDS):
            yield self.commands[start : start + CHUNK_COMMANDS].copy()


class Archive:
    """An open zip file: reads its two members as integers, and says what is wrong where."""

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self.path, self.file = path, file
        names = file.namelist()
        found = [match for name in names if (match := MEMBER.fullmatch(name))]
        members = {match["role"]: match for match in found}
        if len(found) != 2 or len(members) != 2 or found[0]["stem"] != found[1]["stem"]:
            raise FeedError(
                "must be one pair SYMBOL_DAY_..._message_N.csv, SYMBOL_DAY_..._orderbook_N.csv",
                file=path,
                field="members",
                value=", ".join(names),
            )
        self.message = members["message"].string
        self.orderbook = members["orderbook"].string
        self.symbol = members["message"]["symbol"]
        self.day = members["message"]["day"]

    def messages(self) -> Int64s:
        """The message member, of shape (n, 6): MESSAGE_FIELDS, the time in ns after midnight."""
        return self.table(self.message, MESSAGE_FIELDS)

    def rows(self) -> Int64s:
        """The orderbook member, of shape (n, levels, 4): LEVEL_FIELDS in ticks and lots."""
        with self.reading(self.orderbook) as stream:
            first = stream.readline()
        columns = first.count(b",") + 1
        if first and columns % 4:
            self.fail(self.orderbook, 1, "columns", "must be four per level", columns)
        levels = max(1, columns // 4)
        fields = [f"{field} {level + 1}" for level in range(levels) for field in LEVEL_FIELDS]
        return self.table(self.orderbook, fields).reshape(-1, levels, 4)

    def table(self, member: str, fields: list[str] | tuple[str, ...]) -> Int64s:
        """The member as integers, of shape (n, len(fields)); the field "time" in ns."""
        types = {field: TIME_TYPE if field == "time" else pa.int64() for field in fields}
        try:
            with self.reading(member) as stream:
                table = pa_csv.read_csv(
                    stream,
                    pa_csv.ReadOptions(column_names=list(fields), use_threads=False),
                    pa_csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
                    pa_csv.ConvertOptions(
                        column_types=types, null_values=[], strings_can_be_null=False
                    ),
                )
        except pa.ArrowInvalid as error:
            self.explain(member, fields, error)
        numbers = np.empty((len(table), len(fields)), np.int64)
        for index, field in enumerate(fields):
            column = table[field]
            numbers[:, index] = self.time_ns(column) if field == "time" else column.to_numpy()
        return numbers

    def time_ns(self, seconds: pa.ChunkedArray) -> Int64s:
        """Decimal seconds as ns after midnight, of shape (n,), rounded to the nearest."""
        whole = seconds.combine_chunks()
        # Two 64-bit words per decimal, the low one first; the high one is 0 if the low one is all.
        words = np.frombuffer(whole.buffers()[1], np.int64).reshape(-1, 2)
        words = words[whole.offset : whole.offset + len(whole)]
        ts_ns = words[:, 0] // 1000 + (words[:, 0] % 1000 >= 500)
        bad = (words[:, 1] != 0) | (ts_ns < 0) | (ts_ns >= DAY_NS)
        if bad.any():
            row = int(bad.argmax())
            rule = "must be within one day, in seconds"
            self.fail(self.message, row + 1, "time", rule, seconds[row].as_py())
        return ts_ns

    @contextmanager
    def reading(self, member: str) -> Iterator[IO[bytes]]:
        """The open member; damage found while it is read is a FeedError."""
        try:
            with self.open(member) as stream:
                yield stream
        except DAMAGE as error:
            problem = f"is damaged: {str(error) or 'it ends too early'}"
            raise FeedError(problem, file=self.path, member=member) from None

    def open(self, member: str) -> IO[bytes]:
        try:
            return self.file.open(member)
        except RuntimeError as error:  # zipfile's for a password or a compression that it lacks
            raise FeedError(f"can't be unpacked: {error}", file=self.path, member=member) from None

    def explain(
        self, member: str, fields: list[str] | tuple[str, ...], error: Exception
    ) -> NoReturn:
        """Find what the CSV reader stumbled over, slowly, and raise the FeedError."""
        with self.reading(member) as stream:
            text = stream.read().decode("utf-8", "replace")  # all of it, which checks the CRC too
        if not text:
            raise FeedError("must not be empty", file=self.path, member=member)
        for number, line in enumerate(text.splitlines(), 1):
            values = line.split(",")
            if len(values) != len(fields):
                self.fail(member, number, "columns", f"must be {len(fields)}", len(values))
            for field, value in zip(fields, values, strict=True):
                if field == "time":
                    if not TIME_TEXT.fullmatch(value):
                        rule = "must be seconds with at most 12 decimals"
                        self.fail(member, number, field, rule, value)
                elif not INT_TEXT.fullmatch(value) or not -(2**63) <= int(value) < 2**63:
                    self.fail(member, number, field, "must be a 64-bit integer", value)
        raise FeedError(" ".join(str(error).split()), file=self.path, member=member)

    def fail(
        self, member: str, line: int, field: str, problem: str, value: object = None
    ) -> NoReturn:
        """Raise the FeedError of one field of one line."""
        raise FeedError(problem, file=self.path, member=member, line=line, field=field, value=value)


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """The archive at this path; FeedError if it is no zip file with the two members."""
    try:
        with path.open("rb") as start:
            signature = start.read(4)
        file = zipfile.ZipFile(path)
    except OSError as error:
        raise FeedError(f"can't be read: {error.strerror or error}", file=path) from None
    except zipfile.BadZipFile:
        begins_well = signature == b"PK\3\4"
        problem = "is a damaged or cut-off zip file" if begins_well else "is not a zip file"
        raise FeedError(problem, file=path) from None
    with file:
        yield Archive(path, file)


def check_messages(archive: Archive, messages: Int64s) -> None:
    """FeedError at a message that breaks a rule of the format."""
    ts_ns, type_, order_id, size, price, direction = messages.T
    named = (type_ >= ADD) & (type_ <= EXECUTE)
    status = type_ == STATUS
    back = np.zeros(len(messages), bool)
    back[1:] = ts_ns[1:] < ts_ns[:-1]
    rules = (
        ("time", back, "must not be before that of the line above"),
        ("type", ~np.isin(type_, list(KIND_OF_TYPE)), "must be 1, 2, 3, 4, 5 or 7"),
        ("order id", named & (order_id == 0), "must not be 0"),
        ("order id", (order_id < 0) | (order_id > ORDER_ID_MAX), "must be 0 to 2**56 - 1"),
        ("size", ~status & (size <= 0), "must be above 0"),
        ("price", ~status & ((price <= 0) | (price >= EMPTY)), f"must be 1 to {EMPTY - 1}"),
        ("price", status & ~np.isin(price, list(STATE_OF_PRICE)), "of type 7 must be -1, 0 or 1"),
        ("direction", (direction != 1) & (direction != -1), "must be 1 or -1"),
    )
    for field, broken, rule in rules:
        if broken.any():
            row = int(broken.argmax())
            value = int(messages[row, MESSAGE_FIELDS.index(field)])
            shown = Decimal(value).scaleb(-9) if field == "time" else value
            archive.fail(archive.message, row + 1, field, rule, shown)


def check_rows(archive: Archive, rows: Int64s) -> None:
    """FeedError at a level that breaks a rule of the format."""
    for column, empty in ((0, EMPTY), (2, -EMPTY)):
        price, size = rows[:, :, column], rows[:, :, column + 1]
        there = price != empty
        outward = np.ones(price.shape, bool)
        depth = price if empty > 0 else -price
        outward[:, 1:] = depth[:, 1:] > depth[:, :-1]
        rules = (
            (column, there & ((price <= 0) | (price >= EMPTY)), f"must be 1 to {EMPTY - 1}"),
            (column + 1, there & (size <= 0), "must be above 0"),
            (column + 1, ~there & (size != 0), f"must be 0 at the price {empty}"),
            (column, there & ~outward, "must be further out than that of the level before"),
        )
        for index, broken, rule in rules:
            if broken.any():
                row, level = (int(place) for place in np.argwhere(broken)[0])
                field = f"{LEVEL_FIELDS[index]} {level + 1}"
                archive.fail(archive.orderbook, row + 1, field, rule, rows[row, level, index])


def flow(archive: Archive, messages: Int64s, rows: Int64s) -> tuple[Commands, BookTruth]:
    """The commands of a checked day, and the truth that they lead to."""
    ts_ns, type_, _, size, price, direction = messages.T
    # Depth grows away from the market on both sides; that of a missing level is the greatest.
    depth = np.stack([rows[:, :, 0], -rows[:, :, 2]], axis=1)  # (n, 2, levels)
    deepest = depth[:, :, -1:]
    there = depth != EMPTY

    forget_row, side, level = np.nonzero(there[:-1] & (depth[:-1] > deepest[1:]))
    forgotten = side, np.abs(depth[forget_row, side, level]), np.zeros(len(side), np.int64)
    forget_row += 1  # the levels were in the row before

    there[1:] &= depth[1:] > deepest[:-1]
    seed_row, side, level = np.nonzero(there)
    level_price = np.abs(depth[seed_row, side, level])
    own = (type_[seed_row] == ADD) & (price[seed_row] == level_price)
    own &= (direction[seed_row] > 0) == side
    lots = rows[seed_row, level, 2 * side + 1] - size[seed_row] * own
    if (lots < 0).any():
        worst = int(lots.argmin())
        row, column = int(seed_row[worst]), 2 * int(side[worst]) + 1
        field = f"{LEVEL_FIELDS[column]} {level[worst] + 1}"
        rule = f"must be at least {size[row]}, which the message of that line adds"
        archive.fail(archive.orderbook, row + 1, field, rule, rows[row, level[worst], column])
    unseen = lots > 0
    seed_row, seeded = seed_row[unseen], (side[unseen], level_price[unseen], lots[unseen])

    # What the first message takes from the book must have been there before it.
    lead = int(type_[:1].tolist() in ([CANCEL], [DELETE], [EXECUTE]))

    forgets, seeds = (np.bincount(row, minlength=len(rows)) for row in (forget_row, seed_row))
    per_row = 1 + forgets + seeds
    row_end = lead + np.cumsum(per_row)
    at = row_end - per_row  # of the messages; each one's forgets and seeds follow
    commands = np.zeros(lead + int(per_row.sum()), COMMAND)
    commands["source"] = Source.SOURCE_RECORDED
    commands["event_ts_ns"] = np.repeat(ts_ns, per_row + lead * (np.arange(len(rows)) == 0))
    put_messages(commands, at, messages)
    to = at[forget_row] + 1 + place_in_row(forget_row, forgets)
    put_levels(commands, to, Kind.FLOW_FORGET, *forgotten)
    to = at[seed_row] + 1 + forgets[seed_row] + place_in_row(seed_row, seeds)
    put_levels(commands, to, Kind.FLOW_SEED, *seeded)
    first_side = (direction[:lead] > 0).astype(np.int64)
    put_levels(commands, np.arange(lead), Kind.FLOW_SEED, first_side, price[:lead], size[:lead])

    causes = {"before_first_row": lead, "first_row": int((seed_row == 0).sum())}
    for cause, kind in KIND_OF_TYPE.items():
        name = "after_" + str(kind.name).removeprefix("FLOW_").lower()
        causes[name] = int(((type_[seed_row] == cause) & (seed_row > 0)).sum())
    truth = BookTruth(
        source=f"{archive.path}: {archive.orderbook}",
        rows=rows,
        row_end=row_end,
        seeds={cause: count for cause, count in causes.items() if count},
        forgets=len(forget_row),
    )
    return commands, truth


def place_in_row(row: Int64s, per_row: Int64s) -> Int64s:
    """For items sorted by row, of which row k has `per_row[k]`: each one's index within its row."""
    return np.arange(len(row)) - (np.cumsum(per_row) - per_row)[row]


def put_messages(commands: Commands, at: Int64s, messages: Int64s) -> None:
    """Write message k as the command at[k]."""
    _, type_, order_id, size, price, direction = messages.T
    status = type_ == STATUS
    for number, kind in KIND_OF_TYPE.items():
        commands["kind"][at[type_ == number]] = kind
    for state_price, state in STATE_OF_PRICE.items():
        commands["flags"][at[status & (price == state_price)]] = state
    side = np.where(direction > 0, int(Side.BUY), int(Side.SELL))
    for field, values in (
        ("order_id", order_id), ("price_ticks", price), ("qty_lots", size), ("side", side)
    ):  # fmt: skip
        commands[field][at] = np.where(status, 0, values)


def put_levels(
    commands: Commands, at: Int64s, kind: Kind, side: Int64s, price_ticks: Int64s, qty_lots: Int64s
) -> None:
    """Write one command without an order at each index of `at`; `side` is an index into SIDES."""
    commands["kind"][at] = kind
    commands["side"][at] = np.array([int(name) for name in SIDES])[side]
    commands["price_ticks"][at] = price_ticks
    commands["qty_lots"][at] = qty_lots
