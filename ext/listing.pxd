"""Instruments and accounts: listed and retired, opened and closed, and what is told of accounts."""

from libc.stdint cimport INT64_MAX, INT64_MIN, uint32_t

from hft.core.accounts cimport SELF_TRADE_RULE_MASK, position_set, positions_forget
from hft.core.answers cimport echo, echo_other, reject
from hft.core.matching cimport Engine
from hft.core.messages cimport (
    ACCEPTED,
    ALREADY_LISTED,
    BAD_FLAGS,
    BAD_RULES,
    CANCEL_ON_DISCONNECT,
    CLOSED,
    DISCONNECTED,
    INSTRUMENT_RETIRED,
    NONE,
    POOL_FULL,
    PRE_OPEN,
    REJECTED,
    SELF_TRADE_DECREMENT,
    Command,
    InstrumentRules,
)
from hft.core.pools cimport InstrumentBook, Rules
from hft.core.sweeps cimport empty_instrument, expire_day_orders, sweep_account


cdef inline void rules_open(Rules *rules) noexcept nogil:
    """Rules that forbid nothing."""
    rules.price_step_ticks = rules.qty_step_lots = 1
    rules.price_min_ticks = INT64_MIN
    rules.price_max_ticks = rules.qty_max_lots = INT64_MAX


cdef inline bint rules_bind(const Rules *rules) noexcept nogil:
    """Whether the rules forbid anything."""
    return (
        rules.price_step_ticks != 1
        or rules.qty_step_lots != 1
        or rules.price_min_ticks != INT64_MIN
        or rules.price_max_ticks != INT64_MAX
        or rules.qty_max_lots != INT64_MAX
    )


cdef inline void list_instrument(Engine *engine, const InstrumentRules *told) noexcept nogil:
    cdef InstrumentBook *there = &engine.book.instruments[told.header.instrument]
    if there.listed:
        echo_other(&engine.book.say, REJECTED, ALREADY_LISTED)
        return
    if (told.price_step_ticks < 1 or told.qty_step_lots < 1 or told.qty_max_lots < 1
            or told.price_min_ticks > told.price_max_ticks):
        echo_other(&engine.book.say, REJECTED, BAD_RULES)
        return
    there.rules.price_step_ticks = told.price_step_ticks
    there.rules.qty_step_lots = told.qty_step_lots
    there.rules.price_min_ticks = told.price_min_ticks
    there.rules.price_max_ticks = told.price_max_ticks
    there.rules.qty_max_lots = told.qty_max_lots
    there.bounded = rules_bind(&there.rules)
    there.listed = True
    there.state = PRE_OPEN
    echo_other(&engine.book.say, ACCEPTED, NONE)


cdef inline void retire_instrument(Engine *engine, const Command *command) noexcept nogil:
    cdef uint32_t instrument = command.header.instrument
    cdef InstrumentBook *there = &engine.book.instruments[instrument]
    echo(&engine.book.say, command, ACCEPTED, command.order_id, 0, NONE)
    empty_instrument(engine, instrument, INSTRUMENT_RETIRED)
    positions_forget(&engine.accounts, instrument)
    there.listed = there.bounded = there.traded = there.recorded = False
    there.state = CLOSED
    there.last_trade_ticks = there.displaced_lots = 0
    there.rules.price_step_ticks = there.rules.qty_step_lots = 0
    there.rules.price_min_ticks = there.rules.price_max_ticks = there.rules.qty_max_lots = 0


cdef inline void set_state(Engine *engine, const Command *command) noexcept nogil:
    """FLOW_STATUS."""
    if command.flags > CLOSED:
        reject(&engine.book.say, command, BAD_FLAGS)
        return
    engine.book.instruments[command.header.instrument].state = command.flags
    echo(&engine.book.say, command, ACCEPTED, command.order_id, 0, NONE)
    if command.flags == CLOSED:
        expire_day_orders(engine, command.header.instrument)


cdef inline void set_account(Engine *engine, const Command *command) noexcept nogil:
    if (command.flags & ~<int>(SELF_TRADE_RULE_MASK | CANCEL_ON_DISCONNECT)
            or command.flags & SELF_TRADE_RULE_MASK > SELF_TRADE_DECREMENT):
        reject(&engine.book.say, command, BAD_FLAGS)
        return
    engine.accounts.rules[command.account] = command.flags
    engine.accounts.rules_end = max(engine.accounts.rules_end, <uint32_t>command.account + 1)


cdef inline void set_position(Engine *engine, const Command *command) noexcept nogil:
    if not position_set(&engine.accounts, command.header.instrument, command.account,
                        command.qty_lots):
        reject(&engine.book.say, command, POOL_FULL)


cdef inline void disconnect(Engine *engine, const Command *command) noexcept nogil:
    if engine.accounts.rules[command.account] & CANCEL_ON_DISCONNECT:
        sweep_account(engine, command, False, False, 0, DISCONNECTED)
