"""The whole system as its user has it, `python -m hft.launch`, watched from outside.

Its control page says when all nodes run, when the first trade is there, and when all is done; it is
looked at once a millisecond, so times are good to about that. The run has an instance and a folder
of its own, and both are gone afterwards.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hft.core.control import Control, Counter, NodeState
from hft.errors import AttachError
from hft.runtime.segments import control_name
from hft.runtime.topology import node_index

LOOK_S = 0.001
PATIENCE_S = 300.0
END_S = 10.0
AFFINITY = "0,1,2,3"  # what `make run` asks for; fewer cores fold

numbers = itertools.count()


@dataclass
class Observed:
    """Seconds since the start of the process, and the run's own report."""

    running_s: float  # all nodes run
    first_trade_s: float
    done_s: float  # everything that follows from the feed is on file
    ended_s: float  # the process is gone
    report: dict[str, Any]

    @property
    def events(self) -> int:
        """Messages of the market that the engine took."""
        return int(edge(self.report, "market_flow")["taken"])


@dataclass
class Launched:
    """A run's process of launch, its command without the interpreter, and its folder."""

    process: "subprocess.Popen[bytes]"
    command: list[str]
    instance: str
    folder: Path

    def report(self) -> dict[str, Any]:
        """What the run reports once it has ended; RuntimeError, with what it said, if not well."""
        if self.process.poll() != 0:
            said = (self.folder / "err").read_text().strip()
            code = self.process.returncode
            how = "was not done in time" if code is None else f"ended with {code}"
            raise RuntimeError(f"{' '.join(self.command)} {how}: {said}")
        report: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return report


def edge(report: dict[str, Any], name: str) -> Any:
    return next(each for each in report["edges"] if each["name"] == name)


@contextmanager
def launched(
    *arguments: str, instance: str | None = None, affinity: str = AFFINITY, **variables: str
) -> Iterator[Launched]:
    """A run that has been started; whatever of it is left at the end is gone then."""
    instance = instance or new_instance()
    with tempfile.TemporaryDirectory(prefix="hft-bench-") as folder:
        command = ["-m", "hft.launch", "--instance", instance]
        command += ["--affinity", affinity, "--report", "report.json", *arguments]
        with open(Path(folder, "err"), "w") as err:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=folder,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=err,
            )
        try:
            yield Launched(process, command, instance, Path(folder))
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(END_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def new_instance() -> str:
    return f"bench-{os.getpid()}-{next(numbers)}"


def observe(*arguments: str, **variables: str) -> Observed:
    """Run the system to its end. RuntimeError, with what it said, if that is not a good one."""
    started_s = time.perf_counter()
    with launched(*arguments, **variables) as run:
        times = watch(run.process, run.instance, started_s)
        report = run.report()
    if len(times) < 4:
        raise RuntimeError(f"{' '.join(run.command)}: no trade was seen")
    running_s, first_trade_s, done_s, ended_s = times
    return Observed(running_s, first_trade_s, done_s, ended_s, report)


def watch(process: "subprocess.Popen[bytes]", instance: str, started_s: float) -> list[float]:
    """When each of Observed's instants was seen, in their order, until the process ended."""
    times: list[float] = []
    control: Control | None = None
    while process.poll() is None:
        now_s = time.perf_counter() - started_s
        if now_s > PATIENCE_S:
            return times
        control = control or attach(instance)
        if control is not None:
            note_instants(times, control, now_s)
        time.sleep(LOOK_S)
    now_s = time.perf_counter() - started_s
    if control is not None:
        note_instants(times, control, now_s)  # what happened between two looks
    return [*times, now_s]


def attach(instance: str) -> Control | None:
    try:
        return Control.attach(control_name(instance), writable=False)
    except AttachError:
        return None  # not made yet


def note_instants(times: list[float], control: Control, now_s: float) -> None:
    page = control.record
    nodes = page["nodes"]
    engine = nodes[node_index("engine")]
    states = nodes["state"][: int(page["node_count"])]
    if len(times) == 0 and len(states) and (states >= NodeState.NODE_RUNNING).all():
        times.append(now_s)
    if len(times) == 1 and engine["counters"][Counter.ENGINE_TRADES] > 0:
        times.append(now_s)
    ends = [nodes[node_index(name)]["state"] for name in ("engine", "recorder")]
    if len(times) == 2 and all(state >= NodeState.NODE_DONE for state in ends):
        times.append(now_s)
