"""A market maker: in every instrument a bid and an ask around the microprice.

The book it looks at is the one without its own quotes: their quantity is taken off the best
prices, and where nothing else stands at a best price, the last price seen there without it holds.
Otherwise it would chase itself.

fair = microprice - skew * position / order size + signal * decision; the bid goes half a spread
below it, the ask as far above, both onto the order grid and never through the other side. The half
spread, the skew of one order's size of inventory, the shift of a decision of full size and the
distance that is worth moving a quote are in basis points of the microprice, so the same parameters
fit any instrument. A decision of the fusion counts until it expires. An order is moved by a
replace, and only once its last command is answered. At the inventory limit the side that would add
to it is cancelled.
"""

from libc.math cimport ceil, fabs, floor
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

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
    RISK_KILL_SWITCH,
    SELL,
    BookTop,
    Command,
    Decision,
    Report,
)
from hft.core.strategy cimport Desk, Strategy, desk_cancel, desk_new, desk_replace

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
    # Best prices and quantities of everybody else.
    int64_t others_price_ticks[2]
    int64_t others_lots[2]
    double microprice_ticks
    int64_t position_lots
    double decision  # direction and size of the newest, from -1 to 1
    int64_t decision_expiry_ts_ns
    uint32_t instrument
    bint stopped
    int64_t order_lots
    int64_t inventory_lots
    int64_t increment_ticks
    int64_t pause_ns
    double half_spread_bps
    double skew_bps
    double signal_bps
    double requote_bps


cdef struct Makers:
    Maker *makers  # by instrument
    uint32_t count


cdef inline void look_at(Maker *maker, int is_ask, int64_t price_ticks,
                         int64_t lots) noexcept nogil:
    """Note what everybody else has at a best price."""
    cdef Quote *quote = &maker.quotes[is_ask]
    if quote.working and quote.price_ticks == price_ticks:
        lots -= quote.leaves_lots
        if lots <= 0:
            return
    maker.others_price_ticks[is_ask] = price_ticks
    maker.others_lots[is_ask] = lots


cdef inline void find_microprice(Maker *maker) noexcept nogil:
    cdef double bid = <double>maker.others_lots[0]
    cdef double ask = <double>maker.others_lots[1]
    cdef double spread_ticks = <double>(
        maker.others_price_ticks[1] - maker.others_price_ticks[0]
    )
    maker.microprice_ticks = (
        <double>maker.others_price_ticks[0] + spread_ticks * bid / (bid + ask)
    )


cdef inline int64_t target_ticks(const Maker *maker, int is_ask,
                                 int64_t event_ts_ns) noexcept nogil:
    cdef double bps_ticks = fabs(maker.microprice_ticks) / 10_000
    cdef double half_spread_ticks = maker.half_spread_bps * bps_ticks
    cdef double fair = maker.microprice_ticks - (
        maker.skew_bps * bps_ticks * <double>maker.position_lots / <double>maker.order_lots
    )
    cdef double increment = <double>maker.increment_ticks
    cdef int64_t target
    if event_ts_ns < maker.decision_expiry_ts_ns:
        fair += maker.signal_bps * bps_ticks * maker.decision
    if is_ask:
        target = <int64_t>ceil((fair + half_spread_ticks) / increment) * maker.increment_ticks
        return max(target, maker.others_price_ticks[0] + maker.increment_ticks)
    target = <int64_t>floor((fair - half_spread_ticks) / increment) * maker.increment_ticks
    return min(target, maker.others_price_ticks[1] - maker.increment_ticks)


cdef void requote(Maker *maker, Desk *desk, int is_ask) noexcept nogil:
    """Bring one quote to where it should be, if its last command is answered."""
    cdef Quote *quote = &maker.quotes[is_ask]
    cdef int64_t held_lots = -maker.position_lots if is_ask else maker.position_lots
    cdef int64_t target
    cdef Command *intent
    if quote.waiting or desk.event_ts_ns < quote.paused_until_ns:
        return
    if held_lots + maker.order_lots > maker.inventory_lots:
        if quote.order_id:
            desk_cancel(desk, maker.instrument, quote.order_id)
            quote.waiting = True
        return
    target = target_ticks(maker, is_ask, desk.event_ts_ns)
    if quote.order_id == 0:
        intent = desk_new(desk, maker.instrument, SELL if is_ask else BUY, target, maker.order_lots)
        intent.flags = POST_ONLY
        quote.order_id = intent.order_id
        quote.leaves_lots = maker.order_lots
        quote.working = False
    elif target != quote.price_ticks and fabs(<double>(target - quote.price_ticks)) * 10_000 >= (
        maker.requote_bps * fabs(maker.microprice_ticks)
    ):
        desk_replace(desk, maker.instrument, quote.order_id, target, maker.order_lots)
    else:
        return
    quote.waiting = True


