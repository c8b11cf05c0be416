/* Wire layout of every message: one cache line each, little-endian, naturally aligned.
 *
 * Generated from ext/messages.pxd by `make docs`: a change here is lost. C99 and C++.
 */
#ifndef HFT_MESSAGES_H
#define HFT_MESSAGES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Doesn't compile unless a type is as large as a message. */
#define HFT_ONE_MESSAGE(type) \
    typedef char type##_is_one_message[sizeof(type) == HFT_MESSAGE_SIZE ? 1 : -1]

enum {
    HFT_MESSAGE_SIZE = 64,
    HFT_LAYOUT_VERSION = 4,
    HFT_SOURCE_SHIFT = 56, /* an order id's top byte is its source */
};

/* What a message is; the ranges are flow, orders, reports, market data, signals, control. */
enum hft_kind {
    HFT_FLOW_ADD = 1, /* a recorded order enters */
    HFT_FLOW_CANCEL = 2, /* a recorded order shrinks by qty_lots */
    HFT_FLOW_DELETE = 3, /* a recorded order leaves */
    HFT_FLOW_EXECUTE = 4, /* a recorded order trades qty_lots */
    HFT_FLOW_HIDDEN = 5, /* a hidden recorded order trades qty_lots */
    HFT_FLOW_STATUS = 6, /* the instrument's state becomes InstrumentState(flags) */
    HFT_FLOW_SEED = 7, /* a price level enters the visible window with qty_lots */
    HFT_FLOW_FORGET = 8, /* a price level leaves the visible window */
    HFT_NEW_ORDER = 16,
    HFT_CANCEL_ORDER = 17,
    HFT_REPLACE_ORDER = 18, /* new price and new leaves; the id stays */
    HFT_MASS_CANCEL = 19, /* the orders of an account or of all, on one instrument or on all */
    HFT_ORDER_OPTIONS = 20, /* second slot of a NEW_ORDER or REPLACE_ORDER that HAS_OPTIONS */
    HFT_LIST_INSTRUMENT = 21, /* an instrument enters the engine, with its rules */
    HFT_RETIRE_INSTRUMENT = 22, /* it leaves, and everything on it */
    HFT_SET_ACCOUNT = 23, /* an account's rules are SelfTradeRule and AccountFlag of flags */
    HFT_SET_POSITION = 24, /* an account's position on an instrument is qty_lots */
    HFT_DISCONNECT = 25, /* the session of an account was lost */
    HFT_ADVANCE_TIME = 26, /* nothing happened until event_ts_ns */
    HFT_ACCEPTED = 32,
    HFT_FILLED = 33,
    HFT_CANCELLED = 34,
    HFT_REPLACED = 35,
    HFT_REJECTED = 36, /* the engine's no */
    HFT_REFUSED = 37, /* the risk gate's no */
    HFT_TRIGGERED = 38, /* a stop order becomes active */
    HFT_RESTATED = 39, /* the engine itself changed an order */
    HFT_BOOK_TOP = 48,
    HFT_TRADE = 49,
    HFT_TIME = 50, /* the sender's clock moved; what follows happened then */
    HFT_BOOK_LEVEL = 51, /* a price level changed */
    HFT_BOOK_ORDER = 52, /* a resting order came, changed or went */
    HFT_SIGNAL = 56, /* what one source expects */
    HFT_DECISION = 57, /* what the fusion makes of all of them */
    HFT_END = 64, /* the sender has nothing more to say */
};

/* Who put a message, or an order, into the system. */
enum hft_source {
    HFT_SOURCE_RECORDED = 0,
    HFT_SOURCE_STRATEGY = 1,
    HFT_SOURCE_RISK = 2,
    HFT_SOURCE_ENGINE = 3,
    HFT_SOURCE_FUSION = 4,
};

enum hft_side {
    HFT_BUY = 1,
    HFT_SELL = 2,
};

enum hft_order_type {
    HFT_LIMIT = 0,
    HFT_MARKET = 1,
    HFT_MARKET_TO_LIMIT = 2, /* at the best opposite price; what is left rests there */
    HFT_STOP = 3, /* a market order once the last trade reaches its trigger */
    HFT_STOP_LIMIT = 4, /* a limit order then */
    HFT_PEG_BID = 5, /* follows the best bid */
    HFT_PEG_ASK = 6, /* follows the best ask */
    HFT_PEG_MID = 7, /* follows the middle between them */
};

