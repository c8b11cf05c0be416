"""What cancels many orders at once: mass cancel, disconnect, expiry, closing and retiring.

Cost: expiry pays for what expires. The others walk the orders of the sides that they name, but no
side on which there is no own order.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from hft.core.answers cimport echo
from hft.core.book cimport level_after, side_at
from hft.core.departures cimport cancel, order_instrument
from hft.core.ghosts cimport ghost_remove
from hft.core.matching cimport Engine, touch_other
from hft.core.messages cimport (
    ALL_ACCOUNTS,
    CANCELLED,
    EXPIRED,
    KILLED,
    ONE_INSTRUMENT,
    REQUESTED,
    SELL,
    Command,
)
from hft.core.pools cimport (
    ORDER_DAY,
    ORDER_LINKED,
    SIDES,
    Book,
    BookSide,
    InstrumentBook,
    Order,
    order_is_ask,
    order_is_recorded,
)


cdef struct Chosen:  # which orders of an instrument a sweep takes
    uint32_t account
    bint any_account
    uint8_t side  # 0: both
    uint16_t flags  # that it must have
    bint recorded  # recorded ones too


cdef inline bint is_chosen(const Order *order, const Chosen *chosen) noexcept nogil:
    return (
        (chosen.any_account or order.account == chosen.account)
        and (chosen.side == 0 or order_is_ask(order) == (chosen.side == SELL))
        and order.flags & chosen.flags == chosen.flags
        and (chosen.recorded or not order_is_recorded(order))
    )


cdef inline uint32_t following(const Book *book, uint32_t index, uint32_t next_index,
                               bint in_queue) noexcept nogil:
    """The order after the next one, if the next one goes together with this."""
    if (next_index and book.orders[index].flags & ORDER_LINKED
            and book.terms[index].link == next_index):
        return book.orders[next_index].next if in_queue else book.terms[next_index].next
    return next_index


cdef inline void sweep(Engine *engine, uint32_t instrument, const Chosen *chosen,
                       uint8_t reason) noexcept nogil:
    """Cancel the chosen orders of an instrument, in book order."""
    cdef Book *book = &engine.book
    cdef BookSide *there
    cdef uint32_t level, index, next_index
    cdef int64_t price_ticks
    cdef int side
    book.say.header.instrument = <uint16_t>instrument
    for side in range(<int>SIDES):
        there = side_at(book, instrument, side)
        level = there.best
        while level and (chosen.recorded or there.own_count):
            price_ticks = book.levels[level].price_ticks
            index = book.levels[level].head
            while index:
                next_index = book.orders[index].next
                if is_chosen(&book.orders[index], chosen):
                    next_index = following(book, index, next_index, True)
                    cancel(book, index, reason)
                index = next_index
            level = level_after(book, instrument, side, price_ticks)
    index = book.instruments[instrument].peg_head
    while index:
        next_index = book.terms[index].next
        if book.orders[index].level == 0 and is_chosen(&book.orders[index], chosen):
            next_index = following(book, index, next_index, False)
            cancel(book, index, reason)
        index = next_index


cdef inline bint has_own_orders(const InstrumentBook *there) noexcept nogil:
    cdef uint32_t count = there.peg_count
    cdef int side
    for side in range(<int>SIDES):
        count += there.sides[side].own_count
    return count != 0


cdef inline bint sweep_account(Engine *engine, const Command *command, bint one_instrument,
                               bint all_accounts, uint8_t side, uint8_t reason) noexcept nogil:
    """Cancel own orders wherever the command says; whether there were any."""
    cdef uint32_t before = engine.book.say.reports
    cdef uint32_t first = command.header.instrument if one_instrument else 0
    cdef uint32_t end = first + 1 if one_instrument else engine.book.instrument_count
    cdef uint32_t instrument
    cdef Chosen chosen
    chosen.account = command.account
    chosen.any_account = all_accounts
    chosen.side = side
    chosen.flags = 0
    chosen.recorded = False
    for instrument in range(first, end):
        if has_own_orders(&engine.book.instruments[instrument]):
            touch_other(engine, instrument)
            sweep(engine, instrument, &chosen, reason)
    engine.book.say.header.instrument = command.header.instrument
    return engine.book.say.reports != before


cdef inline void mass_cancel(Engine *engine, const Command *command) noexcept nogil:
    if not sweep_account(engine, command, command.flags & ONE_INSTRUMENT,
                         command.flags & ALL_ACCOUNTS, command.side, KILLED):
        echo(&engine.book.say, command, CANCELLED, 0, 0, REQUESTED)


cdef inline void expire_day_orders(Engine *engine, uint32_t instrument) noexcept nogil:
    cdef Chosen chosen
    chosen.account = 0
    chosen.any_account = True
    chosen.side = 0
    chosen.flags = ORDER_DAY
    chosen.recorded = False
    sweep(engine, instrument, &chosen, EXPIRED)


cdef inline void expire(Engine *engine) noexcept nogil:
    """The good-till-date orders whose time has come."""
    cdef Book *book = &engine.book
    cdef uint16_t instrument = book.say.header.instrument
    cdef uint32_t index
    while book.expiring.count and book.expiring.entries[1].key <= book.say.now_ns:
        index = book.expiring.entries[1].index
        book.say.header.instrument = order_instrument(book, index)
        touch_other(engine, book.say.header.instrument)
        cancel(book, index, EXPIRED)
    book.say.header.instrument = instrument
    book.say.reports = 0


cdef inline void empty_instrument(Engine *engine, uint32_t instrument,
                                  uint8_t reason) noexcept nogil:
    """Everything on an instrument goes: own, recorded and anonymous orders, and ghosts."""
    cdef InstrumentBook *there = &engine.book.instruments[instrument]
    cdef Chosen chosen
    cdef int side
    chosen.account = 0
    chosen.any_account = True
    chosen.side = 0
    chosen.flags = 0
    chosen.recorded = True
    sweep(engine, instrument, &chosen, reason)
    for side in range(2):
        while there.ghost_head[side]:
            ghost_remove(&engine.book, there.ghost_head[side])
