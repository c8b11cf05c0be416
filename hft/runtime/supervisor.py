"""The lifetime of a run's processes: start them, see at once when one dies, end them all."""

import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

__all__ = ["END_SIGNALS", "Child", "Supervisor", "how_it_ended"]

# What a terminal, a person or a service manager asks for the end with.
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Child:
    """A started process: what it hosts, and a descriptor that becomes readable when it ends."""

    name: str
    popen: subprocess.Popen[bytes]
    pidfd: int


class Supervisor:
    """Starts processes of `python -m MODULE`, each told what to do on its standard input."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.children: list[Child] = []
        self.poll = select.poll()

    def start(self, name: str, told: bytes) -> None:
        # A child inherits the mask: what asks for the end asks us alone, from its first moment on.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
        try:
            popen = subprocess.Popen(
                [sys.executable, "-m", self.module], stdin=subprocess.PIPE, close_fds=True
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        pidfd = os.pidfd_open(popen.pid)
        self.poll.register(pidfd, select.POLLIN)
        self.children.append(Child(name, popen, pidfd))
        assert popen.stdin is not None
        try:
            popen.stdin.write(told)
            popen.stdin.close()
        except BrokenPipeError:
            return  # it died already: the next wait tells

    def wait(self, seconds: float) -> list[Child]:
        """The processes that have ended, waiting for the first at most so long."""
        found = {fd for fd, _ in self.poll.poll(max(0.0, seconds) * 1000)}
        ended = [child for child in self.children if child.pidfd in found]
        for child in ended:
            child.popen.wait()
            self.forget(child)
        return ended

    def forget(self, child: Child) -> None:
        self.poll.unregister(child.pidfd)
        os.close(child.pidfd)
        self.children.remove(child)

    def end_all(self, seconds: float) -> list[str]:
        """Wait for all to end by themselves, then kill the rest, whose names it returns."""
        deadline = time.monotonic() + seconds
        while self.children and time.monotonic() < deadline:
            self.wait(deadline - time.monotonic())
        killed = [child.name for child in self.children]
        for child in list(self.children):
            child.popen.kill()
            child.popen.wait()
            self.forget(child)
        return killed


def how_it_ended(child: Child) -> str:
    """What became of a process that has ended, in words."""
    code = child.popen.returncode
    who = f"{child.name} (process {child.popen.pid})"
    if code < 0:
        return f"{who} was killed by {signal.Signals(-code).name}"
    return f"{who} ended with exit code {code}"
