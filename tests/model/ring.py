"""What is checked: which threads share which words, in which bounds."""

from collections.abc import Mapping
from pathlib import Path

from tests.model.explore import Model
from tests.model.program import Layout, compile_thread
from tests.model.source import EXT, functions

WORDS = 3  # of a message: sequence, payload, payload with the stamp
HEADER = ("head", "progress", "cursor", "lost", "lost_from", "lost_before")
COPY = ("event_ts_ns", "sequence", "bids", "asks")
VIEW = ("view_version", *(f"view_{half}.{word}" for half in ("even", "odd") for word in COPY))
SHARED = {"view": VIEW, "park": (*HEADER, "waits")}
FILES = ("ring.pxd", "edges.pxd", "book_view.pxd", "wake.pxd")
# A `drop` ring's payload may be read while it is written; that it is thrown away then is checked.
TORN = ("drop", "onlook", "view")


def texts() -> dict[str, str]:
    """The text of the code, and of the drivers."""
    found = {path.name: path.read_text() for path in map(EXT.joinpath, FILES) if path.exists()}
    return found | {"drivers.pxd": Path(__file__).with_name("drivers.pxd").read_text()}


def model(
    what: str,
    capacity: int,
    messages: int,
    lives: tuple[int, int] = (0, 0),
    code: Mapping[str, str] | None = None,
) -> Model:
    """The two threads of `drivers.pxd` whose names begin with `what`.

    Args:
        capacity: slots of the ring, a power of two.
        messages: how many are published.
        lives: how often producer and consumer may be killed and replaced.
        code: texts by file, for a mutant.
    """
    known = {}
    for name, text in (code or texts()).items():
        known |= functions(name, text)
    layout = Layout(0 if what == "view" else capacity, WORDS, SHARED.get(what, HEADER))
    ghosts = {"taken": 0, "stored": 0, "storing": 0}
    constants = {
        "MESSAGES": messages,
        "MESSAGE_SIZE": 8 * WORDS,
        "RING_AHEAD": 0,
        "STAMP": 77,
        "MAY_DIE": int(any(lives)),
    }
    programs = tuple(
        compile_thread(side, known[f"{what}_{side}"], known, layout, tuple(ghosts), constants)
        for side in ("producer", "consumer")
    )
    return Model(layout, programs, ghosts, lives, what not in TORN)
