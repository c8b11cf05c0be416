"""The invariants of the engine, asserted after every command where HFT_AUDIT is on.

`audit_state` looks at everything there is and says which invariant doesn't hold; `audit_answers`
follows the lots of own orders through the reports: what was accepted and neither filled, cancelled
nor cut must be what is live. A broken one ends the process at once, with the command's sequence.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort

from hft.core.book cimport level_after, price_reaches, side_at
from hft.core.departures cimport all_lots
from hft.core.hints cimport HFT_AUDIT
from hft.core.matching cimport Engine
from hft.core.messages cimport (
    ACCEPTED,
    CANCELLED,
    FILLED,
    RESTATED,
    SOURCE_SHIFT,
    Message,
    Report,
)
from hft.core.outbox cimport Outbox
from hft.core.pools cimport (
    ORDER_GTD,
    ORDER_LINKED,
    ORDER_PEG,
    ORDER_STOP,
    ORDER_UNUSUAL_MAKER,
    SIDES,
    Book,
    BookSide,
    InstrumentBook,
    Level,
    Order,
    find_order,
    order_is_ask,
    order_is_recorded,
)
from hft.core.trie cimport price_key

cdef enum Broken:
    LEVEL_ORDER = 1  # levels of a side are not strictly in order of price
    LEVEL_OWNER = 2  # a level or an order does not know where it stands
    LEVEL_EMPTY = 3
    LEVEL_TOTAL = 4  # a level's total or count is not that of its orders
    QUEUE_LINKS = 5
    QUEUE_ORDER = 6  # an order stands before one that joined earlier
    SIDE_COUNTS = 7
    CROSSED = 8  # an own order could match
    ORDER_POOL = 9  # live and free records are not all records
    ORDER_IDS = 10  # a live order is not found by its id
    LEVEL_POOL = 11
    NODE_POOL = 12
    LINKS = 13  # a link is not mutual
    PEGS = 14
    STOPS = 15
    EXPIRIES = 16
    LOTS = 17  # accepted lots are not filled, cancelled, cut or live

cdef enum:
    EVERY_COMMAND_BELOW = 512  # live orders; above, every so many commands


cdef struct Found:
    uint32_t orders
    uint32_t levels
    uint32_t named
    uint32_t stops
    uint32_t pegs
    uint32_t dated
    uint64_t own_lots


cdef inline uint32_t audit_order(const Book *book, uint32_t index, Found *found) noexcept nogil:
    """Any live order: that it is found by id, and that its link is mutual."""
    cdef const Order *order = &book.orders[index]
    cdef uint32_t other
    found.orders += 1
    if order.order_id:
        found.named += 1
        if find_order(book, order.order_id) != index:
            return ORDER_IDS
    if not order_is_recorded(order):
        found.own_lots += <uint64_t>all_lots(book, index)
    if order.flags & ORDER_LINKED:
        other = book.terms[index].link
        if (other == 0 or book.terms[other].link != index
                or not book.orders[other].flags & ORDER_LINKED):
            return LINKS
    found.dated += (order.flags & ORDER_GTD) != 0
    return 0


cdef inline uint32_t audit_level(const Book *book, uint32_t index, Found *found,
                                 BookSide *counted, int64_t *own_best,
                                 bint *own_seen) noexcept nogil:
    cdef const Level *level = &book.levels[index]
    cdef const Order *order
    cdef uint32_t at = level.head
    cdef uint32_t before = 0
    cdef uint32_t count = 0
    cdef uint32_t pegs = 0
    cdef uint32_t broken
    cdef uint64_t total = 0
    found.levels += 1
    if at == 0:
        return LEVEL_EMPTY
    while at:
        order = &book.orders[at]
        if order.level != index or order_is_ask(order) != (
            level.side if level.side < 2 else 3 - level.side
        ):
            return LEVEL_OWNER
        if order.prev != before or order.leaves_lots <= 0:
            return QUEUE_LINKS
        if HFT_AUDIT and before and book.joined[before] >= book.joined[at]:
            return QUEUE_ORDER
        broken = audit_order(book, at, found)
        if broken:
            return broken
        count += 1
        total += <uint64_t>order.leaves_lots
        pegs += (order.flags & ORDER_PEG) != 0
        found.stops += (order.flags & ORDER_STOP) != 0
        counted.unusual_count += (order.flags & ORDER_UNUSUAL_MAKER) != 0
        if not order_is_recorded(order):
            counted.own_count += 1
            if not own_seen[0]:
                own_seen[0] = True
                own_best[0] = level.price_ticks
        before = at
        at = order.next
    if before != level.tail:
        return QUEUE_LINKS
    if count != level.order_count or total != <uint64_t>level.total_lots:
        return LEVEL_TOTAL
    return PEGS if pegs != book.level_pegs[index] else 0


cdef inline uint32_t audit_instrument(const Book *book, uint32_t instrument,
                                      Found *found) noexcept nogil:
    cdef const InstrumentBook *there = &book.instruments[instrument]
    cdef const BookSide *side_there
    cdef BookSide counted
    cdef uint32_t index, level, broken
    cdef uint32_t stops_before = found.stops
    cdef uint32_t pegs = 0
    cdef uint64_t key = 0
    cdef int64_t own_best[4]
    cdef bint own_seen[4]
    cdef int side
    for side in range(<int>SIDES):
        side_there = side_at(book, instrument, side)
        counted.own_count = counted.unusual_count = 0
        own_seen[side] = False
        level = side_there.best
        while level:
            if book.levels[level].instrument != instrument or book.levels[level].side != side:
                return LEVEL_OWNER
            if level != side_there.best and price_key(book.levels[level].price_ticks, side) <= key:
                return LEVEL_ORDER
            key = price_key(book.levels[level].price_ticks, side)
            broken = audit_level(book, level, found, &counted, &own_best[side], &own_seen[side])
            if broken:
                return broken
            level = level_after(book, instrument, side, book.levels[level].price_ticks)
        if (counted.own_count != side_there.own_count
                or counted.unusual_count != side_there.unusual_count):
            return SIDE_COUNTS
    for side in range(2):
        level = there.sides[1 - side].best
        # Recorded orders may cross each other, own ones nobody.
        if level and own_seen[side] and price_reaches(own_best[side],
                                                      book.levels[level].price_ticks, 1 - side):
            return CROSSED
        index = there.ghost_head[side]
        while index:
            broken = audit_order(book, index, found)
            if broken:
                return broken
            if book.orders[index].leaves_lots or book.orders[index].level:
                return QUEUE_LINKS
            index = book.orders[index].next
    index = there.peg_head
    while index:
        pegs += 1
        if not book.orders[index].flags & ORDER_PEG:
            return PEGS
        if book.orders[index].level == 0:
            broken = audit_order(book, index, found)
            if broken:
                return broken
        index = book.terms[index].next
    if pegs != there.peg_count:
        return PEGS
    return STOPS if found.stops - stops_before != there.stop_count else 0


cdef inline uint32_t audit_pools(const Book *book, const Found *found) noexcept nogil:
    cdef uint32_t free_count = 0
    cdef uint32_t index = book.order_free
    cdef uint64_t place
    cdef uint32_t entries = 0
    while index and free_count <= book.order_fresh:
        free_count += 1
        index = book.orders[index].next
    if found.orders != book.order_count or free_count + found.orders != book.order_fresh - 1:
        return ORDER_POOL
    for place in range(<uint64_t>book.ids.mask + 1):
        entries += book.ids.entries[place] != 0
    if entries != found.named:
        return ORDER_IDS
    free_count = 0
    index = book.level_free
    while index and free_count <= book.level_fresh:
        free_count += 1
        index = book.levels[index].head
    if free_count + found.levels != book.level_fresh - 1:
        return LEVEL_POOL
    free_count = 0
    index = book.nodes.free_head
    while index and free_count <= book.nodes.fresh:
        free_count += 1
        index = book.nodes.nodes[index].children[0]
    if free_count + book.nodes.used != book.nodes.fresh - 1 or (
        found.levels == 0 and book.nodes.used
    ):
        return NODE_POOL
    if found.dated != book.expiring.count or book.triggered.count:
        return EXPIRIES
    return 0


cdef inline uint32_t audit_state(const Engine *engine) noexcept nogil:
    """0, or which invariant (Broken) doesn't hold."""
    cdef Found found
    cdef uint32_t instrument, broken
    found.orders = found.levels = found.named = found.stops = found.pegs = found.dated = 0
    found.own_lots = 0
    for instrument in range(engine.book.instrument_count):
        broken = audit_instrument(&engine.book, instrument, &found)
        if broken:
            return broken
    broken = audit_pools(&engine.book, &found)
    if broken:
        return broken
    return LOTS if HFT_AUDIT and found.own_lots != engine.audited_lots else 0


