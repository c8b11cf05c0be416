"""What keeps an own order from entering: the checks of docs/engine.md, in the order of its table.

Each gives a Reason, or NONE. A plain order, good till cancelled or not, without flags and options,
is checked by `check_plain` alone.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t

from hft.core.accounts cimport reducible_lots
from hft.core.book cimport level_at
from hft.core.departures cimport order_instrument
from hft.core.hints cimport unlikely
from hft.core.matching cimport Engine
from hft.core.messages cimport (
    BAD_EXPIRY,
    BAD_FLAGS,
    BAD_ID,
    BAD_LINK,
    BAD_OPTIONS,
    BAD_ORDER_TYPE,
    BAD_PRICE,
    BAD_QTY,
    BAD_TIME_IN_FORCE,
    DAY,
    DUPLICATE_ID,
    FOK,
    GTD,
    HALTED,
    HAS_OPTIONS,
    INSTRUMENT_HALTED,
    IOC,
    LIMIT,
    MARKET,
    MARKET_TO_LIMIT,
    NONE,
    NOTHING_TO_REDUCE,
    OPEN,
    PEG_BID,
    PEG_MID,
    POOL_FULL,
    POST_ONLY,
    POST_ONLY_SLIDE,
    POST_ONLY_WOULD_MATCH,
    REDUCE_ONLY,
    SELL,
    SOURCE_SHIFT,
    STOP,
    STOP_LIMIT,
    Command,
    OrderOptions,
)
from hft.core.pools cimport (
    ORDER_LINKED,
    ORDER_STOP,
    SIDE_BUY_STOPS,
    Book,
    InstrumentBook,
    Order,
    find_order,
    has_path_room,
    id_place,
    order_is_ask,
    order_is_recorded,
)
from hft.core.prices cimport (
    passive_price,
    price_allowed,
    qty_allowed,
    would_match,
)

cdef enum:
    KNOWN_FLAGS = 135  # POST_ONLY, POST_ONLY_SLIDE, REDUCE_ONLY, HAS_OPTIONS
    SHOWN_PARTS_MAX = 1000  # of an iceberg: what one taker may have to go through


cdef inline bint is_stop_type(uint8_t order_type) noexcept nogil:
    return order_type == STOP or order_type == STOP_LIMIT


cdef inline bint is_peg_type(uint8_t order_type) noexcept nogil:
    return order_type >= PEG_BID


cdef inline bint shows_too_little(int64_t qty_lots, int64_t display_lots) noexcept nogil:
    """Whether a quantity is more than SHOWN_PARTS_MAX times the display."""
    return (qty_lots - 1) // SHOWN_PARTS_MAX >= display_lots


cdef inline uint8_t check_options(const Command *command,
                                  const OrderOptions *options) noexcept nogil:
    """`options` are those of the next slot, or all zero where the order has none."""
    cdef uint8_t kind = command.order_type
    cdef bint rests = command.time_in_force != IOC and command.time_in_force != FOK
    cdef uint8_t post_only = command.flags & (POST_ONLY | POST_ONLY_SLIDE)
    if not command.flags & HAS_OPTIONS and (is_stop_type(kind) or command.time_in_force == GTD):
        return BAD_OPTIONS
    if options.trigger_ticks and not is_stop_type(kind) and not is_peg_type(kind):
        return BAD_OPTIONS
    if options.display_lots:
        if (options.display_lots < 0 or kind != LIMIT or not rests or command.flags & REDUCE_ONLY
                or shows_too_little(command.qty_lots, options.display_lots)):
            return BAD_OPTIONS
    if options.min_lots:
        if (options.min_lots < 0 or options.min_lots > command.qty_lots or kind > MARKET
                or post_only):
            return BAD_OPTIONS
    if options.expiry_ts_ns and command.time_in_force != GTD:
        return BAD_OPTIONS
    if options.linked_order_id and (kind == MARKET or kind == MARKET_TO_LIMIT or not rests):
        return BAD_OPTIONS
    return NONE


cdef inline uint8_t check_terms(const Engine *engine, const Command *command,
                                const OrderOptions *options) noexcept nogil:
    """Whether type, time in force, flags and options are known and go together.

    `options` is NULL where the flag has no slot behind it.
    """
    cdef uint8_t kind = command.order_type
    cdef uint8_t force = command.time_in_force
    cdef uint8_t post_only = command.flags & (POST_ONLY | POST_ONLY_SLIDE)
    cdef bint at_once = force == IOC or force == FOK
    cdef uint8_t reason
    if kind > PEG_MID:
        return BAD_ORDER_TYPE
    if force > GTD:
        return BAD_TIME_IN_FORCE
    if kind == MARKET and force >= DAY:
        return BAD_TIME_IN_FORCE
    if at_once and (kind == MARKET_TO_LIMIT or is_peg_type(kind)):
        return BAD_TIME_IN_FORCE
    if command.flags & ~<int>KNOWN_FLAGS or post_only == (POST_ONLY | POST_ONLY_SLIDE):
        return BAD_FLAGS
    if post_only and (kind != LIMIT or at_once):
        return BAD_FLAGS
    if options == NULL:
        return BAD_OPTIONS
    reason = check_options(command, options)
    if reason:
        return reason
    if force == GTD and options.expiry_ts_ns <= engine.book.say.now_ns:
        return BAD_EXPIRY
    return NONE


cdef inline uint8_t check_link(const Engine *engine, const Command *command,
                               uint32_t other) noexcept nogil:
    """Whether a new order may be linked with the one at `other` (0: there is none)."""
    cdef const Order *order = &engine.book.orders[other]
    if (other == 0 or order_is_recorded(order) or order.account != command.account
            or order.flags & ORDER_LINKED
            or order_instrument(&engine.book, other) != command.header.instrument):
        return BAD_LINK
    if order_is_ask(order) != (command.side == SELL):
        if not is_stop_type(command.order_type) and not order.flags & ORDER_STOP:
            return BAD_LINK
    return NONE


cdef inline bint is_halted(const Book *book, uint32_t instrument, int is_ask, bint any_price,
                           int64_t limit_ticks, bint waits) noexcept nogil:
    """Whether the instrument's state forbids that an order enters; `waits`: it can't match now."""
    cdef uint8_t state = book.instruments[instrument].state
    return state != OPEN and (
        state >= HALTED
        or (not waits and would_match(book, instrument, is_ask, any_price, limit_ticks))
    )


cdef inline uint8_t check_room(const Book *book, uint32_t instrument, int side,
                               int64_t price_ticks, int64_t lots) noexcept nogil:
    """Whether an order fits, its level too if it has none yet, and its lots into the level."""
    cdef uint32_t level = level_at(book, instrument, side, price_ticks)
    if book.order_count == book.order_capacity or (level == 0 and not has_path_room(book)):
        return POOL_FULL
    return BAD_QTY if book.levels[level].total_lots > INT64_MAX - lots else NONE


cdef inline uint8_t check_limit(const Book *book, uint32_t instrument, int is_ask, int64_t lots,
                                bint post_only, bint slides,
                                int64_t *limit_ticks) noexcept nogil:
    """Whether a limit order has room where it would rest; a sliding one's price is found first."""
    cdef uint8_t reason
    if book.order_count == book.order_capacity:
        return POOL_FULL
    if slides and would_match(book, instrument, is_ask, False, limit_ticks[0]):
        if not passive_price(book, instrument, is_ask, limit_ticks):
            return POST_ONLY_WOULD_MATCH
    reason = check_room(book, instrument, is_ask, limit_ticks[0], lots)
    if not reason and post_only and would_match(book, instrument, is_ask, False, limit_ticks[0]):
        return POST_ONLY_WOULD_MATCH
    return reason


