"""The system as its user has it: real processes, in a folder of their own, under a name of theirs.

What a test starts carries the instance's name in its environment, as do the processes that it
starts in turn: so all of them can be found, also when their parent is dead.
"""

import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hft.core.control import Control, StopWord
from hft.errors import AttachError
from hft.monitor.snapshot import snapshot
from hft.runtime.segments import SEGMENT_DIRS, control_name

ROOT = Path(__file__).parents[2]
CORES = ",".join(map(str, sorted(os.sched_getaffinity(0))[:2]))
FOLDED = ("--affinity", CORES)
SEPARATE = (*FOLDED, "--processes", "separate")
MODES = {"folded": FOLDED, "separate": SEPARATE}
PINNED = ("feed", "signal", "risk", "engine")
MARK = "HFT_TEST_INSTANCE"
# Far beyond what anything takes: only a test that fails waits so long.
PATIENCE_S = 30.0
# In simulated time separate processes hand over thousands of times a second; where others keep the
# cores busy, each of these can wait for a time slice.
LOADED_S = 270.0
LOOK_S = 0.001
LOG_LINE = re.compile(r"\d\d:\d\d:\d\d\.\d{6} (debug|info|warning) ")

numbers = itertools.count()


def new_instance() -> str:
    return f"e2e-{os.getpid()}-{next(numbers)}"


def environment(instance: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), MARK: instance}


def segments(instance: str) -> list[str]:
    return sorted(path.name for folder in SEGMENT_DIRS for path in folder.glob(f"hft.{instance}.*"))


def processes(instance: str) -> list[int]:
    """Those of an instance that run; a zombie has no environment any more."""
    wanted = f"{MARK}={instance}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return sorted(found)


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> Any:
    """The first true value of the condition."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.01)
    return value


class Stopwatch:
    """How long something takes, and how long the machine kept us from looking meanwhile."""

    def __init__(self) -> None:
        self.started_s = self.last_s = time.monotonic()
        self.stall_s = 0.0

    def until(self, condition: Callable[[], Any], what: str) -> float:
        """Seconds until the condition holds."""
        while not condition():
            time.sleep(LOOK_S)
            now_s = time.monotonic()
            # What is being measured may have waited as long for a core as we did.
            self.stall_s = max(self.stall_s, now_s - self.last_s - LOOK_S)
            self.last_s = now_s
            assert now_s - self.started_s < PATIENCE_S, f"waited for {what}"
        return time.monotonic() - self.started_s


class System:
    """A started `python -m hft.launch`; its output goes to files."""

    def __init__(self, folder: Path, *arguments: str, instance: str | None = None) -> None:
        self.folder = folder
        self.instance = instance or new_instance()
        self.stem = f"{self.instance}-{next(numbers)}"
        command = [sys.executable, "-m", "hft.launch", "--instance", self.instance, *arguments]
        with self.path("out").open("wb") as out, self.path("err").open("wb") as err:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment(self.instance),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def path(self, suffix: str) -> Path:
        return self.folder / f"{self.stem}.{suffix}"

    @property
    def out(self) -> str:
        return self.path("out").read_text()

    @property
    def err(self) -> str:
        """What is on stderr besides the log."""
        lines = self.path("err").read_text().splitlines(keepends=True)
        return "".join(line for line in lines if not LOG_LINE.match(line))

    @property
    def log(self) -> list[dict[str, Any]]:
        """The log of the run, from its file."""
        text = (self.run_folder / "log.jsonl").read_text()
        assert text.endswith("\n")
        return [json.loads(line) for line in text.splitlines()]

    @property
    def run_folder(self) -> Path:
        """Where the run's files are; launch links it as soon as it sees that all nodes run."""
        latest = self.folder / "hft-data" / self.instance / "latest"
        until(latest.exists, "the run's folder")
        return latest

    def journal(self) -> bytes:
        return b"".join(path.read_bytes() for path in sorted(self.run_folder.glob("*.hftj")))

    def wait(self, seconds: float = PATIENCE_S) -> int:
        """The exit code."""
        return self.process.wait(seconds)

    def finish(self, seconds: float = PATIENCE_S) -> None:
        """Wait for the end that it should come to by itself."""
        assert (self.wait(seconds), self.err) == (0, "")

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """Ask for the end and wait for it."""
        self.process.send_signal(number)
        self.finish()

    def page(self) -> Control | None:
        """The control page of this launch; what an earlier one left is none."""
        try:
            control = Control.attach(control_name(self.instance), writable=False)
        except AttachError:
            return None
        return control if control.segment.header["owner_pid"] == self.process.pid else None

    def running(self) -> Control:
        """The control page, once all nodes run and own orders rest in the book."""
        control = until(lambda: self.page() or self.process.poll() is not None, "the control page")
        assert isinstance(control, Control), self.err
        until(lambda: trades(control) or self.process.poll() is not None, "trading")
        assert self.process.poll() is None, self.err
        return control

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run another command on this instance."""
        return run("-m", *arguments, "--instance", self.instance, cwd=self.folder)

    def status(self) -> Any:
        done = self.command("hft.status", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    def assert_gone(self) -> None:
        """No process and no shared memory; what was just killed has a moment to go."""
        until(lambda: not processes(self.instance), f"the end of {processes(self.instance)}", 5)
        assert segments(self.instance) == []

    def clear(self) -> None:
        """End what a failed test left."""
        for pid in processes(self.instance):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        for folder in SEGMENT_DIRS:
            for path in folder.glob(f"hft.{self.instance}.*"):
                path.unlink(missing_ok=True)


def run(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Python with arguments, to its end."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


def trades(control: Control) -> bool:
    """Whether all nodes run and own orders rest."""
    shot = snapshot(control)
    states = {node["state"] for node in shot["nodes"]}
    return states == {"running"} and sum(each["open_orders"] for each in shot["instruments"]) > 0


def stops(control: Control) -> bool:
    """Whether the nodes have been told to stop at once."""
    return control.stop == StopWord.STOP_NOW
