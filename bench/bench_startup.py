"""Start-up: imports and commands against an empty Python, and the system until it trades.

Imports and commands are whole processes, so `python, nothing` is in all of them. The system's
figures are from the start of its process, on the simulated market at --speed 1.
"""

import sys

from support import new_runner, repeat
from system import observe

COMMANDS = {
    "python, nothing": ("-c", "pass"),
    "import hft": ("-c", "import hft"),
    "import hft.core": ("-c", "import hft.core"),
    "import hft.launch": ("-c", "import hft.launch"),
    "hft.launch --help": ("-m", "hft.launch", "--help"),
    "hft.status --help": ("-m", "hft.status", "--help"),
}


def start() -> dict[str, float]:
    seen = observe("--speed", "1", "--duration", "1")
    return {
        "start-up, all nodes run": seen.running_s,
        "start-up, first trade": seen.first_trade_s,
    }


if __name__ == "__main__":
    runner = new_runner(__doc__, processes=4)
    for name, arguments in COMMANDS.items():
        runner.bench_command(f"start-up, {name}", [sys.executable, *arguments])
    repeat(runner, start)
