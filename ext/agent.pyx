"""The loop of a process: poll its agents without the GIL, look up about once a millisecond.

An agent has `on_start()`, `work` (C, no GIL), `python_work()` for what `work` can't do itself, and
`on_close()`. What the agents of a process have not to do, the idle strategy decides how to spend.
"""

import os

from libc.stdint cimport int64_t, uint64_t
from posix.time cimport nanosleep, timespec

from hft.core.atomics cimport cpu_pause, load_acquire, store_release
from hft.core.clock cimport host_now_ns
from hft.core.control cimport (
    IDLE_SPIN,
    IDLE_YIELD,
    NODE_DONE,
    NODE_RUNNING,
    NODE_STARTING,
    NODE_STOPPED,
    NODES_MAX,
    STOP_NOW,
)

from hft.errors import FatalError

__all__ = ["Agent", "run_agents"]

cdef extern from "<sched.h>":
    int sched_yield() nogil

cdef enum:
    LOOK_UP_NS = 1_000_000
    SPIN_ROUNDS = 200
    YIELD_ROUNDS = 400
    SLEEP_NS = 50_000


cdef int nothing_to_do(void *state) noexcept nogil:
    return 0


cdef class Agent:
    """Base of all agents: knows its node's row in the control page."""

    def __init__(self, Control control, str name, index):
        self.control = control
        self.name = name
        self.page = control.page
        self.calls.state = NULL
        self.calls.work = nothing_to_do
        self.calls.stats = &control.page.nodes[<int>index]

    def on_start(self):
        """Called in the agent's process, before the first step."""

    def python_work(self):
        """Called with the GIL when `work` asked for it; how many messages it dealt with."""
        return 0

    def on_close(self):
        """Called after the last step, also when another agent of the process failed."""

    def count(self, counter):
        """The value of a counter of the node."""
        return self.calls.stats.counters[<int>counter]

    @property
    def done(self):
        """Whether everything that the node will ever do is done."""
        return self.calls.stats.state == NODE_DONE


cdef struct Loop:
    AgentCalls *agents[NODES_MAX]
    int count
    int idle
    uint64_t idle_rounds
    int64_t last_ts_ns


cdef void idle_once(Loop *loop) noexcept nogil:
    cdef timespec pause
    loop.idle_rounds += 1
    if loop.idle == IDLE_SPIN or (loop.idle_rounds < SPIN_ROUNDS and loop.idle != IDLE_YIELD):
        cpu_pause()
    elif loop.idle == IDLE_YIELD or loop.idle_rounds < YIELD_ROUNDS:
        sched_yield()
    else:
        pause.tv_sec = 0
        pause.tv_nsec = SLEEP_NS
        nanosleep(&pause, NULL)


cdef int burst(Loop *loop) noexcept nogil:
    """Poll for about a millisecond; the index of an agent that needs Python, or their count."""
    cdef int64_t until_ns = loop.last_ts_ns + LOOK_UP_NS
    cdef int64_t now_ns
    cdef int index, found
    cdef int answer = loop.count
    cdef bint any_found
    while True:
        any_found = False
        for index in range(loop.count):
            found = loop.agents[index].work(loop.agents[index].state)
            now_ns = host_now_ns()
            loop.agents[index].stats.loop_ns += now_ns - loop.last_ts_ns
            if found:
                loop.agents[index].stats.busy_ns += now_ns - loop.last_ts_ns
                any_found = True
            loop.last_ts_ns = now_ns
            if found == NEEDS_PYTHON:
                answer = index
                break
        if answer < loop.count or loop.last_ts_ns >= until_ns:
            break
        if any_found:
            loop.idle_rounds = 0
        else:
            idle_once(loop)
    for index in range(loop.count):
        loop.agents[index].stats.heartbeat_ts_ns = loop.last_ts_ns
    return answer


def run_agents(agents, int idle):
    """Run agents in this thread until the stop word says now; FatalError if the parent has died.

    Args:
        idle: IdleStrategy of the process.
    """
    cdef Loop loop
    cdef Agent agent
    cdef ControlPage *page = (<Agent>agents[0]).page
    cdef int index
    cdef int64_t now_ns
    parent = os.getppid()
    loop.count = len(agents)
    loop.idle = idle
    loop.idle_rounds = 0
    started = []
    try:
        for index, agent in enumerate(agents):
            loop.agents[index] = &agent.calls
            agent.calls.stats.state = NODE_STARTING
            started.append(agent)
            agent.on_start()
            agent.calls.stats.started_ts_ns = host_now_ns()
            agent.calls.stats.heartbeat_ts_ns = host_now_ns()
            agent.calls.stats.state = NODE_RUNNING
        loop.last_ts_ns = host_now_ns()
        while load_acquire(&page.stop) != STOP_NOW:
            with nogil:
                index = burst(&loop)
            if index < loop.count:
                agent = agents[index]
                if agent.python_work():
                    loop.idle_rounds = 0
                now_ns = host_now_ns()
                agent.calls.stats.busy_ns += now_ns - loop.last_ts_ns
                agent.calls.stats.loop_ns += now_ns - loop.last_ts_ns
                loop.last_ts_ns = now_ns
            if os.getppid() != parent:
                store_release(&page.stop, STOP_NOW)
                raise FatalError(f"launch (process {parent}) died")
    finally:
        for agent in started:
            agent.on_close()
            agent.calls.stats.state = NODE_STOPPED
