"""What a person should know of a run as soon as it happens, into the log: each fact once."""

import logging

from hft.core.control import Counter
from hft.monitor.snapshot import Snapshot

__all__ = ["Alerts"]

REPEAT_S = 60.0  # what goes on is told again after so long
BY_LOSS = 2  # value of RISK_KILLED when the gate itself engaged the kill switch

log = logging.getLogger("hft.monitor")


class Alerts:
    """Compares snapshots with what was told already."""

    def __init__(self) -> None:
        self.killed = False
        self.told: dict[str, tuple[int, int]] = {}  # subject: its count and host time then

    def look(self, shot: Snapshot) -> None:
        if shot["kill_switch"]["engaged"] and not self.killed:
            self.killed = True
            by_loss = any(
                node["counters"].get(Counter.RISK_KILLED.name.lower()) == BY_LOSS
                for node in shot["nodes"]
            )
            why = "the loss limit is exceeded" if by_loss else "by hand"
            pnl_quote = {one["symbol"]: one["pnl_quote"] for one in shot["instruments"]}
            log.warning(
                f"kill switch engaged: {why}",
                extra={"since": shot["kill_switch"]["since"], "pnl_quote": pnl_quote},
            )
        for edge in shot["edges"]:
            subject = f"messages on {edge['name']} that {edge['consumer']} was too slow to see"
            # What only people miss is not worth a warning.
            level = logging.INFO if edge["consumer"] == "monitor" else logging.WARNING
            self.count(shot, level, subject, edge["dropped"])
        stalls = shot["engine"]["journal_stalls"]
        self.count(shot, logging.WARNING, "times the engine waited for the journal", stalls)

    def count(self, shot: Snapshot, level: int, subject: str, total: int) -> None:
        """Tell a total that has grown, at once at first and then now and then."""
        now_ns = shot["host_ts_ns"]
        before, told_ts_ns = self.told.get(subject, (0, now_ns - round(REPEAT_S * 1e9)))
        if total > before and now_ns - told_ts_ns >= REPEAT_S * 1e9:
            self.told[subject] = total, now_ns
            log.log(level, f"{total:,} {subject}", extra={"total": total})
