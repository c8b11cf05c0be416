"""What a person gets wrong is told in one line that says what and where, before anything starts."""

from pathlib import Path

import pytest

from tests.e2e.conftest import Start

NO_CORE = "4096"
CONFIGS = {
    "key.toml": "# limits\n[risk]\nloss_qoute = 1\n",
    "table.toml": "[rsk]\n",
    "invalid.toml": "[risk]\norder_lots = = 1\n",
    "type.toml": '[risk]\norder_lots = "ten"\n',
    "range.toml": "[engine]\norders = 1000\n\n[risk]\norder_lots = 0\n",
    "infinite.toml": "[simulator]\nspread_ticks = inf\n",
    "huge.toml": "[market_maker]\norder_lots = 99999999999999999999\n",
    "grid.toml": "[simulator]\nprice = 100.005\n",
}

FILES = {
    "empty.csv": b"",
    "binary.csv": bytes(range(256)),
    "row.csv": b"time,symbol,price,size,side\n1,A,2,3,buy\n1,A,2,many,buy\n",
    "zero.csv": b"1,A,2,3,buy\n1,A,2,0,buy\n",
    "back.csv": b"2,A,2,3,4,3\n1,A,2,3,4,3\n",
    "broken.py": b"import os\nclass (:\n",
}

# Options, and what the line says besides.
CASES = [
    ("--feed lobster:none.zip", "none.zip: can't be read: No such file or directory"),
    ("--feed lobster:cut.zip", "cut.zip: is a damaged or cut-off zip file"),
    (
        "--feed lobstr:x.zip",
        "feed: must start with one of bbo, csv, lobster, sim (did you mean lobster?)",
    ),
    ("--feed csv:", "feed: must be csv:FILE, was 'csv:'"),
    ("--feed csv:none.csv", "none.csv: can't be read: No such file or directory"),
    ("--feed bbo:folder", "folder: can't be read: Is a directory"),
    ("--feed csv:empty.csv", "empty.csv: must not be empty"),
    ("--feed bbo:binary.csv", "binary.csv: is not a text file in UTF-8"),
    ("--feed csv:row.csv", "row.csv: line 3, size: must be a number, was 'many'"),
    ("--feed csv:zero.csv", "zero.csv: line 2, size: must be above 0, was '0'"),
    ("--feed bbo:back.csv", "back.csv: line 2, timestamp: must not be before that of the row"),
    ("--feed none.py:x", "none.py: can't be read: No such file or directory"),
    ("--feed broken.py:x", "broken.py: line 2: is not Python: "),
    ("--feed sim:x", "feed: takes nothing after 'sim', was 'sim:x'"),
    (
        "--affinity 0,x",
        "--affinity: must be a list of 1 to 4 core numbers separated by commas, was",
    ),
    ("--affinity=-1", "--affinity: must be a list of 1 to 4 core numbers separated by commas, was"),
    (f"--affinity {NO_CORE}", "--affinity: must name cores that this host lets us use ("),
    ("--affinity 0,1,2,3,4", "--affinity: must be a list of 1 to 4 core numbers separated by"),
    (f"--affinity 0,1,2,{NO_CORE} --strict-affinity", "--affinity: must give 4 cores of this"),
    ("--processes many", "--processes: must be one of folded, separate, was 'many'"),
    (
        "--config none",
        "--config: is neither a file nor a profile; there are paper, replay, sim, was",
    ),
    (
        "--config replay",
        "replay.toml: line 9, run.feed: the variable HFT_FEED_FILE is not set, was",
    ),
    ("--config none.toml", "none.toml: can't be read: No such file or directory"),
    (
        "--config key.toml",
        "key.toml: line 3, risk.loss_qoute: unknown key; did you mean risk.loss_q",
    ),
    ("--config table.toml", "table.toml: line 1, rsk: unknown key; did you mean risk?"),
    ("--config invalid.toml", "invalid.toml: line 2: is not TOML: "),
    (
        "--config type.toml",
        "type.toml: line 2, risk.order_lots: must be a whole number from 1 to 10",
    ),
    (
        "--config range.toml",
        "range.toml: line 5, risk.order_lots: must be a whole number from 1 to ",
    ),
    (
        "--config infinite.toml",
        "infinite.toml: line 2, simulator.spread_ticks: must be a number above 0, at most 1",
    ),
    ("--config huge.toml", "huge.toml: line 2, market_maker.order_lots: "),
    (
        "--config grid.toml",
        "grid.toml: line 2, simulator.price: must be a multiple of 0.01, such as 100.00 or",
    ),
    ("--duration=-1", "--duration: must be a number above 0, below 1000000000000, was '-1'"),
    ("--duration 0", "--duration: must be a number above 0"),
    ("--duration soon", "--duration: must be a number above 0"),
    ("--speed 0", "--speed: must be a number from 0.001, below 1000000000000, or max, was"),
    ("--speed=-2", "--speed: must be a number from 0.001, below 1000000000000, or max, was"),
    ("--speed fast", "--speed: must be a number from 0.001, below 1000000000000, or max, was"),
    ("--seed 1.5", "--seed: must be a whole number from 0 to 1000000000000, was '1.5'"),
    ("--report none/report.json", "--report: can't be written, was 'none/report.json'"),
    ("--report folder", "--report: must be a file, is a folder, was 'folder'"),
    ("--bogus", "unrecognized arguments: --bogus"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files that are wrong in one way each."""
    for name, text in CONFIGS.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 and then nothing")
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    return tmp_path


def assert_refused(start: Start, folder: Path, problem: str, *options: str) -> None:
    system = start(*options)
    assert system.wait() == 2, system.err
    assert system.out == ""
    assert system.err.startswith("hft.launch: error: ")
    assert system.err.count("\n") == 1
    assert problem in system.err
    assert not (folder / "hft-data").exists()


@pytest.mark.parametrize(("options", "problem"), CASES, ids=[options for options, _ in CASES])
def test_bad_input_is_one_line_and_exit_code_2(
    start: Start, folder: Path, options: str, problem: str
) -> None:
    """Nothing is started, nothing is made, and there is no traceback."""
    assert_refused(start, folder, problem, *options.split())


@pytest.mark.parametrize("instance", ["a/b", "..", "x" * 41])
def test_a_bad_instance_name_is_refused(start: Start, folder: Path, instance: str) -> None:
    """A name becomes part of file names, so it can't be just anything."""
    problem = "--instance: must be 1 to 40 letters, digits, '_' or '-', was "
    assert_refused(start, folder, problem, "--instance", instance)
