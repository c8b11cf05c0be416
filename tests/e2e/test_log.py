"""The log of a run: what happened to it can be read afterwards, also after a death."""

import os
import signal
from pathlib import Path

import pytest

from hft.monitor.snapshot import snapshot
from tests.e2e.conftest import Start
from tests.e2e.system import FOLDED, LOG_LINE, MODES, PINNED, SEPARATE, until

ASLEEP = """
import time
from hft.strategies import Strategy


class Asleep(Strategy):
    def on_book(self, ctx, book):
        time.sleep(60)
"""

PRINTING = """
import os
from hft.strategies import Strategy


class Printing(Strategy):
    def on_start(self, ctx):
        print("hello\\nfrom a strategy")
        os.write(1, b"not through print\\n")

    def on_book(self, ctx, book):
        print("a book", book.bid_price_ticks)
"""


@pytest.mark.parametrize("mode", MODES)
def test_a_run_tells_its_story(start: Start, mode: str) -> None:
    """Each line is JSON with the same first fields; stderr has the same lines as text."""
    system = start(*MODES[mode], "--duration", "1", "--speed", "1")
    system.finish()
    log = system.log
    assert all(list(line)[:5] == ["ts", "level", "component", "pid", "message"] for line in log)
    assert {line["level"] for line in log} <= {"info", "warning"}
    said = {(line["component"], line["message"]) for line in log}
    for node in (*PINNED, "recorder"):
        assert {(node, "starting"), (node, "stopped")} <= said
    (begun,) = (line for line in log if line["message"] == "run started")
    assert (begun["instance"], begun["seed"], begun["feed"]) == (system.instance, 1, "sim, seed 1")
    (ended,) = (line for line in log if line["message"] == "run ended")
    assert ended["steps"] > 0
    assert log[0] == begun
    assert log[-1] == ended
    shown = system.path("err").read_text().splitlines()
    assert all(LOG_LINE.match(line) for line in shown)
    assert sum(" launch: run started  instance=" in line for line in shown) == 1


def test_what_goes_wrong_is_in_the_log(start: Start) -> None:
    """The kill switch, and the last line of a node that has no time to say goodbye."""
    system = start(*SEPARATE)
    control = system.running()
    assert system.command("hft.control", "kill").returncode == 0
    (pid,) = (node["pid"] for node in snapshot(control)["nodes"] if node["name"] == "signal")
    os.kill(pid, signal.SIGKILL)
    assert system.wait() == 1
    log = system.log
    assert [line["message"] for line in log if line["pid"] == pid] == ["starting"]
    (died,) = (line for line in log if line["level"] == "error")
    assert died["message"] == f"signal (process {pid}) was killed by SIGKILL"


def test_the_kill_switch_is_in_the_log(start: Start) -> None:
    system = start(*FOLDED)
    system.running()
    assert system.command("hft.control", "kill").returncode == 0
    system.interrupt()
    (killed,) = (line for line in system.log if "kill switch" in line["message"])
    assert (killed["level"], killed["message"]) == ("warning", "kill switch engaged: by hand")


def test_printed_lines_are_in_the_log(start: Start, tmp_path: Path) -> None:
    """They neither come between launch's own lines nor hold up who prints them."""
    (tmp_path / "mine.py").write_text(PRINTING)
    (tmp_path / "mine.toml").write_text('[strategy]\npath = "mine.py"\n')
    options = ("--duration", "1", "--speed", "1", "--config", "mine.toml")
    system = start(*FOLDED, *options)
    assert system.wait() == 0
    printed = [line for line in system.log if line["message"] in ("hello", "from a strategy")]
    assert [line["level"] for line in printed] == ["info", "info"]
    assert all("signal" in line["component"].split("+") for line in printed)
    assert any(line["message"].startswith("a book") for line in system.log)
    (raw,) = (line for line in system.log if line["message"] == "not through print")
    assert raw["level"] == "error"
    assert system.err == "not through print\n"
    assert " signal: hello\n" in system.path("err").read_text().replace("feed+", "")
    assert not any(word in system.out for word in ("hello", "a book", "not through"))


def test_a_strategy_that_does_not_return_is_told_of(start: Start, tmp_path: Path) -> None:
    """While it lasts, in status and in the log; and at the end, when its process is killed."""
    (tmp_path / "mine.py").write_text(ASLEEP)
    (tmp_path / "mine.toml").write_text('[strategy]\nbuiltin = []\npath = "mine.py"\n')
    system = start(*SEPARATE, "--config", "mine.toml")

    def told() -> bool:
        return any("no sign of life" in line["message"] for line in system.log)

    until(told, "the warning")
    assert [node["name"] for node in system.status()["nodes"] if node["stuck_s"]] == ["signal"]
    assert " stuck " in system.command("hft.status").stdout
    system.process.send_signal(signal.SIGINT)
    assert system.wait() == 1
    killed = "signal did not end in time and was killed"
    assert system.err.splitlines()[0] == f"hft.launch: error: {killed}"
    assert killed in [line["message"] for line in system.log]