cdef inline uint8_t check_plain(const Engine *engine, const Command *command, int is_ask,
                                uint32_t *place, uint32_t *level) noexcept nogil:
    """A limit order without flags and options. Gives where its id goes, and its level."""
    cdef const Book *book = &engine.book
    cdef InstrumentBook *there = &book.instruments[command.header.instrument]
    if unlikely(command.order_id >> SOURCE_SHIFT == 0):
        return BAD_ID
    place[0] = id_place(book, command.order_id)
    if unlikely(book.ids.entries[place[0]] != 0):
        return DUPLICATE_ID
    if unlikely(there.bounded):
        if not price_allowed(&there.rules, command.price_ticks):
            return BAD_PRICE
        if not qty_allowed(&there.rules, command.qty_lots):
            return BAD_QTY
    if unlikely(there.state != OPEN) and is_halted(book, command.header.instrument, is_ask, False,
                                                   command.price_ticks, False):
        return INSTRUMENT_HALTED
    level[0] = level_at(book, command.header.instrument, is_ask, command.price_ticks)
    return check_room(book, command.header.instrument, is_ask, command.price_ticks,
                      command.qty_lots)


cdef inline uint8_t check_new(const Engine *engine, const Command *command,
                              const OrderOptions *options, uint32_t *place,
                              uint32_t *link, int64_t *limit_ticks) noexcept nogil:
    """Any order. Gives where its id goes, whom it is linked with, and its price, slid or not."""
    cdef const Book *book = &engine.book
    cdef uint32_t instrument = command.header.instrument
    cdef InstrumentBook *there = &book.instruments[instrument]
    cdef uint8_t kind = command.order_type
    cdef int is_ask = command.side == SELL
    cdef bint any_price = kind == MARKET or kind == MARKET_TO_LIMIT
    cdef bint waits = is_stop_type(kind) or is_peg_type(kind)
    cdef int64_t lots = command.qty_lots
    cdef uint8_t reason = check_terms(engine, command, options)
    if reason:
        return reason
    if command.order_id >> SOURCE_SHIFT == 0:
        return BAD_ID
    place[0] = id_place(book, command.order_id)
    if book.ids.entries[place[0]] != 0:
        return DUPLICATE_ID
    if (kind == LIMIT or kind == STOP_LIMIT) and not price_allowed(&there.rules,
                                                                   command.price_ticks):
        return BAD_PRICE
    if not qty_allowed(&there.rules, command.qty_lots):
        return BAD_QTY
    link[0] = 0
    if options.linked_order_id:
        link[0] = find_order(book, options.linked_order_id)
        reason = check_link(engine, command, link[0])
        if reason:
            return reason
    if is_halted(book, instrument, is_ask, any_price, command.price_ticks, waits):
        return INSTRUMENT_HALTED
    if command.flags & REDUCE_ONLY and not is_stop_type(kind):
        if reducible_lots(&engine.accounts, instrument, command.account, is_ask) == 0:
            return NOTHING_TO_REDUCE
    limit_ticks[0] = command.price_ticks
    if is_stop_type(kind):
        return check_room(book, instrument, SIDE_BUY_STOPS - is_ask, options.trigger_ticks, lots)
    if kind != LIMIT:
        return POOL_FULL if book.order_count == book.order_capacity else NONE
    if options.display_lots:
        lots = min(lots, options.display_lots)
    return check_limit(book, instrument, is_ask, lots, command.flags & POST_ONLY,
                       command.flags & POST_ONLY_SLIDE, limit_ticks)
