"""Show what a running system shows of itself: python -m hft.status [--json] [--watch]

It maps the run's control page read-only and touches nothing else. With --watch it goes on until
the run ends or Ctrl-C: in a terminal as the view of `launch`, else one line (of JSON with --json)
at a time. The exit code is 0, 1 if all there is was left behind by a run that died, and 2 if
there is no system.
"""

import argparse
import contextlib
import json
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from hft.arguments import Parser, seconds
from hft.attach import attach
from hft.core.control import Control
from hft.core.segment import segment_path
from hft.errors import run_command
from hft.monitor import Snapshot, View, snapshot
from hft.monitor.alerts import unlocked_nodes
from hft.monitor.snapshot import Instrument, shown_state
from hft.monitor.tables import table
from hft.monitor.units import bytes_text, clock, count, elapsed, latency, money, ns
from hft.monitor.view import can_draw

EXIT_DEAD = 1
FIGURES_WIDTH = 100  # of lines that can be broken anywhere
UNCUT_WIDTH = 10_000  # where no terminal has an end of line, nothing is cut
LABEL_WIDTH = len("tick to order  ")
GLUE = "\N{NO-BREAK SPACE}"
LATENCIES = ("p50", "p99", "p99.9", "max")


def report(shot: Snapshot) -> RenderableType:
    """A snapshot as tables, for people."""
    return Group(
        *header(shot),
        "",
        node_table(shot),
        "",
        edge_table(shot),
        "",
        strategy_table(shot),
        "",
        instrument_table(shot),
        "",
        *own_orders(shot),
        outcomes(shot),
    )


def header(shot: Snapshot) -> Iterator[Text]:
    owner, kill = shot["owner"], shot["kill_switch"]
    if not owner["alive"]:
        yield Text(f"launch (process {owner['pid']}) is dead; this is what it left", "bold red")
    speed = f"{shot['speed']:g}x" if shot["speed"] else "full speed"
    kind = "simulated time" if shot["simulated_time"] else "real time"
    yield Text(f"instance {shot['instance']}, run {shot['run_id']}, since {shot['started']}")
    yield Text(
        f"up {elapsed(shot['uptime_s'])}, {kind}, {speed}, seed {shot['seed']}, "
        f"stop {shot['stop']}, market time {clock(shot['engine']['event_ts_ns'])}"
    )
    if kill["engaged"]:
        yield Text(f"kill switch ENGAGED since {kill['since']}", "bold red")
    else:
        yield Text("kill switch off")
    page = shot["control_page"]
    yield Text(
        f"control page: {pages_text(page['page_bytes'], page['locked'])}, "
        f"NUMA node {numa_text(page['numa_nodes'])}"
    )
    unlocked = unlocked_nodes(shot)
    if unlocked:
        yield Text(f"own memory of {', '.join(unlocked)} not locked", "yellow")
    yield clock_line(shot)


def clock_line(shot: Snapshot) -> Text:
    """What the clock is, and how near to CLOCK_MONOTONIC."""
    one = shot["clock"]
    if one["source"] == "tsc":
        return Text(
            f"clock TSC, {one['ghz']:.6f} GHz, {ns(abs(one['error_ns']))} from CLOCK_MONOTONIC, "
            f"at most {ns(abs(one['worst_error_ns']))}, {count(one['corrections'])} corrections"
        )
    if one["notice"] is None:
        return Text("clock CLOCK_MONOTONIC")
    return Text(f"clock CLOCK_MONOTONIC, slower to read: {one['notice']}", "bold red")


def pages_text(page_bytes: int, locked: bool) -> str:
    return bytes_text(page_bytes) + (" locked" if locked else "")


def numa_text(nodes: list[int]) -> str:
    return "+".join(map(str, nodes)) or "-"


def node_table(shot: Snapshot) -> Table:
    made = table(
        "<NODE", "PID", "CORE", "<STATE", "<IDLE", "BUSY", "HEARTBEAT", "MESSAGES IN", "OUT"
    )
    for node in shot["nodes"]:
        age_ms = node["heartbeat_age_ms"]
        state = shown_state(node)
        made.add_row(
            node["name"],
            str(node["pid"] or "-"),
            "-" if node["core"] is None else str(node["core"]),
            state,
            node["idle"],
            f"{node['busy_share']:.1%}",
            "-" if age_ms is None else ns(round(age_ms * 1e6)),
            count(node["messages_in"]),
            count(node["messages_out"]),
            style="red" if state in ("dead", "stuck", "failed") else "",
        )
    return made


def edge_table(shot: Snapshot) -> Group:
    rings = table(
        "<EDGE",
        "<FROM",
        "<TO",
        "<POLICY",
        "SLOTS",
        "PAGES",
        "NUMA",
        "PUBLISHED",
        "DEPTH",
        "HIGH",
        "DROPPED",
    )
    rings.collapse_padding = True
    times = table("<EDGE", *(f"{kind} {name}" for kind in ("HOP", "AGE") for name in LATENCIES))
    for edge in shot["edges"]:
        rings.add_row(
            edge["name"],
            edge["producer"],
            edge["consumer"],
            edge["policy"],
            count(edge["capacity"]),
            pages_text(edge["page_bytes"], edge["locked"]),
            numa_text(edge["numa_nodes"]),
            count(edge["published"]),
            count(edge["depth"]),
            count(edge["high_water"]),
            count(edge["dropped"]),
        )
        times.add_row(
            edge["name"],
            *(latency(edge["hop_ns"], name) for name in LATENCIES),
            *(latency(edge["age_ns"], name) for name in LATENCIES),
        )
    return Group(
        rings,
        "",
        "hop: from publication to taking; age: since the market event entered the system",
        times,
    )


