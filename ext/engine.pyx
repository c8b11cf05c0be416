"""The matching engine: what each command does to the book, and what is answered.

Read docs/engine.md for the rules and docs/engine_inside.md for the way through the files.
`engine_apply` is the only entrance. Cost is that of the book's operations plus the matches made.
Worst case: a mass cancel walks every order of the sides that it names, a fill-or-kill order every
level in its reach, and one trade may trigger every stop.
"""

from libc.stdint cimport INT64_MIN, uint8_t, uint32_t, uint64_t
from libc.string cimport memset
from posix.mman cimport (
    MAP_ANONYMOUS,
    MAP_FAILED,
    MAP_NORESERVE,
    MAP_PRIVATE,
    PROT_READ,
    PROT_WRITE,
    mmap,
    munmap,
)

from hft.core.accounts cimport ACCOUNTS, POSITIONS, Position
from hft.core.answers cimport echo, echo_other, reject, said, say_to
from hft.core.audit cimport audit_answers, audit_state
from hft.core.flow cimport (
    flow_add,
    flow_enter,
    flow_execute,
    flow_forget,
    flow_hidden,
    flow_shrink,
)
from hft.core.hints cimport HFT_AUDIT, likely, unlikely
from hft.core.idmap cimport idmap_entries_for
from hft.core.listing cimport (
    disconnect,
    list_instrument,
    retire_instrument,
    rules_open,
    set_account,
    set_position,
    set_state,
)
from hft.core.matching cimport Engine, touch_other
from hft.core.messages cimport (
    ACCEPTED,
    ADVANCE_TIME,
    ALL_ACCOUNTS,
    BAD_FLAGS,
    BAD_OPTIONS,
    BAD_QTY,
    BAD_SIDE,
    BUY,
    CANCEL_ORDER,
    CLOSED,
    DISCONNECT,
    FLOW_ADD,
    FLOW_CANCEL,
    FLOW_DELETE,
    FLOW_EXECUTE,
    FLOW_FORGET,
    FLOW_HIDDEN,
    FLOW_SEED,
    FLOW_STATUS,
    HAS_OPTIONS,
    LIST_INSTRUMENT,
    MASS_CANCEL,
    NEW_ORDER,
    NONE,
    ONE_INSTRUMENT,
    ORDER_OPTIONS,
    REJECTED,
    REPLACE_ORDER,
    RETIRE_INSTRUMENT,
    SELL,
    SET_ACCOUNT,
    SET_POSITION,
    SOURCE_ENGINE,
    UNKNOWN_INSTRUMENT,
    UNKNOWN_KIND,
    Command,
    Message,
    OrderOptions,
    kind_is_flow,
    kind_is_order,
)
from hft.core.outbox cimport Outbox
from hft.core.own_orders cimport cancel_order, new_order, replace_order
from hft.core.pegs cimport pegs_follow
from hft.core.pools cimport InstrumentBook, pools_free, pools_init, pools_prefault
from hft.core.quick cimport BLOCK, look_ahead, note_quirks, quick_run, say_for
from hft.core.state_hash cimport state_hash
from hft.core.stops cimport stops_act
from hft.core.sweeps cimport expire, mass_cancel
from hft.core.tops cimport tell_top
from hft.core.trie cimport hft_ctz64

__all__ = []

cdef enum Needs:
    """What a kind of command asks for before it is looked at."""
    KNOWN = 1
    NEEDS_INSTRUMENT = 2  # that is listed
    NEEDS_SIDE = 4
    NEEDS_QTY = 8

cdef enum:
    PREFETCH_FROM = 32768  # live orders from which on the pools outgrow the nearer caches

cdef uint8_t[256] NEEDS_OF
cdef OrderOptions NO_OPTIONS
memset(&NO_OPTIONS, 0, sizeof(OrderOptions))
memset(NEEDS_OF, 0, sizeof(NEEDS_OF))


