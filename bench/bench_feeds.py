"""Feeds: time per row of a file, from opening it to the last command; of the simulated market, per
message.

A new format is one line in RECORDED. Rows are those of the file: of the book that a feed compares
with (`truth`), or as many as it says (`row_count`).
"""

from pathlib import Path

import pyperf
from support import DATA, LOBSTER, new_runner, note

from hft.feeds import open_feed

RECORDED: list[tuple[str, str, Path]] = [  # name, scheme of the feed, file
    ("LOBSTER", "lobster", LOBSTER),
    ("quotes", "bbo", DATA / "tardis_csv/binance-futures_quotes_2020-02-22_BTCUSDT.csv.gz"),
    ("trades", "csv", DATA / "tardis_csv/binance-futures_trades_2020-02-22_BTCUSDT.csv.gz"),
]
SIMULATED = 500_000  # messages


def read(loops: int, spec: str) -> float:
    """Seconds per row, times loops."""
    per_row_s = 0.0
    for _ in range(loops):
        started = pyperf.perf_counter()
        feed = open_feed(spec)
        for _ in feed.chunks():
            pass
        elapsed_s = pyperf.perf_counter() - started
        per_row_s += elapsed_s / (len(feed.truth.rows) if feed.truth else feed.row_count)
    return per_row_s


def simulate(loops: int, count: int) -> float:
    """Seconds per message, times loops."""
    per_message_s = 0.0
    for _ in range(loops):
        started = pyperf.perf_counter()
        done = 0
        for chunk in open_feed("sim").chunks():
            done += len(chunk)
            if done >= count:
                break
        per_message_s += (pyperf.perf_counter() - started) / done
    return per_message_s


if __name__ == "__main__":
    # Values are per row, so pyperf must not look for a number of loops that takes long enough.
    runner = new_runner(__doc__, processes=5, values=2, loops=1)
    runner.bench_time_func(
        "feed, simulated market", simulate, runner.parse_args().orders or SIMULATED
    )
    for name, scheme, file in RECORDED:
        if file.is_file():
            runner.bench_time_func(f"feed, {name}", read, f"{scheme}:{file}")
        else:
            note(f"{name} is not measured: no {file}; HFT_DATA names the folder of recordings")
