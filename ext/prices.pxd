"""Prices that an order could have: what the instrument's rules allow, and where it would not match.
"""

from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint32_t

from hft.core.book cimport level_at, price_reaches, side_at
from hft.core.pools cimport Book, Rules, has_path_room


cdef inline int64_t steps_beyond(int64_t value, int64_t step) noexcept nogil:
    """How far a value lies above the multiple of `step` below it."""
    cdef int64_t beyond = value % step
    return beyond + step if beyond < 0 else beyond


cdef inline bint step_down(int64_t *ticks, int64_t step) noexcept nogil:
    """Round down to a multiple of `step`; whether 64 bits hold it."""
    cdef int64_t beyond = steps_beyond(ticks[0], step)
    if ticks[0] < INT64_MIN + beyond:
        return False
    ticks[0] -= beyond
    return True


cdef inline bint step_up(int64_t *ticks, int64_t step) noexcept nogil:
    cdef int64_t beyond = steps_beyond(ticks[0], step)
    if beyond == 0:
        return True
    if ticks[0] > INT64_MAX - (step - beyond):
        return False
    ticks[0] += step - beyond
    return True


cdef inline bint price_allowed(const Rules *rules, int64_t price_ticks) noexcept nogil:
    return (
        rules.price_min_ticks <= price_ticks <= rules.price_max_ticks
        and price_ticks % rules.price_step_ticks == 0
    )


cdef inline bint qty_allowed(const Rules *rules, int64_t qty_lots) noexcept nogil:
    return qty_lots <= rules.qty_max_lots and qty_lots % rules.qty_step_lots == 0


cdef inline bint best_opposite(const Book *book, uint32_t instrument, int is_ask,
                               int64_t *ticks) noexcept nogil:
    """The best price of the other side; whether there is one."""
    cdef uint32_t level = side_at(book, instrument, not is_ask).best
    ticks[0] = book.levels[level].price_ticks
    return level != 0


cdef inline bint would_match(const Book *book, uint32_t instrument, int is_ask, bint any_price,
                             int64_t limit_ticks) noexcept nogil:
    cdef uint32_t best = side_at(book, instrument, not is_ask).best
    return best and (
        any_price or price_reaches(limit_ticks, book.levels[best].price_ticks, not is_ask)
    )


cdef inline bint passive_price(const Book *book, uint32_t instrument, int is_ask,
                               int64_t *ticks) noexcept nogil:
    """Hold a price to the next one that doesn't match and is a multiple of the step.

    Whether there is one within the instrument's rules; a price that is passive already is kept.
    """
    cdef const Rules *rules = &book.instruments[instrument].rules
    cdef int64_t best
    if best_opposite(book, instrument, is_ask, &best) and price_reaches(ticks[0], best, not is_ask):
        if is_ask:
            if best == INT64_MAX:
                return False
            ticks[0] = best + 1
        else:
            if best == INT64_MIN:
                return False
            ticks[0] = best - 1
    if is_ask:
        return step_up(ticks, rules.price_step_ticks) and ticks[0] <= rules.price_max_ticks
    return step_down(ticks, rules.price_step_ticks) and ticks[0] >= rules.price_min_ticks


cdef inline bint level_takes(const Book *book, uint32_t instrument, int side, int64_t price_ticks,
                             int64_t lots) noexcept nogil:
    """Whether a level, to be opened or not, can take so much more."""
    cdef uint32_t level = level_at(book, instrument, side, price_ticks)
    return book.levels[level].total_lots <= INT64_MAX - lots and (
        level != 0 or has_path_room(book)
    )
