"""The variables HFT_*: one for each key but those of tables with free names."""

import difflib
from collections.abc import Iterator, Mapping

from hft.config.keys import FREE, keys, variables
from hft.errors import ConfigError

__all__ = ["OTHERS", "overrides", "refuse_unknown"]

PREFIX = "HFT_"
# What the build, the tests and the profile `replay` know: with any configuration, no slip.
OTHERS = ("HFT_BUILD", "HFT_DATA", "HFT_FEED_FILE", "HFT_SEED")
OTHERS_PREFIX = "HFT_TEST_"


def overrides(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The variable that is set for a key, and its text, by the key."""
    return {
        key.name: (variable, environment[variable])
        for variable, key in variables().items()
        if variable in environment
    }


def refuse_unknown(environment: Mapping[str, str], referred: set[str]) -> Iterator[ConfigError]:
    """An error for each variable that is not one of ours and that no file refers to."""
    for name in sorted(environment):
        if (
            name.startswith(PREFIX)
            and not name.startswith(OTHERS_PREFIX)
            and name not in variables()
            and name not in OTHERS
            and name not in referred
        ):
            problem = f"unknown variable; {hint(name)}"
            yield ConfigError(problem, field=name, value=environment[name])


def hint(name: str) -> str:
    """What may help whoever set a variable that isn't one."""
    for table in free_tables():
        if f"{name}_".startswith(f"{PREFIX}{table.replace('.', '_').upper()}_"):
            return f"the names in [{table}] are free, so its keys have none: set them in a file"
    near = difflib.get_close_matches(name, variables(), n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else "see `python -m hft.config explain`"


def free_tables() -> list[str]:
    """The tables whose names, or whose keys' names, can be any."""
    without = (key.name for key in keys().values() if key.variable is None)
    return sorted({name.partition(f".{FREE}")[0] for name in without})
