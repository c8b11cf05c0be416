"""What own orders do: enter, leave, change. The rules are in docs/engine.md.

A plain limit order has a path of its own, without a record until it rests. All others get their
record first where they have terms, so that what hangs on them works from their first trade on.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hft.core.accounts cimport reducible_lots
from hft.core.answers cimport reject, report
from hft.core.arrivals cimport (
    admit,
    admit_special,
    cut_taker,
    end_taker,
    rest,
    trade_on_arrival,
)
from hft.core.book cimport Taker, join, leave, level_at, shrink
from hft.core.checks cimport (
    check_limit,
    check_new,
    check_plain,
    check_room,
    is_halted,
    is_peg_type,
    is_stop_type,
    shows_too_little,
)
from hft.core.departures cimport (
    all_lots,
    cancel,
    hidden_lots,
    order_instrument,
    order_price,
    pegs_add,
)
from hft.core.heap cimport heap_add, heap_remove
from hft.core.hints cimport likely, unlikely
from hft.core.matching cimport Engine, taker_init
from hft.core.messages cimport (
    ACCEPTED,
    BAD_OPTIONS,
    BAD_PRICE,
    BAD_QTY,
    DAY,
    FOK,
    GTC,
    GTD,
    HAS_OPTIONS,
    INSTRUMENT_HALTED,
    LIMIT,
    MARKET,
    MARKET_REMAINDER,
    MARKET_TO_LIMIT,
    NONE,
    NOTHING_TO_REDUCE,
    PARKED,
    POOL_FULL,
    POST_ONLY,
    POST_ONLY_SLIDE,
    REDUCE_ONLY,
    REPLACED,
    REQUESTED,
    SELL,
    SLID,
    SOURCE_SHIFT,
    STOP,
    UNKNOWN_ORDER,
    WRONG_ACCOUNT,
    Command,
    OrderOptions,
)
from hft.core.pegs cimport peg_place, peg_price
from hft.core.pools cimport (
    ORDER_ASK,
    ORDER_DAY,
    ORDER_GTD,
    ORDER_ICEBERG,
    ORDER_LINKED,
    ORDER_PEG,
    ORDER_POST_ONLY,
    ORDER_REDUCE_ONLY,
    ORDER_SLIDE,
    ORDER_SPECIAL,
    ORDER_STOP,
    SIDE_BUY_STOPS,
    Book,
    InstrumentBook,
    Order,
    OrderTerms,
    find_order,
    id_place,
    order_is_ask,
)
from hft.core.prices cimport (
    best_opposite,
    level_takes,
    price_allowed,
    qty_allowed,
    would_match,
)
from hft.core.stops cimport stop_wait


cdef inline void new_order(Engine *engine, const Command *command,
                           const OrderOptions *options) noexcept nogil:
    """`options`: those of the next slot, all 0 without the flag, NULL if the flag has no slot."""
    if likely(command.order_type == LIMIT and command.time_in_force <= FOK
              and command.flags == 0):
        new_plain(engine, command)
    else:
        new_unusual(engine, command, options)


cdef inline void new_plain(Engine *engine, const Command *command) noexcept nogil:
    cdef Book *book = &engine.book
    cdef int is_ask = command.side == SELL
    cdef uint32_t instrument = command.header.instrument
    cdef int64_t left_lots = command.qty_lots
    cdef uint32_t index, place, level
    cdef Taker taker
    cdef uint8_t reason = check_plain(engine, command, is_ask, &place, &level)
    if unlikely(reason != NONE):
        reject(&book.say, command, reason)
        return
    report(&book.say, ACCEPTED, command.order_id, command.price_ticks, 0, left_lots,
           command.account, NONE, is_ask)
    if (unlikely(command.time_in_force != GTC)
            or would_match(book, instrument, is_ask, False, command.price_ticks)):
        taker_init(engine, &taker, instrument, command.order_id, 0, command.account, is_ask, False,
                   command.price_ticks, left_lots)
        if not trade_on_arrival(engine, &taker, command.time_in_force, 0):
            return
        # What traded may have moved the ids, and what hangs on it the level.
        left_lots = taker.left_lots
        place = id_place(book, command.order_id)
        level = level_at(book, instrument, is_ask, command.price_ticks)
    index = admit(book, command, ORDER_ASK if is_ask else 0, place)
    join(book, instrument, index, level, command.price_ticks, left_lots, False)


cdef inline uint16_t new_flags(const Command *command, const OrderOptions *options) noexcept nogil:
    """The attributes of a new order; of a stop's record too."""
    cdef uint16_t flags = ORDER_ASK if command.side == SELL else 0
    if command.flags & POST_ONLY:
        flags |= ORDER_POST_ONLY
    if command.flags & POST_ONLY_SLIDE:
        flags |= ORDER_SLIDE
    if command.flags & REDUCE_ONLY:
        flags |= ORDER_REDUCE_ONLY
    if command.time_in_force == DAY:
        flags |= ORDER_DAY
    elif command.time_in_force == GTD:
        flags |= ORDER_GTD
    if options.linked_order_id:
        flags |= ORDER_LINKED
    if 0 < options.display_lots < command.qty_lots:
        flags |= ORDER_ICEBERG
    if is_stop_type(command.order_type):
        flags |= ORDER_STOP
    elif is_peg_type(command.order_type):
        flags |= ORDER_PEG
    return flags


