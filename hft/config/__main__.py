"""Look at a configuration before it is used: `python -m hft.config check|show|explain`."""

import argparse
import sys
import textwrap

import msgspec

from hft.arguments import Parser
from hft.config.keys import FREE, Key, Table, keys, nearest, tables
from hft.config.load import Loaded, load
from hft.config.profiles import find, profiles
from hft.config.toml_text import value_text, written
from hft.errors import ConfigError, run_command
from hft.feeds import check_scheme
from hft.strategies import check_strategy

__all__ = ["main"]


def parser() -> Parser:
    made = Parser(prog="python -m hft.config", description="Check, show or explain settings.")
    commands = made.add_subparsers(dest="command", required=True, metavar="check|show|explain")
    about = f"a TOML file, or a profile: {', '.join(profiles())}; by default, no file"
    for name, meaning in (
        ("check", "say all that is wrong with a configuration, or that it is good"),
        ("show", "print all that is set, as TOML, and where it comes from"),
    ):
        command = commands.add_parser(name, help=meaning, description=meaning)
        command.add_argument("file", nargs="?", metavar="FILE", help=about)
    meaning = "say what a key, or each key of a table, means and may be"
    command = commands.add_parser("explain", help=meaning, description=meaning)
    command.add_argument("key", nargs="?", metavar="KEY", help="by default, a list of all")
    return made


def checked(name: str | None) -> Loaded:
    """What a file and the environment come to, as far as it can be said without the host."""
    loaded = load(None if name is None else find(name))
    with loaded.at("run.feed"):
        check_scheme(loaded.config.run.feed)
    return loaded


def explain(name: str) -> str:
    """What there is to say of a key or a table."""
    name = name.strip("[]")
    found = [table for table in tables() if name in (table.name, table.name.partition(".")[0])]
    if found:
        return "\n\n".join(explain_table(table) for table in found)
    key = key_of(name)
    if key is not None:
        return explain_key(key)
    near = nearest(name, [*keys(), *(table.name for table in tables())])
    hint = f"did you mean {near}?" if near else f"there are {', '.join(t.name for t in tables())}"
    raise ConfigError(f"unknown key; {hint}", value=name)


def key_of(name: str) -> Key | None:
    """The key of a name; in `instruments.BTCUSDT.tick_size` any name stands for NAME."""
    if name in keys():
        return keys()[name]
    parts = name.split(".")
    for key in keys().values():
        wanted = key.name.split(".")
        if len(wanted) == len(parts) and all(
            want in (part, FREE) for want, part in zip(wanted, parts, strict=True)
        ):
            return key
    return None


def explain_table(table: Table) -> str:
    return "\n\n".join([f"[{table.name}]  {table.description}", *map(explain_key, table.keys)])


def explain_key(key: Key) -> str:
    rows = [("must be", key.allowed), ("default", default_text(key))]
    if key.unit:
        rows.append(("unit", key.unit))
    rows.append(("variable", key.variable or "none"))
    about = textwrap.fill(key.description, 90, initial_indent="  ", subsequent_indent="  ")
    return "\n".join([key.name, about, *(f"  {name + ':':9} {text}" for name, text in rows)])


def default_text(key: Key) -> str:
    """The default as people write it."""
    if key.default is msgspec.NODEFAULT:
        return "none: it must be given"
    return "not set" if key.default is None else value_text(key.default)


def list_all() -> str:
    """All keys, a line each."""
    width = max(map(len, keys()))
    return "\n".join(f"{key.name:{width}}  {key.description}" for key in keys().values())


@run_command
def main(arguments: list[str] | None = None) -> int:
    options: argparse.Namespace = parser().parse_args(arguments)
    if options.command == "explain":
        print(list_all() if options.key is None else explain(options.key))
    elif options.command == "show":
        print(written(checked(options.file)), end="")
    else:
        loaded = checked(options.file)
        with loaded.at("strategy.parameters"):
            check_strategy(loaded.config)
        print(f"{options.file or 'defaults and environment'}: good")
    return 0


if __name__ == "__main__":
    sys.exit(main())
