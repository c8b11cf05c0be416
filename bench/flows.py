"""The flows of the compiled engine's benchmark: mix A and its variants, as flow.c makes them.

Each is generated once from its seed, with what has to come out of it, and kept in
build/bench-cache/.
"""

import ctypes
import functools
import json
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from native import BENCH, load_driver
from support import CACHE

from hft.core.messages import COMMAND

SEED = 1
LIVE_LEAST, OPERATIONS_LEAST = 100, 2000  # of a flow that is made smaller
OUTCOME = ("fills", "lots", "hash", "left", "rejected")
OP = np.dtype(
    [
        ("price_ticks", np.int32),
        ("number", np.uint32),
        ("lots", np.uint16),
        ("instrument", np.uint16),
        ("kind", np.uint8),
        ("side", np.uint8),
        ("reserved", np.uint16),
    ]
)


class Outcome(ctypes.Structure):
    """`outcome` of bench.h."""

    _fields_ = tuple((name, ctypes.c_uint64) for name in OUTCOME)

    def __str__(self) -> str:
        return f"{self.fills:,} fills of {self.lots:,} lots, {self.left:,} orders left"

    def values(self) -> tuple[int, ...]:
        return tuple(getattr(self, name) for name, _ in self._fields_)


class Settings(ctypes.Structure):
    """`flow_settings` of flow.c."""

    _fields_ = (
        ("seed", ctypes.c_uint64),
        ("operations", ctypes.c_uint64),
        ("live", ctypes.c_uint32),
        ("instruments", ctypes.c_uint32),
        ("window", ctypes.c_uint32),
        ("recent", ctypes.c_uint32),
    )


class Sizes(ctypes.Structure):
    """`sizes` of driver.c."""

    _fields_ = (
        ("instruments", ctypes.c_uint32),
        ("orders", ctypes.c_uint32),
        ("numbers", ctypes.c_uint32),
        ("setup", ctypes.c_uint32),
        ("count", ctypes.c_uint64),
    )


@dataclass(frozen=True)
class Variant:
    """A flow before it is made. `window` is the range of prices that its oracle provides for."""

    live: int
    operations: int
    instruments: int = 1
    window: int = 8192
    recent: bool = False


MIX_A = "mix A"
VARIANTS = {
    MIX_A: Variant(10_000, 10_000_000),
    "small": Variant(1_000, 4_000_000, recent=True),
    "large": Variant(200_000, 4_000_000),
    "huge": Variant(1_000_000, 3_000_000),
    "wide": Variant(10_000, 4_000_000, instruments=1000, window=1024),
}


@dataclass(frozen=True)
class Flow:
    """Commands, of which the first `sizes.setup` fill the book, and what must come out."""

    variant: Variant
    commands: Any
    sizes: Sizes
    expected: Outcome

    @property
    def address(self) -> int:
        return int(self.commands.ctypes.data)

    @property
    def operations(self) -> int:
        return int(self.sizes.count - self.sizes.setup)


def variant_of(name: str, share: float) -> Variant:
    """A variant, or a small share of it. The instruments stay as many."""
    made = VARIANTS[name]
    least = min(made.live, LIVE_LEAST * made.instruments)
    live = max(least, int(made.live * share))
    operations = max(OPERATIONS_LEAST, int(made.operations * share))
    return Variant(live, operations, made.instruments, made.window, made.recent)


@functools.cache
def version() -> str:
    """Of what is generated: a change of the generator makes cached flows useless."""
    text = b"".join((BENCH / name).read_bytes() for name in ("flow.c", "bench.h"))
    return f"{zlib.crc32(text):08x}"


def generate(variant: Variant, seed: int = SEED) -> tuple[Any, Outcome]:
    """The operations and their outcome."""
    settings = Settings(
        seed,
        variant.operations,
        variant.live,
        variant.instruments,
        variant.window,
        variant.recent,
    )
    ops, found = np.zeros(variant.live + variant.operations, OP), Outcome()
    status = load_driver().flow_generate(
        ctypes.byref(settings), ctypes.c_void_p(ops.ctypes.data), ctypes.byref(found)
    )
    if status == -1:
        raise MemoryError("no memory to generate a flow")
    if status != 0:
        raise ValueError(f"prices left the window of {variant.window} ticks")
    return ops, found


def cached(name: str, share: float = 1.0, operations: int | None = None) -> Flow:
    """A flow by its name, from build/ if it has been made before; or its first operations.

    What is expected is that of the whole.
    """
    variant = variant_of(name, share)
    kind = f"{name.replace(' ', '-')}-{variant.live}-{variant.operations}"
    path = CACHE / f"flow-{version()}-{kind}-{SEED}.npy"
    told = path.with_suffix(".json")
    if not told.exists():
        ops, found = generate(variant)
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial.npy")
        np.save(partial, ops)
        partial.rename(path)
        told.write_text(json.dumps(found.values()))
    wanted = None if operations is None else variant.live + operations
    ops = np.load(path, mmap_mode="r")[:wanted]
    return flow_of(variant, ops, Outcome(*json.loads(told.read_text())))


def flow_of(variant: Variant, ops: Any, expected: Outcome) -> Flow:
    commands = np.empty(len(ops), COMMAND)
    load_driver().flow_commands(
        ctypes.c_void_p(ops.ctypes.data),
        ctypes.c_size_t(len(ops)),
        ctypes.c_void_p(commands.ctypes.data),
    )
    orders = max(65_536, 2 * variant.live)
    numbers = int(ops["number"].max())
    sizes = Sizes(variant.instruments, orders, numbers, variant.live, len(ops))
    return Flow(variant, commands, sizes, expected)
