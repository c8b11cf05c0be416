"""Configuration files: what is set, and what is said of what is wrong."""

from decimal import Decimal
from pathlib import Path

import pytest

from hft.config import Config, load_config
from hft.errors import ConfigError


def test_without_a_file_all_is_default() -> None:
    """Every key has a default."""
    assert load_config(None) == Config()


def test_a_file_says_only_what_differs(tmp_path: Path) -> None:
    """Decimals are taken as they are written, whether as numbers or as text."""
    path = tmp_path / "c.toml"
    path.write_text('risk.order_lots = 7\n[simulator]\nprice = 0.30\ntick_size = "0.1"\n')
    config = load_config(path)
    assert config.risk.order_lots == 7
    assert config.risk.position_lots == Config().risk.position_lots
    assert (config.simulator.price, config.simulator.tick_size) == (Decimal("0.3"), Decimal("0.1"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[risk]\n\nloss_qoute = 1\n",
            "line 3, risk.loss_qoute: unknown key; did you mean risk.lo",
        ),
        ("[risk]\nzzz = 1\n", "line 2, risk.zzz: unknown key; there are risk."),
        ("[markets]\n", "line 1, markets: unknown key; "),
        ("x = 1\n", "line 1, x: unknown key; there are engine, fusion, "),
        ("journal = 3\n", "line 1, journal: must be a table, was 3"),
        ("[risk\n", "line 1: is not TOML: "),
        ("[risk]\na = 1\na = 2\n", 'is not TOML: Key "a" already exists.'),
        ('[risk]\norder_lots = "x"\n', "line 2, risk.order_lots: expected `int`, got `str`"),
        ("[risk]\norder_lots = 1.5\n", "line 2, risk.order_lots: expected `int`, got `float`"),
        ("[risk]\norder_lots = 0\n", "line 2, risk.order_lots: expected `int` >= 1"),
        ("risk.order_lots = 0\n", "line 1, risk.order_lots: expected `int` >= 1"),
        ("[risk]\nloss_quote = 10000000000000\n", "line 2, risk.loss_quote: expected `int` <= "),
        (
            "[simulator]\nspread_ticks = inf\n",
            "line 2, simulator.spread_ticks: expected `float` <=",
        ),
        ("[simulator]\nspread_ticks = nan\n", "line 2, simulator.spread_ticks: expected `float` >"),
        ('[simulator]\nprice = "1O"\n', "line 2, simulator.price: invalid decimal string"),
        ("[simulator]\nlot_size = -1\n", "line 2, simulator.lot_size: must be a number above 0"),
        (
            "[latency]\norder_ns_max = 1\n",
            "line 2, latency.order_ns_max: must be at least order_ns",
        ),
        ("[risk] # limits\nopen_orders = 0\n", "line 2, risk.open_orders: expected `int` >= 1"),
    ],
)
def test_an_error_says_file_line_key_and_rule(tmp_path: Path, text: str, problem: str) -> None:
    """Whoever reads it needs nothing else to put it right."""
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    """Missing, a folder, not text."""
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    for name, problem in (
        ("none.toml", "can't be read: No such file or directory"),
        ("", "can't be read: Is a directory"),
        ("bytes.toml", "is not a text file in UTF-8"),
    ):
        with pytest.raises(ConfigError) as caught:
            load_config(tmp_path / name)
        assert str(caught.value) == f"{tmp_path / name}: {problem}"
