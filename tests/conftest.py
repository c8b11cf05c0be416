"""What every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parents[1]


def give_up(reason: str) -> NoReturn:
    """Skip the test; in CI, where nothing may be missing, fail it."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def data_path() -> Path:
    """Where recorded market data are, if they are."""
    return Path(os.environ.get("HFT_DATA") or ROOT.parent / "shared/data")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Recorded market data. Without it a test is skipped; in CI, where it must be, it fails."""
    path = data_path()
    if not path.is_dir():
        give_up(f"no recorded data in {path}; set HFT_DATA")
    return path


@pytest.fixture(autouse=True)
def same_cores() -> Iterator[None]:
    """A test that leaves its process fewer cores would change all that come after it."""
    before = os.sched_getaffinity(0)
    yield
    after = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before)
    assert after == before
