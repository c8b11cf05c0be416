"""The picture of the live view can be drawn: from a run of seconds, not of half a minute."""

import os

from tools.view_picture import FOREIGN, THEME, record


def test_the_picture_shows_a_run_that_trades():
    console = record(f"test-picture-{os.getpid()}", seen_s=2.0)
    shown = console.export_text(clear=False)
    for part in ("SIM:TEST", "position and orders", "market_maker", "tick-to-order", "running"):
        assert part in shown
    svg = FOREIGN.sub("", console.export_svg(theme=THEME, unique_id="view"))
    assert svg.startswith("<svg")
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
