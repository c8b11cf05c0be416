"""Inputs that the fuzzer found, or nearly: the engine answers each as the reference does.

Files of tests/fuzz/regressions are raw inputs of tests/fuzz/decode.h; `python -m tools.sanitized
replay FINDING --keep NAME` makes one. `make fuzz` gives what it kept in a folder of its own.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from hft.core import MatchingEngine
from hft.core.messages import COMMAND
from tests.fuzz.seeds import INSTRUMENTS, raw_input
from tests.reference.engine import ReferenceEngine
from tests.reference.fast import FastEngine
from tests.reference.wire import slots

FOLDER = os.environ.get("HFT_FINDINGS") or Path(__file__).parents[1] / "fuzz/regressions"
REGRESSIONS = sorted(Path(FOLDER).glob("*"))


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.name)
def test_a_finding_stays_fixed(path):
    """Command by command: the reference's answers, orders and hash, and no invariant broken."""
    orders, listed, market_data, stream = raw_input(path.read_bytes())
    fast = FastEngine(INSTRUMENTS, orders, listed, market_data)
    slow = ReferenceEngine(INSTRUMENTS, orders, listed, market_data)
    for command, options in slots(stream):
        assert fast.process(command, options) == slow.process(command, options)
        assert fast.orders() == slow.orders()
        assert fast.state_hash() == slow.state_hash()
        assert fast.engine.check() == 0


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.name)
def test_a_finding_in_one_batch_gives_what_single_commands_give(path):
    """A batch of all changes neither answers nor state."""
    orders, listed, market_data, stream = raw_input(path.read_bytes())
    singly, whole = (MatchingEngine(INSTRUMENTS, orders, listed, market_data) for _ in range(2))
    answers = [
        singly.process_all(np.array([command] if options is None else [command, options], COMMAND))
        for command, options in slots(stream)
    ]
    assert whole.process_all(stream).tobytes() == b"".join(each.tobytes() for each in answers)
    assert whole.state_hash() == singly.state_hash()
