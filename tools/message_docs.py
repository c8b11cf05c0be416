"""Generate docs/messages.md, the C header and tests/layout.snapshot from ext/messages.pxd.

Offsets, sizes and types come from the compiled dtypes, meanings from the comments beside the
fields. Run as `python -m tools.message_docs`; with --check, only say whether the files are stale.
"""

import re
import sys
from pathlib import Path

from hft.core import messages
from tools.c_header import header

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "ext/messages.pxd"
DOCS = ROOT / "docs/messages.md"
SNAPSHOT = ROOT / "tests/layout.snapshot"
HEADER = ROOT / "ext/include/hft_messages.h"

BLOCK = re.compile(r"^(cdef struct|cpdef enum) (\w+):\n((?:(?: {4}.*)?\n)+)", re.MULTILINE)
DOCSTRING = re.compile(r'^ {4}"""(.*)"""$', re.MULTILINE)
FIELD = re.compile(r"^ {4}\w+ (\w+)(?:\[\d+\])?(?:  # (.*))?$", re.MULTILINE)
ITEM = re.compile(r"^ {4}(\w+) = \d+(?:  # (.*))?$", re.MULTILINE)


def blocks(keyword):
    """Yield name and body of every struct or enum, in the order of the source."""
    for found, name, body in BLOCK.findall(SOURCE.read_text()):
        if found == keyword:
            yield name, body


def layouts():
    """Yield (struct, dtype, [(field, meaning), ...]); the fields of the header are its own."""
    header = None
    for name, body in blocks("cdef struct"):
        fields = FIELD.findall(body)
        if name == "Header":
            header = [field for field, _ in fields]
            yield name, messages.MESSAGE, fields
            continue
        fields = [(field, meaning) for field, meaning in fields if field != "header"]
        dtype = dtype_of(name)
        expected = header + [field for field, _ in fields]
        if list(dtype.names) != expected:
            raise ValueError(f"{SOURCE.name}: {name} has {expected}, its dtype has {dtype.names}")
        yield name, dtype, fields


def dtype_of(struct):
    """The dtype of a struct: BookTop's is BOOK_TOP_DTYPE or BOOK_TOP."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", struct).upper()
    return getattr(messages, f"{name}_DTYPE", None) or getattr(messages, name)


def type_name(dtype):
    """The name of a field's type, as in `uint64[3]`."""
    return dtype.base.name + "".join(f"[{count}]" for count in dtype.shape)


def docs():
    """The text of docs/messages.md."""
    lines = [
        "# Messages",
        "",
        "Generated from `ext/messages.pxd` by `make docs`. A message is 64 bytes, little-endian,",
        f"and starts with the header. The layout's version is {messages.LAYOUT_VERSION}.",
    ]
    for name, dtype, fields in layouts():
        kinds = [k.name for k, payload in messages.PAYLOAD_OF_KIND.items() if payload is dtype]
        lines += ["", f"## {name}", ""]
        if kinds:
            lines += [f"Kinds: {', '.join(kinds)}.", ""]
        lines += ["| field | offset | size | type | meaning |", "|---|--:|--:|---|---|"]
        for field, meaning in fields:
            inner, offset = dtype.fields[field][:2]
            row = (field, offset, inner.itemsize, type_name(inner), meaning)
            lines.append(f"| {' | '.join(map(str, row))} |")
    for name, body in blocks("cpdef enum"):
        docstring = DOCSTRING.search(body)
        lines += ["", f"## {name}", ""]
        if docstring:
            lines += [docstring[1], ""]
        lines += ["| value | name | meaning |", "|--:|---|---|"]
        lines += [
            f"| {int(getattr(messages, name)[item])} | {item} | {meaning} |"
            for item, meaning in ITEM.findall(body)
        ]
    return "\n".join(lines) + "\n"


def snapshot():
    """The text of tests/layout.snapshot: one line `name offset size format` for each field."""
    lines = [f"LAYOUT_VERSION {messages.LAYOUT_VERSION}"]
    for name, dtype, fields in layouts():
        for field, _ in fields:
            inner, offset = dtype.fields[field][:2]
            kind = "".join(f"({count},)" for count in inner.shape) + inner.base.str
            lines.append(f"{name}.{field} {offset} {inner.itemsize} {kind}")
    return "\n".join(lines) + "\n"


def main():
    texts = {DOCS: docs(), SNAPSHOT: snapshot(), HEADER: header()}
    stale = {p: text for p, text in texts.items() if not p.exists() or p.read_text() != text}
    if sys.argv[1:] == ["--check"]:
        if stale:
            sys.exit(f"stale, run `make docs`: {', '.join(path.name for path in stale)}")
        return
    version = f"LAYOUT_VERSION {messages.LAYOUT_VERSION}\n"
    if SNAPSHOT in stale and SNAPSHOT.exists() and SNAPSHOT.read_text().startswith(version):
        sys.exit(f"the layout changed: raise LAYOUT_VERSION in ext/{SOURCE.name}")
    for path, text in stale.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