cdef inline void new_unusual(Engine *engine, const Command *command,
                             const OrderOptions *options) noexcept nogil:
    cdef Book *book = &engine.book
    cdef int is_ask = command.side == SELL
    cdef uint32_t instrument = command.header.instrument
    cdef uint8_t kind = command.order_type
    cdef int64_t limit_ticks = command.price_ticks
    cdef uint32_t place = 0
    cdef uint32_t link = 0
    cdef uint32_t index = 0
    cdef bint nobody = False
    cdef Taker taker
    cdef uint16_t flags
    cdef uint8_t reason = check_new(engine, command, options, &place, &link, &limit_ticks)
    if reason:
        reject(&book.say, command, reason)
        return
    flags = new_flags(command, options)
    if flags & ORDER_SPECIAL:
        index = admit_special(engine, command, options, flags, place, link)
    if flags & ORDER_STOP:
        new_stop(book, index)
        return
    if flags & ORDER_PEG:
        new_peg(engine, command, index)
        return
    if kind == MARKET_TO_LIMIT:
        nobody = not best_opposite(book, instrument, is_ask, &limit_ticks)
        if nobody:
            limit_ticks = command.price_ticks
    report(&book.say, ACCEPTED, command.order_id, limit_ticks, 0, command.qty_lots,
           command.account, SLID if limit_ticks != command.price_ticks and kind == LIMIT else NONE,
           is_ask)
    taker_init(engine, &taker, instrument, command.order_id, index, command.account, is_ask,
               kind == MARKET, limit_ticks, command.qty_lots)
    if flags & ORDER_REDUCE_ONLY:
        cut_taker(engine, &taker)
    if nobody:
        end_taker(engine, &taker, MARKET_REMAINDER)
        return
    if not trade_on_arrival(engine, &taker, command.time_in_force, options.min_lots):
        return
    if kind == MARKET_TO_LIMIT and not level_takes(book, instrument, is_ask, limit_ticks,
                                                   taker.left_lots):
        end_taker(engine, &taker, BAD_QTY)
        return
    if index == 0:
        taker.index = admit(book, command, flags, id_place(book, command.order_id))
    rest(engine, &taker, taker.left_lots)


cdef inline void new_stop(Book *book, uint32_t index) noexcept nogil:
    cdef const Order *order = &book.orders[index]
    cdef int64_t lots = order.leaves_lots
    report(&book.say, ACCEPTED, order.order_id, order_price(book, index), 0, lots, order.account,
           NONE, order_is_ask(order))
    book.instruments[book.terms[index].instrument].stop_count += 1
    stop_wait(book, index, lots)


cdef inline void new_peg(Engine *engine, const Command *command, uint32_t index) noexcept nogil:
    cdef Book *book = &engine.book
    cdef int64_t lots = command.qty_lots
    cdef int64_t price_ticks = 0
    cdef bint somewhere
    cdef Taker taker
    pegs_add(book, index)
    somewhere = peg_price(book, index, lots, &price_ticks)
    if not somewhere:
        price_ticks = 0
    report(&book.say, ACCEPTED, command.order_id, price_ticks, 0, lots, command.account,
           NONE if somewhere else PARKED, command.side == SELL)
    if book.orders[index].flags & ORDER_REDUCE_ONLY:
        taker_init(engine, &taker, command.header.instrument, command.order_id, index,
                   command.account, command.side == SELL, False, price_ticks, lots)
        cut_taker(engine, &taker)
        lots = taker.left_lots
    peg_place(book, index, somewhere, price_ticks, lots)


# Leaving and changing


