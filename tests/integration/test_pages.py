"""docs/orders.md and docs/ring.md: every example runs and prints what stands below it."""

import contextlib
import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from hft.core.segment import Segment, segment_path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = {"orders.md": 15, "ring.md": 5}  # and at least so many examples
RINGS = ("page-there", "page-back")  # of the ring's page
FLAGS = re.MULTILINE | re.DOTALL
SCRIPT = re.compile(r"^```python (\w+\.py)\n(.*?)^```\n", FLAGS)
EXAMPLE = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", FLAGS)


def printed(name: str) -> list[tuple[str, str, str]]:
    """Each example, what the page says that it prints, and what it prints."""
    names: dict[str, Any] = {}
    found = []
    for code, expected in EXAMPLE.findall((DOCS / name).read_text()):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile(code, name, "exec"), names)
        found.append((code, expected, output.getvalue()))
    return found


@pytest.mark.parametrize("name", PAGES)
def test_the_examples_print_what_the_page_says(name: str) -> None:
    """A reader who types them in sees the same."""
    examples = printed(name)
    assert len(examples) >= PAGES[name]
    for code, expected, output in examples:
        assert output == expected, code


def test_the_cython_example_is_what_cython_takes(tmp_path: Path) -> None:
    """With every warning an error: names, types and signatures are those of ext/ring.pxd."""
    example = re.search(r"^```cython\n(.*?)^```", (DOCS / "ring.md").read_text(), FLAGS)
    assert example is not None
    source = tmp_path / "forward.pyx"
    source.write_text(example[1])
    command = [sys.executable, "-m", "cython", "-3", "-Werror", "-Wextra", "-I", ROOT, source]
    subprocess.run(command, check=True, timeout=60)


def test_two_processes_play_as_the_ring_page_says(tmp_path: Path) -> None:
    """Its two scripts, pong first, bring out what they say, and leave no ring behind."""
    scripts = dict(SCRIPT.findall((DOCS / "ring.md").read_text()))
    assert set(scripts) == {"pong.py", "ping.py"}
    for name, text in scripts.items():
        (tmp_path / name).write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        with subprocess.Popen([sys.executable, tmp_path / "pong.py"], env=environment) as pong:
            try:
                until = time.monotonic() + 30
                while not all(segment_path(ring) for ring in RINGS):
                    assert pong.poll() is None
                    assert time.monotonic() < until
                    time.sleep(0.01)
                ping = subprocess.run(
                    [sys.executable, tmp_path / "ping.py"],
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=True,
                    timeout=40,
                )
                assert pong.wait(20) == 0
            finally:
                pong.kill()
        assert re.fullmatch(r"10000 round trips, \d+ ns each\n", ping.stdout)
        assert not any(segment_path(ring) for ring in RINGS)
    finally:
        for ring in RINGS:
            Segment.unlink(ring)
