"""Compiles bench/loops.pyx, if it or what it includes is newer than the last result, into build/.

Nothing of it belongs to the package: it only reads ext/*.pxd through hft/core.
"""

import importlib
import sys
from types import ModuleType

from support import ROOT

SOURCE = ROOT / "bench/loops.pyx"
TARGET = ROOT / "build/bench-native"


def is_stale() -> bool:
    built = list(TARGET.glob("loops.*.so"))
    inputs = [SOURCE, *(ROOT / "ext").glob("*.pxd")]
    newest = max(path.stat().st_mtime for path in inputs)
    return not built or built[0].stat().st_mtime < newest


def compile_loops() -> None:
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    extension = Extension("loops", [str(SOURCE)], extra_compile_args=["-O3", "-g1", "-fno-plt"])
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
    if "--worker" not in sys.argv and is_stale():
        compile_loops()
    if str(TARGET) not in sys.path:
        sys.path.insert(0, str(TARGET))
    return importlib.import_module("loops")
