"""The cores of a NUMA node, as the kernel lists them, and keeping to them."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from hft.config.load import load
from hft.errors import ConfigError
from hft.launch import place_all
from hft.runtime import numa
from hft.runtime.numa import cores_of, keeping_to, node_cores, node_of
from hft.runtime.topology import EDGES, place


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with the nodes 0, 2 and 10."""
    for node, cores in (("0", "0-3,8\n"), ("2", "4-7\n"), ("10", "\n")):
        (tmp_path / f"node{node}").mkdir()
        (tmp_path / f"node{node}" / "cpulist").write_text(cores)
    monkeypatch.setattr(numa.node_cores, "__defaults__", (tmp_path,))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(10)))
    return tmp_path


@pytest.mark.parametrize(
    ("text", "cores"),
    [("0-3,8\n", {0, 1, 2, 3, 8}), ("5", {5}), ("\n", set()), ("0,2-2", {0, 2})],
)
def test_lists_of_the_kernel(text: str, cores: set[int]) -> None:
    assert cores_of(text) == cores


def test_a_node_that_is_not_there_names_those_that_are(nodes: Path, tmp_path: Path) -> None:
    assert node_cores(2) == {4, 5, 6, 7}
    with pytest.raises(ConfigError, match=r"must be a NUMA node of this host \(0, 2, 10\), was 1"):
        node_cores(1)
    with pytest.raises(ConfigError, match="must be unset: this host shows no NUMA nodes, was 0"):
        node_cores(0, tmp_path / "none")


def places(**environment: str) -> list[int | None]:
    """The cores of the processes, but the recorder's."""
    return [each.core for each in place_all(load(environment=environment)).processes[:-1]]


def test_the_run_keeps_to_the_cores_of_its_node(nodes: Path) -> None:
    """Those that are named, or the first of it."""
    assert places(HFT_NUMA_NODE="2") == [4, 5, 6, 7]
    assert places(HFT_NUMA_NODE="2", HFT_CPU_AFFINITY="7,4") == [7, 4]
    assert places(HFT_NUMA_NODE="0", HFT_CPU_AFFINITY="8") == [8]


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"HFT_NUMA_NODE": "1"}, "HFT_NUMA_NODE: must be a NUMA node of this host (0, 2, 10), was"),
        ({"HFT_NUMA_NODE": "10"}, "HFT_NUMA_NODE: must have a core that this host lets us use"),
        (
            {"HFT_NUMA_NODE": "2", "HFT_CPU_AFFINITY": "4,3"},
            "HFT_CPU_AFFINITY: must be cores of NUMA node 2 (4,5,6,7), was '4,3'",
        ),
    ],
)
def test_cores_of_another_node_are_refused(
    nodes: Path, environment: dict[str, str], problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        places(**environment)
    assert str(caught.value).startswith(problem)


def test_the_node_of_a_core(nodes: Path, tmp_path: Path) -> None:
    """None where there is nothing to choose: no core, no such core, or a single node."""
    found = [node_of(core, tmp_path) for core in (0, 8, 5, 9, None)]
    assert found == [0, 0, 2, None, None]
    for node in ("2", "10"):
        (tmp_path / f"node{node}" / "cpulist").unlink()
        (tmp_path / f"node{node}").rmdir()
    assert node_of(0, tmp_path) is None


def test_a_ring_is_near_its_reader() -> None:
    """Near its writer if the reader has no core; launch keeps to that node while it makes it."""
    placement = place([4, 5, 6, 7], range(10), separate=False, strict=False)
    cores = {edge.name: placement.memory_core(edge) for edge in EDGES}
    assert cores == {
        "market_flow": 7, "market_data": 5, "reports": 6, "intents": 6, "orders": 7, "refusals": 5,
        "records": 7, "refusal_records": 6, "tape": 7,
    }  # fmt: skip


def test_only_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens, the process may use its other cores afterwards."""
    before = os.sched_getaffinity(0)
    monkeypatch.setattr(numa, "node_cores", lambda _: {min(before)})
    inside = ExitStack()
    inside.enter_context(keeping_to(0))
    assert os.sched_getaffinity(0) == {min(before)}
    with pytest.raises(KeyError), inside:
        raise KeyError
    assert os.sched_getaffinity(0) == before
    with keeping_to(None):
        assert os.sched_getaffinity(0) == before
