"""Names of a run's shared memory, who may use an instance's name, what a dead run left behind."""

import os
import secrets
import socket
import time
from pathlib import Path

import numpy as np

from hft.config.keys import keys
from hft.config.kinds import Misfit, read_text
from hft.core.segment import HUGE_DIR, SHM_DIR, Segment, SegmentKind, is_running, read_header
from hft.errors import AttachError, ConfigError, SegmentError

__all__ = [
    "BASELINE_ROWS_AT", "InstanceLock", "attach_baseline", "clear_up", "control_name", "new_run_id",
    "remove_run", "remove_stale", "ring_name", "segment_paths", "write_baseline",
]  # fmt: skip

SEGMENT_DIRS = (Path(SHM_DIR), Path(HUGE_DIR))
CLEARING_S = 0.3  # in which nodes without a launch have cleared up
# A baseline of latencies: its time after the segment's header, its rows on pages of their own.
BASELINE_TIME_AT, BASELINE_ROWS_AT = 64, 4096


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


def baseline_name(instance: str) -> str:
    return f"hft.{instance}.latency-baseline"


def new_run_id() -> int:
    return secrets.randbits(63)


class InstanceLock:
    """The right to an instance's name: an abstract socket's, which the kernel frees at death.

    Who makes or removes segments has it. A node that clears up after its launch has it for a
    moment, for which launch waits.
    """

    def __init__(self, instance: str, patience_s: float = CLEARING_S) -> None:
        deadline = time.monotonic() + patience_s
        while True:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                self.socket.bind(f"\0hft.{instance}")
                return
            except OSError:
                self.socket.close()
            if time.monotonic() >= deadline:
                raise ConfigError(
                    f"instance {instance} is running already; choose another name with --instance"
                )
            time.sleep(0.01)

    def release(self) -> None:
        self.socket.close()


def segment_paths(instance: str) -> list[Path]:
    """The files of all segments of an instance, of whatever run."""
    return sorted(
        path
        for folder in SEGMENT_DIRS
        if folder.is_dir()
        for path in folder.glob(f"hft.{instance}.*")
    )


def foreign(path: Path) -> SegmentError:
    """The error that a segment is another user's."""
    return SegmentError(
        f"segment {path.name}: is another user's (uid {path.stat().st_uid}); choose another name "
        "with --instance"
    )


def remove_run(instance: str, run_id: int) -> None:
    """Remove the segments of one run, and of no other. The caller holds the InstanceLock."""
    for path in segment_paths(instance):
        try:
            header = read_header(path)
        except PermissionError:
            continue  # another user's is not of our run
        if header is not None and header["run_id"] == run_id:
            path.unlink(missing_ok=True)


def clear_up(instance: str, run_id: int) -> None:
    """Remove the segments of a run whose launch is dead.

    Whoever has the InstanceLock does it already: another node of the run, or the next launch,
    whose new segments are not to be taken for those.
    """
    try:
        lock = InstanceLock(instance, patience_s=0)
    except ConfigError:
        return
    try:
        remove_run(instance, run_id)
    finally:
        lock.release()


def remove_stale(instance: str) -> list[str]:
    """Remove what dead runs of an instance left; the names. The caller holds its InstanceLock.

    A segment without an owner was being made when its launch died: as we hold the lock, nobody is
    making it now. SegmentError if one is another user's, whether that lives or not.
    """
    removed = []
    for path in segment_paths(instance):
        try:
            header = read_header(path)
            alive = header is not None and (
                is_running(header["owner_pid"], header["owner_start_ticks"])
                and header["owner_pid"] != os.getpid()
            )
            if not alive:
                path.unlink(missing_ok=True)
                removed.append(path.name)
        except PermissionError:
            raise foreign(path) from None
    return removed


def write_baseline(instance: str, run_id: int, wall_ns: int, rows: bytes) -> None:
    """Put a copy of a run's latencies where readers find it, in place of an older one, at once."""
    name = f"{baseline_name(instance)}-{os.getpid()}"
    size_bytes = -(-(BASELINE_ROWS_AT + len(rows)) // 4096) * 4096
    segment = Segment.create(name, size_bytes, SegmentKind.SEGMENT_BASELINE, run_id, "never")
    content = np.frombuffer(memoryview(segment), np.uint8)
    content[BASELINE_TIME_AT:][:8] = np.frombuffer(wall_ns.to_bytes(8, "little"), np.uint8)
    content[BASELINE_ROWS_AT:][: len(rows)] = np.frombuffer(rows, np.uint8)
    os.rename(f"{SHM_DIR}/{name}", f"{SHM_DIR}/{baseline_name(instance)}")


def attach_baseline(instance: str, run_id: int) -> tuple[Segment, int]:
    """The newest baseline of a run and its time; AttachError if there is none."""
    name = baseline_name(instance)
    segment = Segment.attach(name, SegmentKind.SEGMENT_BASELINE, writable=False)
    if segment.header["run_id"] != run_id:
        raise AttachError(f"segment {name}: run_id must be {run_id}, is that of another run")
    time_bytes = np.frombuffer(memoryview(segment), np.uint8)[BASELINE_TIME_AT:][:8].tobytes()
    return segment, int.from_bytes(time_bytes, "little")
