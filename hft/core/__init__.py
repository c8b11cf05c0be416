"""Compiled from ext/: messages, ring, clock, counters, book, engine, risk, features, journal."""
