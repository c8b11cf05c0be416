"""`python -m hft.replay`: the engine's book is the recorded one, after every message."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from hft import replay
from hft.core.messages import COMMAND
from hft.errors import UserError
from hft.feeds import FEEDS, Feed, FeedOptions, open_feed
from hft.feeds.base import Commands
from hft.instruments import Instrument

ROOT = Path(__file__).parents[2]


def run_replay(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "hft.replay", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def amzn(data_dir: Path, levels: int) -> Path:
    return data_dir / f"lobster/LOBSTER_SampleFile_AMZN_2012-06-21_{levels}.zip"


def alter_row(source: Path, target: Path, line: int) -> None:
    """Copy a day, with one share more in the best bid of one row of the book."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            text = old.read(name).decode()
            if "orderbook" in name:
                lines = text.splitlines(keepends=True)
                fields = lines[line - 1].split(",")
                fields[3] = f"{int(fields[3]) + 1}" + ("\n" if len(fields) == 4 else "")
                lines[line - 1] = ",".join(fields)
                text = "".join(lines)
            new.writestr(name, text)


@pytest.mark.parametrize(("levels", "rows"), [(1, 57_515), (5, 155_935)])
def test_the_book_is_the_recorded_one_after_every_message(
    data_dir: Path, levels: int, rows: int
) -> None:
    done = run_replay(f"lobster:{amzn(data_dir, levels)}", "--truth", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert result["rejected"] == 0
    truth = result["truth"]
    assert (truth["rows"], truth["levels"]) == (rows, levels)
    assert truth["comparisons"] == rows * levels * 2
    assert (truth["mismatches"], truth["shown"]) == (0, [])
    assert result["messages"] == rows + truth["forgets"] + sum(truth["seeds"].values())


@pytest.mark.parametrize(
    ("feed", "file", "messages", "traded_lots", "rows"),
    [
        ("pitch", "l3_other/bats_pitch_20k.txt.gz", 17_155, 4_133, 3_908),
        ("databento", "databento/ESM4_mbo_2024-05-08T00-00-00_2s.dbn.zst", 13_808, 6, 185),
    ],
)
def test_the_book_is_that_of_the_orders_left(
    data_dir: Path, feed: str, file: str, messages: int, traded_lots: int, rows: int
) -> None:
    """Of the first instrument; tests/unit has the checks of these formats, and Bitfinex's."""
    done = run_replay(f"{feed}:{data_dir / file}", "--truth", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert (result["messages"], result["traded_lots"]) == (messages, traded_lots)
    assert result["rejected"] == 0
    truth = result["truth"]
    assert (truth["rows"], truth["comparisons"], truth["mismatches"]) == (rows, rows * 20, 0)


def test_two_replays_end_in_the_same_state(data_dir: Path) -> None:
    feed = open_feed(f"lobster:{amzn(data_dir, 1)}")
    first, second = replay.replay(feed), replay.replay(feed)
    assert first.state_hash == second.state_hash
    assert first.truth is None


def test_an_altered_row_is_named(data_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "altered.zip"
    alter_row(amzn(data_dir, 5), path, line=1234)
    done = run_replay(f"lobster:{path}", "--truth")
    assert (done.returncode, done.stderr) == (1, "")
    assert "mismatches  1\n" in done.stdout
    assert "            line 1234, bid 1: expected " in done.stdout


def test_only_so_many_mismatches_are_shown(data_dir: Path, tmp_path: Path) -> None:
    # An alteration of the first row seeds a share that stays until its level goes.
    path = tmp_path / "altered.zip"
    alter_row(amzn(data_dir, 5), path, line=1)
    done = run_replay(f"lobster:{path}", "--truth", "--json", "--max-mismatches-shown", "2")
    assert done.returncode == 1
    truth = json.loads(done.stdout)["truth"]
    assert truth["mismatches"] > 2
    assert [mismatch["line"] for mismatch in truth["shown"]] == [2, 3]


def test_a_summary_without_truth(data_dir: Path) -> None:
    done = run_replay(f"lobster:{amzn(data_dir, 1)}", "--duration", "60")
    assert (done.returncode, done.stderr) == (0, "")
    assert "messages    572\nrejected    0\n" in done.stdout
    assert "mismatches" not in done.stdout


@pytest.mark.parametrize(
    ("feed", "problem"),
    [
        ("lobstr:x.zip", "did you mean lobster"),
        ("x.zip", "must start with one of"),
        ("lobster:", "must be lobster:FILE.zip"),
        ("lobster:missing.zip", "missing.zip: can't be read: No such file or directory"),
        ("lobster:tests", "tests: can't be read: Is a directory"),
        ("lobster:setup.py", "setup.py: is not a zip file"),
    ],
)
def test_a_bad_feed_ends_with_2_and_one_line(feed: str, problem: str) -> None:
    done = run_replay(feed, "--truth")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("hft.replay: error: ")
    assert done.stderr.count("\n") == 1
    assert problem in done.stderr


def test_a_cut_off_day_ends_with_2_and_one_line(data_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.zip"
    path.write_bytes(amzn(data_dir, 1).read_bytes()[:100_000])
    done = run_replay(f"lobster:{path}")
    expected = f"hft.replay: error: {path}: is a damaged or cut-off zip file\n"
    assert (done.returncode, done.stderr) == (2, expected)


@pytest.mark.parametrize(
    "arguments",
    [["--duration", "0"], ["--duration", "x"], ["--max-mismatches-shown", "-1"], ["--seed", "x"]],
)
def test_a_bad_option_ends_with_2_and_no_traceback(arguments: list[str]) -> None:
    done = run_replay("lobster:x.zip", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"hft.replay: error: argument {arguments[0]}: " in done.stderr
    assert "Traceback" not in done.stderr


class TruthlessFeed(Feed):
    """One command of no known kind."""

    def __init__(self, argument: str, options: FeedOptions) -> None:
        self.name = "truthless"
        self.instruments = [Instrument("X", "Y", Decimal(1), Decimal(1))]

    def chunks(self) -> Iterator[Commands]:
        yield np.zeros(1, COMMAND)


@pytest.fixture
def truthless(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(FEEDS, "truthless", f"{__name__}:TruthlessFeed")
    monkeypatch.setitem(sys.modules, __name__, sys.modules[TruthlessFeed.__module__])
    return "truthless:"


def test_truth_is_refused_of_a_feed_that_has_none(
    truthless: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay.main([truthless, "--truth"]) == 2
    assert "truthless: has no truth to compare with" in capsys.readouterr().err
    with pytest.raises(UserError):
        open_feed("truthles:")


def test_a_rejected_message_makes_the_exit_code_1(
    truthless: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay.main([truthless]) == 1
    assert "rejected    1\n" in capsys.readouterr().out
