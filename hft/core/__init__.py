"""Compiled from ext/: messages, ring, clock, counters, histogram, book, engine, risk, journal."""

from pathlib import Path

from hft.core.matching_engine import MatchingEngine

__all__ = ["MatchingEngine", "include_dir"]


def include_dir() -> str:
    """The folder of `hft_engine.h`, for a C compiler's -I (docs/c_interface.md)."""
    return str(Path(__file__).with_name("include"))
