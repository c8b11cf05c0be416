"""The profiles that come with hft: configuration files that go by a bare name."""

import difflib
from pathlib import Path

from hft.errors import ConfigError

__all__ = ["find", "profiles"]

FOLDER = Path(__file__).parent / "profiles"  # config/ of the source


def profiles() -> dict[str, Path]:
    """The files of the profiles, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def find(name: str, where: str | None = None) -> Path:
    """The file that a person means by a name: a file of that name, else a profile.

    ConfigError, with `where` as its field, if it looks like a profile's name and isn't one.
    """
    path = Path(name)
    if path.is_file() or "/" in name or "." in name:
        return path
    known = profiles()
    if name in known:
        found, here = known[name].resolve(), Path.cwd()
        return found.relative_to(here) if found.is_relative_to(here) else found
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ConfigError(
        f"is neither a file nor a profile; {hint}there are {', '.join(known)}",
        field=where,
        value=name,
    )
