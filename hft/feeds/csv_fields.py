"""Columns of text as integers, exactly: times in ns, prices and sizes in steps of their grids.

Each rule is here twice: for a column of text, fast, raising Misfit or pa.ArrowInvalid where any
row breaks it; and for one text, slowly, saying what is wrong in a ValueError.
"""

import re
from decimal import Context, Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hft.feeds.base import Int64s

__all__ = ["DECIMALS_MAX", "STEPS_MAX", "Clock", "Grid", "Misfit", "number_of", "trimmed"]

DECIMALS_MAX = 18
STEPS_MAX = 2**61  # so that sums of a few stay in 64 bits
TIME_END_NS = 9 * 10**18  # in the year 2255; 64 bits end in 2262

# Per unit, its name and the decimals that make it ns.
UNITS = (("s", 9), ("ms", 6), ("µs", 3), ("ns", 0))
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
EXACT = Context(prec=80)
ISO = re.compile(r"\d{4}-\d\d-\d\d.*")
ZONED = re.compile(r".*[T ].*(Z|[+-]\d\d(:?\d\d)?)")


class Misfit(Exception):
    """Some row of a column breaks a rule."""


def trimmed(texts: pa.StringArray) -> pa.StringArray:
    return pc.ascii_trim_whitespace(texts)


def letters_of(texts: pa.StringArray) -> bytes:
    """The texts, all in one."""
    data = texts.buffers()[2]
    return b"" if data is None else data.to_pybytes()


def number_of(text: str) -> Decimal:
    """The number; ValueError unless it is one, of at most DECIMALS_MAX decimals."""
    if not NUMBER.fullmatch(text):
        raise ValueError("must be a number")
    number = Decimal(text)
    if number.adjusted() > 36:
        raise ValueError("must fit 64 bits")
    if len(text) > EXACT.prec // 2 or decimals_of(number) > DECIMALS_MAX:
        raise ValueError(f"must have at most {DECIMALS_MAX} decimals")
    return number


def decimals_of(number: Decimal) -> int:
    """How many decimals it has, trailing zeros aside."""
    return max(0, -int(EXACT.normalize(number).as_tuple().exponent))


def plain(text: str) -> str:
    """A number without exponent: what the conversion of a column makes of one may be wrong."""
    try:
        return f"{number_of(text):f}"
    except ValueError:
        raise Misfit from None


def counts_of(texts: pa.StringArray, decimals: int, limit: int) -> Int64s:
    """Trimmed texts as counts of 10**-decimals, of shape (n,), each from 0 to `limit`."""
    letters = letters_of(texts)
    if letters.isdigit():
        counts: Int64s = pc.cast(texts, pa.int64()).to_numpy().copy()
        if counts.max(initial=0) > limit // 10**decimals:
            raise Misfit
        counts *= 10**decimals
        return counts
    if b"e" in letters or b"E" in letters:
        texts = pa.array([plain(text) for text in texts.to_pylist()], pa.string())
    numbers = pc.cast(texts, pa.decimal128(38, decimals))
    # Two 64-bit words per number, the low one first; the high one is 0 if the low one is all.
    words = np.frombuffer(numbers.buffers()[1], np.int64).reshape(-1, 2)
    words = words[numbers.offset : numbers.offset + len(numbers)]
    counts = words[:, 0].copy()
    if words[:, 1].any() or counts.min(initial=0) < 0 or counts.max(initial=0) > limit:
        raise Misfit
    return counts


def units_of(texts: pa.StringArray, decimals: int) -> Int64s:
    """Trimmed texts as counts of 10**-decimals, of shape (n,); empty ones are 0."""
    empty = pc.equal(texts, "")
    if pc.any(empty).as_py():
        texts = pc.if_else(empty, "0", texts)
    return counts_of(texts, decimals, STEPS_MAX)


