"""Inlined functions of ext/*.pxd, read as the few constructs of Python that they are made of.

What is shared or ordered stays what it says: `load_acquire(&slot.words[0])` is the call of that
name with an address. An address `&x` is written `~x`, which Python can parse.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

EXT = Path(__file__).parents[2] / "ext"
HEAD = re.compile(
    r"^cdef (?:inline )?(?!class )(?:const )?(?P<type>\w+[ *]+)(?P<name>\w+)\(", re.MULTILINE
)
CAST = re.compile(r"<(?:const )?\w+ ?\*?>")
ADDRESS = re.compile(r"((?:[(,=?]|\breturn|\belse|\bif)\s*)&(?=\w)")
DECLARATION = re.compile(r"^(\s*)cdef (?:const )?(\w+) (.*)$")


@dataclass(frozen=True)
class Function:
    """A function: its parameters as (name, type), its statements, and where they are."""

    name: str
    file: str
    parameters: tuple[tuple[str, str], ...]
    body: list[ast.stmt]
    line: int  # of the first line of the body's text
    lines: tuple[str, ...]

    def text(self, node: ast.AST) -> str:
        return self.lines[node.lineno - 1].strip()

    def place(self, node: ast.AST) -> str:
        return f"{self.file}:{self.line + node.lineno - 1}"


def functions(file: str, text: str) -> dict[str, Function]:
    """Every C function of a .pxd, by name; a text of the model is read the same way."""
    found = {}
    for head in HEAD.finditer(text):
        arguments_end = text.index(")", head.end())
        body_start = text.index("\n", text.index(":", arguments_end)) + 1
        end = re.compile(r"^\S", re.MULTILINE).search(text, body_start)
        body = text[body_start : end.start() if end else len(text)]
        arguments = text[head.end() : arguments_end]
        found[head["name"]] = Function(
            head["name"],
            file,
            tuple(parameter(part) for part in arguments.split(",") if part.strip()),
            statements(body),
            text.count("\n", 0, body_start) + 1,
            tuple(body.splitlines()),
        )
    return found


def parameter(text: str) -> tuple[str, str]:
    """`const Message *message` is ("message", "Message *")."""
    match = re.fullmatch(r"\s*(?:const\s+)?(\w+)\s*(\*?)\s*(\w+)\s*", text)
    if match is None:
        raise SyntaxError(f"parameter must be a type and a name, was {text!r}")
    return match[3], f"{match[1]} *" if match[2] else match[1]


def statements(body: str) -> list[ast.stmt]:
    """The body of a function as Python, line by line."""
    lines = ["if True:"] + [python(line) for line in body.splitlines()]
    tree = ast.parse("\n".join(lines))
    inside = tree.body[0].body
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            node.lineno -= 1
    return inside


def python(line: str) -> str:
    """One line; a declaration becomes an annotated assignment, one without a value `pass`."""
    line = ADDRESS.sub(r"\1~", CAST.sub("", line))
    declared = DECLARATION.match(line)
    if declared is None:
        return line
    indent, type_name, rest = declared.groups()
    name, _, value = rest.partition("=")
    if "," in name:
        names = [part.strip() for part in rest.split(",")]
        return indent + "; ".join(f"{one.lstrip('*')}: '{kind(type_name, one)}'" for one in names)
    name = name.strip()
    annotated = f"{indent}{name.lstrip('*')}: '{kind(type_name, name)}'"
    return f"{annotated} = {value.strip()}" if value else annotated


def kind(type_name: str, name: str) -> str:
    return f"{type_name} *" if name.startswith("*") else type_name
