"""A latency distribution as its histogram knows it: counts by bucket, and what they tell."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from hft.core.histogram import HISTOGRAM_BUCKETS, bucket_bottom_ns, bucket_top_ns

__all__ = ["BOTTOMS_NS", "PERCENTILES", "TOPS_NS", "Counts", "Distribution"]

Counts = np.ndarray[Any, np.dtype[np.int64]]

PERCENTILES = {
    name: Fraction(name[1:]) / 100 for name in ("p50", "p90", "p99", "p99.9", "p99.99", "p99.999")
}
BOTTOMS_NS: Counts = np.array([bucket_bottom_ns(each) for each in range(HISTOGRAM_BUCKETS)])
TOPS_NS: Counts = np.array([bucket_top_ns(each) for each in range(HISTOGRAM_BUCKETS)])


@dataclass(frozen=True)
class Distribution:
    """Counts of values by bucket.

    `sum_ns`, `min_ns` and `max_ns` are exact where a histogram was read; of a difference and of a
    file they come from the buckets: the mean is at most 0.4 % off then, least and most 0.8 %.
    """

    counts: Counts
    sum_ns: int
    min_ns: int
    max_ns: int

    @classmethod
    def of_counts(cls, counts: Counts, max_ns: int | None = None) -> "Distribution":
        """Of buckets alone: each value counts as the middle of its bucket."""
        filled = np.flatnonzero(counts)
        if not len(filled):
            return cls(counts, 0, 0, 0)
        middles_ns = (BOTTOMS_NS[filled] + TOPS_NS[filled]) / 2
        largest_ns = int(TOPS_NS[filled[-1]])
        return cls(
            counts,
            round(float(counts[filled] @ middles_ns)),
            int(BOTTOMS_NS[filled[0]]),
            largest_ns if max_ns is None else max_ns,
        )

    @classmethod
    def of_record(cls, record: Any) -> "Distribution":
        """Of a record of the HISTOGRAM dtype that a node may be writing."""
        counts = record["buckets"].astype(np.int64)
        # After the buckets: what they count is in these, too.
        total, sum_ns, min_ns, max_ns = (
            int(record[name]) for name in ("count", "sum_ns", "min_ns", "max_ns")
        )
        count = int(counts.sum())
        if not count:
            return cls.of_counts(counts)
        # The sum belongs to `total`, of which the buckets lack what came while they were copied.
        return cls(counts, sum_ns * count // max(total, 1), min_ns, max_ns)

    @property
    def count(self) -> int:
        return int(self.counts.sum())

    @property
    def mean_ns(self) -> float:
        return self.sum_ns / max(self.count, 1)

    def minus(self, earlier: "Distribution") -> "Distribution":
        """What came since. Least and most are those of the buckets that grew."""
        if not earlier.count:
            return self
        counts = self.counts - earlier.counts
        # Two copies of a histogram at work can be a record apart in the sum and in a bucket.
        made = self.of_counts(np.maximum(counts, 0))
        if not made.count:
            return made
        return Distribution(
            made.counts,
            max(0, self.sum_ns - earlier.sum_ns),
            made.min_ns,
            min(made.max_ns, self.max_ns),
        )

    def plus(self, other: "Distribution") -> "Distribution":
        """Both together."""
        if not self.count or not other.count:
            return self if self.count else other
        return Distribution(
            self.counts + other.counts,
            self.sum_ns + other.sum_ns,
            min(self.min_ns, other.min_ns),
            max(self.max_ns, other.max_ns),
        )

    def value_at_rank(self, rank: int) -> int:
        """The top of the bucket that holds the value of a rank, from 1 on; at most the maximum."""
        bucket = int(np.searchsorted(np.cumsum(self.counts), rank))
        return min(int(TOPS_NS[bucket]), self.max_ns)

    def quantile_ns(self, share: Fraction) -> int:
        """The smallest value that at least this share of all values are at most; 0 of no values.

        It is at most 0.8 % above the true one, never below.
        """
        if not self.count:
            return 0
        return self.value_at_rank(max(1, rank_of(share, self.count)))

    def knows(self, share: Fraction) -> bool:
        """Whether there are so many values that one can be expected beyond that share."""
        return self.count * (1 - share) >= 1

    def percentiles(self) -> dict[str, int]:
        """Those of PERCENTILES that it knows."""
        return {
            name: self.quantile_ns(share)
            for name, share in PERCENTILES.items()
            if self.knows(share)
        }

    def summary(self) -> dict[str, int | float]:
        """Count, and of values min, mean, percentiles and max, in ns."""
        if not self.count:
            return {"count": 0}
        ends = {"min": self.min_ns, "mean": round(self.mean_ns, 1)}
        return {"count": self.count, **ends, **self.percentiles(), "max": self.max_ns}


def rank_of(share: Fraction, count: int) -> int:
    """The rank of a quantile, rounded up, exactly."""
    return -(-share.numerator * count // share.denominator)
