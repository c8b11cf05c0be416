"""Wire layout of every message: one cache line each, little-endian, naturally aligned.

This file is the only place where a layout or an enum of the wire is written. The NumPy dtypes
(messages.pyx), docs/messages.md, include/hft_messages.h and tests/layout.snapshot
(tools/message_docs.py) follow from it. A change here also raises LAYOUT_VERSION.
"""

from libc.stdint cimport int8_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cpdef enum:
    MESSAGE_SIZE = 64
    LAYOUT_VERSION = 2
    SOURCE_SHIFT = 56  # an order id's top byte is its source


cpdef enum Kind:
    """What a message is; the ranges are flow, orders, reports, market data, signals, control."""
    FLOW_ADD = 1  # a recorded order enters
    FLOW_CANCEL = 2  # a recorded order shrinks by qty_lots
    FLOW_DELETE = 3  # a recorded order leaves
    FLOW_EXECUTE = 4  # a recorded order trades qty_lots
    FLOW_HIDDEN = 5  # a hidden recorded order trades qty_lots
    FLOW_STATUS = 6  # the instrument's state becomes InstrumentState(flags)
    FLOW_SEED = 7  # a price level enters the visible window with qty_lots
    FLOW_FORGET = 8  # a price level leaves the visible window
    NEW_ORDER = 16
    CANCEL_ORDER = 17
    REPLACE_ORDER = 18  # new price and new leaves; the id stays
    MASS_CANCEL = 19  # every order of an account
    ACCEPTED = 32
    FILLED = 33
    CANCELLED = 34
    REPLACED = 35
    REJECTED = 36  # the engine's no
    REFUSED = 37  # the risk gate's no
    BOOK_TOP = 48
    TRADE = 49
    TIME = 50  # the sender's clock moved; what follows happened then
    SIGNAL = 56  # what one source expects
    DECISION = 57  # what the fusion makes of all of them
    END = 64  # the sender has nothing more to say


cpdef enum Source:
    """Who put a message, or an order, into the system."""
    SOURCE_RECORDED = 0
    SOURCE_STRATEGY = 1
    SOURCE_RISK = 2
    SOURCE_ENGINE = 3
    SOURCE_FUSION = 4


cpdef enum Side:
    BUY = 1
    SELL = 2


cpdef enum OrderType:
    LIMIT = 0
    MARKET = 1


cpdef enum TimeInForce:
    GTC = 0  # good till cancelled
    IOC = 1  # immediate or cancel
    FOK = 2  # fill or kill


cpdef enum OrderFlag:
    POST_ONLY = 1


cpdef enum InstrumentState:
    OPEN = 0
    QUOTING = 1  # orders may enter and leave, own orders may not match
    HALTED = 2


cpdef enum Reason:
    """Why a report says what it says; from 64 on the risk gate speaks."""
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


cpdef enum SignalSource:
    """Who expects something of the market; those below SLOW are computed in the signal node."""
    BOOK_IMBALANCE = 0
    ORDER_FLOW_IMBALANCE = 1
    MOMENTUM = 2
    SLOW = 8  # the first of the numbers for models and other slow sources


cpdef enum DecisionReason:
    """What a decision rests on."""
    CONSENSUS = 0
    NO_SIGNAL = 1  # no fresh signal of any weight
    TOO_WEAK = 2  # the consensus is below the least confidence
    OVERRIDDEN = 3  # a warning at or above the risk override


cdef struct Header:
    uint64_t sequence  # place in the ring, from 1; written last, so it publishes the message
    int64_t origin_ts_ns  # host clock when the causing market event entered; node time in files
    uint16_t instrument  # index of the instrument
    uint8_t kind  # Kind
    uint8_t source  # Source
    uint32_t stamp  # on a ring: low half of publish_ts_ns; in a file: CRC32C of the record


