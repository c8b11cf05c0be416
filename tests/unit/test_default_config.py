"""config/default.toml shows every key and its default, and nothing else."""

from pathlib import Path

import msgspec
import tomlkit

from hft.config import Config, load_config

DEFAULT = Path(__file__).parents[2] / "config" / "default.toml"


def test_the_file_of_defaults_is_the_defaults():
    """Who copies a line from config/default.toml changes nothing."""
    assert load_config(DEFAULT) == Config()


def test_the_file_of_defaults_is_complete():
    """A key that is added to the code is added to config/default.toml."""
    shown = tomlkit.parse(DEFAULT.read_text()).unwrap()
    known = msgspec.to_builtins(Config())
    assert {table: set(keys) for table, keys in shown.items()} == {
        table: {key for key, value in keys.items() if value is not None}
        for table, keys in known.items()
    }
