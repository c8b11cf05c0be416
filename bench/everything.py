"""What `make bench` runs: every bench_*.py in turn, each with the options that are given here.

With --comprehensive also engine.py, ring.py and pipeline.py, all at full size. Each leaves pyperf's
JSON in build/bench/, from where older results of the same scripts are gone before.
"""

import subprocess
import sys

from support import ROOT, new_runner

RESULTS = ROOT / "build/bench"
BY_THEMSELVES = {  # script: what makes it comprehensive
    "engine": ("--rounds", "9"),
    "ring": (),  # its default is long enough
    "pipeline": ("--comprehensive",),
}


def run(script: str, *options: str) -> None:
    """SystemExit with the script's own exit code, if that is not 0."""
    output = RESULTS / f"{script}.json"
    output.unlink(missing_ok=True)
    command = [sys.executable, str(ROOT / f"bench/{script}.py"), *options, "--output", str(output)]
    code = subprocess.run(command, check=False).returncode
    if code:
        raise SystemExit(code)


def main() -> None:
    args = new_runner(__doc__, processes=1).parse_args()  # whatever is unknown is told now
    given = sys.argv[1:]
    RESULTS.mkdir(parents=True, exist_ok=True)
    scripts = sorted(path.stem for path in (ROOT / "bench").glob("bench_*.py"))
    for old in RESULTS.glob("bench_*.json"):  # also of a script that is no more
        old.unlink()
    for script in scripts:
        run(script, "--quiet", *given)
    if args.comprehensive:
        for script, options in BY_THEMSELVES.items():
            orders = ("--orders", str(args.orders)) if args.orders and script == "pipeline" else ()
            run(script, *options, *orders)


if __name__ == "__main__":
    main()
