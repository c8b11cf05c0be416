"""What is measured, as data: which node records which latency, each in a row of the control page.

Status, report, `python -m hft.latency` and the nodes themselves follow from this table.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hft.core.control import LATENCIES_MAX, LatencyKind, LatencyPath
from hft.core.messages import Kind
from hft.runtime.topology import EDGES, short_name

__all__ = ["LATENCIES", "Latency"]

# Of the market's messages one of every 1 to 64, of 32.5 on average, is timed: two readings of the
# clock, so 1 to 2 ns an event. The gaps are random, so that no rhythm of the market is taken for
# its speed, and each kind of message has its own, so that a rare one loses nothing to a frequent
# one. Of own commands and their reports, of which there are few, each is timed.
SAMPLED, ALL = 64, 1

FLOW = (Kind.FLOW_ADD, Kind.FLOW_CANCEL, Kind.FLOW_DELETE, Kind.FLOW_EXECUTE, Kind.FLOW_HIDDEN)
REPORTS = tuple(kind for kind in Kind if Kind.ACCEPTED <= kind <= Kind.RESTATED)

# By node: the name of an operation, the kinds of messages that it deals with, and the longest gap.
OPERATIONS: dict[str, dict[str, tuple[tuple[Kind, ...], int]]] = {
    "signal": {
        "book_top": ((Kind.BOOK_TOP,), SAMPLED),
        "trade": ((Kind.TRADE,), SAMPLED),
        "report": (REPORTS, ALL),
    },
    "risk": {
        "new_order": ((Kind.NEW_ORDER,), ALL),
        "replace_order": ((Kind.REPLACE_ORDER,), ALL),
        "cancel_order": ((Kind.CANCEL_ORDER,), ALL),
        "report": (REPORTS, ALL),
        "book_top": ((Kind.BOOK_TOP,), SAMPLED),
    },
    "engine": {
        **{short_name(kind, ""): ((kind,), SAMPLED) for kind in FLOW},
        "flow_other": (tuple(kind for kind in Kind if FLOW[-1] < kind < Kind.NEW_ORDER), SAMPLED),
        "new_order": ((Kind.NEW_ORDER,), ALL),
        "replace_order": ((Kind.REPLACE_ORDER,), ALL),
        "cancel_order": ((Kind.CANCEL_ORDER,), ALL),
        "other": (tuple(k for k in Kind if Kind.MASS_CANCEL <= k < Kind.ACCEPTED), ALL),
    },
}


@dataclass(frozen=True)
class Latency:
    """A row: `subject` is the edge of a hop or an age, the LatencyPath of a path."""

    name: str
    node: str
    kind: LatencyKind
    subject: int = 0
    gap_max: int = 1
    message_kinds: tuple[Kind, ...] = ()


def rows() -> Iterator[Latency]:
    # The nodes find their edges' rows by place: those come first, two an edge.
    for index, edge in enumerate(EDGES):
        yield Latency(edge.name, edge.consumer, LatencyKind.LATENCY_HOP, index)
        yield Latency(edge.name, edge.consumer, LatencyKind.LATENCY_AGE, index)
    for node, operations in OPERATIONS.items():
        for name, (kinds, gap_max) in operations.items():
            yield Latency(f"{node}.{name}", node, LatencyKind.LATENCY_OPERATION, 0, gap_max, kinds)
    path = LatencyKind.LATENCY_PATH
    yield Latency("tick_to_intent", "signal", path, LatencyPath.PATH_TICK_TO_INTENT)
    yield Latency("order_to_report", "risk", path, LatencyPath.PATH_ORDER_TO_REPORT)


LATENCIES = tuple(rows())
assert len(LATENCIES) <= LATENCIES_MAX