cdef inline void audit_answers(Engine *engine, const Message *command, const Outbox *out,
                               uint32_t first) noexcept nogil:
    """Count a command's reports, then check everything, in a large book only now and then."""
    cdef uint32_t place, broken
    cdef const Report *report
    cdef uint8_t kind
    for place in range(first, out.count):
        report = &out.messages[place].report
        kind = report.header.kind
        if report.order_id >> SOURCE_SHIFT == 0:
            continue
        if kind == ACCEPTED and report.leaves_lots:
            engine.audited_lots += <uint64_t>report.leaves_lots
        elif kind == FILLED or kind == CANCELLED or kind == RESTATED:
            engine.audited_lots -= <uint64_t>report.last_lots
    engine.audited_lots += engine.book.say.counts.amended_lots - engine.audited_amended_lots
    engine.audited_amended_lots = engine.book.say.counts.amended_lots
    if (engine.book.order_count >= EVERY_COMMAND_BELOW
            and engine.book.say.counts.commands % EVERY_COMMAND_BELOW):
        return
    broken = audit_state(engine)
    if broken:
        fprintf(stderr, "hft.core.engine: invariant %u broken by command %llu of kind %u\n",
                broken, <unsigned long long>command.header.sequence,
                <unsigned int>command.header.kind)
        abort()
