"""`python -m hft.latency`: what it tells of a run and of a file, and of a mistake, one line."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from hft.core.control import Control
from hft.core.histogram import record
from hft.core.segment import Segment
from hft.latency.capture import Recording, capture
from hft.latency.distribution import TOPS_NS
from hft.latency.hlog import read_log, write_log
from hft.runtime.segments import control_name, remove_run, segment_paths
from tests import pages

ROOT = Path(__file__).parents[2]
INSTANCE = f"test-latency-{os.getpid()}"
ORDER_TO_REPORT = 2 * len(pages.EDGES) + 2

Process = subprocess.Popen[str]


def start(*command: str, cwd: Path = ROOT) -> Process:
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def latency(*arguments: str, live: bool = True) -> tuple[int, str, str]:
    process = start("hft.latency", *(("--instance", INSTANCE) if live else ()), *arguments)
    stdout, stderr = process.communicate()
    return process.returncode, stdout, stderr


@pytest.fixture
def run() -> Iterator[Control]:
    """The page of a process that shows a run until its stdin is closed."""
    try:
        process = start("tests.pages", INSTANCE)
        with process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                yield Control.attach(control_name(INSTANCE))
            finally:
                process.kill()
    finally:
        Segment.unlink(control_name(INSTANCE))
        remove_run(INSTANCE, pages.RUN_ID)
        assert segment_paths(INSTANCE) == []


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of a run that doesn't exist."""
    path = tmp_path / "good.hlog"
    with pages.new_page(INSTANCE) as control:
        pages.fill(control, INSTANCE)
        path.write_text(write_log(Recording("hft x, at full speed", capture(control))))
    return path


def happen(control: Control, values_ns: list[int]) -> None:
    """As a node does: more orders are answered."""
    row = control.record["latencies"][ORDER_TO_REPORT : ORDER_TO_REPORT + 1]["histogram"].copy()
    record(row, np.array(values_ns))
    control.record["latencies"][ORDER_TO_REPORT]["histogram"] = row[0]


def test_the_tables(run: Control) -> None:
    """A row for each that has values, with what these tell; one line for those without."""
    code, text, errors = latency()
    assert (code, errors) == (0, "")
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line}
    assert f"hft {INSTANCE}, at full speed" in text
    percentiles = "1.40 µs 1.80 µs 1.90 µs 1.90 µs - - 1.90 µs"
    assert " ".join(rows["order_to_report"][1:]) == f"1,000 900 ns 1.40 µs {percentiles}"
    assert rows["engine.new_order"][1:4] == ["2,000", "200", "ns"]
    assert rows["tick_to_order"][1] == "100"
    assert "without values: engine.cancel_order" in text


def test_json_and_csv_say_the_same(run: Control, tmp_path: Path) -> None:
    """Figures in ns; what too few values tell is left out."""
    path = tmp_path / "x.csv"
    code, text, _ = latency("--json", "--export", str(path))
    assert code == 0
    found = json.loads(text)["ns"]
    assert found["path.order_to_report"]["count"] == 1_000
    assert "p99.99" not in found["path.order_to_report"]
    with path.open() as file:
        for row in csv.DictReader(file):
            summary = found[f"{row.pop('kind')}.{row.pop('name')}"]
            assert {name.removesuffix("_ns"): value for name, value in row.items() if value} == {
                name: str(value) for name, value in summary.items()
            }
    path = tmp_path / "x.json"
    assert latency("--export", str(path))[0] == 0
    for row in json.loads(path.read_text())["rows"]:
        assert row["ns"] == found[f"{row['kind']}.{row['name']}"]
        assert sum(count for _, count in row["buckets"]) == row["ns"]["count"]


def test_the_exported_log_is_hdrhistograms(run: Control, tmp_path: Path) -> None:
    """The package finds every row of the page in it, count for count."""
    path = tmp_path / "x.hlog"
    assert latency("--export", str(path))[0] == 0
    reader = HistogramLogReader(str(path), HdrHistogram(1, int(TOPS_NS[-1]), 2))
    found = {}
    while (one := reader.get_next_interval_histogram()) is not None:
        found[one.get_tag()] = list(one.counts)
    reader.close()
    live = {".".join(key): each.counts.tolist() for key, each in capture(run).rows.items()}
    assert found == live


