"""Instructions per operation of a flow, as valgrind's callgrind counts them, and whose they are.

Only what happens inside of the driver's `count_*` is counted, so neither Python nor the filling of
the book. Run as a script it prints both counts and, with --lines, where the engine's go: by the
function of the generated C that a line stands in, inlined or not.
"""

import argparse
import collections
import ctypes
import re
import shutil
import subprocess
import sys
from pathlib import Path

import flows
from native import TARGET, load_driver
from support import ROOT
from table import engine_table

OPERATIONS = 500_000
WHO = ("engine", "floor")
FUNCTION = re.compile(r"^(?:static |void |int |__attribute__).*?\b(\w+)\((?!.*;)")


def available() -> bool:
    return shutil.which("valgrind") is not None


def out_file(who: str) -> Path:
    return TARGET / f"callgrind.{who}"


def per_operation(
    who: str, operations: int = OPERATIONS, share: float = 1.0, flow: str = flows.MIX_A
) -> float:
    """Instructions that an operation takes, on average."""
    command = ["valgrind", "--tool=callgrind", "--collect-atstart=no", "--dump-line=yes"]
    command += [f"--toggle-collect=count_{who}", f"--callgrind-out-file={out_file(who)}"]
    command += [sys.executable, __file__, "--inside", who]
    command += ["--operations", str(operations), "--share", str(share), "--flow", flow]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    counted = re.search(r"^counted (\d+)$", done.stdout, re.MULTILINE)
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or counted is None or collected is None:
        raise RuntimeError(f"valgrind failed:\n{done.stdout}{done.stderr}")
    return int(collected[1]) / int(counted[1])


def inside(who: str, operations: int, share: float, name: str) -> None:
    """What runs under valgrind."""
    flow = flows.cached(name, share, operations)
    part = flow.sizes
    table = engine_table() if who == "engine" else None
    address = ctypes.c_void_p(flow.address)
    if not load_driver().count(ctypes.c_void_p(table), address, ctypes.byref(part)):
        raise MemoryError("no memory for the engine or the floor")
    print(f"counted {part.count - part.setup}")


def lines_of(path: Path) -> collections.Counter[tuple[str, int]]:
    """Instructions by file and line, of callgrind's output; what is called counts where it is."""
    costs: collections.Counter[tuple[str, int]] = collections.Counter()
    names: dict[str, str] = {}
    file, line, is_call = "", 0, False
    for text in path.read_text().splitlines():
        key, is_assigned, value = text.partition("=")
        if is_assigned and key in {"fl", "fi", "fe", "cfi", "cfl"}:
            number, _, name = value.partition(" ")
            name = names.setdefault(number, name)  # it is written once
            file = file if key in {"cfi", "cfl"} else name
        elif is_assigned and key == "calls":
            is_call = True
        elif re.match(r"[+\-*\d]", text):
            place, cost = text.split()[:2]
            line = line if place == "*" else line + int(place) if place[0] in "+-" else int(place)
            if not is_call:
                costs[file, line] += int(cost)
            is_call = False
    return costs


def plain(name: str) -> str:
    """A function's name without what Cython puts before it: the package and the module."""
    found = re.match(r"__pyx_f_3hft_4core_(\d+)(\w+)$", name)
    return found[2][int(found[1]) + 1 :] if found else name


def functions_of(path: Path) -> list[tuple[int, str]]:
    """First line and name of the functions of a C file as Cython writes it."""
    found = []
    for number, text in enumerate(path.read_text().splitlines(), 1):
        definition = FUNCTION.match(text)
        if definition:
            found.append((number, plain(definition[1])))
    return found


def by_function(who: str) -> list[tuple[float, str]]:
    """Shares of all instructions by function, the largest first."""
    shares: collections.Counter[str] = collections.Counter()
    known: dict[str, list[tuple[int, str]]] = {}
    for (file, line), cost in lines_of(out_file(who)).items():
        path = ROOT / file
        if file not in known:
            known[file] = functions_of(path) if path.suffix == ".c" and path.exists() else []
        names = [name for first, name in known[file] if first <= line]
        shares[names[-1] if names else Path(file).name or "?"] += cost
    total = sum(shares.values())
    return [(cost / total, name) for name, cost in shares.most_common()]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--operations", type=int, default=OPERATIONS)
    parser.add_argument("--share", type=float, default=1.0, help="of the flow's size")
    parser.add_argument("--flow", choices=flows.VARIANTS, default=flows.MIX_A)
    parser.add_argument("--lines", action="store_true", help="whose they are")
    parser.add_argument("--inside", choices=WHO, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        inside(args.inside, args.operations, args.share, args.flow)
        return
    if not available():
        sys.exit("valgrind is not installed (Debian: valgrind)")
    for who in WHO if flows.VARIANTS[args.flow].instruments == 1 else WHO[:1]:
        count = per_operation(who, args.operations, args.share, args.flow)
        print(f"{who}: {count:.1f} instructions per operation")
        for share, name in by_function(who) if args.lines else []:
            if share * count >= 0.05:
                print(f"  {share * count:7.1f}  {name}")


if __name__ == "__main__":
    main()
