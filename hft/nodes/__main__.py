"""The process of some nodes: `python -m hft.nodes`, started by launch, told what to be on stdin."""

import gc
import importlib
import os
import signal
import sys

import msgspec

from hft.core.agent import Agent, run_agents
from hft.core.control import Control, IdleStrategy, NodeState
from hft.errors import EXIT_USER_ERROR, FatalError, UserError
from hft.nodes.context import Context
from hft.nodes.spec import Assignment
from hft.runtime.segments import control_name, remove_run
from hft.runtime.topology import node_index

EXIT_FATAL = 1


def build(assignment: Assignment, control: Control) -> list[Agent]:
    agents = []
    for name in assignment.nodes:
        row = control.record["nodes"][node_index(name)]
        row["pid"] = os.getpid()
        row["core"] = -1 if assignment.core is None else assignment.core
        row["idle"] = assignment.idle
        context = Context(name, assignment.spec, control)
        agents.append(importlib.import_module(f"hft.nodes.{name}").build(context))
    return agents


def main() -> int:
    # launch alone answers Ctrl-C, and tells us through the stop word.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    told = sys.stdin.buffer.read()
    if not told:
        return EXIT_FATAL  # launch died before it could tell
    assignment = msgspec.json.decode(told, type=Assignment)
    spec = assignment.spec
    if assignment.core is not None:
        os.sched_setaffinity(0, {assignment.core})
    try:
        control = Control.attach(control_name(spec.instance))
    except UserError as error:
        say_failure(assignment, str(error))
        return EXIT_USER_ERROR
    try:
        agents = build(assignment, control)
        gc.freeze()
        run_agents(agents, IdleStrategy(assignment.idle), assignment.parent_pid)
    except UserError as error:
        report_failure(assignment, control, str(error))
        return EXIT_USER_ERROR
    except FatalError as error:
        report_failure(assignment, control, str(error))
        # launch, which would have removed them, may be the one that died.
        if os.getppid() != assignment.parent_pid:
            remove_run(spec.instance, spec.run_id)
        return EXIT_FATAL
    return 0


def report_failure(assignment: Assignment, control: Control, problem: str) -> None:
    for name in assignment.nodes:
        control.record["nodes"][node_index(name)]["state"] = NodeState.NODE_FAILED
    say_failure(assignment, problem)


def say_failure(assignment: Assignment, problem: str) -> None:
    line = " ".join(problem.splitlines())
    # In one write: others may be saying theirs at this moment.
    sys.stderr.write(f"hft.nodes: {'+'.join(assignment.nodes)}: {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
