"""Open-addressed map from a 64-bit id to the pool index of the record that starts with it.

An entry is 8 bytes: the id's 32-bit hash above the 32-bit pool index; 0 is empty, so index 0 is
never stored. The id itself stays in the pool record, where a hit needs it anyway. Linear probing at
a load of at most one half; deletion shifts back, so there are no tombstones. Worst case: ids chosen
to collide cost a walk over their run.
"""

from libc.stdint cimport uint32_t, uint64_t


cdef struct IdMap:
    uint64_t *entries
    uint32_t mask
    const char *records  # address of record 0 of the pool whose records the indices mean


cdef inline uint32_t idmap_hash(uint64_t key) noexcept nogil:
    return <uint32_t>((key * <uint64_t>0x9E3779B97F4A7C15) >> 32)


cdef inline uint64_t idmap_entries_for(uint64_t capacity) noexcept nogil:
    """Power of two that keeps `capacity` ids at a load of at most one half."""
    cdef uint64_t entries = 16
    while entries < 2 * capacity:
        entries *= 2
    return entries


cdef inline uint32_t idmap_seek(const IdMap *ids, uint64_t key,
                                size_t record_bytes) noexcept nogil:
    """Place of the entry of `key`, or of the empty one where it would be put.

    `record_bytes`, from one record to the next, is a constant of each pool.
    """
    cdef uint32_t tag = idmap_hash(key)
    cdef uint32_t place = tag & ids.mask
    cdef uint64_t entry = ids.entries[place]
    while entry:
        if <uint32_t>(entry >> 32) == tag:
            if (<const uint64_t *>(ids.records + <size_t>(<uint32_t>entry)
                                   * record_bytes))[0] == key:
                break
        place = (place + 1) & ids.mask
        entry = ids.entries[place]
    return place


cdef inline uint32_t idmap_find(const IdMap *ids, uint64_t key,
                                size_t record_bytes) noexcept nogil:
    """Pool index of `key`, 0 if it is not there."""
    return <uint32_t>ids.entries[idmap_seek(ids, key, record_bytes)]


cdef inline void idmap_put(IdMap *ids, uint32_t place, uint64_t key,
                           uint32_t index) noexcept nogil:
    """Map `key` to `index` at the empty place that `idmap_seek` gave for it."""
    ids.entries[place] = (<uint64_t>idmap_hash(key) << 32) | index


cdef inline void idmap_add(IdMap *ids, uint64_t key, uint32_t index,
                           size_t record_bytes) noexcept nogil:
    """Map `key`, which is not there yet, to `index`."""
    idmap_put(ids, idmap_seek(ids, key, record_bytes), key, index)


cdef inline void idmap_remove_at(IdMap *ids, uint32_t hole) noexcept nogil:
    """Empty an entry's place; entries behind it may move up."""
    cdef uint32_t place = hole
    cdef uint64_t entry
    while True:
        place = (place + 1) & ids.mask
        entry = ids.entries[place]
        if entry == 0:
            break
        # An entry may move back to the hole unless its home lies behind the hole.
        if ((place - <uint32_t>(entry >> 32)) & ids.mask) >= ((place - hole) & ids.mask):
            ids.entries[hole] = entry
            hole = place
    ids.entries[hole] = 0


cdef inline void idmap_remove(IdMap *ids, uint64_t key, uint32_t index) noexcept nogil:
    """Forget `key`, which maps to `index`."""
    cdef uint64_t wanted = (<uint64_t>idmap_hash(key) << 32) | index
    cdef uint32_t place = <uint32_t>(wanted >> 32) & ids.mask
    while ids.entries[place] != wanted:
        place = (place + 1) & ids.mask
    idmap_remove_at(ids, place)
