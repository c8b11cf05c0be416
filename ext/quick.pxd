"""The short way for what nearly all commands are: a plain order that rests, its cancel, its replace.

Plain is a good-till-cancelled limit order of no attributes, on an open instrument without rules,
stops and pegs (not `quirky`), in an engine that gives no market data and where nothing expires. A
plain command that errs or would match is left to the long way, as is everything else: both ways
give the same, which the property tests hold this one to.

Cost, beside one search by id: about a hundred instructions, the report's included.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t

from hft.core.book cimport (
    append,
    level_at,
    level_close,
    level_open,
    price_reaches,
    unlink,
)
from hft.core.hints cimport HFT_AUDIT, likely, unlikely
from hft.core.idmap cimport idmap_put, idmap_remove_at, idmap_seek
from hft.core.messages cimport (
    ACCEPTED,
    BUY,
    CANCELLED,
    NONE,
    OPEN,
    REPLACED,
    REQUESTED,
    SOURCE_ENGINE,
    SOURCE_SHIFT,
    Command,
    Message,
    header_word,
    report_word,
)
from hft.core.outbox cimport Outbox, outbox_next
from hft.core.pools cimport (
    ORDER_ASK,
    Book,
    BookSide,
    InstrumentBook,
    Level,
    Order,
    has_path_room,
    order_is_ask,
    take_slot,
)


cdef inline void note_quirks(Book *book, InstrumentBook *there) noexcept nogil:
    """After a command that went the long way: whether plain orders may go the short one again."""
    book.quirky = book.say.market_data != 0 or book.expiring.count != 0
    there.quirky = (
        not there.listed
        or there.state != OPEN
        or there.bounded
        or there.stop_count != 0
        or there.peg_count != 0
    )


cdef inline InstrumentBook *plain_instrument(const Book *book,
                                             const Command *command) noexcept nogil:
    """The instrument of a command, NULL where it takes the long way."""
    cdef InstrumentBook *there = &book.instruments[command.header.instrument]
    if unlikely(command.header.instrument >= book.instrument_count) or unlikely(book.quirky):
        return NULL
    return NULL if unlikely(there.quirky) else there


cdef inline void answer(Book *book, Outbox *out, const Command *command, uint8_t kind,
                        int64_t price_ticks, int64_t last_lots, int64_t leaves_lots,
                        uint8_t reason, int is_ask) noexcept nogil:
    """The report of a command on the order that it names."""
    cdef Message *report = outbox_next(out)
    report.words[0] = 0
    report.header.origin_ts_ns = command.header.origin_ts_ns
    report.words[2] = header_word(command.header.instrument, kind, SOURCE_ENGINE)
    report.report.order_id = command.order_id
    report.report.price_ticks = price_ticks
    report.report.last_lots = last_lots
    report.report.leaves_lots = leaves_lots
    report.words[7] = report_word(<uint32_t>command.header.sequence, command.account, reason,
                                  <uint8_t>(BUY + is_ask))
    book.say.counts.commands += 1
    if unlikely(command.event_ts_ns > book.say.now_ns):
        book.say.now_ns = command.event_ts_ns


cdef inline bint is_plain_new(const Command *command) noexcept nogil:
    """A side, and nothing else in the bytes that say what kind of order it is."""
    return (
        command.order_type | command.time_in_force | command.flags
    ) == 0 and <uint8_t>(command.side - BUY) <= 1


cdef inline bint crosses(const Book *book, const InstrumentBook *there, int is_ask,
                         int64_t price_ticks) noexcept nogil:
    cdef uint32_t best = there.sides[1 - is_ask].best
    return best and price_reaches(price_ticks, book.levels[best].price_ticks, 1 - is_ask)


cdef inline void quick_join(Book *book, InstrumentBook *there, uint32_t instrument, int is_ask,
                            uint32_t index, uint32_t level_index, int64_t price_ticks,
                            int64_t lots) noexcept nogil:
    cdef Level *level
    if unlikely(level_index == 0):
        level_index = level_open(book, instrument, is_ask, price_ticks)
    level = &book.levels[level_index]
    book.orders[index].level = level_index
    book.orders[index].leaves_lots = lots
    append(book, level, index)
    level.total_lots += lots
    level.order_count += 1
    there.sides[is_ask].own_count += 1
    there.top_moved |= there.sides[is_ask].best == level_index
    if HFT_AUDIT:
        book.joins += 1
        book.joined[index] = book.joins


cdef inline void quick_leave(Book *book, InstrumentBook *there, Level *level,
                             uint32_t index) noexcept nogil:
    cdef Order *order = &book.orders[index]
    cdef BookSide *side = &there.sides[order_is_ask(order)]
    unlink(book, level, order)
    level.total_lots -= order.leaves_lots
    level.order_count -= 1
    side.own_count -= 1
    there.top_moved |= side.best == order.level
    if unlikely(level.order_count == 0):
        level_close(book, side, order.level)


cdef inline bint quick_new(Book *book, const Command *command, Outbox *out) noexcept nogil:
    """Whether a new order was plain, and now rests."""
    cdef InstrumentBook *there = plain_instrument(book, command)
    cdef int is_ask = command.side - BUY
    cdef uint32_t index, place, level
    cdef Order *order
    if there == NULL or not is_plain_new(command) or command.qty_lots <= 0:
        return False
    if unlikely(command.order_id >> SOURCE_SHIFT == 0 or book.order_count == book.order_capacity):
        return False
    if crosses(book, there, is_ask, command.price_ticks):
        return False
    level = level_at(book, command.header.instrument, is_ask, command.price_ticks)
    if unlikely(book.levels[level].total_lots > INT64_MAX - command.qty_lots
                or not has_path_room(book)):
        return False
    place = idmap_seek(&book.ids, command.order_id)
    if unlikely(book.ids.entries[place] != 0):
        return False
    answer(book, out, command, ACCEPTED, command.price_ticks, 0, command.qty_lots, NONE, is_ask)
    index = take_slot(book)
    order = &book.orders[index]
    order.order_id = command.order_id
    order.account = command.account
    order.flags = is_ask
    book.entered_ts_ns[index] = command.event_ts_ns
    idmap_put(&book.ids, place, command.order_id, index)
    quick_join(book, there, command.header.instrument, is_ask, index, level, command.price_ticks,
               command.qty_lots)
    return True


cdef inline bint is_plain_order(const Book *book, const Command *command,
                                uint32_t index) noexcept nogil:
    """Whether a command names a plain order that rests, and may touch it."""
    cdef const Order *order = &book.orders[index]
    return (
        index != 0
        and order.flags <= ORDER_ASK
        and command.order_id >> SOURCE_SHIFT != 0
        and order.account == command.account
        and book.levels[order.level].instrument == command.header.instrument
    )


cdef inline bint quick_cancel(Book *book, const Command *command, Outbox *out) noexcept nogil:
    """Whether the order was plain, and is gone."""
    cdef InstrumentBook *there = plain_instrument(book, command)
    cdef uint32_t place, index
    cdef Order *order
    cdef Level *level
    if there == NULL:
        return False
    place = idmap_seek(&book.ids, command.order_id)
    index = <uint32_t>book.ids.entries[place]
    if unlikely(not is_plain_order(book, command, index)):
        return False
    order = &book.orders[index]
    level = &book.levels[order.level]
    answer(book, out, command, CANCELLED, level.price_ticks, order.leaves_lots, 0, REQUESTED,
           order_is_ask(order))
    quick_leave(book, there, level, index)
    idmap_remove_at(&book.ids, place)
    order.next = book.order_free
    order.flags = 0
    book.order_free = index
    book.order_count -= 1
    return True


cdef inline bint quick_replace(Book *book, const Command *command, Outbox *out) noexcept nogil:
    """Whether the order was plain, and rests at another price."""
    cdef InstrumentBook *there = plain_instrument(book, command)
    cdef uint32_t index, level
    cdef Order *order
    cdef int is_ask
    if there == NULL or command.flags or command.qty_lots <= 0:
        return False
    index = <uint32_t>book.ids.entries[idmap_seek(&book.ids, command.order_id)]
    if unlikely(not is_plain_order(book, command, index)):
        return False
    order = &book.orders[index]
    is_ask = order_is_ask(order)
    level = level_at(book, command.header.instrument, is_ask, command.price_ticks)
    if level == order.level or crosses(book, there, is_ask, command.price_ticks):
        return False
    if unlikely(book.levels[level].total_lots > INT64_MAX - command.qty_lots
                or book.order_count == book.order_capacity or not has_path_room(book)):
        return False
    answer(book, out, command, REPLACED, command.price_ticks, 0, command.qty_lots, NONE, is_ask)
    book.say.counts.amended_lots += <uint64_t>command.qty_lots - <uint64_t>order.leaves_lots
    quick_leave(book, there, &book.levels[order.level], index)
    quick_join(book, there, command.header.instrument, is_ask, index, level, command.price_ticks,
               command.qty_lots)
    return True
