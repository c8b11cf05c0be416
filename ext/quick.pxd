"""The short way for what nearly all commands are: a plain order, its cancel, its replace.

Plain is a good-till-cancelled limit order of no attributes, on an open instrument without rules,
stops, pegs and recorded orders (not `quirky`), in an engine that gives no further market data, before the next
expiry. A plain command that errs or would match is left to the long way, as is everything else. Both
ways give the same, which the property tests hold this one to.

Cost, the report's included: some hundred instructions, besides the search by id.
"""

from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hft.core.answers cimport next_answer
from hft.core.arrivals cimport admit
from hft.core.book cimport (
    Taker,
    append,
    join,
    level_at,
    level_close,
    level_of,
    level_open,
    price_reaches,
    unlink,
)
from hft.core.hints cimport HFT_AUDIT, likely, prefetch, unlikely
from hft.core.idmap cimport idmap_hash, idmap_remove_at, idmap_seek_tagged
from hft.core.matching cimport Engine, match_all, taker_init
from hft.core.messages cimport (
    ACCEPTED,
    BUY,
    CANCELLED,
    CANCEL_ORDER,
    NEW_ORDER,
    NONE,
    OPEN,
    REPLACED,
    REPLACE_ORDER,
    REQUESTED,
    SOURCE_ENGINE,
    SOURCE_SHIFT,
    Command,
    Message,
    header_word,
)
from hft.core.pools cimport (
    ORDER_ASK,
    Book,
    BookSide,
    InstrumentBook,
    Level,
    Order,
    has_path_room,
    id_place,
    order_is_ask,
)
from hft.core.tops cimport tell_top


cdef enum:
    NO_INSTRUMENT = 65536
    BLOCK = 8  # commands that are fetched for at a time


cdef inline uint64_t *likely_entry(const Book *book, const Message *message) noexcept nogil:
    """The entry where a command's order id is looked for first."""
    return &book.ids.entries[idmap_hash(message.command.order_id) & book.ids.mask]


cdef inline void look_ahead(const Book *book, const Message *message,
                            const Message *end) noexcept nogil:
    """Before a block is applied, fetch what it and those behind it will touch.

    The ids of the block after the next one, the orders of the next one, their neighbours of this.
    """
    cdef const Order *order
    cdef int place
    if end - message < 3 * BLOCK:
        return
    for place in range(<int>BLOCK):
        order = &book.orders[<uint32_t>likely_entry(book, &message[place])[0]]
        prefetch(&book.orders[order.prev])
        prefetch(&book.orders[order.next])
        prefetch(&book.orders[<uint32_t>likely_entry(book, &message[BLOCK + place])[0]])
        prefetch(likely_entry(book, &message[2 * BLOCK + place]))


cdef inline void note_quirks(Book *book, InstrumentBook *there) noexcept nogil:
    """After a command that went the long way: when plain orders may go the short one again."""
    if book.say.market_data:
        book.wake_ts_ns = INT64_MIN
    elif book.expiring.count:
        book.wake_ts_ns = book.expiring.entries[1].key
    else:
        book.wake_ts_ns = INT64_MAX
    there.quirky = (
        not there.listed
        or there.state != OPEN
        or there.bounded
        or there.stop_count != 0
        or there.peg_count != 0
        or there.recorded
    )


cdef inline void answer(Book *book, const Command *command, int kind, int64_t price_ticks,
                        int64_t last_lots, int64_t leaves_lots, int reason,
                        uint32_t is_ask) noexcept nogil:
    """The report of a command on the order that it names; its time is the engine's."""
    cdef Message *message = next_answer(&book.say)
    message.words[0] = 0
    message.header.origin_ts_ns = command.header.origin_ts_ns
    message.words[2] = header_word(command.header.instrument, kind, SOURCE_ENGINE)
    message.report.order_id = command.order_id
    message.report.price_ticks = price_ticks
    message.report.last_lots = last_lots
    message.report.leaves_lots = leaves_lots
    message.report.cause = <uint32_t>command.header.sequence
    message.report.account = command.account
    message.report.reason = reason
    message.report.side = BUY + is_ask
    if unlikely(command.event_ts_ns > book.say.now_ns):
        book.say.now_ns = command.event_ts_ns


