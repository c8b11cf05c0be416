"""Commands and outputs as tuples that both engines' tests can build and compare."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from hft.core.messages import (
    BOOK_LEVEL_DTYPE,
    BOOK_ORDER_DTYPE,
    BOOK_TOP_DTYPE,
    COMMAND,
    INSTRUMENT_RULES,
    MESSAGE,
    ORDER_OPTIONS_DTYPE,
    REPORT,
    TRADE_DTYPE,
    Kind,
    OrderFlag,
    Source,
)


class Command(NamedTuple):
    """The fields of a command that the rules know."""

    sequence: int
    instrument: int
    kind: int
    order_id: int
    price_ticks: int
    qty_lots: int
    event_ts_ns: int
    account: int
    side: int
    order_type: int
    time_in_force: int
    flags: int


class Options(NamedTuple):
    """The second slot of an order."""

    trigger_ticks: int = 0
    display_lots: int = 0
    min_lots: int = 0
    expiry_ts_ns: int = 0
    linked_order_id: int = 0


class Rules(NamedTuple):
    """What a LIST_INSTRUMENT says."""

    price_step_ticks: int = 1
    qty_step_lots: int = 1
    price_min_ticks: int = -(2**63)
    price_max_ticks: int = 2**63 - 1
    qty_max_lots: int = 2**63 - 1


class Report(NamedTuple):
    """An ACCEPTED, FILLED, CANCELLED, REPLACED, REJECTED, TRIGGERED or RESTATED."""

    kind: int
    instrument: int
    order_id: int
    price_ticks: int
    last_lots: int
    leaves_lots: int
    cause: int
    account: int
    reason: int
    side: int


class Trade(NamedTuple):
    """A TRADE."""

    kind: int
    instrument: int
    maker_order_id: int
    taker_order_id: int
    price_ticks: int
    qty_lots: int
    cause: int
    side: int
    hidden: int


class Top(NamedTuple):
    """A BOOK_TOP; the price of an empty side is 0."""

    kind: int
    instrument: int
    bid_price_ticks: int
    bid_lots: int
    ask_price_ticks: int
    ask_lots: int
    event_ts_ns: int


class Level(NamedTuple):
    """A BOOK_LEVEL."""

    kind: int
    instrument: int
    price_ticks: int
    lots: int
    event_ts_ns: int
    order_count: int
    cause: int
    side: int


class BookOrder(NamedTuple):
    """A BOOK_ORDER."""

    kind: int
    instrument: int
    order_id: int
    price_ticks: int
    leaves_lots: int
    event_ts_ns: int
    cause: int
    action: int
    side: int


Output = Report | Trade | Top | Level | BookOrder
SHAPES = {
    Kind.TRADE: (TRADE_DTYPE, Trade),
    Kind.BOOK_TOP: (BOOK_TOP_DTYPE, Top),
    Kind.BOOK_LEVEL: (BOOK_LEVEL_DTYPE, Level),
    Kind.BOOK_ORDER: (BOOK_ORDER_DTYPE, BookOrder),
    **{kind: (REPORT, Report) for kind in range(Kind.ACCEPTED, Kind.RESTATED + 1)},
}
SPEAKS_OTHERWISE = {
    int(Kind.ORDER_OPTIONS): ORDER_OPTIONS_DTYPE,
    int(Kind.LIST_INSTRUMENT): INSTRUMENT_RULES,
}
TAKES_OPTIONS = (int(Kind.NEW_ORDER), int(Kind.REPLACE_ORDER))


def as_dtype(record: np.void, dtype: np.dtype) -> np.void:
    """The same 64 bytes as another message."""
    return np.frombuffer(record.tobytes(), dtype)[0]


def command_of(record: np.void) -> Command:
    """What a record says; the fields that one of its kind doesn't have are 0."""
    if int(record["kind"]) in SPEAKS_OTHERWISE:
        read = as_dtype(record, SPEAKS_OTHERWISE[int(record["kind"])])
        return Command(*(int(read[n]) if n in read.dtype.names else 0 for n in Command._fields))
    return Command(*(int(record[name]) for name in Command._fields))


def rules_of(record: np.void) -> Rules:
    read = as_dtype(record, INSTRUMENT_RULES)
    return Rules(*(int(read[name]) for name in Rules._fields))


def options_of(record: np.void | None) -> Options | None:
    if record is None:
        return None
    read = as_dtype(record, ORDER_OPTIONS_DTYPE)
    return Options(*(int(read[name]) for name in Options._fields))


def commands(*fields: dict) -> np.ndarray:
    """An array of COMMAND, each with the layout of its kind; fields that a dict lacks are 0."""
    array = np.zeros(len(fields), COMMAND)
    for index, values in enumerate(fields):
        dtype = SPEAKS_OTHERWISE.get(int(values["kind"]), COMMAND)
        record = array[index : index + 1].view(dtype)[0]
        for name, value in values.items():
            record[name] = value
    return array


def slots(array: np.ndarray) -> Iterator[tuple[np.void, np.void | None]]:
    """Each command of a stream with its options, if it takes the slot behind it."""
    index = 0
    while index < len(array):
        command, options = array[index], None
        index += 1
        flagged = command["kind"] in TAKES_OPTIONS and command["flags"] & OrderFlag.HAS_OPTIONS
        if flagged and index < len(array) and array[index]["kind"] == Kind.ORDER_OPTIONS:
            options = array[index]
            index += 1
        yield command, options


def decode(messages: np.ndarray, command: np.void) -> list[Output]:
    """What one command made the engine say; fields that hold the same in all are checked here."""
    assert messages.dtype == MESSAGE
    outputs = []
    for index, kind in enumerate(messages["kind"].tolist()):
        dtype, shape = SHAPES[kind]
        values = dict(zip(dtype.names, messages[index : index + 1].view(dtype).item(), strict=True))
        assert values["sequence"] == values["stamp"] == 0
        assert not np.any(values.get("reserved", 0))
        assert values["source"] == Source.SOURCE_ENGINE
        assert values["origin_ts_ns"] == command["origin_ts_ns"]
        if kind == Kind.BOOK_TOP:
            for side in ("bid", "ask"):
                if values[f"{side}_lots"] == 0:  # the price then has no meaning
                    values[f"{side}_price_ticks"] = 0
        outputs.append(shape(*(values[name] for name in shape._fields)))
    return outputs
