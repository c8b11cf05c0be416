"""Print requirements of pyproject.toml, one a line: of `build`, `runtime` or a named extra."""

import sys
import tomllib

with open("pyproject.toml", "rb") as file:
    table = tomllib.load(file)
groups = {
    "build": table["build-system"]["requires"],
    "runtime": table["project"]["dependencies"],
    **table["project"]["optional-dependencies"],
}
for name in sys.argv[1:]:
    print(*groups[name], sep="\n")
