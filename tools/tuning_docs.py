"""Put the table of tools/tune_host.sh's settings into docs/tuning.md, between its markers.

Run as `python -m tools.tuning_docs`; with --check, only say whether the page is stale.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs/tuning.md"
BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->\n"


def table() -> str:
    """The settings as of a host of which nothing is known but its cores that trade, 2-5."""
    with tempfile.TemporaryDirectory() as nothing:
        command = [ROOT / "tools/tune_host.sh", "--table", "--cores", "2-5", "--root", nothing]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def docs() -> str:
    """The page with the table of now."""
    before, _, rest = DOCS.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


def main() -> None:
    new = docs()
    stale = DOCS.read_text() != new
    if sys.argv[1:] == ["--check"]:
        if stale:
            sys.exit(f"stale, run `make docs`: {DOCS.name}")
        return
    if stale:
        DOCS.write_text(new)


if __name__ == "__main__":
    main()
