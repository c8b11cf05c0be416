"""The lines of keys, for every way to write them, against tomlkit's values."""

from typing import Any

import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from hft.config.positions import Path, places

NAME = st.sampled_from(["a", "b-1", "c_d", '"q.u"', "'l i'", '"e\\"s"', '"]"', '"#"'])
# Each value has a number of its own, by which its line is found in the text.
SHAPES = (
    "{n}",
    '"{n}"',
    "'{n} # ]'",
    '"""{n}\n # \\""" = [\n"""""',
    "'''\n{n}\n]\n'''",
    "[{n}, # c ]\n  [ {n} ],\n]",
    '{{ x = {n}, "y.z" = [ {n} ] }}',
    "1979-05-27 07:32:00",
    "{n}.5e1 # = [",
)


def leaves(value: Any, path: Path = ()) -> dict[Path, Any]:
    """Every path of a document."""
    found: dict[Path, Any] = {path: value}
    inner = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        inner = enumerate(value)
    for key, each in inner:
        found |= leaves(each, (*path, key))
    return found


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[int, int]]:
    """A text of tables and keys, not all of it valid, and the line of each numbered key."""
    lines, number = 1, 0
    text = ""
    numbered: dict[int, int] = {}
    end = draw(st.sampled_from(["\n", "\r\n"]))
    for _ in range(draw(st.integers(0, 8))):
        dots = draw(st.sampled_from([".", " . "]))
        name = dots.join(draw(st.lists(NAME, min_size=1, max_size=3)))
        kind = draw(st.sampled_from(["[{}]", "[[{}]]", "= ", "=", "="]))
        if kind[0] == "[":
            part = f"  {kind.format(name)} # [x]"
        else:
            number += 1
            numbered[1000 + number] = lines
            part = f"{name} {kind}" + draw(st.sampled_from(SHAPES)).format(n=1000 + number)
        part = (part + draw(st.sampled_from(["\n", "\n\n", "\n # c = 1\n"]))).replace("\n", end)
        text += part
        lines += part.count("\n")
    return text, numbered


@given(documents())
def test_every_path_has_its_line(drawn: tuple[str, dict[int, int]]) -> None:
    """All of tomlkit's paths and no others; keys by the lines on which they were written."""
    text, numbered = drawn
    try:
        values = tomlkit.parse(text).unwrap()
    except tomlkit.exceptions.TOMLKitError:
        return
    found = places(text)
    expected = leaves(values)
    del expected[()]
    assert found.keys() == expected.keys()
    rows = text.split("\n")
    for path, place in found.items():
        assert 1 <= place.line <= len(rows)
        if place.text and not isinstance(path[-1], int):
            assert place.text.split("\n")[0] in rows[place.line - 1]
            inside = [number for number in numbered if str(number) in place.text]
            assert all(numbered[number] <= place.line for number in inside)


def test_the_lines_of_a_document() -> None:
    """Dotted keys, inline tables, arrays over lines, arrays of tables, tables out of order."""
    text = (
        "a.b = 1\n\n[t]\nx = [\n  1, # ]\n  { y = 2,\n    z = '''\n''' }\n]\n[[many]]\nk = 1\n"
        '[[many]]\n[many.sub]\nk = 2\n[t.u]\nv = """\n[not.this]\n"""\nw=1\n'
    )
    lines = {path: place.line for path, place in places(text).items()}
    assert lines == {
        ("a",): 1,
        ("a", "b"): 1,
        ("t",): 3,
        ("t", "x"): 4,
        ("t", "x", 0): 5,
        ("t", "x", 1): 6,
        ("t", "x", 1, "y"): 6,
        ("t", "x", 1, "z"): 7,
        ("many",): 10,
        ("many", 0): 10,
        ("many", 0, "k"): 11,
        ("many", 1): 12,
        ("many", 1, "sub"): 13,
        ("many", 1, "sub", "k"): 14,
        ("t", "u"): 15,
        ("t", "u", "v"): 16,
        ("t", "u", "w"): 19,
    }
