"""Types of the compiled module ext/simulator.pyx."""

import numpy as np

class Simulator:
    spread_ticks: float
    volatility_ticks: float
    events_per_second: float
    depth_ticks: float
    resting_orders: int
    order_lots: float
    def __init__(
        self,
        *,
        mid_ticks: int,
        spread_ticks: float,
        volatility_ticks: float,
        events_per_second: float,
        depth_ticks: float,
        resting_orders: int,
        order_lots: float,
        start_ts_ns: int,
        seed: int,
    ) -> None: ...
    def chunk(self, count: int) -> np.ndarray: ...
