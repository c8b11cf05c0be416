"""The host clock for Python."""

__all__ = ["now_ns"]


def now_ns():
    """Nanoseconds of CLOCK_MONOTONIC."""
    return host_now_ns()
