"""`python -m hft.journal`: a journal can be read, and what is wrong with one is found."""

import json
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest

from hft import journal
from hft.config import FusionConfig
from hft.core import MatchingEngine
from hft.core.journal import JournalWriter
from hft.core.messages import (
    COMMAND,
    InstrumentState,
    Kind,
    OrderFlag,
    OrderType,
    Side,
    Source,
    TimeInForce,
    order_id,
)
from hft.instruments import Instrument

ROOT = Path(__file__).parents[2]
BTC = Instrument("BINANCE", "BTCUSDT", Decimal("0.10"), Decimal("0.001"))
DESCRIPTION = {
    "instruments": msgspec.to_builtins([BTC]),
    "engine_instruments": 1,
    "engine_orders": 1024,
    "seed": 7,
}
SEGMENT_RECORDS = 64
HEADER_BYTES, RECORD_BYTES = 4096, 64


def run_journal(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "hft.journal", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def commands(count: int) -> np.ndarray:
    """Recorded asks, own orders that take some of them, and cancels of orders that aren't there."""
    array = np.zeros(count, COMMAND)
    number = np.arange(count)
    array["event_ts_ns"] = 34_200 * 10**9 + number
    array["price_ticks"], array["qty_lots"] = 641_234, 5
    own = number % 3 == 2
    array["kind"] = np.where(own, Kind.NEW_ORDER, Kind.FLOW_ADD)
    array["kind"][number % 30 == 29] = Kind.CANCEL_ORDER
    array["source"] = np.where(own, Source.SOURCE_STRATEGY, Source.SOURCE_RECORDED)
    array["side"] = np.where(own, Side.BUY, Side.SELL)
    array["order_id"] = number + 1
    array["order_id"][own] += np.uint64(order_id(Source.SOURCE_STRATEGY, 0))
    array["time_in_force"][own] = TimeInForce.IOC
    for ring in (own, ~own):
        array["sequence"][ring] = np.arange(ring.sum()) + 1
    return array


def write(folder: Path, records: np.ndarray, description: dict[str, object] = DESCRIPTION) -> Path:
    folder.mkdir()
    writer = JournalWriter(folder, description, segment_records=SEGMENT_RECORDS)
    for each in np.split(records, len(records)):
        writer.append(each, int(each["event_ts_ns"][0]))
    writer.close()
    return folder


def alter(path: Path, place: int) -> None:
    """Change one byte of the record at a place of a segment."""
    with path.open("r+b") as file:
        file.seek(HEADER_BYTES + place * RECORD_BYTES + 40)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal of 150 records in three segments."""
    return write(tmp_path_factory.mktemp("made") / "journal", commands(150))


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it to be altered."""
    return Path(shutil.copytree(made, tmp_path / "journal"))


def problems(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What `verify --json` finds wrong, and ends with 1 for."""
    assert journal.main(["verify", str(folder), "--json"]) == 1
    found: list[str] = json.loads(capsys.readouterr().out)["problems"]
    return found


def test_a_whole_journal_replays_to_the_same_state(made: Path) -> None:
    done = run_journal("verify", made, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    engine = MatchingEngine(instruments=1, orders=1024)
    engine.process_all(commands(150))
    counts = engine.counts()
    assert counts["trades"] == 45
    assert json.loads(done.stdout) == {
        "journal": str(made),
        "segments": 3,
        "records": 150,
        "torn_at": None,
        "problems": [],
        "trades": 45,
        "traded_lots": 225,
        "rejected": 5,
        "state_hash": f"{engine.state_hash():016x}",
    }


def test_verify_for_people(made: Path) -> None:
    done = run_journal("verify", made)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[:5] == [
        f"journal     {made}",
        "segments    3",
        "records     150",
        "trades      45 of 225 lots",
        "rejected    5",
    ]
    assert lines[5].startswith("state hash  ")
    assert lines[6:] == ["problems    none"]


def test_show_for_people(made: Path) -> None:
    done = run_journal("show", made, "--from", 64, "--count", 3)
    assert (done.returncode, done.stderr) == (0, "")
    heading, *lines = (line.split() for line in done.stdout.splitlines())
    assert heading[:4] == ["sequence", "time", "s", "kind"]
    name = "BINANCE:BTCUSDT"
    assert lines == [
        ["64", "34200.000000063", "FLOW_ADD", "RECORDED", name, "64", "SELL", "64123.40", "0.005"],
        ["65", "34200.000000064", "FLOW_ADD", "RECORDED", name, "65", "SELL", "64123.40", "0.005"],
        ["66", "34200.000000065", "NEW_ORDER", "STRATEGY", name, "1:66", "BUY", "64123.40",
         "0.005", "LIMIT", "IOC"],
    ]  # fmt: skip


def test_show_as_json(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert journal.main(["show", str(made), "--json", "--from", "149"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["sequence"] for row in rows] == [149, 150]
    assert rows[1] == {
        "sequence": 150,
        "ts_ns": 34_200_000_000_149,
        "event_ts_ns": 34_200_000_000_149,
        "kind": "CANCEL_ORDER",
        "source": "STRATEGY",
        "ring_sequence": 50,
        "instrument": "BINANCE:BTCUSDT",
        "order_id": order_id(Source.SOURCE_STRATEGY, 150),
        "side": "BUY",
        "price": "",
        "qty": "",
        "detail": "",
    }


def test_show_without_instruments_and_with_odd_values(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = np.zeros(4, COMMAND)
    records["kind"] = [Kind.FLOW_STATUS, Kind.NEW_ORDER, Kind.NEW_ORDER, 99]
    records["flags"] = [InstrumentState.HALTED, OrderFlag.POST_ONLY, 0, 0]
    records["order_type"][2] = OrderType.MARKET
    records["price_ticks"], records["qty_lots"], records["instrument"] = -3, 4, 5
    folder = write(tmp_path / "journal", records, {"instruments": []})
    assert journal.main(["show", str(folder), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [[row[name] for name in ("kind", "price", "qty", "detail")] for row in rows] == [
        ["FLOW_STATUS", "", "", "HALTED"],
        ["NEW_ORDER", "-3", "4", "LIMIT GTC POST_ONLY"],
        ["NEW_ORDER", "", "4", "MARKET GTC"],
        ["99", "-3", "4", ""],
    ]
    assert {row["instrument"] for row in rows} == {"5"}
    # Such a journal can't be replayed.
    assert journal.main(["verify", str(folder)]) == 2
    assert "has no engine_instruments, engine_orders" in capsys.readouterr().err


def test_an_altered_byte_is_found_with_its_sequence(folder: Path) -> None:
    alter(folder / "journal-000001.hftj", 5)
    done = run_journal("verify", folder)
    assert (done.returncode, done.stderr) == (1, "")
    assert "records     69\n" in done.stdout
    assert done.stdout.endswith("problem     journal-000001.hftj: record 70 is torn or altered\n")
    done = run_journal("show", folder, "--from", 68, "--count", 5)
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == [
        "68",
        "69",
        "129",
        "130",
        "131",
    ]
    assert done.stderr == "journal-000001.hftj: record 70 is torn or altered\n"


def test_a_missing_segment_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "journal-000001.hftj").unlink()
    assert problems(folder, capsys) == ["journal-000002.hftj: is segment 2, 1 was to follow"]


def test_a_missing_beginning_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "journal-000000.hftj").unlink()
    assert problems(folder, capsys) == ["journal-000001.hftj: is segment 1, 0 was to follow"]


def test_a_segment_cut_short_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "journal-000000.hftj"
    path.write_bytes(path.read_bytes()[: HEADER_BYTES + 10 * RECORD_BYTES])
    assert problems(folder, capsys) == [
        "journal-000001.hftj: begins with record 65, 11 was to follow"
    ]


def test_a_segment_of_another_journal_is_found(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write(tmp_path / "other", commands(150), {**DESCRIPTION, "seed": 8})
    shutil.copy(other / "journal-000002.hftj", folder)
    assert problems(folder, capsys) == ["journal-000002.hftj: is of another journal"]


def test_one_segment_is_checked_without_a_replay(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made / "journal-000001.hftj"
    assert journal.main(["verify", str(path)]) == 0
    text = capsys.readouterr().out
    assert "records     64\nreplay      none: the first record is not here\n" in text


@pytest.mark.parametrize("torn", [False, True])
def test_a_journal_that_was_not_closed(
    torn: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a crash the last segment has room left and another may be ready: that is no fault."""
    running = tmp_path / "running"
    running.mkdir()
    writer = JournalWriter(running, DESCRIPTION, segment_records=SEGMENT_RECORDS)
    for each in np.split(commands(50), 50):
        writer.append(each, 0)
    writer.wait_for_room()
    crashed = Path(shutil.copytree(running, tmp_path / "crashed"))
    writer.close()
    if torn:
        with (crashed / "journal-000000.hftj").open("r+b") as file:
            file.seek(HEADER_BYTES + 50 * RECORD_BYTES + 8)
            file.write(b"half a record")
    assert len(list(crashed.iterdir())) == 2
    assert journal.main(["verify", str(crashed), "--json"]) == int(torn)
    result = json.loads(capsys.readouterr().out)
    assert (result["records"], result["torn_at"]) == (50, 51 if torn else None)
    assert result["problems"] == torn * ["journal-000000.hftj: record 51 is torn or altered"]


@pytest.mark.parametrize(
    ("sources", "places", "problem"),
    [
        ([0, 0, 0, 0], [1, 2, 4, 5], None),  # the END of a flow is not journaled
        ([0, 0, 0], [1, 2, 5], "record 3: message 5 of the flow ring follows 2"),
        ([0, 0, 0], [1, 2, 2], "record 3: message 2 of the flow ring follows 2"),
        ([1, 2, 1], [1, 2, 3], None),
        ([1, 0, 2], [3, 1, 2], "record 3: message 2 of the orders ring follows 3"),
        ([1, 2, 1], [1, 3, 5],
         "record 2: message 3 of the orders ring follows 1, and 1 more such"),
    ],
)  # fmt: skip
def test_a_message_that_the_journal_missed_is_found(
    sources: list[int],
    places: list[int],
    problem: str | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    records = np.zeros(len(sources), COMMAND)
    records["kind"], records["source"], records["sequence"] = Kind.FLOW_ADD, sources, places
    folder = write(tmp_path / "journal", records)
    if problem is None:
        assert journal.main(["verify", str(folder)]) == 0
    else:
        assert problems(folder, capsys) == [problem]


def test_a_gap_between_segments_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = commands(SEGMENT_RECORDS + 10)
    records["source"] = Source.SOURCE_RECORDED
    records["sequence"] = np.arange(len(records)) + 1
    records["sequence"][SEGMENT_RECORDS:] += np.uint64(7)
    assert problems(write(tmp_path / "journal", records), capsys) == [
        "record 65: message 72 of the flow ring follows 64"
    ]


@pytest.mark.parametrize("command", ["show", "verify"])
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("missing.hftj", "missing.hftj: no such file or folder"),
        ("tests", "tests: no journal-*.hftj in this folder"),
        ("setup.py", "setup.py: not a journal"),
    ],
)
def test_a_bad_file_ends_with_2_and_one_line(command: str, name: str, problem: str) -> None:
    done = run_journal(command, name, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("hft.journal: error: ")
    assert done.stderr.count("\n") == 1
    assert problem in done.stderr


@pytest.mark.parametrize("command", ["show", "verify"])
def test_a_bad_file_has_no_heading(command: str) -> None:
    done = run_journal(command, "setup.py")
    assert (done.returncode, done.stdout) == (2, "")


def test_each_kind_of_journal_has_its_command(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of_decisions = {"fusion": msgspec.to_builtins(FusionConfig()), "instruments": []}
    folder = write(tmp_path / "decisions", commands(1), of_decisions)
    for command in ("show", "verify"):
        assert journal.main([command, str(folder)]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "is a journal of decisions: `python -m hft.journal decisions` shows these" in err
    assert journal.main(["decisions", str(made)]) == 2
    assert f"{made}: the run has no decisions: all its fusion.weights" in capsys.readouterr().err
    assert journal.main(["decisions", str(made / "journal-000000.hftj")]) == 2
    assert "is no journal of decisions" in capsys.readouterr().err


def test_an_unusable_description_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "journal", commands(1), {"instruments": [{"venue": 3}]})
    for command in ("show", "verify"):
        assert journal.main([command, str(folder)]) == 2
        assert "the description is unusable: " in capsys.readouterr().err
