"""HdrHistogram's correction for coordinated omission, for the one case in which it fits.

Who waits for each answer before the next request measures no wait of the requests that would have
come meanwhile. If those were to come at a fixed interval, a value of v stands for v, v - interval,
v - 2 interval, ... down to the interval (AbstractHistogram.java, recordValueWithExpectedInterval).
"""

import numpy as np

from hft.core.histogram import HISTOGRAM_BUCKETS
from hft.errors import ConfigError
from hft.latency.capture import FULL_SPEED, Capture, Recording
from hft.latency.distribution import TOPS_NS, Distribution

__all__ = ["corrected"]

CORRECTED = ("age", "path")  # of an event's whole way; a hop or an operation is a part of it
ADDED_MAX = 10**8  # for one bucket: beyond this an interval is a mistake


def corrected(recording: Recording, interval_ns: int) -> Recording:
    """Ages and paths as they would be with an event every `interval_ns`.

    ConfigError for a run whose events had a pace: their waits are all there.
    """
    if not recording.title.endswith(FULL_SPEED):
        raise ConfigError(
            "fits only a run at full speed that was not reset: where events have their times, "
            "what they waited is measured",
            field="--expected-interval",
        )
    intervals = tuple(correct(each, interval_ns) for each in recording.intervals)
    title = f"{recording.title}, corrected for an event every {interval_ns:,} ns"
    return Recording(title, correct(recording.whole, interval_ns), intervals)


def correct(captured: Capture, interval_ns: int) -> Capture:
    rows = {
        key: with_expected(found, interval_ns) if key[0] in CORRECTED else found
        for key, found in captured.rows.items()
    }
    return Capture(captured.began_wall_ns, captured.ended_wall_ns, rows)


def with_expected(found: Distribution, interval_ns: int) -> Distribution:
    """A distribution with the values that are missing in it."""
    counts = found.counts.copy()
    for bucket in np.flatnonzero(found.counts).tolist():
        value_ns = min(int(TOPS_NS[bucket]), found.max_ns)
        if value_ns // interval_ns > ADDED_MAX:
            raise ConfigError("is too short", field="--expected-interval", value=interval_ns)
        missing_ns = np.arange(value_ns - interval_ns, interval_ns - 1, -interval_ns)
        places = np.searchsorted(TOPS_NS, missing_ns)
        counts += int(found.counts[bucket]) * np.bincount(places, minlength=HISTOGRAM_BUCKETS)
    return Distribution.of_counts(counts, found.max_ns)
