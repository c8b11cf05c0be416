"""Fusion: the signals of many sources become one decision an instrument.

A signal says that the price will move its way within its horizon, with a probability p, its
confidence. The consensus is the logarithmic opinion pool (Genest and Zidek, "Combining probability
distributions", 1986) over the newest signal of every source:

    log_odds = sum of weight * direction * ln(p / (1 - p))
    confidence = 1 / (1 + exp(-|log_odds|))
    disagreement = 1 - |log_odds| / sum of |weight * ln(p / (1 - p))|
    size = (2 confidence - 1) * (1 - disagreement_penalty * disagreement)

- A signal counts while it is fresh: before its expiry, and at most `stale_ns` old. One whose
  confidence is at most 0.5 says nothing; above `CONFIDENCE_MAX` it is taken as that.
- Direction 0 is a warning: it takes no part in the sum, but at a confidence of `risk_override` or
  more of any source that has a weight it makes the decision a hold (OVERRIDDEN).
- A consensus below `confidence_min` is a hold (TOO_WEAK).

A decision is made as soon as every source with a weight has spoken since the last one, and at the
latest `timeout_ns` after the first of them did: then `late` counts those that did not. Time is
that of the market's events, so the same inputs make the same decisions.
"""

from libc.math cimport exp, fabs, log
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from hft.core.messages cimport (
    CONSENSUS,
    DECISION,
    NO_SIGNAL,
    OVERRIDDEN,
    SIGNAL,
    SOURCE_FUSION,
    TOO_WEAK,
    Decision,
    Signal,
)

cpdef enum:
    SOURCES_MAX = 16


cdef extern from *:
    """
    #define HFT_CONFIDENCE_MAX 0.9999
    """
    const double CONFIDENCE_MAX "HFT_CONFIDENCE_MAX"


cdef struct FusionSettings:
    double weights[SOURCES_MAX]  # 0: the source counts for nothing
    double confidence_min
    double disagreement_penalty
    double risk_override
    int64_t stale_ns
    int64_t timeout_ns


cdef struct Fusion:
    FusionSettings settings
    uint32_t awaited  # a bit per source with a weight
    uint64_t decisions  # made so far


# What the sources say of one instrument.
cdef struct Opinions:
    Signal newest[SOURCES_MAX]
    uint32_t known  # a bit per source that ever spoke
    uint32_t spoken  # since the last decision
    int64_t opened_ts_ns  # when the first of them did


cdef inline void opinions_take(Opinions *opinions, const Signal *signal) noexcept nogil:
    """Note the newest signal of a source, whose number the caller has checked."""
    cdef uint32_t bit = <uint32_t>1 << signal.signal_source
    opinions.newest[signal.signal_source] = signal[0]
    if opinions.spoken == 0:
        opinions.opened_ts_ns = signal.event_ts_ns
    opinions.known |= bit
    opinions.spoken |= bit


cdef inline bint fusion_is_due(const Fusion *fusion, const Opinions *opinions,
                               int64_t event_ts_ns) noexcept nogil:
    """Whether a decision is to be made now."""
    cdef uint32_t spoken = opinions.spoken & fusion.awaited
    return spoken != 0 and (
        spoken == fusion.awaited
        or event_ts_ns - opinions.opened_ts_ns >= fusion.settings.timeout_ns
    )


cdef inline double signal_log_odds(const Signal *signal) noexcept nogil:
    cdef double probability = min(<double>signal.confidence, CONFIDENCE_MAX)
    if not probability > 0.5:
        return 0
    return log(probability / (1 - probability))


cdef inline void fusion_decide(Fusion *fusion, Opinions *opinions, int64_t event_ts_ns,
                               Decision *decision) noexcept nogil:
    """Make the decision; its instrument is the caller's to fill in.

    Weight and freshness are noted in the signals, to be journaled.
    """
    cdef const FusionSettings *settings = &fusion.settings
    cdef double log_odds = 0
    cdef double total = 0
    cdef double vote
    cdef double warning = 0
    cdef int64_t expiry_ts_ns = INT64_MAX
    cdef int index
    cdef Signal *signal
    memset(decision, 0, sizeof(Decision))
    for index in range(SOURCES_MAX):
        if not opinions.known >> index & 1:
            continue
        signal = &opinions.newest[index]
        signal.weight = <float>settings.weights[index]
        signal.fresh = (
            event_ts_ns < signal.expiry_ts_ns
            and event_ts_ns - signal.event_ts_ns <= settings.stale_ns
            and settings.weights[index] > 0
        )
        if not signal.fresh:
            continue
        decision.signals += 1
        expiry_ts_ns = min(expiry_ts_ns, signal.expiry_ts_ns)
        if signal.direction == 0:
            warning = max(warning, <double>signal.confidence)
            continue
        vote = settings.weights[index] * signal_log_odds(signal)
        log_odds += vote if signal.direction > 0 else -vote
        total += vote
    for index in range(SOURCES_MAX):
        decision.late += (fusion.awaited & ~opinions.spoken) >> index & 1
    fusion.decisions += 1
    decision.header.sequence = fusion.decisions
    decision.header.kind = DECISION
    decision.header.source = SOURCE_FUSION
    decision.event_ts_ns = event_ts_ns
    decision.expiry_ts_ns = expiry_ts_ns if decision.signals else 0
    decision.log_odds = log_odds
    decision.confidence = <float>(1 / (1 + exp(-fabs(log_odds))))
    if total > 0:
        decision.disagreement = <float>(1 - fabs(log_odds) / total)
    if decision.signals == 0:
        decision.reason = NO_SIGNAL
    elif warning >= settings.risk_override:
        decision.reason = OVERRIDDEN
    elif log_odds == 0 or decision.confidence < settings.confidence_min:
        decision.reason = TOO_WEAK
    else:
        decision.reason = CONSENSUS
        decision.direction = 1 if log_odds > 0 else -1
        decision.size = <float>((2 * decision.confidence - 1) * (
            1 - settings.disagreement_penalty * decision.disagreement
        ))
    opinions.spoken = 0


cdef int fusion_init(Fusion *fusion, settings) except -1
