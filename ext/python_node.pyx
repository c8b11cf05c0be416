"""An agent whose work is Python on batches: polled without the GIL, called when there are enough.

A call costs as much as hundreds of messages, so a few of them wait a little for more. It is called
every half second too, so that what waits for time and not for messages gets done.
"""

import numpy as np

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from hft.core.agent cimport NEEDS_PYTHON, Agent
from hft.core.clock cimport host_now_ns
from hft.core.control cimport NODE_DONE, stat_set
from hft.core.edges cimport InEdge, edge_has, edge_in, edge_peek, edge_settle, edge_take
from hft.core.messages cimport MESSAGE_SIZE, Message
from hft.core.ring cimport RING_HEADER_BYTES, Ring

from hft.core.messages import MESSAGE

__all__ = ["PythonAgent"]

cdef enum:
    INPUTS_MAX = 8
    ENOUGH = 1024  # messages of an input that are worth a call
    LINGER_NS = 20_000_000  # for fewer of them, since the last call
    CALL_EVERY_NS = 500_000_000


cdef struct PythonNode:
    InEdge inputs[INPUTS_MAX]
    int count
    int64_t called_ts_ns


cdef int python_node_work(void *state) noexcept nogil:
    cdef PythonNode *node = <PythonNode *>state
    cdef int which
    cdef bint some = False
    cdef bint enough = False
    cdef int64_t now_ns
    for which in range(node.count):
        some |= edge_peek(&node.inputs[which]) != NULL
        enough |= edge_has(&node.inputs[which], ENOUGH)
    now_ns = host_now_ns()
    if not enough and now_ns - node.called_ts_ns < (LINGER_NS if some else CALL_EVERY_NS):
        return 0
    node.called_ts_ns = now_ns
    return NEEDS_PYTHON


cdef class PythonAgent(Agent):
    """Base of agents written in Python: `python_work` is called when there is something to take.

    Args:
        inputs: the `wait` rings it reads; `edges` their indices in the control page.
    """

    cdef PythonNode node
    cdef readonly tuple inputs

    def __init__(self, control, name, index, *, inputs, edges):
        cdef Ring ring
        super().__init__(control, name, index)
        if len(inputs) > INPUTS_MAX:
            raise ValueError(f"inputs must be at most {INPUTS_MAX}, was {len(inputs)}")
        memset(&self.node, 0, sizeof(PythonNode))
        self.inputs = tuple(inputs)
        self.node.count = len(inputs)
        for which, ring in enumerate(inputs):
            edge_in(&self.node.inputs[<int>which], &ring.ring, self.page, edges[which])
        self.calls.state = &self.node
        self.calls.work = python_node_work

    def take(self, int which, uint64_t at_most=4096):
        """Take and measure what an input has, up to `at_most` messages; a copy of them."""
        cdef InEdge *edge = &self.node.inputs[which]
        cdef uint64_t before = edge.ring.cursor
        cdef uint64_t found = 0
        cdef uint64_t place = before & edge.ring.mask
        cdef int64_t now_ns = host_now_ns()
        cdef Message *message
        at_most = min(at_most, edge.ring.capacity - place)
        while found < at_most:
            message = edge_peek(edge)
            if message == NULL:
                break
            edge_take(edge, message, now_ns)
            edge.ring.cursor += 1
            found += 1
        batch = np.frombuffer(
            (<Ring>self.inputs[which]).segment, MESSAGE, found,
            RING_HEADER_BYTES + place * MESSAGE_SIZE
        ).copy()
        self.calls.stats.messages_in += edge_settle(edge, before)
        return batch

    def set_counter(self, counter, value):
        """Show a count of the node's own."""
        stat_set(self.calls.stats, int(counter), <uint64_t>value)

    def set_done(self):
        """Say that everything the node will ever do is done."""
        self.calls.stats.state = NODE_DONE
