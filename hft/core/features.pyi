"""Types of the compiled module ext/features.pyx."""

from typing import Final

import numpy as np

FEATURES: Final[np.dtype[np.void]]

def features_of(tops: np.ndarray) -> np.ndarray: ...
