"""The text of ext/include/hft_messages.h: the enums and structs of ext/messages.pxd for C and C++.

Every block becomes what it is in C, its comments included: nothing is known here of single
messages. `python -m tools.message_docs` writes it.
"""

import re
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "ext/messages.pxd"
BLOCK = re.compile(
    r"^(?:cdef (struct|union)|cpdef (enum))(?: (\w+))?:\n((?:(?: {4}.*)?\n)+)", re.MULTILINE
)
LINE = re.compile(r"^(?:(\w+) (\w+)(\[\d+\])?|(\w+) = (\d+))(?:  # (.*))?$")
DOCSTRING = re.compile(r'^"""(.*)"""$')
PLAIN = re.compile(r"u?int\d+_t|float|double")  # the same type in C; others are the file's own
CONSTANT_PREFIX, TYPE_PREFIX = "HFT_", "hft_"

HEAD = """\
/* Wire layout of every message: one cache line each, little-endian, naturally aligned.
 *
 * Generated from ext/messages.pxd by `make docs`: a change here is lost. C99 and C++.
 */
#ifndef HFT_MESSAGES_H
#define HFT_MESSAGES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Doesn't compile unless a type is as large as a message. */
#define HFT_ONE_MESSAGE(type) \\
    typedef char type##_is_one_message[sizeof(type) == HFT_MESSAGE_SIZE ? 1 : -1]
"""
TAIL = """\
#ifdef __cplusplus
}
#endif

#endif
"""


def c_name(name: str) -> str:
    """The name of a type: BookTop is hft_book_top."""
    return TYPE_PREFIX + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def enum_text(name: str, items: list[str]) -> str:
    head = f"enum {c_name(name)} {{" if name else "enum {"
    return "\n".join([head, *items, "};"])


def record_text(keyword: str, name: str, items: list[str]) -> str:
    return "\n".join([f"typedef {keyword} {c_name(name)} {{", *items, f"}} {c_name(name)};"])


def item_text(line: str) -> str | None:
    """A field or a constant in C; None for what is neither."""
    found = LINE.match(line)
    if found is None:
        return None
    kind, field, size, constant, value, comment = found.groups()
    if constant:
        text = f"{CONSTANT_PREFIX}{constant} = {value},"
    else:
        text = f"{kind if PLAIN.fullmatch(kind) else c_name(kind)} {field}{size or ''};"
    return f"    {text}" + (f" /* {comment} */" if comment else "")


def block_text(keyword: str, name: str, body: str) -> str:
    """One enum, struct or union, with its meaning above it."""
    comments, items = [], []
    for line in filter(None, map(str.strip, body.splitlines())):
        docstring, item = DOCSTRING.match(line), item_text(line)
        if docstring:
            comments.append(f"/* {docstring[1]} */")
        elif line.startswith("# "):
            items.append(f"    /* {line[2:]} */")
        elif item:
            items.append(item)
        else:
            raise ValueError(f"{SOURCE.name}: {name or keyword} has a line not understood: {line}")
    if keyword == "enum":
        text = enum_text(name, items)
    else:
        text = record_text(keyword, name, items)
        if "Header header" in body:  # else it is a part of a message
            text += f"\nHFT_ONE_MESSAGE({c_name(name)});"
    return "\n".join([*comments, text])


def header() -> str:
    """The whole file."""
    source = SOURCE.read_text()
    blocks = [
        block_text(record or "enum", name, body) for record, _, name, body in BLOCK.findall(source)
    ]
    return "\n\n".join([HEAD.rstrip("\n"), *blocks, TAIL])
