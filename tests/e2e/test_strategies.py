"""Strategies as their users have them: files that a configuration names, in a running system."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Start
from tests.e2e.system import FOLDED, LOADED_S, MODES, ROOT, System, run, until

pytestmark = pytest.mark.timeout(2 * LOADED_S)

SIM = ("--feed", "sim", "--speed", "max", "--duration", "5")

# Uses everything once, and writes down what it saw.
WITNESS = """
import json
from hft.strategies import Kind, Strategy, TimeInForce

MS = 1_000_000


class Witness(Strategy):
    def on_start(self, ctx):
        self.calls = ["start"]
        self.reports, self.timers, self.mistakes = [], [], []
        self.books = self.trades = self.decisions = 0
        self.filled = self.begun = self.step = 0
        self.times = []
        ctx.set_timer(20 * MS, "first")
        try:
            ctx.buy(100, 1)
        except RuntimeError as error:
            self.mistakes.append(str(error))

    def note(self, ctx):
        self.times.append(ctx.event_ts_ns)

    def on_timer(self, ctx, timer):
        self.note(ctx)
        self.timers.append([timer.name, timer.event_ts_ns, ctx.event_ts_ns])
        if timer.name == "first":
            ctx.set_timer(2000 * MS, "late")
            ctx.set_timer(1000 * MS, "early")
        elif timer.name == "early":
            self.market = ctx.buy(None, 3)
            self.try_mistakes(ctx)
        else:
            self.gone = ctx.cancel(self.market)

    def try_mistakes(self, ctx):
        for act in (
            lambda: ctx.buy(100.5, 1),
            lambda: ctx.buy(100, 0),
            lambda: ctx.buy(100, True),
            lambda: ctx.sell(100, 1, 7),
            lambda: ctx.sell("100", 1),
            lambda: ctx.sell(100, 1, time_in_force=9),
            lambda: ctx.set_timer(0),
            lambda: ctx.cancel(None),
            lambda: ctx.buy(None, 1, post_only=True),
        ):
            try:
                act()
            except (TypeError, ValueError) as error:
                self.mistakes.append(str(error))

    def on_book(self, ctx, book):
        self.note(ctx)
        self.books += 1
        assert book.event_ts_ns == ctx.event_ts_ns
        assert ctx.book() is book
        if book.valid:
            assert book.bid_price_ticks < book.microprice_ticks < book.ask_price_ticks
        self.begun = self.begun or ctx.event_ts_ns
        step = (ctx.event_ts_ns - self.begun) // (500 * MS)
        if step == 1 and self.step == 0:
            self.step = 1
            self.resting = ctx.buy(book.bid_price_ticks - 30, 5, post_only=True)
            self.moved = ctx.sell(book.ask_price_ticks + 30, 5)
            self.taker = ctx.sell(book.bid_price_ticks, 2, time_in_force=TimeInForce.IOC)
        if step == 2 and self.step == 1:
            self.step = 2
            assert ctx.orders[self.resting].working
            assert ctx.replace(self.moved, book.ask_price_ticks + 40, 4)
            assert ctx.cancel(self.resting)
            assert ctx.cancel(self.resting)  # once is enough
            assert ctx.orders[self.resting].cancelling
            ctx.buy(book.ask_price_ticks, 1, post_only=True)
            ctx.buy(book.ask_price_ticks, 10**9)

    def on_trade(self, ctx, trade):
        self.note(ctx)
        self.trades += 1

    def on_signal(self, ctx, signal):
        self.note(ctx)
        self.decisions += 1
        assert ctx.decision() is signal
        assert 0 <= signal.size <= 1
        assert (signal.direction == 0) == (signal.size == 0)

    def on_report(self, ctx, report):
        self.note(ctx)
        if report.kind == Kind.FILLED:
            self.filled += report.last_lots if report.side == 1 else -report.last_lots
        self.reports.append([report.order_id, report.kind.name, report.reason.name,
                             report.leaves_lots])

    def on_stop(self, ctx):
        assert self.times == sorted(self.times)
        seen = dict(
            books=self.books, trades=self.trades, decisions=self.decisions, reports=self.reports,
            timers=self.timers, mistakes=self.mistakes, position=ctx.position_lots(),
            filled=self.filled, gone=self.gone, open=list(ctx.orders), market=self.market,
            ids=[self.resting, self.moved, self.taker],
        )
        with open("seen.json", "w") as file:
            json.dump(seen, file)
"""

BATCHES = """
import json
import numpy as np
from hft.strategies import Kind, Strategy


class Batches(Strategy):
    def on_start(self, ctx):
        self.sizes, self.trades, self.imbalance = [], 0, 0.0

    def on_batch(self, ctx, batch):
        events = batch.events
        self.sizes.append(len(batch))
        trades, places = batch.of(Kind.TRADE)
        self.trades += len(trades)
        assert (np.diff(events["event_ts_ns"]) >= 0).all()
        assert (events["kind"][places] == Kind.TRADE).all()
        assert (trades["qty_lots"] > 0).all()
        books, places = batch.of(Kind.BOOK_TOP)
        if len(books):
            both = (books["bid_lots"] > 0) & (books["ask_lots"] > 0)
            assert (events["valid"][places] == both).all()
            self.imbalance += float(events["imbalance"][places].sum())
            if len(self.sizes) % 20 == 0 and both[-1]:
                ctx.cancel_all()
                ctx.buy(int(books["bid_price_ticks"][-1]), 1)

    def on_stop(self, ctx):
        with open("seen.json", "w") as file:
            json.dump([self.sizes, self.trades, self.imbalance, ctx.position_lots()], file)
