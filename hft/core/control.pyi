"""Types of the compiled module ext/control.pyx."""

import enum
from typing import Final

import numpy as np

from hft.core.clock import RunClock
from hft.core.segment import Segment

class StopWord(enum.IntFlag):
    STOP_NONE = 0
    STOP_DRAIN = 1
    STOP_NOW = 2

class NodeState(enum.IntFlag):
    NODE_ABSENT = 0
    NODE_STARTING = 1
    NODE_RUNNING = 2
    NODE_DONE = 3
    NODE_STOPPED = 4
    NODE_FAILED = 5

class StrategyState(enum.IntFlag):
    STRATEGY_WAITING = 0
    STRATEGY_TRADING = 1
    STRATEGY_STOPPED = 2
    STRATEGY_FAILED = 3

class IdleStrategy(enum.IntFlag):
    IDLE_SPIN = 0
    IDLE_YIELD = 1
    IDLE_BACKOFF = 2
    IDLE_PARK = 3

class LatencyKind(enum.IntFlag):
    LATENCY_HOP = 1
    LATENCY_AGE = 2
    LATENCY_OPERATION = 3
    LATENCY_PATH = 4

class LatencyPath(enum.IntFlag):
    PATH_TICK_TO_INTENT = 0
    PATH_ORDER_TO_REPORT = 1

class Counter(enum.IntFlag):
    FEED_EVENTS = 0
    FEED_EVENT_TS_NS = 1
    SIGNAL_BOOKS = 8
    SIGNAL_TRADES = 9
    SIGNAL_INTENTS = 10
    SIGNAL_DECISIONS = 11
    RISK_INTENTS = 16
    RISK_PASSED = 17
    RISK_REFUSED = 18
    RISK_ACCEPTED = 19
    RISK_FILLS = 20
    RISK_FILLED = 21
    RISK_CANCELLED = 22
    RISK_REPLACED = 23
    RISK_REJECTED = 24
    RISK_KILLED = 25
    ENGINE_STEPS = 32
    ENGINE_TRADES = 33
    ENGINE_TRADED_LOTS = 34
    ENGINE_REJECTED = 35
    ENGINE_JOURNALED = 36
    ENGINE_LIVE_ORDERS = 37
    ENGINE_DISPLACED_LOTS = 38
    ENGINE_EVENT_TS_NS = 39
    ENGINE_STATE_HASH = 40
    ENGINE_JOURNAL_STALLS = 41
    RECORDER_ROWS = 48

NODES_MAX: Final = 16
EDGES_MAX: Final = 24
INSTRUMENTS_MAX: Final = 4096
LATENCIES_MAX: Final = 64
STRATEGIES_MAX: Final = 8
VIEW_LEVELS: Final = 10
VIEW_OWN_ORDERS: Final = 8

class Control:
    segment: Segment
    @staticmethod
    def create(name: str, run_id: int, pages: str = "auto", instruments: int = 1) -> Control: ...
    @staticmethod
    def attach(name: str, writable: bool = True) -> Control: ...
    def wake_all(self) -> None: ...
    @property
    def record(self) -> np.void: ...
    @property
    def run_id(self) -> int: ...
    @property
    def clock(self) -> RunClock: ...
    @property
    def stop(self) -> StopWord: ...
    @stop.setter
    def stop(self, value: StopWord) -> None: ...
    def engage_kill_switch(self) -> None: ...
    @property
    def killed(self) -> bool: ...

def page_dtype(instruments: int) -> np.dtype[np.void]: ...
