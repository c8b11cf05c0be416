"""Types of the compiled module ext/sources.pyx."""

from typing import Final

import numpy as np

BUILT_IN_SOURCES: Final = 3

def signals_of(tops: np.ndarray, interval_ns: int = 0) -> np.ndarray: ...
