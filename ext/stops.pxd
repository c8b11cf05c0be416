"""Stop orders: they wait at their trigger prices, in sides of levels of their own.

The last trade is held against the best level of each of the two sides, so a command that triggers
nothing pays two comparisons, and only where stops wait. Those triggered line up by arrival in a
heap, then act one after another as arriving orders. Worst case: one trade triggers all of them.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from hft.core.answers cimport report
from hft.core.arrivals cimport cut_taker, end_taker, rest, trade_on_arrival
from hft.core.book cimport Taker, join, leave, level_at, price_reaches
from hft.core.departures cimport cancel, order_price, take_link
from hft.core.heap cimport heap_add, heap_remove
from hft.core.hints cimport likely
from hft.core.matching cimport Engine, taker_init
from hft.core.messages cimport (
    BAD_QTY,
    LINK_ENDED,
    NOTHING_TO_REDUCE,
    NONE,
    OPEN,
    STOP,
    TRIGGERED,
)
from hft.core.pools cimport (
    ORDER_REDUCE_ONLY,
    ORDER_STOP,
    SIDE_BUY_STOPS,
    SIDE_SELL_STOPS,
    Book,
    BookSide,
    InstrumentBook,
    Order,
    OrderTerms,
    order_is_ask,
)
from hft.core.prices cimport level_takes


cdef inline void stop_wait(Book *book, uint32_t index, int64_t lots) noexcept nogil:
    """An order with ORDER_STOP waits at its trigger price, behind the others."""
    cdef const OrderTerms *terms = &book.terms[index]
    cdef int side = SIDE_BUY_STOPS - order_is_ask(&book.orders[index])
    join(book, terms.instrument, index,
         level_at(book, terms.instrument, side, terms.trigger_ticks), terms.trigger_ticks, lots,
         False)


cdef inline bint triggers(const InstrumentBook *there, int side,
                          int64_t trigger_ticks) noexcept nogil:
    """Whether the last trade reaches a trigger price: a sell stop's from above."""
    return price_reaches(there.last_trade_ticks, trigger_ticks, side == SIDE_BUY_STOPS)


cdef inline void line_up(Engine *engine, uint32_t instrument) noexcept nogil:
    """All stops that the last trade reaches leave their places, and stand behind those before."""
    cdef Book *book = &engine.book
    cdef InstrumentBook *there = &book.instruments[instrument]
    cdef BookSide *waiting
    cdef uint32_t index
    cdef int64_t lots
    cdef int side
    engine.lines += 1
    for side in range(<int>SIDE_SELL_STOPS, <int>SIDE_BUY_STOPS + 1):
        waiting = &there.sides[side]
        while waiting.best and triggers(there, side, book.levels[waiting.best].price_ticks):
            index = book.levels[waiting.best].head
            lots = book.orders[index].leaves_lots
            leave(book, index)
            book.orders[index].leaves_lots = lots
            heap_add(&book.triggered, index, engine.lines, book.terms[index].arrival)


cdef inline void stop_act(Engine *engine, uint32_t index) noexcept nogil:
    """The first in line becomes the order that it was meant to be."""
    cdef Book *book = &engine.book
    cdef Order *order = &book.orders[index]
    cdef OrderTerms *terms = &book.terms[index]
    cdef int64_t price_ticks = order_price(book, index)
    cdef uint32_t other = take_link(book, index)
    cdef uint8_t reason = NONE
    cdef Taker taker
    heap_remove(&book.triggered, index)
    order.flags &= <uint16_t>~ORDER_STOP
    book.instruments[terms.instrument].stop_count -= 1
    if other:
        cancel(book, other, LINK_ENDED)
    report(&book.say, TRIGGERED, order.order_id, price_ticks, 0, order.leaves_lots, order.account,
           NONE, order_is_ask(order))
    taker_init(engine, &taker, terms.instrument, order.order_id, index, order.account,
               order_is_ask(order), terms.order_type == STOP, price_ticks, order.leaves_lots)
    order.leaves_lots = 0
    if order.flags & ORDER_REDUCE_ONLY and not cut_taker(engine, &taker):
        reason = NOTHING_TO_REDUCE
    elif not taker.any_price:
        if not level_takes(book, taker.instrument, taker.is_ask, price_ticks, taker.left_lots):
            reason = BAD_QTY
    if reason:
        end_taker(engine, &taker, reason)
    elif trade_on_arrival(engine, &taker, terms.time_in_force, 0):
        rest(engine, &taker, taker.left_lots)


cdef inline void stops_act(Engine *engine, uint32_t instrument) noexcept nogil:
    """After a command: everything that its last trade triggers, and what that triggers."""
    cdef InstrumentBook *there = &engine.book.instruments[instrument]
    if likely(there.stop_count == 0) or there.state != OPEN or not there.traded:
        return
    line_up(engine, instrument)
    while engine.book.triggered.count:
        stop_act(engine, engine.book.triggered.entries[1].index)
        line_up(engine, instrument)