def test_a_file_is_shown_like_a_run(run: Control, tmp_path: Path) -> None:
    """The log of a run, or of its folder, gives the same table, but for what buckets don't know."""
    path = tmp_path / "latency.hlog"
    _, live, _ = latency("--export", str(path))
    for name in (str(path), str(tmp_path)):
        code, text, errors = latency(name, live=False)
        assert (code, errors) == (0, "")
        assert [line.split()[:2] for line in text.splitlines()[2:]] == [
            line.split()[:2] for line in live.splitlines()[2:]
        ]


def test_reset_and_all(run: Control) -> None:
    """After a reset only what came since is shown, with --all everything; nothing is touched."""
    before = run.record["latencies"].tobytes()
    assert latency("--reset")[:2] == (
        0, f"instance {INSTANCE}: latencies are shown from now on\n",
    )  # fmt: skip
    assert run.record["latencies"].tobytes() == before
    happen(run, [5_000, 7_000])
    found = json.loads(latency("--json")[1])
    assert "since reset" in found["title"]
    summary = found["ns"]["path.order_to_report"]
    assert (summary["count"], summary["mean"]) == (2, 6_000)
    assert abs(summary["min"] - 5_000) < 40
    assert abs(summary["max"] - 7_000) < 55
    assert found["ns"]["hop.orders"] == {"count": 0}
    whole = json.loads(latency("--json", "--all")[1])["ns"]["path.order_to_report"]
    assert (whole["count"], whole["min"], whole["max"]) == (1_002, 900, 7_000)
    # Again: the newest counts.
    latency("--reset")
    assert json.loads(latency("--json")[1])["ns"]["path.order_to_report"] == {"count": 0}


def test_a_baseline_of_another_run_is_none(run: Control) -> None:
    """A run of the same name that died before can have left one."""
    latency("--reset")
    run.record["segment"]["run_id"] = 99
    try:
        assert "since reset" not in json.loads(latency("--json")[1])["title"]
    finally:
        run.record["segment"]["run_id"] = pages.RUN_ID


def test_intervals(run: Control, tmp_path: Path) -> None:
    """Each shows what came in it; Ctrl-C ends it well, and the log has all of them."""
    path = tmp_path / "x.hlog"
    process = start(
        "hft.latency", "--instance", INSTANCE, "--interval", "0.3", "--json", "--export", str(path)
    )
    assert process.stdout is not None
    with process:
        counts = [first_count(process)]
        happen(run, [5_000] * 3)
        while sum(counts) < 3:
            counts.append(first_count(process))
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert sum(counts) == 3
    found = read_log(path)
    assert len(found.intervals) == len(counts) + len(rest.splitlines())
    assert found.whole.rows["path", "order_to_report"].count == 3


def first_count(process: Process) -> int:
    assert process.stdout is not None
    found = json.loads(process.stdout.readline())["ns"]["path.order_to_report"]
    return int(found["count"])


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_picture(log: Path, tmp_path: Path, suffix: str) -> None:
    """It is one of its format; an SVG has its text as text."""
    path = tmp_path / f"x.{suffix}"
    assert latency(str(log), "--plot", str(path), live=False)[2] == ""
    data = path.read_bytes()
    if suffix == "png":
        assert data.startswith(b"\x89PNG")
    else:
        text = data.decode()
        for expected in ("order_to_report", "99.9 %", "1 µs", "add up", "tick to order"):
            assert expected in text


def test_comparisons(log: Path, tmp_path: Path) -> None:
    """A file with itself is equal; what got slower is told, and by the exit code."""
    code, text, _ = latency("--compare", str(log), str(log), live=False)
    assert code == 0
    assert "0 of " in text
    assert "percentiles moved beyond the noise" in text
    slower = tmp_path / "slower.hlog"
    with pages.new_page(INSTANCE) as control:
        pages.fill(control, INSTANCE)
        happen(control, [9_000] * 2_000)
        slower.write_text(write_log(Recording("hft x", capture(control))))
    code, text, _ = latency("--compare", str(log), str(slower), live=False)
    assert code == 1
    assert "path.order_to_report" in text
    assert "slower" in text
    code, text, _ = latency("--compare", str(slower), str(log), "--json", live=False)
    assert code == 0  # faster is no reason to stop
    rows = json.loads(text)["rows"]
    assert {row["row"] for row in rows} == {"path.order_to_report"}
    assert {row["moved"] for row in rows} == {-1}


