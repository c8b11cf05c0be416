"""Wire layout of every message: one cache line each, little-endian, naturally aligned.

This file is the only place where a layout or an enum of the wire is written. The NumPy dtypes
(messages.pyx), docs/messages.md, include/hft_messages.h and tests/layout.snapshot
(tools/message_docs.py) follow from it. A change here also raises LAYOUT_VERSION.
"""

from libc.stdint cimport int8_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cpdef enum:
    MESSAGE_SIZE = 64
    LAYOUT_VERSION = 4
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
    MASS_CANCEL = 19  # the orders of an account or of all, on one instrument or on all
    ORDER_OPTIONS = 20  # second slot of a NEW_ORDER or REPLACE_ORDER that HAS_OPTIONS
    LIST_INSTRUMENT = 21  # an instrument enters the engine, with its rules
    RETIRE_INSTRUMENT = 22  # it leaves, and everything on it
    SET_ACCOUNT = 23  # an account's rules are SelfTradeRule and AccountFlag of flags
    SET_POSITION = 24  # an account's position on an instrument is qty_lots
    DISCONNECT = 25  # the session of an account was lost
    ADVANCE_TIME = 26  # nothing happened until event_ts_ns
    ACCEPTED = 32
    FILLED = 33
    CANCELLED = 34
    REPLACED = 35
    REJECTED = 36  # the engine's no
    REFUSED = 37  # the risk gate's no
    TRIGGERED = 38  # a stop order becomes active
    RESTATED = 39  # the engine itself changed an order
    BOOK_TOP = 48
    TRADE = 49
    TIME = 50  # the sender's clock moved; what follows happened then
    BOOK_LEVEL = 51  # a price level changed
    BOOK_ORDER = 52  # a resting order came, changed or went
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
    MARKET_TO_LIMIT = 2  # at the best opposite price; what is left rests there
    STOP = 3  # a market order once the last trade reaches its trigger
    STOP_LIMIT = 4  # a limit order then
    PEG_BID = 5  # follows the best bid
    PEG_ASK = 6  # follows the best ask
    PEG_MID = 7  # follows the middle between them


cpdef enum TimeInForce:
    GTC = 0  # good till cancelled
    IOC = 1  # immediate or cancel
    FOK = 2  # fill or kill
    DAY = 3  # until the instrument is closed
    GTD = 4  # until expiry_ts_ns of its options


cpdef enum OrderFlag:
    POST_ONLY = 1  # rejected where it would match
    POST_ONLY_SLIDE = 2  # moved to the next price that doesn't match
    REDUCE_ONLY = 4  # never more than what takes the account's position to 0
    HAS_OPTIONS = 128  # the next slot is its OrderOptions


cpdef enum MassCancelFlag:
    ONE_INSTRUMENT = 1  # only that of the header
    ALL_ACCOUNTS = 2


cpdef enum SelfTradeRule:
    """What happens where two orders of one account would trade with each other."""
    SELF_TRADE_ALLOW = 0
    SELF_TRADE_CANCEL_TAKER = 1
    SELF_TRADE_CANCEL_MAKER = 2
    SELF_TRADE_CANCEL_BOTH = 3
    SELF_TRADE_DECREMENT = 4  # both lose the smaller quantity, without a trade


cpdef enum AccountFlag:
    CANCEL_ON_DISCONNECT = 8


cpdef enum InstrumentState:
    OPEN = 0
    PRE_OPEN = 1  # orders may enter and leave, own orders may not match
    HALTED = 2  # orders may leave
    CLOSED = 3  # as HALTED; day orders expire when it begins


cpdef enum MarketData:
    """Streams that an engine gives beside TRADE and BOOK_TOP."""
    MARKET_LEVELS = 1  # BOOK_LEVEL
    MARKET_ORDERS = 2  # BOOK_ORDER


