"""Each stub of hft/core declares what its compiled module has, no more and no less."""

import ast
import enum
import importlib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.stem for path in (ROOT / "ext").glob("*.pyx"))


def public(names):
    return {name for name in names if not name.startswith("_")}


def names_in(module):
    """`__all__`, or else the public names that the module didn't import."""
    if hasattr(module, "__all__"):
        return set(module.__all__)
    return {
        name
        for name in public(vars(module))
        if not isinstance(getattr(module, name), ModuleType)
        and getattr(getattr(module, name), "__module__", None) in (module.__name__, None)
    }


def names_in_class(cls):
    if issubclass(cls, enum.Enum):
        return {(name, int(member)) for name, member in cls.__members__.items()}
    return public(vars(cls))


def declarations(body):
    """Name -> the statement that declares it."""
    names = {}
    for statement in body:
        match statement:
            case (
                ast.FunctionDef(name=name)
                | ast.ClassDef(name=name)
                | ast.AnnAssign(target=ast.Name(id=name))
                | ast.Assign(targets=[ast.Name(id=name)])
            ):
                names[name] = statement
    return {name: names[name] for name in public(names)}


@pytest.mark.parametrize("name", MODULES)
def test_stub_declares_what_the_module_has(name):
    module = importlib.import_module(f"hft.core.{name}")
    stub = declarations(ast.parse((ROOT / f"hft/core/{name}.pyi").read_text()).body)
    assert set(stub) == names_in(module)

    for cls in (getattr(module, n) for n, node in stub.items() if isinstance(node, ast.ClassDef)):
        declared = declarations(stub[cls.__name__].body)
        if issubclass(cls, enum.Enum):
            declared = {(item, node.value.value) for item, node in declared.items()}
        assert set(declared) == names_in_class(cls), cls.__name__