def test_a_file_with_the_run(run: Control, tmp_path: Path) -> None:
    path = tmp_path / "before.hlog"
    latency("--export", str(path))
    assert latency("--compare", str(path))[0] == 0
    happen(run, [9_000] * 2_000)
    assert latency("--compare", str(path))[0] == 1


def test_resources(run: Control) -> None:
    """Processes with what they take, segments with their sizes."""
    code, text, errors = latency("--resources")
    assert (code, errors) == (0, "")
    assert "feed+engine+signal+risk+recorder" in text  # of a page all are one process
    assert f"hft.{INSTANCE}.control" in text
    assert "ALLOCATIONS" in text


MISTAKES = {
    (): "instance {instance}: is not running",
    ("none.hlog",): "none.hlog: can't be read: No such file or directory",
    (".",): "latency.hlog: is not there: has the run ended well?",
    ("README.md",): "README.md: line 3: must have 4 fields after its tag, has 1",
    ("--export", "x.xls"): "--export: must end in .csv, .json, .hlog, was 'x.xls'",
    ("--plot", "x.gif"): "--plot: must end in .png, .svg, was 'x.gif'",
    ("--interval", "0"): "--interval: must be from 0.05 to 86400 seconds, was '0'",
    ("x.hlog", "--interval", "1"): "a FILE is no run",
    ("--reset", "--resources"): "--reset and --resources are two commands, give one",
    ("--reset", "--plot", "x.png"): "--reset takes no --plot",
    ("--compare", "a", "b", "c"): "--compare takes one or two files, was 3",
    ("--compare", "a.hlog", "b.hlog"): "a.hlog: can't be read",
    ("--expected-interval", "x"): "--expected-interval: must be from 1 to 10^12 ns, was 'x'",
}


@pytest.mark.parametrize("arguments", MISTAKES)
def test_a_mistake_is_one_line(arguments: tuple[str, ...]) -> None:
    live = not arguments
    code, text, errors = latency(*arguments, live=live)
    assert (code, text) == (2, "")
    assert MISTAKES[arguments].format(instance=INSTANCE) in errors
    assert len(errors.splitlines()) == 1


def test_what_cannot_be_written_is_one_line(log: Path, tmp_path: Path) -> None:
    for option, name in (("--export", "x.csv"), ("--plot", "x.png")):
        path = tmp_path / "none" / name
        code, _, errors = latency(str(log), option, str(path), live=False)
        assert code == 2
        assert errors.startswith(f"hft.latency: error: {path}: can't be written")
        assert len(errors.splitlines()) == 1


def test_without_matplotlib_a_picture_is_one_line(log: Path, tmp_path: Path) -> None:
    """It is optional: everything else works without it."""
    (tmp_path / "matplotlib.py").write_text("raise ImportError")
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    command = [sys.executable, "-m", "hft.latency", str(log)]
    for more, code in (([], 0), (["--plot", "x.png"], 2)):
        done = subprocess.run([*command, *more], cwd=tmp_path, env=env, capture_output=True,
                              text=True, check=False)  # fmt: skip
        assert done.returncode == code
        assert ("needs matplotlib" in done.stderr) == bool(more)
        assert len(done.stderr.splitlines()) == len(more) // 2


def test_the_correction_is_refused_where_nothing_was_omitted(log: Path) -> None:
    code, text, _ = latency(str(log), "--expected-interval", "100", "--json", live=False)
    assert code == 0
    found = json.loads(text)
    assert "corrected for an event every 100 ns" in found["title"]
    assert found["ns"]["path.order_to_report"]["count"] > 10_000
    assert found["ns"]["hop.orders"]["count"] == 100
    log.write_text(log.read_text().replace("at full speed", "paced at 1x"))
    code, _, errors = latency(str(log), "--expected-interval", "100", live=False)
    assert code == 2
    assert "fits only a run at full speed" in errors
