"""One line for the person at the command, and the exit code that goes with it."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from hft.errors import ConfigError, FatalError, FeedError, HftError, UserError, run_command

SOURCE = """import sys
from hft.errors import UserError, run_command

@run_command
def main() -> int:
    {body}
    return 0

sys.exit(main())
"""


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (UserError("must not be empty"), "must not be empty"),
        (ConfigError("must be above 0", field="qty", value=-1), "qty: must be above 0, was -1"),
        (
            FeedError("must be 1", file=Path("a.zip"), member="m", line=7, field="type", value="x"),
            "a.zip: m, line 7, type: must be 1, was 'x'",
        ),
        (FeedError("is a directory", file="/tmp"), "/tmp: is a directory"),
        (UserError("must be short", value="y" * 99), "must be short, was '" + "y" * 56 + "..."),
    ],
)
def test_error_text_says_where_what_and_value(error: UserError, text: str) -> None:
    assert str(error) == text


def test_errors_survive_the_way_to_another_process() -> None:
    error = FeedError("must be 1", file="a.zip", line=7, value=2)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.line) == (FeedError, str(error), 7)


def test_user_errors_end_a_command_with_2_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    @run_command
    def main() -> int:
        raise UserError("two\nlines")

    assert main() == 2
    assert capsys.readouterr().err == f"{__name__}: error: two lines\n"


def test_other_errors_and_results_pass(capfd: pytest.CaptureFixture[str]) -> None:
    @run_command
    def main(error: Exception | None) -> int:
        if error is not None:
            raise error
        return 3

    assert main(None) == 3
    for error in (FatalError("x"), HftError("x"), ValueError("x"), BrokenPipeError("a socket")):
        with pytest.raises(type(error)):
            main(error)


def test_an_interrupt_ends_a_command_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    @run_command
    def main() -> int:
        raise KeyboardInterrupt

    assert main() == 130
    assert capsys.readouterr() == ("", "")


def run_module(tmp_path: Path, body: str) -> "subprocess.Popen[str]":
    """`python -m tool` with this body of main."""
    (tmp_path / "tool.py").write_text(SOURCE.format(body=body))
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-m", "tool"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def shell(tmp_path: Path, redirected: str) -> "subprocess.CompletedProcess[str]":
    """`python -m tool` as a shell starts it, its streams redirected or closed."""
    return subprocess.run(
        ["sh", "-c", f'exec "$0" -m tool {redirected}', sys.executable],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )


def test_the_line_names_the_module_that_ran(tmp_path: Path) -> None:
    process = run_module(tmp_path, "raise UserError('no')")
    assert process.communicate() == ("", "tool: error: no\n")
    assert process.returncode == 2


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_full_disk_under_stdout_is_one_line(tmp_path: Path, lines: int) -> None:
    (tmp_path / "tool.py").write_text(SOURCE.format(body=f"print('line\\n' * {lines})"))
    done = shell(tmp_path, ">/dev/full")
    assert (done.returncode, done.stderr) == (
        2, "tool: error: stdout: No space left on device\n"
    )  # fmt: skip


@pytest.mark.parametrize("closed", [">&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_command_without_streams_takes_no_file_for_one(tmp_path: Path, closed: str) -> None:
    body = "print('out'); print('err', file=sys.stderr); assert open('made', 'w').fileno() > 2"
    (tmp_path / "tool.py").write_text(SOURCE.format(body=body))
    assert shell(tmp_path, closed).returncode == 0
    assert (tmp_path / "made").read_text() == ""


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_reader_that_leaves_ends_a_command_quietly(tmp_path: Path, lines: int) -> None:
    process = run_module(tmp_path, f"sys.stdin.read(); print('line\\n' * {lines})")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    assert process.communicate()[1] == ""
    assert process.returncode == 141
