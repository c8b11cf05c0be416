"""NumPy dtypes of the wire messages, derived from the C structs of messages.pxd.

A dtype is flat (header and payload fields side by side) and always 64 bytes, so that arrays of
different kinds are views of the same memory: `messages.view(TRADE)`. `MESSAGE` shows the header
and the payload as raw bytes; `PAYLOAD_OF_KIND` says which dtype reads a kind.
"""

import numpy as np

from hft.core.static_assert cimport static_assert

__all__ = [
    "BOOK_LEVEL_DTYPE", "BOOK_ORDER_DTYPE", "BOOK_TOP_DTYPE", "COMMAND", "CONTROL",
    "DECISION_DTYPE", "INSTRUMENT_RULES", "LAYOUT_VERSION", "MESSAGE", "ORDER_OPTIONS_DTYPE",
    "PAYLOAD_OF_KIND", "REPORT", "SIGNAL_DTYPE", "SOURCE_SHIFT", "TRADE_DTYPE", "AccountFlag",
    "BookAction", "DecisionReason", "InstrumentState", "Kind", "MarketData", "MassCancelFlag",
    "OrderFlag",
    "OrderType", "Reason", "SelfTradeRule", "Side", "SignalSource", "Source", "TimeInForce",
    "order_id",
]

static_assert(sizeof(Header) == 24)
static_assert(sizeof(Command) == 64)
static_assert(sizeof(OrderOptions) == 64)
static_assert(sizeof(InstrumentRules) == 64)
static_assert(sizeof(Report) == 64)
static_assert(sizeof(Trade) == 64)
static_assert(sizeof(BookTop) == 64)
static_assert(sizeof(BookLevel) == 64)
static_assert(sizeof(BookOrder) == 64)
static_assert(sizeof(Signal) == 64)
static_assert(sizeof(Decision) == 64)
static_assert(sizeof(Control) == 64)
static_assert(sizeof(Message) == 64)


def flat(dtype):
    """A struct dtype whose nested header is spread out, names and offsets kept."""
    names, formats, offsets = [], [], []
    for name in dtype.names:
        field, offset = dtype.fields[name][:2]
        if name == "header":
            for inner in field.names:
                names.append(inner)
                formats.append(field.fields[inner][0])
                offsets.append(offset + field.fields[inner][1])
        else:
            names.append(name)
            formats.append(field)
            offsets.append(offset)
    return np.dtype(
        {"names": names, "formats": formats, "offsets": offsets, "itemsize": dtype.itemsize}
    )


cdef Header _header
cdef Command _command
cdef OrderOptions _options
cdef InstrumentRules _rules
cdef Report _report
cdef Trade _trade
cdef BookTop _book_top
cdef BookLevel _book_level
cdef BookOrder _book_order
cdef Signal _signal
cdef Decision _decision
cdef Control _control

HEADER = np.asarray(<Header[:1]>&_header).dtype
COMMAND = flat(np.asarray(<Command[:1]>&_command).dtype)
ORDER_OPTIONS_DTYPE = flat(np.asarray(<OrderOptions[:1]>&_options).dtype)
INSTRUMENT_RULES = flat(np.asarray(<InstrumentRules[:1]>&_rules).dtype)
REPORT = flat(np.asarray(<Report[:1]>&_report).dtype)
TRADE_DTYPE = flat(np.asarray(<Trade[:1]>&_trade).dtype)
BOOK_TOP_DTYPE = flat(np.asarray(<BookTop[:1]>&_book_top).dtype)
BOOK_LEVEL_DTYPE = flat(np.asarray(<BookLevel[:1]>&_book_level).dtype)
BOOK_ORDER_DTYPE = flat(np.asarray(<BookOrder[:1]>&_book_order).dtype)
SIGNAL_DTYPE = flat(np.asarray(<Signal[:1]>&_signal).dtype)
DECISION_DTYPE = flat(np.asarray(<Decision[:1]>&_decision).dtype)
CONTROL = flat(np.asarray(<Control[:1]>&_control).dtype)
MESSAGE = flat(np.dtype([("header", HEADER), ("payload", np.uint8, (MESSAGE_SIZE - 24,))]))

PAYLOAD_OF_KIND = {
    **{kind: COMMAND for kind in Kind if kind < ACCEPTED},
    **{kind: REPORT for kind in Kind if ACCEPTED <= kind < BOOK_TOP},
    Kind.ORDER_OPTIONS: ORDER_OPTIONS_DTYPE,
    Kind.LIST_INSTRUMENT: INSTRUMENT_RULES,
    Kind.BOOK_TOP: BOOK_TOP_DTYPE,
    Kind.BOOK_LEVEL: BOOK_LEVEL_DTYPE,
    Kind.BOOK_ORDER: BOOK_ORDER_DTYPE,
    Kind.TRADE: TRADE_DTYPE,
    Kind.TIME: CONTROL,
    Kind.SIGNAL: SIGNAL_DTYPE,
    Kind.DECISION: DECISION_DTYPE,
    Kind.END: CONTROL,
}


def order_id(source, number):
    """The id of the number-th order of a source: the source in the top byte."""
    shift = int(SOURCE_SHIFT)
    if not 0 <= number < 2**shift:
        raise ValueError(f"number must be in 0..2**{shift} - 1, was {number}")
    return int(source) << shift | number
