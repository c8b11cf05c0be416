"""Act on a running system: `python -m hft.control kill|stop [--instance NAME]`.

`kill` engages the kill switch: the risk gate refuses every new order from then on and the engine
cancels what rests. It stays engaged until the run ends. `stop` ends the run as Ctrl-C would: what
is under way is finished first.
"""

import sys

from hft.arguments import Parser
from hft.attach import attach
from hft.core.control import StopWord
from hft.errors import run_command

__all__ = ["main"]


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = Parser(prog="python -m hft.control", description=__doc__)
    parser.add_argument("action", choices=("kill", "stop"))
    parser.add_instance()
    options = parser.parse_args(arguments)
    _, control = attach(options.instance, writable=True)
    if options.action == "kill":
        control.engage_kill_switch()
        print("kill switch engaged")
    else:
        control.stop = StopWord.STOP_DRAIN
        print("the run was asked to end")
    return 0


if __name__ == "__main__":
    sys.exit(main())
