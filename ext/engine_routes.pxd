"""Where the engine node's outputs go: from the outbox to the rings that want them.

As long as every ring has room, one pass over the outbox serves all. Otherwise each ring gets what
it has room for, and the outbox stays until the last one has had all of it.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from hft.core.clock cimport host_now_ns
from hft.core.edges cimport edge_show, retry_soon
from hft.core.engine_node cimport (
    ROUTE_MARKET_DATA,
    ROUTE_RECORDS,
    ROUTE_REPORTS,
    ROUTE_TAPE,
    ROUTES,
    EngineNode,
    Route,
)
from hft.core.messages cimport (
    BOOK_TOP,
    END,
    TIME,
    TRADE,
    Message,
    kind_is_report,
    order_source,
)
from hft.core.outbox cimport Outbox
from hft.core.ring cimport ring_overwrite, ring_space, ring_write


cdef inline uint32_t routes_of(const Message *message) noexcept nogil:
    """The routes that a message takes, as a bit each."""
    cdef uint8_t kind = message.header.kind
    if kind_is_report(kind):
        # What recorded orders do shows in the book; only own orders are reported on.
        if order_source(message.report.order_id) == 0:
            return 0
        return 1 << ROUTE_MARKET_DATA | 1 << ROUTE_REPORTS | 1 << ROUTE_RECORDS
    if kind == BOOK_TOP:
        return 1 << ROUTE_MARKET_DATA | 1 << ROUTE_REPORTS
    if kind == TRADE:
        return 1 << ROUTE_MARKET_DATA | 1 << ROUTE_RECORDS | 1 << ROUTE_TAPE
    if kind == END:
        return <uint32_t>message.control.value
    return 0


cdef inline void put(Route *route, const Message *message, uint32_t stamp) noexcept nogil:
    if route.drops:
        ring_overwrite(route.edge.ring, message, stamp)
    else:
        ring_write(route.edge.ring, message, stamp)


cdef inline void send(Route *route, const Message *message, uint32_t stamp) noexcept nogil:
    """Put a message on a ring, after its time if that is new there. There is room for both."""
    cdef Message clock
    # A BOOK_TOP and an END carry their time.
    if (route.said_ts_ns != route.due_ts_ns and message.header.kind != BOOK_TOP
            and message.header.kind != END):
        memset(&clock, 0, sizeof(Message))
        clock.header = message.header
        clock.header.kind = TIME
        clock.control.event_ts_ns = route.due_ts_ns
        put(route, &clock, stamp)
    put(route, message, stamp)
    route.said_ts_ns = route.due_ts_ns


cdef inline bint flush_route(Route *route, int which, const Outbox *out,
                             uint32_t stamp) noexcept nogil:
    """Move what one ring has not had yet, as far as it has room; whether it has had all."""
    cdef const Message *message
    while route.edge.sent < out.count:
        message = &out.messages[route.edge.sent]
        if message.header.kind == TIME:
            route.due_ts_ns = message.control.event_ts_ns
        elif routes_of(message) >> which & 1:
            if not route.drops and ring_space(route.edge.ring, 2) < 2:
                return False
            send(route, message, stamp)
        route.edge.sent += 1
    return True


cdef inline bint has_room_for_all(EngineNode *node) noexcept nogil:
    """Whether every ring takes the whole outbox, of which it has had nothing."""
    cdef int which
    cdef Route *route
    for which in range(ROUTES):
        route = &node.routes[which]
        if route.edge.sent or not route.drops and (
            ring_space(route.edge.ring, 2 * node.out.count) < 2 * node.out.count
        ):
            return False
    return True


cdef inline void flush_whole(EngineNode *node, uint32_t stamp) noexcept nogil:
    """Move the outbox to the rings, which have room for it."""
    cdef const Message *message = node.out.messages
    cdef const Message *end = message + node.out.count
    cdef uint32_t routes
    cdef int which
    while message < end:
        if message.header.kind == TIME:
            for which in range(ROUTES):
                node.routes[which].due_ts_ns = message.control.event_ts_ns
        else:
            routes = routes_of(message)
            for which in range(ROUTES):
                if routes >> which & 1:
                    send(&node.routes[which], message, stamp)
        message += 1


cdef inline bint flush(EngineNode *node) noexcept nogil:
    """Move the outbox to the rings; whether nothing is left in it."""
    cdef uint64_t heads[ROUTES]
    cdef uint32_t stamp
    cdef int which
    cdef Route *route
    cdef bint done = True
    if node.out.count == 0:
        return True
    stamp = <uint32_t>host_now_ns()
    for which in range(ROUTES):
        heads[which] = node.routes[which].edge.ring.head
    if has_room_for_all(node):
        flush_whole(node, stamp)
    else:
        for which in range(ROUTES):
            done &= flush_route(&node.routes[which], which, &node.out, stamp)
    for which in range(ROUTES):
        route = &node.routes[which]
        if route.edge.ring.head != heads[which]:
            node.stats.messages_out += route.edge.ring.head - heads[which]
            edge_show(&route.edge)
        if done:
            route.edge.sent = 0
    if done:
        node.out.count = 0
    else:
        retry_soon(node.stats)
    return done
