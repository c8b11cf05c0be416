"""Commands and outputs as tuples that both engines' tests can build and compare."""

from typing import NamedTuple

import numpy as np

from hft.core.messages import (
    BOOK_TOP_DTYPE,
    COMMAND,
    MESSAGE,
    REPORT,
    TRADE_DTYPE,
    Kind,
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


class Report(NamedTuple):
    """An ACCEPTED, FILLED, CANCELLED, REPLACED or REJECTED."""

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


Output = Report | Trade | Top
SHAPES = {
    Kind.TRADE: (TRADE_DTYPE, Trade),
    Kind.BOOK_TOP: (BOOK_TOP_DTYPE, Top),
    **{kind: (REPORT, Report) for kind in range(Kind.ACCEPTED, Kind.REJECTED + 1)},
}


def commands(*fields: dict) -> np.ndarray:
    """An array of COMMAND; the fields that a dict doesn't have are 0."""
    array = np.zeros(len(fields), COMMAND)
    for record, values in zip(array, fields, strict=True):
        for name, value in values.items():
            record[name] = value
    return array


def decode(messages: np.ndarray, command: np.void) -> list[Output]:
    """What one command made the engine say; fields that hold the same in all are checked here."""
    assert messages.dtype == MESSAGE
    outputs = []
    for index, kind in enumerate(messages["kind"].tolist()):
        dtype, shape = SHAPES[kind]
        values = dict(zip(dtype.names, messages[index : index + 1].view(dtype).item(), strict=True))
        assert values["sequence"] == values["stamp"] == values.get("reserved", 0) == 0
        assert values["source"] == Source.SOURCE_ENGINE
        assert values["origin_ts_ns"] == command["origin_ts_ns"]
        if kind == Kind.BOOK_TOP:
            for side in ("bid", "ask"):
                if values[f"{side}_lots"] == 0:  # the price then has no meaning
                    values[f"{side}_price_ticks"] = 0
        outputs.append(shape(*(values[name] for name in shape._fields)))
    return outputs
