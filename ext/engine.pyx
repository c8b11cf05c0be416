"""The matching engine: what each command does to the book, and what is answered.

Read docs/engine.md for the rules, book.pxd for the data structures, matching.pxd, own_orders.pxd
and flow.pxd for the commands. `engine_apply` is the only entrance. Cost is that of the book's
operations plus the matches made. Worst case: a fill-or-kill order and a mass cancel walk every
level in their reach.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from hft.core.book cimport book_free, book_hash, book_init
from hft.core.flow cimport (
    flow_enter,
    flow_add,
    flow_shrink,
    flow_execute,
    flow_hidden,
    flow_forget,
    flow_status,
)
from hft.core.matching cimport echo, Engine, reject, top
from hft.core.messages cimport (
    ACCEPTED,
    NONE,
    BAD_QTY,
    BAD_SIDE,
    BUY,
    CANCEL_ORDER,
    FLOW_ADD,
    FLOW_CANCEL,
    FLOW_DELETE,
    FLOW_EXECUTE,
    FLOW_FORGET,
    FLOW_HIDDEN,
    FLOW_SEED,
    FLOW_STATUS,
    MASS_CANCEL,
    NEW_ORDER,
    REPLACE_ORDER,
    SELL,
    SOURCE_ENGINE,
    UNKNOWN_INSTRUMENT,
    UNKNOWN_KIND,
    Command,
    kind_is_flow,
    kind_is_order,
)
from hft.core.outbox cimport Outbox
from hft.core.own_orders cimport new_order, cancel_order, replace_order, mass_cancel
from libc.string cimport memset

__all__ = []


cdef int engine_init(Engine *engine, uint32_t instruments, uint32_t orders) except -1:
    memset(engine, 0, sizeof(Engine))
    return book_init(&engine.book, instruments, orders)


cdef void engine_free(Engine *engine) noexcept nogil:
    book_free(&engine.book)


cdef uint64_t engine_hash(const Engine *engine) noexcept nogil:
    return book_hash(&engine.book)


cdef inline bint needs_side(uint8_t kind) noexcept nogil:
    return kind == NEW_ORDER or (kind_is_flow(kind) and kind != FLOW_STATUS)


cdef inline bint needs_qty(uint8_t kind) noexcept nogil:
    return (kind == NEW_ORDER or kind == REPLACE_ORDER or kind == FLOW_ADD or kind == FLOW_CANCEL
            or kind == FLOW_EXECUTE or kind == FLOW_HIDDEN
            or kind == FLOW_SEED)


cdef void engine_apply(Engine *engine, const Command *command, Outbox *out) noexcept nogil:
    """Do what a command says and append every answer to `out`."""
    cdef uint8_t kind = command.header.kind
    engine.out = out
    engine.cause = <uint32_t>command.header.sequence
    engine.header.origin_ts_ns = command.header.origin_ts_ns
    engine.header.instrument = command.header.instrument
    engine.header.source = SOURCE_ENGINE
    engine.reports = 0
    engine.counts.commands += 1
    if not (kind_is_flow(kind) or kind_is_order(kind)):
        reject(engine, command, UNKNOWN_KIND)
        return
    if command.header.instrument >= engine.book.instrument_count:
        reject(engine, command, UNKNOWN_INSTRUMENT)
        return
    if needs_side(kind) and command.side != BUY and command.side != SELL:
        reject(engine, command, BAD_SIDE)
        return
    if needs_qty(kind) and command.qty_lots <= 0:
        reject(engine, command, BAD_QTY)
        return
    if kind == FLOW_ADD:
        flow_add(engine, command)
    elif kind == FLOW_DELETE or kind == FLOW_CANCEL:
        flow_shrink(engine, command, kind == FLOW_DELETE)
    elif kind == FLOW_EXECUTE:
        flow_execute(engine, command)
    elif kind == FLOW_HIDDEN:
        flow_hidden(engine, command)
    elif kind == FLOW_SEED:
        flow_enter(engine, command, 0)
    elif kind == FLOW_FORGET:
        flow_forget(engine, command)
    elif kind == FLOW_STATUS:
        flow_status(engine, command)
    elif kind == NEW_ORDER:
        new_order(engine, command)
    elif kind == CANCEL_ORDER:
        cancel_order(engine, command)
    elif kind == REPLACE_ORDER:
        replace_order(engine, command)
    elif kind == MASS_CANCEL:
        mass_cancel(engine, command)
    if engine.reports == 0:
        # A state that was set, a print of a trade that names nobody.
        echo(engine, command, ACCEPTED, command.order_id, 0, NONE)
    top(engine, command.header.instrument, command.event_ts_ns)
