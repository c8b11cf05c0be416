"""`${VAR}` and `${VAR:-default}` in the text values of a configuration file; `$${` is `${`."""

import re
from collections.abc import Mapping

__all__ = ["NotSet", "ReferenceProblem", "has_reference", "names", "resolve"]

REFERENCE = re.compile(
    r"(?P<literal>\$\$\{)"
    r"|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>(?:(?!\$\{)[^}])*))?\}"
    r"|(?P<broken>\$\{)"
)


class ReferenceProblem(Exception):
    """What is wrong with a reference, in words."""


class NotSet(ReferenceProblem):
    """A variable is not set, and the reference has no default."""


def has_reference(text: str) -> bool:
    """Whether anything in it is to be replaced, or was meant to be."""
    return any(not found["literal"] for found in REFERENCE.finditer(text))


def names(text: str) -> set[str]:
    """The variables that it refers to."""
    return {found["name"] for found in REFERENCE.finditer(text) if found["name"]}


def resolve(text: str, environment: Mapping[str, str]) -> str:
    """The text with the values of its variables; ReferenceProblem for what has none."""

    def replaced(found: re.Match[str]) -> str:
        if found["literal"]:
            return "${"
        if found["broken"]:
            raise ReferenceProblem(
                "has a ${ that begins no ${NAME} or ${NAME:-default}; $${ stands for a plain ${"
            )
        value = environment.get(found["name"]) or found["default"]
        if value is None:
            if found["name"] in environment:
                return ""
            raise NotSet(f"the variable {found['name']} is not set")
        return value

    return REFERENCE.sub(replaced, text)
