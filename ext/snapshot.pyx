"""Snapshots of an engine: everything that its future depends on, in an order of its own.

Layout, little-endian: SnapshotHeader; an InstrumentRecord for each instrument; an OrderRecord for
each live order and ghost, per instrument in book order, then ghosts by side and age; a
PositionRecord for each position; a PegRecord for each peg, by arrival; the rules of the accounts, a
byte each. The header ends with a CRC32C of all that follows it, and one of itself. Pools are built
again on reading, so an engine of another capacity can read it, as long as the orders fit.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from hft.core.accounts cimport ACCOUNTS, Position, position_set
from hft.core.answers cimport EngineCounts
from hft.core.book cimport join, level_after, level_at, queue_side, side_at
from hft.core.crc32c cimport crc32c
from hft.core.departures cimport all_lots, pegs_add
from hft.core.engine cimport engine_quirks
from hft.core.ghosts cimport ghost_add, order_life, order_set_life
from hft.core.heap cimport heap_add
from hft.core.hints cimport HFT_AUDIT
from hft.core.idmap cimport idmap_put
from hft.core.listing cimport rules_bind
from hft.core.matching cimport Engine
from hft.core.messages cimport LAYOUT_VERSION
from hft.core.pools cimport (
    ORDER_GHOST,
    ORDER_GTD,
    ORDER_HAS_LIFE,
    ORDER_LINKED,
    ORDER_SPECIAL,
    ORDER_STOP,
    SIDES,
    Book,
    InstrumentBook,
    Order,
    OrderTerms,
    Rules,
    find_order,
    id_place,
    order_is_recorded,
    take_slot,
)
from hft.core.state_hash cimport state_hash

__all__ = []

cdef enum:
    SNAPSHOT_VERSION = 1

cdef const char *MAGIC = b"HFTBOOKS"


cdef struct SnapshotHeader:
    char[8] magic
    uint32_t version
    uint32_t layout_version
    uint32_t instruments
    uint32_t order_capacity
    uint32_t orders
    uint32_t positions
    uint32_t pegs
    uint32_t market_data
    int64_t now_ns
    uint64_t arrivals
    int64_t lines
    uint64_t state_hash
    EngineCounts counts
    uint32_t body_crc32c
    uint32_t header_crc32c  # with 0 in its own place


cdef struct InstrumentRecord:
    Rules rules
    int64_t displaced_lots
    int64_t last_trade_ticks
    int64_t top_price_ticks[2]
    int64_t top_lots[2]
    int64_t peg_seen_ticks[4]
    uint8_t peg_seen[4]
    uint8_t listed
    uint8_t traded
    uint8_t state
    uint8_t reserved


cdef struct OrderRecord:
    uint64_t order_id
    int64_t price_ticks  # of its level, or of a ghost
    int64_t leaves_lots
    int64_t life_lots
    int64_t entered_ts_ns
    int64_t limit_ticks
    int64_t trigger_ticks
    int64_t display_lots
    int64_t hidden_lots
    int64_t expiry_ts_ns
    uint64_t arrival
    uint64_t linked_order_id
    uint16_t account
    uint16_t flags
    uint16_t instrument
    uint8_t order_type
    uint8_t time_in_force
    uint32_t in_queue  # 0: a ghost or a parked peg
    uint32_t reserved


cdef struct PositionRecord:
    uint64_t instrument
    uint64_t account
    int64_t lots


cdef struct PegRecord:
    uint64_t order_id


cdef inline uint32_t crc_of(const char *first, size_t size_bytes) noexcept nogil:
    """CRC32C of a number of bytes that is a multiple of 8, as all sections have."""
    return crc32c(0, <const uint64_t *>first, size_bytes // 8)


cdef void write_order(const Book *book, uint32_t index, uint32_t instrument, int64_t price_ticks,
                      OrderRecord *record) noexcept nogil:
    cdef const Order *order = &book.orders[index]
    cdef const OrderTerms *terms = &book.terms[index]
    memset(record, 0, sizeof(OrderRecord))
    record.order_id = order.order_id
    record.price_ticks = price_ticks
    record.leaves_lots = order.leaves_lots
    record.life_lots = order_life(book, index)
    record.account = order.account
    record.flags = order.flags
    record.instrument = <uint16_t>instrument
    record.in_queue = order.level != 0
    if not order_is_recorded(order):
        record.entered_ts_ns = book.entered_ts_ns[index]
    if order.flags & ORDER_SPECIAL:
        record.limit_ticks = terms.limit_ticks
        record.trigger_ticks = terms.trigger_ticks
        record.display_lots = terms.display_lots
        record.hidden_lots = terms.hidden_lots
        record.expiry_ts_ns = terms.expiry_ts_ns
        record.arrival = terms.arrival
        record.order_type = terms.order_type
        record.time_in_force = terms.time_in_force
        if order.flags & ORDER_LINKED:
            record.linked_order_id = book.orders[terms.link].order_id


cdef OrderRecord *write_instrument(const Book *book, uint32_t instrument,
                                   OrderRecord *record) noexcept nogil:
    """The orders of an instrument; the place for the next ones."""
    cdef const InstrumentBook *there = &book.instruments[instrument]
    cdef uint32_t level, index
    cdef int side
    for side in range(<int>SIDES):
        level = side_at(book, instrument, side).best
        while level:
            index = book.levels[level].head
            while index:
                write_order(book, index, instrument, book.levels[level].price_ticks, record)
                record += 1
                index = book.orders[index].next
            level = level_after(book, instrument, side, book.levels[level].price_ticks)
    index = there.peg_head
    while index:
        if book.orders[index].level == 0:
            write_order(book, index, instrument, 0, record)
            record += 1
        index = book.terms[index].next
    for side in range(2):
        index = there.ghost_head[side]
        while index:
            write_order(book, index, instrument, book.lives[index].price_ticks, record)
            record += 1
            index = book.orders[index].next
    return record


cdef size_t body_bytes(const SnapshotHeader *header) noexcept nogil:
    return (
        <size_t>header.instruments * sizeof(InstrumentRecord)
        + <size_t>header.orders * sizeof(OrderRecord)
        + <size_t>header.positions * sizeof(PositionRecord)
        + <size_t>header.pegs * sizeof(PegRecord)
        + ACCOUNTS
    )


cdef void write_instrument_record(const InstrumentBook *there,
                                  InstrumentRecord *record) noexcept nogil:
    cdef int place
    memset(record, 0, sizeof(InstrumentRecord))
    record.rules = there.rules
    record.displaced_lots = there.displaced_lots
    record.last_trade_ticks = there.last_trade_ticks
    record.listed = there.listed
    record.traded = there.traded
    record.state = there.state
    for place in range(2):
        record.top_price_ticks[place] = there.top_price_ticks[place]
        record.top_lots[place] = there.top_lots[place]
    for place in range(4):
        record.peg_seen[place] = there.peg_seen[place]
        record.peg_seen_ticks[place] = there.peg_seen_ticks[place]


cdef bytes snapshot_write(const Engine *engine):
    """The state of an engine between two commands."""
    cdef const Book *book = &engine.book
    cdef SnapshotHeader header
    cdef uint32_t instrument, index
    cdef const Position *position
    cdef char *at
    memset(&header, 0, sizeof(header))
    memcpy(header.magic, MAGIC, 8)
    header.version = SNAPSHOT_VERSION
    header.layout_version = LAYOUT_VERSION
    header.instruments = book.instrument_count
    header.order_capacity = book.order_capacity
    header.orders = book.order_count
    header.positions = engine.accounts.position_count
    for instrument in range(book.instrument_count):
        header.pegs += book.instruments[instrument].peg_count
    header.market_data = book.say.market_data
    header.now_ns = book.say.now_ns
    header.arrivals = engine.arrivals
    header.lines = engine.lines
    header.state_hash = state_hash(engine)
    header.counts = book.say.counts
    data = PyBytes_FromStringAndSize(NULL, sizeof(header) + body_bytes(&header))
    at = PyBytes_AS_STRING(data) + sizeof(header)
    for instrument in range(book.instrument_count):
        write_instrument_record(&book.instruments[instrument], <InstrumentRecord *>at)
        at += sizeof(InstrumentRecord)
    for instrument in range(book.instrument_count):
        at = <char *>write_instrument(book, instrument, <OrderRecord *>at)
    for index in range(1, engine.accounts.position_fresh):
        position = &engine.accounts.positions[index]
        if position.key:
            (<PositionRecord *>at).instrument = position.key >> 16 & 0xFFFF
            (<PositionRecord *>at).account = position.key & 0xFFFF
            (<PositionRecord *>at).lots = position.lots
            at += sizeof(PositionRecord)
    for instrument in range(book.instrument_count):
        index = book.instruments[instrument].peg_head
        while index:
            (<PegRecord *>at).order_id = book.orders[index].order_id
            at += sizeof(PegRecord)
            index = book.terms[index].next
    memcpy(at, engine.accounts.rules, ACCOUNTS)
    header.body_crc32c = crc_of(PyBytes_AS_STRING(data) + sizeof(header), body_bytes(&header))
    header.header_crc32c = crc_of(<const char *>&header, sizeof(header))
    memcpy(PyBytes_AS_STRING(data), &header, sizeof(header))
    return data


cdef SnapshotHeader *checked_header(bytes data) except NULL:
    """The header of a snapshot, once everything about its bytes is right; else ValueError."""
    cdef SnapshotHeader *header = <SnapshotHeader *>PyBytes_AS_STRING(data)
    cdef SnapshotHeader blank
    cdef size_t size = <size_t>len(data)
    if size < sizeof(SnapshotHeader):
        raise ValueError(
            f"a snapshot has at least {sizeof(SnapshotHeader)} bytes, this has {size}"
        )
    if data[:8] != MAGIC:
        raise ValueError(f"a snapshot begins with {MAGIC!r}, this with {data[:8]!r}")
    if header.version != SNAPSHOT_VERSION or header.layout_version != LAYOUT_VERSION:
        raise ValueError(
            f"the snapshot's version is {header.version} (messages {header.layout_version}), "
            f"this engine reads {SNAPSHOT_VERSION} (messages {LAYOUT_VERSION})"
        )
    blank = header[0]
    blank.header_crc32c = 0
    if header.header_crc32c != crc_of(<const char *>&blank, sizeof(blank)):
        raise ValueError("the snapshot's header is damaged: its checksum is another")
    if size != sizeof(SnapshotHeader) + body_bytes(header):
        raise ValueError(
            f"the snapshot should have {sizeof(SnapshotHeader) + body_bytes(header)} bytes, "
            f"this has {size}"
        )
    if header.body_crc32c != crc_of(PyBytes_AS_STRING(data) + sizeof(blank), body_bytes(header)):
        raise ValueError("the snapshot is damaged: its checksum is another")
    return header


cdef tuple snapshot_capacities(bytes data):
    """(instruments, orders, market data) of the engine that wrote a snapshot, which is checked."""
    cdef SnapshotHeader *header = checked_header(data)
    return header.instruments, header.order_capacity, header.market_data


cdef int read_order(Engine *engine, const OrderRecord *record) except -1:
    cdef Book *book = &engine.book
    cdef uint32_t index, place
    cdef Order *order
    cdef OrderTerms *terms
    cdef int side
    if record.instrument >= book.instrument_count or book.order_count == book.order_capacity:
        raise ValueError(
            f"order {record.order_id} of the snapshot does not fit: room is for "
            f"{book.order_capacity} orders on {book.instrument_count} instruments"
        )
    index = take_slot(book)
    order = &book.orders[index]
    order.order_id = record.order_id
    order.account = record.account
    order.flags = record.flags & ~<int>(ORDER_HAS_LIFE | ORDER_GHOST)
    order.level = 0
    order.leaves_lots = record.leaves_lots
    book.entered_ts_ns[index] = record.entered_ts_ns
    if record.order_id:
        place = id_place(book, record.order_id)
        idmap_put(&book.ids, place, record.order_id, index)
    if order_is_recorded(order):
        book.instruments[record.instrument].recorded = True
    if record.flags & ORDER_HAS_LIFE:
        order_set_life(book, index, record.life_lots)
    if record.flags & ORDER_SPECIAL:
        terms = &book.terms[index]
        memset(terms, 0, sizeof(OrderTerms))
        terms.limit_ticks = record.limit_ticks
        terms.trigger_ticks = record.trigger_ticks
        terms.display_lots = record.display_lots
        terms.hidden_lots = record.hidden_lots
        terms.expiry_ts_ns = record.expiry_ts_ns
        terms.arrival = record.arrival
        terms.instrument = record.instrument
        terms.order_type = record.order_type
        terms.time_in_force = record.time_in_force
    if record.flags & ORDER_GTD:
        heap_add(&book.expiring, index, record.expiry_ts_ns, record.arrival)
    if record.flags & ORDER_STOP:
        book.instruments[record.instrument].stop_count += 1
    if record.in_queue:
        side = queue_side(order)
        join(book, record.instrument, index,
             level_at(book, record.instrument, side, record.price_ticks), record.price_ticks,
             record.leaves_lots, False)
    elif record.flags & ORDER_GHOST:
        ghost_add(book, index, record.instrument, record.price_ticks)
    if HFT_AUDIT and not order_is_recorded(order):
        engine.audited_lots += <uint64_t>all_lots(book, index)
    return 0


cdef void read_instrument(InstrumentBook *there, const InstrumentRecord *record) noexcept nogil:
    cdef int place
    there.rules = record.rules
    there.bounded = record.listed and rules_bind(&there.rules)
    there.displaced_lots = record.displaced_lots
    there.last_trade_ticks = record.last_trade_ticks
    there.listed = record.listed
    there.traded = record.traded
    there.state = record.state
    there.top_moved = False
    for place in range(2):
        there.top_price_ticks[place] = record.top_price_ticks[place]
        there.top_lots[place] = record.top_lots[place]
    for place in range(4):
        there.peg_seen[place] = record.peg_seen[place]
        there.peg_seen_ticks[place] = record.peg_seen_ticks[place]


cdef int snapshot_read(Engine *engine, bytes data) except -1:
    """Give a new engine, with as many instruments, the state of a snapshot.

    ValueError if the bytes are damaged or of another version, or if the orders don't fit.
    """
    cdef Book *book = &engine.book
    cdef const SnapshotHeader *header = checked_header(data)
    cdef const char *at = PyBytes_AS_STRING(data) + sizeof(SnapshotHeader)
    cdef const char *instruments_at = at
    cdef const OrderRecord *orders
    cdef const PositionRecord *position
    cdef uint32_t place, index
    cdef uint32_t market_data = book.say.market_data
    book.say.market_data = 0  # nothing is new here
    at += <size_t>header.instruments * sizeof(InstrumentRecord)
    orders = <const OrderRecord *>at
    for place in range(header.orders):
        read_order(engine, &orders[place])
    for place in range(header.orders):
        if orders[place].flags & ORDER_LINKED:
            index = find_order(book, orders[place].order_id)
            book.terms[index].link = find_order(book, orders[place].linked_order_id)
    at += <size_t>header.orders * sizeof(OrderRecord)
    for _ in range(header.positions):
        position = <const PositionRecord *>at
        position_set(&engine.accounts, <uint32_t>position.instrument,
                     <uint16_t>position.account, position.lots)
        at += sizeof(PositionRecord)
    for _ in range(header.pegs):
        pegs_add(book, find_order(book, (<const PegRecord *>at).order_id))
        at += sizeof(PegRecord)
    memcpy(engine.accounts.rules, at, ACCOUNTS)
    engine.accounts.rules_end = ACCOUNTS
    for place in range(header.instruments):
        read_instrument(&book.instruments[place],
                        &(<const InstrumentRecord *>instruments_at)[place])
    book.say.now_ns = header.now_ns
    book.say.counts = header.counts
    book.say.market_data = market_data
    engine.arrivals = header.arrivals
    engine.lines = header.lines
    engine.audited_amended_lots = header.counts.amended_lots
    engine_quirks(engine)
    if state_hash(engine) != header.state_hash:
        raise ValueError("the snapshot's state hash is not that of the state that it gives")
    return 0
