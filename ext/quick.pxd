"""The short way for what nearly all commands are: a plain order, its cancel, its replace.

Plain is a good-till-cancelled limit order of no attributes, on an open instrument without rules,
stops, pegs and recorded orders (not `quirky`), in an engine that gives no further market data,
before the next expiry. A plain command that errs is left to the long way, as is everything else.
Both ways give the same, which the property tests hold this one to.

Cost, the report's included: some hundred instructions, besides the search by id.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hft.core.answers cimport next_answer, report
from hft.core.arrivals cimport admit
from hft.core.book cimport (
    Taker,
    append,
    level_close,
    level_of,
    level_open,
    note_join,
    price_reaches,
    recent_place,
    unlink,
)
from hft.core.hints cimport HFT_AUDIT, prefetch, unlikely
from hft.core.idmap cimport idmap_hash, idmap_remove_at
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
    find_order,
    has_path_room,
    id_place,
    order_is_ask,
)
from hft.core.tops cimport tell_top


cdef enum Way:
    """What became of a command here."""
    LONG_WAY = 0  # nothing: it is for the long way
    DONE = 1
    DONE_AT_TOP = 2  # and something happened at a best price

cdef enum:
    BLOCK = 8  # commands that are fetched for at a time


cdef inline uint32_t likely_place(const Book *book, uint64_t order_id) noexcept nogil:
    """The place of the id map where an order id is looked for first."""
    return idmap_hash(order_id) & book.ids.mask


cdef inline uint32_t likely_index(const Book *book, uint64_t order_id) noexcept nogil:
    """The order that stands in the id map where this one is looked for first."""
    return <uint32_t>book.ids.entries[likely_place(book, order_id)]


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
        order = &book.orders[likely_index(book, message[place].command.order_id)]
        prefetch(&book.orders[order.prev])
        prefetch(&book.orders[order.next])
        prefetch(&book.orders[likely_index(book, message[BLOCK + place].command.order_id)])
        prefetch(&book.ids.entries[
            likely_place(book, message[2 * BLOCK + place].command.order_id)
        ])


cdef inline void expect_id(const Book *book, uint64_t order_id) noexcept nogil:
    """Fetch where an id will be looked up, some commands later."""
    prefetch(&book.ids.entries[likely_place(book, order_id)])


cdef inline void expect_order(const Book *book, uint64_t order_id) noexcept nogil:
    """Fetch the order that an id probably means; its place was fetched before."""
    prefetch(&book.orders[likely_index(book, order_id)])


cdef inline void note_quirks(Book *book, InstrumentBook *there) noexcept nogil:
    """After a command that went the long way: when plain orders may go the short one again."""
    book.wake_ts_ns = book.expiring.entries[1].key if book.expiring.count else INT64_MAX
    there.quirky = (
        book.say.market_data != 0
        or not there.listed
        or there.state != OPEN
        or there.bounded
        or there.stop_count != 0
        or there.peg_count != 0
        or there.recorded
    )


cdef inline void answer(Book *book, const Command *command, int kind, int64_t price_ticks,
                        int64_t last_lots, int64_t leaves_lots, int reason,
                        uint32_t side) noexcept nogil:
    """The report of a command on the order that it names."""
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
    message.report.side = side


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
    if HFT_AUDIT:
        note_join(book, index)


cdef inline bint quick_leave(Book *book, InstrumentBook *there, Level *level,
                             uint32_t index) noexcept nogil:
    """Take an order out of its queue; whether that was at the best price."""
    cdef Order *order = &book.orders[index]
    cdef BookSide *side = &there.sides[order_is_ask(order)]
    unlink(book, level, order)
    level.total_lots -= order.leaves_lots
    side.own_count -= 1
    level.order_count -= 1
    if unlikely(side.best == order.level):
        if level.order_count == 0:
            level_close(book, side, order.level)
        return True
    if unlikely(level.order_count == 0):
        level_close(book, side, order.level)
    return False


cdef inline bint matches(const Book *book, const InstrumentBook *there, uint32_t is_ask,
                         int64_t price_ticks) noexcept nogil:
    cdef uint32_t best = there.sides[is_ask ^ 1].best
    return best != 0 and price_reaches(price_ticks, book.levels[best].price_ticks, is_ask ^ 1)


cdef inline Way arrive_elsewhere(Engine *engine, InstrumentBook *there, const Command *command,
                                 uint32_t is_ask) noexcept nogil:
    """A plain order at a price whose level is not a recent one.

    Only here it may match: where its side has a level at its price it can't.
    """
    cdef Book *book = &engine.book
    cdef int64_t price_ticks = command.price_ticks
    cdef int64_t lots = command.qty_lots
    cdef uint32_t level = level_of(book, there, is_ask, price_ticks)
    cdef uint32_t place = id_place(book, command.order_id)
    cdef Taker taker
    if (book.ids.entries[place] or book.order_free == 0 or not has_path_room(book)
            or book.levels[level].total_lots > INT64_MAX - lots):
        return LONG_WAY
    say_for(book, command)
    report(&book.say, ACCEPTED, command.order_id, price_ticks, 0, lots, command.account, NONE,
           is_ask)
    if level == 0 and matches(book, there, is_ask, price_ticks):
        taker_init(engine, &taker, command.header.instrument, command.order_id, 0,
                   command.account, is_ask, False, price_ticks, lots)
        match_all(engine, &taker)
        lots = taker.left_lots
        if lots == 0:
            return DONE_AT_TOP
        place = id_place(book, command.order_id)
    if level == 0:
        level = level_open(book, command.header.instrument, is_ask, price_ticks)
    quick_join(book, there, is_ask, admit(book, command, <uint16_t>is_ask, place), level, lots)
    if lots == command.qty_lots and there.sides[is_ask].best != level:
        return DONE
    return DONE_AT_TOP


cdef inline Way quick_new(Engine *engine, InstrumentBook *there,
                          const Command *command) noexcept nogil:
    """A new order, which arrives if it is plain."""
    cdef Book *book = &engine.book
    # Side, type, time in force and flags, as one number: 1 or 2 for a plain buy or sell.
    cdef uint32_t kind = <uint32_t>((<const Message *>command).words[7] >> 16)
    cdef uint32_t is_ask = kind - BUY
    cdef int64_t lots = command.qty_lots
    cdef uint64_t order_id = command.order_id
    cdef uint32_t tag = idmap_hash(order_id)
    cdef uint32_t index = book.order_free
    cdef uint32_t level_index
    cdef uint64_t total_lots
    cdef uint64_t *entry
    cdef Order *order = &book.orders[index]
    cdef Level *level
    if unlikely(is_ask > 1 or lots <= 0 or order_id >> SOURCE_SHIFT == 0 or index == 0):
        return LONG_WAY
    level_index = recent_place(there, is_ask, command.price_ticks)[0]
    level = &book.levels[level_index]
    if unlikely(level.price_ticks != command.price_ticks or level_index == 0):
        return arrive_elsewhere(engine, there, command, is_ask)
    total_lots = <uint64_t>level.total_lots + <uint64_t>lots
    if unlikely(<int64_t>total_lots < 0):
        return LONG_WAY
    entry = &book.ids.entries[tag & book.ids.mask]
    if unlikely(entry[0] != 0):
        entry = &book.ids.entries[id_place(book, order_id)]
        if entry[0] != 0:
            return LONG_WAY
    entry[0] = <uint64_t>tag << 32 | index
    answer(book, command, ACCEPTED, command.price_ticks, 0, lots, NONE, command.side)
    book.order_free = order.next
    book.order_count += 1
    order.order_id = order_id
    order.leaves_lots = lots
    order.account = command.account
    order.flags = <uint16_t>is_ask
    order.level = level_index
    book.entered_ts_ns[index] = command.event_ts_ns
    # The level is there, so somebody stands there.
    order.prev = level.tail
    order.next = 0
    book.orders[level.tail].next = index
    level.tail = index
    level.total_lots = <int64_t>total_lots
    level.order_count += 1
    there.sides[is_ask].own_count += 1
    if HFT_AUDIT:
        note_join(book, index)
    return DONE_AT_TOP if there.sides[is_ask].best == level_index else DONE


cdef inline bint is_plain_order(const Book *book, const Command *command,
                                uint32_t index) noexcept nogil:
    """Whether a command names a plain order that rests, and may touch it."""
    cdef const Order *order = &book.orders[index]
    return (
        order.flags <= ORDER_ASK  # which nil is not
        and order.account == command.account
        and book.levels[order.level].instrument == command.header.instrument
    )


cdef inline Way quick_cancel(Engine *engine, InstrumentBook *there,
                             const Command *command) noexcept nogil:
    """An order that goes, if it is plain."""
    cdef Book *book = &engine.book
    cdef uint32_t place = likely_place(book, command.order_id)
    cdef uint32_t index = <uint32_t>book.ids.entries[place]
    cdef Order *order
    cdef Level *level
    cdef bint at_top
    if unlikely(book.orders[index].order_id != command.order_id):
        place = id_place(book, command.order_id)
        index = <uint32_t>book.ids.entries[place]
    if unlikely(not is_plain_order(book, command, index)):
        return LONG_WAY
    order = &book.orders[index]
    level = &book.levels[order.level]
    answer(book, command, CANCELLED, level.price_ticks, order.leaves_lots, 0, REQUESTED,
           BUY + order_is_ask(order))
    at_top = quick_leave(book, there, level, index)
    idmap_remove_at(&book.ids, place)
    order.next = book.order_free
    order.level = 0  # whoever looks at records sees a free one
    book.order_free = index
    book.order_count -= 1
    return DONE_AT_TOP if at_top else DONE


cdef inline Way quick_replace(Engine *engine, InstrumentBook *there,
                              const Command *command) noexcept nogil:
    """An order that rests at another price, if it is plain."""
    cdef Book *book = &engine.book
    cdef uint32_t index, level
    cdef Order *order
    cdef uint32_t is_ask
    cdef bint at_top
    if unlikely(command.flags or command.qty_lots <= 0):
        return LONG_WAY
    index = likely_index(book, command.order_id)
    if unlikely(book.orders[index].order_id != command.order_id):
        index = find_order(book, command.order_id)
    if unlikely(not is_plain_order(book, command, index)):
        return LONG_WAY
    order = &book.orders[index]
    is_ask = order_is_ask(order)
    level = level_of(book, there, is_ask, command.price_ticks)
    if level == order.level or unlikely(
        book.levels[level].total_lots > INT64_MAX - command.qty_lots
        or book.order_free == 0
    ):
        return LONG_WAY
    if level == 0:
        if not has_path_room(book) or matches(book, there, is_ask, command.price_ticks):
            return LONG_WAY
        level = level_open(book, command.header.instrument, is_ask, command.price_ticks)
    say_for(book, command)
    report(&book.say, REPLACED, command.order_id, command.price_ticks, 0, command.qty_lots,
           command.account, NONE, is_ask)
    book.say.counts.amended_lots += <uint64_t>command.qty_lots - <uint64_t>order.leaves_lots
    at_top = quick_leave(book, there, &book.levels[order.level], index)
    quick_join(book, there, is_ask, index, level, command.qty_lots)
    return DONE_AT_TOP if at_top or there.sides[is_ask].best == level else DONE


cdef inline const Message *quick_run(Engine *engine, const Message *message,
                                     const Message *end) noexcept nogil:
    """Go the short way as far as it leads; the first command that it is not for, or `end`."""
    cdef Book *book = &engine.book
    cdef InstrumentBook *there = NULL
    cdef uint16_t instrument = message.header.instrument ^ 1  # any other than that of the first
    cdef uint8_t kind
    cdef Way way
    while message != end:
        if message.header.instrument != instrument:
            instrument = message.header.instrument
            there = &book.instruments[instrument]
            if unlikely(instrument >= book.instrument_count or there.quirky):
                break
        kind = message.header.kind
        if unlikely(<uint8_t>(kind - NEW_ORDER) > REPLACE_ORDER - NEW_ORDER):
            break  # before the time moves: that of an unknown kind doesn't count
        if message.command.event_ts_ns > book.say.now_ns:
            if unlikely(message.command.event_ts_ns >= book.wake_ts_ns):
                break
            book.say.now_ns = message.command.event_ts_ns
        if kind == NEW_ORDER:
            way = quick_new(engine, there, &message.command)
        elif kind == CANCEL_ORDER:
            way = quick_cancel(engine, there, &message.command)
        else:
            way = quick_replace(engine, there, &message.command)
        if way != DONE:
            if way == LONG_WAY:
                break
            say_for(book, &message.command)
            tell_top(book, instrument, message.command.event_ts_ns)
        message += 1
    return message
