"""The distributions hold what a user needs, and a stranger can cimport from the wheel."""

import subprocess
import sys
import sysconfig
import tarfile
import textwrap
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parents[2]
MODULES = [path.stem for path in (ROOT / "ext").glob("*.pyx")]
HEADERS = [path.name for path in (ROOT / "ext/include").glob("*.h")]
PXD = [path.stem for path in (ROOT / "ext").glob("*.pxd")]
PROFILES = [path.stem for path in (ROOT / "config").glob("*.toml")]
SO = sysconfig.get_config_var("EXT_SUFFIX")

DOWNSTREAM = """
from hft.core.messages cimport MESSAGE_SIZE, Command, kind_is_order

def check(kind):
    return sizeof(Command) == MESSAGE_SIZE and kind_is_order(kind)
"""
USE = """
from pathlib import Path

import downstream, hft, hft.core
from hft.config.load import load
from hft.config.profiles import profiles
from hft.core.messages import Kind

print(hft.__file__)
assert Path(hft.core.include_dir(), "hft_engine.h").is_file()
assert set(profiles()) == {PROFILES} and load(profiles()["sim"]).config.run.feed == "sim"
assert downstream.check(Kind.NEW_ORDER) and not downstream.check(Kind.TRADE)
"""


def run(*command, cwd):
    done = subprocess.run(
        command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """A folder with the sdist and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, cwd=ROOT)
    return folder


def test_sdist_holds_sources_only(dist):
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"ext/{name}.pyx" for name in MODULES} <= names
    assert {f"ext/{name}.pxd" for name in PXD} <= names
    assert {f"ext/include/{name}" for name in HEADERS} <= names
    assert {"LICENSE", "README.md", "pyproject.toml", "setup.py"} <= names
    assert not [n for n in names if n.endswith((".so", ".html", ".pyc"))]
    assert not [n for n in names if n.endswith(".c") and not n.startswith("bench/")]
    assert not [n for n in names if n.startswith("hft/core/") and n.endswith((".pxd", ".h"))]


def test_wheel_holds_modules_stubs_and_declarations(dist):
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as archive:
        names = set(archive.namelist())
    core = {name.removeprefix("hft/core/") for name in names if name.startswith("hft/core/")}
    python = {path.name for path in (ROOT / "hft/core").glob("*.py")}
    assert core == {
        *python,
        *(f"{name}{SO}" for name in MODULES),
        *(f"{name}.pyi" for name in MODULES),
        *(f"{name}.pxd" for name in PXD),
        *(f"include/{name}" for name in HEADERS),
    }
    assert "hft/py.typed" in names
    assert {f"hft/config/profiles/{name}.toml" for name in PROFILES} <= names
    assert {name.split("/")[0] for name in names} == {"hft", "hft-0.1.0.dist-info"}


def test_stranger_cimports_from_the_wheel(dist, tmp_path):
    """In a fresh environment; only third-party packages are borrowed from this one."""
    venv.create(tmp_path / "venv", symlinks=True)
    python = tmp_path / "venv/bin/python"
    site = Path(run(python, "-c", "import sysconfig as s; print(s.get_path('purelib'))", cwd="/"))
    wheel = next(dist.glob("*.whl"))
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--quiet")
    run(*pip, wheel, cwd=tmp_path)
    # A site directory, because distutils comes from a .pth file of setuptools since 3.12.
    lender = sysconfig.get_path("purelib")
    (site / "borrowed.pth").write_text(f"import site; site.addsitedir({lender!r})")

    (tmp_path / "downstream.pyx").write_text(textwrap.dedent(DOWNSTREAM))
    cythonize = (python, "-m", "Cython.Build.Cythonize", "--inplace", "-3", "downstream.pyx")
    run(*cythonize, cwd=tmp_path)
    assert run(python, "-c", USE.format(PROFILES=set(PROFILES)), cwd=tmp_path) == str(
        site / "hft/__init__.py"
    )
