"""Which cores a run may use: isolated ones are in no mask, but can be asked for."""

import os
from pathlib import Path

import pytest

from hft.runtime.cores import host_cores

NO_CORE = 65_535


def test_isolated_cores_are_found_beside_those_of_the_mask(tmp_path: Path) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("has only one core")
    isolated = tmp_path / "isolated"
    os.sched_setaffinity(0, set(cores[1:]))
    try:
        isolated.write_text(f"{cores[0]},{NO_CORE}\n")
        assert host_cores(isolated) == set(cores)
        assert os.sched_getaffinity(0) == set(cores[1:])
    finally:
        os.sched_setaffinity(0, cores)


@pytest.mark.parametrize("text", [None, "\n"])
def test_without_isolated_cores_it_is_the_mask(tmp_path: Path, text: str | None) -> None:
    isolated = tmp_path / "isolated"
    if text is not None:
        isolated.write_text(text)
    assert host_cores(isolated) == os.sched_getaffinity(0)