"""

FAILING = """
from hft.strategies import Strategy


class Failing(Strategy):
    def on_start(self, ctx):
        self.books = 0

    def on_book(self, ctx, book):
        self.books += 1
        if self.books == 400:
            ctx.buy(book.bid_price_ticks - 30, 5)
            ctx.sell(book.ask_price_ticks + 30, 5)
        if self.books > 400 and all(order.working for order in ctx.orders.values()):
            self.no_such_thing
"""


def write(folder: Path, strategy: str, *, builtin: str = "[]") -> tuple[str, ...]:
    """The options of a run with a strategy."""
    (folder / "mine.py").write_text(strategy)
    (folder / "mine.toml").write_text(f'[strategy]\nbuiltin = {builtin}\npath = "mine.py"\n')
    return "--config", "mine.toml"


def report_of(system: System) -> Any:
    return json.loads((system.folder / "report.json").read_text())


def test_a_strategy_is_called_with_everything_and_trades(start: Start, tmp_path: Path) -> None:
    """Books, trades, decisions, reports, timers; and orders of every kind."""
    system = start(*FOLDED, *SIM, *write(tmp_path, WITNESS), "--report", "report.json")
    system.finish(LOADED_S)
    seen, report = json.loads((tmp_path / "seen.json").read_text()), report_of(system)
    [strategy] = report["strategies"]
    assert strategy["error"] is None
    assert strategy["state"] == "stopped"
    assert strategy["name"] == "mine"
    assert seen["books"] > 200
    assert seen["trades"] == report["engine"]["trades"]
    assert seen["decisions"] == report["decisions"]["TEST"] > 20
    assert seen["position"] == seen["filled"] == report["position_lots"]["SIM:TEST"]

    resting, moved, taker = seen["ids"]
    said = {order: [] for order, *_ in seen["reports"]}
    for order, *what in seen["reports"]:
        said[order].append(what)
    assert said[resting] == [["ACCEPTED", "NONE", 5], ["CANCELLED", "REQUESTED", 0]]
    assert said[moved][:2] == [["ACCEPTED", "NONE", 5], ["REPLACED", "NONE", 4]]
    assert said[taker][0][0] == "ACCEPTED"
    assert said[taker][-1][0] in ("FILLED", "CANCELLED")
    assert said[seen["market"]][-1] == ["FILLED", "NONE", 0]
    assert ["REFUSED", "RISK_ORDER_SIZE", 0] in [what[0] for what in said.values()]
    assert seen["gone"] is False
    assert seen["open"] == [moved]  # which the end of the run cancels
    assert report["orders"]["cancelled"] >= 2
    assert report["engine"]["live_orders"] > 0

    first, early, late = seen["timers"]
    begun_ts_ns = 34_200 * 10**9
    assert begun_ts_ns + 20_000_000 <= first[1] <= first[2] < begun_ts_ns + 100_000_000
    assert [first[0], early[0], late[0]] == ["first", "early", "late"]
    for _, due_ts_ns, at_ts_ns in (early, late):
        assert due_ts_ns <= at_ts_ns < due_ts_ns + 100_000_000
    assert seen["mistakes"] == [
        "on_start can send no order: there is no market yet",
        "price_ticks must be a whole number, was 100.5",
        f"qty_lots must be from 1 to {2**63 - 1}, was 0",
        "qty_lots must be a whole number, was True",
        "instrument must be from 0 to 0, was 7",
        "price_ticks must be a whole number, was '100'",
        "time_in_force must be a TimeInForce, was 9",
        f"after_ns must be from 1 to {(2**63 - 1) // 2}, was 0",
        "order_id must be a whole number, was None",
        "post_only needs a price, and an order that may rest (GTC)",
    ]


@pytest.mark.parametrize("strategy", [WITNESS, BATCHES], ids=["events", "batches"])
def test_a_strategy_does_the_same_wherever_the_nodes_run(
    start: Start, tmp_path: Path, strategy: str
) -> None:
    """Python is called at moments that the market's time decides, not the host's."""
    options = write(tmp_path, strategy, builtin='["market_maker", "imbalance_taker"]')
    journals, seen = set(), set()
    for mode in MODES.values():
        system = start(*mode, *SIM, *options)
        system.finish(LOADED_S)
        decisions = system.run_folder / "decisions/journal-000000.hftj"
        journals.add((system.journal(), decisions.read_bytes()))
        seen.add((tmp_path / "seen.json").read_text())
    assert len(journals) == len(seen) == 1


def test_a_batch_has_every_event_once(start: Start, tmp_path: Path) -> None:
    system = start(*FOLDED, *SIM, *write(tmp_path, BATCHES), "--report", "report.json")
    system.finish(LOADED_S)
    sizes, trades, imbalance, position = json.loads((tmp_path / "seen.json").read_text())
    report = report_of(system)
    [strategy] = report["strategies"]
    assert strategy["error"] is None
    assert trades == report["engine"]["trades"]
    assert position == report["position_lots"]["SIM:TEST"]
    assert sum(sizes) >= strategy["events"] > 1000
    assert imbalance != 0


def test_an_exception_stops_that_strategy_alone(start: Start, tmp_path: Path) -> None:
    """Its orders are cancelled, the others trade on, and everybody is told where it happened."""
    options = write(tmp_path, FAILING, builtin='["market_maker"]')
    system = start(*FOLDED, "--feed", "sim", *options)
    system.running()

    def failed() -> Any:
        return next((one for one in system.status()["strategies"] if one["error"]), None)

    strategy = until(failed, "the failure")
    where = "mine.py:15: AttributeError: 'Failing' object has no attribute 'no_such_thing'"
    assert (strategy["name"], strategy["state"]) == ("mine", "failed")
    assert strategy["error"] == f"{where} (in on_book)"
    until(lambda: system.status()["orders"]["open"] <= 2, "only the market maker's orders")
    before = system.status()["strategies"][0]["intents"]
    until(lambda: system.status()["strategies"][0]["intents"] > before, "the other to trade on")
    assert where in " ".join(system.command("hft.status").stdout.split())
    system.process.send_signal(2)
    assert system.wait() == 0
    assert f"warning: strategy mine was stopped: {where}" in system.err
    reports = system.run_folder / "reports.parquet"
    assert reports.exists()


def test_decisions_are_journaled_with_what_they_rest_on(start: Start, tmp_path: Path) -> None:
    """Weights of the configuration are in the decisions, which follow from their inputs."""
    (tmp_path / "w.toml").write_text(
        "[fusion.weights]\nbook_imbalance = 0.0\nmomentum = 0.75\norder_flow_imbalance = 0.125\n"
    )
    system = start(*FOLDED, *SIM, "--config", "w.toml", "--report", "report.json")
    system.finish(LOADED_S)
    folder = str(system.run_folder)
    done = run("-m", "hft.journal", "decisions", folder, "--json", cwd=tmp_path)
    decisions = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert len(decisions) == report_of(system)["decisions"]["TEST"]
    assert f"{len(decisions)} decisions, each follows from its inputs" in done.stderr
    for number, decision in enumerate(decisions, 1):
        assert decision["number"] == number
        assert decision["follows"]
        weights = {each["source"]: each["weight"] for each in decision["inputs"]}
        assert weights == {"order flow imbalance": 0.125, "momentum": 0.75}


def test_without_weights_there_is_no_fusion(start: Start, tmp_path: Path) -> None:
    (tmp_path / "w.toml").write_text(
        "[fusion.weights]\nbook_imbalance = 0\nmomentum = 0\norder_flow_imbalance = 0\n"
    )
    system = start(*FOLDED, *SIM, "--config", "w.toml", "--report", "report.json")
    system.finish(LOADED_S)
    assert report_of(system)["decisions"] == {"TEST": 0}
    assert not (system.run_folder / "decisions").exists()


def documented(suffix: str) -> dict[str, str]:
    """The files of docs/strategies.md, by name."""
    page = (ROOT / "docs/strategies.md").read_text()
    blocks = re.findall(rf"^```\w+\n(# (\w+\.{suffix})\n.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return {name: text for text, name in blocks}


@pytest.mark.parametrize("name", documented("py"))
def test_the_documented_strategies_trade(start: Start, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(documented("py")[name])
    (tmp_path / "mine.toml").write_text(f'[strategy]\npath = "{name}"\n')
    system = start(*FOLDED, *SIM, "--config", "mine.toml", "--report", "report.json")
    system.finish(LOADED_S)
    [strategy] = report_of(system)["strategies"]
    assert strategy["error"] is None
    assert strategy["intents"] > 10


def test_the_documented_compiled_strategy_trades(start: Start, tmp_path: Path) -> None:
    """Compiled against the package, named in the configuration, with its parameters."""
    [(name, text)] = documented("pyx").items()
    (tmp_path / name).write_text(text)
    build = [sys.executable, "-m", "Cython.Build.Cythonize", "-3", "-i", "-q", name]
    subprocess.run(build, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    [library] = tmp_path.glob("*.so")
    (tmp_path / "mine.toml").write_text(
        f'[strategy]\npath = "{library.name}"\nparameters = {{ every = 50, lots = 3 }}\n'
    )
    system = start(*FOLDED, *SIM, "--config", "mine.toml", "--report", "report.json")
    system.finish(LOADED_S)
    report = report_of(system)
    [strategy] = report["strategies"]
    assert (strategy["name"], strategy["language"]) == ("crosser", "compiled")
    assert strategy["intents"] > 10
    assert 0 < report["position_lots"]["SIM:TEST"] <= 3 * strategy["intents"]
