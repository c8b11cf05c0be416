"""Which price levels exist, in order: a 64-way bitmap trie from price key to level index.

A node is a 64-bit occupancy word and 64 children; in the lowest nodes, the leaves, the children are
level indices. The trie is only as high as the span of its prices needs: its root covers 64^height
keys that share `prefix`, and it grows and shrinks at the root. A price at the far end of the 64-bit
range costs a path of at most 11 nodes, wherever the market is. No band moves and nothing is copied.

The leaves near the market are remembered by their keys, so that finding, adding and removing a
level there, and the next level in the same leaf, are a look at one node: what a tick-indexed ladder
costs, without its band.

A key is the price with its sign bit flipped, inverted for bids: the best level of either side is
the smallest key. Worst case of every operation: 11 nodes down and 11 up.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hft.core.hints cimport unlikely

cdef extern from *:
    """
    #define hft_ctz64(word) ((unsigned)__builtin_ctzll(word))
    """
    unsigned int hft_ctz64(uint64_t word) noexcept nogil

cdef enum:
    TRIE_HEIGHT_MAX = 11
    TRIE_NODES_PER_INSERT = 22  # a root may grow to the full height, and a path be made below it
    LEAVES_KNOWN = 8


cdef struct Node:
    uint64_t occupied
    uint32_t children[64]  # 0 where not occupied; a free node's are all 0


cdef struct NodePool:
    Node *nodes  # index 0 is nil
    uint32_t capacity
    uint32_t used
    uint32_t fresh  # nodes from here on were never used
    uint32_t free_head  # chained through children[0]


cdef struct Trie:
    uint64_t prefix  # keys >> (6 * height) of everything below the root
    uint32_t root
    uint32_t height  # 0 when empty
    uint64_t leaf_tags[LEAVES_KNOWN]  # (key >> 6) + 1 of the leaf that is known there, 0: none
    uint32_t leaves[LEAVES_KNOWN]


cdef inline uint64_t price_key(int64_t price_ticks, int side) noexcept nogil:
    """Key of a price on a side; odd sides have their lowest price first, even ones the highest."""
    cdef uint64_t key = <uint64_t>price_ticks ^ (<uint64_t>1 << 63)
    return key ^ (<uint64_t>(side & 1) - 1)


cdef inline uint64_t trie_prefix(uint64_t key, uint32_t height) noexcept nogil:
    return key >> (6 * height) if height < TRIE_HEIGHT_MAX else 0


cdef inline uint32_t node_take(NodePool *pool) noexcept nogil:
    """A node without children. The caller has checked that one is left."""
    cdef uint32_t index = pool.free_head
    if index:
        pool.free_head = pool.nodes[index].children[0]
        pool.nodes[index].children[0] = 0
    else:
        index = pool.fresh
        pool.fresh += 1
    pool.used += 1
    return index


cdef inline void node_give(NodePool *pool, uint32_t index) noexcept nogil:
    """Take back a node all of whose children are 0."""
    pool.nodes[index].occupied = 0
    pool.nodes[index].children[0] = pool.free_head
    pool.free_head = index
    pool.used -= 1


cdef inline void node_put(NodePool *pool, uint32_t index, uint64_t place,
                          uint32_t child) noexcept nogil:
    pool.nodes[index].occupied |= <uint64_t>1 << place
    pool.nodes[index].children[place] = child


cdef inline uint32_t leaf_search(Trie *trie, const NodePool *pool, uint64_t key) noexcept nogil:
    """The leaf of a key from the root down, 0 if there is none; known from then on."""
    cdef uint32_t index = trie.root
    cdef uint32_t height = trie.height
    cdef uint32_t place = (key >> 6) & (LEAVES_KNOWN - 1)
    if index == 0 or trie_prefix(key, height) != trie.prefix:
        return 0
    while height > 1 and index:
        height -= 1
        index = pool.nodes[index].children[(key >> (6 * height)) & 63]
    if index:
        trie.leaf_tags[place] = (key >> 6) + 1
        trie.leaves[place] = index
    return index


cdef inline uint32_t trie_leaf(Trie *trie, const NodePool *pool, uint64_t key) noexcept nogil:
    """The leaf that a key belongs to, 0 if there is none."""
    cdef uint32_t place = (key >> 6) & (LEAVES_KNOWN - 1)
    if trie.leaf_tags[place] == (key >> 6) + 1:
        return trie.leaves[place]
    return leaf_search(trie, pool, key)


cdef inline uint32_t trie_find(Trie *trie, const NodePool *pool, uint64_t key) noexcept nogil:
    """Level index at `key`, 0 if there is none. The nil node has no children."""
    return pool.nodes[trie_leaf(trie, pool, key)].children[key & 63]


cdef inline uint32_t trie_first(const NodePool *pool, uint32_t index,
                                uint32_t height) noexcept nogil:
    """Level index of the smallest key below the node `index`, which stands `height` high."""
    while height:
        height -= 1
        index = pool.nodes[index].children[hft_ctz64(pool.nodes[index].occupied)]
    return index


cdef inline uint32_t next_elsewhere(const Trie *trie, const NodePool *pool,
                                    uint64_t key) noexcept nogil:
    """Level index of the smallest key greater than `key`, from the root down."""
    cdef uint32_t path[TRIE_HEIGHT_MAX]
    cdef uint32_t height = trie.height
    cdef uint32_t index = trie.root
    cdef uint64_t place, after
    cdef uint64_t prefix = trie_prefix(key, height)
    if index == 0 or prefix > trie.prefix:
        return 0
    if prefix < trie.prefix:
        return trie_first(pool, index, height)
    while height and index:
        height -= 1
        path[height] = index
        index = pool.nodes[index].children[(key >> (6 * height)) & 63]
    while height < trie.height:
        place = (key >> (6 * height)) & 63
        # Two shifts: `place` may be 63.
        after = pool.nodes[path[height]].occupied >> place >> 1
        if after:
            index = pool.nodes[path[height]].children[place + 1 + hft_ctz64(after)]
            return trie_first(pool, index, height)
        height += 1
    return 0


cdef inline uint32_t trie_next(Trie *trie, const NodePool *pool, uint64_t key) noexcept nogil:
    """Level index of the smallest key greater than `key` (there or not), 0 if there is none."""
    cdef uint32_t leaf = trie_leaf(trie, pool, key)
    cdef uint64_t place = key & 63
    cdef uint64_t after = pool.nodes[leaf].occupied >> place >> 1
    if after:
        return pool.nodes[leaf].children[place + 1 + hft_ctz64(after)]
    return next_elsewhere(trie, pool, key)


cdef inline void insert_path(Trie *trie, NodePool *pool, uint64_t key,
                             uint32_t level) noexcept nogil:
    """Put `level` at `key`, making what is missing of the way there."""
    cdef uint32_t index, child, height
    cdef uint64_t place
    if trie.root == 0:
        trie.root = node_take(pool)
        trie.height = 1
        trie.prefix = trie_prefix(key, 1)
    while trie_prefix(key, trie.height) != trie.prefix:
        index = node_take(pool)
        node_put(pool, index, trie.prefix & 63, trie.root)
        trie.root = index
        trie.height += 1
        trie.prefix = trie.prefix >> 6 if trie.height < TRIE_HEIGHT_MAX else 0
    index = trie.root
    height = trie.height - 1
    while height:
        place = (key >> (6 * height)) & 63
        child = pool.nodes[index].children[place]
        if child == 0:
            child = node_take(pool)
            node_put(pool, index, place, child)
        index = child
        height -= 1
    node_put(pool, index, key & 63, level)


cdef inline void trie_insert(Trie *trie, NodePool *pool, uint64_t key,
                             uint32_t level) noexcept nogil:
    """Put `level` at `key`, where none is. Needs at most TRIE_NODES_PER_INSERT free ones."""
    cdef uint32_t leaf = trie_leaf(trie, pool, key)
    if leaf:
        node_put(pool, leaf, key & 63, level)
    else:
        insert_path(trie, pool, key, level)


cdef inline void remove_path(Trie *trie, NodePool *pool, uint64_t key) noexcept nogil:
    """Remove the key that is the last of its leaf, and what of the way there leads nowhere else."""
    cdef uint32_t path[TRIE_HEIGHT_MAX]
    cdef uint32_t index = trie.root
    cdef uint32_t height = trie.height
    cdef uint64_t place = (key >> 6) & (LEAVES_KNOWN - 1)
    if trie.leaf_tags[place] == (key >> 6) + 1:
        trie.leaf_tags[place] = 0
    while height:
        height -= 1
        path[height] = index
        index = pool.nodes[index].children[(key >> (6 * height)) & 63]
    while height < trie.height:
        place = (key >> (6 * height)) & 63
        index = path[height]
        pool.nodes[index].children[place] = 0
        pool.nodes[index].occupied &= ~(<uint64_t>1 << place)
        if pool.nodes[index].occupied:
            break
        node_give(pool, index)
        height += 1
    if height == trie.height:
        trie.root = 0
        trie.height = 0
        return
    # A root with one child says nothing that the prefix can't.
    while trie.height > 1:
        index = trie.root
        if pool.nodes[index].occupied & (pool.nodes[index].occupied - 1):
            return
        place = hft_ctz64(pool.nodes[index].occupied)
        trie.root = pool.nodes[index].children[place]
        pool.nodes[index].children[place] = 0
        node_give(pool, index)
        trie.height -= 1
        trie.prefix = trie.prefix << 6 | place


cdef inline void trie_remove(Trie *trie, NodePool *pool, uint64_t key) noexcept nogil:
    """Remove the level at `key`, which is there."""
    cdef uint32_t leaf = trie_leaf(trie, pool, key)
    cdef uint64_t rest = pool.nodes[leaf].occupied & ~(<uint64_t>1 << (key & 63))
    if unlikely(rest == 0):
        remove_path(trie, pool, key)
        return
    pool.nodes[leaf].occupied = rest
    pool.nodes[leaf].children[key & 63] = 0
