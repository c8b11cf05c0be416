"""Read the journal of decisions: each with the signals that it rests on, checked against them.

A decision is the records of its inputs, SIGNAL with weight and freshness, then its own, DECISION;
all carry the decision's number as their sequence.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from hft.config import FusionConfig
from hft.core.fusion import FusionMachine
from hft.core.journal import JournalReader, segment_paths
from hft.core.messages import DECISION_DTYPE, SIGNAL_DTYPE, DecisionReason, Kind, SignalSource
from hft.errors import JournalError
from hft.instruments import Instrument
from hft.nodes.signal import DECISIONS, fusion_settings

__all__ = ["Decision", "Opinion", "decisions_of", "is_of_decisions"]

# What the inputs say; `late` rests on which of them were new, `sequence` on those before.
RECOMPUTED = (
    "expiry_ts_ns", "log_odds", "confidence", "size", "disagreement", "direction", "reason",
    "signals",
)  # fmt: skip
WORDS = {1: "up", -1: "down", 0: "warning"}


class Opinion(msgspec.Struct, frozen=True):
    """What one source said."""

    source: str
    model_version: int
    event_ts_ns: int
    expiry_ts_ns: int
    horizon_ns: int
    direction: int
    confidence: float
    weight: float
    fresh: bool

    def text(self) -> str:
        stale = "" if self.fresh else " (not fresh)"
        return (
            f"{self.source} {WORDS.get(self.direction, str(self.direction))} "
            f"{self.confidence:.3f} x {self.weight:g}{stale}"
        )


class Decision(msgspec.Struct, frozen=True):
    """One decision and its inputs; `follows` is whether it is what these inputs come to."""

    number: int
    event_ts_ns: int
    instrument: str
    direction: int
    size: float
    confidence: float
    log_odds: float
    disagreement: float
    reason: str
    signals: int
    late: int
    expiry_ts_ns: int
    inputs: list[Opinion]
    follows: bool

    def line(self) -> str:
        action = {1: "buy", -1: "sell"}.get(self.direction, "hold")
        inputs = "; ".join(opinion.text() for opinion in self.inputs)
        wrong = "" if self.follows else "  DOES NOT FOLLOW FROM ITS INPUTS"
        return (
            f"{self.number:>8}  {Decimal(self.event_ts_ns).scaleb(-9):f}  {self.instrument}  "
            f"{action:4} {self.size:.3f}  p {self.confidence:.3f}  "
            f"disagreement {self.disagreement:.3f}  {self.reason:10}  {inputs}{wrong}"
        )


class Description(msgspec.Struct, frozen=True):
    """What the journal says of itself."""

    fusion: FusionConfig
    instruments: list[Instrument]


def is_of_decisions(description: Any) -> bool:
    """Whether a journal with this description is one of decisions."""
    try:
        msgspec.convert(description, Description)
    except msgspec.ValidationError:
        return False
    return True


def decisions_of(path: Path) -> Iterator[Decision]:
    """The decisions of a run's folder, or of the folder or a segment of their journal.

    JournalError if that can't be read, is damaged, or is a journal of something else.
    """
    inner = path / DECISIONS
    machine: FusionMachine | None = None
    opinions: list[np.ndarray] = []
    for segment in segment_paths(inner if inner.is_dir() else path):
        reader = JournalReader(segment)
        try:
            described = msgspec.convert(reader.description, Description)
        except msgspec.ValidationError:
            if path.is_dir() and "engine_orders" in reader.description:
                problem = "the run has no decisions: all its fusion.weights were 0"
                raise JournalError(problem, file=path) from None
            raise JournalError("is no journal of decisions", file=segment) from None
        machine = machine or new_machine(described)
        for place, kind in enumerate(reader.records["kind"].tolist()):
            record = reader.records[place : place + 1]
            if kind == Kind.SIGNAL:
                opinions.append(record.view(SIGNAL_DTYPE))
            elif kind == Kind.DECISION:
                row = record.view(DECISION_DTYPE)[0]
                yield decision(row, opinions, described, machine)
                opinions = []
        if reader.torn_at is not None:
            raise JournalError(f"record {reader.torn_at} is torn or altered", file=segment)


def new_machine(described: Description) -> FusionMachine:
    settings = fusion_settings(described.fusion)
    assert settings is not None  # without weights there are no decisions
    return FusionMachine(len(described.instruments), settings)


def decision(
    row: np.void, opinions: list[np.ndarray], described: Description, machine: FusionMachine
) -> Decision:
    index = int(row["instrument"])
    inputs = np.concatenate([np.zeros(0, SIGNAL_DTYPE), *opinions])
    machine.take(inputs)
    again, _ = machine.decide(index, int(row["event_ts_ns"]))
    return Decision(
        number=int(row["sequence"]),
        event_ts_ns=int(row["event_ts_ns"]),
        instrument=described.instruments[index].name,
        direction=int(row["direction"]),
        size=float(row["size"]),
        confidence=float(row["confidence"]),
        log_odds=float(row["log_odds"]),
        disagreement=float(row["disagreement"]),
        reason=name_of(DecisionReason(int(row["reason"]))),
        signals=int(row["signals"]),
        late=int(row["late"]),
        expiry_ts_ns=int(row["expiry_ts_ns"]),
        inputs=[opinion(one) for one in inputs],
        follows=all(again[field] == row[field] for field in RECOMPUTED),
    )


def opinion(row: Any) -> Opinion:
    return Opinion(
        source=name_of(SignalSource(int(row["signal_source"]))),
        model_version=int(row["model_version"]),
        event_ts_ns=int(row["event_ts_ns"]),
        expiry_ts_ns=int(row["expiry_ts_ns"]),
        horizon_ns=int(row["horizon_ns"]),
        direction=int(row["direction"]),
        confidence=float(row["confidence"]),
        weight=float(row["weight"]),
        fresh=bool(row["fresh"]),
    )


def name_of(value: DecisionReason | SignalSource) -> str:
    """A name as people read it; a value without one as its digits."""
    return (value.name or str(int(value))).lower().replace("_", " ")
