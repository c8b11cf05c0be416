"""Command lines: what is wrong with one is said in one line, like every other mistake."""

import argparse
from typing import NoReturn

from hft.errors import ConfigError

__all__ = ["Parser", "seconds"]


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are ConfigErrors; to be used under `run_command`."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(message)

    def add_instance(self) -> None:
        """Add --instance, for commands that look at a run; `chosen_instance` says which."""
        self.add_argument("--instance", metavar="NAME", help="of the run to look at")


def seconds(text: str) -> float:
    """A number of seconds, long enough that looking costs the run nothing."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.05 <= value <= 86_400:
        raise argparse.ArgumentTypeError(f"must be from 0.05 to 86400 seconds, was {text!r}")
    return value
