"""An agent: a node's state and the function that moves it on, polled without the GIL."""

from hft.core.control cimport Control, ControlPage, NodeStats

cdef enum:
    NEEDS_PYTHON = -1  # returned by `work`: call `python_work` before the next `work`


cdef struct AgentCalls:
    void *state
    int (*work)(void *state) noexcept nogil  # how many messages it dealt with, or NEEDS_PYTHON
    NodeStats *stats


cdef class Agent:
    cdef AgentCalls calls
    cdef readonly Control control
    cdef readonly str name
    cdef ControlPage *page
