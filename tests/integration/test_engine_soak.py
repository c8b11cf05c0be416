"""An engine at work for long: its memory stays what it was, and readers of its view see no halves.

The short variants run with all tests; those of minutes with `make soak`.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import numpy as np
import psutil
import pytest

from hft.core import MatchingEngine
from hft.core.control import Control, StopWord
from hft.core.messages import MESSAGE
from hft.monitor.snapshot import book
from hft.runtime.segments import control_name
from tests import pages
from tests.endless import Endless, batches
from tests.reference.streams import INSTRUMENTS, LISTED

ROOT = Path(__file__).parents[2]
INSTANCE = f"test-soak-{os.getpid()}"
SLACK_BYTES = 1 << 20
LONG = (pytest.mark.soak, pytest.mark.timeout(3600))

READER = """
import sys
from zlib import crc32
import numpy as np
from hft.core.control import Control, StopWord
from hft.monitor.snapshot import book

control = Control.attach(sys.argv[1], writable=False)
row = control.record["instruments"][0]
seen, missed, ended = [], 0, False
print("reading", flush=True)
while not ended:
    ended = control.stop != StopWord.STOP_NONE
    read = book(row, "1")
    if read is None:
        missed += 1
    else:
        seen.append((read["sequence"], crc32(repr(read).encode())))
np.savez(sys.argv[2], seen=np.array(seen, np.uint64), missed=missed)
"""


def resident_bytes() -> int:
    return psutil.Process().memory_info().rss


@pytest.mark.parametrize("count", [1_000_000, pytest.param(100_000_000, marks=LONG)])
def test_memory_is_flat(count: int) -> None:
    """Once every pool was in use, no command of any kind costs memory, however many follow."""
    engine = MatchingEngine(INSTRUMENTS, 1024, LISTED, ("levels", "orders"))
    endless = Endless(1, 8_000)
    answers = np.zeros(8 * len(endless.stream), MESSAGE)
    done = most = 0

    def rounds(until: int) -> None:
        nonlocal done, most
        while done < until:
            most = max(most, engine.process_into(endless.move_on(), answers))
            done += len(endless.stream)

    rounds(count // 10)
    before = resident_bytes()
    rounds(count)
    after = resident_bytes()
    print(f"\n{done} commands, {before >> 10} KiB, then {after >> 10} KiB")
    assert 0 < most <= len(answers)
    assert abs(after - before) < SLACK_BYTES
    assert engine.check() == 0
    assert engine.counts()["trades"] > done // 20


@pytest.fixture
def control() -> Iterator[Control]:
    with pages.new_page(INSTANCE) as made:
        yield made


@pytest.mark.parametrize("count", [100_000, pytest.param(10_000_000, marks=LONG)])
def test_readers_see_no_half_written_view(control: Control, tmp_path: Path, count: int) -> None:
    """What another process reads, as the monitor does, is what was published, and never older."""
    found = tmp_path / "seen.npz"
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, control_name(INSTANCE), str(found)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        published = publish(control, count)
    finally:
        control.stop = StopWord.STOP_NOW
        reader.communicate(timeout=60)
    assert reader.returncode == 0
    with np.load(found) as arrays:
        seen, missed = arrays["seen"], int(arrays["missed"])
    sequences = seen[:, 0]
    different = len(np.unique(sequences))
    print(f"\n{len(published)} views published, {len(seen)} reads of {different}, {missed} missed")
    assert np.all(sequences[1:] >= sequences[:-1])
    assert all(published[sequence] == crc for sequence, crc in seen.tolist())
    assert sequences[-1] == max(published)
    assert different > 10
    assert missed < len(seen) / 100


def publish(control: Control, count: int) -> dict[int, int]:
    """Show the book after every batch; what was shown, by sequence. At first an empty one."""
    engine = MatchingEngine(INSTRUMENTS, 1024, LISTED)
    endless = Endless(2, 3_000)
    answers = np.zeros(8 * len(endless.stream), MESSAGE)
    control.record["instrument_count"] = 1
    row = control.record["instruments"][0]
    empty = book(row, "1")
    assert empty is not None
    published = {0: crc32(repr(empty).encode())}
    done = 0
    while done < count:
        for batch in batches(endless.move_on(), 100):
            engine.process_into(batch, answers)
            engine.show(control, 0, int(batch["event_ts_ns"][0]))
            shown = book(row, "1")
            assert shown is not None
            published[shown["sequence"]] = crc32(repr(shown).encode())
            done += len(batch)
    return published
