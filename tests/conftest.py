"""What every test may use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Recorded market data. Without it a test is skipped; in CI, where it must be, it fails."""
    path = Path(os.environ.get("HFT_DATA") or ROOT.parent / "shared/data")
    if not path.is_dir():
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"no recorded data in {path}; set HFT_DATA")
    return path
