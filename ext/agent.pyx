"""The loop of a process: poll its agents without the GIL, look up about once a millisecond.

An agent has `on_start()`, `work` (C, no GIL), `python_work()` for what `work` can't do itself, and
`on_close()`. What the agents of a process have not to do, the idle strategy decides how to spend.
"""

import contextlib
import os
import time

from libc.stdint cimport INT64_MAX, int64_t, uint32_t

from hft.core.atomics cimport cpu_pause, load_acquire
from hft.core.clock cimport host_now_ns
from hft.core.control cimport (
    IDLE_BACKOFF,
    IDLE_PARK,
    IDLE_YIELD,
    NODE_DONE,
    NODE_RUNNING,
    NODE_STARTING,
    NODE_STOPPED,
    NODES_MAX,
    STOP_NONE,
    STOP_NOW,
    ControlPage,
)
from hft.core.wake cimport WakeWord, wake_arm, wake_disarm, wake_wait

from hft.errors import FatalError

__all__ = ["Agent", "run_agents"]

cdef extern from "<sched.h>":
    int sched_yield() nogil

cdef extern from "<sys/mman.h>":
    int MCL_CURRENT
    int MCL_ONFAULT
    int mlockall(int flags)

cdef extern from "<sys/prctl.h>":
    int PR_SET_TIMERSLACK
    int prctl(int option, unsigned long value)

cdef enum:
    LOOK_UP_NS = 1_000_000
    KEEN_NS = 20_000  # so long without pauses, which take as long as several looks
    # Longer than the gaps of a busy stream: who waits in the kernel is late for the next message.
    BACKOFF_SPIN_NS = 50_000
    BACKOFF_YIELD_NS = 50_000
    # What nobody wakes us for is seen so much later at the most: the death of launch, messages for
    # a node that takes batches.
    WAIT_NS_MAX = 10_000_000
    # What is due is not to be late for the kernel's sake: who has a core of its own wakes up early.
    BACKOFF_EARLY_NS = 50_000
    SLACK_NS = 1_000  # by the kernel's default, 50 µs, a wait ends that much too late


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

    def step(self):
        """One step, as the loop makes them; how much it did. For loops of one's own and tests."""
        cdef int found
        with nogil:
            found = self.calls.work(self.calls.state)
        return self.python_work() if found == NEEDS_PYTHON else found

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
    WakeWord *word  # of this process
    int64_t idle_since_ts_ns
    int64_t last_ts_ns


cdef inline bint may_wait(const Loop *loop) noexcept nogil:
    """Whether it has been idle for so long that the next look may be the last before it waits."""
    cdef int64_t idle_ns = loop.last_ts_ns - loop.idle_since_ts_ns
    if loop.idle == IDLE_BACKOFF:
        return idle_ns >= BACKOFF_SPIN_NS + BACKOFF_YIELD_NS
    return loop.idle == IDLE_PARK and idle_ns > 0


cdef void idle_awake(const Loop *loop) noexcept nogil:
    """Let a moment pass, but stay where a message is seen at once."""
    if loop.idle == IDLE_YIELD or (
        loop.idle == IDLE_BACKOFF and loop.last_ts_ns - loop.idle_since_ts_ns >= BACKOFF_SPIN_NS
    ):
        sched_yield()
    elif loop.last_ts_ns - loop.idle_since_ts_ns >= KEEN_NS:
        cpu_pause()


cdef void wait(Loop *loop) noexcept nogil:
    """Wait for somebody to wake us, or for the time at which an agent has something to do."""
    cdef int64_t due_ts_ns = loop.last_ts_ns + WAIT_NS_MAX
    cdef int index
    for index in range(loop.count):
        due_ts_ns = min(due_ts_ns, loop.agents[index].stats.due_ts_ns)
    if loop.idle == IDLE_BACKOFF:
        due_ts_ns -= BACKOFF_EARLY_NS
    if due_ts_ns > loop.last_ts_ns:
        wake_wait(loop.word, due_ts_ns - loop.last_ts_ns)
    else:
        wake_disarm(loop.word)
        cpu_pause()


