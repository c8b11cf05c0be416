"""docs/c_interface.md: its program prints what the page says; the headers are C++, too."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hft.core import include_dir
from tools import embed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/c_interface.md").read_text()
STRICT = ("-Wall", "-Wextra", "-Werror")


def block(language: str) -> str:
    found = re.search(rf"^```{language}\b.*?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def include_flags() -> list[str]:
    return [*embed.include_flags(), f"-I{include_dir()}"]


def run(*command: str, **options: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_s_program_prints_what_the_page_says(tmp_path: Path) -> None:
    source, program = tmp_path / "example.c", tmp_path / "example"
    source.write_text(block("c"))
    assert len(block("c").splitlines()) <= 30
    run(
        "gcc",
        "-std=c99",
        *STRICT,
        str(source),
        "-o",
        str(program),
        *include_flags(),
        *embed.link_flags(),
    )
    paths = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    assert run(str(program), env={**os.environ, "PYTHONPATH": paths}) == block("text")


def test_the_headers_are_c_plus_plus(tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("no C++ compiler")
    source = tmp_path / "header.cpp"
    source.write_text('#include <Python.h>\n#include "hft_engine.h"\n')
    run("g++", "-fsyntax-only", *STRICT, "-Wno-unused-function", str(source), *include_flags())