cdef struct Command:
    Header header
    uint64_t order_id  # top byte is the source
    int64_t price_ticks  # limit price
    int64_t qty_lots  # quantity; a replace's new leaves
    int64_t event_ts_ns  # recorded or simulated time
    uint16_t account  # owner of the order
    uint8_t side  # Side
    uint8_t order_type  # OrderType
    uint8_t time_in_force  # TimeInForce
    uint8_t flags  # OrderFlag, or InstrumentState of FLOW_STATUS
    uint16_t reserved  # zero


cdef struct Report:
    Header header
    uint64_t order_id  # order that the report is about
    int64_t price_ticks  # limit price; of a fill, the price traded
    int64_t last_lots  # quantity filled, cancelled or refused by this report
    int64_t leaves_lots  # quantity still resting or working
    uint32_t cause  # low bits of the causing command's sequence, in the ring of who answers
    uint16_t account  # owner of the order
    uint8_t reason  # Reason
    uint8_t side  # Side


cdef struct Trade:
    Header header
    uint64_t maker_order_id  # resting order; 0 where the recording doesn't name it
    uint64_t taker_order_id  # arriving order; 0 where the recording doesn't name it
    int64_t price_ticks  # always the maker's price
    int64_t qty_lots  # quantity traded
    uint32_t cause  # low bits of the sequence of the command that caused it
    uint8_t side  # Side of the taker
    uint8_t hidden  # 1 when the maker was not visible
    uint16_t reserved  # zero


cdef struct BookTop:
    Header header
    int64_t bid_price_ticks  # best bid; meaningless while bid_lots is 0
    int64_t bid_lots  # quantity at the best bid, 0 when there is none
    int64_t ask_price_ticks  # best ask; meaningless while ask_lots is 0
    int64_t ask_lots  # quantity at the best ask, 0 when there is none
    int64_t event_ts_ns  # recorded or simulated time


cdef struct Signal:
    Header header
    int64_t event_ts_ns  # when it was made
    int64_t expiry_ts_ns  # from then on it counts for nothing
    int64_t horizon_ns  # how far ahead it looks
    float confidence  # probability from 0 to 1 that it is right
    float weight  # in the decision that it is journaled with
    uint32_t model_version  # of the source
    uint16_t signal_source  # SignalSource
    int8_t direction  # 1: up, -1: down, 0: a warning to stay out
    uint8_t fresh  # 1 when it counted in the decision that it is journaled with


cdef struct Decision:
    Header header
    int64_t event_ts_ns  # when it was made
    int64_t expiry_ts_ns  # of the first of its signals to expire; 0 without any
    double log_odds  # weighted sum of the signals' log-odds; above 0 is up
    float confidence  # probability from 0.5 to 1 of the consensus
    float size  # share of a full size to trade, from 0 to 1
    float disagreement  # from 0 (all agree) to 1 (they cancel out)
    int8_t direction  # 1: buy, -1: sell, 0: hold
    uint8_t reason  # DecisionReason
    uint8_t signals  # that counted
    uint8_t late  # sources that were waited for in vain


cdef struct Control:
    Header header
    int64_t event_ts_ns  # recorded or simulated time
    int64_t value  # meaning depends on the kind
    uint64_t reserved[3]  # zero


cdef union Message:
    Header header
    Command command
    Report report
    Trade trade
    BookTop book_top
    Signal signal
    Decision decision
    Control control
    uint64_t words[8]


cdef inline bint kind_is_flow(uint8_t kind) noexcept nogil:
    return FLOW_ADD <= kind <= FLOW_FORGET


cdef inline bint kind_is_order(uint8_t kind) noexcept nogil:
    return NEW_ORDER <= kind <= MASS_CANCEL


cdef inline bint kind_is_report(uint8_t kind) noexcept nogil:
    return ACCEPTED <= kind <= REFUSED


cdef inline uint8_t order_source(uint64_t order_id) noexcept nogil:
    return <uint8_t>(order_id >> SOURCE_SHIFT)
