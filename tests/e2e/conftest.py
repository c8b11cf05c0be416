"""Started systems, and that nothing of them is left behind."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.e2e.system")

from tests.e2e.system import FOLDED, System, processes, segments  # noqa: E402

Start = Callable[..., System]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts systems in tmp_path. At the end of the test none of it may be left."""
    started: list[System] = []

    def start(*arguments: str, instance: str | None = None) -> System:
        started.append(System(tmp_path, *arguments, instance=instance))
        return started[-1]

    yield start
    left = {each.instance: (processes(each.instance), segments(each.instance)) for each in started}
    for each in started:
        each.clear()
    assert [found for found in left.values() if found != ([], [])] == []


@dataclass(frozen=True)
class Day:
    """A finished run of a recorded day."""

    feed: str
    system: System
    report: dict[str, Any]


@pytest.fixture(scope="session")
def amzn_day(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """AMZN's day with five levels, folded, as fast as it goes."""
    feed = f"lobster:{data_dir}/lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"
    folder = tmp_path_factory.mktemp("amzn")
    system = System(folder, *FOLDED, "--feed", feed, "--speed", "max", "--report", "report.json")
    try:
        system.finish()
        system.assert_gone()
    finally:
        system.clear()
    return Day(feed, system, json.loads((folder / "report.json").read_text()))
