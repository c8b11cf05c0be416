"""Generate docs/configuration_keys.md from hft/config/schema.py.

Run as `python -m tools.config_docs`; with --check, only say whether the file is stale.
"""

import sys
from pathlib import Path

from hft.config.__main__ import default_text
from hft.config.keys import tables

DOCS = Path(__file__).parents[1] / "docs/configuration_keys.md"


def docs():
    """The text of docs/configuration_keys.md."""
    lines = [
        "# Configuration keys",
        "",
        "Generated from `hft/config/schema.py` by `make docs`. How files, variables and options go",
        "together is in [configuration](configuration.md).",
    ]
    for table in tables():
        lines += ["", f"## [{table.name}]", "", table.description, ""]
        lines += ["| key | must be | default | variable | meaning |", "|---|---|---|---|---|"]
        for key in table.keys:
            must = key.allowed + (f" ({key.unit})" if key.unit else "")
            default = f"`{text}`" if (text := default_text(key))[:3] not in ("not", "non") else text
            variable = f"`{key.variable}`" if key.variable else "-"
            name = f"`{key.name.rpartition('.')[2]}`"
            cells = (name, must, default, variable, key.description)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    stale = not DOCS.exists() or DOCS.read_text() != docs()
    if sys.argv[1:] == ["--check"]:
        if stale:
            sys.exit(f"stale, run `make docs`: {DOCS.name}")
        return
    if stale:
        DOCS.write_text(docs())


if __name__ == "__main__":
    main()
