"""The whole system, as `python -m hft.launch` runs it: time per market event, and tick to order.

Every event goes through feed, engine, signal (features and market maker) and risk gate, and is
journaled and recorded. "Whole run" is from the start of the process to its end, imports and summary
included; the other figure is from the moment at which all nodes run to the last record.

With a strategy in Python in place of the market maker, every change of the best prices is a call.

Tick to order is the age of an order when the engine takes it: since the market event that caused it
entered the system. Lateness of the feed itself is not in it.
"""

from pathlib import Path

from support import LOBSTER, new_runner, note, repeat
from system import observe

EVENTS = 2_400_000  # of the simulated market, about
MARKET_PER_S = 2000  # of its seconds
REAL_S = 5
IN_PYTHON = str(Path(__file__).resolve().parent / "python_strategy.py")
REAL_TIME = "pipeline, tick to order at --speed 1"


def fastest(name: str, *arguments: str, **variables: str) -> dict[str, float]:
    """Seconds per market event in simulated time."""
    seen = observe("--speed", "max", *arguments, **variables)
    return {
        f"pipeline, {name}": (seen.done_s - seen.running_s) / seen.events,
        f"pipeline, {name}, whole run": seen.ended_s / seen.events,
    }


def real_time(seconds: float) -> dict[str, float]:
    age_ns = observe("--speed", "1", "--duration", f"{seconds:g}").report["latency_ns"]
    order = age_ns["tick_to_orders"]
    if not order["count"]:
        raise RuntimeError("no order was sent")
    return {f"{REAL_TIME} {name}": order[name] / 1e9 for name in ("p50", "p99")}


if __name__ == "__main__":
    runner = new_runner(__doc__, processes=5)
    add = runner.argparser.add_argument
    add("--real-seconds", type=float, default=REAL_S, help="of the run at --speed 1")
    args = runner.parse_args()
    duration = ("--duration", f"{(args.orders or EVENTS) / MARKET_PER_S:g}")
    repeat(runner, lambda: fastest("simulated market", *duration))
    python = {"HFT_STRATEGY_PATH": IN_PYTHON}
    repeat(runner, lambda: fastest("strategy in Python", *duration, **python))
    if LOBSTER.is_file():
        repeat(runner, lambda: fastest("LOBSTER day", "--feed", f"lobster:{LOBSTER}"))
    else:
        note(f"the LOBSTER day is not measured: no {LOBSTER}; HFT_DATA names the folder")
    repeat(runner, lambda: real_time(args.real_seconds))
