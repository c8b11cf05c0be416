"""Types of the compiled module ext/histogram.pyx."""

from typing import Any, Final

import numpy as np

HISTOGRAM: Final[np.dtype[np.void]]
HISTOGRAM_SUB_BITS: Final = 7
HISTOGRAM_BUCKETS: Final = 4352
NO_VALUE: Final[int]

def bucket_bottom_ns(bucket: int) -> int: ...
def bucket_of(value_ns: int) -> int: ...
def bucket_top_ns(bucket: int) -> int: ...
def record(
    histogram: np.ndarray[Any, np.dtype[np.void]], values_ns: np.ndarray[Any, np.dtype[np.int64]]
) -> None: ...
def summary(histogram: np.void) -> dict[str, int]: ...
