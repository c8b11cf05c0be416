"""The fuzzer's harness compiles, runs some thousand inputs, and tells when something is wrong."""

from pathlib import Path

import pytest

from tests.fuzz.seeds import raw_input, seeds
from tools import sanitized

pytestmark = pytest.mark.timeout(600)  # of which most is for compiling the engine, once


@pytest.fixture(scope="module", autouse=True)
def fuzzer() -> None:
    missing = sanitized.fuzzer_missing()
    if missing:
        pytest.skip(missing)


def test_some_thousand_inputs_break_nothing(tmp_path: Path) -> None:
    """From the seeds on, guided: what `make fuzz` does for long."""
    assert sanitized.fuzz(10_000, ["-seed=1", "-verbosity=0"], corpus=tmp_path) == 0


def test_a_kept_input_is_the_seed_decoded(tmp_path: Path) -> None:
    """What decode.h reads from a seed are commands like those of the stream that it was made of."""
    data = next(seeds())
    seed, kept = tmp_path / "seed", tmp_path / "kept"
    seed.write_bytes(data)
    assert sanitized.replay(seed, str(kept)) == 0
    orders, listed, market_data, stream = raw_input(kept.read_bytes())
    again = tmp_path / "again"
    assert sanitized.replay(kept, str(again)) == 0
    assert again.read_bytes() == kept.read_bytes()
    assert (orders, listed, market_data) == raw_input(bytes([data[0] | 1, 0]))[:3]
    assert len(stream) > 20
