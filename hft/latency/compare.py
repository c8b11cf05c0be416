"""Which percentiles of two recordings differ by more than chance explains.

A quantile's confidence interval comes from order statistics: of n values, the share that is at
most the true q-quantile is q within a known error, so the quantile lies between the values at the
ranks n times the bounds of that share (Woodruff, "Confidence intervals for medians and other
position measures", 1952), taken here as Wilson's bounds, which hold far into the tails, and widened
to the edges of their buckets. Values that wait for one another are not independent. Where a
recording has intervals, the share's error is therefore also estimated from how it varies between
them (a ratio estimator of cluster samples: Cochran, "Sampling Techniques", 6.3), and the larger
error counts. A percentile has moved if its two intervals have no value in common, at a level that
is divided by the number of percentiles compared (Bonferroni).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

import numpy as np

from hft.latency.capture import Key, Recording
from hft.latency.distribution import BOTTOMS_NS, PERCENTILES, TOPS_NS, Distribution

__all__ = ["FALSE_ALARM", "INTERVALS_MIN", "Bounds", "Moved", "bounds", "compare"]

FALSE_ALARM = 0.01  # that any percentile of two equal systems is called different
INTERVALS_MIN = 8  # fewer say too little of how much they vary
VALUES_MIN = 20


@dataclass(frozen=True)
class Bounds:
    """Where a quantile is, in ns; `high_ns` is None if the values don't say."""

    value_ns: int
    low_ns: int
    high_ns: int | None


@dataclass(frozen=True)
class Moved:
    """A percentile of a row, before and after; `moved` is -1, 0 or 1, up being slower."""

    key: Key
    percentile: str
    before: Bounds
    after: Bounds

    @property
    def moved(self) -> int:
        if self.before.high_ns is not None and self.before.high_ns < self.after.low_ns:
            return 1
        if self.after.high_ns is not None and self.after.high_ns < self.before.low_ns:
            return -1
        return 0

    @property
    def change(self) -> float:
        """By which part of itself the value changed."""
        return self.after.value_ns / max(self.before.value_ns, 1) - 1


def student(level: float, freedom: int) -> float:
    """Student's t at a level, by Cornish and Fisher's expansion (Abramowitz, Stegun 26.7.5)."""
    z = NormalDist().inv_cdf(level)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return math.fsum(term / freedom**power for power, term in enumerate(terms))


def design_effect(bucket: int, intervals: Sequence[Distribution]) -> float:
    """How many times larger a share's variance is than if values were independent; at least 1.

    The share is that of the values below a bucket, or that up to its end: whichever varies more,
    as the quantile is somewhere between.
    """
    counts = np.array([each.counts.sum() for each in intervals], float)
    whole, effect = counts.sum(), 1.0
    for end in (bucket, bucket + 1):
        below = np.array([each.counts[:end].sum() for each in intervals], float)
        share = below.sum() / whole
        if 0 < share < 1:
            spread = ((below - share * counts) ** 2).sum() * len(counts) / (len(counts) - 1)
            effect = max(effect, float(spread / (whole * share * (1 - share))))
    return effect


def bounds(
    found: Distribution, share: Fraction, level: float, intervals: Sequence[Distribution] = ()
) -> Bounds:
    """A quantile's confidence interval; `level` is the chance of each of its sides to be wrong."""
    count, value_ns = found.count, found.quantile_ns(share)
    z = NormalDist().inv_cdf(1 - level)
    effect = 1.0
    running = np.cumsum(found.counts)
    if len(intervals) >= INTERVALS_MIN:
        bucket = int(np.searchsorted(running, math.ceil(share * count)))
        freedom = len(intervals) - 1
        # Of few intervals one can be unlike all others: Student's t in place of the normal's z.
        ratio = student(1 - level, freedom) / z
        effect = ratio**2 * design_effect(bucket, intervals)
    low, high = wilson(float(share), count / effect, z)
    first, last = math.floor(low * count), math.ceil(high * count) + 1
    bottom = int(BOTTOMS_NS[np.searchsorted(running, max(1, first))])
    if last > count:
        return Bounds(value_ns, bottom, None)
    return Bounds(value_ns, bottom, int(TOPS_NS[np.searchsorted(running, last)]))


def wilson(share: float, count: float, z: float) -> tuple[float, float]:
    """Wilson's score interval of a share that was found in so many values (1927)."""
    middle = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def compare(before: Recording, after: Recording) -> list[Moved]:
    """Every percentile that both know, of the rows that both have."""
    common = [
        (key, name, share)
        for key in before.whole.rows
        if key in after.whole.rows
        for name, share in PERCENTILES.items()
        if all(
            each.whole.rows[key].knows(share) and each.whole.rows[key].count >= VALUES_MIN
            for each in (before, after)
        )
    ]
    # Two sides, of two intervals.
    level = FALSE_ALARM / max(1, len(common)) / 4
    return [
        Moved(key, name, *(bounds_of(each, key, share, level) for each in (before, after)))
        for key, name, share in common
    ]


def bounds_of(recording: Recording, key: Key, share: Fraction, level: float) -> Bounds:
    intervals = [each.rows[key] for each in recording.intervals if key in each.rows]
    filled = [each for each in intervals if each.count]
    return bounds(recording.whole.rows[key], share, level, filled)
