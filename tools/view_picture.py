"""Draw docs/live-view.svg: the live view of a short run of the simulated market.

The seed is fixed, but the figures of the host, latencies above all, are those of the machine that
drew it. So nothing checks the picture for freshness: it is drawn again when the view has changed.
"""

import io
import re
import sys
import tempfile
from pathlib import Path

import msgspec
from rich.console import Console
from rich.terminal_theme import TerminalTheme

from hft import launch
from hft.display import Display
from hft.errors import UserError, run_command
from hft.monitor.snapshot import Snapshot
from hft.run import Run
from hft.runtime.log import LogBook, use
from hft.runtime.segments import InstanceLock

PICTURE = Path(__file__).parents[1] / "docs" / "live-view.svg"
WIDTH, HEIGHT = 120, 40
RUN = ("--seed", "7", "--speed", "10", "--duration", "400")
SEEN_S = 36.0  # of the host: as many samples as the curves have columns
PATIENCE_S = 3.0  # until own orders rest in the book that is drawn
THEME = TerminalTheme(
    (22, 27, 34),
    (201, 209, 217),
    [
        (72, 79, 88), (248, 120, 110), (70, 190, 100), (220, 170, 60),
        (88, 166, 255), (200, 140, 255), (70, 200, 210), (177, 186, 196),
    ],
)  # fmt: skip
# A reader's own monospaced font will do, none from the net.
FOREIGN = re.compile(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", re.DOTALL)


class Recorder(Display):
    """Keeps what there is to see until there is enough of it."""

    seen_s = SEEN_S

    def show(self, run: Run) -> None:
        recent: list[Snapshot] = []

        def keep(shot: Snapshot) -> None:
            self.view.history.add(shot)
            recent.append(shot)
            rests = shot["orders"]["open"] >= 2 or shot["uptime_s"] >= self.seen_s + PATIENCE_S
            if shot["uptime_s"] >= self.seen_s and rests and run.requests == 0:
                self.console.print(self.view.render(shot, recent[-2]))
                run.request_end()

        run.watch(lambda run: self.look(run, keep))


def record(instance: str = "demo", seen_s: float = SEEN_S) -> Console:
    """A run, and what the view showed of it."""
    loaded = launch.load_all(launch.parser().parse_args(["--instance", instance, *RUN]))
    placement = launch.place_all(loaded)
    spec, feed, _ = launch.run_spec(loaded)
    lock = InstanceLock(spec.instance)
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "run"
        folder.mkdir()
        spec = msgspec.structs.replace(spec, folder=str(folder))
        book = LogBook(folder / "log.jsonl")
        display = Recorder(spec, feed, book)
        display.seen_s = seen_s
        display.console = Console(
            record=True, width=WIDTH, height=HEIGHT, file=io.StringIO(), color_system="standard",
            force_terminal=True, legacy_windows=False,
        )  # fmt: skip
        book.screen = None
        book.listeners = [display.take_log]  # once, also where stdout is a terminal
        with use(book.write, spec.log_level):
            run = Run(spec, placement, book)
            try:
                run.start()
                display.watch(run)
                run.finish()
            finally:
                run.remove()
        book.close()
    lock.release()
    if run.failure is not None:
        raise UserError(run.failure)
    return display.console


@run_command
def main() -> int:
    svg = record().export_svg(title="python -m hft.launch", theme=THEME, unique_id="view")
    PICTURE.write_text(FOREIGN.sub("", svg))
    return 0


if __name__ == "__main__":
    sys.exit(main())
