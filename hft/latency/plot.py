"""Percentile curves, and where a tick's time goes, as a picture; needs matplotlib."""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from hft.errors import UserError
from hft.latency.capture import Capture, Key
from hft.latency.distribution import PERCENTILES, TOPS_NS, Distribution
from hft.monitor.units import ns

__all__ = ["STAGES", "SUFFIXES", "draw", "stages"]

SUFFIXES = (".png", ".svg")
# Okabe and Ito's colours, told apart by all kinds of colour vision; with dashes for a second round.
COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0C400", "#000000",
)  # fmt: skip
DASHES = ("-", "--", ":")
INK, GRID = "#222222", "#DDDDDD"
COUNT_MIN = 20  # of a curve
LOWEST = Fraction(1, 20)  # below which the axis of times may begin

# The way of a tick to an order: what it waits for and what is done with it, in their order, and the
# rows that tell.
STAGES: dict[str, tuple[Key, ...]] = {
    "market_flow, in the ring": (("hop", "market_flow"),),
    "engine, market's command": (
        *(("operation", f"engine.flow_{kind}") for kind in ("add", "cancel", "delete", "execute")),
        ("operation", "engine.flow_hidden"),
        ("operation", "engine.flow_other"),
    ),
    "market_data, in the ring": (("hop", "market_data"),),
    "signal, change of the best": (("operation", "signal.book_top"),),
    "intents, in the ring": (("hop", "intents"),),
    "risk, check": (
        ("operation", "risk.new_order"),
        ("operation", "risk.replace_order"),
        ("operation", "risk.cancel_order"),
    ),
    "orders, in the ring": (("hop", "orders"),),
}
WHOLE: Key = ("path", "tick_to_order")
BARS = ("p50", "p99")


def stages(captured: Capture) -> dict[str, Distribution]:
    """The distribution of each stage; one of several rows has them all together."""
    found = {}
    for name, keys in STAGES.items():
        rows = [captured.rows[key] for key in keys if key in captured.rows]
        if rows:
            whole = rows[0]
            for row in rows[1:]:
                whole = whole.plus(row)
            found[name] = whole
    return found


def pyplot() -> Any:
    try:
        import matplotlib
    except ImportError:
        raise UserError(
            "needs matplotlib: .venv/bin/pip install matplotlib", field="--plot"
        ) from None
    matplotlib.use("Agg")
    import matplotlib.pyplot

    return matplotlib.pyplot


def draw(title: str, captured: Capture, path: Path) -> None:
    """A picture of all that a capture has values of; the suffix of the path is its format."""
    plt = pyplot()
    style = {
        "font.size": 9, "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK,
        "ytick.color": INK, "axes.edgecolor": "#888888", "svg.fonttype": "none",
    }  # fmt: skip
    with plt.rc_context(style):
        figure, axes = plt.subplots(3, 2, figsize=(16, 13.5), constrained_layout=True)
        seconds = f"{captured.seconds:,.1f} s"
        figure.suptitle(f"{title}: latencies of {seconds}", fontsize=13, weight="bold")
        for place, (kind, about) in zip(axes.flat, panels(), strict=False):
            rows = {
                name: each
                for (of, name), each in captured.rows.items()
                if of == kind[0] and name.startswith(kind[1]) and each.count >= COUNT_MIN
            }
            draw_curves(place, about, rows)
        draw_waterfall(axes.flat[-1], captured)
        try:
            figure.savefig(path, dpi=110)
        except OSError as error:
            raise UserError(f"can't be written: {error.strerror}", file=path) from None
        finally:
            plt.close(figure)


def panels() -> Iterator[tuple[tuple[str, str], str]]:
    """Kind and beginning of the names of the rows in each panel of curves, and its title."""
    yield ("path", ""), "Paths, across nodes"
    yield ("hop", ""), "Hops: from publication to taking, by ring"
    yield ("age", ""), "Ages: since the market event entered, as a ring's reader takes it"
    yield ("operation", "engine."), "The engine's operations"
    yield ("operation", ""), "The operations of signal and risk"


def draw_curves(axes: Any, about: str, rows: dict[str, Distribution]) -> None:
    """A curve a row: the value over the share of values that are at most that."""
    axes.set_title(about, loc="left", fontsize=10, weight="bold")
    if about.endswith("signal and risk"):
        rows = {name: each for name, each in rows.items() if not name.startswith("engine.")}
    if not rows:
        nothing(axes)
        return
    # From the slowest, as the curves lie above one another.
    ordered = sorted(rows.items(), key=lambda row: -row[1].quantile_ns(PERCENTILES["p50"]))
    for place, (name, found) in enumerate(ordered):
        beyond, values_ns = curve(found)
        axes.plot(
            beyond,
            values_ns,
            drawstyle="steps-pre",
            color=COLOURS[place % len(COLOURS)],
            linestyle=DASHES[place // len(COLOURS) % len(DASHES)],
            linewidth=1.5,
            label=f"{name}  ({found.count:,})",
        )
    most = max(found.count for _, found in ordered)
    percentile_axis(axes, most)
    time_axis(axes)
    # The few that wait for nothing at all would press all others together.
    low_ns = min(found.quantile_ns(LOWEST) for _, found in ordered)
    high_ns = max(found.max_ns for _, found in ordered)
    axes.set_ylim(max(low_ns, 1) / 1.3, max(high_ns, 10) * 1.3)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.0, 1.02), fontsize=8, frameon=False,
        title="slowest first (values)", title_fontsize=8, alignment="left",
    )  # fmt: skip