enum hft_time_in_force {
    HFT_GTC = 0, /* good till cancelled */
    HFT_IOC = 1, /* immediate or cancel */
    HFT_FOK = 2, /* fill or kill */
    HFT_DAY = 3, /* until the instrument is closed */
    HFT_GTD = 4, /* until expiry_ts_ns of its options */
};

enum hft_order_flag {
    HFT_POST_ONLY = 1, /* rejected where it would match */
    HFT_POST_ONLY_SLIDE = 2, /* moved to the next price that doesn't match */
    HFT_REDUCE_ONLY = 4, /* never more than what takes the account's position to 0 */
    HFT_HAS_OPTIONS = 128, /* the next slot is its OrderOptions */
};

enum hft_mass_cancel_flag {
    HFT_ONE_INSTRUMENT = 1, /* only that of the header */
    HFT_ALL_ACCOUNTS = 2,
};

/* What happens where two orders of one account would trade with each other. */
enum hft_self_trade_rule {
    HFT_SELF_TRADE_ALLOW = 0,
    HFT_SELF_TRADE_CANCEL_TAKER = 1,
    HFT_SELF_TRADE_CANCEL_MAKER = 2,
    HFT_SELF_TRADE_CANCEL_BOTH = 3,
    HFT_SELF_TRADE_DECREMENT = 4, /* both lose the smaller quantity, without a trade */
};

enum hft_account_flag {
    HFT_CANCEL_ON_DISCONNECT = 8,
};

enum hft_instrument_state {
    HFT_OPEN = 0,
    HFT_PRE_OPEN = 1, /* orders may enter and leave, own orders may not match */
    HFT_HALTED = 2, /* orders may leave */
    HFT_CLOSED = 3, /* as HALTED; day orders expire when it begins */
};

/* Streams that an engine gives beside TRADE and BOOK_TOP. */
enum hft_market_data {
    HFT_MARKET_LEVELS = 1, /* BOOK_LEVEL */
    HFT_MARKET_ORDERS = 2, /* BOOK_ORDER */
};

/* What a BOOK_ORDER says of a resting order. */
enum hft_book_action {
    HFT_ORDER_JOINED = 0, /* at the back of its level */
    HFT_ORDER_JOINED_FRONT = 1,
    HFT_ORDER_SHRANK = 2, /* it keeps its place */
    HFT_ORDER_LEFT = 3,
};

/* Why a report says what it says; from 64 on the risk gate speaks. */
enum hft_reason {
    HFT_NONE = 0,
    HFT_REQUESTED = 1,
    HFT_UNKNOWN_KIND = 2,
    HFT_UNKNOWN_INSTRUMENT = 3,
    HFT_UNKNOWN_ORDER = 4,
    HFT_DUPLICATE_ID = 5,
    HFT_BAD_ID = 6,
    HFT_BAD_SIDE = 7,
    HFT_BAD_ORDER_TYPE = 8,
    HFT_BAD_TIME_IN_FORCE = 9,
    HFT_BAD_FLAGS = 10,
    HFT_BAD_QTY = 11,
    HFT_POOL_FULL = 12,
    HFT_POST_ONLY_WOULD_MATCH = 13,
    HFT_IOC_REMAINDER = 14,
    HFT_FOK_UNFILLABLE = 15,
    HFT_MARKET_REMAINDER = 16,
    HFT_INSTRUMENT_HALTED = 17,
    HFT_RECORDED_LIFE_ENDED = 18,
    HFT_FORGOTTEN = 19,
    HFT_KILLED = 20,
    HFT_WRONG_ACCOUNT = 21,
    HFT_BAD_OPTIONS = 22,
    HFT_BAD_PRICE = 23,
    HFT_BAD_EXPIRY = 24,
    HFT_BAD_LINK = 25,
    HFT_BAD_RULES = 26,
    HFT_ALREADY_LISTED = 27,
    HFT_EXPIRED = 28,
    HFT_MIN_QTY_UNMET = 29,
    HFT_SELF_TRADE = 30,
    HFT_NOTHING_TO_REDUCE = 31, /* the position allows less, or nothing */
    HFT_LINK_ENDED = 32, /* the order linked with it traded, triggered or left */
    HFT_DISCONNECTED = 33,
    HFT_INSTRUMENT_RETIRED = 34,
    HFT_SLID = 35, /* post-only, moved so as not to match */
    HFT_PEG_MOVED = 36,
    HFT_PARKED = 37, /* a pegged order has no price at the moment */
    HFT_RISK_KILL_SWITCH = 64,
    HFT_RISK_ORDER_SIZE = 65,
    HFT_RISK_POSITION = 66,
    HFT_RISK_NOTIONAL = 67,
    HFT_RISK_PRICE_BAND = 68,
    HFT_RISK_ORDER_RATE = 69,
    HFT_RISK_OPEN_ORDERS = 70,
    HFT_RISK_OFF_TICK = 71,
    HFT_RISK_NO_REFERENCE = 72,
    HFT_RISK_UNKNOWN_INSTRUMENT = 73,
    HFT_RISK_UNKNOWN_ORDER = 74,
    HFT_RISK_BAD_ORDER = 75,
};