cdef inline uint32_t find_on(const Engine *engine, const Command *command) noexcept nogil:
    """The order that a command names, if it is on the command's instrument; else 0."""
    cdef uint32_t index = find_order(&engine.book, command.order_id)
    if unlikely(index and order_instrument(&engine.book, index) != command.header.instrument):
        return 0
    return index


cdef inline uint32_t find_own(Engine *engine, const Command *command) noexcept nogil:
    """The own order that a command names and may touch; 0 after a rejection."""
    cdef uint32_t index = 0
    if likely(command.order_id >> SOURCE_SHIFT != 0):
        index = find_on(engine, command)
    if unlikely(index == 0):
        reject(&engine.book.say, command, UNKNOWN_ORDER)
    elif unlikely(engine.book.orders[index].account != command.account):
        reject(&engine.book.say, command, WRONG_ACCOUNT)
        index = 0
    return index


cdef inline void cancel_order(Engine *engine, const Command *command) noexcept nogil:
    cdef uint32_t index = find_own(engine, command)
    if likely(index != 0):
        cancel(&engine.book, index, REQUESTED)


cdef inline uint8_t check_replace(const Engine *engine, const Command *command,
                                  const OrderOptions *options, uint32_t index,
                                  int64_t *limit_ticks) noexcept nogil:
    """What keeps an order from being replaced; gives its new price, slid or not."""
    cdef const Book *book = &engine.book
    cdef const Order *order = &book.orders[index]
    cdef const OrderTerms *terms = &book.terms[index]
    cdef uint32_t instrument = command.header.instrument
    cdef InstrumentBook *there = &book.instruments[instrument]
    cdef int is_ask = order_is_ask(order)
    cdef bint waits = (order.flags & (ORDER_STOP | ORDER_PEG)) != 0
    cdef int64_t lots = command.qty_lots
    if command.flags & HAS_OPTIONS and not waits:
        return BAD_OPTIONS
    if there.bounded:
        if not order.flags & ORDER_PEG and not (
            order.flags & ORDER_STOP and terms.order_type == STOP
        ):
            if not price_allowed(&there.rules, command.price_ticks):
                return BAD_PRICE
        if not qty_allowed(&there.rules, lots):
            return BAD_QTY
    if order.flags & ORDER_ICEBERG:
        if shows_too_little(lots, terms.display_lots):
            return BAD_QTY
        lots = min(lots, terms.display_lots)
    if is_halted(book, instrument, is_ask, False, command.price_ticks, waits):
        return INSTRUMENT_HALTED
    if order.flags & ORDER_REDUCE_ONLY and not order.flags & ORDER_STOP:
        if reducible_lots(&engine.accounts, instrument, order.account, is_ask) == 0:
            return NOTHING_TO_REDUCE
    if order.flags & ORDER_STOP:
        return check_room(
            book, instrument, SIDE_BUY_STOPS - is_ask,
            options.trigger_ticks if command.flags & HAS_OPTIONS else terms.trigger_ticks, lots,
        )
    if order.flags & ORDER_PEG:
        return POOL_FULL if book.order_count == book.order_capacity else NONE
    return check_limit(book, instrument, is_ask, lots, order.flags & ORDER_POST_ONLY,
                       order.flags & ORDER_SLIDE, limit_ticks)


cdef inline void replace_order(Engine *engine, const Command *command,
                               const OrderOptions *options) noexcept nogil:
    cdef Book *book = &engine.book
    cdef int64_t limit_ticks = command.price_ticks
    cdef uint32_t index
    cdef uint8_t reason
    if unlikely(command.flags & HAS_OPTIONS):
        if options == NULL or (options.display_lots | options.min_lots | options.expiry_ts_ns
                               | <int64_t>options.linked_order_id):
            reject(&book.say, command, BAD_OPTIONS)
            return
    index = find_own(engine, command)
    if unlikely(index == 0):
        return
    reason = check_replace(engine, command, options, index, &limit_ticks)
    if unlikely(reason != NONE):
        reject(&book.say, command, reason)
        return
    book.say.counts.amended_lots += <uint64_t>command.qty_lots - <uint64_t>all_lots(book, index)
    if unlikely((book.orders[index].flags & ORDER_STOP) != 0):
        replace_stop(engine, command, options, index)
    elif unlikely((book.orders[index].flags & ORDER_PEG) != 0):
        replace_peg(engine, command, options, index)
    else:
        replace_resting(engine, command, index, limit_ticks)


