"""Configuration files: what is set, and what is said of what is wrong."""

from decimal import Decimal
from pathlib import Path

import pytest

from hft.config import Config, load_config
from hft.config.load import Loaded, load
from hft.errors import ConfigError, ConfigErrors

WHOLE = "must be a whole number from "


def loaded(path: Path, text: str, **environment: str) -> Loaded:
    """What a file of this text comes to."""
    path.write_bytes(text.encode())
    return load(path, environment=environment)


def problems(path: Path, text: str, **environment: str) -> list[str]:
    """All that is said of a file of this text, after the file's name."""
    with pytest.raises(ConfigError) as caught:
        loaded(path, text, **environment)
    error = caught.value
    found = [str(each) for each in (error.errors if isinstance(error, ConfigErrors) else [error])]
    assert all("\n" not in line for line in found)
    return [line.removeprefix(f"{path}: ") for line in found]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.toml"


def test_without_a_file_all_is_default() -> None:
    """Every key has a default."""
    assert load(environment={}).config == Config()


@pytest.mark.parametrize("text", ["", "\n", "# nothing\r\n", "[risk]\n", "\ufeff[risk]\r\n"])
def test_what_sets_nothing_changes_nothing(path: Path, text: str) -> None:
    """An empty file, an empty table, a byte order mark."""
    assert loaded(path, text).config == Config()


