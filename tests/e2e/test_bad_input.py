"""What a person gets wrong is told in one line that says what and where, before anything starts."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.e2e.system import environment, new_instance, processes, segments

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
    "variable.toml": '[run]\nfeed = "csv:${NO_SUCH_VARIABLE}"\n',
    "known.toml": '[instruments.A]\ntick_size = "0.5"\nlot_size = "1"\n',
    "weight.toml": "[fusion.weights]\nmomentun = 1.0\n",
    "latency.toml": "[latency]\norder_ns_min = 10\norder_ns_max = 9\n",
    **{
        f"{name}-strategy.toml": f'[strategy]\npath = "{name}.py"\n'
        for name in ("broken", "missing", "raising", "hollow", "misspelt")
    },
    "parameter.toml": '[strategy]\npath = "good.py"\nparameters = { lotz = 3 }\n',
    "pathless.toml": "[strategy.parameters]\nlots = 1\n",
    "value.toml": '[strategy]\npath = "good.py"\n[strategy.parameters]\nlots = 1.5\n',
}

GOOD_STRATEGY = b"""from hft.strategies import Parameters, Strategy
class Good(Strategy):
    class Parameters(Parameters):
        lots: int = 1
    def on_book(self, ctx, book): ...
"""
FILES = {
    "good.py": GOOD_STRATEGY,
    "raising.py": b"x = 1\nimport no_such_module\n",
    "hollow.py": b"class Hollow:\n    def on_book(self, ctx, book): ...\n",
    "misspelt.py": GOOD_STRATEGY.replace(b"on_book", b"on_boook"),
    "negative.csv": b"1,A,2,3,buy\n1,A,2,-4,buy\n",
    "symbols.csv": b"1,A,2,3,buy\n1,B,2,3,buy\n",
    "off_tick.csv": b"1,A,2.0,3,buy\n1,A,2.25,3,buy\n",
    "off_lot.csv": b"1,A,2.0,3,buy\n1,A,2.5,3.5,buy\n",
    "side.csv": b"1,A,2,3,buy\n1,A,2,3,up\n",
    "back_trades.csv": b"2.5,A,2,3,buy\n2.4,A,2,3,buy\n",
    "empty.csv": b"",
    "binary.csv": bytes(range(256)),
    "row.csv": b"time,symbol,price,size,side\n1,A,2,3,buy\n1,A,2,many,buy\n",
    "zero.csv": b"1,A,2,3,buy\n1,A,2,0,buy\n",
    "back.csv": b"2,A,2,3,4,3\n1,A,2,3,4,3\n",
    "broken.py": b"import os\nclass (:\n",
    "frames.json": b'[{"event": "subscribed", "channel": "book", "prec": "P0", "chanId": 1}]',
    "orders.json": b"[[7, [1, 2, 3]]]",
    "cut.zst": b"\x28\xb5\x2f\xfd and then nothing",
    "length.pitch": b"28800011AAK27GA0000DTS000100SH    0000619200Y\n28800012AAK27GA\n",
    "unknown.pitch": b"28800168X1K27GA00000Y000100\n",
    "schema.dbn": b"DBN\x01\x78\0\0\0" + b"X" * 16 + b"\x01" + bytes(103),
}

# Options, and what the line says besides.
CASES = [
    ("--feed lobster:none.zip", "none.zip: can't be read: No such file or directory"),
    ("--feed lobster:cut.zip", "cut.zip: is a damaged or cut-off zip file"),
    (
        "--feed lobstr:x.zip",
        "feed: must start with one of bbo, bitfinex, csv, databento, lobster, pitch, sim (did you ",
    ),
    ("--feed csv:", "feed: must be csv:FILE, was 'csv:'"),
    ("--feed csv:none.csv", "none.csv: can't be read: No such file or directory"),
    ("--feed bbo:folder", "folder: can't be read: Is a directory"),
    ("--feed csv:empty.csv", "empty.csv: must not be empty"),
    ("--feed bbo:binary.csv", "binary.csv: is not a text file in UTF-8"),
    ("--feed csv:row.csv", "row.csv: line 3, size: must be a number, was 'many'"),
    ("--feed csv:negative.csv", "negative.csv: line 2, size: must be above 0, was '-4'"),
    ("--feed csv:side.csv", "side.csv: line 2, side: must be buy or sell"),
    ("--feed csv:back_trades.csv", "line 2, timestamp: must not be before that of the row above"),
    (
        "--feed csv:symbols.csv --config known.toml",
        "symbols.csv: line 2, symbol: ",
    ),
    (
        "--feed csv:off_tick.csv --config known.toml",
        "off_tick.csv: line 2, price: must be a multiple of 0.5, such as 2.0 or 2.5, was '2.25'",
    ),
    (
        "--feed csv:off_lot.csv --config known.toml",
        "off_lot.csv: line 2, size: must be a multiple of 1, such as 3 or 4, was '3.5'",
    ),
    ("--feed lobster:members.zip", "members.zip: members: must be one pair SYMBOL_DAY_"),
    ("--feed lobster:folder", "folder: can't be read: Is a directory"),
    ("--feed csv:zero.csv", "zero.csv: line 2, size: must be above 0, was '0'"),
    ("--feed bbo:back.csv", "back.csv: line 2, timestamp: must not be before that of the row"),
    ("--feed bitfinex:", "feed: must be bitfinex:FILE, was 'bitfinex:'"),
    ("--feed bitfinex:row.csv", "row.csv: is not a JSON array of frames: JSON is malformed"),
    (
        "--feed bitfinex:frames.json",
        "frames.json: frame 1, subscription: must be of the channel book with the precision R0, w",
    ),
    (
        "--feed bitfinex:orders.json",
        "orders.json: frame 1, channel: must be that of a book of precision R0, subscribed to befo",
    ),
    ("--feed pitch:", "feed: must be pitch:FILE or pitch:FILE:SYMBOLS, was 'pitch:'"),
    ("--feed pitch:none.txt", "none.txt: can't be read: No such file or directory"),
    (
        "--feed pitch:length.pitch",
        "length.pitch: line 2, length: must be 45 characters of type A, was 15",
    ),
    (
        "--feed pitch:unknown.pitch",
        "unknown.pitch: line 1, order id: must be that of an order which was added and has shares",
    ),
    ("--feed databento:", "feed: must be databento:FILE, was 'databento:'"),
    ("--feed databento:folder", "folder: can't be read: Is a directory"),
    ("--feed databento:cut.zst", "cut.zst: is a damaged or cut-off zstd file: "),
    ("--feed databento:row.csv", "row.csv: is not a DBN file: it must begin with DBN"),
    ("--feed databento:schema.dbn", "schema.dbn: schema: must be 0, market by order, was 1"),
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
    (
        "--config variable.toml",
        "variable.toml: line 2, run.feed: the variable NO_SUCH_VARIABLE is not set",
    ),
    (
        "--config weight.toml",
        "weight.toml: line 2, fusion.weights.momentun: unknown key; did you mean "
        "fusion.weights.momentum?",
    ),
    ("--config latency.toml", "latency.toml: line 3, latency.order_ns_max: must be at least"),
    ("--config broken-strategy.toml", "broken.py: line 2: can't be imported: SyntaxError: "),
    (
        "--config missing-strategy.toml",
        "missing-strategy.toml: line 2, strategy.path: no such file, was 'missing.py'",
    ),
    (
        "--config raising-strategy.toml",
        "raising.py: line 2: can't be imported: ModuleNotFoundError: No module named 'no_such",
    ),
    (
        "--config hollow-strategy.toml",
        "hollow.py: must define exactly one subclass of hft.strategies.Strategy, was 'none'",
    ),
    (
        "--config misspelt-strategy.toml",
        "misspelt.py: line 5: Good.on_boook is no callback; did you mean on_book?",
    ),
    (
        "--config parameter.toml",
        "parameter.toml: line 3, strategy.parameters.lotz: unknown parameter of Good; did you mean"
        " lots?, was 3",
    ),
    (
        "--config value.toml",
        "value.toml: line 4, strategy.parameters.lots: must be a whole number, was 1.5",
    ),
    (
        "--config pathless.toml",
        "pathless.toml: line 2, strategy.parameters.lots: is a parameter of strategy.path, which",
    ),
    ("--duration=-1", "--duration: must be a number above 0, below 1000000000000, was '-1'"),
    ("--duration 0", "--duration: must be a number above 0"),
    ("--duration soon", "--duration: must be a number above 0"),
    ("--speed 0", "--speed: must be a number from 0.001, below 1000000000000, or max, was"),
    ("--speed=-2", "--speed: must be a number from 0.001, below 1000000000000, or max, was"),
    ("--speed fast", "--speed: must be a number from 0.001, below 1000000000000, or max, was"),
    ("--seed 1.5", "--seed: must be a whole number from 0 to 1000000000000, was '1.5'"),
    (
        "--report none/report.json",
        "--report: can't be written: No such file or directory, was 'none/report.json'",
    ),
    ("--report /proc/x", "--report: can't be written: No such file or directory, was '/proc/x'"),
    ("--report good.py/x", "--report: can't be written: Not a directory, was 'good.py/x'"),
    ("--report=", "--report: must be a file, was ''"),
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
    with zipfile.ZipFile(tmp_path / "members.zip", "w") as archive:
        archive.writestr("A_2012-06-21_1_2_message_5.csv", "")
        archive.writestr("readme.txt", "")
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


def test_a_report_that_can_be_written_is_not_left_by_a_run_that_never_was(
    start: Start, folder: Path
) -> None:
    (folder / "old.json").write_text("{}")
    for name in ("new.json", "old.json"):
        assert_refused(start, folder, "feed: must be csv:FILE", "--feed", "csv:", "--report", name)
    assert not (folder / "new.json").exists()
    assert (folder / "old.json").read_text() == "{}"


@pytest.mark.parametrize("instance", ["a/b", "..", "x" * 41])
def test_a_bad_instance_name_is_refused(start: Start, folder: Path, instance: str) -> None:
    """A name becomes part of file names, so it can't be just anything."""
    problem = "--instance: must be 1 to 40 letters, digits, '_' or '-', was "
    assert_refused(start, folder, problem, "--instance", instance)


