"""README.md: every shell line, every example and every file in it, as a reader runs them.

The blocks are run in their order, in a copy of the checkout: a block whose first line is `# NAME`,
or that has a name beside its language, is that file; `sh` is run line by line, other Python is run.
`make run` gets Ctrl-C after its first trade; lines about a running system find one.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import data_path, give_up
from tests.e2e.system import LOADED_S, ROOT, new_instance, processes, segments, until

pytestmark = pytest.mark.timeout(2 * LOADED_S)

BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"# ([\w.-]+\.(?:toml|py|pyx))\b.*")
RECORDING = "AMZN.zip"
LONG = {
    f"make {name}" for name in ("bench", "bench-engine", "bench-ring", "bench-pipeline", "docs")
}  # minutes; `make soak` runs them
LONG_S = 1200.0
ELSEWHERE = {"make test"}  # what runs this test
WATCHERS = ("hft.status", "hft.control")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    name: str
    text: str

    @property
    def file(self) -> str | None:
        found = FILE_NAME.match(self.text)
        return found[1] if found else self.name or None

    def lines(self) -> list[str]:
        """The commands of a shell block, without their comments."""
        stripped = (line.partition("  #")[0].strip() for line in self.text.splitlines())
        return [line for line in stripped if line and not line.startswith("#")]


def blocks(page: str) -> list[Block]:
    return [Block(*found) for found in BLOCK.findall((ROOT / page).read_text())]


class Reader:
    """Somebody who follows the page, in a checkout of their own."""

    def __init__(self, folder: Path, instance: str) -> None:
        self.folder = folder
        self.instance = instance
        self.left_out: list[str] = []  # lines that take a recording
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "HFT_RUN_INSTANCE": instance,
            "HFT_TEST_INSTANCE": instance,
            "PATH": f"{folder / '.venv/bin'}:{os.environ['PATH']}",
        }

    def write(self, block: Block) -> None:
        assert block.file is not None
        (self.folder / block.file).write_text(block.text)

    def start(self, command: str) -> "subprocess.Popen[str]":
        # The README's reader has an instance named default; we have one of our own.
        return subprocess.Popen(
            command.replace("/default/", f"/{self.instance}/"),
            shell=True,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str, seconds: float = LOADED_S) -> str:
        process = self.start(command)
        output, _ = process.communicate(timeout=seconds)
        assert process.returncode == 0, f"{command}\n{output}"
        assert "Traceback" not in output
        return output

    def interrupt_after_first_trade(self, command: str) -> None:
        process = self.start(command)
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if re.search(r"[1-9][\d,]* trades", line):
                break
        os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate(timeout=LOADED_S)
        output = "".join(seen) + rest
        # make itself ends by the signal; what it ran has ended as it should.
        assert "fills " in rest, output
        assert "Traceback" not in output

    def watch(self, commands: list[str]) -> None:
        """Run the commands on a running system, which the last of them ends."""
        process = self.start(f"{sys.executable} -m hft.launch")
        assert process.stdout is not None
        for line in process.stdout:
            if re.search(r"[1-9][\d,]* trades", line):
                break
        for command in commands:
            self.run(command)
        output, _ = process.communicate(timeout=LOADED_S)
        assert process.returncode == 0, output

    def follow(self, block: Block) -> None:
        """Do what a shell block says."""
        lines = [line for line in block.lines() if line not in LONG | ELSEWHERE]
        if any(watcher in line for line in lines for watcher in WATCHERS):
            self.watch(lines)
            return
        for line in lines:
            if RECORDING in line and not (self.folder / RECORDING).exists():
                self.left_out.append(line)
                continue
            if line == "make run":
                self.interrupt_after_first_trade(line)
            else:
                self.run(line)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, built, with its virtual environment."""
    if not (ROOT / ".git").exists() or not (ROOT / ".venv").exists():
        give_up("a reader has a git checkout with .venv, as `make test` makes it; this is none")
    folder = tmp_path_factory.mktemp("reader") / "hft"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    core = ROOT / "hft/core"
    built = [
        path.relative_to(ROOT) for suffix in ("so", "pxd") for path in core.glob(f"*.{suffix}")
    ]
    for name in [*filter(None, listed.split("\0")), *built, "build/.built"]:
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


@pytest.fixture
def reader(checkout: Path, request: pytest.FixtureRequest) -> Iterator[Reader]:
    made = Reader(checkout, new_instance())
    recording = data_path() / "lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"
    if recording.exists() and not (checkout / RECORDING).exists():
        (checkout / RECORDING).symlink_to(recording)
    yield made
    left = processes(made.instance)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []
    until(lambda: not segments(made.instance), "the segments to go", 5)


def test_every_line_of_the_readme_works(reader: Reader) -> None:
    for block in blocks("README.md"):
        if block.file:
            reader.write(block)
        elif block.language == "sh":
            reader.follow(block)
        elif block.language == "python":
            (reader.folder / "example.py").write_text(block.text)
            reader.run(f"{sys.executable} example.py")
    if reader.left_out:
        lines = "; ".join(reader.left_out)
        give_up(
            f"all lines ran but those of {RECORDING}, no recorded data in {data_path()}: {lines}"
        )


@pytest.mark.soak
@pytest.mark.timeout(2 * LONG_S)
def test_the_long_lines_of_the_readme_work(reader: Reader) -> None:
    text = (ROOT / "README.md").read_text()
    for line in sorted(LONG):
        assert line in text
        reader.run(line, LONG_S)
