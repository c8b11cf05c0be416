"""What a step of the engine says: reports, trades and market data, appended to its outbox.

The header of every answer is that of the command at work; `cause` names the command.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hft.core.messages cimport (
    BOOK_LEVEL,
    BOOK_ORDER,
    BUY,
    REJECTED,
    SELL,
    SOURCE_ENGINE,
    TRADE,
    BookLevel,
    BookOrder,
    Command,
    Header,
    Message,
    Trade,
    header_word,
    report_word,
)
from hft.core.hints cimport unlikely
from hft.core.outbox cimport Outbox, outbox_grow

cdef struct EngineCounts:
    uint64_t commands
    uint64_t trades
    uint64_t traded_lots
    uint64_t rejected
    uint64_t amended_lots  # new minus old quantities of replaced orders, mod 2^64


cdef struct Answers:
    Message *next  # where the next answer goes
    Message *end
    Outbox *out
    Header header
    uint32_t cause
    uint32_t reports  # that the command at work has got
    int64_t now_ns  # the engine's time
    uint32_t market_data  # MarketData
    EngineCounts counts


cdef inline void say_to(Answers *say, Outbox *out) noexcept nogil:
    """Answer into an outbox, behind what is in it already; `said` ends that."""
    say.out = out
    say.next = out.messages + out.count
    say.end = out.messages + out.capacity


cdef inline void said(Answers *say) noexcept nogil:
    say.out.count = <uint32_t>(say.next - say.out.messages)


cdef inline void more_room(Answers *say) noexcept nogil:
    said(say)
    outbox_grow(say.out)
    say_to(say, say.out)


cdef inline Message *next_answer(Answers *say) noexcept nogil:
    """Room for one more answer."""
    if unlikely(say.next == say.end):
        more_room(say)
    say.next += 1
    return say.next - 1


cdef inline void report(Answers *say, uint8_t kind, uint64_t order_id, int64_t price_ticks,
                        int64_t last_lots, int64_t leaves_lots, uint16_t account, uint8_t reason,
                        int is_ask) noexcept nogil:
    cdef Message *answer = next_answer(say)
    # Whole words, each field of which messages.pxd places: half as many stores.
    answer.words[0] = 0
    answer.header.origin_ts_ns = say.header.origin_ts_ns
    answer.words[2] = header_word(say.header.instrument, kind, SOURCE_ENGINE)
    answer.report.order_id = order_id
    answer.report.price_ticks = price_ticks
    answer.report.last_lots = last_lots
    answer.report.leaves_lots = leaves_lots
    answer.words[7] = report_word(say.cause, account, reason, <uint8_t>(BUY + is_ask))
    say.reports += 1


cdef inline void trade(Answers *say, uint64_t maker_order_id, uint64_t taker_order_id,
                       int64_t price_ticks, int64_t qty_lots, int maker_is_ask,
                       bint hidden) noexcept nogil:
    cdef Trade *answer = &next_answer(say).trade
    answer.header = say.header
    answer.header.kind = TRADE
    answer.maker_order_id = maker_order_id
    answer.taker_order_id = taker_order_id
    answer.price_ticks = price_ticks
    answer.qty_lots = qty_lots
    answer.cause = say.cause
    answer.side = <uint8_t>(SELL - maker_is_ask)
    answer.hidden = hidden
    answer.reserved = 0
    say.counts.trades += 1
    say.counts.traded_lots += <uint64_t>qty_lots


cdef inline void tell_order(Answers *say, uint16_t instrument, int is_ask, uint64_t order_id,
                            int64_t price_ticks, int64_t leaves_lots,
                            uint8_t action) noexcept nogil:
    cdef BookOrder *answer = &next_answer(say).book_order
    answer.header = say.header
    answer.header.kind = BOOK_ORDER
    answer.header.instrument = instrument
    answer.order_id = order_id
    answer.price_ticks = price_ticks
    answer.leaves_lots = leaves_lots
    answer.event_ts_ns = say.now_ns
    answer.cause = say.cause
    answer.action = action
    answer.side = <uint8_t>(BUY + is_ask)
    answer.reserved = 0


cdef inline void tell_level(Answers *say, uint16_t instrument, int is_ask, int64_t price_ticks,
                            int64_t lots, uint32_t order_count) noexcept nogil:
    cdef BookLevel *answer = &next_answer(say).book_level
    cdef int place
    answer.header = say.header
    answer.header.kind = BOOK_LEVEL
    answer.header.instrument = instrument
    answer.price_ticks = price_ticks
    answer.lots = lots
    answer.event_ts_ns = say.now_ns
    answer.order_count = order_count
    answer.cause = say.cause
    answer.side = <uint8_t>(BUY + is_ask)
    for place in range(7):
        answer.reserved[place] = 0


cdef inline void echo(Answers *say, const Command *command, uint8_t kind, uint64_t order_id,
                      int64_t last_lots, uint8_t reason) noexcept nogil:
    """A report about the command itself, with its price, account and side, whatever they may be."""
    report(say, kind, order_id, command.price_ticks, last_lots, 0, command.account, reason, 0)
    (say.next - 1).report.side = command.side


cdef inline void reject(Answers *say, const Command *command, uint8_t reason) noexcept nogil:
    echo(say, command, REJECTED, command.order_id, command.qty_lots, reason)
    say.counts.rejected += 1


cdef inline void echo_other(Answers *say, uint8_t kind, uint8_t reason) noexcept nogil:
    """A report about a message that is no Command: it has none of its fields."""
    report(say, kind, 0, 0, 0, 0, 0, reason, 0)
    (say.next - 1).report.side = 0
    say.counts.rejected += kind == REJECTED
