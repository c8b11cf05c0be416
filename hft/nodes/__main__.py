"""The process of some nodes: `python -m hft.nodes LOG STDERR`, started by launch.

It is told what to be on stdin. LOG is the descriptor that log lines go to, STDERR that of launch's
own stderr, for the case that launch is dead; our stdout and stderr are pipes to it. On the former
go log lines that are made of what is printed.
"""

import gc
import importlib
import logging
import os
import signal
import sys

import msgspec

from hft.core.agent import Agent, run_agents
from hft.core.control import Control, IdleStrategy, NodeState
from hft.errors import EXIT_USER_ERROR, FatalError, UserError
from hft.nodes.context import Context
from hft.nodes.spec import Assignment
from hft.runtime.log import PipeWriter, print_through, use
from hft.runtime.segments import clear_up, control_name
from hft.runtime.topology import node_index, short_name

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
    printed = PipeWriter(os.dup(1))
    os.dup2(2, 1)  # what isn't printed by Python, but by a library
    with (
        use(PipeWriter(int(sys.argv[1])).write, assignment.spec.log_level),
        print_through(printed.write, "+".join(assignment.nodes)),
    ):
        return run(assignment)


def run(assignment: Assignment) -> int:
    """All that this process is for; its exit code."""
    spec = assignment.spec
    if assignment.core is not None:
        os.sched_setaffinity(0, {assignment.core})
    try:
        control = Control.attach(control_name(spec.instance))
    except UserError as error:
        say_failure(assignment, str(error))
        return EXIT_USER_ERROR
    control.clock.use()
    try:
        agents = build(assignment, control)
        log_start(assignment, control)
        gc.freeze()
        run_agents(agents, IdleStrategy(assignment.idle), assignment.parent_pid)
    except UserError as error:
        report_failure(assignment, control, str(error))
        return EXIT_USER_ERROR
    except FatalError as error:
        report_failure(assignment, control, str(error))
        # launch, which would have removed them, may be the one that died.
        if os.getppid() != assignment.parent_pid:
            clear_up(spec.instance, spec.run_id)
        return EXIT_FATAL
    except Exception:  # a defect: the log has its traceback
        name = "+".join(assignment.nodes)
        logging.getLogger(f"hft.{name}").critical("died of a defect", exc_info=True)
        set_failed(assignment, control)
        return EXIT_FATAL
    log_end(assignment, control)
    return 0


def log_start(assignment: Assignment, control: Control) -> None:
    edges = control.record["edges"]
    for name in assignment.nodes:
        index = node_index(name)
        mine = (edges["producer"] == index) | (edges["consumer"] == index)
        page_bytes = edges["page_bytes"][mine & (edges["capacity_slots"] > 0)]
        logging.getLogger(f"hft.{name}").info(
            "starting",
            extra={
                "core": assignment.core,
                "idle": short_name(IdleStrategy(assignment.idle), "IDLE_"),
                "page_bytes": sorted(set(page_bytes.tolist())),
            },
        )


def log_end(assignment: Assignment, control: Control) -> None:
    for name in assignment.nodes:
        row = control.record["nodes"][node_index(name)]
        logging.getLogger(f"hft.{name}").info(
            "stopped",
            extra={
                "messages_in": int(row["messages_in"]),
                "messages_out": int(row["messages_out"]),
            },
        )


def report_failure(assignment: Assignment, control: Control, problem: str) -> None:
    set_failed(assignment, control)
    say_failure(assignment, problem)


def set_failed(assignment: Assignment, control: Control) -> None:
    for name in assignment.nodes:
        control.record["nodes"][node_index(name)]["state"] = NodeState.NODE_FAILED


def say_failure(assignment: Assignment, problem: str) -> None:
    line = " ".join(problem.splitlines())
    said = f"hft.nodes: {'+'.join(assignment.nodes)}: {line}\n".encode()
    # In one write: others may be saying theirs at this moment.
    try:
        os.write(2, said)
    except BrokenPipeError:  # launch is dead
        os.write(int(sys.argv[2]), said)


if __name__ == "__main__":
    sys.exit(main())
