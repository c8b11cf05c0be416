"""Plays adversary.c's scenarios, each at its full size and at a tenth of it, and shows them."""

import ctypes
import statistics
from collections.abc import Callable, Mapping, Sequence
from ctypes import byref, c_uint64
from typing import Any

SCENARIOS = (  # in the order of adversary.c: words, and size
    ("sweep of levels by one order", 200_000),
    ("cancels from a level's middle", 1_000_000),
    ("best price across wide gaps", 1_000_000),
    ("prices at the ends of int64", 1_000_000),
    ("crash through the whole band", 1_000_000),
)
SHARES = {"": 1.0, ", at a tenth": 0.1}
LEAST = 1000
COUNTS = ("operations", "touched", "ticks", "worst_ticks", "rejected")
TOUCHED, MEAN, WORST = "each touched", "mean operation", "worst operation"


class Result(ctypes.Structure):
    """`adversary_result` of adversary.c."""

    _fields_ = tuple((name, c_uint64) for name in COUNTS)


def play(
    driver: Any,
    engine: ctypes.c_void_p,
    share: float,
    times_s: Callable[[int, int], float],
    add: Callable[[str, float], None],
) -> None:
    """One round. `times_s` makes seconds of ticks and a number of looks at the clock."""
    for place, (words, size) in enumerate(SCENARIOS):
        for share_words, part in SHARES.items():
            found = Result()
            scaled = max(LEAST, int(size * part * share))
            if not driver.adversary(engine, place, c_uint64(scaled), byref(found)):
                raise MemoryError(f"{words}: no memory")
            if found.rejected:
                raise ValueError(f"{words}: {found.rejected} commands rejected")
            taken_s = times_s(found.ticks, found.operations)
            name = f"compiled engine, {words}{share_words}"
            add(f"{name}, {TOUCHED}", taken_s / found.touched)
            add(f"{name}, {MEAN}", taken_s / found.operations)
            add(f"{name}, {WORST}", times_s(found.worst_ticks, 1))


def table(results: Mapping[str, Sequence[float]]) -> str:
    """Medians in ns; what grows faster than the size would be dearer in the first column."""
    lines = [
        f"{'ns':30} {TOUCHED:>14} {'at a tenth':>12} {MEAN:>15} {'at a tenth':>12}"
        f" {WORST:>16} {'at a tenth':>12}"
    ]
    for words, _ in SCENARIOS:
        cells = [f"{words:30}"]
        for what, width in ((TOUCHED, 14), (MEAN, 15), (WORST, 16)):
            for share, wide in zip(SHARES, (width, 12), strict=True):
                values = results[f"compiled engine, {words}{share}, {what}"]
                cells.append(f"{statistics.median(values) * 1e9:{wide},.0f}")
        lines.append(" ".join(cells))
    return "\n".join(lines)
