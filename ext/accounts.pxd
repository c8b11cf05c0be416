"""What the engine is told about accounts: their rules, and their positions on instruments.

Rules are a byte an account. Positions are records found by (instrument, account) through a map of
their own; only pairs that the engine was told of are known, and while it knows none, no fill looks
for one.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hft.core.idmap cimport IdMap, idmap_find, idmap_put, idmap_remove, idmap_seek

cdef enum:
    ACCOUNTS = 65536
    POSITIONS = 65536
    NO_ACCOUNT = 65536  # one that no order has
    SELF_TRADE_RULE_MASK = 7


cdef struct Position:
    uint64_t key  # 0: a free record
    int64_t lots
    uint32_t next_free
    uint32_t reserved


cdef struct Accounts:
    uint8_t *rules  # SelfTradeRule and AccountFlag
    uint32_t rules_end  # accounts from this one on never had any
    Position *positions  # index 0 is nil
    IdMap ids
    uint32_t position_count
    uint32_t position_fresh
    uint32_t position_free


cdef inline uint64_t position_key(uint32_t instrument, uint16_t account) noexcept nogil:
    return <uint64_t>1 << 32 | instrument << 16 | account


cdef inline int64_t clamped_sum(int64_t left, int64_t right) noexcept nogil:
    """left + right, held within +-(2^63 - 1)."""
    if right > 0 and left > INT64_MAX - right:
        return INT64_MAX
    if right < 0 and left < -INT64_MAX - right:
        return -INT64_MAX
    return left + right


cdef inline Position *position_of(const Accounts *accounts, uint32_t instrument,
                                  uint16_t account) noexcept nogil:
    """The record of a position; NULL where the engine was never told of it."""
    cdef uint32_t index = 0
    if accounts.position_count:
        index = idmap_find(&accounts.ids, position_key(instrument, account), sizeof(Position))
    return &accounts.positions[index] if index else NULL


cdef inline int64_t reducible_lots(const Accounts *accounts, uint32_t instrument,
                                   uint16_t account, int is_ask) noexcept nogil:
    """How much an account may sell (or buy) before its position is 0."""
    cdef const Position *position = position_of(accounts, instrument, account)
    if position == NULL:
        return 0
    return max(<int64_t>0, position.lots if is_ask else -position.lots)


cdef inline void position_move(Accounts *accounts, uint32_t instrument, uint16_t account,
                               int is_ask, int64_t lots) noexcept nogil:
    """Count a fill in a position, if it is known."""
    cdef Position *position = position_of(accounts, instrument, account)
    if position != NULL:
        position.lots = clamped_sum(position.lots, -lots if is_ask else lots)


cdef inline bint position_set(Accounts *accounts, uint32_t instrument, uint16_t account,
                              int64_t lots) noexcept nogil:
    """Tell a position; whether there was room for it."""
    cdef uint64_t key = position_key(instrument, account)
    cdef uint32_t place = idmap_seek(&accounts.ids, key, sizeof(Position))
    cdef uint32_t index = <uint32_t>accounts.ids.entries[place]
    if index == 0:
        if accounts.position_count == POSITIONS:
            return False
        index = accounts.position_free
        if index:
            accounts.position_free = accounts.positions[index].next_free
        else:
            index = accounts.position_fresh
            accounts.position_fresh += 1
        accounts.position_count += 1
        accounts.positions[index].key = key
        idmap_put(&accounts.ids, place, key, index)
    accounts.positions[index].lots = max(lots, -INT64_MAX)
    return True


cdef inline void positions_forget(Accounts *accounts, uint32_t instrument) noexcept nogil:
    """Forget every position on an instrument."""
    cdef uint32_t index
    cdef Position *position
    for index in range(1, accounts.position_fresh):
        position = &accounts.positions[index]
        if position.key and (position.key >> 16 & 0xFFFF) == instrument:
            idmap_remove(&accounts.ids, position.key, index)
            position.key = 0
            position.next_free = accounts.position_free
            accounts.position_free = index
            accounts.position_count -= 1
