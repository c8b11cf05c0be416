"""A person's own Python file: running it as a module, and where in it an exception came from."""

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

__all__ = ["line_in", "run_file"]


def run_file(path: Path, name: str) -> ModuleType:
    """The file as a module of this name; whatever it raises passes."""
    spec = importlib.util.spec_from_file_location(name, path.absolute())
    assert spec is not None  # the path ends as a module's does
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def line_in(path: Path, error: BaseException) -> int | None:
    """The last line of the file that ran before an exception; None if none of it did."""
    lines = [
        line
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == str(path.absolute())
    ]
    return lines[-1] if lines else None
