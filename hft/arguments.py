"""Command lines: what is wrong with one is said in one line, like every other mistake."""

import argparse
from typing import NoReturn

from hft.errors import ConfigError

__all__ = ["Parser"]


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are ConfigErrors; to be used under `run_command`."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(message)
