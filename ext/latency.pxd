"""The simulated way from risk to engine: how long own orders take, and those under way.

A delay is constant, or uniform between two bounds and drawn from a seed, one draw an order.
Within the ring nothing overtakes: an order never arrives before the one sent before it.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memmove, memset

from hft.core.memory cimport memory_grow
from hft.core.messages cimport Message


cdef struct Underway:
    int64_t due_ts_ns
    Message message


cdef struct OrderDelay:
    int64_t min_ns
    int64_t max_ns
    uint64_t seed
    uint64_t drawn
    int64_t last_due_ts_ns
    Underway *orders
    uint64_t first
    uint64_t end
    uint64_t capacity
    uint64_t allocations  # since it was reserved


cdef inline uint64_t splitmix(uint64_t state) noexcept nogil:
    """The SplitMix64 finaliser (Steele, Lea, Flood, 2014)."""
    state = (state ^ (state >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    state = (state ^ (state >> 27)) * <uint64_t>0x94D049BB133111EB
    return state ^ (state >> 31)


cdef inline int64_t delay_draw_ns(OrderDelay *delay) noexcept nogil:
    cdef uint64_t width = <uint64_t>(delay.max_ns - delay.min_ns) + 1
    delay.drawn += 1
    if width == 1:
        return delay.min_ns
    return delay.min_ns + <int64_t>(
        splitmix(delay.seed + delay.drawn * <uint64_t>0x9E3779B97F4A7C15) % width
    )


cdef inline void delay_grow(OrderDelay *delay, uint64_t capacity) noexcept nogil:
    delay.orders = <Underway *>memory_grow(delay.orders, capacity * sizeof(Underway),
                                           &delay.allocations)
    memset(&delay.orders[delay.capacity], 0, (capacity - delay.capacity) * sizeof(Underway))
    delay.capacity = capacity


cdef inline void delay_reserve(OrderDelay *delay) noexcept nogil:
    """Have room for the orders that are usually under way, its memory touched."""
    delay_grow(delay, 4096)
    delay.allocations = 0


cdef inline void delay_send(OrderDelay *delay, const Message *message, int64_t sent_ts_ns,
                            double scale) noexcept nogil:
    """Put an order on its way at `sent_ts_ns`; its delay is multiplied by `scale`."""
    cdef Underway *order
    cdef int64_t due_ts_ns = sent_ts_ns + <int64_t>(<double>delay_draw_ns(delay) * scale)
    if delay.end == delay.capacity:
        if delay.first > delay.capacity // 2:
            memmove(delay.orders, &delay.orders[delay.first],
                    (delay.end - delay.first) * sizeof(Underway))
            delay.end -= delay.first
            delay.first = 0
        else:
            delay_grow(delay, 2 * delay.capacity)
    delay.last_due_ts_ns = max(delay.last_due_ts_ns, due_ts_ns)
    order = &delay.orders[delay.end]
    order.due_ts_ns = delay.last_due_ts_ns
    order.message = message[0]
    delay.end += 1


cdef inline Underway *delay_first(OrderDelay *delay) noexcept nogil:
    """The next order to arrive; NULL if none is under way."""
    return &delay.orders[delay.first] if delay.first != delay.end else NULL


cdef inline void delay_arrived(OrderDelay *delay) noexcept nogil:
    """The first order has arrived."""
    delay.first += 1
    if delay.first == delay.end:
        delay.first = delay.end = 0
