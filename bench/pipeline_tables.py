"""What pipeline.py found, as tables on the screen: medians over the rounds, ± MAD of the rates."""

import statistics
from collections.abc import Callable

import watched
from watched import Measured

Runs = dict[str, list[Measured]]
LATENCIES = ("count", *watched.QUANTILES, "max")
UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))


def time_text(ns: float) -> str:
    """Three digits and a unit."""
    scale, unit = next((each for each in UNITS if ns >= each[0]), UNITS[-1])
    value = ns / scale
    places = 0 if unit == "ns" else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{places}f} {unit}"


def aligned(rows: list[list[str]]) -> str:
    """Lines of columns: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if place == 0 else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def middle(runs: list[Measured], value: Callable[[Measured], float]) -> float:
    return statistics.median(map(value, runs))


def rate_text(runs: list[Measured]) -> str:
    rates = [run.rate_per_s / 1e6 for run in runs]
    median = statistics.median(rates)
    spread = statistics.median(abs(rate - median) for rate in rates)
    return f"{median:.3f} ± {spread:.3f}"


def rates(runs: Runs) -> str:
    """Events a second, and what each node does for one."""
    rows = [["", "events", "runs", "M/s", *watched.NODES, "private MB", "shared MB"]]
    for name, each in runs.items():
        busy = [f"{middle(each, lambda run, n=node: run.busy_ns[n]):.0f}" for node in watched.NODES]
        memory = [
            f"{middle(each, lambda run: run.private_bytes) / 1e6:.0f}",
            f"{middle(each, lambda run: run.segment_bytes) / 1e6:.0f}",
        ]
        rows.append([name, f"{each[0].events:,}", str(len(each)), rate_text(each), *busy, *memory])
    return aligned(rows)


def latencies(runs: Runs) -> str:
    """Percentiles of each hop, and of an order's age when the engine takes it."""
    rows = [["", *LATENCIES]]
    for name, each in runs.items():
        busiest = max(
            (middle(each, lambda run, n=node: run.busy_share[n]), node) for node in watched.HOT
        )
        behind = sum(not run.kept_up for run in each)
        how = f"{middle(each, lambda run: run.rate_per_s) / 1e6:.3f} M/s"
        how += f", {busiest[1]} busy {busiest[0]:.0%}"
        if behind:
            how += f", FELL BEHIND in {behind} of {len(each)} runs"
        rows.append([f"{name}: {how}", *[""] * len(LATENCIES)])
        rows += [
            quantile_row(f"  hop {hop}", each, lambda run, n=hop: run.hops[n])
            for hop in watched.HOPS
        ]
        rows.append(quantile_row("  tick to intent", each, lambda run: run.paths["tick_to_intent"]))
        rows.append(quantile_row("  tick to order", each, lambda run: run.tick_to_order))
        rows.append(quantile_row("  due to engine", each, lambda run: run.late_ns))
    return aligned(rows)


def quantile_row(
    words: str, runs: list[Measured], which: Callable[[Measured], watched.Quantiles]
) -> list[str]:
    """Medians of the runs' percentiles; the maximum is that of all runs."""
    found = [which(run) for run in runs]
    row = [words, f"{statistics.median(each['count'] for each in found):,.0f}"]
    for name in watched.QUANTILES:
        values = [each[name] for each in found if name in each]
        row.append(time_text(statistics.median(values)) if values else "-")
    largest = [each["max"] for each in found if "max" in each]
    return [*row, time_text(max(largest)) if largest else "-"]


def readers(runs: Runs) -> str:
    """What readers of the view got, and what the run did meanwhile."""
    rows = [["", "M/s", "reads/s", "done again", "missed", "torn"]]
    for name, each in runs.items():
        said = [one for run in each for one in run.beside or []]
        per_s = sum(one["reads"] / one["seconds"] for one in said) / len(each)
        counts = [f"{sum(one[key] for one in said):,}" for key in ("retries", "missed", "torn")]
        rows.append([name, rate_text(each), f"{per_s:,.0f}", *counts])
    return aligned(rows)


def tables(runs: Runs) -> str:
    """All runs, each in the table of its kind."""
    of_readers = {name: each for name, each in runs.items() if "of the view" in name}
    paced = {name: each for name, each in runs.items() if "load" in name or " M/s" in name}
    rest = {name: each for name, each in runs.items() if name not in of_readers | paced}
    made = {
        "As fast as it goes: events a second, and busy ns an event by node": (rates, rest),
        "Paced, waiting counted: percentiles": (latencies, paced),
        "At full speed, where queues are all that is seen: percentiles": (
            latencies,
            {name: each for name, each in rest.items() if "full speed" in name},
        ),
        "Readers of the view of the first book": (readers, of_readers),
    }
    return "\n".join(f"\n{title}\n\n{make(some)}" for title, (make, some) in made.items() if some)
