"""The right to an instance's name, and the removal of segments: of whose, and of whose not."""

import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import numpy as np
import pytest

from hft.core.control import Control
from hft.core.ring import Ring, RingPolicy
from hft.core.segment import process_start_ticks
from hft.errors import ConfigError, SegmentError
from hft.runtime.segments import (
    InstanceLock,
    chosen_instance,
    clear_up,
    control_name,
    new_run_id,
    remove_run,
    remove_stale,
    ring_name,
)

ROOT = Path(__file__).parents[2]
INSTANCE = f"test-run-segments-{os.getpid()}"
SHM = Path("/dev/shm")
NOBODY = 65534
OWNER_PID, OWNER_START = 4, 5  # words of the header

MAKE = """import sys
from hft.core.control import Control
from hft.core.ring import Ring, RingPolicy
control = Control.create(sys.argv[1], 7)
ring = Ring.create_segment(sys.argv[2], 64, RingPolicy.RING_WAIT, 7)
print("made", flush=True)
sys.stdin.read()
"""


def left() -> list[str]:
    return sorted(path.name for path in SHM.glob(f"hft.{INSTANCE}*"))


@pytest.fixture(autouse=True)
def tidy() -> Iterator[None]:
    assert left() == []
    yield
    for name in left():
        (SHM / name).unlink()


