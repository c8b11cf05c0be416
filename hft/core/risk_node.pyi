"""Types of the compiled module ext/risk_node.pyx."""

from collections.abc import Sequence

from hft.core.agent import Agent
from hft.core.control import Control
from hft.core.ring import Ring
from hft.core.risk import Risk

class RiskAgent(Agent):
    def __init__(
        self,
        control: Control,
        name: str,
        index: int,
        *,
        reports: Ring,
        intents: Ring,
        orders: Ring,
        refusals: Ring,
        refused: Ring,
        edges: Sequence[int],
        gate: Risk,
        simulated: bool,
    ) -> None: ...