cdef int burst(Loop *loop) noexcept nogil:
    """Poll for about a millisecond; the index of an agent that needs Python, else loop.count."""
    cdef int64_t started_ns = loop.last_ts_ns
    cdef int64_t now_ns
    cdef int index, found
    cdef int answer = loop.count
    cdef bint any_found, last_look
    while True:
        any_found = False
        last_look = may_wait(loop)
        if last_look:
            wake_arm(loop.word)
        for index in range(loop.count):
            loop.agents[index].stats.due_ts_ns = INT64_MAX
            found = loop.agents[index].work(loop.agents[index].state)
            if found:
                # A look that found nothing, just before, counts as work: it takes less than a
                # reading of the clock.
                now_ns = host_now_ns()
                loop.agents[index].stats.busy_ns += now_ns - loop.last_ts_ns
                loop.last_ts_ns = now_ns
                any_found = True
            if found == NEEDS_PYTHON:
                answer = index
                break
        if any_found:
            loop.idle_since_ts_ns = loop.last_ts_ns
            if last_look:
                wake_disarm(loop.word)
        elif last_look:
            wait(loop)
            loop.last_ts_ns = host_now_ns()
        else:
            idle_awake(loop)
            loop.last_ts_ns = host_now_ns()
        if answer < loop.count or loop.last_ts_ns - started_ns >= LOOK_UP_NS:
            break
    for index in range(loop.count):
        loop.agents[index].stats.loop_ns += loop.last_ts_ns - started_ns
        loop.agents[index].stats.heartbeat_ts_ns = loop.last_ts_ns
    return answer


cdef bint all_running(ControlPage *page) noexcept nogil:
    cdef uint32_t index
    for index in range(page.node_count):
        if page.nodes[index].state < NODE_RUNNING:
            return False
    return True


def wait_for_all(Control control, parent):
    """Until every node of the run has started: no market event finds half a system."""
    while not all_running(control.page) and load_acquire(&control.page.stop) == STOP_NONE:
        check_parent(control, parent)
        time.sleep(0.001)


def check_parent(Control control, parent):
    """FatalError, with the stop word set for the others, if the process that started us is gone."""
    if os.getppid() != parent:
        control.stop = STOP_NOW
        raise FatalError(f"launch (process {parent}) died; stopping")


cdef void lock_memory(Loop *loop) noexcept:
    """Keep what the process has mapped from being swapped out, and show if the limits allow it.

    What it maps later is not locked: no hot path waits for it, and beyond the limit it could not be
    mapped at all. Nor is anything brought in that was never used, such as the end of a stack.
    """
    cdef bint locked = mlockall(MCL_CURRENT | MCL_ONFAULT) == 0
    cdef int index
    for index in range(loop.count):
        loop.agents[index].stats.memory_locked = locked


def close_agent(Agent agent):
    agent.on_close()
    agent.calls.stats.state = NODE_STOPPED


def run_agents(agents, int idle, parent):
    """Run agents in this thread until the stop word says now; FatalError if the parent has died.

    Args:
        idle: IdleStrategy of the process.
        parent: process id of the launch that started it; it may have died since.
    """
    cdef Loop loop
    cdef Agent agent
    cdef Control control = (<Agent>agents[0]).control
    cdef int index
    cdef int64_t now_ns
    prctl(PR_SET_TIMERSLACK, SLACK_NS)
    loop.count = len(agents)
    loop.idle = idle
    loop.word = &control.page.wakes[(<Agent>agents[0]).calls.stats.host]
    started = []
    try:
        for index, agent in enumerate(agents):
            loop.agents[index] = &agent.calls
            agent.calls.stats.state = NODE_STARTING
            started.append(agent)
            agent.on_start()
            agent.calls.stats.started_ts_ns = host_now_ns()
            agent.calls.stats.heartbeat_ts_ns = host_now_ns()
            if index == loop.count - 1 and agent.calls.stats.core >= 0:
                lock_memory(&loop)
            agent.calls.stats.state = NODE_RUNNING
        wait_for_all(control, parent)
        loop.last_ts_ns = loop.idle_since_ts_ns = host_now_ns()
        while load_acquire(&control.page.stop) != STOP_NOW:
            with nogil:
                index = burst(&loop)
            if index < loop.count:
                agent = agents[index]
                did = agent.python_work()
                now_ns = host_now_ns()
                if did:
                    loop.idle_since_ts_ns = now_ns
                agent.calls.stats.busy_ns += now_ns - loop.last_ts_ns
                for agent in agents:
                    agent.calls.stats.loop_ns += now_ns - loop.last_ts_ns
                loop.last_ts_ns = now_ns
            check_parent(control, parent)
        # The stop word may be of another node that saw launch die.
        check_parent(control, parent)
    finally:
        with contextlib.ExitStack() as closing:
            for agent in started:
                closing.callback(close_agent, agent)
