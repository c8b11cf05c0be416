"""The cores that a run may use."""

import os
from pathlib import Path

from hft.runtime.numa import cores_of

__all__ = ["host_cores"]

ISOLATED = Path("/sys/devices/system/cpu/isolated")


def host_cores(isolated: Path = ISOLATED) -> set[int]:
    """The cores that this process may run on, and the isolated ones that it may go to.

    Cores that the kernel was told to isolate are in nobody's mask by itself, but a process may ask
    for them, unless its control group doesn't have them.
    """
    mine = os.sched_getaffinity(0)
    try:
        asked = cores_of(isolated.read_text()) - mine
    except FileNotFoundError:
        return mine
    return mine | {core for core in asked if may_go_to(core)}


def may_go_to(core: int) -> bool:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {core})
    except OSError:
        return False
    os.sched_setaffinity(0, before)
    return True
