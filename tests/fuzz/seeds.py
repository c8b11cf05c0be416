"""Inputs for the fuzzer to start from: streams of the tests, as tests/fuzz/decode.h reads them.

    python -m tests.fuzz.seeds FOLDER

A seed is a piece of a stream, for an empty engine. What a byte can't say, the nearest one says.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hft.core.messages import COMMAND, INSTRUMENT_RULES, ORDER_OPTIONS_DTYPE, Kind, OrderFlag
from tests.reference.streams import OWN, seeded
from tests.reference.wire import as_dtype, slots

STREAMS, STREAM_COMMANDS, PIECE_COMMANDS = 4, 1_500, 24
RAW, RAW_COMMANDS = 1, 4
SHAPES = range(0, 256, 2)
INSTRUMENTS, CAPACITIES = 3, (28, 1, 2, 3, 5, 8, 12, 100)
KINDS = {  # the first place of each kind in decode.h's table
    Kind.NEW_ORDER: 0,
    Kind.FLOW_ADD: 8,
    Kind.FLOW_CANCEL: 10,
    Kind.FLOW_DELETE: 11,
    Kind.FLOW_EXECUTE: 12,
    Kind.FLOW_HIDDEN: 14,
    Kind.FLOW_SEED: 15,
    Kind.FLOW_FORGET: 16,
    Kind.FLOW_STATUS: 17,
    Kind.CANCEL_ORDER: 18,
    Kind.REPLACE_ORDER: 20,
    Kind.MASS_CANCEL: 23,
    Kind.LIST_INSTRUMENT: 24,
    Kind.RETIRE_INSTRUMENT: 25,
    Kind.SET_ACCOUNT: 26,
    Kind.SET_POSITION: 27,
    Kind.DISCONNECT: 28,
    Kind.ADVANCE_TIME: 29,
    Kind.ORDER_OPTIONS: 30,
}
EXTREMES = (
    *(-(2**63), -(2**63) + 1, 2**63 - 1, 2**63 - 2, 2**63 - 21, -(2**63) + 2, 2**62, -(2**62)),
    *(4096, -4096, 262143, 2**30, -(2**30), 2**60, 5000, 1000),
)


def near(value: int, middle: int) -> int:
    if 0 <= value - middle + 120 < 240:
        return value - middle + 120
    return 240 + min(range(16), key=lambda place: abs(EXTREMES[place] - value))


def id_byte(order_id: int) -> int:
    if order_id >= 2**64 - 8:
        return 192 + 2**64 - 1 - order_id
    return order_id % 32 + (0 if order_id >= OWN else 96)


def options_bytes(record: np.void, now: int) -> list[int]:
    """The last four bytes of an order's record."""
    said = as_dtype(record, ORDER_OPTIONS_DTYPE)
    trigger, expiry = int(said["trigger_ticks"]), int(said["expiry_ts_ns"])
    linked = int(said["linked_order_id"])
    return [
        trigger - 36 if 36 <= trigger < 164 else min(255, near(trigger, 0) + 72),
        max(0, min(15, int(said["display_lots"]))) | max(0, min(15, int(said["min_lots"]))) << 4,
        max(1, min(239, 8 + (expiry - now) // 4)) if expiry else 0,
        id_byte(linked) if linked else 0,
    ]


def record_bytes(command: np.void, options: np.void | None, elapsed: int) -> bytes:
    kind, account = int(command["kind"]), int(command["account"])
    instrument = min(int(command["instrument"]), 3)
    where_when = instrument | max(0, min(15, elapsed)) << 3
    if kind == Kind.LIST_INSTRUMENT:
        rules = as_dtype(command, INSTRUMENT_RULES)
        bounds = [near(int(rules[f"price_{name}_ticks"]), 100) for name in ("min", "max")]
        lots = near(int(rules["qty_max_lots"]), 120)
        steps = int(rules["price_step_ticks"]) & 3, int(rules["qty_step_lots"]) & 3
        return bytes([KINDS[kind], 0, bounds[0], lots, 0, 0, 0, where_when, *steps, bounds[1], 0])
    if kind == Kind.ORDER_OPTIONS:
        return bytes([KINDS[kind], 0, 0, 0, 0, 0, 0, where_when, *options_bytes(command, 0)])
    flags = int(command["flags"])
    if flags & OrderFlag.HAS_OPTIONS and options is None:
        flags = 255
    now = int(command["event_ts_ns"])
    return bytes([
        KINDS.get(kind, 31),
        id_byte(int(command["order_id"])),
        near(int(command["price_ticks"]), 100),
        near(int(command["qty_lots"]), 120),
        min(int(command["side"]), 3) | (63 if account == 65535 else account & 3) << 2,
        int(command["order_type"]) & 7 | (int(command["time_in_force"]) & 7) << 3,
        flags,
        where_when,
        *([kind, 0, 0, 0] if options is None else options_bytes(options, now)),
    ])  # fmt: skip


def seeds() -> Iterator[bytes]:
    shape = 0
    for number in range(STREAMS):
        stream = list(slots(seeded(number, STREAM_COMMANDS)))
        for first in range(0, len(stream), PIECE_COMMANDS):
            piece = stream[first : first + PIECE_COMMANDS]
            head = bytes([SHAPES[shape % len(SHAPES)], first % 256])
            shape += 1
            now, records = 0, []
            for command, options in piece:
                # A LIST_INSTRUMENT has its time elsewhere; the next command brings it.
                then = now if command["kind"] == Kind.LIST_INSTRUMENT else command["event_ts_ns"]
                records.append(record_bytes(command, options, int(then) - now if now else 0))
                now = max(now, int(then))
            yield head + b"".join(records)
            raw = [each for pair in piece[:RAW_COMMANDS] for each in pair if each is not None]
            if first % (4 * PIECE_COMMANDS) == 0:
                yield bytes([head[0] | RAW, head[1]]) + b"".join(m.tobytes() for m in raw)


def raw_input(data: bytes) -> tuple[int, int, list[str], np.ndarray]:
    """Of a raw input: orders, instruments listed, market data, and its commands."""
    shape = data[0]
    assert shape & RAW
    names = [name for bit, name in ((2, "levels"), (4, "orders")) if shape & bit]
    stream = np.frombuffer(data[2 : 2 + (len(data) - 2) // 64 * 64], COMMAND).copy()
    stream["sequence"] = np.arange(1, len(stream) + 1)
    return CAPACITIES[shape >> 3 & 7], shape >> 6, names, stream


def main(folder: str) -> None:
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds()):
        (place / f"seed-{number:04}").write_bytes(data)


if __name__ == "__main__":
    main(sys.argv[1])
