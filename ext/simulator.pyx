"""A simulated market: order flow whose book looks like a real one, told as a recording.

Arrivals cluster (a Hawkes process with an exponential kernel, simulated by thinning: Ogata, "On
Lewis' simulation method for point processes", 1981). A hidden fair price walks at random. New
orders stand around it, half a spread away and beyond, at exponentially distributed distances; so
depth decays away from the touch. Where the fair price has moved through resting orders, new ones
execute them; market orders, more often in the fair price's direction, do the rest. Cancels are
uniform over the live orders and balance the adds.

The flow is matched in a private MatchingEngine, and what happens there is told as FLOW_ADD,
FLOW_CANCEL, FLOW_DELETE and FLOW_EXECUTE messages. The same seed gives the same messages.
"""

import numpy as np

from libc.math cimport M_PI, ceil, cos, exp, floor, fmax, fmin, log, sqrt
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from hft.core.buffers cimport writable_bytes_of
from hft.core.departures cimport order_price
from hft.core.engine cimport engine_apply, engine_free, engine_init
from hft.core.latency cimport splitmix
from hft.core.matching cimport Engine
from hft.core.messages cimport (
    BUY,
    CANCEL_ORDER,
    FLOW_ADD,
    FLOW_CANCEL,
    FLOW_DELETE,
    FLOW_EXECUTE,
    IOC,
    LIMIT,
    MARKET,
    NEW_ORDER,
    REPLACE_ORDER,
    SELL,
    SOURCE_RECORDED,
    SOURCE_SHIFT,
    SOURCE_STRATEGY,
    TRADE,
    Command,
    Message,
)
from hft.core.outbox cimport Outbox, outbox_reserve
from hft.core.pools cimport Order, order_is_ask

from hft.core.messages import COMMAND

__all__ = ["Simulator"]

cdef uint64_t OWN = <uint64_t>SOURCE_STRATEGY << SOURCE_SHIFT  # ids in the private engine
cdef uint64_t GOLDEN = 0x9E3779B97F4A7C15

cdef double BRANCHING = 0.6  # share of events that other events excited
cdef double EXCITED_S = 0.05  # how long an event excites others, mean
cdef double MARKET_SHARE = 0.04
cdef double PARTIAL_SHARE = 0.1  # cancels that take only a part


