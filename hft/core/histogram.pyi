"""Types of the compiled module ext/histogram.pyx."""

from typing import Final

import numpy as np

HISTOGRAM_SUB_BITS: Final = 5
HISTOGRAM_BUCKETS: Final = 1152

def bucket_of(value_ns: int) -> int: ...
def bucket_top_ns(bucket: int) -> int: ...
def summary(histogram: np.void) -> dict[str, int]: ...