/* Who expects something of the market; those below SLOW are computed in the signal node. */
enum hft_signal_source {
    HFT_BOOK_IMBALANCE = 0,
    HFT_ORDER_FLOW_IMBALANCE = 1,
    HFT_MOMENTUM = 2,
    HFT_SLOW = 8, /* the first of the numbers for models and other slow sources */
};

/* What a decision rests on. */
enum hft_decision_reason {
    HFT_CONSENSUS = 0,
    HFT_NO_SIGNAL = 1, /* no fresh signal of any weight */
    HFT_TOO_WEAK = 2, /* the consensus is below the least confidence */
    HFT_OVERRIDDEN = 3, /* a warning at or above the risk override */
};

typedef struct hft_header {
    uint64_t sequence; /* place in the ring, from 1; written last, so it publishes the message */
    int64_t origin_ts_ns; /* host clock when the causing market event entered; node time in files */
    uint16_t instrument; /* index of the instrument */
    uint8_t kind; /* Kind */
    uint8_t source; /* Source */
    uint32_t stamp; /* on a ring: low half of publish_ts_ns; in a file: CRC32C of the record */
} hft_header;

typedef struct hft_command {
    hft_header header;
    uint64_t order_id; /* top byte is the source */
    int64_t price_ticks; /* limit price */
    int64_t qty_lots; /* quantity; a replace's new leaves */
    int64_t event_ts_ns; /* recorded or simulated time */
    uint16_t account; /* owner of the order */
    uint8_t side; /* Side */
    uint8_t order_type; /* OrderType */
    uint8_t time_in_force; /* TimeInForce */
    uint8_t flags; /* OrderFlag, or what the kind says */
    uint16_t reserved; /* zero */
} hft_command;
HFT_ONE_MESSAGE(hft_command);

typedef struct hft_order_options {
    hft_header header;
    int64_t trigger_ticks; /* a stop's trigger price; a peg's offset from what it follows */
    int64_t display_lots; /* what an iceberg shows at a time; 0: all of it */
    int64_t min_lots; /* to trade at once on arrival, or not at all; 0: none */
    int64_t expiry_ts_ns; /* of a GTD order */
    uint64_t linked_order_id; /* one cancels the other; 0: none */
} hft_order_options;
HFT_ONE_MESSAGE(hft_order_options);

typedef struct hft_instrument_rules {
    hft_header header;
    uint32_t price_step_ticks; /* limit prices are multiples of it */
    uint32_t qty_step_lots; /* quantities are multiples of it */
    int64_t price_min_ticks; /* least limit price */
    int64_t price_max_ticks; /* largest limit price */
    int64_t event_ts_ns; /* recorded or simulated time */
    int64_t qty_max_lots; /* largest quantity of an order */
} hft_instrument_rules;
HFT_ONE_MESSAGE(hft_instrument_rules);

typedef struct hft_report {
    hft_header header;
    uint64_t order_id; /* order that the report is about */
    int64_t price_ticks; /* limit price; of a fill, the price traded */
    int64_t last_lots; /* quantity filled, cancelled or refused by this report */
    int64_t leaves_lots; /* quantity still resting or working */
    uint32_t cause; /* low bits of the causing command's sequence, in the ring of who answers */
    uint16_t account; /* owner of the order */
    uint8_t reason; /* Reason */
    uint8_t side; /* Side */
} hft_report;
HFT_ONE_MESSAGE(hft_report);

