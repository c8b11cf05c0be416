"""What launch shows beside the view."""

import logging
from pathlib import Path

import pytest
from rich.console import Console

from hft.display import link_latest
from hft.monitor.view import can_draw


def test_latest_is_the_newest_run(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        link_latest(tmp_path / name)
        assert (tmp_path / "latest").resolve() == tmp_path / name


def test_a_run_goes_on_without_its_link(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Something of the user's is in the way: it stays, and is told of."""
    (tmp_path / "latest").mkdir()
    with caplog.at_level(logging.WARNING):
        link_latest(tmp_path / "one")
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}/latest: can't be linked to this run: Is a directory"
    ]


@pytest.mark.parametrize(("term", "draws"), [("xterm", True), ("dumb", False), ("unknown", False)])
def test_a_terminal_that_can_only_print_gets_lines(term: str, draws: bool) -> None:
    assert can_draw(Console(force_terminal=True, _environ={"TERM": term})) == draws
    assert not can_draw(Console(force_terminal=False, _environ={"TERM": term}))
