"""What a run shows of itself: read from its control page, drawn in a terminal."""

from hft.monitor.snapshot import Snapshot, snapshot
from hft.monitor.view import Trade, View

__all__ = ["Snapshot", "Trade", "View", "snapshot"]
