"""Names of a run's shared memory, who may use an instance's name, what a dead run left behind."""

import os
import secrets
import socket
from pathlib import Path

from hft.config.keys import keys
from hft.config.kinds import Misfit, read_text
from hft.core.segment import HUGE_DIR, Segment, SegmentKind, process_start_ticks
from hft.errors import AttachError, ConfigError

__all__ = ["InstanceLock", "control_name", "new_run_id", "remove_run", "remove_stale", "ring_name"]

SEGMENT_DIRS = (Path("/dev/shm"), Path(HUGE_DIR))
SEGMENT_KINDS = (SegmentKind.SEGMENT_CONTROL, SegmentKind.SEGMENT_RING)


def chosen_instance(option: str | None) -> str:
    """The name of the option, else of the variable, else the default; ConfigError if it is none."""
    rule = keys()["run.instance"]
    variable = str(rule.variable)
    instance = os.environ.get(variable, str(rule.default)) if option is None else option
    try:
        read_text(rule.kind, instance)
    except Misfit:
        field = variable if option is None else "--instance"
        raise ConfigError(f"must be {rule.allowed}", field=field, value=instance) from None
    return instance


def control_name(instance: str) -> str:
    return f"hft.{instance}.control"


def ring_name(instance: str, edge: str) -> str:
    return f"hft.{instance}.ring.{edge}"


def new_run_id() -> int:
    return secrets.randbits(63)


class InstanceLock:
    """The right to run an instance: an abstract socket's name, which the kernel frees at death."""

    def __init__(self, instance: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self.socket.bind(f"\0hft.{instance}")
        except OSError:
            self.socket.close()
            raise ConfigError(
                f"instance {instance} is running already; choose another name with --instance"
            ) from None

    def release(self) -> None:
        self.socket.close()


def segment_names(instance: str) -> list[str]:
    """Names of all segments of an instance, of whatever run."""
    return sorted(
        path.name
        for folder in SEGMENT_DIRS
        if folder.is_dir()
        for path in folder.glob(f"hft.{instance}.*")
    )


def header_of(name: str) -> dict[str, int] | None:
    """The segment header's fields; None if it went away or is not one of ours."""
    for kind in SEGMENT_KINDS:
        try:
            return Segment.attach(name, kind, writable=False).header
        except AttachError:
            continue
    return None


def remove_run(instance: str, run_id: int) -> None:
    """Remove the segments of one run, and of no other."""
    for name in segment_names(instance):
        header = header_of(name)
        if header is not None and header["run_id"] == run_id:
            Segment.unlink(name)


def remove_stale(instance: str) -> list[str]:
    """Remove what dead runs of an instance left; the names. The caller holds its InstanceLock."""
    removed = []
    for name in segment_names(instance):
        header = header_of(name)
        alive = header is not None and (
            process_start_ticks(header["owner_pid"]) == header["owner_start_ticks"]
            and header["owner_pid"] != os.getpid()
        )
        if not alive:
            Segment.unlink(name)
            removed.append(name)
    return removed
