"""Types of the compiled module ext/engine_node.pyx."""

from collections.abc import Callable, Sequence

from hft.core.agent import Agent
from hft.core.control import Control
from hft.core.journal import JournalWriter
from hft.core.matching_engine import MatchingEngine
from hft.core.ring import Ring

class EngineAgent(Agent):
    journal: JournalWriter
    def __init__(
        self,
        control: Control,
        name: str,
        index: int,
        *,
        flow: Ring,
        orders: Ring,
        outputs: Sequence[Ring],
        edges: Sequence[int],
        engine: MatchingEngine,
        make_journal: Callable[[], JournalWriter],
        delay_ns: tuple[int, int],
        delay_seed: int,
        speed: float,
        simulated: bool,
    ) -> None: ...
    def on_start(self) -> None: ...
    def python_work(self) -> int: ...
    def on_close(self) -> None: ...
