"""`python -m hft.status`: what a run shows of itself, from outside, and that it ends well."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hft.core.segment import Segment, segment_path
from hft.monitor import snapshot
from hft.runtime.segments import control_name
from hft.status import show_tables
from tests import pages

ROOT = Path(__file__).parents[2]
INSTANCE = f"test-status-{os.getpid()}"

Process = subprocess.Popen[str]


def start(*command: str) -> Process:
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def status(*arguments: str) -> tuple[int, str, str]:
    process = start("hft.status", "--instance", INSTANCE, *arguments)
    stdout, stderr = process.communicate()
    return process.returncode, stdout, stderr


@contextlib.contextmanager
def ending(process: Process) -> Iterator[Process]:
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def run() -> Iterator[Process]:
    """A process that shows a run, until its stdin is closed."""
    try:
        with ending(start("tests.pages", INSTANCE)) as process:
            assert process.stdout.readline() == "ready\n"
            yield process
    finally:
        Segment.unlink(control_name(INSTANCE))


def test_the_tables(run: Process) -> None:
    code, text, errors = status()
    assert (code, errors) == (0, "")
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 100
    for expected in (
        f"instance {INSTANCE}, run {pages.RUN_ID}", "market time 09:30:00.123", "kill switch off",
        "recorder", "refusal_records", "2 MiB locked", "0+3", "control page: ",
        "NASDAQ:AMZN", "-65.00", "refused 1,234",
        "100 @ 223.87 / 200 @ 223.88", "state hash", "SELL", "224.38", "1:30",
    ):  # fmt: skip
        assert expected in text
    assert "…" not in text


def test_without_a_terminal_nothing_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """However long names and figures are."""
    try:
        with pages.new_page(INSTANCE) as control:
            pages.fill(control, INSTANCE)
            page = control.record
            page["edges"][0]["published"] = page["edges"][0]["taken"] = 10**18
            page["strategy_count"] = 1
            pages.put(page["strategies"][0], "name", "mine")
            pages.put(page["strategies"][0], "error", "a b " * 40)
            one = page["instruments"][0]
            pages.put(one, "symbol", "LONG-SYMBOL-NAM")
            one["decisions"], one["decision_size"] = 1, -0.25
            one["open_buy_lots"] = one["open_sell_lots"] = one["position_lots"] = 10**15
            show_tables(snapshot(control))
    finally:
        Segment.unlink(control_name(INSTANCE))
    text = capsys.readouterr().out
    for heading in ("POLICY", "DROPPED", "HOP p99.9", "AGE max", "BUY LOTS", "SELL LOTS"):
        assert heading in text
    for value in (
        f"{10**18:,}", "LONG-SYMBOL-NAM", f"{10**15:,}", "223.87 / 200 @ 223.88", "sell 0.25, ",
        ("a b " * 40).strip(),
    ):  # fmt: skip
        assert value in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) < 250


def test_json(run: Process) -> None:
    code, text, errors = status("--json")
    assert (code, errors) == (0, "")
    shot = json.loads(text)
    assert (shot["instance"], shot["owner"]) == (INSTANCE, {"pid": run.pid, "alive": True})
    assert shot["orders"]["intended"] == 51_234
    assert shot["instruments"][0]["book"]["bids"][0]["price"] == "223.87"
    assert shot["instruments"][0]["book"]["own_asks"][0]["lots"] == 7


def test_the_page_is_left_as_it_is(run: Process) -> None:
    path = Path(segment_path(control_name(INSTANCE)))
    before = path.read_bytes(), path.stat().st_mtime_ns
    status()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--watch"]])
def test_without_a_system_it_says_so_in_one_line(arguments: list[str]) -> None:
    assert status(*arguments) == (
        2, "", f"hft.status: error: instance {INSTANCE}: is not running\n"
    )  # fmt: skip


@pytest.mark.parametrize("name", ["../x", "", "a b"])
def test_an_impossible_name_is_refused(name: str) -> None:
    code, text, errors = status("--instance", name)
    assert (code, text) == (2, "")
    assert errors.startswith("hft.status: error: --instance: must be ")


@pytest.mark.parametrize("interval", ["0", "-1", "nan", "x"])
def test_an_impossible_interval_is_refused(interval: str) -> None:
    code, _, errors = status(f"--watch={interval}")
    assert code == 2
    assert "must be from 0.05 to 86400 seconds" in errors


def test_a_run_whose_launch_died_is_shown_as_such(run: Process) -> None:
    run.kill()
    run.wait()
    code, text, errors = status()
    assert (code, errors) == (1, "")
    assert text.startswith(f"launch (process {run.pid}) is dead")
    assert "NASDAQ:AMZN" in text
    code, text, _ = status("--json", "--watch")
    assert (code, json.loads(text)["owner"]["alive"]) == (1, False)


@pytest.mark.parametrize("dies", [False, True])
def test_watching_ends_with_the_run(run: Process, dies: bool) -> None:
    with ending(start("hft.status", "--instance", INSTANCE, "--watch", "0.1")) as watcher:
        assert "AMZN -120 pnl -65.00" in watcher.stdout.readline()
        if dies:
            run.kill()
        run.stdin.close()
        text, errors = watcher.communicate()
        assert (watcher.returncode, errors) == (0, "")
        assert text.splitlines()[-1] == f"instance {INSTANCE}: the run has ended"


def test_watching_in_json_gives_json_alone(run: Process) -> None:
    arguments = ("--instance", INSTANCE, "--watch", "0.1", "--json")
    with ending(start("hft.status", *arguments)) as watcher:
        shots = [json.loads(watcher.stdout.readline()) for _ in range(3)]
        run.stdin.close()
        text, errors = watcher.communicate()
    assert shots[0]["host_ts_ns"] < shots[1]["host_ts_ns"] < shots[2]["host_ts_ns"]
    assert all(json.loads(line) for line in text.splitlines())
    assert errors == f"instance {INSTANCE}: the run has ended\n"


def test_an_interrupt_ends_watching(run: Process) -> None:
    with ending(start("hft.status", "--instance", INSTANCE, "--watch", "0.1")) as watcher:
        watcher.stdout.readline()
        watcher.send_signal(signal.SIGINT)
        _, errors = watcher.communicate()
        assert (watcher.returncode, errors) == (0, "")
