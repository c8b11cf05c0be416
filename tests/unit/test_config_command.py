"""`python -m hft.config`: what it prints, and the profiles that it and launch find."""

from pathlib import Path

import pytest

from hft.config import Config, load_config
from hft.config.__main__ import main
from hft.config.environment import OTHERS
from hft.config.keys import keys
from hft.config.load import load
from hft.config.profiles import find, profiles
from hft.config.references import names
from hft.config.toml_text import written
from hft.errors import ConfigError

FEED = {"HFT_FEED_FILE": "x.zip"}  # replay has a name to fill in


@pytest.fixture
def printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> "Printed":
    monkeypatch.chdir(tmp_path)
    return Printed(capsys)


class Printed:
    """Runs the command; what it prints, and its exit code."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str, code: int = 0) -> str:
        assert main(list(arguments)) == code
        out, err = self.capsys.readouterr()
        assert bool(err) == (code != 0)
        return err if code else out


def test_check_says_good(printed: Printed) -> None:
    Path("c.toml").write_text("[risk]\norder_lots = 1\n")
    assert printed("check", "c.toml") == "c.toml: good\n"
    assert printed("check", "sim") == "sim: good\n"
    assert printed("check") == "defaults and environment: good\n"


def test_check_says_all_that_is_wrong(printed: Printed) -> None:
    """A line each."""
    Path("c.toml").write_text("[risk]\norder_lots = 0\nx = 1\n")
    lines = printed("check", "c.toml", code=2).splitlines()
    assert [line.partition("c.toml: ")[2].partition(":")[0] for line in lines] == [
        "line 2, risk.order_lots",
        "line 3, risk.x",
    ]
    Path("c.toml").write_text("run.feed = 'lobstr:x'")
    text = printed("check", "c.toml", code=2)
    assert "c.toml: line 1, run.feed: must start with one of bbo, bitfinex, csv," in text


ODD = """
[run]
feed = "lobster:a$${b} \\"c\\" \\\\ é \\n.zip"
affinity = [1]
speed = "max"
report = 'r.json'
[simulator]
price = 1e-3
tick_size = 1e-3
[strategy]
path = "odd.py"
[strategy.parameters]
"a b" = "$${c}"
lots = [1, 2.5]
deep = {on = true, off = {}}
none = {}
[strategy.parameters.more]
x = [{y = 1}]
[instruments."B T.C"]
tick_size = 0.10
lot_size = 1e2
[instruments.X]
tick_size = 1
lot_size = 1
"""


@pytest.mark.parametrize("name", ["", "odd", *profiles()])
def test_what_show_prints_is_the_same_configuration(tmp_path: Path, name: str) -> None:
    """Also what needs quotes; what isn't default says where it comes from."""
    odd = tmp_path / "odd.toml"
    odd.write_text(ODD)
    file = odd if name == "odd" else profiles().get(name)
    shown = load(file, environment={**FEED, "HFT_RISK_OPEN_ORDERS": "7"})
    text = written(shown)
    copy = tmp_path / "copy.toml"
    copy.write_text(text)
    assert load(copy, environment={}).config == shown.config
    assert "open_orders = 7  # HFT_RISK_OPEN_ORDERS\n" in text
    assert "seed = 1\n" in text
    if name == "odd":
        assert f"affinity = [1]  # {odd}:4\n" in text


def test_show_is_the_command_for_it(printed: Printed) -> None:
    Path("c.toml").write_text("[risk]\norder_lots = 3\n")
    assert "\norder_lots = 3  # c.toml:2\n" in printed("show", "c.toml")


def test_explain_a_key(printed: Printed) -> None:
    """Meaning, type, bounds, default, unit, variable."""
    assert printed("explain", "risk.loss_quote") == (
        "risk.loss_quote\n"
        "  A loss beyond it engages the kill switch; 0: no limit.\n"
        "  must be:  a whole number from 0 to 1000000000000\n"
        "  default:  0\n"
        "  unit:     quote\n"
        "  variable: HFT_RISK_LOSS_QUOTE\n"
    )
    assert "  default:  not set\n" in printed("explain", "memory.numa_node")
    text = printed("explain", "instruments.BTCUSDT.tick_size")
    assert text.startswith("instruments.NAME.tick_size\n")
    assert "  default:  none: it must be given\n" in text


def test_explain_a_table_and_all(printed: Printed) -> None:
    """All keys of it, or all there are."""
    risk = printed("explain", "risk")
    assert all(f"\n{name}\n" in risk for name in keys() if name.startswith("risk."))
    assert printed("explain", "[risk]") == risk
    assert "instruments.NAME.lot_size" in printed("explain", "instruments")
    assert [line.split()[0] for line in printed("explain").splitlines()] == list(keys())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("explain", "rsik.order_lots"), "unknown key; did you mean risk.order_lots?, was 'rsik"),
        (("explain", "zzzz"), "unknown key; there are run, memory, log"),
        (("explain", "open_orders"), "unknown key; did you mean risk.open_orders?"),
        (("check", "smi"), "neither a file nor a profile; did you mean sim? there are paper, re"),
        (("check", "c.toml"), "c.toml: can't be read: No such file"),
        (("check", ""), "neither a file nor a profile; there are paper, replay, sim, was ''"),
        (("check", "replay"), "line 9, run.feed: the variable HFT_FEED_FILE is not set"),
        (("frob",), "invalid choice: 'frob'"),
        ((), "required: check|show|explain"),
    ],
)
def test_what_the_command_is_given_wrong(
    printed: Printed, arguments: tuple[str, ...], problem: str
) -> None:
    assert problem in printed(*arguments, code=2)


def test_profiles_ship_and_differ_from_the_defaults() -> None:
    """Each is right, and says only what it is about."""
    assert list(profiles()) == ["paper", "replay", "sim"]
    assert load_config(profiles()["sim"]) == Config()
    replay = load(profiles()["replay"], environment=FEED).config
    assert (replay.run.feed, replay.run.speed) == ("lobster:x.zip", "max")
    paper = load(profiles()["paper"], environment={}).config
    assert paper.risk.loss_quote > 0
    assert paper.risk.position_lots < Config().risk.position_lots
    assert paper.latency.order_ns_min > Config().latency.order_ns_max


def test_the_variables_of_a_profile_are_no_slip_with_another() -> None:
    """`export HFT_FEED_FILE=...` is not to stop `make run`."""
    for path in profiles().values():
        referred = {name for name in names(path.read_text()) if name.startswith("HFT_")}
        assert referred <= set(OTHERS)


def test_a_file_goes_before_a_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of that name doesn't."""
    monkeypatch.chdir(tmp_path)
    Path("sim").write_text("")
    Path("replay").mkdir()
    assert find("sim") == Path("sim")
    assert find("replay").name == "replay.toml"
    assert find("./paper") == Path("paper")
    with pytest.raises(ConfigError, match=r"^--config: is neither"):
        find("none", "--config")