cdef inline void say_for(Book *book, const Command *command) noexcept nogil:
    """What answers of the long way need to know of a command."""
    book.say.header.origin_ts_ns = command.header.origin_ts_ns
    book.say.header.instrument = command.header.instrument
    book.say.cause = <uint32_t>command.header.sequence


cdef inline void quick_join(Book *book, InstrumentBook *there, uint32_t is_ask, uint32_t index,
                            uint32_t level_index, int64_t lots) noexcept nogil:
    cdef Level *level = &book.levels[level_index]
    book.orders[index].level = level_index
    book.orders[index].leaves_lots = lots
    append(book, level, index)
    level.total_lots += lots
    level.order_count += 1
    there.sides[is_ask].own_count += 1
    if there.sides[is_ask].best == level_index:
        there.top_moved = True
    if HFT_AUDIT:
        book.joins += 1
        book.joined[index] = book.joins


cdef inline void quick_leave(Book *book, InstrumentBook *there, Level *level,
                             uint32_t index) noexcept nogil:
    cdef Order *order = &book.orders[index]
    cdef BookSide *side = &there.sides[order_is_ask(order)]
    unlink(book, level, order)
    level.total_lots -= order.leaves_lots
    side.own_count -= 1
    if side.best == order.level:
        there.top_moved = True
    level.order_count -= 1
    if unlikely(level.order_count == 0):
        level_close(book, side, order.level)


cdef inline bint matches(const Book *book, const InstrumentBook *there, uint32_t is_ask,
                         int64_t price_ticks) noexcept nogil:
    cdef uint32_t best = there.sides[is_ask ^ 1].best
    return best != 0 and price_reaches(price_ticks, book.levels[best].price_ticks, is_ask ^ 1)


cdef inline void arrive_trading(Engine *engine, const Command *command,
                                uint32_t is_ask) noexcept nogil:
    """A plain order that matches: it trades, and what is left of it rests."""
    cdef Book *book = &engine.book
    cdef Taker taker
    cdef uint32_t index
    answer(book, command, ACCEPTED, command.price_ticks, 0, command.qty_lots, NONE, is_ask)
    say_for(book, command)
    taker_init(engine, &taker, command.header.instrument, command.order_id, 0, command.account,
               is_ask, False, command.price_ticks, command.qty_lots)
    match_all(engine, &taker)
    if taker.left_lots == 0:
        return
    index = admit(book, command, ORDER_ASK if is_ask else 0, id_place(book, command.order_id))
    join(book, taker.instrument, index,
         level_at(book, taker.instrument, is_ask, taker.limit_ticks), taker.limit_ticks,
         taker.left_lots, False)


cdef inline bint quick_new(Engine *engine, InstrumentBook *there,
                           const Command *command) noexcept nogil:
    """Whether a new order was plain, and has arrived.

    Where its side already has a level at its price, it can't match: only recorded orders cross.
    """
    cdef Book *book = &engine.book
    # Side, type, time in force and flags, as one number: 1 or 2 for a plain buy or sell.
    cdef uint32_t kind = <uint32_t>((<const Message *>command).words[7] >> 16)
    cdef uint32_t is_ask = kind - BUY
    cdef int64_t lots = command.qty_lots
    cdef int64_t price_ticks = command.price_ticks
    cdef uint64_t order_id = command.order_id
    cdef uint32_t tag = idmap_hash(order_id)
    cdef uint32_t index, place, level
    cdef Order *order
    if unlikely(is_ask > 1 or lots <= 0 or order_id >> SOURCE_SHIFT == 0):
        return False
    level = level_of(book, there, is_ask, price_ticks)
    if unlikely(book.levels[level].total_lots > INT64_MAX - lots
                or book.order_count == book.order_capacity):
        return False
    place = idmap_seek_tagged(&book.ids, order_id, tag, sizeof(Order))
    if unlikely(book.ids.entries[place] != 0):
        return False
    if unlikely(level == 0):
        if not has_path_room(book):
            return False
        if matches(book, there, is_ask, price_ticks):
            arrive_trading(engine, command, is_ask)
            return True
        level = level_open(book, command.header.instrument, is_ask, price_ticks)
    answer(book, command, ACCEPTED, price_ticks, 0, lots, NONE, is_ask)
    index = book.order_free
    order = &book.orders[index]
    if likely(index != 0):
        book.order_free = order.next
    else:
        index = book.order_fresh
        book.order_fresh += 1
        order = &book.orders[index]
    book.order_count += 1
    order.order_id = order_id
    order.account = command.account
    order.flags = <uint16_t>is_ask
    book.entered_ts_ns[index] = command.event_ts_ns
    book.ids.entries[place] = <uint64_t>tag << 32 | index
    quick_join(book, there, is_ask, index, level, lots)
    return True