cdef inline void shrink_to(Book *book, uint32_t index, int64_t lots) noexcept nogil:
    """Lower what is left of a resting order; what it hides shrinks first."""
    cdef int64_t lost_lots = all_lots(book, index) - lots
    cdef int64_t hidden_lost_lots = min(hidden_lots(book, index), lost_lots)
    if hidden_lost_lots:
        book.terms[index].hidden_lots -= hidden_lost_lots
    if lost_lots > hidden_lost_lots:
        shrink(book, index, lost_lots - hidden_lost_lots)


cdef inline void replace_resting(Engine *engine, const Command *command, uint32_t index,
                                 int64_t limit_ticks) noexcept nogil:
    cdef Book *book = &engine.book
    cdef Order *order = &book.orders[index]
    cdef int is_ask = order_is_ask(order)
    cdef uint32_t instrument = command.header.instrument
    cdef Taker taker
    report(&book.say, REPLACED, command.order_id, limit_ticks, 0, command.qty_lots,
           command.account, SLID if limit_ticks != command.price_ticks else NONE, is_ask)
    if (limit_ticks == book.levels[order.level].price_ticks
            and command.qty_lots <= all_lots(book, index)):
        shrink_to(book, index, command.qty_lots)
        return
    leave(book, index)
    if likely(not order.flags & ORDER_SPECIAL) and not would_match(book, instrument, is_ask, False,
                                                                   limit_ticks):
        join(book, instrument, index, level_at(book, instrument, is_ask, limit_ticks), limit_ticks,
             command.qty_lots, False)
        return
    if order.flags & ORDER_ICEBERG:
        book.terms[index].hidden_lots = 0
    taker_init(engine, &taker, instrument, command.order_id, index, command.account, is_ask, False,
               limit_ticks, command.qty_lots)
    if order.flags & ORDER_REDUCE_ONLY:
        cut_taker(engine, &taker)
    if trade_on_arrival(engine, &taker, GTC, 0):
        rest(engine, &taker, taker.left_lots)


cdef inline void replace_stop(Engine *engine, const Command *command, const OrderOptions *options,
                              uint32_t index) noexcept nogil:
    """A stop that waits. It keeps its place if nothing but a smaller quantity is new."""
    cdef Book *book = &engine.book
    cdef Order *order = &book.orders[index]
    cdef OrderTerms *terms = &book.terms[index]
    cdef int64_t trigger_ticks = terms.trigger_ticks
    cdef bint same
    if command.flags & HAS_OPTIONS:
        trigger_ticks = options.trigger_ticks
    same = trigger_ticks == terms.trigger_ticks and (
        terms.order_type == STOP or terms.limit_ticks == command.price_ticks
    )
    terms.trigger_ticks = trigger_ticks
    if terms.order_type != STOP:
        terms.limit_ticks = command.price_ticks
    report(&book.say, REPLACED, command.order_id, order_price(book, index), 0, command.qty_lots,
           command.account, NONE, order_is_ask(order))
    if same and command.qty_lots <= order.leaves_lots:
        shrink_to(book, index, command.qty_lots)
        return
    leave(book, index)
    engine.arrivals += 1
    terms.arrival = engine.arrivals
    if order.flags & ORDER_GTD:
        heap_remove(&book.expiring, index)
        heap_add(&book.expiring, index, terms.expiry_ts_ns, terms.arrival)
    stop_wait(book, index, command.qty_lots)


cdef inline void replace_peg(Engine *engine, const Command *command, const OrderOptions *options,
                             uint32_t index) noexcept nogil:
    cdef Book *book = &engine.book
    cdef Order *order = &book.orders[index]
    cdef OrderTerms *terms = &book.terms[index]
    cdef int64_t lots = command.qty_lots
    cdef int64_t price_ticks = 0
    cdef bint somewhere
    cdef Taker taker
    terms.limit_ticks = command.price_ticks
    if command.flags & HAS_OPTIONS:
        terms.trigger_ticks = options.trigger_ticks
    somewhere = peg_price(book, index, lots, &price_ticks)
    if not somewhere:
        price_ticks = 0
    report(&book.say, REPLACED, command.order_id, price_ticks, 0, lots, command.account,
           NONE if somewhere else PARKED, order_is_ask(order))
    if order.level:
        if (somewhere and price_ticks == book.levels[order.level].price_ticks
                and lots <= order.leaves_lots):
            shrink_to(book, index, lots)
            return
        leave(book, index)
    if order.flags & ORDER_REDUCE_ONLY:
        taker_init(engine, &taker, command.header.instrument, command.order_id, index,
                   command.account, order_is_ask(order), False, price_ticks, lots)
        cut_taker(engine, &taker)
        lots = taker.left_lots
    peg_place(book, index, somewhere, price_ticks, lots)
