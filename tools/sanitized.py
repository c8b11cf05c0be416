"""The engine under AddressSanitizer and UndefinedBehaviorSanitizer: its tests, and a fuzzer.

    python -m tools.sanitized asan [pytest's arguments]
    python -m tools.sanitized fuzz [--runs N] [libFuzzer's arguments]
    python -m tools.sanitized replay FILE [--keep NAME]

The builds are in directories of their own, with a copy of the package; the one in place isn't
touched. `asan` needs gcc, the others clang with its runtime. A finding ends with status 1.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from subprocess import PIPE

from tools.embed import include_flags, link_flags

ROOT = Path(__file__).parents[1]
FUZZ = ROOT / "build/fuzz"
FINDINGS = FUZZ / "findings"
HARNESS = ROOT / "tests/fuzz"
REGRESSIONS = HARNESS / "regressions"
RUNS = 10_000_000
LONGEST = 242  # bytes of an input: 20 commands
GUIDED = ("-fsanitize=fuzzer,address,undefined", "-fno-sanitize-coverage=trace-cmp")
CLANG_MISSING = (
    "error: the fuzzer needs clang and its runtime: apt-get install clang libclang-rt-dev"
)
ASAN_MISSING = "error: gcc has no libasan or libubsan: apt-get install gcc libc6-dev"
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0",  # Python leaves much behind on purpose
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "OPENBLAS_NUM_THREADS": "1",
}
TESTS = (
    *("tests/unit/test_engine_*.py", "tests/unit/test_book_view.py", "tests/unit/test_ring.py"),
    *("tests/unit/test_histogram.py", "tests/unit/test_journal.py", "tests/unit/test_risk.py"),
    *("tests/unit/test_segment.py", "tests/unit/test_sources.py", "tests/unit/test_fusion.py"),
    *("tests/property/test_engine.py", "tests/property/test_instruments.py"),
)


def build(kind: str, **environment: str) -> Path:
    """The package with the sanitized modules in place of the others; its parent folder."""
    made, package = ROOT / "build" / kind, ROOT / "build" / kind / "lib"
    subprocess.run(
        [
            *(sys.executable, "setup.py", "--quiet", "build_ext"),
            *("--build-lib", str(made / "ext"), "--build-temp", str(made / "temp")),
        ],
        cwd=ROOT,
        env={**os.environ, "HFT_BUILD": kind, **environment},
        check=True,
    )
    shutil.rmtree(package, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__", "*.pxd")
    shutil.copytree(ROOT / "hft", package / "hft", ignore=ignored)
    for module in (made / "ext/hft/core").glob("*.so"):
        shutil.copy2(module, package / "hft/core")
    return package


# The tests


def preloaded() -> str:
    """The runtimes, which must come before what Python brings."""
    names = ("libasan.so", "libubsan.so", "libstdc++.so.6")
    gcc = shutil.which("gcc")
    found = [
        subprocess.check_output([gcc, f"-print-file-name={name}"], text=True).strip()
        for name in names
        if gcc
    ]
    if not all(os.path.isabs(path) for path in found[:2]) or not found:
        raise SystemExit(ASAN_MISSING)
    return " ".join(path for path in found if os.path.isabs(path))


def run_tests(arguments: Sequence[str]) -> int:
    runtimes = preloaded()
    package = build("asan")
    tests = [str(path) for pattern in TESTS for path in sorted(ROOT.glob(pattern))]
    command = [
        *(sys.executable, "-m", "pytest", "--quiet", "--capture=sys", "-p", "no:cacheprovider"),
        *("-o", f"pythonpath={package} {ROOT}", "-o", "timeout=600"),
        *(arguments or tests),
    ]
    checked = {"LD_PRELOAD": runtimes, "PYTHONMALLOC": "malloc", "PYTHONDONTWRITEBYTECODE": "1"}
    environment = {**os.environ, **SANITIZER_OPTIONS, **checked}
    return subprocess.run(command, cwd=ROOT, env=environment).returncode


# The fuzzer


def fuzzer_missing() -> str | None:
    """None, or what to install."""
    clang = shutil.which("clang")
    if clang is None:
        return CLANG_MISSING
    FUZZ.mkdir(parents=True, exist_ok=True)
    nothing = b"int LLVMFuzzerTestOneInput(const char *a, unsigned long b) { return a && b && 0; }"
    tried = subprocess.run(
        [clang, *GUIDED, "-xc", "-", "-o", str(FUZZ / "nothing")],
        input=nothing,
        capture_output=True,
    )
    return None if tried.returncode == 0 else CLANG_MISSING


def build_fuzzer() -> tuple[Path, dict[str, str]]:
    """The harness, and the environment in which it finds its engine."""
    missing = fuzzer_missing()
    if missing:
        raise SystemExit(missing)
    package = build("fuzz", CC="clang", LDSHARED="clang -shared")
    program = FUZZ / "engine_fuzz"
    flags = ("-O2", "-g", "-Wall", "-Wextra", "-Werror", "-rdynamic", *GUIDED)
    headers = (f"-I{ROOT / 'ext/include'}", *include_flags())
    subprocess.run(
        [
            *("clang", *flags, "-fno-sanitize-recover=undefined", *headers),
            *(str(HARNESS / "engine_fuzz.c"), "-o", str(program), *link_flags()),
        ],
        check=True,
    )
    paths = os.pathsep.join([str(package), *filter(os.path.isabs, sys.path)])
    return program, {**os.environ, **SANITIZER_OPTIONS, "PYTHONPATH": paths}


def fuzz(runs: int, arguments: Iterable[str] = (), corpus: Path = FUZZ / "corpus") -> int:
    program, environment = build_fuzzer()
    seeds = FUZZ / "seeds"
    subprocess.run([sys.executable, "-m", "tests.fuzz.seeds", str(seeds)], cwd=ROOT, check=True)
    for folder in (corpus, FINDINGS):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(FINDINGS.iterdir())
    options = {"runs": runs, "max_len": LONGEST, "entropic": 0, "print_final_stats": 1}
    options["artifact_prefix"] = f"{FINDINGS}/"
    status = subprocess.run(
        [
            *(str(program), *(f"-{name}={value}" for name, value in options.items())),
            *(*arguments, str(corpus), str(seeds)),
        ],
        env=environment,
    ).returncode
    for finding in sorted(set(FINDINGS.iterdir()) - before):
        path = finding.relative_to(ROOT)
        print(f"found: {path}\nagain: python -m tools.sanitized replay {path}")
        print(f"as a test: python -m tools.sanitized replay {path} --keep NAME")
    return 1 if status else 0


def replay(inputs: Iterable[Path], folder: Path) -> int:
    """Run single inputs and write each as a raw one into a folder."""
    program, environment = build_fuzzer()
    folder.mkdir(parents=True, exist_ok=True)
    environment["HFT_FUZZ_RAW"] = str(folder)
    done = subprocess.run([str(program), *map(str, inputs)], env=environment, stderr=PIPE)
    if done.returncode:
        sys.stderr.buffer.write(done.stderr)
    return 1 if done.returncode else 0


def keep(finding: Path, name: str | None) -> int:
    """Run a finding, having kept it as a regression if it has a name."""
    with tempfile.TemporaryDirectory() as folder:
        status = replay([finding], Path(folder))
        for raw in Path(folder).iterdir():
            if name:
                shutil.copy(raw, REGRESSIONS / name)
    return status


def compare(inputs: Sequence[Path]) -> int:
    """Whether what the fuzzer kept is answered as the reference engine does."""
    folder = FUZZ / "raw"
    shutil.rmtree(folder, ignore_errors=True)
    status = replay(inputs, folder)
    command = [sys.executable, "-m", "pytest", "--quiet", "tests/unit/test_engine_findings.py"]
    environment = {**os.environ, "HFT_FINDINGS": str(folder)}
    return status or subprocess.run(command, cwd=ROOT, env=environment).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description="The engine under sanitizers.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    kinds.add_parser("asan", help="run the engine's tests")
    fuzzing = kinds.add_parser("fuzz", help="look for inputs that break it")
    fuzzing.add_argument("--runs", type=int, default=RUNS)
    replaying = kinds.add_parser("replay", help="run one input")
    replaying.add_argument("file", type=Path)
    replaying.add_argument("--keep", metavar="NAME", help="also keep it in tests/fuzz/regressions")
    arguments, rest = parser.parse_known_args()
    if arguments.kind == "asan":
        return run_tests(rest)
    if arguments.kind == "fuzz":
        return fuzz(arguments.runs, rest) or compare(sorted((FUZZ / "corpus").iterdir()))
    return keep(arguments.file, arguments.keep)


if __name__ == "__main__":
    sys.exit(main())
