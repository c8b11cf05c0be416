"""Types of the compiled module ext/journal.pyx."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

SEGMENT_RECORDS: Final = 1048576

def segment_paths(path: str | Path) -> list[Path]: ...

class JournalWriter:
    folder: str
    segment_records: int
    segments_made: int
    def __init__(
        self,
        folder: str | Path,
        description: Mapping[str, Any],
        segment_records: int = 1048576,
        helper_cores: Iterable[int] = (),
    ) -> None: ...
    def keep_ahead(self) -> None: ...
    def ready_next(self) -> None: ...
    def wait_for_room(self) -> None: ...
    def append(self, messages: np.ndarray, ts_ns: int) -> None: ...
    @property
    def sequence(self) -> int: ...
    @property
    def stalls(self) -> int: ...
    def close(self) -> None: ...

class JournalReader:
    path: Path
    description: dict[str, Any]
    segment_index: int
    first_sequence: int
    records: np.ndarray
    torn_at: int | None
    def __init__(self, path: str | Path) -> None: ...
    def __len__(self) -> int: ...
