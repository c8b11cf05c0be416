"""The slow, obviously correct engine, and what tests need to compare it with the fast one."""
