"""The fusion's rules, by hand and against the formulas of its module written out in Python."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hft.config import FusionConfig
from hft.core.fusion import FusionMachine
from hft.core.messages import SIGNAL_DTYPE, DecisionReason, Kind, SignalSource, Source
from hft.nodes.signal import fusion_settings

MS = 10**6
SETTINGS = {
    "weights": {0: 0.5, 1: 0.3, 2: 0.2},
    "confidence_min": 0.55,
    "disagreement_penalty": 1.0,
    "risk_override": 0.9,
    "stale_ns": 1000 * MS,
    "timeout_ns": 50 * MS,
}


def signal(source, direction, confidence, *, event_ts_ns=0, expiry_ts_ns=10**12, instrument=0):
    made = np.zeros(1, SIGNAL_DTYPE)
    made["kind"] = Kind.SIGNAL
    made["instrument"] = instrument
    made["signal_source"] = source
    made["direction"] = direction
    made["confidence"] = confidence
    made["event_ts_ns"] = event_ts_ns
    made["expiry_ts_ns"] = expiry_ts_ns
    return made


def together(*signals):
    return np.concatenate([np.zeros(0, SIGNAL_DTYPE), *signals])


def machine(*signals, **settings):
    made = FusionMachine(1, SETTINGS | settings)
    made.take(together(*signals))
    return made


def log_odds(probability):
    return math.log(probability / (1 - probability))


def test_sources_that_agree_add_up():
    fusion = machine(signal(0, 1, 0.8), signal(1, 1, 0.7), signal(2, 1, 0.6))
    decision, _ = fusion.decide(0, 5)
    expected = 0.5 * log_odds(0.8) + 0.3 * log_odds(0.7) + 0.2 * log_odds(0.6)
    assert decision["log_odds"] == pytest.approx(expected, rel=1e-6)
    assert decision["confidence"] == pytest.approx(1 / (1 + math.exp(-expected)), rel=1e-6)
    assert decision["disagreement"] == pytest.approx(0, abs=1e-6)
    assert decision["size"] == pytest.approx(2 * decision["confidence"] - 1, rel=1e-6)
    assert decision["direction"] == 1
    assert decision["reason"] == DecisionReason.CONSENSUS
    assert decision["signals"] == 3
    assert decision["event_ts_ns"] == 5
    assert (decision["kind"], decision["source"]) == (Kind.DECISION, Source.SOURCE_FUSION)


def test_disagreement_reduces_size_as_much_as_is_asked():
    """One against two: the odds of the rest shrink, and the size shrinks once more."""
    signals = signal(0, -1, 0.9), signal(1, 1, 0.7), signal(2, 1, 0.6)
    against = 0.3 * log_odds(0.7) + 0.2 * log_odds(0.6)
    lead = 0.5 * log_odds(0.9) - against
    for penalty in (0.0, 0.5, 1.0):
        decision, _ = machine(*signals, disagreement_penalty=penalty).decide(0, 0)
        disagreement = 1 - lead / (lead + 2 * against)
        assert decision["direction"] == -1
        assert decision["disagreement"] == pytest.approx(disagreement, rel=1e-5)
        strength = 2 / (1 + math.exp(-lead)) - 1
        assert decision["size"] == pytest.approx(strength * (1 - penalty * disagreement), rel=1e-5)


def test_sources_that_cancel_out_hold():
    decision, _ = machine(signal(0, 1, 0.8), signal(1, -1, 0.8), weights={0: 1, 1: 1}).decide(0, 0)
    assert decision["direction"] == 0
    assert decision["size"] == 0
    assert decision["disagreement"] == 1
    assert decision["reason"] == DecisionReason.TOO_WEAK


@pytest.mark.parametrize(
    ("made", "expiry", "now", "fresh"),
    [
        (0, 100, 99, True),
        (0, 100, 100, False),  # expired
        (0, 10**12, 1000 * MS, True),
        (0, 10**12, 1000 * MS + 1, False),  # stale
    ],
)
def test_expired_and_stale_signals_count_for_nothing(made, expiry, now, fresh):
    fusion = machine(signal(0, 1, 0.9, event_ts_ns=made, expiry_ts_ns=expiry))
    decision, inputs = fusion.decide(0, now)
    assert bool(inputs["fresh"][0]) == fresh
    assert decision["signals"] == fresh
    assert decision["reason"] == (DecisionReason.CONSENSUS if fresh else DecisionReason.NO_SIGNAL)
    assert decision["expiry_ts_ns"] == (expiry if fresh else 0)
    assert (decision["size"] > 0) == fresh


def test_a_decision_expires_with_the_first_of_its_signals():
    fusion = machine(signal(0, 1, 0.9, expiry_ts_ns=70), signal(1, 1, 0.9, expiry_ts_ns=40))
    assert fusion.decide(0, 10)[0]["expiry_ts_ns"] == 40


def test_a_source_without_weight_counts_for_nothing_but_is_known():
    fusion = machine(signal(0, 1, 0.9), signal(5, -1, 0.99))
    decision, inputs = fusion.decide(0, 0)
    assert decision["signals"] == 1
    assert decision["direction"] == 1
    assert inputs["weight"].tolist() == [0.5, 0.0]


def test_a_warning_overrides_from_the_threshold_on():
    consensus = signal(0, 1, 0.95), signal(1, 1, 0.95)
    below, _ = machine(*consensus, signal(2, 0, 0.875), risk_override=0.9).decide(0, 0)
    assert below["reason"] == DecisionReason.CONSENSUS
    assert below["direction"] == 1
    at, _ = machine(*consensus, signal(2, 0, 0.9375), risk_override=0.9375).decide(0, 0)
    assert at["reason"] == DecisionReason.OVERRIDDEN
    assert (at["direction"], at["size"]) == (0, 0)
    assert at["log_odds"] == below["log_odds"]


def test_a_weak_consensus_holds():
    decision, _ = machine(signal(0, 1, 0.75), confidence_min=0.75).decide(0, 0)
    assert decision["reason"] == DecisionReason.TOO_WEAK  # half a weight: below its own confidence
    assert decision["direction"] == 0


def test_the_newest_signal_of_a_source_counts():
    fusion = machine(signal(0, 1, 0.9), signal(0, -1, 0.9, event_ts_ns=3))
    decision, inputs = fusion.decide(0, 5)
    assert decision["direction"] == -1
    assert inputs["event_ts_ns"].tolist() == [3]


@pytest.mark.parametrize("confidence", [0.5, 0.2, 0.0, math.nan, 1.0, 7.0])
def test_confidence_outside_its_range_does_no_harm(confidence):
    decision, _ = machine(signal(0, 1, confidence)).decide(0, 0)
    assert math.isfinite(decision["log_odds"])
    assert 0 <= decision["size"] < 1
    assert (decision["direction"] == 1) == (confidence >= 1)


def test_a_decision_is_due_when_all_have_spoken_or_time_is_up():
    fusion = machine()
    assert not fusion.is_due(0, 10**15)
    fusion.take(signal(0, 1, 0.9, event_ts_ns=100))
    fusion.take(signal(2, 1, 0.9, event_ts_ns=200))
    assert not fusion.is_due(0, 100 + 50 * MS - 1)
    assert fusion.is_due(0, 100 + 50 * MS)
    decision, _ = fusion.decide(0, 100 + 50 * MS)
    assert decision["late"] == 1
    assert not fusion.is_due(0, 10**15)
    fusion.take(together(*(signal(source, 1, 0.9, event_ts_ns=300) for source in (2, 1, 0))))
    assert fusion.is_due(0, 300)
    assert fusion.decide(0, 300)[0]["late"] == 0


def test_a_source_without_weight_makes_no_decision_due():
    fusion = machine(signal(5, 1, 0.9))
    assert not fusion.is_due(0, 10**15)


def test_instruments_have_opinions_of_their_own():
    fusion = FusionMachine(2, SETTINGS)
    fusion.take(signal(0, 1, 0.9, instrument=1))
    assert fusion.decide(0, 0)[0]["signals"] == 0
    assert fusion.decide(1, 0)[0]["direction"] == 1


def test_numbers_out_of_range_are_refused():
    fusion = machine()
    for bad in (signal(16, 1, 0.9), signal(0, 1, 0.9, instrument=1)):
        with pytest.raises(ValueError, match="out of range"):
            fusion.take(bad)
    with pytest.raises(ValueError, match="instrument must be below 1"):
        fusion.decide(1, 0)
    with pytest.raises(ValueError, match="a source must be 0 to 15, was 16"):
        FusionMachine(1, SETTINGS | {"weights": {16: 1.0}})


def test_weights_of_the_configuration_reach_their_sources():
    settings = fusion_settings(FusionConfig())
    assert settings["weights"] == {
        SignalSource.BOOK_IMBALANCE: 0.5,
        SignalSource.ORDER_FLOW_IMBALANCE: 0.3,
        SignalSource.MOMENTUM: 0.2,
    }


SIGNALS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(-1, 1),
        st.floats(0, 1, width=32),
        st.integers(0, 2000 * MS),
        st.integers(0, 3000 * MS),
    ),
    max_size=8,
)


@given(SIGNALS, st.integers(0, 3000 * MS), st.floats(0, 1), st.floats(0.5, 1))
def test_decisions_follow_the_formulas(made, now, penalty, least):
    signals = [
        signal(source, direction, confidence, event_ts_ns=event_ts_ns, expiry_ts_ns=expiry_ts_ns)
        for source, direction, confidence, event_ts_ns, expiry_ts_ns in made
    ]
    decision, _ = machine(*signals, disagreement_penalty=penalty, confidence_min=least).decide(
        0, now
    )
    newest = {int(one["signal_source"][0]): one[0] for one in signals}
    counted = [
        one
        for source, one in newest.items()
        if source in SETTINGS["weights"]
        and now < one["expiry_ts_ns"]
        and now - one["event_ts_ns"] <= SETTINGS["stale_ns"]
    ]
    votes = [
        SETTINGS["weights"][one["signal_source"]]
        * one["direction"]
        * max(0.0, log_odds(min(max(float(one["confidence"]), 0.5), 0.9999)))
        for one in counted
    ]
    total, lead = sum(map(abs, votes)), sum(votes)
    assert decision["signals"] == len(counted)
    assert decision["log_odds"] == pytest.approx(lead, abs=1e-9)
    warned = any(one["direction"] == 0 and one["confidence"] >= 0.9 for one in counted)
    confidence = 1 / (1 + math.exp(-abs(lead)))
    acts = bool(counted) and not warned and abs(lead) > 1e-9 and confidence > least + 1e-6
    if acts:
        disagreement = 1 - abs(lead) / total
        assert decision["direction"] == math.copysign(1, lead)
        assert decision["size"] == pytest.approx(
            (2 * confidence - 1) * (1 - penalty * disagreement), abs=1e-5
        )
    elif not counted or warned or confidence < least - 1e-6:
        assert decision["direction"] == 0
        assert decision["size"] == 0
