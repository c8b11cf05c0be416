"""Types of the compiled module ext/events.pyx."""

from typing import Final

import numpy as np

from hft.core.messages import DecisionReason, Kind, Reason, Side

EVENT: Final[np.dtype[np.void]]

class Book:
    instrument: int
    event_ts_ns: int
    bid_price_ticks: int
    bid_lots: int
    ask_price_ticks: int
    ask_lots: int
    spread_ticks: float
    imbalance: float
    microprice_ticks: float
    order_flow_imbalance: float
    valid: bool

class Trade:
    instrument: int
    event_ts_ns: int
    price_ticks: int
    qty_lots: int
    side: Side

class Decision:
    instrument: int
    event_ts_ns: int
    expiry_ts_ns: int
    direction: int
    signals: int
    confidence: float
    size: float
    disagreement: float
    log_odds: float
    reason: DecisionReason

class Report:
    instrument: int
    order_id: int
    event_ts_ns: int
    price_ticks: int
    last_lots: int
    leaves_lots: int
    kind: Kind
    side: Side | None
    reason: Reason

class Timer:
    name: str
    event_ts_ns: int
    def __init__(self, name: str, event_ts_ns: int) -> None: ...
    def __lt__(self, other: Timer) -> bool: ...

class Batch:
    events: np.ndarray
    def __init__(self, events: np.ndarray) -> None: ...
    def __len__(self) -> int: ...
    def of(self, kind: Kind) -> tuple[np.ndarray, np.ndarray]: ...