def strategy_table(shot: Snapshot) -> Group:
    made = table("<STRATEGY", "ACCOUNT", "<STATE", "EVENTS", "INTENTS", "PYTHON")
    errors = []
    for one in shot["strategies"]:
        made.add_row(
            one["name"],
            str(one["account"]),
            one["state"],
            count(one["events"]),
            count(one["intents"]),
            ns(one["python_ns"]) if one["language"] == "python" else "-",
            style="red" if one["error"] else "",
        )
        if one["error"]:
            errors.append(Text(f"{one['name']} was stopped: {one['error']}", "bold red"))
    return Group(made, *errors)


def decision_text(one: Instrument) -> str:
    """What the fusion last decided."""
    decision = one["decision"]
    if not decision["count"]:
        return "-"
    size = decision["size"] or 0.0
    what = f"{'buy' if size > 0 else 'sell'} {abs(size):.2f}" if size else "hold"
    return f"{what}, {decision['reason'].replace('_', ' ')}"


def instrument_table(shot: Snapshot) -> Table:
    made = table(
        "<INSTRUMENT", "POSITION", "PNL", "OPEN", "BUY LOTS", "SELL LOTS", "<BEST", "<DECISION"
    )
    for one in shot["instruments"]:
        book = one["book"]
        best = "no whole view of the book: is its writer dead?"
        if book is not None:
            best = " / ".join(
                f"{side[0]['lots']} @ {side[0]['price']}" if side else "-"
                for side in (book["bids"], book["asks"])
            )
        made.add_row(
            f"{one['venue']}:{one['symbol']}",
            one["position"],
            money(one["pnl_quote"]),
            count(one["open_orders"]),
            count(one["open_buy_lots"]),
            count(one["open_sell_lots"]),
            best,
            decision_text(one),
        )
    return made


def own_orders(shot: Snapshot) -> Iterator[RenderableType]:
    """Own orders that rest, best first; as many as the engine shows."""
    made = table("<OWN ORDER", "<SIDE", "PRICE", "LOTS", "AGE", "ACCOUNT")
    hidden = 0
    for one in shot["instruments"]:
        book = one["book"]
        if book is None:
            continue
        for side, orders in (("BUY", book["own_bids"]), ("SELL", book["own_asks"])):
            for order in orders:
                made.add_row(
                    one["symbol"],
                    side,
                    order["price"],
                    count(order["lots"]),
                    elapsed(order["age_s"]),
                    str(order["account"]),
                )
        hidden += book["own_bid_count"] + book["own_ask_count"]
    hidden -= made.row_count
    if made.row_count:
        yield made
    if hidden > 0:
        yield Text(f"and {count(hidden)} more own orders")
    if made.row_count or hidden > 0:
        yield Text()


def outcomes(shot: Snapshot) -> Table:
    engine = shot["engine"]
    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold", no_wrap=True)
    made.add_column()
    tick_to_order = {name: latency(shot["tick_to_order_ns"], name) for name in LATENCIES}
    done = {
        name: value for name, value in engine.items() if name not in ("event_ts_ns", "state_hash")
    }
    made.add_row("tick to order", figures(tick_to_order))
    made.add_row("orders", figures(shot["orders"]))
    made.add_row("engine", figures(done))
    if engine["state_hash"] is not None:
        made.add_row("state hash", engine["state_hash"])
    return made


def figures(values: Mapping[str, object]) -> str:
    """Names with their values, in lines that tear none from its value."""
    parts = (
        f"{name.replace('_', ' ')} {count(value) if isinstance(value, int) else value}"
        for name, value in values.items()
    )
    glued = ", ".join(part.replace(" ", GLUE) for part in parts)
    return textwrap.fill(glued, FIGURES_WIDTH - LABEL_WIDTH).replace(GLUE, " ")


def watch(control: Control, interval_s: float, as_json: bool) -> None:
    """Show the run again and again until it ends."""
    view = View()
    with contextlib.ExitStack() as stack:
        show: Callable[[Snapshot], None] = show_json if as_json else lines_of(view)
        if not as_json and can_draw(Console()):
            show = stack.enter_context(view.live())
        while segment_path(control.segment.name) is not None:
            shot = snapshot(control)
            if not shot["owner"]["alive"]:
                break
            show(shot)
            time.sleep(interval_s)


def lines_of(view: View) -> Callable[[Snapshot], None]:
    """Print each snapshot as the line of the view."""
    previous: Snapshot | None = None

    def show(shot: Snapshot) -> None:
        nonlocal previous
        print(view.line(shot, previous), flush=True)
        previous = shot

    return show


def show_json(shot: Snapshot) -> None:
    print(json.dumps(shot), flush=True)


def show_tables(shot: Snapshot) -> None:
    width = None if sys.stdout.isatty() else UNCUT_WIDTH
    Console(width=width, highlight=False, markup=False, emoji=False).print(report(shot))


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(prog="hft.status", description="Show a running system.")
    parser.add_instance()
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--watch",
        type=seconds,
        nargs="?",
        const=1.0,
        metavar="SECONDS",
        help="go on until the run ends, looking every so many seconds (1)",
    )
    return parser.parse_args(argv)


@run_command
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parse_arguments(argv)
    instance, control = attach(arguments.instance, writable=False)
    shot = snapshot(control)
    if arguments.watch is None or not shot["owner"]["alive"]:
        (show_json if arguments.json else show_tables)(shot)
        return 0 if shot["owner"]["alive"] else EXIT_DEAD
    try:
        watch(control, arguments.watch, arguments.json)
    except KeyboardInterrupt:
        return 0
    # With --json, stdout is for JSON alone.
    notes = sys.stderr if arguments.json else sys.stdout
    print(f"instance {instance}: the run has ended", file=notes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
