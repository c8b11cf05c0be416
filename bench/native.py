"""Compiles what the benchmarks have in C and Cython, if it is stale, into build/bench-native/.

Nothing of it belongs to the package: loops.pyx only reads ext/*.pxd through hft/core, the C files
only the public headers.
"""

import ctypes
import importlib
import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

from support import ROOT

BENCH, EXT = ROOT / "bench", ROOT / "ext"
SOURCE = BENCH / "loops.pyx"
TARGET = ROOT / "build/bench-native"
DRIVER = TARGET / "driver.so"
C_FLAGS = ["-shared", "-fPIC", "-O3", "-g", "-fno-plt", "-std=gnu11", "-Wall", "-Wextra", "-Werror"]


def is_older(built: Path | None, inputs: list[Path]) -> bool:
    """Whether a built file is missing, or older than one of its inputs."""
    if built is None or not built.exists():
        return True
    return built.stat().st_mtime < max(path.stat().st_mtime for path in inputs)


def compile_loops() -> None:
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    extension = Extension(
        "loops",
        [str(SOURCE)],
        include_dirs=[str(BENCH), str(EXT / "include")],
        extra_compile_args=["-O3", "-g1", "-fno-plt"],
    )
    modules = cythonize(
        [extension],
        build_dir=str(TARGET),
        include_path=[str(ROOT)],
        force=True,
        quiet=True,
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "initializedcheck": False,
            "cdivision": True,
        },
    )
    command = Distribution({"ext_modules": modules}).get_command_obj("build_ext")
    command.build_lib = command.build_temp = str(TARGET)
    command.force = True
    command.ensure_finalized()
    command.run()


def load() -> ModuleType:
    """The compiled loops. Workers find what their manager has just built."""
    built = next(TARGET.glob("loops.*.so"), None)
    inputs = [SOURCE, *EXT.glob("*.pxd"), *BENCH.glob("*.h"), *EXT.glob("include/*.h")]
    if "--worker" not in sys.argv and is_older(built, inputs):
        compile_loops()
    if str(TARGET) not in sys.path:
        sys.path.insert(0, str(TARGET))
    return importlib.import_module("loops")


def load_driver() -> ctypes.CDLL:
    """The C files as one library."""
    sources = sorted(BENCH.glob("*.c"))
    if is_older(DRIVER, [*sources, *BENCH.glob("*.h"), *EXT.glob("include/*.h")]):
        TARGET.mkdir(parents=True, exist_ok=True)
        partial = DRIVER.with_suffix(f".{os.getpid()}")
        compiler = shlex.split(sysconfig.get_config_var("CC") or "gcc")
        files = [str(path) for path in sources]
        command = [*compiler, *C_FLAGS, f"-I{EXT / 'include'}", "-o", str(partial), *files, "-lm"]
        subprocess.run(command, check=True)
        partial.rename(DRIVER)
    return ctypes.CDLL(str(DRIVER))
