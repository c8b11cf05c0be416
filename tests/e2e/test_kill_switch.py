"""The kill switch: by hand or by a loss limit, trading stops and the run goes on."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.e2e.conftest import Start
from tests.e2e.system import FOLDED, LOADED_S, MODES, System, run, until

# A market in which the market maker soon loses more than one.
SIM = ("--speed", "max", "--duration", "15", "--seed", "13", "--config", "loss.toml")


def records(system: System, kind: str) -> list[Any]:
    """The journal's records of a kind."""
    done = run("-m", "hft.journal", "show", "--json", str(system.run_folder), cwd=system.folder)
    assert done.returncode == 0, done.stderr
    return [row for row in map(json.loads, done.stdout.splitlines()) if row["kind"] == kind]


def reports(system: System) -> list[Any]:
    """Kinds, reasons and times of the reports on own orders, in the recorder's order."""
    table = pq.read_table(system.run_folder / "reports.parquet")
    columns = ["event_ts_ns", "kind", "order_id", "reason"]
    table = table.select(columns)
    table = table.set_column(3, "reason", pc.cast(table["reason"], pa.string()))
    return table.to_pylist()


def assert_stopped(system: System) -> None:
    """One mass cancel; after it orders are refused, and none is accepted but those under way."""
    killed = records(system, "MASS_CANCEL")
    assert [row["source"] for row in killed] == ["RISK"]
    found = reports(system)
    refused = [row for row in found if row["reason"] == "RISK_KILL_SWITCH"]
    assert refused
    assert {row["kind"] for row in refused} == {"REFUSED"}
    first_ts_ns = min(row["event_ts_ns"] for row in refused)
    # Nothing overtakes on the way to the engine: what was under way arrived before the cancel.
    stopped_ts_ns = max(first_ts_ns, killed[0]["event_ts_ns"])
    later = [row["kind"] for row in found if row["event_ts_ns"] > stopped_ts_ns]
    assert not {"ACCEPTED", "REPLACED", "FILLED"} & set(later)
    accepted = {row["order_id"] for row in found if row["kind"] == "ACCEPTED"}
    assert not accepted & {row["order_id"] for row in refused if row["event_ts_ns"] > stopped_ts_ns}


def test_the_kill_switch_by_hand(start: Start) -> None:
    """`hft.control kill` stops all trading of a live run, which still ends cleanly."""
    system = start(*FOLDED)
    system.running()
    assert system.status()["kill_switch"] == {"engaged": False, "since": None}
    done = system.command("hft.control", "kill")
    assert (done.returncode, done.stdout) == (0, "kill switch engaged\n")

    def stopped() -> Any:
        status = system.status()
        return status if status["orders"]["refused"] else None

    status = until(stopped, "refusals")
    assert status["kill_switch"]["engaged"]
    assert status["kill_switch"]["since"] is not None
    status = until(lambda: one_without_orders(system), "the end of all own orders")
    assert status["instruments"][0]["open_buy_lots"] == 0
    assert status["instruments"][0]["open_sell_lots"] == 0
    system.interrupt()
    system.assert_gone()
    assert "RISK_KILL_SWITCH" in system.out
    assert f"killed     by hand, at {status['kill_switch']['since']}: " in system.out
    assert_stopped(system)


def one_without_orders(system: System) -> Any:
    status = system.status()
    return status if status["instruments"][0]["open_orders"] == 0 else None


@pytest.mark.timeout(2 * LOADED_S)
def test_a_loss_limit_engages_it_in_the_same_way_each_time(start: Start, tmp_path: Path) -> None:
    """A limit on the loss is part of the simulation: as repeatable as all else."""
    (tmp_path / "loss.toml").write_text("[risk]\nloss_quote = 1\n")
    journals = []
    for placement in MODES.values():
        system = start(*placement, *SIM)
        system.finish(LOADED_S)
        journals.append(system.journal())
        assert_stopped(system)
        assert "killed     beyond the loss limit, at 2" in system.out
        (killed,) = (line for line in system.log if "kill switch" in line["message"])
        assert killed["message"] == "kill switch engaged: the loss limit is exceeded"
    assert journals[0] == journals[1]
