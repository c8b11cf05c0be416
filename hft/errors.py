"""The exceptions of hft, and how a command ends with one.

    HftError
    ├── UserError            what the person at the command got wrong: one line, exit code 2
    │   ├── ConfigError      a setting, whether of a file, the environment or the command line
    │   │   └── ConfigErrors several of them: one line each
    │   ├── FeedError        a feed, or the file that it reads
    │   ├── InstrumentError  a price, quantity or amount that its instrument can't express
    │   ├── JournalError     a journal file
    │   ├── StrategyError    a person's own strategy, as it is loaded
    │   ├── SegmentError     shared memory that can't be made
    │   └── AttachError      a shared-memory segment that isn't there, or isn't what it should be
    └── FatalError           the state can't be trusted: the process ends and is restarted

An order that the engine or the risk gate refuses is no exception but a report with its `Reason`.
"""

import functools
import os
import select
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ParamSpec

__all__ = [
    "EXIT_USER_ERROR",
    "AttachError",
    "ConfigError",
    "ConfigErrors",
    "FatalError",
    "FeedError",
    "HftError",
    "InstrumentError",
    "JournalError",
    "SegmentError",
    "StrategyError",
    "UserError",
    "run_command",
    "words_of",
]

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130  # what a shell reports for SIGINT
EXIT_BROKEN_PIPE = 141  # and for SIGPIPE
VALUE_CHARS_MAX = 60

P = ParamSpec("P")


class HftError(Exception):
    """Every exception that hft raises on purpose."""


class UserError(HftError):
    """What was required, what was found and where, as one line.

    `file`, `member` (of an archive, or a record of a file without lines), `line` (from 1) and
    `field` say where and lead the line; `value` is what was found there and ends it.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | Path | None = None,
        member: str | None = None,
        line: int | None = None,
        field: str | None = None,
        value: object = None,
    ) -> None:
        self.problem, self.value = problem, value
        self.file, self.member, self.line, self.field = file, member, line, field
        numbered = None if line is None else f"line {line}"
        inside = ", ".join(part for part in (member, numbered, field) if part is not None)
        parts = ["" if file is None else str(file), inside, problem]
        text = ": ".join(part for part in parts if part)
        super().__init__(text if value is None else f"{text}, was {clipped(value)}")


class ConfigError(UserError):
    """A configuration file is missing or unreadable, or a setting says something impossible."""


class ConfigErrors(ConfigError):
    """All that is wrong with a configuration; `errors` are the single ones, in their order."""

    def __init__(self, errors: Iterable[UserError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(map(one_line, self.errors)))

    def __reduce__(self) -> tuple[type["ConfigErrors"], tuple[tuple[UserError, ...]]]:
        return type(self), (self.errors,)


class FeedError(UserError):
    """A feed is unknown, or its file is missing, damaged, or not what its format requires."""


class InstrumentError(UserError):
    """A price, quantity or amount is off its instrument's grid or outside 64 bits."""


class JournalError(UserError):
    """A journal can't be read."""


class StrategyError(UserError):
    """A strategy's file can't be imported, or what is in it can't trade."""


class SegmentError(UserError):
    """Shared memory can't be made."""


class AttachError(UserError):
    """A shared-memory segment is missing, too small, or of another layout."""


class FatalError(HftError):
    """An invariant is broken: go no further with this state."""


def one_line(error: UserError) -> str:
    """The error's text, whatever line ends a name or a value of the user brought in."""
    return " ".join(str(error).splitlines())


def clipped(value: object) -> str:
    """The value as an error shows it: text quoted, and nothing longer than a line can bear."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= VALUE_CHARS_MAX else text[: VALUE_CHARS_MAX - 3] + "..."


def words_of(error: BaseException) -> str:
    """Any exception in one line, such as one of a person's own code."""
    try:
        said = str(error)
    except Exception:  # its own, of a class of that code
        said = "an exception without a text"
    return " ".join(f"{type(error).__name__}: {said}".split())


def run_command(main: Callable[P, int]) -> Callable[P, int]:
    """Decorate the `main` of a `python -m hft.X`: it returns the exit code, whatever happens.

    A UserError becomes `hft.X: error: <one line>` on stderr (ConfigErrors: a line for each) and 2,
    never a traceback; so does a stdout on a full disk. Output whose reader left (`| head`) and
    Ctrl-C end it quietly. Other exceptions are defects and pass.
    """

    @functools.wraps(main)
    def command(*args: P.args, **kwargs: P.kwargs) -> int:
        open_streams()
        try:
            code = main(*args, **kwargs)
            sys.stdout.flush()
        except UserError as error:
            for each in error.errors if isinstance(error, ConfigErrors) else (error,):
                print(f"{command_name(main)}: error: {one_line(each)}", file=sys.stderr)
            return EXIT_USER_ERROR
        except BrokenPipeError:
            if not stdout_is_broken():
                raise  # some other pipe or socket
            return EXIT_BROKEN_PIPE
        except OSError as error:
            if not stdout_is_full():
                raise  # some other file
            print(f"{command_name(main)}: error: stdout: {error.strerror}", file=sys.stderr)
            return EXIT_USER_ERROR
        except KeyboardInterrupt:
            return EXIT_INTERRUPTED
        return code

    return command


def command_name(main: Callable[..., int]) -> str:
    """The name after `python -m`, which `__module__` hides behind `__main__`."""
    spec = getattr(sys.modules.get(main.__module__), "__spec__", None)
    name = main.__module__ if spec is None else str(spec.name)
    return name.removesuffix(".__main__")


def stdout_is_broken() -> bool:
    """Whether the reader of stdout left; if so, what stdout still holds goes nowhere."""
    stdout = sys.stdout.fileno()
    poll = select.poll()
    poll.register(stdout, 0)
    if not any(event & select.POLLERR for _, event in poll.poll(0)):
        return False
    silence_stdout()
    return True


def stdout_is_full() -> bool:
    """Whether stdout can't take another line; if so, what it still holds goes nowhere."""
    try:
        print(flush=True)
    except OSError:
        silence_stdout()
        return True
    return False


def silence_stdout() -> None:
    """Let what is written from now on go nowhere: the interpreter flushes once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def open_streams() -> None:
    """Open the streams that we were started without (`>&-`), lest a file of ours becomes one."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)
    if sys.stdout is None:
        sys.stdout = open(1, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w")  # noqa: SIM115
