"""How an accepted order comes into the book: it is held to its conditions, trades, then rests.

The same for a new order, a replaced one that lost its place, and a stop that triggered.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memset

from hft.core.accounts cimport reducible_lots
from hft.core.answers cimport report
from hft.core.book cimport Taker, join, level_at
from hft.core.departures cimport cancel, go, order_instrument, set_flags, take_link
from hft.core.heap cimport heap_add
from hft.core.hints cimport unlikely
from hft.core.idmap cimport idmap_put
from hft.core.matching cimport Engine, fillable, match_all
from hft.core.messages cimport (
    CANCELLED,
    FOK,
    FOK_UNFILLABLE,
    IOC,
    IOC_REMAINDER,
    LINK_ENDED,
    MARKET_REMAINDER,
    MIN_QTY_UNMET,
    NONE,
    NOTHING_TO_REDUCE,
    RESTATED,
    Command,
    OrderOptions,
)
from hft.core.pools cimport (
    ORDER_GTD,
    ORDER_ICEBERG,
    ORDER_LINKED,
    ORDER_SPECIAL,
    Book,
    OrderTerms,
    take_slot,
)


cdef inline uint32_t admit(Book *book, const Command *command, uint16_t flags,
                           uint32_t place) noexcept nogil:
    """A record for a new order, known by its id, in no queue yet."""
    cdef uint32_t index = take_slot(book)
    book.orders[index].order_id = command.order_id
    book.orders[index].account = command.account
    book.orders[index].flags = flags
    book.orders[index].level = 0
    book.entered_ts_ns[index] = command.event_ts_ns
    idmap_put(&book.ids, place, command.order_id, index)
    return index


cdef inline void set_link(Book *book, uint32_t index, uint32_t other) noexcept nogil:
    """Tell a live order, special or not before, that it is linked."""
    cdef OrderTerms *terms = &book.terms[index]
    if not book.orders[index].flags & ORDER_SPECIAL:
        memset(terms, 0, sizeof(OrderTerms))
        terms.instrument = order_instrument(book, index)
    terms.link = other
    set_flags(book, index, book.orders[index].flags | ORDER_LINKED)


cdef inline uint32_t admit_special(Engine *engine, const Command *command,
                                   const OrderOptions *options, uint16_t flags, uint32_t place,
                                   uint32_t link) noexcept nogil:
    """A record for a new order with terms, known wherever it has to be."""
    cdef Book *book = &engine.book
    cdef uint32_t index = admit(book, command, flags, place)
    cdef OrderTerms *terms = &book.terms[index]
    engine.arrivals += 1
    terms.limit_ticks = command.price_ticks
    terms.trigger_ticks = options.trigger_ticks
    terms.display_lots = options.display_lots
    terms.hidden_lots = 0
    terms.expiry_ts_ns = options.expiry_ts_ns
    terms.arrival = engine.arrivals
    terms.link = link
    terms.instrument = command.header.instrument
    terms.order_type = command.order_type
    terms.time_in_force = command.time_in_force
    book.orders[index].leaves_lots = command.qty_lots
    if flags & ORDER_GTD:
        heap_add(&book.expiring, index, terms.expiry_ts_ns, terms.arrival)
    if link:
        set_link(book, link, index)
    return index


cdef inline void rest(Engine *engine, Taker *taker, int64_t lots) noexcept nogil:
    """What is left of an order with a record joins the queue at its limit."""
    cdef Book *book = &engine.book
    cdef OrderTerms *terms
    if unlikely((book.orders[taker.index].flags & ORDER_ICEBERG) != 0):
        terms = &book.terms[taker.index]
        terms.hidden_lots = max(<int64_t>0, lots - terms.display_lots)
        lots -= terms.hidden_lots
    join(book, taker.instrument, taker.index,
         level_at(book, taker.instrument, taker.is_ask, taker.limit_ticks), taker.limit_ticks, lots,
         False)


cdef inline void end_taker(Engine *engine, Taker *taker, uint8_t reason) noexcept nogil:
    """What is left of an arriving order goes."""
    cdef uint32_t other = 0
    report(&engine.book.say, CANCELLED, taker.order_id, taker.limit_ticks, taker.left_lots, 0,
           taker.account, reason, taker.is_ask)
    if taker.index:
        other = take_link(&engine.book, taker.index)
        go(&engine.book, taker.index)
        if other:
            cancel(&engine.book, other, LINK_ENDED)


cdef inline bint cut_taker(Engine *engine, Taker *taker) noexcept nogil:
    """Hold an arriving reduce-only order to the position; whether anything is left of it."""
    cdef int64_t allowed_lots = reducible_lots(&engine.accounts, taker.instrument, taker.account,
                                               taker.is_ask)
    cdef int64_t cut_lots = taker.left_lots - allowed_lots
    if cut_lots <= 0:
        return True
    if allowed_lots == 0:
        return False
    taker.left_lots = allowed_lots
    report(&engine.book.say, RESTATED, taker.order_id, taker.limit_ticks, cut_lots, allowed_lots,
           taker.account, NOTHING_TO_REDUCE, taker.is_ask)
    return True


cdef inline bint trade_on_arrival(Engine *engine, Taker *taker, uint8_t time_in_force,
                                  int64_t min_lots) noexcept nogil:
    """Let an accepted order trade; whether something is left that may rest."""
    cdef uint8_t reason = NONE
    if min_lots and (min_lots > taker.left_lots or not fillable(engine, taker, min_lots)):
        reason = MIN_QTY_UNMET
    elif time_in_force == FOK and not fillable(engine, taker, taker.left_lots):
        reason = FOK_UNFILLABLE
    else:
        match_all(engine, taker)
        if taker.any_price:
            reason = MARKET_REMAINDER
        elif time_in_force == IOC or time_in_force == FOK:
            reason = IOC_REMAINDER
    if taker.left_lots == 0:
        if taker.index:
            go(&engine.book, taker.index)
        return False
    if reason:
        end_taker(engine, taker, reason)
        return False
    return True
