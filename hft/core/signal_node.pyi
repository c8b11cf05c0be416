"""Types of the compiled module ext/signal_node.pyx."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hft.core.agent import Agent
from hft.core.control import Control
from hft.core.journal import JournalWriter
from hft.core.python_strategy import PythonStrategy
from hft.core.ring import Ring
from hft.core.strategy import Strategy

class SignalAgent(Agent):
    def __init__(
        self,
        control: Control,
        name: str,
        index: int,
        *,
        data: Ring,
        refusals: Ring,
        intents: Ring,
        edges: Sequence[int],
        strategies: Sequence[tuple[str, Strategy | PythonStrategy]],
        instruments: int,
        fusion: Mapping[str, Any] | None,
        make_journal: Callable[[], JournalWriter],
        simulated: bool,
    ) -> None: ...
    def on_start(self) -> None: ...
    def python_work(self) -> int: ...
    def on_close(self) -> None: ...
