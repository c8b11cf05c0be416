"""Which process runs which nodes, for every list of cores."""

import pytest

from hft.core.control import IdleStrategy
from hft.errors import ConfigError
from hft.runtime.topology import (
    EDGES,
    NODES,
    Placement,
    edge_index,
    node_index,
    place,
    show,
    waits,
)

FOUR = [0, 1, 2, 3]
SPIN, BACKOFF, PARK = IdleStrategy.IDLE_SPIN, IdleStrategy.IDLE_BACKOFF, IdleStrategy.IDLE_PARK


def placed(placement: Placement) -> dict[str, int | None]:
    """The core of each process, named by the nodes in it."""
    return {"+".join(process.nodes): process.core for process in placement.processes}


@pytest.mark.parametrize(
    ("affinity", "host", "expected"),
    [
        (FOUR, FOUR, {"feed": 0, "signal": 1, "risk": 2, "engine": 3}),
        ([3, 1, 0, 2], FOUR, {"feed": 3, "signal": 1, "risk": 0, "engine": 2}),
        ([0, 1, 2], FOUR, {"feed+signal": 0, "risk": 1, "engine": 2}),
        ([0, 1], FOUR, {"feed+signal": 0, "risk+engine": 1}),
        ([5], range(8), {"feed+signal+risk+engine": 5}),
        # What the host lacks is left out.
        (FOUR, [0, 1], {"feed+signal": 0, "risk+engine": 1}),
        (FOUR, [2], {"feed+signal+risk+engine": 2}),
        # A core named again is one core; four names are a node each.
        ([0, 0, 1, 1], FOUR, {"feed+signal": 0, "risk+engine": 1}),
        ([0, 1, 0, 1], FOUR, {"feed+risk": 0, "signal+engine": 1}),
        ([2, 2], FOUR, {"feed+signal+risk+engine": 2}),
    ],
)
def test_nodes_fold_onto_the_cores(
    affinity: list[int], host: list[int], expected: dict[str, int]
) -> None:
    """Neighbours share a core, no node is left out, and folding is said."""
    placement = place(affinity, host, separate=False, strict=False)
    assert placed(placement) == {**expected, "recorder": None}
    folds = len(expected) < 4
    assert len(placement.notes) == folds
    if folds:
        note = placement.notes[0]
        assert note.startswith(f"{len(expected)} of 4 cores to be had: ")
        assert all(f"{names} on core {core}" in note for names, core in expected.items())


@pytest.mark.parametrize("host", [[0], [0, 1], FOUR])
def test_separate_gives_every_node_a_process(host: list[int]) -> None:
    """As many as there are cores have one of their own."""
    placement = place(FOUR, host, separate=True, strict=False)
    assert list(placed(placement)) == ["feed", "signal", "risk", "engine", "recorder"]
    assert {process.core for process in placement.processes} == {*host, None}


@pytest.mark.parametrize(
    ("affinity", "host", "separate", "expected"),
    [
        (FOUR, range(5), False, {SPIN}),
        (FOUR, range(5), True, {SPIN}),
        ([0, 1], range(3), False, {SPIN}),
        # The recorder and launch need a core, too.
        (FOUR, FOUR, False, {BACKOFF}),
        (FOUR, [0, 1], False, {BACKOFF}),
        (FOUR, [0], False, {BACKOFF}),
        (FOUR, FOUR, True, {BACKOFF}),
        # Who shares a core with another process would keep it from running.
        (FOUR, [0, 1], True, {PARK}),
        ([0, 1], range(8), True, {PARK}),
        ([0, 0, 1, 2], range(8), True, {PARK, SPIN}),
    ],
)
def test_a_process_idles_as_its_core_allows(
    affinity: list[int], host: list[int], separate: bool, expected: set[IdleStrategy]
) -> None:
    """By whether it has its core for itself, and whether the free nodes have another one."""
    processes = place(affinity, host, separate=separate, strict=False).processes
    assert {process.idle for process in processes[:-1]} == expected
    assert [waits(process) for process in processes[:-1]] == [
        process.idle in (BACKOFF, PARK) for process in processes[:-1]
    ]
    assert processes[-1].idle == PARK


@pytest.mark.parametrize("idle", ["spin", "yield", "backoff", "park"])
def test_a_person_may_choose_how_the_pinned_nodes_idle(idle: str) -> None:
    """All but the recorder, which has no core; who leaves it none is told so."""
    for host, notes in ((range(5), 0), (FOUR, idle in ("spin", "yield"))):
        placement = place(FOUR, host, separate=False, strict=False, idle=idle)
        strategies = [process.idle for process in placement.processes]
        assert strategies == [IdleStrategy[f"IDLE_{idle.upper()}"]] * 4 + [PARK]
        assert len(placement.notes) == notes


def test_processes_that_share_a_core_must_not_spin() -> None:
    """The one would keep the other from ever giving it something to do."""
    for idle in ("yield", "backoff", "park"):
        place([0, 1], FOUR, separate=True, strict=False, idle=idle)
    with pytest.raises(ConfigError, match=r"^run.idle: must not be spin where .*, was 'spin'$"):
        place([0, 1], FOUR, separate=True, strict=False, idle="spin")


@pytest.mark.parametrize(
    ("affinity", "host", "strict", "problem"),
    [
        ([], FOUR, False, "must be 1 to 4 cores, for feed, signal, risk, engine"),
        ([0, 1, 2, 3, 4], range(8), False, "must be 1 to 4 cores"),
        ([4], FOUR, False, "must name cores that this host lets us use (0,1,2,3), was '4'"),
        (FOUR, [0, 1], True, "must give 4 cores of this host (0,1) with strict_affinity"),
        ([0, 1], FOUR, True, "must give 4 cores"),
        ([0, 0, 1, 2], FOUR, True, "must give 4 cores"),
    ],
)
def test_what_can_not_be_placed_is_refused(
    affinity: list[int], host: list[int], strict: bool, problem: str
) -> None:
    """The error names the option, the rule and what was given."""
    with pytest.raises(ConfigError) as caught:
        place(affinity, host, separate=False, strict=strict)
    assert str(caught.value).startswith("run.affinity: ")
    assert problem in str(caught.value)


def test_strict_is_content_with_four_cores() -> None:
    """Nothing folds, so nothing is wrong."""
    assert place(FOUR, FOUR, separate=False, strict=True).notes == ()


def test_the_graph_is_whole() -> None:
    """Every edge joins two nodes, only the monitor's may drop, and `show` names everything."""
    text = show(place(FOUR, [0, 1], separate=False, strict=False))
    for node in NODES:
        assert NODES[node_index(node.name)] is node
        assert node.name in text
    for edge in EDGES:
        assert EDGES[edge_index(edge.name)] is edge
        assert node_index(edge.producer) != node_index(edge.consumer)
        assert (edge.policy.name == "RING_DROP") == (edge.consumer == "monitor")
        assert edge.capacity_slots & (edge.capacity_slots - 1) == 0
        assert edge.name in text
