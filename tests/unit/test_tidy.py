"""Rules about the source that no linter has."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {
    str(path.relative_to(ROOT)): path
    for folder in ("hft", "ext", "tests", "tools", "bench")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".pyi", ".pyx", ".pxd", ".sh", ".c", ".h"} and not path.is_symlink()
}
EXT = {name: path for name, path in SOURCES.items() if name.startswith("ext/")}
PYTHON = {name: path for name, path in SOURCES.items() if re.match(r"hft/.*\.pyi?$", name)}

# A module may import its own layer and those below it. The last one is the package itself.
LAYERS = [
    {"launch", "display", "status", "control", "journal", "decisions", "replay", "run", "report"},
    {"latency"},
    {"attach"},
    {"monitor"},
    {"nodes"},
    {"strategies", "feeds", "oms"},
    {"runtime"},
    {"instruments", "commands", "config", "arguments", "own_code", "errors"},
    {"core"},
    {""},
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")  # in halves, to pass itself
OTHER_CLOCK = re.compile(
    r"\btime\.(time|monotonic|perf_counter)|\b(clock_gettime|gettimeofday|rdtscp?)\b"
    r"|\bdatetime\.(now|utcnow)"
)


def each(sources):
    return pytest.mark.parametrize("path", sources.values(), ids=sources.keys())


@each(SOURCES)
def test_file_is_short_and_finished(path):
    """A file can be read in one go, on one screen's width, and promises nothing."""
    lines = path.read_text().splitlines()
    assert len(lines) <= 600
    for number, line in enumerate(lines, 1):
        assert len(line) <= 100, f"line {number}"
        assert not UNFINISHED.search(line), f"line {number}"


@each(EXT)
def test_time_comes_from_ext_clock(path):
    """A simulation can only replace the clock if there is one."""
    if path.stem != "clock":
        assert not OTHER_CLOCK.search(path.read_text())


@each(PYTHON)
def test_imports_point_down(path):
    """The layers of hft/ can be read, and tested, from the bottom up."""
    parts = path.relative_to(ROOT).with_suffix("").parts[1:]
    # A command may use everything; nobody imports one.
    layer = "launch" if parts[-1] == "__main__" else component(parts)
    for imported in imports(path):
        target = component(imported[1:])
        assert RANK[layer] <= RANK[target], f"{layer} imports {'.'.join(imported)}"


def component(parts):
    """The folder or module directly in hft/, which must have a layer; '' is hft itself."""
    name = parts[0] if parts and parts[0] != "__init__" else ""
    assert name in RANK, f"give hft/{name} a layer in {Path(__file__).name}"
    return name


def imports(path):
    """Yield the parts of each imported name of hft."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            # Of hft itself, what is imported are its components.
            names = [f"hft.{a.name}" for a in node.names] if node.module == "hft" else [node.module]
        for name in names:
            if name.split(".")[0] == "hft":
                yield name.split(".")