cpdef enum BookAction:
    """What a BOOK_ORDER says of a resting order."""
    ORDER_JOINED = 0  # at the back of its level
    ORDER_JOINED_FRONT = 1
    ORDER_SHRANK = 2  # it keeps its place
    ORDER_LEFT = 3


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
    BAD_OPTIONS = 22
    BAD_PRICE = 23
    BAD_EXPIRY = 24
    BAD_LINK = 25
    BAD_RULES = 26
    ALREADY_LISTED = 27
    EXPIRED = 28
    MIN_QTY_UNMET = 29
    SELF_TRADE = 30
    NOTHING_TO_REDUCE = 31  # the position allows less, or nothing
    LINK_ENDED = 32  # the order linked with it traded, triggered or left
    DISCONNECTED = 33
    INSTRUMENT_RETIRED = 34
    SLID = 35  # post-only, moved so as not to match
    PEG_MOVED = 36
    PARKED = 37  # a pegged order has no price at the moment
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
    uint8_t flags  # OrderFlag, or what the kind says
    uint16_t reserved  # zero


cdef struct OrderOptions:
    Header header
    int64_t trigger_ticks  # a stop's trigger price; a peg's offset from what it follows
    int64_t display_lots  # what an iceberg shows at a time; 0: all of it
    int64_t min_lots  # to trade at once on arrival, or not at all; 0: none
    int64_t expiry_ts_ns  # of a GTD order
    uint64_t linked_order_id  # one cancels the other; 0: none


cdef struct InstrumentRules:
    Header header
    uint32_t price_step_ticks  # limit prices are multiples of it
    uint32_t qty_step_lots  # quantities are multiples of it
    int64_t price_min_ticks  # least limit price
    int64_t price_max_ticks  # largest limit price
    int64_t event_ts_ns  # recorded or simulated time
    int64_t qty_max_lots  # largest quantity of an order


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


cdef struct BookLevel:
    Header header
    int64_t price_ticks  # price of the level
    int64_t lots  # visible quantity there, 0 when the level is gone
    int64_t event_ts_ns  # recorded or simulated time
    uint32_t order_count  # orders there
    uint32_t cause  # low bits of the sequence of the command that caused it
    uint8_t side  # Side
    uint8_t reserved[7]  # zero


cdef struct BookOrder:
    Header header
    uint64_t order_id  # 0: the anonymous order of its level
    int64_t price_ticks  # price of its level
    int64_t leaves_lots  # visible quantity from now on, 0 when it left
    int64_t event_ts_ns  # recorded or simulated time
    uint32_t cause  # low bits of the sequence of the command that caused it
    uint8_t action  # BookAction
    uint8_t side  # Side
    uint16_t reserved  # zero


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
    OrderOptions options
    InstrumentRules rules
    Report report
    Trade trade
    BookTop book_top
    BookLevel book_level
    BookOrder book_order
    Signal signal
    Decision decision
    Control control
    uint64_t words[8]


cdef inline bint kind_is_flow(uint8_t kind) noexcept nogil:
    return FLOW_ADD <= kind <= FLOW_FORGET


cdef inline bint kind_is_order(uint8_t kind) noexcept nogil:
    return NEW_ORDER <= kind <= ADVANCE_TIME and kind != ORDER_OPTIONS


cdef inline bint kind_is_report(uint8_t kind) noexcept nogil:
    return ACCEPTED <= kind <= RESTATED


cdef inline uint8_t order_source(uint64_t order_id) noexcept nogil:
    return <uint8_t>(order_id >> SOURCE_SHIFT)


cdef inline uint64_t header_word(uint16_t instrument, uint8_t kind, uint8_t source) noexcept nogil:
    """The third word of a header, its stamp 0."""
    return instrument | <uint64_t>kind << 16 | <uint64_t>source << 24


cdef inline uint64_t report_word(uint32_t cause, uint16_t account, uint8_t reason,
                                 uint8_t side) noexcept nogil:
    """The last word of a Report."""
    return cause | <uint64_t>account << 32 | <uint64_t>reason << 48 | <uint64_t>side << 56
