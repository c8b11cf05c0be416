"""The fuzzer's harness compiles, runs some thousand inputs, and tells when something is wrong."""

from pathlib import Path

import numpy as np
import pytest

from hft.core.messages import COMMAND
from tests.fuzz.seeds import PIECE_COMMANDS, STREAM_COMMANDS, raw_input, seeds
from tests.reference.streams import seeded
from tests.reference.wire import slots
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


def test_a_seed_becomes_a_raw_input_that_says_the_same(tmp_path: Path) -> None:
    """A seed has the commands of its piece of a stream; written as a raw input it keeps them."""
    data = next(seeds())
    seed = tmp_path / "seed"
    seed.write_bytes(data)
    assert sanitized.replay([seed], tmp_path / "raw") == 0
    (raw,) = (tmp_path / "raw").iterdir()
    orders, listed, market_data, stream = raw_input(raw.read_bytes())
    assert (orders, listed, market_data) == raw_input(bytes([data[0] | 1, 0]))[:3]
    of_stream = commands_of_seed()
    assert stream["kind"].tolist() == of_stream["kind"].tolist()
    usual = abs(of_stream["price_ticks"] - 100) < 100
    assert usual.sum() > len(stream) / 2
    assert np.array_equal(stream["side"][usual], of_stream["side"][usual])
    assert np.array_equal(stream["price_ticks"][usual], of_stream["price_ticks"][usual])

    assert sanitized.replay([raw], tmp_path / "again") == 0
    (again,) = (tmp_path / "again").iterdir()
    assert again.read_bytes() == raw.read_bytes()


def commands_of_seed() -> np.ndarray:
    pieces = list(slots(seeded(0, STREAM_COMMANDS)))[:PIECE_COMMANDS]
    return np.array([slot for pair in pieces for slot in pair if slot is not None], COMMAND)
