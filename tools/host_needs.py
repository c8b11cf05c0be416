"""Print what a run with the default configuration needs of its host, a name and a value a line.

`tools/tune_host.sh` reads it, so that rings, pages and cores are known in one place.
"""

from hft.config.keys import keys
from hft.core.control import INSTRUMENTS_MAX, page_dtype
from hft.core.ring import Ring
from hft.runtime.topology import EDGES

HUGE_BYTES = 2 << 20


def needs() -> dict[str, str]:
    """`cores` as a list, `shared_bytes` of all segments at most, `huge_pages` that rings fill."""
    rings = [Ring.segment_bytes(edge.capacity_slots) for edge in EDGES]
    huge = sum(size // HUGE_BYTES for size in rings if size % HUGE_BYTES == 0)
    return {
        "cores": ",".join(map(str, keys()["run.affinity"].default)),
        "shared_bytes": str(sum(rings) + page_dtype(INSTRUMENTS_MAX).itemsize),
        "huge_pages": str(huge),
    }


if __name__ == "__main__":
    for name, value in needs().items():
        print(name, value)
