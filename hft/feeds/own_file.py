"""A feed of the user's own: `--feed MY_FEED.py:ARGUMENT` takes the one Feed that the file defines.

What is wrong with the file, from its syntax to what its feed raises or yields, is a FeedError that
names the file's line: a mistake in it isn't one of hft.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import numpy as np

from hft.core.messages import COMMAND
from hft.errors import FeedError, UserError, words_of
from hft.feeds.base import Commands, Feed, FeedOptions
from hft.instruments import Instrument
from hft.own_code import line_in, run_file

__all__ = ["OwnFeed"]


class OwnFeed(Feed):
    """The feed that a Python file defines, with what it promises checked."""

    def __init__(self, path: Path, argument: str, options: FeedOptions) -> None:
        self.path = path
        found = self.find_class(load(path))
        try:
            self.feed = found(argument, options)
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            blame(path, error)
        self.name = getattr(self.feed, "name", None) or path.name
        self.instruments = getattr(self.feed, "instruments", [])
        self.truth = self.feed.truth
        listed = isinstance(self.instruments, list) and self.instruments
        if not listed or not all(isinstance(each, Instrument) for each in self.instruments):
            self.fail(found, "must set `instruments` to a list of Instrument")

    def find_class(self, module: ModuleType) -> type[Feed]:
        """The one class that is a Feed, with everything that a feed must define."""
        feeds = [
            each
            for each in dict.fromkeys(filter(inspect.isclass, vars(module).values()))
            if issubclass(each, Feed) and each.__module__ == module.__name__
        ]
        if len(feeds) != 1:
            names = ", ".join(each.__name__ for each in feeds) or "none"
            problem = "must define one class that is a Feed (from hft.feeds import Feed)"
            raise FeedError(problem, file=self.path, value=names)
        missing = sorted(getattr(feeds[0], "__abstractmethods__", ()))
        if missing:
            self.fail(feeds[0], f"must define {', '.join(missing)}")
        return feeds[0]

    def fail(self, found: type[Feed], problem: str) -> NoReturn:
        line = inspect.getsourcelines(found)[1]
        raise FeedError(problem, file=self.path, line=line, field=found.__name__)

    def chunks(self) -> Iterator[Commands]:
        last_ts_ns = -(2**63)
        try:
            for commands in self.feed.chunks():
                is_flow = isinstance(commands, np.ndarray) and commands.dtype == COMMAND
                if not is_flow or commands.ndim != 1:
                    problem = "must yield arrays of dtype COMMAND and one dimension from chunks()"
                    self.fail(type(self.feed), problem)
                ts_ns = commands["event_ts_ns"]
                if len(ts_ns):
                    if ts_ns[0] < last_ts_ns or (np.diff(ts_ns) < 0).any():
                        self.fail(type(self.feed), "must yield commands whose times never go back")
                    last_ts_ns = int(ts_ns[-1])
                    yield commands
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            blame(self.path, error)


def load(path: Path) -> ModuleType:
    """The file as a module."""
    location = str(path.absolute())
    try:
        return run_file(path, f"own_feed_{path.stem}")
    except OSError as error:
        if error.filename == location:
            raise FeedError(f"can't be read: {error.strerror}", file=path) from None
        blame(path, error)
    except SyntaxError as error:
        where = path if error.filename in (None, location) else error.filename
        raise FeedError(f"is not Python: {error.msg}", file=where, line=error.lineno) from None
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        blame(path, error)


def blame(path: Path, error: BaseException) -> NoReturn:
    """Raise the FeedError of an exception in the user's file."""
    raise FeedError(words_of(error), file=path, line=line_in(path, error)) from None
