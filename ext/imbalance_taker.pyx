"""An imbalance taker: it crosses the spread where the book leans far to one side.

It buys at the best ask when the imbalance of the best quantities is at least `entry_imbalance` and
the newest decision of the fusion, still fresh, says buy; it sells at the best bid in the mirrored
case. The size is `order_lots` times the decision's size, at least one lot, no more than stands at
the price, and within `inventory_lots`. What it holds is closed at the opposite best price
`hold_ns` after the last entry, or as soon as a fresh decision says the opposite.

All its orders are immediate or cancel, one at a time in an instrument.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from hft.core.features cimport Features
from hft.core.messages cimport (
    ACCEPTED,
    BUY,
    FILLED,
    IOC,
    REFUSED,
    REJECTED,
    REPLACED,
    RISK_KILL_SWITCH,
    SELL,
    BookTop,
    Command,
    Decision,
    Report,
)
from hft.core.strategy cimport Desk, Strategy, desk_new

__all__ = ["ImbalanceTaker"]


cdef struct Taker:
    uint64_t order_id  # under way; 0: none
    int64_t position_lots
    int64_t close_ts_ns  # when what is held is to be closed
    int64_t paused_until_ns  # after a refusal or a rejection
    int direction  # of the newest decision
    double size
    int64_t decision_expiry_ts_ns


cdef struct Takers:
    Taker *takers  # by instrument
    uint32_t count
    bint stopped
    int64_t order_lots
    int64_t inventory_lots
    double entry_imbalance
    int64_t hold_ns
    int64_t pause_ns


cdef void take(Takers *all_takers, Taker *taker, Desk *desk, const BookTop *top, uint8_t side,
               int64_t wanted_lots) noexcept nogil:
    """Send an order for what stands at the opposite best price, at most `wanted_lots`."""
    cdef int64_t there_lots = top.ask_lots if side == BUY else top.bid_lots
    cdef int64_t price_ticks = top.ask_price_ticks if side == BUY else top.bid_price_ticks
    cdef Command *intent
    cdef int64_t lots = min(wanted_lots, min(there_lots, all_takers.order_lots))
    if lots <= 0:
        return
    intent = desk_new(desk, top.header.instrument, side, price_ticks, lots)
    intent.time_in_force = IOC
    taker.order_id = intent.order_id


cdef void on_book(void *state, Desk *desk, const BookTop *top,
                  const Features *features) noexcept nogil:
    cdef Takers *all_takers = <Takers *>state
    cdef Taker *taker = &all_takers.takers[top.header.instrument]
    cdef int held, wanted
    cdef int64_t room_lots
    if not features.valid or taker.order_id or all_takers.stopped:
        return
    if desk.event_ts_ns < taker.paused_until_ns:
        return
    wanted = taker.direction if desk.event_ts_ns < taker.decision_expiry_ts_ns else 0
    held = (taker.position_lots > 0) - (taker.position_lots < 0)
    if held and (desk.event_ts_ns >= taker.close_ts_ns or wanted == -held):
        take(all_takers, taker, desk, top, SELL if held > 0 else BUY, held * taker.position_lots)
        return
    if wanted and wanted * features.imbalance >= all_takers.entry_imbalance:
        room_lots = all_takers.inventory_lots - wanted * taker.position_lots
        take(all_takers, taker, desk, top, BUY if wanted > 0 else SELL,
             min(room_lots, max(<int64_t>1, <int64_t>(<double>all_takers.order_lots * taker.size))))
        if taker.order_id:
            taker.close_ts_ns = desk.event_ts_ns + all_takers.hold_ns


cdef void on_signal(void *state, Desk *desk, const Decision *decision) noexcept nogil:
    cdef Taker *taker = &(<Takers *>state).takers[decision.header.instrument]
    taker.direction = decision.direction
    taker.size = decision.size
    taker.decision_expiry_ts_ns = decision.expiry_ts_ns


cdef void on_report(void *state, Desk *desk, const Report *report) noexcept nogil:
    cdef Takers *all_takers = <Takers *>state
    cdef Taker *taker = &all_takers.takers[report.header.instrument]
    cdef uint8_t kind = report.header.kind
    if report.order_id != taker.order_id or kind == ACCEPTED or kind == REPLACED:
        return
    if kind == FILLED:
        taker.position_lots += report.last_lots if report.side == BUY else -report.last_lots
        if report.leaves_lots:
            return
    elif kind == REFUSED or kind == REJECTED:
        taker.paused_until_ns = desk.event_ts_ns + all_takers.pause_ns
        # It stays engaged for the rest of the run.
        all_takers.stopped = all_takers.stopped or report.reason == RISK_KILL_SWITCH
    taker.order_id = 0


cdef void on_stop(void *state, Desk *desk) noexcept nogil:
    (<Takers *>state).stopped = True


cdef class ImbalanceTaker(Strategy):
    """Takes in every instrument; parameters in the units of their names.

    Args:
        instruments: how many there are.
        order_lots: size of an order at a decision's full size.
        inventory_lots: largest position it wants in an instrument, either way.
        entry_imbalance: least lean of the book, from 0 to 1.
        hold_ns: how long it holds, market time.
        pause_ns: how long it stays quiet after a refusal, market time.
    """

    cdef Takers all_takers

    def __init__(self, *, instruments, order_lots, inventory_lots, entry_imbalance, hold_ns,
                 pause_ns=10_000_000):
        self.all_takers.count = instruments
        self.all_takers.takers = <Taker *>calloc(instruments, sizeof(Taker))
        if self.all_takers.takers == NULL:
            raise MemoryError
        self.all_takers.order_lots = order_lots
        self.all_takers.inventory_lots = inventory_lots
        self.all_takers.entry_imbalance = entry_imbalance
        self.all_takers.hold_ns = hold_ns
        self.all_takers.pause_ns = pause_ns
        self.calls.state = &self.all_takers
        self.calls.on_book = on_book
        self.calls.on_signal = on_signal
        self.calls.on_report = on_report
        self.calls.on_stop = on_stop

    def __dealloc__(self):
        free(self.all_takers.takers)
