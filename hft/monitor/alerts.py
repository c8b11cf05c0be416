"""What a person should know of a run as soon as it happens, into the log: each fact once."""

import logging
from collections.abc import Mapping

from hft.core.control import Counter
from hft.monitor.snapshot import Snapshot, shown_state
from hft.monitor.units import elapsed

__all__ = ["Alerts", "unlocked_nodes"]

REPEAT_S = 60.0  # what goes on is told again after so long
BY_LOSS = 2  # value of RISK_KILLED when the gate itself engaged the kill switch

log = logging.getLogger("hft.monitor")


def unlocked_nodes(shot: Snapshot) -> list[str]:
    """Pinned nodes whose process could not lock its own memory."""
    return [
        node["name"]
        for node in shot["nodes"]
        if node["core"] is not None
        and node["state"] in ("running", "done")
        and not node["memory_locked"]
    ]


class Alerts:
    """Compares snapshots with what was told already."""

    def __init__(self) -> None:
        self.killed = False
        self.unlocked: set[str] = set()
        self.told: dict[str, tuple[int, int]] = {}  # subject: its count and host time then
        self.stuck: dict[int, float] = {}  # process: for how long it has been so, in seconds

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
        self.look_for_stuck(shot)
        for name in unlocked_nodes(shot):
            if name not in self.unlocked:
                self.unlocked.add(name)
                log.warning(
                    f"{name}: its own memory is not locked, so it may be swapped out; "
                    "raise the limit of locked memory (ulimit -l)"
                )
        for edge in shot["edges"]:
            subject = f"messages on {edge['name']} that {edge['consumer']} was too slow to see"
            # What only people miss is not worth a warning.
            level = logging.INFO if edge["consumer"] == "monitor" else logging.WARNING
            self.count(shot, level, subject, edge["dropped"])
        stalls = shot["engine"]["journal_stalls"]
        self.count(shot, logging.WARNING, "times the engine waited for the journal", stalls)

    def look_for_stuck(self, shot: Snapshot) -> None:
        """Tell of a process whose loop doesn't turn any more, and when it does again."""
        names: dict[int, list[str]] = {}
        now: dict[int, float] = {}
        for node in shot["nodes"]:
            names.setdefault(node["pid"], []).append(node["name"])
            if shown_state(node) == "stuck" and node["stuck_s"] is not None:
                now[node["pid"]] = max(now.get(node["pid"], 0.0), node["stuck_s"])
        for pid in now.keys() - self.stuck.keys():
            nodes = names[pid]
            why = ": does a callback of a strategy not return?" if "signal" in nodes else ""
            log.warning(
                f"{', '.join(nodes)}: no sign of life for {elapsed(now[pid])}{why}",
                extra={"node_pid": pid},
            )
        self.tell_back(self.stuck.keys() - now.keys(), names, shot)
        self.stuck = now

    def tell_back(self, pids: set[int], names: Mapping[int, list[str]], shot: Snapshot) -> None:
        for pid in pids:
            states = {shown_state(node) for node in shot["nodes"] if node["pid"] == pid}
            if states and states <= {"running", "done"} and shot["stop"] != "now":
                after = elapsed(self.stuck[pid])
                log.warning(
                    f"{', '.join(names[pid])}: alive again, after at least {after}",
                    extra={"node_pid": pid},
                )

    def count(self, shot: Snapshot, level: int, subject: str, total: int) -> None:
        """Tell a total that has grown, at once at first and then now and then."""
        now_ns = shot["host_ts_ns"]
        before, told_ts_ns = self.told.get(subject, (0, now_ns - round(REPEAT_S * 1e9)))
        if total > before and now_ns - told_ts_ns >= REPEAT_S * 1e9:
            self.told[subject] = total, now_ns
            log.log(level, f"{total:,} {subject}", extra={"total": total})
