"""Types of the compiled module ext/signal_node.pyx."""

from collections.abc import Sequence

from hft.core.agent import Agent
from hft.core.control import Control
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
        strategy: Strategy,
        instruments: int,
        simulated: bool,
    ) -> None: ...
