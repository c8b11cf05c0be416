"""Market maker for one instrument: bid and ask around the microprice, leaning with inventory.

fair = microprice - skew_ticks_per_lot * position; the bid goes half_spread_ticks below it, the ask
as far above, both onto the order grid and never through the other side. An order is moved, by a
replace, when its target is requote_ticks or more away, and only once its last command is answered.
At the inventory limit the side that would add to it is cancelled.
"""

from libc.math cimport ceil, fabs, floor
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from hft.core.features cimport Features
from hft.core.messages cimport (
    ACCEPTED,
    BUY,
    CANCELLED,
    FILLED,
    POST_ONLY,
    REFUSED,
    REJECTED,
    REPLACED,
    SELL,
    BookTop,
    Report,
)
from hft.core.strategy cimport Desk, Strategy, desk_cancel, desk_order, desk_replace

__all__ = ["MarketMaker"]


cdef struct Quote:
    uint64_t order_id  # 0: none
    int64_t price_ticks
    int64_t leaves_lots
    bint waiting  # a command is on its way
    bint working  # the engine has accepted the order
    int64_t paused_until_ns  # after a refusal


cdef struct Maker:
    Quote quotes[2]  # bid, ask
    int64_t position_lots
    uint32_t instrument
    bint stopped
    int64_t order_lots
    int64_t inventory_lots
    int64_t increment_ticks
    int64_t pause_ns
    double half_spread_ticks
    double skew_ticks_per_lot
    double requote_ticks


cdef inline int64_t target_ticks(const Maker *maker, const Features *features,
                                 int is_ask) noexcept nogil:
    cdef double fair = (features.microprice_ticks
                        - maker.skew_ticks_per_lot * <double>maker.position_lots)
    cdef double increment = <double>maker.increment_ticks
    cdef int64_t target
    if is_ask:
        target = <int64_t>ceil((fair + maker.half_spread_ticks) / increment) * maker.increment_ticks
        return max(target, features.bid_price_ticks + maker.increment_ticks)
    target = <int64_t>floor((fair - maker.half_spread_ticks) / increment) * maker.increment_ticks
    return min(target, features.ask_price_ticks - maker.increment_ticks)


cdef void requote(Maker *maker, Desk *desk, const Features *features, int is_ask) noexcept nogil:
    """Bring one quote to where it should be, if its last command is answered."""
    cdef Quote *quote = &maker.quotes[is_ask]
    cdef int64_t held_lots = -maker.position_lots if is_ask else maker.position_lots
    cdef int64_t target
    if quote.waiting or desk.event_ts_ns < quote.paused_until_ns:
        return
    if held_lots + maker.order_lots > maker.inventory_lots:
        if quote.order_id:
            desk_cancel(desk, maker.instrument, quote.order_id)
            quote.waiting = True
        return
    target = target_ticks(maker, features, is_ask)
    if quote.order_id == 0:
        quote.order_id = desk_order(desk, maker.instrument, SELL if is_ask else BUY, target,
                                    maker.order_lots, POST_ONLY)
        quote.leaves_lots = maker.order_lots
        quote.working = False
    elif fabs(<double>(target - quote.price_ticks)) >= maker.requote_ticks:
        desk_replace(desk, maker.instrument, quote.order_id, target, maker.order_lots)
    else:
        return
    quote.waiting = True


cdef void on_book(void *state, Desk *desk, const BookTop *top,
                  const Features *features) noexcept nogil:
    cdef Maker *maker = <Maker *>state
    if top.header.instrument != maker.instrument or maker.stopped or not features.valid:
        return
    requote(maker, desk, features, 0)
    requote(maker, desk, features, 1)


cdef void on_report(void *state, Desk *desk, const Report *report) noexcept nogil:
    cdef Maker *maker = <Maker *>state
    cdef Quote *quote = &maker.quotes[0]
    cdef uint8_t kind = report.header.kind
    if quote.order_id != report.order_id:
        quote = &maker.quotes[1]
    if report.order_id == 0 or quote.order_id != report.order_id:
        return
    if kind == FILLED:
        maker.position_lots += report.last_lots if report.side == BUY else -report.last_lots
        quote.leaves_lots = report.leaves_lots
        if report.leaves_lots == 0:
            quote.order_id = 0
            quote.waiting = False
        return
    quote.waiting = False
    if kind == ACCEPTED or kind == REPLACED:
        quote.working = True
        quote.price_ticks = report.price_ticks
        quote.leaves_lots = report.leaves_lots
    elif kind == CANCELLED:
        quote.order_id = 0
    elif kind == REFUSED or kind == REJECTED:
        quote.paused_until_ns = desk.event_ts_ns + maker.pause_ns
        if not quote.working:
            quote.order_id = 0


cdef void on_stop(void *state, Desk *desk) noexcept nogil:
    cdef Maker *maker = <Maker *>state
    cdef int is_ask
    maker.stopped = True
    for is_ask in range(2):
        if maker.quotes[is_ask].order_id:
            desk_cancel(desk, maker.instrument, maker.quotes[is_ask].order_id)


cdef class MarketMaker(Strategy):
    """Quotes one instrument; parameters in the units of their names.

    Args:
        order_lots: size of each quote.
        inventory_lots: largest position it wants, either way.
        half_spread_ticks, skew_ticks_per_lot, requote_ticks: see the module's first lines.
        increment_ticks: the grid on which orders may be priced.
        pause_ns: how long a side stays quiet after a refusal or a rejection, market time.
    """

    cdef Maker maker

    def __init__(self, *, instrument=0, order_lots, inventory_lots, half_spread_ticks,
                 skew_ticks_per_lot, requote_ticks, increment_ticks, pause_ns=10_000_000):
        memset(&self.maker, 0, sizeof(Maker))
        self.maker.instrument = instrument
        self.maker.order_lots = order_lots
        self.maker.inventory_lots = inventory_lots
        self.maker.half_spread_ticks = half_spread_ticks
        self.maker.skew_ticks_per_lot = skew_ticks_per_lot
        self.maker.requote_ticks = requote_ticks
        self.maker.increment_ticks = increment_ticks
        self.maker.pause_ns = pause_ns
        self.calls.state = &self.maker
        self.calls.on_book = on_book
        self.calls.on_report = on_report
        self.calls.on_stop = on_stop
