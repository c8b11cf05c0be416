"""Fusion for Python: the same arithmetic on arrays of SIGNAL messages."""

import numpy as np

from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from hft.core.buffers cimport bytes_of, writable_bytes_of

from hft.core.messages import DECISION_DTYPE, SIGNAL_DTYPE

__all__ = ["SOURCES_MAX", "FusionMachine"]


cdef int fusion_init(Fusion *fusion, settings) except -1:
    """Fill in the settings, a dict with the names of FusionSettings; weights by source number."""
    memset(fusion, 0, sizeof(Fusion))
    for index, weight in settings["weights"].items():
        if not 0 <= index < SOURCES_MAX:
            raise ValueError(f"a source must be 0 to {SOURCES_MAX - 1}, was {index}")
        fusion.settings.weights[<int>index] = weight
        if weight > 0:
            fusion.awaited |= <uint32_t>1 << <int>index
    fusion.settings.confidence_min = settings["confidence_min"]
    fusion.settings.disagreement_penalty = settings["disagreement_penalty"]
    fusion.settings.risk_override = settings["risk_override"]
    fusion.settings.stale_ns = settings["stale_ns"]
    fusion.settings.timeout_ns = settings["timeout_ns"]
    return 0


cdef class FusionMachine:
    """The fusion of a signal node, alone.

    Args:
        instruments: how many there are.
        settings: weights (a dict, source number to weight), confidence_min, disagreement_penalty,
            risk_override, stale_ns, timeout_ns; see the module fusion.pxd.
    """

    cdef Fusion fusion
    cdef Opinions *opinions
    cdef uint32_t instruments

    def __init__(self, instruments, settings):
        fusion_init(&self.fusion, settings)
        self.instruments = instruments
        self.opinions = <Opinions *>calloc(instruments, sizeof(Opinions))
        if self.opinions == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.opinions)

    def take(self, signals):
        """Take an array of SIGNAL messages, in order; ValueError for a number out of range."""
        signals = np.ascontiguousarray(signals, SIGNAL_DTYPE)
        cdef const Signal *first = <const Signal *>bytes_of(signals)
        cdef Py_ssize_t place
        if len(signals) and (
            signals["instrument"].max() >= self.instruments
            or signals["signal_source"].max() >= SOURCES_MAX
        ):
            raise ValueError("instrument or signal_source is out of range")
        for place in range(len(signals)):
            opinions_take(&self.opinions[first[place].header.instrument], &first[place])

    def is_due(self, uint32_t instrument, int64_t event_ts_ns):
        """Whether a decision is to be made at this time."""
        return fusion_is_due(&self.fusion, self.at(instrument), event_ts_ns)

    def decide(self, uint32_t instrument, int64_t event_ts_ns):
        """Decide now: the DECISION message, and the SIGNAL messages with weight and freshness."""
        cdef Opinions *opinions = self.at(instrument)
        cdef int index
        decision = np.zeros(1, DECISION_DTYPE)
        fusion_decide(&self.fusion, opinions, event_ts_ns,
                      <Decision *>writable_bytes_of(decision))
        decision["instrument"] = instrument
        known = [index for index in range(SOURCES_MAX) if opinions.known >> index & 1]
        signals = np.zeros(len(known), SIGNAL_DTYPE)
        cdef Signal *inputs = NULL
        if known:
            inputs = <Signal *>writable_bytes_of(signals)
        for place, index in enumerate(known):
            memcpy(&inputs[<int>place], &opinions.newest[index], sizeof(Signal))
        return decision[0], signals

    cdef Opinions *at(self, uint32_t instrument) except NULL:
        if instrument >= self.instruments:
            raise ValueError(f"instrument must be below {self.instruments}, was {instrument}")
        return &self.opinions[instrument]