# A /dev/shm of our own, and what is said of it.
NAMESPACES = {
    "too small": (
        "mount -t tmpfs -o size=1m tmpfs /dev/shm && exec",
        "/dev/shm is too small, needs 6291456 bytes, has 1048576 free",
    ),
    "no permission": (
        "mount -t tmpfs -o mode=0555,uid=65534 tmpfs /dev/shm && exec setpriv "
        "--bounding-set -dac_override,-dac_read_search --inh-caps -dac_override,-dac_read_search",
        "no permission to create it in /dev/shm",
    ),
}


def can_mount() -> bool:
    """Whether this host lets us mount a /dev/shm that only we see."""
    if not (shutil.which("unshare") and shutil.which("setpriv")):
        return False
    mount = "mount -t tmpfs -o size=1m tmpfs /dev/shm"
    return subprocess.run(["unshare", "--mount", "sh", "-c", mount], check=False).returncode == 0


@pytest.mark.parametrize("case", NAMESPACES)
def test_shared_memory_that_can_not_be_had_is_one_line(tmp_path: Path, case: str) -> None:
    """Nothing is left: no segment, no process, no folder of a run that never was."""
    if not can_mount():
        pytest.skip("takes root's right to mount a /dev/shm of its own (unshare, setpriv)")
    before, problem = NAMESPACES[case]
    instance = new_instance()
    command = f"{before} {sys.executable} -m hft.launch --instance {instance}"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", command],
        cwd=tmp_path, env=environment(instance), capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("hft.launch: error: segment hft.")
    assert problem in done.stderr
    assert done.stderr.count("\n") == 1
    assert (processes(instance), segments(instance)) == ([], [])
    assert list(tmp_path.rglob("hft-data/*/*")) == []
