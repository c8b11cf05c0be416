"""However a run is asked to end, it ends soon, cleanly and with its figures."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.e2e.system import (
    FOLDED,
    LOG_LINE,
    MODES,
    PATIENCE_S,
    Stopwatch,
    environment,
    new_instance,
    processes,
    run,
    segments,
    until,
)

END_S = 2.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize("number", SIGNALS, ids=[number.name for number in SIGNALS])
@pytest.mark.parametrize("mode", MODES)
def test_a_signal_ends_a_run_within_two_seconds(
    start: Start, mode: str, number: signal.Signals
) -> None:
    """Ctrl-C and `kill` lose no record: what is under way is finished, then all is gone."""
    system = start(*MODES[mode])
    system.running()
    system.process.send_signal(number)
    watch = Stopwatch()
    took_s = watch.until(lambda: system.process.poll() is not None, "the end")
    assert took_s < END_S + watch.stall_s
    assert (system.process.returncode, system.err) == (0, "")
    assert "SIM:TEST: position " in system.out
    system.assert_gone()
    names = {path.name for path in system.run_folder.iterdir()}
    assert {"trades.parquet", "reports.parquet"} <= names
    done = run("-m", "hft.journal", "verify", str(system.run_folder), cwd=system.folder)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("number", [*SIGNALS, signal.SIGHUP])
def test_a_signal_to_all_processes_is_launch_s(start: Start, number: signal.Signals) -> None:
    """A terminal and a service manager signal every process: the nodes leave it to launch."""
    system = start(*FOLDED)
    system.running()
    for pid in processes(system.instance):
        os.kill(pid, number)
    system.finish()
    system.assert_gone()
    assert "SIM:TEST: position " in system.out


def test_under_nohup_a_run_outlives_its_terminal(start: Start) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what is started inherits it
    try:
        system = start(*FOLDED)
    finally:
        signal.signal(signal.SIGHUP, before)
    system.running()
    system.process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        system.process.wait(1)
    system.process.send_signal(signal.SIGTERM)
    system.finish()
    system.assert_gone()


def test_a_reader_that_goes_away_ends_the_run(tmp_path: Path) -> None:
    """`launch | head` and a closed terminal lose no record either."""
    instance = new_instance()
    process = subprocess.Popen(
        [sys.executable, "-m", "hft.launch", "--instance", instance, *FOLDED],
        cwd=tmp_path,
        env=environment(instance),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    while b"events/s" not in process.stdout.readline():
        pass
    process.stdout.close()
    assert process.wait(PATIENCE_S) == 0
    assert all(LOG_LINE.match(line) for line in process.stderr.read().decode().splitlines())
    process.stderr.close()
    names = {path.name for path in (tmp_path / "hft-data" / instance / "latest").iterdir()}
    assert names == {
        "decisions",
        "journal-000000.hftj",
        "latency.hlog",
        "log.jsonl",
        "trades.parquet",
        "reports.parquet",
    }
    assert segments(instance) == processes(instance) == []


def test_a_finite_feed_ends_by_itself(start: Start) -> None:
    """A run in real time ends with its feed; without a terminal it says a line a second."""
    system = start(*FOLDED, "--duration", "3", "--speed", "1")
    system.finish()
    system.assert_gone()
    lines = [line for line in system.out.splitlines() if "events/s" in line]
    # About a line a second from the first process's start to the last one's end.
    assert 3 <= len(lines) <= 12
    assert all("\x1b" not in line for line in lines)
    assert "time       34200." in system.out


def test_control_ends_a_run(start: Start) -> None:
    """`hft.control stop` is a Ctrl-C from elsewhere."""
    system = start(*FOLDED)
    system.running()
    done = system.command("hft.control", "stop")
    assert (done.returncode, done.stdout) == (0, "the run was asked to end\n")
    system.finish()
    system.assert_gone()


class Terminal:
    """A launch on a terminal of its own."""

    def __init__(self, folder: Path) -> None:
        self.instance = new_instance()
        self.fd, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hft.launch", "--instance", self.instance, *FOLDED],
            cwd=folder,
            env={**environment(self.instance), "TERM": "xterm", "COLUMNS": "100", "LINES": "40"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=take_terminal,
        )
        os.close(theirs)
        self.seen = b""

    def read(self) -> None:
        """What comes within a moment."""
        if select.select([self.fd], [], [], 0.05)[0]:
            try:
                self.seen += os.read(self.fd, 65536)
            except OSError:  # nobody has the other end any more
                time.sleep(0.05)

    def read_until(self, *words: bytes) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not all(word in self.seen for word in words):
            assert self.process.poll() is None, self.seen[-500:]
            assert time.monotonic() < deadline, self.seen[-500:]
            self.read()

    def ctrl_c(self) -> float:
        """Type it, read to the end; seconds."""
        os.write(self.fd, b"\x03")
        watch = Stopwatch()

        def ended() -> bool:
            self.read()
            return self.process.poll() is not None

        took_s = watch.until(ended, "the end")
        self.read()
        return took_s

    def hang_up(self) -> None:
        """Close the window."""
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        until(lambda: not processes(self.instance), "the end of the nodes")
        self.hang_up()


def take_terminal() -> None:
    """Make stdin the controlling terminal, so that what is typed there sends signals."""
    os.close(os.open(os.ttyname(0), os.O_RDWR))


@pytest.fixture
def terminal(tmp_path: Path):
    made = Terminal(tmp_path)
    yield made
    made.close()
    assert (processes(made.instance), segments(made.instance)) == ([], [])


def test_ctrl_c_on_a_terminal_ends_the_live_view(terminal: Terminal) -> None:
    """The view draws, Ctrl-C reaches launch alone, and the terminal is left as it was."""
    terminal.read_until(b"\x1b[?25l", b"feed", b"engine", b"running", b"TEST", b"09:30:")
    assert terminal.ctrl_c() < END_S + 1
    assert terminal.process.returncode == 0
    text = terminal.seen.decode()
    assert "Traceback" not in text
    assert "KeyboardInterrupt" not in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is back
    assert "SIM:TEST: position " in text


def test_ctrl_c_while_the_nodes_start_is_quiet(terminal: Terminal) -> None:
    """The nodes don't answer Ctrl-C even before they could say so."""
    terminal.read_until(b"sim, seed 1 -> ")
    terminal.ctrl_c()
    assert "Traceback" not in terminal.seen.decode()
    assert terminal.process.returncode == 0


def test_a_terminal_that_goes_away_ends_the_run(terminal: Terminal) -> None:
    """Closing the window leaves nothing behind, though nobody is left to be told."""
    terminal.read_until(b"running", b"TEST", b"09:30:")
    terminal.hang_up()
    terminal.process.wait(PATIENCE_S)
