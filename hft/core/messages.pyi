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
    ORDER_OPTIONS = 20
    LIST_INSTRUMENT = 21
    RETIRE_INSTRUMENT = 22
    SET_ACCOUNT = 23
    SET_POSITION = 24
    DISCONNECT = 25
    ADVANCE_TIME = 26
    ACCEPTED = 32
    FILLED = 33
    CANCELLED = 34
    REPLACED = 35
    REJECTED = 36
    REFUSED = 37
    TRIGGERED = 38
    RESTATED = 39
    BOOK_TOP = 48
    TRADE = 49
    TIME = 50
    BOOK_LEVEL = 51
    BOOK_ORDER = 52
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
    MARKET_TO_LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4
    PEG_BID = 5
    PEG_ASK = 6
    PEG_MID = 7

class TimeInForce(enum.IntFlag):
    GTC = 0
    IOC = 1
    FOK = 2
    DAY = 3
    GTD = 4

class OrderFlag(enum.IntFlag):
    POST_ONLY = 1
    POST_ONLY_SLIDE = 2
    REDUCE_ONLY = 4
    HAS_OPTIONS = 128

class MassCancelFlag(enum.IntFlag):
    ONE_INSTRUMENT = 1
    ALL_ACCOUNTS = 2

class SelfTradeRule(enum.IntFlag):
    SELF_TRADE_ALLOW = 0
    SELF_TRADE_CANCEL_TAKER = 1
    SELF_TRADE_CANCEL_MAKER = 2
    SELF_TRADE_CANCEL_BOTH = 3
    SELF_TRADE_DECREMENT = 4

class AccountFlag(enum.IntFlag):
    CANCEL_ON_DISCONNECT = 8

class InstrumentState(enum.IntFlag):
    OPEN = 0
    PRE_OPEN = 1
    HALTED = 2
    CLOSED = 3

class MarketData(enum.IntFlag):
    MARKET_LEVELS = 1
    MARKET_ORDERS = 2

class BookAction(enum.IntFlag):
    ORDER_JOINED = 0
    ORDER_JOINED_FRONT = 1
    ORDER_SHRANK = 2
    ORDER_LEFT = 3

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
    BAD_OPTIONS = 22
    BAD_PRICE = 23
    BAD_EXPIRY = 24
    BAD_LINK = 25
    BAD_RULES = 26
    ALREADY_LISTED = 27
    EXPIRED = 28
    MIN_QTY_UNMET = 29
    SELF_TRADE = 30
    NOTHING_TO_REDUCE = 31
    LINK_ENDED = 32
    DISCONNECTED = 33
    INSTRUMENT_RETIRED = 34
    SLID = 35
    PEG_MOVED = 36
    PARKED = 37
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

LAYOUT_VERSION: Final = 3
SOURCE_SHIFT: Final = 56
BOOK_TOP_DTYPE: Final[np.dtype[np.void]]
BOOK_LEVEL_DTYPE: Final[np.dtype[np.void]]
BOOK_ORDER_DTYPE: Final[np.dtype[np.void]]
COMMAND: Final[np.dtype[np.void]]
CONTROL: Final[np.dtype[np.void]]
DECISION_DTYPE: Final[np.dtype[np.void]]
INSTRUMENT_RULES: Final[np.dtype[np.void]]
MESSAGE: Final[np.dtype[np.void]]
ORDER_OPTIONS_DTYPE: Final[np.dtype[np.void]]
REPORT: Final[np.dtype[np.void]]
SIGNAL_DTYPE: Final[np.dtype[np.void]]
TRADE_DTYPE: Final[np.dtype[np.void]]
PAYLOAD_OF_KIND: Final[dict[Kind, np.dtype[np.void]]]

def order_id(source: int, number: int) -> int: ...
