"""Latencies as files: CSV and JSON of the figures, HdrHistogram's log of everything."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from hft.errors import UserError
from hft.latency.capture import Recording
from hft.latency.distribution import PERCENTILES, TOPS_NS
from hft.latency.hlog import write_log

__all__ = ["FORMATS", "export"]

COLUMNS = ("count", "min", "mean", *PERCENTILES, "max")


def as_csv(recording: Recording) -> str:
    """A line a row; times are in ns. A percentile that too few values tell is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("kind", "name", "count", *(f"{name}_ns" for name in COLUMNS[1:])))
    for key, found in recording.whole.rows.items():
        summary = found.summary()
        writer.writerow((*key, *(summary.get(column, "") for column in COLUMNS)))
    return out.getvalue()


def as_json(recording: Recording) -> str:
    """The same figures, and the buckets of each row: top in ns, and how many values."""
    whole = recording.whole
    rows: list[dict[str, Any]] = [
        {
            "kind": kind,
            "name": name,
            "ns": found.summary(),
            "buckets": [
                [int(top), int(count)]
                for top, count in zip(TOPS_NS, found.counts, strict=True)
                if count
            ],
        }
        for (kind, name), found in whole.rows.items()
    ]
    values = {
        "title": recording.title,
        "began_wall_ns": whole.began_wall_ns,
        "ended_wall_ns": whole.ended_wall_ns,
        "rows": rows,
    }
    return json.dumps(values) + "\n"


FORMATS = {".csv": as_csv, ".json": as_json, ".hlog": write_log}


def export(recording: Recording, path: Path) -> None:
    """Write a file whose suffix is one of FORMATS; UserError if it can't be."""
    try:
        path.write_text(FORMATS[path.suffix](recording))
    except OSError as error:
        raise UserError(f"can't be written: {error.strerror}", file=path) from None
