"""What a Python program would take to pass 64 bytes to another process, were there no ring.

Each way has two ends, one for each process, that send and receive bytes. An end is handed to the
other process when that is started. What isn't installed is left out, and said so.
"""

import importlib.util
import multiprocessing
from pathlib import Path
from typing import Any, Protocol

from support import note

PAYLOAD = bytes(64)

processes = multiprocessing.get_context("spawn")


class End(Protocol):
    def send(self, message: bytes) -> None: ...
    def receive(self) -> bytes: ...


class PipeEnd:
    def __init__(self, connection: Any) -> None:
        self.send, self.receive = connection.send_bytes, connection.recv_bytes


class QueueEnd:
    """Of two queues, one each way: multiprocessing's or faster-fifo's."""

    def __init__(self, outgoing: Any, incoming: Any) -> None:
        self.send, self.receive = outgoing.put, incoming.get


class ZmqEnd:
    """A PAIR over a Unix domain socket, opened in the process that uses it."""

    def __init__(self, path: Path, binds: bool) -> None:
        self.address, self.binds = f"ipc://{path}", binds
        self.socket: Any = None

    def open(self) -> Any:
        import zmq

        if self.socket is None:
            self.socket = zmq.Context.instance().socket(zmq.PAIR)
            (self.socket.bind if self.binds else self.socket.connect)(self.address)
        return self.socket

    def send(self, message: bytes) -> None:
        self.open().send(message)

    def receive(self) -> bytes:
        return bytes(self.open().recv())


def both_ends(folder: Path) -> tuple[dict[str, End], dict[str, End]]:
    """This process's ends and the other's, by the way's name; sockets go into the folder."""
    here, there = processes.Pipe()
    queues = processes.Queue(), processes.Queue()
    mine: dict[str, End] = {"multiprocessing.Pipe": PipeEnd(here)}
    other: dict[str, End] = {"multiprocessing.Pipe": PipeEnd(there)}
    mine["multiprocessing.Queue"] = QueueEnd(*queues)
    other["multiprocessing.Queue"] = QueueEnd(*reversed(queues))
    if importlib.util.find_spec("zmq"):
        path = folder / "pair"
        mine["pyzmq over ipc"], other["pyzmq over ipc"] = ZmqEnd(path, True), ZmqEnd(path, False)
    else:
        note("pyzmq is not measured: not installed")
    if importlib.util.find_spec("faster_fifo"):
        import faster_fifo
        import faster_fifo_reduction  # noqa: F401  (lets its queues be handed over)

        fifos = faster_fifo.Queue(), faster_fifo.Queue()
        mine["faster-fifo"] = QueueEnd(*fifos)
        other["faster-fifo"] = QueueEnd(*reversed(fifos))
    else:
        note("faster-fifo is not measured: not installed")
    return mine, other


# What the other process does.


def pong(end: End, count: int) -> None:
    for _ in range(count):
        end.send(end.receive())


def put(end: End, count: int) -> None:
    for _ in range(count):
        end.send(PAYLOAD)
