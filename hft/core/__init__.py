"""Compiled from ext/: messages, ring, clock, counters, histogram, book, engine, risk, journal."""

from hft.core.matching_engine import MatchingEngine

__all__ = ["MatchingEngine"]