cdef void set_needs():
    cdef int kind
    for kind in range(256):
        if not (kind_is_flow(kind) or kind_is_order(kind)):
            continue
        NEEDS_OF[kind] = KNOWN
        if kind not in (SET_ACCOUNT, DISCONNECT, ADVANCE_TIME, MASS_CANCEL, LIST_INSTRUMENT):
            NEEDS_OF[kind] |= NEEDS_INSTRUMENT
        if kind == NEW_ORDER or (kind_is_flow(kind) and kind != FLOW_STATUS):
            NEEDS_OF[kind] |= NEEDS_SIDE
        if kind in (NEW_ORDER, REPLACE_ORDER, FLOW_ADD, FLOW_CANCEL, FLOW_EXECUTE, FLOW_HIDDEN,
                    FLOW_SEED):
            NEEDS_OF[kind] |= NEEDS_QTY

set_needs()


cdef int engine_init(Engine *engine, uint32_t instruments, uint32_t orders, uint32_t listed,
                     uint32_t market_data) except -1:
    """Make an engine; its first `listed` instruments are open. Errors are those of pools_init."""
    cdef uint64_t entries = idmap_entries_for(POSITIONS)
    cdef size_t at_positions = ACCOUNTS
    cdef size_t at_ids = at_positions + (<size_t>POSITIONS + 1) * sizeof(Position)
    cdef size_t used = at_ids + entries * sizeof(uint64_t)
    cdef uint32_t instrument
    cdef void *arena
    memset(engine, 0, sizeof(Engine))
    pools_init(&engine.book, instruments, orders)
    arena = mmap(NULL, used, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    if arena == MAP_FAILED:
        pools_free(&engine.book)
        raise MemoryError(f"no memory for accounts ({used} bytes)")
    engine.arena = <char *>arena
    engine.arena_bytes = used
    engine.accounts.rules = <uint8_t *>engine.arena
    engine.accounts.positions = <Position *>(engine.arena + at_positions)
    engine.accounts.position_fresh = 1
    engine.accounts.ids.entries = <uint64_t *>(engine.arena + at_ids)
    engine.accounts.ids.mask = <uint32_t>(entries - 1)
    engine.accounts.ids.records = <const char *>engine.accounts.positions
    engine.book.say.now_ns = INT64_MIN
    engine.book.say.market_data = market_data
    for instrument in range(min(listed, instruments)):
        engine.book.instruments[instrument].listed = True
        rules_open(&engine.book.instruments[instrument].rules)
    for instrument in range(min(listed, instruments), instruments):
        engine.book.instruments[instrument].state = CLOSED
    engine_quirks(engine)
    return 0


cdef void engine_quirks(Engine *engine) noexcept nogil:
    """Note the quirks of all instruments, after a start or a restore."""
    cdef uint32_t instrument
    engine.book.say.header.source = SOURCE_ENGINE
    for instrument in range(engine.book.instrument_count):
        note_quirks(&engine.book, &engine.book.instruments[instrument])


cdef void engine_free(Engine *engine) noexcept nogil:
    pools_free(&engine.book)
    if engine.arena != NULL:
        munmap(engine.arena, engine.arena_bytes)
        engine.arena = NULL


cdef void engine_prefault(Engine *engine) noexcept nogil:
    pools_prefault(&engine.book)


cdef uint64_t engine_hash(const Engine *engine) noexcept nogil:
    return state_hash(engine)


cdef uint32_t engine_check(const Engine *engine) noexcept nogil:
    """0, or which invariant doesn't hold (audit.pxd). Cost: everything there is."""
    return audit_state(engine)


cdef inline uint32_t next_touched(const Engine *engine, uint32_t instrument) noexcept nogil:
    """The first touched instrument from `instrument` on; `instrument_count` or more: none."""
    cdef uint32_t word = instrument >> 6
    cdef uint64_t bits
    if instrument >= engine.book.instrument_count:
        return instrument
    bits = engine.touched[word] >> (instrument & 63) << (instrument & 63)
    while bits == 0:
        word += 1
        if word << 6 >= engine.book.instrument_count:
            return word << 6
        bits = engine.touched[word]
    return (word << 6) + hft_ctz64(bits)


cdef void finish_others(Engine *engine, const Command *command) noexcept nogil:
    """The end of a command that touched other instruments than its own."""
    cdef uint32_t instrument = next_touched(engine, 0)
    engine.touched_others = False
    while instrument < engine.book.instrument_count:
        pegs_follow(&engine.book, instrument)
        instrument = next_touched(engine, instrument + 1)
    instrument = next_touched(engine, 0)
    while instrument < engine.book.instrument_count:
        tell_top(&engine.book, instrument, command.event_ts_ns)
        note_quirks(&engine.book, &engine.book.instruments[instrument])
        engine.touched[instrument >> 6] &= ~(<uint64_t>1 << (instrument & 63))
        instrument = next_touched(engine, instrument + 1)


cdef inline void act(Engine *engine, const Message *message,
                     const OrderOptions *options) noexcept nogil:
    """What a command says that is not in error by itself."""
    cdef const Command *command = &message.command
    cdef uint8_t kind = command.header.kind
    if kind == NEW_ORDER:
        new_order(engine, command, options)
    elif kind == CANCEL_ORDER:
        cancel_order(engine, command)
    elif kind == REPLACE_ORDER:
        replace_order(engine, command, options)
    elif kind == FLOW_ADD:
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
        set_state(engine, command)
    elif kind == MASS_CANCEL:
        mass_cancel(engine, command)
    elif kind == LIST_INSTRUMENT:
        list_instrument(engine, &message.rules)
    elif kind == RETIRE_INSTRUMENT:
        retire_instrument(engine, command)
    elif kind == SET_ACCOUNT:
        set_account(engine, command)
    elif kind == SET_POSITION:
        set_position(engine, command)
    elif kind == DISCONNECT:
        disconnect(engine, command)


cdef inline uint8_t objection(const Engine *engine, const Command *command) noexcept nogil:
    """The checks that need no look at the book; a Reason, or NONE."""
    cdef uint8_t kind = command.header.kind
    cdef uint8_t needs = NEEDS_OF[kind]
    if likely(needs & NEEDS_INSTRUMENT != 0):
        if unlikely(command.header.instrument >= engine.book.instrument_count
                    or not engine.book.instruments[command.header.instrument].listed):
            return UNKNOWN_INSTRUMENT
        if needs & NEEDS_SIDE and unlikely(command.side != BUY and command.side != SELL):
            return BAD_SIDE
        if needs & NEEDS_QTY and unlikely(command.qty_lots <= 0):
            return BAD_QTY
        if kind == REPLACE_ORDER and unlikely(command.flags & ~<int>HAS_OPTIONS):
            return BAD_FLAGS
        return NONE
    if kind == LIST_INSTRUMENT and command.header.instrument >= engine.book.instrument_count:
        return UNKNOWN_INSTRUMENT
    if kind == MASS_CANCEL:
        if command.flags & ONE_INSTRUMENT and (
            command.header.instrument >= engine.book.instrument_count
            or not engine.book.instruments[command.header.instrument].listed
        ):
            return UNKNOWN_INSTRUMENT
        if command.side > SELL:
            return BAD_SIDE
        if command.flags & ~<int>(ONE_INSTRUMENT | ALL_ACCOUNTS):
            return BAD_FLAGS
    return NONE


cdef uint32_t apply_long(Engine *engine, const Message *message, size_t available) noexcept nogil:
    """The long way, for any command; how many slots it took."""
    cdef const Command *command = &message.command
    cdef uint8_t kind = command.header.kind
    cdef const OrderOptions *options = &NO_OPTIONS
    cdef uint32_t slots = 1
    cdef uint32_t instrument = command.header.instrument
    cdef InstrumentBook *there
    cdef uint8_t reason
    say_for(&engine.book, command)
    engine.book.say.reports = 0
    if unlikely(NEEDS_OF[kind] == 0):
        if kind == ORDER_OPTIONS:
            echo_other(&engine.book.say, REJECTED, BAD_OPTIONS)
        else:
            reject(&engine.book.say, command, UNKNOWN_KIND)
        return 1
    if unlikely((command.flags & HAS_OPTIONS) != 0) and (
        kind == NEW_ORDER or kind == REPLACE_ORDER
    ):
        options = NULL
        if available > 1 and message[1].header.kind == ORDER_OPTIONS:
            options = &message[1].options
            slots = 2
    if command.event_ts_ns > engine.book.say.now_ns:
        engine.book.say.now_ns = command.event_ts_ns
        if unlikely(engine.book.expiring.count != 0):
            expire(engine)
    reason = objection(engine, command)
    if unlikely(reason != NONE):
        if kind == LIST_INSTRUMENT:
            echo_other(&engine.book.say, REJECTED, reason)
        else:
            reject(&engine.book.say, command, reason)
    else:
        act(engine, message, options)
        if unlikely(engine.book.say.reports == 0):
            # Nobody was named: a setting, a print of a trade.
            echo(&engine.book.say, command, ACCEPTED, command.order_id, 0, NONE)
    if likely(instrument < engine.book.instrument_count):
        there = &engine.book.instruments[instrument]
        if unlikely(there.stop_count != 0):
            stops_act(engine, instrument)
        if unlikely(engine.touched_others):
            touch_other(engine, instrument)
        else:
            if unlikely(there.peg_count != 0):
                pegs_follow(&engine.book, instrument)
            if there.top_moved:
                tell_top(&engine.book, instrument, command.event_ts_ns)
            note_quirks(&engine.book, there)
    if unlikely(engine.touched_others):
        finish_others(engine, command)
    return slots


cdef size_t run(Engine *engine, const Message *messages, size_t count,
                size_t available) noexcept nogil:
    """Apply commands, the short way where it leads there; how many slots they took."""
    cdef const Message *message = messages
    cdef const Message *end = messages + count
    cdef uint64_t second_slots = 0
    cdef uint32_t slots
    cdef const Message *stop = end
    cdef bint ahead = engine.book.order_count >= PREFETCH_FROM
    while message < end:
        if ahead:
            stop = min(end, message + BLOCK)
            look_ahead(&engine.book, message, end)
        message = quick_run(engine, message, stop)
        if message < stop:
            slots = apply_long(engine, message, available - <size_t>(message - messages))
            message += slots
            second_slots += slots - 1
    engine.book.say.counts.commands += <size_t>(message - messages) - second_slots
    return <size_t>(message - messages)


cdef uint32_t engine_apply(Engine *engine, const Message *message, size_t available,
                           Outbox *out) noexcept nogil:
    """Do what a command says and append every answer to `out`; how many slots it took.

    `available` messages lie at `message`: an order's options are in the second.
    """
    cdef uint32_t before = out.count
    cdef uint32_t slots = 1
    say_to(&engine.book.say, out)
    if quick_run(engine, message, message + 1) == message:
        slots = apply_long(engine, message, available)
    said(&engine.book.say)
    engine.book.say.counts.commands += 1
    if HFT_AUDIT:
        audit_answers(engine, message, out, before)
    return slots


cdef size_t engine_apply_batch(Engine *engine, const Message *messages, size_t count,
                               size_t available, Outbox *out) noexcept nogil:
    """Apply the commands in the first `count` of `available` messages; how many slots they took.

    One more than `count` if the options of the last command lie behind it.
    """
    cdef uint32_t before = out.count
    cdef size_t place
    say_to(&engine.book.say, out)
    place = run(engine, messages, count, available)
    said(&engine.book.say)
    if HFT_AUDIT and place:
        audit_answers(engine, &messages[place - 1], out, before)
    return place
