"""Types of the compiled module ext/feed_node.pyx."""

from collections.abc import Iterable

import numpy as np

from hft.core.agent import Agent
from hft.core.control import Control
from hft.core.ring import Ring

class FeedAgent(Agent):
    def __init__(
        self,
        control: Control,
        name: str,
        index: int,
        *,
        flow: Ring,
        edge: int,
        chunks: Iterable[np.ndarray],
        speed: float,
        duration_ns: int,
    ) -> None: ...
    def python_work(self) -> int: ...