cdef inline bint is_plain_order(const Book *book, const Command *command,
                                uint32_t index) noexcept nogil:
    """Whether a command names a plain order that rests, and may touch it."""
    cdef const Order *order = &book.orders[index]
    return (
        order.flags <= ORDER_ASK  # which nil is not
        and order.account == command.account
        and book.levels[order.level].instrument == command.header.instrument
    )


cdef inline bint quick_cancel(Engine *engine, InstrumentBook *there,
                              const Command *command) noexcept nogil:
    """Whether the order was plain, and is gone."""
    cdef Book *book = &engine.book
    cdef uint32_t place, index
    cdef Order *order
    cdef Level *level
    place = id_place(book, command.order_id)
    index = <uint32_t>book.ids.entries[place]
    if unlikely(not is_plain_order(book, command, index)):
        return False
    order = &book.orders[index]
    level = &book.levels[order.level]
    answer(book, command, CANCELLED, level.price_ticks, order.leaves_lots, 0, REQUESTED,
           order_is_ask(order))
    quick_leave(book, there, level, index)
    idmap_remove_at(&book.ids, place)
    order.next = book.order_free
    order.flags = 0
    book.order_free = index
    book.order_count -= 1
    return True


cdef inline bint quick_replace(Engine *engine, InstrumentBook *there,
                               const Command *command) noexcept nogil:
    """Whether the order was plain, and rests at another price."""
    cdef Book *book = &engine.book
    cdef uint32_t index, level
    cdef Order *order
    cdef uint32_t is_ask
    if unlikely(command.flags or command.qty_lots <= 0):
        return False
    index = <uint32_t>book.ids.entries[id_place(book, command.order_id)]
    if unlikely(not is_plain_order(book, command, index)):
        return False
    order = &book.orders[index]
    is_ask = order_is_ask(order)
    level = level_of(book, there, is_ask, command.price_ticks)
    if level == order.level or unlikely(
        book.levels[level].total_lots > INT64_MAX - command.qty_lots
        or book.order_count == book.order_capacity
    ):
        return False
    if level == 0:
        if not has_path_room(book) or matches(book, there, is_ask, command.price_ticks):
            return False
        level = level_open(book, command.header.instrument, is_ask, command.price_ticks)
    answer(book, command, REPLACED, command.price_ticks, 0, command.qty_lots, NONE, is_ask)
    book.say.counts.amended_lots += <uint64_t>command.qty_lots - <uint64_t>order.leaves_lots
    quick_leave(book, there, &book.levels[order.level], index)
    quick_join(book, there, is_ask, index, level, command.qty_lots)
    return True


cdef inline const Message *quick_run(Engine *engine, const Message *message, const Message *end) noexcept nogil:
    """Go the short way as far as it leads; the first command that it is not for, or `end`."""
    cdef Book *book = &engine.book
    cdef InstrumentBook *there = NULL
    cdef uint32_t instrument = NO_INSTRUMENT
    cdef uint8_t kind
    cdef bint done
    while message != end and message.command.event_ts_ns < book.wake_ts_ns:
        if message.header.instrument != instrument:
            instrument = message.header.instrument
            there = &book.instruments[instrument]
            if unlikely(instrument >= book.instrument_count or there.quirky):
                break
        kind = message.header.kind
        if kind == NEW_ORDER:
            done = quick_new(engine, there, &message.command)
        elif kind == CANCEL_ORDER:
            done = quick_cancel(engine, there, &message.command)
        elif kind == REPLACE_ORDER:
            done = quick_replace(engine, there, &message.command)
        else:
            break
        if unlikely(not done):
            break
        if unlikely(there.top_moved):
            say_for(book, &message.command)
            tell_top(book, instrument, message.command.event_ts_ns)
        message += 1
    return message
