"""The state of the engine in 64 bits, as docs/engine.md defines it. Cost: everything there is."""

from libc.stdint cimport uint32_t, uint64_t

from hft.core.accounts cimport Position
from hft.core.book cimport level_after, side_at
from hft.core.ghosts cimport order_life
from hft.core.matching cimport Engine
from hft.core.messages cimport STOP
from hft.core.pools cimport (
    ORDER_ATTRIBUTES,
    ORDER_GTD,
    ORDER_ICEBERG,
    ORDER_LINKED,
    ORDER_PEG,
    ORDER_SPECIAL,
    ORDER_STOP,
    SIDES,
    Book,
    InstrumentBook,
    Order,
    OrderTerms,
)


cdef inline void mix(uint64_t *hash_, uint64_t word) noexcept nogil:
    cdef uint64_t mixed = (hash_[0] ^ word) * <uint64_t>0x9E3779B97F4A7C15
    hash_[0] = mixed ^ (mixed >> 32)


cdef inline void mix_order(const Book *book, uint32_t index, uint64_t *hash_) noexcept nogil:
    cdef const Order *order = &book.orders[index]
    cdef const OrderTerms *terms = &book.terms[index]
    cdef bint waits = (order.flags & (ORDER_STOP | ORDER_PEG)) != 0
    cdef bint parts = (order.flags & ORDER_ICEBERG) != 0
    mix(hash_, order.order_id)
    mix(hash_, <uint64_t>order.leaves_lots)
    mix(hash_, <uint64_t>order_life(book, index))
    mix(hash_, order.account)
    mix(hash_, (order.flags & ORDER_ATTRIBUTES) >> 1)
    if not order.flags & ORDER_SPECIAL:
        return
    mix(hash_, <uint64_t>terms.hidden_lots if parts else 0)
    mix(hash_, <uint64_t>terms.display_lots if parts else 0)
    if waits and terms.order_type == STOP:
        mix(hash_, <uint64_t>terms.trigger_ticks)
    else:
        mix(hash_, <uint64_t>terms.limit_ticks if waits else 0)
    mix(hash_, <uint64_t>terms.trigger_ticks if waits else 0)
    mix(hash_, <uint64_t>terms.expiry_ts_ns if order.flags & ORDER_GTD else 0)
    mix(hash_, terms.arrival)
    mix(hash_, book.orders[terms.link].order_id if order.flags & ORDER_LINKED else 0)
    mix(hash_, terms.order_type * 8 + terms.time_in_force if waits else 0)


cdef inline void mix_side(const Book *book, uint32_t instrument, int side,
                          uint64_t *hash_) noexcept nogil:
    cdef uint32_t level = side_at(book, instrument, side).best
    cdef uint32_t index
    while level:
        mix(hash_, <uint64_t>book.levels[level].price_ticks)
        index = book.levels[level].head
        while index:
            mix_order(book, index, hash_)
            index = book.orders[index].next
        level = level_after(book, instrument, side, book.levels[level].price_ticks)


cdef inline void mix_instrument(const Book *book, uint32_t instrument,
                                uint64_t *hash_) noexcept nogil:
    cdef const InstrumentBook *there = &book.instruments[instrument]
    cdef uint32_t index
    cdef int place
    mix(hash_, there.listed)
    mix(hash_, there.state)
    mix(hash_, <uint64_t>there.displaced_lots)
    mix(hash_, there.traded)
    mix(hash_, <uint64_t>there.last_trade_ticks)
    mix(hash_, <uint64_t>there.rules.price_step_ticks)
    mix(hash_, <uint64_t>there.rules.qty_step_lots)
    mix(hash_, <uint64_t>there.rules.price_min_ticks)
    mix(hash_, <uint64_t>there.rules.price_max_ticks)
    mix(hash_, <uint64_t>there.rules.qty_max_lots)
    for place in range(<int>SIDES):
        mix_side(book, instrument, place, hash_)
    index = there.peg_head
    while index:
        if book.orders[index].level == 0:
            mix_order(book, index, hash_)
        index = book.terms[index].next
    if there.peg_count:
        mix(hash_, 1)
        for place in range(4):
            mix(hash_, there.peg_seen[place])
            mix(hash_, <uint64_t>there.peg_seen_ticks[place])


cdef inline void mix_ghosts(const Book *book, uint32_t index, uint64_t *hash_) noexcept nogil:
    while index:
        mix(hash_, book.orders[index].order_id)
        mix(hash_, <uint64_t>book.lives[index].price_ticks)
        mix(hash_, <uint64_t>book.lives[index].life_lots)
        index = book.orders[index].next


cdef inline uint64_t state_hash(const Engine *engine) noexcept nogil:
    cdef const Book *book = &engine.book
    cdef uint64_t hash_ = 0
    cdef uint64_t positions = 0
    cdef uint64_t word
    cdef uint32_t place
    cdef const Position *position
    mix(&hash_, <uint64_t>book.say.now_ns)
    mix(&hash_, engine.arrivals)
    for place in range(book.instrument_count):
        mix_instrument(book, place, &hash_)
    for place in range(book.instrument_count):
        mix_ghosts(book, book.instruments[place].ghost_head[0], &hash_)
        mix_ghosts(book, book.instruments[place].ghost_head[1], &hash_)
    for place in range(engine.accounts.rules_end):
        if engine.accounts.rules[place]:
            mix(&hash_, place)
            mix(&hash_, engine.accounts.rules[place])
    for place in range(1, engine.accounts.position_fresh):
        position = &engine.accounts.positions[place]
        if position.key:
            word = 0
            mix(&word, <uint32_t>position.key)
            mix(&word, <uint64_t>position.lots)
            positions += word
    mix(&hash_, positions)
    return hash_
