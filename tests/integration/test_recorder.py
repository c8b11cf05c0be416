"""The recorder node over real rings, in one process."""

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from hft.core.control import Control, Counter
from hft.core.messages import MESSAGE, PAYLOAD_OF_KIND, Kind, Reason, Side, Source, order_id
from hft.core.ring import Ring
from hft.core.segment import Segment
from hft.instruments import Instrument
from hft.nodes.recorder import RecorderAgent
from hft.oms.summary import summarise

AMZN = Instrument("NASDAQ", "AMZN", Decimal("0.0001"), Decimal(1))
OWN = order_id(Source.SOURCE_STRATEGY, 1)
WHOLE = {"trades.parquet", "reports.parquet"}
PARTIAL = {f"{name}.partial" for name in WHOLE}


def message(kind: Kind, **fields: int) -> np.ndarray:
    array = np.zeros(1, PAYLOAD_OF_KIND[kind])
    array["kind"] = kind
    for name, value in fields.items():
        array[name] = value
    return array.view(MESSAGE)


class Node:
    """A recorder, and the producers' ends of its rings."""

    def __init__(self, folder: Path) -> None:
        prefix = f"hft.test-recorder-{os.getpid()}"
        self.names = [f"{prefix}.control", f"{prefix}.ring.records", f"{prefix}.ring.refusals"]
        self.control = Control.create(self.names[0], run_id=1)
        self.records, self.refusals = (Ring.create(name, 64) for name in self.names[1:])
        inputs = tuple(Ring.attach(name) for name in self.names[1:])
        self.agent = RecorderAgent(
            control=self.control, name="recorder", index=4, inputs=inputs, edges=(5, 6),
            folder=folder, instruments=[AMZN],
        )  # fmt: skip
        self.agent.on_start()

    @property
    def rows(self) -> int:
        return int(self.control.record["nodes"][4]["counters"][Counter.RECORDER_ROWS])

    def remove(self) -> None:
        self.agent.on_close()
        for name in self.names:
            Segment.unlink(name)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    yield made
    made.remove()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_run_is_recorded_to_its_end(node: Node, tmp_path: Path) -> None:
    own = {"order_id": OWN, "side": Side.BUY, "price_ticks": 100}
    node.records.push(message(Kind.TIME, event_ts_ns=10))
    node.records.push(message(Kind.ACCEPTED, leaves_lots=5, **own))
    node.records.push(message(Kind.TRADE, maker_order_id=OWN, qty_lots=5, price_ticks=100, side=2))
    assert node.agent.python_work() == 3
    assert node.rows == 2
    assert not node.agent.done
    assert names(tmp_path) == PARTIAL

    # More refusals than one take to the ring's edge gives, and the END before they are taken.
    node.refusals.push(message(Kind.TIME, event_ts_ns=11))
    for _ in range(40):
        node.refusals.push(message(Kind.REFUSED, reason=Reason.RISK_POSITION, order_id=OWN + 1))
    assert node.agent.python_work() == 41
    for _ in range(40):
        node.refusals.push(message(Kind.REFUSED, reason=Reason.RISK_POSITION, order_id=OWN + 1))
    node.records.push(message(Kind.FILLED, last_lots=5, **own))
    node.records.push(message(Kind.END, event_ts_ns=12))
    assert node.agent.python_work() == 42
    assert node.agent.done
    assert node.rows == 83
    assert names(tmp_path) == WHOLE
    assert node.agent.python_work() == 0
    node.agent.on_close()

    reports = pq.read_table(tmp_path / "reports.parquet")
    assert reports["kind"].to_pylist().count("REFUSED") == 80
    assert set(reports["event_ts_ns"].to_pylist()) == {10, 11}
    summary = summarise(tmp_path, [AMZN], [202])
    assert summary.orders.refused == {"RISK_POSITION": 80}
    assert summary.instruments[0].pnl_quote == "0.0005"


def test_a_run_that_is_stopped_leaves_partial_files(node: Node, tmp_path: Path) -> None:
    node.records.push(message(Kind.TRADE))
    node.agent.python_work()
    node.agent.on_close()
    assert names(tmp_path) == PARTIAL
    assert pq.read_table(tmp_path / "trades.parquet.partial").num_rows == 1


def test_closing_before_the_start_is_nothing(node: Node, tmp_path: Path) -> None:
    inputs = tuple(Ring.attach(name) for name in node.names[1:])
    agent = RecorderAgent(
        control=node.control, name="recorder", index=5, inputs=inputs, edges=(7, 8),
        folder=tmp_path / "none", instruments=[AMZN],
    )  # fmt: skip
    agent.on_close()
    assert not (tmp_path / "none").exists()
