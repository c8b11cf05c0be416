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
DOWNSTREAM_ENGINE = """
from libc.stdlib cimport free
from libc.string cimport memset

from hft.core.engine cimport Engine, engine_apply, engine_check, engine_free, engine_init
from hft.core.messages cimport BUY, NEW_ORDER, SELL, SOURCE_SHIFT, TRADE, Message
from hft.core.outbox cimport Outbox

def trade(long price_ticks, long lots):
    \"\"\"Two orders that meet: the kinds of all answers, and what was traded at which price.\"\"\"
    cdef Engine engine
    cdef Outbox out
    cdef Message message
    cdef int number
    memset(&out, 0, sizeof(out))
    engine_init(&engine, 1, 16, 1, 0)
    for number in range(2):
        memset(&message, 0, sizeof(message))
        message.command.header.kind = NEW_ORDER
        message.command.header.sequence = number
        message.command.order_id = (<unsigned long long>1 << SOURCE_SHIFT) + number
        message.command.side = SELL if number == 0 else BUY
        message.command.price_ticks = price_ticks + number
        message.command.qty_lots = lots + number
        with nogil:
            engine_apply(&engine, &message, 1, &out)
    kinds = [out.messages[number].header.kind for number in range(out.count)]
    traded = [(out.messages[number].trade.price_ticks, out.messages[number].trade.qty_lots)
              for number in range(out.count) if out.messages[number].header.kind == TRADE]
    broken = engine_check(&engine)
    engine_free(&engine)
    free(out.messages)
    return kinds, traded, broken
"""
USE = """
from pathlib import Path

import downstream, downstream_engine, hft, hft.core
from hft.config.load import load
from hft.config.profiles import profiles
from hft.core.messages import Kind

print(hft.__file__)
assert Path(hft.core.include_dir(), "hft_engine.h").is_file()
assert set(profiles()) == {PROFILES} and load(profiles()["sim"]).config.run.feed == "sim"
assert downstream.check(Kind.NEW_ORDER) and not downstream.check(Kind.TRADE)
kinds, traded, broken = downstream_engine.trade(100, 5)
assert kinds == [Kind.ACCEPTED, Kind.BOOK_TOP, Kind.ACCEPTED, Kind.TRADE, Kind.FILLED, Kind.FILLED,
                 Kind.BOOK_TOP], kinds
assert traded == [(100, 5)] and broken == 0
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
    assert not [n for n in names if n.endswith(".c") and not n.startswith(("bench/", "tests/"))]
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
    """In a fresh environment: messages, and the engine with an order driven through it.

    Only third-party packages are borrowed from this one.
    """
    venv.create(tmp_path / "venv", symlinks=True)
    python = tmp_path / "venv/bin/python"
    site = Path(run(python, "-c", "import sysconfig as s; print(s.get_path('purelib'))", cwd="/"))
    wheel = next(dist.glob("*.whl"))
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--quiet")
    run(*pip, wheel, cwd=tmp_path)
    # A site directory, because distutils comes from a .pth file of setuptools since 3.12.
    lender = sysconfig.get_path("purelib")
    (site / "borrowed.pth").write_text(f"import site; site.addsitedir({lender!r})")

    modules = {"downstream.pyx": DOWNSTREAM, "downstream_engine.pyx": DOWNSTREAM_ENGINE}
    for name, text in modules.items():
        (tmp_path / name).write_text(textwrap.dedent(text))
    cythonize = (python, "-m", "Cython.Build.Cythonize", "--inplace", "-3", *modules)
    run(*cythonize, cwd=tmp_path)
    assert run(python, "-c", USE.format(PROFILES=set(PROFILES)), cwd=tmp_path) == str(
        site / "hft/__init__.py"
    )
