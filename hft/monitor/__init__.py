"""What a run shows of itself: read from its control page, drawn in a terminal."""

from hft.monitor.snapshot import Snapshot, snapshot
from hft.monitor.trade import Trade
from hft.monitor.view import View

__all__ = ["Snapshot", "Trade", "View", "snapshot"]
