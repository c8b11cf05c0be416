"""Two processes at a ring that are stopped, killed and started again: every message, every word."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORES = sorted(os.sched_getaffinity(0))
APART = f"{CORES[0]},{CORES[-1]}"
TOGETHER = f"{CORES[0]},{CORES[0]}"

pytestmark = pytest.mark.timeout(300)  # of which most is for compiling, once


def storm(messages, policy, cores, capacity, pause_s):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.storm", "--messages", str(messages)),
            *("--policy", policy, "--cores", cores, "--capacity", str(capacity)),
            *("--pause", str(pause_s), "--seed", os.environ.get("HFT_SEED", "1")),
        ],
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.stdout, done.stderr
    seen = json.loads(done.stdout)
    assert (done.returncode, seen["fault"], seen["statuses"]) == (0, "none", [0, 0]), seen
    assert seen["published"] == seen["taken"] == messages
    assert policy == "drop" or seen["lost"] == 0
    print(done.stdout)
    return seen


@pytest.mark.parametrize(("cores", "capacity"), [(APART, 1024), (APART, 16384), (TOGETHER, 16384)])
@pytest.mark.parametrize("policy", ["wait", "drop"])
def test_kills_and_stalls_do_no_harm(policy, cores, capacity):
    """Millions of messages, each whole and in its place; what is dropped is counted exactly."""
    storm(10_000_000, policy, cores, capacity, 0.05)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("cores", [APART, TOGETHER])
@pytest.mark.parametrize("policy", ["wait", "drop"])
def test_kills_and_stalls_do_no_harm_to_a_billion(policy, cores):
    seen = storm(1_000_000_000, policy, cores, 65536, 1)
    assert min(seen["kills"]) > 0
