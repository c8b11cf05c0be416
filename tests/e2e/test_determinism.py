"""The same seed and input give the same journal, byte for byte, wherever the nodes run."""

import json

import pytest

from tests.e2e.conftest import Day, Start
from tests.e2e.system import FOLDED, LOADED_S, MODES, SEPARATE, System, run

pytestmark = pytest.mark.timeout(2 * LOADED_S)

SIM = ("--feed", "sim", "--speed", "max", "--duration", "20")


def play(start: Start, *arguments: str) -> tuple[System, str]:
    """A run to its end, and its state hash."""
    system = start(*arguments, "--report", "report.json")
    system.finish(LOADED_S)
    report = json.loads((system.folder / "report.json").read_text())
    return system, report["engine"]["state_hash"]


def verified_hash(system: System) -> str:
    """The state hash that a replay of the journal comes to."""
    done = run("-m", "hft.journal", "verify", "--json", str(system.run_folder), cwd=system.folder)
    result = json.loads(done.stdout)
    assert (done.returncode, result["problems"]) == (0, [])
    return str(result["state_hash"])


def test_a_simulated_market_is_the_same_for_the_same_seed(start: Start) -> None:
    """Seed and configuration decide everything; the placement decides nothing."""
    first, state_hash = play(start, *FOLDED, *SIM, "--seed", "7")
    assert len(first.journal()) > 1_000_000
    assert verified_hash(first) == state_hash
    for mode in (FOLDED, SEPARATE):
        again, again_hash = play(start, *mode, *SIM, "--seed", "7")
        assert again.journal() == first.journal()
        assert again_hash == state_hash


def test_another_seed_gives_another_journal(start: Start) -> None:
    """The seed reaches what is drawn."""
    short = (*FOLDED, "--feed", "sim", "--speed", "max", "--duration", "2")
    first, first_hash = play(start, *short, "--seed", "7")
    other, other_hash = play(start, *short, "--seed", "8")
    assert other.journal() != first.journal()
    assert other_hash != first_hash


@pytest.mark.parametrize("mode", MODES)
def test_a_recorded_day_is_the_same_every_time(amzn_day: Day, start: Start, mode: str) -> None:
    """A replay of a day with own orders in it can be repeated."""
    again, state_hash = play(start, *MODES[mode], "--feed", amzn_day.feed, "--speed", "max")
    assert again.journal() == amzn_day.system.journal()
    assert state_hash == amzn_day.report["engine"]["state_hash"]


def test_the_journal_of_a_day_replays_to_the_reported_state(amzn_day: Day) -> None:
    """The journal is all that the engine's state depends on."""
    assert verified_hash(amzn_day.system) == amzn_day.report["engine"]["state_hash"]


@pytest.mark.parametrize("mode", MODES)
def test_what_was_merged_as_it_arrived_replays_to_the_same_state(start: Start, mode: str) -> None:
    """At full speed, in the order of arrival: no two runs are alike, but the journal has it all."""
    system, state_hash = play(start, *MODES[mode], *SIM, "--merge", "arrival")
    report = json.loads((system.folder / "report.json").read_text())
    assert not report["simulated_time"]
    assert report["orders"]["sent"] > 0
    assert verified_hash(system) == state_hash
