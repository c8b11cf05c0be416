"""The best prices of an instrument, told when they are not what was told last."""

from libc.stdint cimport int64_t, uint16_t, uint32_t

from hft.core.answers cimport next_answer
from hft.core.messages cimport BOOK_TOP, BookTop
from hft.core.pools cimport Book, InstrumentBook


cdef inline void tell_top(Book *book, uint32_t instrument, int64_t event_ts_ns) noexcept nogil:
    """Append a BOOK_TOP if the best prices are not what the last one said."""
    cdef InstrumentBook *there = &book.instruments[instrument]
    cdef int64_t price_ticks[2]
    cdef int64_t lots[2]
    cdef uint32_t level
    cdef int side
    cdef BookTop *answer
    there.top_moved = False
    for side in range(2):
        # The nil level has neither price nor lots.
        level = there.sides[side].best
        price_ticks[side] = book.levels[level].price_ticks
        lots[side] = book.levels[level].total_lots
    if (price_ticks[0] == there.top_price_ticks[0] and lots[0] == there.top_lots[0]
            and price_ticks[1] == there.top_price_ticks[1] and lots[1] == there.top_lots[1]):
        return
    for side in range(2):
        there.top_price_ticks[side] = price_ticks[side]
        there.top_lots[side] = lots[side]
    answer = &next_answer(&book.say).book_top
    answer.header = book.say.header
    answer.header.kind = BOOK_TOP
    answer.header.instrument = <uint16_t>instrument
    answer.bid_price_ticks = price_ticks[0]
    answer.bid_lots = lots[0]
    answer.ask_price_ticks = price_ticks[1]
    answer.ask_lots = lots[1]
    answer.event_ts_ns = event_ts_ns
