"""One run of the system: its shared memory, its processes, its end.

A run ends when its feed has ended and all that follows from it is done, when somebody asks for
it, or when a process dies. However it ends, no process and no shared memory of it is left.
"""

import logging
import os
import time
from collections.abc import Callable

import msgspec

from hft.core.control import Control, IdleStrategy, NodeState, StopWord
from hft.core.ring import Ring
from hft.errors import EXIT_USER_ERROR
from hft.feeds.base import Commands
from hft.latency.recorder import LatencyRecorder
from hft.nodes.spec import Assignment, RunSpec
from hft.runtime.clock import Timekeeper
from hft.runtime.log import SAID, LogBook
from hft.runtime.numa import keeping_to, node_of
from hft.runtime.page import lay_out
from hft.runtime.segments import control_name, remove_run, remove_stale, ring_name
from hft.runtime.supervisor import Child, Supervisor, how_it_ended
from hft.runtime.topology import EDGES, Placement, edge_index, node_index

__all__ = ["EXIT_NODE_DIED", "Run"]

EXIT_NODE_DIED = 1
DRAIN_S = 0.7  # for what is under way, after a request to end
END_S = 0.7  # for the processes to close their files, before they are killed
LOOK_S = 0.05
TAPE_BATCH = 4096

log = logging.getLogger("hft.launch")


class Run:
    """A run that its caller watches.

    Attributes:
        control: the run's control page.
        failure: what made it end early, in words; None if nothing did.
        began: whether all nodes have started.
        exit_code: 0, or what the command should return.
        latencies: what was measured, in intervals.
        removed: names of segments of a dead run that were in the way.
        timekeeper: keeps the run's clock.
    """

    def __init__(self, spec: RunSpec, placement: Placement, book: LogBook) -> None:
        self.spec = spec
        self.placement = placement
        self.supervisor = Supervisor("hft.nodes", book)
        self.requests = 0
        self.cores = os.sched_getaffinity(0)
        self.began = False
        self.failure: str | None = None
        self.exit_code = 0
        self.removed = remove_stale(spec.instance)
        try:
            self.make_segments()
        except BaseException:
            remove_run(spec.instance, spec.run_id)
            raise

    def make_segments(self) -> None:
        spec = self.spec
        memory = spec.config.memory
        rings = {}
        for edge in EDGES:
            with keeping_to(node_of(self.placement.memory_core(edge))):
                rings[edge.name] = Ring.create_segment(
                    ring_name(spec.instance, edge.name),
                    edge.capacity_slots,
                    edge.policy,
                    spec.run_id,
                    memory.hugepages,
                )
        # Made last: who finds the control page finds everything. The engine writes the most of it.
        with keeping_to(node_of(self.placement.core_of("engine"))):
            self.control = Control.create(
                control_name(spec.instance),
                spec.run_id,
                memory.hugepages,
                len(spec.instruments),
            )
        lay_out(
            self.control,
            spec.instance,
            spec.instruments,
            rings,
            self.placement.processes,
            seed=spec.seed,
            speed=spec.speed,
            simulated=spec.simulated,
        )
        self.timekeeper = Timekeeper(
            self.control,
            spec.config.run.clock,
            {each.core for each in self.placement.processes if each.core is not None},
        )
        self.tape = Ring.attach(ring_name(spec.instance, "tape"))
        self.tape.claim(producer=False)
        self.page = self.control.record
        self.latencies = LatencyRecorder(self.control)
        self.show_self(NodeState.NODE_RUNNING)

    def keep_off_the_engine(self) -> None:
        """Leave the engine its core, if there is another: it has the most to do.

        What is pinned nowhere, this process and the recorder, inherits that, and so do the threads
        that make files of the journal ready.
        """
        engine = next(each for each in self.placement.processes if "engine" in each.nodes)
        others = self.cores - {engine.core}
        if others:
            os.sched_setaffinity(0, others)

    def start(self) -> None:
        """Start every process of the placement."""
        self.keep_off_the_engine()
        for process in self.placement.processes:
            assignment = Assignment(
                self.spec, process.nodes, process.core, int(process.idle), os.getpid()
            )
            self.supervisor.start("+".join(process.nodes), msgspec.json.encode(assignment))

    def request_end(self) -> None:
        """Ask for the end: at first politely, what is under way is finished; then at once."""
        self.requests += 1

    def watch(self, look: Callable[["Run"], None]) -> None:
        """Until the run is over: notice deaths and the end; `look` sees it 20 times a second."""
        deadline: float | None = None
        while True:
            for child in self.supervisor.wait(LOOK_S):
                self.child_ended(child)
            self.timekeeper.correct()
            self.show_self(NodeState.NODE_RUNNING)
            self.began = self.began or self.all_started()
            self.latencies.look()
            look(self)
            if self.failure is not None or self.all_done():
                return
            if self.requests and deadline is None:
                self.control.stop = StopWord.STOP_DRAIN
                deadline = time.monotonic() + DRAIN_S
            if self.requests and not self.began:
                return  # nothing is under way yet
            if self.requests > 1 or (deadline is not None and time.monotonic() > deadline):
                return

    def finish(self) -> None:
        """End every process. The control page stays, with the last figures, until `remove`."""
        self.control.stop = StopWord.STOP_NOW
        for name in self.supervisor.end_all(END_S):
            if not self.began and self.requests:
                continue  # it had not even started
            self.fail(f"{name} did not end in time and was killed", EXIT_NODE_DIED)
        self.show_self(NodeState.NODE_STOPPED)

    def remove(self) -> None:
        """Kill what is still there and remove the run's shared memory."""
        self.supervisor.end_all(0)
        os.sched_setaffinity(0, self.cores)
        remove_run(self.spec.instance, self.spec.run_id)

    def take_trades(self) -> Commands:
        """The newest messages of the tape, as a MESSAGE array."""
        messages = self.tape.take(TAPE_BATCH)
        row = self.page["edges"][edge_index("tape")]
        row["taken"] += len(messages)
        row["lost"] = self.tape.lost
        self.page["nodes"][node_index("monitor")]["messages_in"] += len(messages)
        return messages

    def all_started(self) -> bool:
        nodes = self.page["nodes"][: int(self.page["node_count"])]
        return bool((nodes["state"] >= NodeState.NODE_RUNNING).all())

    def all_done(self) -> bool:
        """Whether the feed has ended and everything that follows from it is on file."""
        nodes = self.page["nodes"]
        return all(
            nodes[node_index(name)]["state"] == NodeState.NODE_DONE
            for name in ("engine", "recorder")
        )

    def child_ended(self, child: Child) -> None:
        code = child.popen.returncode
        self.fail(how_it_ended(child), code if code == EXIT_USER_ERROR else EXIT_NODE_DIED)

    def fail(self, what: str, code: int) -> None:
        """Only the first failure is told: the others follow from it. The log has all."""
        log.error(what, extra={**SAID, "exit_code": code})
        if self.failure is None:
            self.failure, self.exit_code = what, code

    def show_self(self, state: NodeState) -> None:
        row = self.page["nodes"][node_index("monitor")]
        row["pid"] = os.getpid()
        row["state"] = state
        row["idle"] = IdleStrategy.IDLE_PARK  # until a child has something to say
        row["heartbeat_ts_ns"] = self.control.clock.now_ns()
