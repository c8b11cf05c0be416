"""Types of the compiled module ext/segment.pyx."""

import enum

HUGE_DIR: str

class SegmentKind(enum.IntFlag):
    SEGMENT_CONTROL = 1
    SEGMENT_RING = 2

def process_start_ticks(pid: int) -> int: ...
def segment_path(name: str) -> str | None: ...

class Segment:
    name: str
    writable: bool
    locked: bool
    @staticmethod
    def create(
        name: str, size_bytes: int, kind: SegmentKind, run_id: int = 0, pages: str = "auto"
    ) -> Segment: ...
    @staticmethod
    def attach(name: str, kind: SegmentKind, writable: bool = True) -> Segment: ...
    def backing_page_bytes(self) -> int: ...
    @property
    def header(self) -> dict[str, int]: ...
    @property
    def size(self) -> int: ...
    @staticmethod
    def unlink(name: str) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
