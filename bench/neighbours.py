"""What runs beside a measured system: processes that take its cores, and readers of its view."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

READER = Path(__file__).with_name("view_reader.py")
END_S = 20.0
# Looks now and then whether whoever started it is still there.
SPIN = """
import os, sys
parent = os.getppid()
os.sched_setaffinity(0, {int(sys.argv[1])})
while os.getppid() == parent:
    sum(range(100_000))
"""


@contextmanager
def spinning(cores: list[int]) -> Iterator[None]:
    """A process on each of these cores that never stops computing."""
    processes = [subprocess.Popen([sys.executable, "-c", SPIN, str(core)]) for core in cores]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextmanager
def reading(instance: str, count: int, pause_s: float) -> Iterator[list[dict[str, Any]]]:
    """Readers of a run's first book, that end with it; afterwards the list has what they say.

    RuntimeError if one fails, or got a view that can't be one.
    """
    command = [sys.executable, str(READER), instance, str(pause_s)]
    pipe = subprocess.PIPE
    readers = [subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) for _ in range(count)]
    found: list[dict[str, Any]] = []
    try:
        yield found
        for reader in readers:
            said, error = reader.communicate(timeout=END_S)
            if reader.returncode != 0:
                raise RuntimeError(f"a reader of the view ended with {reader.returncode}: {error}")
            found.append(json.loads(said))
    finally:
        for reader in readers:
            if reader.poll() is None:
                reader.kill()
                reader.wait()
    torn = [fault for each in found for fault in each["faults"]]
    if torn:
        raise RuntimeError(f"a reader was given a view that can't be one: {'; '.join(torn)}")