def test_a_file_says_only_what_differs(path: Path) -> None:
    """Decimals are taken as they are written, whether as numbers or as text."""
    path.write_text(
        'risk.order_lots = 7\n[simulator]\nprice = 0.30\ntick_size = "0.1"\n'
        "[instruments.BTCUSDT]\ntick_size = 0.10\nlot_size = 1_0\n"
    )
    config = load_config(path)
    assert config.risk.order_lots == 7
    assert config.risk.position_lots == Config().risk.position_lots
    assert (config.simulator.price, config.simulator.tick_size) == (Decimal("0.3"), Decimal("0.1"))
    assert config.instruments["BTCUSDT"].lot_size == 10
    assert str(config.instruments["BTCUSDT"].tick_size) == "0.10"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[risk]\n\nloss_qoute = 1\n",
            "line 3, risk.loss_qoute: unknown key; did you mean risk.loss_quote?, was 1",
        ),
        ("[risk]\nzzz = 1\n", "line 2, risk.zzz: unknown key; there are risk."),
        ("[risk]\nskew_bps = 1\n", "line 2, risk.skew_bps: unknown key; did you mean market_maker"),
        ("skew_bps = 1\n", "line 1, skew_bps: unknown key; did you mean market_maker.skew_bps?"),
        ("[rsk]\n", "line 1, rsk: unknown key; did you mean risk?"),
        ("x = 1\n", "line 1, x: unknown key; there are engine, fusion, imbalance_taker"),
        ('"a.\\nb" = 1\n', 'line 1, "a.\\nb": unknown key'),
        ("journal = 3\n", "line 1, journal: must be a table, was 3"),
        ("[[risk]]\norder_lots = 1\n", "line 1, risk: must be a table"),
        ("instruments = 3\n", "line 1, instruments: must be a table, was 3"),
        ("instruments.X = 3\n", "line 1, instruments.X: must be a table, was 3"),
        ("[instruments.X]\ntick_size = 1", "line 1, instruments.X: must have lot_size, a decimal"),
        (
            '[instruments.""]\ntick_size = 1\nlot_size = 1',
            'line 1, instruments."": must have a name',
        ),
        ("[risk\n", "line 1: is not TOML: "),
        ("[risk]\na = 1\na = 2\n", 'line 3: is not TOML: Key "a" already exists'),
        ("[a]\nb.c=1\n\n[a.b]\nd=2\n", "line 4: is not TOML: Redefinition of an existing table"),
        ("a = 1\nb = " + "[" * 3000, "line 2: is not TOML: TOML value nested more than"),
        ("\na = " + "9" * 5000, "line 2: is not TOML: Invalid number"),
        ("a = 2024-13-45", "line 1: is not TOML: Invalid date"),
        ('[risk]\norder_lots = "x"\n', f'order_lots: {WHOLE}1 to 1000000000000, was "x"'),
        ("[risk]\norder_lots = 1.5\n", f"order_lots: {WHOLE}1 to 1000000000000, was 1.5"),
        ("[risk]\norder_lots = 7.0\n", f"order_lots: {WHOLE}1 to 1000000000000, was 7.0"),
        ("[risk]\norder_lots = 1979-05-27\n", f"{WHOLE}1 to 1000000000000, was 1979-05-27"),
        ("[risk]\norder_lots = [ 1,\n 2 ]\n", f"{WHOLE}1 to 1000000000000, was [ 1, 2 ]"),
        ("[risk]\norder_lots = {a = 1}\n", f"{WHOLE}1 to 1000000000000, was {{a = 1}}"),
        ("[risk.order_lots]\na = 1\n", f"line 1, risk.order_lots: {WHOLE}1 to 1000000000000"),
        ("[risk]\norder_lots = 0x0\n", f"line 2, risk.order_lots: {WHOLE}1 to"),
        ("risk.order_lots = 0\n", f"line 1, risk.order_lots: {WHOLE}1 to"),
        (f"risk.order_lots = {'9' * 400}\n", f"line 1, risk.order_lots: {WHOLE}1 to"),
        ("risk = { order_lots = true }\n", f"line 1, risk.order_lots: {WHOLE}1 to"),
        ("[risk] # limits\nopen_orders = 0\n", f"line 2, risk.open_orders: {WHOLE}1 to 1048576"),
        (
            "[simulator]\nspread_ticks = inf\n",
            "must be a number above 0, at most 1000000000, was i",
        ),
        (
            "[simulator]\nspread_ticks = nan\n",
            "must be a number above 0, at most 1000000000, was n",
        ),
        (f"[simulator]\nspread_ticks = {'9' * 400}\n", "must be a number above 0, at most"),
        (
            "[simulator]\nspread_ticks = true\n",
            "must be a number above 0, at most 1000000000, was t",
        ),
        (
            '[simulator]\nprice = "1O"\n',
            "simulator.price: must be a decimal number from 1e-18 to 1e12",
        ),
        ("[simulator]\nlot_size = -1\n", "simulator.lot_size: must be a decimal number from 1e-18"),
        (
            "[simulator]\nlot_size = nan\n",
            "simulator.lot_size: must be a decimal number from 1e-18",
        ),
        ("[simulator]\nlot_size = 1e999999999\n", "must be a decimal number from 1e-18 to 1e12"),
        ("[simulator]\nprice = true\n", "simulator.price: must be a decimal number from"),
        ("[simulator]\nprice = 100.005\n", "simulator.price: must be a multiple of 0.01, such as"),
        (
            "[simulator]\ntick_size = 0.03\n",
            "simulator.tick_size: price must be a multiple of 0.03",
        ),
        (
            "[latency]\norder_ns_max = 1\n",
            "order_ns_max: must be at least latency.order_ns_min, 500",
        ),
        (
            "[latency]\norder_ns_min = 600_000\n",
            "must be at most latency.order_ns_max, 500000, was",
        ),
        (
            '[run]\nmerge = "time"\n',
            "line 2, run.merge: must be arrival, unless run.speed is max, was",
        ),
        (
            "[run]\naffinity = []\n",
            "line 2, run.affinity: must be a list of 1 to 4 core numbers, was",
        ),
        (
            "[run]\naffinity = 3\n",
            "line 2, run.affinity: must be a list of 1 to 4 core numbers, was",
        ),
        (
            "[run]\naffinity = [\n0,\n# x\n-1]\n",
            f"line 5, run.affinity[1]: {WHOLE}0 to 65535, was -",
        ),
        (
            "[run]\nspeed = 0\n",
            "run.speed: must be a number from 0.001, below 1000000000000, or max",
        ),
        ('[run]\nspeed = "fast"\n', "run.speed: must be a number from 0.001, below"),
        ("[run]\nduration_s = -1\n", "run.duration_s: must be a number above 0, below"),
        ('[run]\nstrict_affinity = "true"\n', 'must be true or false, was "true"'),
        ("[run]\nstrict_affinity = 1\n", "must be true or false, was 1"),
        ('[run]\nfeed = ""\n', 'run.feed: must be text that is not empty, was ""'),
        ("[run]\nfeed = 7\n", "run.feed: must be text that is not empty, was 7"),
        ('[run]\nfeed = "a\\u0000"\n', "run.feed: must be text that is not empty, was "),
        ('[run]\ninstance = "a\\n"\n', "run.instance: must be 1 to 40 letters"),
        ("[strategy]\nparameters = 1\n", "line 2, strategy.parameters: must be a table, was 1"),
        (
            'strategy.path = "x.py"\n[strategy.parameters]\na = [1, inf]\n',
            "line 3, strategy.parameters.a[1]: must be text",
        ),
        (
            'strategy.path = "x.py"\n[strategy.parameters]\na.b = 1979-05-27\n',
            "line 3, strategy.parameters.a.b: must be",
        ),
        (
            "[strategy]\nparameters = { a = 1 }\n",
            "line 2, strategy.parameters.a: is a parameter of strategy.path, which is",
        ),
        (
            f"[strategy]\nbuiltin = {['market_maker'] * 8}\n",
            "line 2, strategy.builtin: must be a list of 0 to 7, each one of",
        ),
        ('[strategy]\nbuiltin = ["maker"]\n', "line 2, strategy.builtin[0]: must be one of imbal"),
        ("fusion.weights.momentum = 101\n", "line 1, fusion.weights.momentum: must be a number fr"),
        ('[log]\nlevel = "warn"\n', "log.level: must be one of debug, info, warning, error, was"),
        ('[memory]\nhugepages = "0"\n', "must be one of auto, never, require, was "),
    ],
)
def test_an_error_says_line_key_rule_and_value(path: Path, text: str, problem: str) -> None:
    """Whoever reads it needs nothing else to put it right."""
    (found,) = problems(path, text)
    assert found.startswith("line ")
    assert problem in found


