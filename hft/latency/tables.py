"""Latencies, comparisons and resources as tables for people."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from hft.latency.capture import Capture
from hft.latency.compare import INTERVALS_MIN, Bounds, Moved
from hft.latency.distribution import PERCENTILES
from hft.latency.resources import ProcessUse, SegmentUse
from hft.monitor.tables import table
from hft.monitor.units import bytes_text, count, ns

__all__ = ["comparison", "latencies", "resources"]

TITLES = {
    "path": "PATH",
    "hop": "HOP",
    "age": "AGE",
    "operation": "OPERATION",
    "other": "OTHER",
}
ABOUT = {
    "path": "across nodes, by the host's clock",
    "hop": "of a ring: from the publication of a message to its taking",
    "age": "of a message as its ring's reader takes it: since the market event entered the system",
    "operation": "what a node does with one message, a reading of the clock included",
    "other": "rows that hft did not write",
}


def latencies(captured: Capture) -> RenderableType:
    """A table a kind; what too few values tell is a dash."""
    parts: list[RenderableType] = []
    for kind, title in TITLES.items():
        rows = [(name, each) for (of, name), each in captured.rows.items() if of == kind]
        if not rows:
            continue
        made = table(f"<{title}", "COUNT", "MIN", "MEAN", *map(str.upper, PERCENTILES), "MAX")
        made.collapse_padding = True
        for name, each in rows:
            if not each.count:
                continue
            known = each.percentiles()
            shown = [ns(known[p]) if p in known else "-" for p in PERCENTILES]
            ends = (ns(each.min_ns), ns(round(each.mean_ns)), *shown, ns(each.max_ns))
            made.add_row(name, count(each.count), *ends)
        parts += [Text(ABOUT[kind], "dim"), made]
        empty = [name for name, each in rows if not each.count]
        if empty:
            parts.append(Text(f"without values: {', '.join(empty)}", "dim"))
        parts.append("")
    return Group(*parts[:-1])


def comparison(found: Sequence[Moved], intervals: Iterable[int], every: bool) -> RenderableType:
    """What moved, or with `every` all percentiles; and how much that is worth."""
    shown = [each for each in found if each.moved or every]
    made = table("<ROW", "<", "BEFORE", "AFTER", "CHANGE", "<BETWEEN", "<AND", "<")
    for each in shown:
        made.add_row(
            ".".join(each.key),
            each.percentile,
            ns(each.before.value_ns),
            ns(each.after.value_ns),
            f"{each.change:+.1%}",
            span(each.before),
            span(each.after),
            {1: "slower", 0: "", -1: "faster"}[each.moved],
            style={1: "red", 0: "", -1: "green"}[each.moved],
        )
    moved = sum(1 for each in found if each.moved)
    notes = [f"{moved} of {len(found)} percentiles moved beyond the noise"]
    if any(number < INTERVALS_MIN for number in intervals):
        notes.append(
            f"with fewer than {INTERVALS_MIN} intervals on a side its values count as independent, "
            "so that what waited together looks more certain than it is"
        )
    head: list[RenderableType] = [made, ""] if shown else []
    return Group(*head, *notes)


def span(bounds: Bounds) -> str:
    high = "?" if bounds.high_ns is None else ns(bounds.high_ns)
    return f"{ns(bounds.low_ns)} - {high}"


def resources(
    processes: Sequence[ProcessUse], segments: Sequence[SegmentUse]
) -> Iterator[RenderableType]:
    """What the processes and the segments of a run take."""
    made = table(
        "<PROCESS", "PID", "BUSY", "WAITED", "PREEMPTED", "MINOR FAULTS", "MAJOR", "PRIVATE",
        "RSS", "ALLOCATIONS",
    )  # fmt: skip
    made.collapse_padding = True
    for each in processes:
        made.add_row(
            "+".join(each.nodes),
            str(each.pid),
            " ".join(f"{share:.0%}" for share in each.busy),
            count(each.waited),
            count(each.preempted),
            count(each.minor_faults),
            count(each.major_faults),
            bytes_text(each.private_bytes),
            bytes_text(each.rss_bytes),
            count(each.allocations),
        )
    yield made
    yield ""
    memory = table("<SEGMENT", "SIZE", "PAGES")
    for segment in segments:
        memory.add_row(segment.name, bytes_text(segment.size_bytes), bytes_text(segment.page_bytes))
    whole = sum(segment.size_bytes for segment in segments)
    memory.add_row("together", bytes_text(whole), "")
    yield memory