typedef struct hft_trade {
    hft_header header;
    uint64_t maker_order_id; /* resting order; 0 where the recording doesn't name it */
    uint64_t taker_order_id; /* arriving order; 0 where the recording doesn't name it */
    int64_t price_ticks; /* always the maker's price */
    int64_t qty_lots; /* quantity traded */
    uint32_t cause; /* low bits of the sequence of the command that caused it */
    uint8_t side; /* Side of the taker */
    uint8_t hidden; /* 1 when the maker was not visible */
    uint16_t reserved; /* zero */
} hft_trade;
HFT_ONE_MESSAGE(hft_trade);

typedef struct hft_book_top {
    hft_header header;
    int64_t bid_price_ticks; /* best bid; meaningless while bid_lots is 0 */
    int64_t bid_lots; /* quantity at the best bid, 0 when there is none */
    int64_t ask_price_ticks; /* best ask; meaningless while ask_lots is 0 */
    int64_t ask_lots; /* quantity at the best ask, 0 when there is none */
    int64_t event_ts_ns; /* recorded or simulated time */
} hft_book_top;
HFT_ONE_MESSAGE(hft_book_top);

typedef struct hft_book_level {
    hft_header header;
    int64_t price_ticks; /* price of the level */
    int64_t lots; /* visible quantity there, 0 when the level is gone */
    int64_t event_ts_ns; /* recorded or simulated time */
    uint32_t order_count; /* orders there */
    uint32_t cause; /* low bits of the sequence of the command that caused it */
    uint8_t side; /* Side */
    uint8_t reserved[7]; /* zero */
} hft_book_level;
HFT_ONE_MESSAGE(hft_book_level);

typedef struct hft_book_order {
    hft_header header;
    uint64_t order_id; /* 0: the anonymous order of its level */
    int64_t price_ticks; /* price of its level */
    int64_t leaves_lots; /* visible quantity from now on, 0 when it left */
    int64_t event_ts_ns; /* recorded or simulated time */
    uint32_t cause; /* low bits of the sequence of the command that caused it */
    uint8_t action; /* BookAction */
    uint8_t side; /* Side */
    uint16_t reserved; /* zero */
} hft_book_order;
HFT_ONE_MESSAGE(hft_book_order);

typedef struct hft_signal {
    hft_header header;
    int64_t event_ts_ns; /* when it was made */
    int64_t expiry_ts_ns; /* from then on it counts for nothing */
    int64_t horizon_ns; /* how far ahead it looks */
    float confidence; /* probability from 0 to 1 that it is right */
    float weight; /* in the decision that it is journaled with */
    uint32_t model_version; /* of the source */
    uint16_t signal_source; /* SignalSource */
    int8_t direction; /* 1: up, -1: down, 0: a warning to stay out */
    uint8_t fresh; /* 1 when it counted in the decision that it is journaled with */
} hft_signal;
HFT_ONE_MESSAGE(hft_signal);

typedef struct hft_decision {
    hft_header header;
    int64_t event_ts_ns; /* when it was made */
    int64_t expiry_ts_ns; /* of the first of its signals to expire; 0 without any */
    double log_odds; /* weighted sum of the signals' log-odds; above 0 is up */
    float confidence; /* probability from 0.5 to 1 of the consensus */
    float size; /* share of a full size to trade, from 0 to 1 */
    float disagreement; /* from 0 (all agree) to 1 (they cancel out) */
    int8_t direction; /* 1: buy, -1: sell, 0: hold */
    uint8_t reason; /* DecisionReason */
    uint8_t signals; /* that counted */
    uint8_t late; /* sources that were waited for in vain */
} hft_decision;
HFT_ONE_MESSAGE(hft_decision);

typedef struct hft_control {
    hft_header header;
    int64_t event_ts_ns; /* recorded or simulated time */
    int64_t value; /* meaning depends on the kind */
    uint64_t reserved[3]; /* zero */
} hft_control;
HFT_ONE_MESSAGE(hft_control);

typedef union hft_message {
    hft_header header;
    hft_command command;
    hft_order_options options;
    hft_instrument_rules rules;
    hft_report report;
    hft_trade trade;
    hft_book_top book_top;
    hft_book_level book_level;
    hft_book_order book_order;
    hft_signal signal;
    hft_decision decision;
    hft_control control;
    uint64_t words[8];
} hft_message;
HFT_ONE_MESSAGE(hft_message);

#ifdef __cplusplus
}
#endif

#endif
