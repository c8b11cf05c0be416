"""Compiles sides.pyx, if it is stale, into build/storm/."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
SOURCE = Path(__file__).with_name("sides.pyx")
TARGET = ROOT / "build/storm"


def load() -> ModuleType:
    built = next(TARGET.glob("sides.*.so"), None)
    inputs = [SOURCE, *(ROOT / "ext").glob("*.pxd")]
    if built is None or built.stat().st_mtime < max(path.stat().st_mtime for path in inputs):
        compile_sides()
    sys.path.insert(0, str(TARGET))
    return importlib.import_module("sides")


def compile_sides() -> None:
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    modules = cythonize(
        [Extension("sides", [str(SOURCE)], extra_compile_args=["-O3", "-g1"])],
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