def curve(found: Distribution) -> tuple[Any, Any]:
    """How many values there are for one beyond, and the value, of each filled bucket."""
    filled = np.flatnonzero(found.counts)
    before = np.concatenate([[0], np.cumsum(found.counts[filled])[:-1]])
    beyond = found.count / (found.count - before)
    values_ns = np.maximum(np.minimum(TOPS_NS[filled], found.max_ns), 1)
    # To the end of what the values tell: of n, one is beyond 1 - 1/n.
    return np.append(beyond, found.count), np.append(values_ns, values_ns[-1])


def percentile_axis(axes: Any, count: int) -> None:
    """A logarithmic axis of the share that is beyond, with the percentiles as its ticks."""
    decades = max(2, min(7, math.floor(math.log10(1.5 * count))))
    ticks = [1, 2, *(10**place for place in range(1, decades + 1))]
    labels = ["0", "50 %", "90 %"]
    labels += [
        f"99{'.' if place > 2 else ''}{'9' * (place - 2)} %" for place in range(2, decades + 1)
    ]
    axes.set_xscale("log")
    axes.set_xlim(1, max(200, 1.5 * count))
    axes.set_xticks(ticks, labels)
    axes.xaxis.minorticks_off()
    axes.set_xlabel("percentile")


def time_axis(axes: Any) -> None:
    """A logarithmic axis of times, in units that people read."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    def label(value: float, _: int) -> str:
        return ns(round(value)).replace(".00 ", " ").replace(".0 ", " ")

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(base=10, numticks=12))
    axes.yaxis.set_minor_locator(LogLocator(base=10, subs=(2, 5), numticks=30))
    axes.yaxis.set_major_formatter(FuncFormatter(label))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("latency, at most")


def nothing(axes: Any) -> None:
    axes.text(0.5, 0.5, "no values", ha="center", va="center", transform=axes.transAxes)
    axes.set_axis_off()


def draw_waterfall(axes: Any, captured: Capture) -> None:
    """The stages of a tick's way to an order, stacked, at two percentiles of each stage."""
    axes.set_title(
        "Where a tick's time goes, to the order's taking by the engine",
        loc="left", fontsize=10, weight="bold",
    )  # fmt: skip
    found = {name: each for name, each in stages(captured).items() if each.count}
    whole = captured.rows.get(WHOLE)
    if not found or whole is None or not whole.count:
        nothing(axes)
        return
    shares = [PERCENTILES[bar] for bar in BARS]
    sums = [sum(each.quantile_ns(share) for each in found.values()) for share in shares]
    widest = [
        max(total, whole.quantile_ns(share)) for total, share in zip(sums, shares, strict=True)
    ]
    lefts = [0.0] * len(BARS)
    for place, (name, each) in enumerate(found.items()):
        # Each bar as a part of its own length: the times of two percentiles differ by magnitudes.
        values = [
            each.quantile_ns(share) / wide for share, wide in zip(shares, widest, strict=True)
        ]
        label = f"{name}: {' / '.join(ns(each.quantile_ns(share)) for share in shares)}"
        axes.barh(
            BARS, values, left=lefts, height=0.5, color=COLOURS[place % len(COLOURS)],
            edgecolor="white", linewidth=0.8, label=label,
        )  # fmt: skip
        lefts = [left + value for left, value in zip(lefts, values, strict=True)]
    marks(axes, whole, shares, sums, widest)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(-0.6, 2.9)
    axes.invert_yaxis()
    axes.set_ylim(1.9, -0.6)
    axes.set_xticks([])
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_xlabel(
        "Percentiles don't add up: what is slow in one stage need not be the tick that is slow in\n"
        "the next, and most ticks cause no order. The mark is tick-to-order as measured. What a\n"
        "paced feed is late by, and the wait within the batch of a node, are in no stage.",
        fontsize=8, loc="left",
    )  # fmt: skip
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.5, -0.02), ncols=2, fontsize=7.5, frameon=False,
        title=f"{BARS[0]} / {BARS[1]} of each stage", title_fontsize=8,
    )  # fmt: skip


def marks(
    axes: Any,
    whole: Distribution,
    shares: Sequence[Any],
    sums: Sequence[int],
    widest: Sequence[int],
) -> None:
    """What was measured of the whole way, over each bar."""
    for place, (share, total, wide) in enumerate(zip(shares, sums, widest, strict=True)):
        measured_ns = whole.quantile_ns(share)
        at = measured_ns / wide
        axes.plot([at, at], [place - 0.32, place + 0.32], color=INK, linewidth=2)
        axes.text(
            0, place - 0.33,
            f"stages {ns(total)} together; tick to order, measured: {ns(measured_ns)}",
            va="bottom", fontsize=8,
        )  # fmt: skip
