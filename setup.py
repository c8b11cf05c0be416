"""Build each ext/<name>.pyx as hft.core.<name>; everything else is in pyproject.toml.

HFT_BUILD=trace makes the build that `make coverage` measures: checked, unoptimised. HFT_BUILD=asan
and HFT_BUILD=fuzz (clang) have AddressSanitizer and UndefinedBehaviorSanitizer in. In all three the
engine checks its invariants after every command.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

BUILD = os.environ.get("HFT_BUILD", "release")
TRACE = BUILD == "trace"
SANITIZERS = [
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=undefined",
    "-fno-wrapv",  # Python's own flags define signed overflow, so that it would not be found
    "-fstrict-overflow",
]
# The fuzzer looks for new ways through the engine, not through what checks it.
GUIDE = [
    "-fsanitize=fuzzer-no-link",
    "-fno-sanitize-coverage=trace-cmp",  # its bytes are choices, not the values that are compared
    "-fsanitize-coverage-ignorelist=tests/fuzz/unguided.txt",
]
COMPILE = {
    "release": ["-O3", "-g1", "-fno-plt"],
    "trace": ["-O0"],
    "asan": ["-O1", "-g", "-fno-omit-frame-pointer", *SANITIZERS],
    "fuzz": ["-O2", "-g", *GUIDE, *SANITIZERS],
}
MACROS = {
    "release": [],
    # coverage.py listens to settrace; Cython on 3.13+ would emit to sys.monitoring.
    "trace": [("CYTHON_TRACE_NOGIL", "1"), ("CYTHON_USE_SYS_MONITORING", "0"), ("HFT_AUDIT", "1")],
    "asan": [("HFT_AUDIT", "1")],
    "fuzz": [("HFT_AUDIT", "1")],
}
# GCC inlines the engine's many small functions early enough to simplify what they become.
FASTER = {"engine": ["--param=early-inlining-insns=60"]} if BUILD == "release" else {}
if BUILD not in COMPILE:
    raise SystemExit(f"HFT_BUILD must be one of {', '.join(COMPILE)}, was {BUILD!r}")
FUZZED = {"engine", "engine_api", "pools"}  # what the fuzzer's harness calls
EXT, CORE = Path("ext"), Path("hft/core")
CPUS = os.cpu_count()

# cimport resolves names by package path, so ext/ring.pxd must also be hft/core/ring.pxd; the
# headers for C go with them.
HEADERS = CORE / "include"
HEADERS.mkdir(exist_ok=True)
for source in (*EXT.glob("*.pxd"), *EXT.glob("include/*.h")):
    link = CORE / source.relative_to(EXT)
    if not link.is_symlink():
        link.symlink_to(os.path.relpath(source, link.parent))
for link in (*CORE.glob("*.pxd"), *HEADERS.glob("*.h")):
    if not link.exists():  # its file was renamed or removed
        link.unlink()

extensions = [
    Extension(
        f"hft.core.{pyx.stem}",
        [str(pyx)],
        include_dirs=[str(EXT / "include")],
        depends=[
            "setup.py",
            *(map(str, EXT.glob("include/*.h")) if pyx.stem == "engine_api" else ()),
        ],
        define_macros=MACROS[BUILD],
        extra_compile_args=[*COMPILE[BUILD], *FASTER.get(pyx.stem, [])],
        extra_link_args=SANITIZERS if BUILD in ("asan", "fuzz") else [],
    )
    for pyx in sorted(EXT.glob("*.pyx"))
    if BUILD != "fuzz" or pyx.stem in FUZZED
]

setup(
    ext_modules=cythonize(
        extensions,
        annotate=True,
        nthreads=CPUS,
        build_dir=None if TRACE else "build/cython",  # Cython.Coverage wants the .c by the .pyx
        compiler_directives={
            "language_level": 3,
            "boundscheck": TRACE,
            "wraparound": False,
            "initializedcheck": TRACE,
            "cdivision": True,
            "linetrace": TRACE,
        },
    ),
    options={"build_ext": {"parallel": CPUS}},
)