cdef class Simulator:
    """An endless flow of one instrument.

    Args:
        mid_ticks: where the fair price starts.
        spread_ticks: distance of the two sides around it.
        volatility_ticks: standard deviation of its walk over one second.
        events_per_second: mean rate.
        depth_ticks: mean distance of new orders from the touch.
        resting_orders: how many rest on average.
        order_lots: mean size.
        start_ts_ns: time of the first event.
        seed: of all draws.
    """

    cdef Engine engine
    cdef Outbox box
    cdef uint64_t drawn
    cdef uint64_t seed
    cdef uint64_t numbered
    cdef double fair_ticks
    cdef double time_s
    cdef double excess_per_s
    cdef int64_t start_ts_ns
    cdef uint32_t resting
    cdef readonly uint32_t resting_orders
    cdef readonly double spread_ticks
    cdef readonly double volatility_ticks
    cdef readonly double events_per_second
    cdef readonly double depth_ticks
    cdef readonly double order_lots
    cdef Command *target
    cdef size_t written

    def __cinit__(self, *, mid_ticks, double spread_ticks, double volatility_ticks,
                  double events_per_second, double depth_ticks, uint32_t resting_orders,
                  double order_lots, start_ts_ns, uint64_t seed):
        engine_init(&self.engine, 1, 4 * resting_orders + 1024, 1, 0)
        outbox_reserve(&self.box, 1024)
        self.fair_ticks = mid_ticks
        self.spread_ticks = spread_ticks
        self.volatility_ticks = volatility_ticks
        self.events_per_second = events_per_second
        self.depth_ticks = depth_ticks
        self.resting_orders = resting_orders
        self.order_lots = order_lots
        self.start_ts_ns = start_ts_ns
        self.seed = splitmix(seed + GOLDEN)

    def __dealloc__(self):
        engine_free(&self.engine)
        free(self.box.messages)

    def chunk(self, size_t count):
        """The next events as a COMMAND array of at least `count` messages."""
        # One command can at most execute everything that rests, and then rest itself.
        commands = np.zeros(count + self.engine.book.order_capacity + 1, COMMAND)
        self.target = <Command *>writable_bytes_of(commands)
        self.written = 0
        with nogil:
            while self.written < count:
                self.event()
        return commands[:self.written]

    cdef inline double uniform(self) noexcept nogil:
        """In (0, 1]."""
        self.drawn += 1
        return (<double>(splitmix(self.seed + self.drawn * GOLDEN) >> 11) + 1) / 9007199254740992.0

    cdef inline double exponential(self, double mean) noexcept nogil:
        return -mean * log(self.uniform())

    cdef inline double normal(self) noexcept nogil:
        return sqrt(-2 * log(self.uniform())) * cos(2 * M_PI * self.uniform())

    cdef void advance(self) noexcept nogil:
        """Move time to the next event, and the fair price with it."""
        cdef double base = self.events_per_second * (1 - BRANCHING)
        cdef double elapsed = 0
        cdef double bound, wait
        while True:
            bound = base + self.excess_per_s
            wait = self.exponential(1 / bound)
            elapsed += wait
            self.excess_per_s *= exp(-wait / EXCITED_S)
            if self.uniform() * bound <= base + self.excess_per_s:
                break
        self.excess_per_s += BRANCHING / EXCITED_S
        self.time_s += elapsed
        self.fair_ticks += self.volatility_ticks * sqrt(elapsed) * self.normal()

    cdef void event(self) noexcept nogil:
        cdef double crowd, choice
        if self.numbered < self.resting_orders:
            # The book before the opening: nobody has traded yet.
            self.add()
            return
        self.advance()
        choice = self.uniform()
        if choice < MARKET_SHARE:
            self.market()
            return
        crowd = (<double>self.resting_orders - <double>self.resting) / (0.05 * self.resting_orders)
        if self.uniform() < 0.5 + 0.5 * fmin(1, fmax(-1, crowd)):
            self.add()
        else:
            self.cancel()

    cdef inline int64_t lots(self) noexcept nogil:
        return 1 + <int64_t>self.exponential(self.order_lots - 1)

    cdef void add(self) noexcept nogil:
        cdef bint is_ask = self.uniform() < 0.5
        cdef double away = self.spread_ticks / 2 + self.exponential(self.depth_ticks)
        cdef Command command
        self.begin(&command, NEW_ORDER)
        command.side = SELL if is_ask else BUY
        command.order_type = LIMIT
        command.qty_lots = self.lots()
        if is_ask:
            command.price_ticks = <int64_t>ceil(self.fair_ticks + away)
        else:
            command.price_ticks = <int64_t>floor(self.fair_ticks - away)
        self.enter(&command)

    cdef void market(self) noexcept nogil:
        """A market order; towards the fair price when that has left the middle of the book."""
        cdef uint32_t bid = self.engine.book.instruments[0].sides[0].best
        cdef uint32_t ask = self.engine.book.instruments[0].sides[1].best
        cdef double lean = 0
        cdef Command command
        if bid and ask:
            lean = self.fair_ticks - 0.5 * (
                <double>self.engine.book.levels[bid].price_ticks
                + <double>self.engine.book.levels[ask].price_ticks
            )
        self.begin(&command, NEW_ORDER)
        lean = fmin(0.45, fmax(-0.45, lean / (self.spread_ticks + 1)))
        command.side = BUY if self.uniform() < 0.5 + lean else SELL
        command.order_type = MARKET
        command.time_in_force = IOC
        command.qty_lots = 2 * self.lots()
        self.enter(&command)

    cdef void begin(self, Command *command, uint8_t kind) noexcept nogil:
        memset(command, 0, sizeof(Command))
        command.header.kind = kind
        if kind == NEW_ORDER:
            self.numbered += 1
            command.order_id = OWN | self.numbered

    cdef Command *tell(self, uint8_t kind, uint64_t order_id, bint is_ask, int64_t price_ticks,
                       int64_t qty_lots) noexcept nogil:
        """Write one message of the recording."""
        cdef Command *told = &self.target[self.written]
        self.written += 1
        told.header.kind = kind
        told.header.source = SOURCE_RECORDED
        told.order_id = order_id & ~OWN
        told.side = SELL if is_ask else BUY
        told.price_ticks = price_ticks
        told.qty_lots = qty_lots
        told.event_ts_ns = self.start_ts_ns + <int64_t>(self.time_s * 1e9)
        return told

    cdef void enter(self, const Command *command) noexcept nogil:
        """Match an order privately, and tell its executions and what is left of it."""
        cdef int64_t left_lots = command.qty_lots
        cdef uint32_t place
        cdef const Message *answer
        cdef bint is_ask = command.side == SELL
        self.box.count = 0
        engine_apply(&self.engine, <const Message *>command, 1, &self.box)
        for place in range(self.box.count):
            answer = &self.box.messages[place]
            if answer.header.kind == TRADE:
                self.tell(FLOW_EXECUTE, answer.trade.maker_order_id, not is_ask,
                          answer.trade.price_ticks, answer.trade.qty_lots)
                left_lots -= answer.trade.qty_lots
        if left_lots and command.order_type == LIMIT:
            self.tell(FLOW_ADD, command.order_id, is_ask, command.price_ticks, left_lots)
        self.resting = self.engine.book.order_count

    cdef void cancel(self) noexcept nogil:
        """Cancel, whole or in part, a live order chosen uniformly."""
        cdef uint32_t index = 0
        cdef Order *order
        cdef Command command
        cdef int64_t lots
        while self.engine.book.orders[index].level == 0:
            index = 1 + <uint32_t>(self.uniform() * (self.engine.book.order_fresh - 1))
            index = min(index, self.engine.book.order_fresh - 1)
        order = &self.engine.book.orders[index]
        lots = order.leaves_lots
        if lots > 1 and self.uniform() < PARTIAL_SHARE:
            lots = 1 + <int64_t>(self.uniform() * (<double>lots - 1))
            lots = min(lots, order.leaves_lots - 1)
            self.begin(&command, REPLACE_ORDER)
            command.price_ticks = order_price(&self.engine.book, index)
            command.qty_lots = order.leaves_lots - lots
            self.tell(FLOW_CANCEL, order.order_id, order_is_ask(order), command.price_ticks, lots)
        else:
            self.begin(&command, CANCEL_ORDER)
            self.tell(FLOW_DELETE, order.order_id, order_is_ask(order),
                      order_price(&self.engine.book, index), lots)
        command.order_id = order.order_id
        self.box.count = 0
        engine_apply(&self.engine, <const Message *>&command, 1, &self.box)
        self.resting = self.engine.book.order_count