class Grid:
    """The steps of the prices, or sizes, of one instrument.

    Without a step, it is found: the largest power of ten, at most 1, of which all texts that are
    shown to `widen` are multiples.
    """

    def __init__(self, step: Decimal | None = None) -> None:
        self.found = step is None
        self.decimals = 0
        self.step_units = 1
        self.units_max = 0
        if step is not None:
            self.decimals = decimals_of(step)
            self.step_units = int(EXACT.scaleb(step, self.decimals))

    @property
    def step(self) -> Decimal:
        return Decimal(self.step_units).scaleb(-self.decimals)

    def widen(self, texts: pa.StringArray) -> Int64s:
        """The steps of trimmed texts, the grid made finer if they ask for it."""
        if not self.found:
            return self.steps(texts)
        while True:
            try:
                units = units_of(texts, self.decimals)
                break
            except pa.ArrowInvalid:
                if self.decimals == DECIMALS_MAX:
                    raise
                self.decimals += 1
                self.units_max *= 10
        self.units_max = max(self.units_max, int(units.max(initial=0)))
        if self.units_max > STEPS_MAX:
            raise Misfit
        return units

    def steps(self, texts: pa.StringArray) -> Int64s:
        """The steps of trimmed texts, of shape (n,), empty ones 0."""
        units = units_of(texts, self.decimals)
        if self.step_units == 1:
            return units
        steps = units // self.step_units
        if (steps * self.step_units != units).any():
            raise Misfit
        return steps

    def check(self, number: Decimal) -> None:
        """ValueError unless the number is on the grid, as far as that is given, and fits."""
        if self.found:
            if EXACT.scaleb(number, decimals_of(number)) > STEPS_MAX:
                raise ValueError("must fit 64 bits")
            return
        steps, rest = EXACT.divmod(number, self.step)
        if steps > STEPS_MAX:
            raise ValueError("must fit 64 bits")
        if rest:
            low = EXACT.multiply(steps, self.step)
            near = [low, low + self.step] if low else [self.step]
            rule = " or ".join(f"{each:f}" for each in near)
            raise ValueError(f"must be a multiple of {self.step:f}, such as {rule}")


class Clock:
    """How the times of a file are to be read, told by the first of them.

    A number is in the coarsest of s, ms, µs and ns in which it lies before the year 2255.
    """

    def __init__(self, first: str) -> None:
        """Raise ValueError if the text is no time."""
        self.iso = ISO.fullmatch(first) is not None
        self.type = pa.timestamp("ns", "UTC" if ZONED.fullmatch(first) else None)
        self.unit, self.decimals = UNITS[0]
        if not self.iso:
            number = self.number(first)
            fitting = [unit for unit in UNITS if EXACT.scaleb(number, unit[1]) < TIME_END_NS]
            if not fitting:
                raise ValueError("must be a time in s, ms, µs or ns since 1970")
            self.unit, self.decimals = fitting[0]
        self.text_ns(first)

    @property
    def note(self) -> str:
        return "times in ISO 8601" if self.iso else f"times in {self.unit}"

    def column_ns(self, texts: pa.StringArray) -> Int64s:
        """Trimmed texts in ns, of shape (n,)."""
        if self.iso:
            ts_ns: Int64s = pc.cast(texts, self.type).cast(pa.int64()).to_numpy()
        else:
            ts_ns = counts_of(texts, self.decimals, TIME_END_NS - 1)
        if ts_ns.min(initial=0) < 0 or ts_ns.max(initial=0) >= TIME_END_NS:
            raise Misfit
        return ts_ns

    def text_ns(self, text: str) -> int:
        """One time in ns; ValueError says what is wrong with it."""
        if self.iso:
            try:
                ts_ns = int(pc.cast(pa.array([text]), self.type).cast(pa.int64())[0].as_py())
            except pa.ArrowInvalid:
                zone = "with" if self.type.tz else "without"
                rule = f"must be a time as 2020-02-22T00:00:01.096, {zone} a zone as in the first"
                raise ValueError(rule) from None
        else:
            exact = EXACT.scaleb(self.number(text), self.decimals)
            if exact != int(exact):
                raise ValueError(f"must be a whole number of ns, as a time in {self.unit}")
            ts_ns = int(exact)
        if not 0 <= ts_ns < TIME_END_NS:
            same = "" if self.iso else f" in {self.unit} as the first is, and"
            raise ValueError(f"must be{same} between 1970 and 2255")
        return ts_ns

    @staticmethod
    def number(text: str) -> Decimal:
        try:
            return number_of(text)
        except ValueError:
            rule = "must be a time: s, ms, µs or ns since 1970, or as 2020-02-22T00:00:01.096"
            raise ValueError(rule) from None
