"""Types of the compiled module ext/fusion.pyx."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

SOURCES_MAX: Final = 16

class FusionMachine:
    def __init__(self, instruments: int, settings: Mapping[str, Any]) -> None: ...
    def take(self, signals: np.ndarray) -> None: ...
    def is_due(self, instrument: int, event_ts_ns: int) -> bool: ...
    def decide(self, instrument: int, event_ts_ns: int) -> tuple[np.void, np.ndarray]: ...
