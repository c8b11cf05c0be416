"""Types of the compiled module ext/messages.pyx."""

import enum
from typing import Final

import numpy as np

class Kind(enum.IntFlag):
    FLOW_ADD = 1
    FLOW_CANCEL = 2
    FLOW_DELETE = 3
    FLOW_EXECUTE = 4
    FLOW_HIDDEN = 5
    FLOW_STATUS = 6
    FLOW_SEED = 7
    FLOW_FORGET = 8
    NEW_ORDER = 16
    CANCEL_ORDER = 17
    REPLACE_ORDER = 18
    MASS_CANCEL = 19
    ACCEPTED = 32
    FILLED = 33
    CANCELLED = 34
    REPLACED = 35
    REJECTED = 36
    REFUSED = 37
    BOOK_TOP = 48
    TRADE = 49
    TIME = 50
    SIGNAL = 56
    DECISION = 57
    END = 64

class Source(enum.IntFlag):
    SOURCE_RECORDED = 0
    SOURCE_STRATEGY = 1
    SOURCE_RISK = 2
    SOURCE_ENGINE = 3
    SOURCE_FUSION = 4

class Side(enum.IntFlag):
    BUY = 1
    SELL = 2

class OrderType(enum.IntFlag):
    LIMIT = 0
    MARKET = 1

class TimeInForce(enum.IntFlag):
    GTC = 0
    IOC = 1
    FOK = 2

class OrderFlag(enum.IntFlag):
    POST_ONLY = 1

class InstrumentState(enum.IntFlag):
    OPEN = 0
    QUOTING = 1
    HALTED = 2

class Reason(enum.IntFlag):
    NONE = 0
    REQUESTED = 1
    UNKNOWN_KIND = 2
    UNKNOWN_INSTRUMENT = 3
    UNKNOWN_ORDER = 4
    DUPLICATE_ID = 5
    BAD_ID = 6
    BAD_SIDE = 7
    BAD_ORDER_TYPE = 8
    BAD_TIME_IN_FORCE = 9
    BAD_FLAGS = 10
    BAD_QTY = 11
    POOL_FULL = 12
    POST_ONLY_WOULD_MATCH = 13
    IOC_REMAINDER = 14
    FOK_UNFILLABLE = 15
    MARKET_REMAINDER = 16
    INSTRUMENT_HALTED = 17
    RECORDED_LIFE_ENDED = 18
    FORGOTTEN = 19
    KILLED = 20
    WRONG_ACCOUNT = 21
    RISK_KILL_SWITCH = 64
    RISK_ORDER_SIZE = 65
    RISK_POSITION = 66
    RISK_NOTIONAL = 67
    RISK_PRICE_BAND = 68
    RISK_ORDER_RATE = 69
    RISK_OPEN_ORDERS = 70
    RISK_OFF_TICK = 71
    RISK_NO_REFERENCE = 72
    RISK_UNKNOWN_INSTRUMENT = 73
    RISK_UNKNOWN_ORDER = 74
    RISK_BAD_ORDER = 75

class SignalSource(enum.IntFlag):
    BOOK_IMBALANCE = 0
    ORDER_FLOW_IMBALANCE = 1
    MOMENTUM = 2
    SLOW = 8

class DecisionReason(enum.IntFlag):
    CONSENSUS = 0
    NO_SIGNAL = 1
    TOO_WEAK = 2
    OVERRIDDEN = 3

LAYOUT_VERSION: Final = 2
SOURCE_SHIFT: Final = 56
BOOK_TOP_DTYPE: Final[np.dtype[np.void]]
COMMAND: Final[np.dtype[np.void]]
CONTROL: Final[np.dtype[np.void]]
DECISION_DTYPE: Final[np.dtype[np.void]]
MESSAGE: Final[np.dtype[np.void]]
REPORT: Final[np.dtype[np.void]]
SIGNAL_DTYPE: Final[np.dtype[np.void]]
TRADE_DTYPE: Final[np.dtype[np.void]]
PAYLOAD_OF_KIND: Final[dict[Kind, np.dtype[np.void]]]

def order_id(source: int, number: int) -> int: ...