cdef inline Maker *maker_of(void *state, uint32_t instrument) noexcept nogil:
    return &(<Makers *>state).makers[instrument]


cdef void on_signal(void *state, Desk *desk, const Decision *decision) noexcept nogil:
    cdef Maker *maker = maker_of(state, decision.header.instrument)
    maker.decision = decision.direction * decision.size
    maker.decision_expiry_ts_ns = decision.expiry_ts_ns


cdef void on_book(void *state, Desk *desk, const BookTop *top,
                  const Features *features) noexcept nogil:
    cdef Maker *maker = maker_of(state, top.header.instrument)
    if maker.stopped or not features.valid:
        return
    look_at(maker, 0, features.bid_price_ticks, features.bid_lots)
    look_at(maker, 1, features.ask_price_ticks, features.ask_lots)
    if maker.others_lots[0] == 0 or maker.others_lots[1] == 0:
        return
    find_microprice(maker)
    requote(maker, desk, 0)
    requote(maker, desk, 1)


cdef inline void forget(Quote *quote) noexcept nogil:
    """Nothing of the quote stands in the book any more."""
    quote.order_id = 0
    quote.leaves_lots = 0
    quote.working = False
    quote.waiting = False


cdef void on_report(void *state, Desk *desk, const Report *report) noexcept nogil:
    cdef Maker *maker = maker_of(state, report.header.instrument)
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
            forget(quote)
        return
    quote.waiting = False
    if kind == ACCEPTED or kind == REPLACED:
        quote.working = True
        quote.price_ticks = report.price_ticks
        quote.leaves_lots = report.leaves_lots
    elif kind == CANCELLED:
        forget(quote)
    elif kind == REFUSED or kind == REJECTED:
        quote.paused_until_ns = desk.event_ts_ns + maker.pause_ns
        # It stays engaged for the rest of the run.
        maker.stopped = maker.stopped or report.reason == RISK_KILL_SWITCH
        if not quote.working:
            forget(quote)


cdef void on_stop(void *state, Desk *desk) noexcept nogil:
    cdef Makers *all_makers = <Makers *>state
    cdef uint32_t index
    cdef int is_ask
    cdef Maker *maker
    for index in range(all_makers.count):
        maker = &all_makers.makers[index]
        maker.stopped = True
        for is_ask in range(2):
            if maker.quotes[is_ask].order_id:
                desk_cancel(desk, maker.instrument, maker.quotes[is_ask].order_id)


cdef class MarketMaker(Strategy):
    """Quotes every instrument; parameters in the units of their names.

    Args:
        increment_ticks: of each instrument, the grid on which orders may be priced.
        order_lots: size of each quote.
        inventory_lots: largest position it wants in an instrument, either way.
        half_spread_bps, skew_bps, signal_bps, requote_bps: see the module's first lines.
        pause_ns: how long a side stays quiet after a refusal or a rejection, market time.
    """

    cdef Makers all_makers

    def __init__(self, *, increment_ticks, order_lots, inventory_lots, half_spread_bps, skew_bps,
                 signal_bps, requote_bps, pause_ns=10_000_000):
        cdef Maker *maker
        self.all_makers.count = len(increment_ticks)
        self.all_makers.makers = <Maker *>calloc(len(increment_ticks), sizeof(Maker))
        if self.all_makers.makers == NULL:
            raise MemoryError
        for index, increment in enumerate(increment_ticks):
            maker = &self.all_makers.makers[<int>index]
            maker.instrument = index
            maker.increment_ticks = increment
            maker.order_lots = order_lots
            maker.inventory_lots = inventory_lots
            maker.half_spread_bps = half_spread_bps
            maker.skew_bps = skew_bps
            maker.signal_bps = signal_bps
            maker.requote_bps = requote_bps
            maker.pause_ns = pause_ns
        self.calls.state = &self.all_makers
        self.calls.on_book = on_book
        self.calls.on_signal = on_signal
        self.calls.on_report = on_report
        self.calls.on_stop = on_stop

    def __dealloc__(self):
        free(self.all_makers.makers)
