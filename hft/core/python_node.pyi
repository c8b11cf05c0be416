"""Types of the compiled module ext/python_node.pyx."""

from collections.abc import Sequence

import numpy as np

from hft.core.agent import Agent
from hft.core.control import Control, Counter
from hft.core.ring import Ring

class PythonAgent(Agent):
    inputs: tuple[Ring, ...]
    def __init__(
        self,
        control: Control,
        name: str,
        index: int,
        *,
        inputs: Sequence[Ring],
        edges: Sequence[int],
    ) -> None: ...
    def take(self, which: int, at_most: int = 4096) -> np.ndarray: ...
    def set_counter(self, counter: Counter, value: int) -> None: ...
    def set_done(self) -> None: ...