@pytest.fixture
def other_run() -> Iterator["subprocess.Popen[str]"]:
    """Another process with a control page and a ring of run 7."""
    names = [control_name(INSTANCE), ring_name(INSTANCE, "reports")]
    process = subprocess.Popen(
        [sys.executable, "-c", MAKE, *names],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "made\n"
    yield process
    process.kill()
    process.communicate()


def test_a_name_is_locked_by_one_at_a_time() -> None:
    """A second lock is refused until the first is released; other names are free."""
    first = InstanceLock(INSTANCE)
    with pytest.raises(ConfigError, match=f"instance {INSTANCE} is running already"):
        InstanceLock(INSTANCE)
    InstanceLock(f"{INSTANCE}-2").release()
    first.release()
    InstanceLock(INSTANCE).release()


def test_death_releases_a_lock() -> None:
    """No file is left that could lock a name for ever."""
    code = (
        "import sys; from hft.runtime.segments import InstanceLock\n"
        "lock = InstanceLock(sys.argv[1]); import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, INSTANCE], cwd=ROOT, check=False)
    assert done.returncode == -9
    InstanceLock(INSTANCE).release()


def test_segments_of_a_living_run_stay(other_run: "subprocess.Popen[str]") -> None:
    """Whoever the segments belong to, while it lives they are not touched."""
    assert remove_stale(INSTANCE) == []
    assert len(left()) == 2


def test_segments_of_a_dead_run_go(other_run: "subprocess.Popen[str]") -> None:
    """Exactly those of the instance, each of them told."""
    other = Control.create(control_name(f"{INSTANCE}-2"), new_run_id())
    other_run.kill()
    other_run.wait()
    names = [name for name in left() if name != other.segment.name]
    assert len(names) == 2
    assert sorted(remove_stale(INSTANCE)) == names
    assert left() == [other.segment.name]


def test_what_is_no_segment_goes(tmp_path: Path) -> None:
    """A file half made by a process that died then can't stand in the way."""
    (SHM / control_name(INSTANCE)).write_bytes(b"short")
    assert remove_stale(INSTANCE) == [control_name(INSTANCE)]
    assert left() == []


def test_segments_of_a_zombie_go(other_run: "subprocess.Popen[str]") -> None:
    """A launch that nobody waited for is as dead as any other."""
    other_run.kill()
    os.waitid(os.P_PID, other_run.pid, os.WEXITED | os.WNOWAIT)
    assert process_start_ticks(other_run.pid)  # its pid is still taken
    assert len(remove_stale(INSTANCE)) == 2


def test_segments_of_a_pid_that_is_another_process_now_go() -> None:
    """Who made them is told by its start, too."""
    control = Control.create(control_name(INSTANCE), 1)
    header = np.frombuffer(control.segment, np.uint64, 8)
    header[OWNER_PID] = 1
    assert process_start_ticks(1) != header[OWNER_START]
    assert remove_stale(INSTANCE) == [control_name(INSTANCE)]


def test_a_living_run_of_another_version_stays(other_run: "subprocess.Popen[str]") -> None:
    """Whatever its layout is: the header says who owns it."""
    for name in left():
        with (SHM / name).open("r+b") as file:
            file.seek(8)
            file.write((10**6).to_bytes(4, "little"))  # layout_version
    assert remove_stale(INSTANCE) == []
    other_run.kill()
    other_run.wait()
    assert len(remove_stale(INSTANCE)) == 2


@pytest.mark.parametrize("size", [0, 63, 4096, 1 << 20])
def test_what_was_never_finished_goes(size: int) -> None:
    """Its launch was killed before it could say who it was: the magic number is written last."""
    (SHM / ring_name(INSTANCE, "reports")).write_bytes(bytes(size))
    assert remove_stale(INSTANCE) == [ring_name(INSTANCE, "reports")]
    assert left() == []


def test_both_folders_are_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring of huge pages, one of small ones, and two of one name."""
    monkeypatch.setattr("hft.runtime.segments.SEGMENT_DIRS", (tmp_path, SHM))
    for folder, edge in ((tmp_path, "reports"), (SHM, "orders"), (tmp_path, "both"), (SHM, "both")):
        (folder / ring_name(INSTANCE, edge)).write_bytes(b"")
    assert len(remove_stale(INSTANCE)) == 4
    assert not any(tmp_path.iterdir())
    assert left() == []


def remove_as_nobody(instance: str, answers: "SimpleQueue[str]") -> None:
    os.setuid(NOBODY)
    try:
        remove_stale(instance)
    except SegmentError as error:
        answers.put(str(error))


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root: it becomes another user, who is refused")
def test_what_another_user_left_is_a_clear_error(other_run: "subprocess.Popen[str]") -> None:
    """It can't be removed, and not be made either: whose it is is said."""
    other_run.kill()
    other_run.wait()
    context = multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    child = context.Process(target=remove_as_nobody, args=(INSTANCE, answers))
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert answers.get() == (
        f"segment {control_name(INSTANCE)}: is another user's (uid 0); choose another name with "
        "--instance"
    )
    assert len(left()) == 2


def test_clearing_up_waits_for_its_turn() -> None:
    """While somebody has the name, a late node of a dead run removes nothing: a new run may be
    making its own; and who wants the name waits for a node that is at it."""
    control = Control.create(control_name(INSTANCE), 1)
    lock = InstanceLock(INSTANCE)
    clear_up(INSTANCE, 1)
    assert left() == [control.segment.name]
    threading.Timer(0.1, lock.release).start()
    InstanceLock(INSTANCE).release()
    clear_up(INSTANCE, 2)
    assert left() == [control.segment.name]
    clear_up(INSTANCE, 1)
    assert left() == []


def test_a_run_removes_its_own_segments_only() -> None:
    """A late node of a dead run must not remove the segments of the next run."""
    control = Control.create(control_name(INSTANCE), 1)
    rings = [
        Ring.create_segment(ring_name(INSTANCE, name), 64, RingPolicy.RING_WAIT, run_id)
        for name, run_id in (("reports", 1), ("orders", 2))
    ]
    remove_run(INSTANCE, 3)
    assert len(left()) == 3
    remove_run(INSTANCE, 1)
    assert left() == [ring_name(INSTANCE, "orders")]
    del control, rings


@pytest.mark.parametrize("name", ["a", "A-1_b", "x" * 40])
def test_good_names(name: str) -> None:
    """Letters, digits, '_' and '-'."""
    assert chosen_instance(name) == name


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "a b", "é", "a\n", "x" * 41])
def test_bad_names(name: str) -> None:
    """A name with a dot would take another instance's segments for its own."""
    with pytest.raises(ConfigError, match="must be 1 to 40 letters"):
        chosen_instance(name)


def test_the_name_is_the_one_that_launch_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad one is told with where it comes from."""
    monkeypatch.delenv("HFT_RUN_INSTANCE", raising=False)
    assert chosen_instance(None) == "default"
    monkeypatch.setenv("HFT_RUN_INSTANCE", "mine")
    assert (chosen_instance(None), chosen_instance("other")) == ("mine", "other")
    monkeypatch.setenv("HFT_RUN_INSTANCE", "a/b")
    assert chosen_instance("other") == "other"
    with pytest.raises(ConfigError, match=r"^HFT_RUN_INSTANCE: must be .*, was 'a/b'$"):
        chosen_instance(None)