def test_all_that_is_wrong_is_said_at_once(path: Path) -> None:
    """In the order of the lines, each once, then what is wrong in the environment."""
    text = (
        "[latency]\norder_ns_min = 600_000\n[risk]\nx = 1\norder_lots = 0\n"
        "[simulator]\nprice = -1\ntick_size = 7\n"
    )
    found = problems(path, text, HFT_LOG_LEVL="info", HFT_RISK_OPEN_ORDERS="x")
    assert [line.partition(": ")[0] for line in found] == [
        "line 2, latency.order_ns_min",
        "line 4, risk.x",
        "line 5, risk.order_lots",
        "line 7, simulator.price",
        "HFT_LOG_LEVL",
        "HFT_RISK_OPEN_ORDERS",
    ]


def test_several_errors_are_several_lines(path: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        loaded(path, "x = 1\ny = 2\n")
    assert len(str(caught.value).splitlines()) == 2


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    """Missing, a folder, not text, too large."""
    (tmp_path / "bytes.toml").write_bytes(b"a = 1\n\xff\xfe")
    (tmp_path / "large.toml").write_bytes(b"#" * (1 << 20) + b"\n")
    for name, problem in (
        ("none.toml", "can't be read: No such file or directory"),
        ("", "can't be read: Is a directory"),
        ("bytes.toml", "line 2: is not a text file in UTF-8"),
        ("large.toml", "must be at most 1048576 bytes"),
        ("a\0b", "can't be read: not the name of a file"),
    ):
        with pytest.raises(ConfigError) as caught:
            load(tmp_path / name, environment={})
        assert str(caught.value) == f"{tmp_path / name}: {problem}"
