"""The lifetime of a run's processes: start them, see at once when one dies, end them all."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from hft.runtime.log import LogBook

__all__ = ["END_SIGNALS", "Child", "Supervisor", "how_it_ended"]

# What a terminal, a person or a service manager asks for the end with.
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


READ_BYTES = 65536  # as much as a pipe holds


class Lines:
    """The lines that come through a pipe, of which nothing is ever waited for.

    What is longer than READ_BYTES without an end of line becomes several lines.
    """

    def __init__(self, fd: int, give: Callable[[bytes], None]) -> None:
        self.fd = fd
        self.give = give
        self.rest = b""
        os.set_blocking(fd, False)

    def read(self) -> bool:
        """Pass on the lines that are there; whether there may be more.

        One read a call: who writes without end must not keep us from all else.
        """
        try:
            found = os.read(self.fd, READ_BYTES)
        except BlockingIOError:
            return True
        *lines, self.rest = (self.rest + found).split(b"\n")
        if len(self.rest) > READ_BYTES:
            lines, self.rest = [*lines, self.rest], b""
        for line in lines:
            self.give(line)
        return bool(found)

    def close(self) -> None:
        """Pass on the last ones, also one that was not finished."""
        self.read()
        if self.rest:
            self.give(self.rest)
        os.close(self.fd)


@dataclass
class Child:
    """A started process: what it hosts, a descriptor that becomes readable when it ends, and what
    it says: log lines, printed lines, and whatever else on stderr."""

    name: str
    popen: subprocess.Popen[bytes]
    pidfd: int
    pipes: tuple[Lines, ...]


class Supervisor:
    """Starts processes of `python -m MODULE`, each told what to do on its standard input.

    Their arguments are two descriptors: where their log lines go, and the stderr that we have, for
    what they have to say when we are dead. Their own stderr ends here, in the log. So does
    their stdout, on which they write log lines too: what a strategy prints may fill that pipe, but
    takes no room from the other lines.
    """

    def __init__(self, module: str, book: LogBook) -> None:
        self.module = module
        self.book = book
        self.children: list[Child] = []
        self.poll = select.poll()

    def start(self, name: str, told: bytes) -> None:
        log_fd, their_log_fd = os.pipe()
        stdout_fd, their_stdout_fd = os.pipe()
        stderr_fd, their_stderr_fd = os.pipe()
        our_stderr = os.dup(2)
        # A child inherits the mask: what asks for the end asks us alone, from its first moment on.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
        try:
            popen = subprocess.Popen(
                [sys.executable, "-m", self.module, str(their_log_fd), str(our_stderr)],
                stdin=subprocess.PIPE,
                stdout=their_stdout_fd,
                stderr=their_stderr_fd,
                pass_fds=(their_log_fd, our_stderr),
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            for fd in (their_log_fd, their_stdout_fd, their_stderr_fd, our_stderr):
                os.close(fd)
        assert popen.stdin is not None
        pidfd = os.pidfd_open(popen.pid)
        pipes = (
            Lines(log_fd, self.book.write_line),
            Lines(stdout_fd, self.book.write_line),
            Lines(stderr_fd, partial(self.book.write_stderr, name, popen.pid)),
        )
        for fd in (pidfd, *(pipe.fd for pipe in pipes)):
            self.poll.register(fd, select.POLLIN)
        self.children.append(Child(name, popen, pidfd, pipes))
        try:
            popen.stdin.write(told)
            popen.stdin.close()
        except BrokenPipeError:
            return  # it died already: the next wait tells

    def wait(self, seconds: float) -> list[Child]:
        """The processes that have ended, waiting at most so long for one, or for a log line."""
        found = {fd for fd, _ in self.poll.poll(max(0.0, seconds) * 1000)}
        for pipe in (pipe for child in self.children for pipe in child.pipes):
            if pipe.fd in found and not pipe.read():
                self.poll.unregister(pipe.fd)
        ended = [child for child in self.children if child.pidfd in found]
        for child in ended:
            child.popen.wait()
            self.forget(child)
        return ended

    def forget(self, child: Child) -> None:
        self.poll.unregister(child.pidfd)
        os.close(child.pidfd)
        for pipe in child.pipes:
            with contextlib.suppress(KeyError):  # its end was seen already
                self.poll.unregister(pipe.fd)
            pipe.close()
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
