"""The built-in sources of signals: what the book and its flow say of the next moments.

Each source turns a score x into a direction, its sign, and a confidence, 1 / (1 + exp(-GAIN |x|)):
the logistic form that Gould and Bonart ("Queue imbalance as a one-tick-ahead price predictor",
2016) fit to the first of them.

- BOOK_IMBALANCE: x = the imbalance of the best quantities, from -1 to 1.
- ORDER_FLOW_IMBALANCE: x = order flow (features.pxd) over the mean quantity at the best prices,
  from -SCORE_MAX to SCORE_MAX.
- MOMENTUM: x = (microprice - its mean) / deviation, from -SCORE_MAX to SCORE_MAX. The mean halves
  every `MEAN_HALF_LIFE_NS`, the deviation is the root of the mean square of that difference, which
  halves every `DEVIATION_HALF_LIFE_NS`, and at least `DEVIATION_MIN_TICKS`, or the rounding of a
  price that stands still would look like a move.

They speak at most every `interval_ns` of market time, right after a change of the best prices. The
horizon is one second for all: what they know is soon old.
"""

from libc.math cimport exp, exp2, fabs, sqrt
from libc.stdint cimport int64_t, uint8_t, uint16_t
from libc.string cimport memset

from hft.core.features cimport Features
from hft.core.messages cimport (
    BOOK_IMBALANCE,
    MOMENTUM,
    ORDER_FLOW_IMBALANCE,
    SIGNAL,
    SOURCE_FUSION,
    Signal,
)

cdef enum:
    BUILT_IN = 3
    MODEL_VERSION = 1  # raised when a formula or constant here changes
    HORIZON_NS = 1_000_000_000
    MEAN_HALF_LIFE_NS = 500_000_000
    DEVIATION_HALF_LIFE_NS = 30_000_000_000
    DEPTH_HALF_LIFE_NS = 10_000_000_000

cdef extern from *:
    """
    #define HFT_SCORE_MAX 4.0
    #define HFT_DEVIATION_MIN_TICKS 0.01
    #define HFT_IMBALANCE_GAIN 2.0
    #define HFT_FLOW_GAIN 0.5
    #define HFT_MOMENTUM_GAIN 0.5
    """
    const double SCORE_MAX "HFT_SCORE_MAX"
    const double DEVIATION_MIN_TICKS "HFT_DEVIATION_MIN_TICKS"
    const double IMBALANCE_GAIN "HFT_IMBALANCE_GAIN"
    const double FLOW_GAIN "HFT_FLOW_GAIN"
    const double MOMENTUM_GAIN "HFT_MOMENTUM_GAIN"


# What the sources remember of one instrument.
cdef struct Sources:
    int64_t event_ts_ns
    int64_t spoke_ts_ns
    double mean_microprice_ticks
    double mean_square
    double mean_depth_lots
    bint begun
    bint spoken


cdef inline double decay(int64_t elapsed_ns, int64_t half_life_ns) noexcept nogil:
    return exp2(-<double>elapsed_ns / <double>half_life_ns)


cdef inline void sources_update(Sources *sources, const Features *features) noexcept nogil:
    """Take valid features into the means."""
    cdef double depth = <double>(features.bid_lots + features.ask_lots) / 2
    cdef int64_t elapsed_ns = features.event_ts_ns - sources.event_ts_ns
    cdef double away, kept
    sources.event_ts_ns = features.event_ts_ns
    if not sources.begun:
        sources.begun = True
        sources.mean_microprice_ticks = features.microprice_ticks
        sources.mean_depth_lots = depth
        return
    kept = decay(elapsed_ns, MEAN_HALF_LIFE_NS)
    sources.mean_microprice_ticks = (
        features.microprice_ticks * (1 - kept) + sources.mean_microprice_ticks * kept
    )
    away = features.microprice_ticks - sources.mean_microprice_ticks
    kept = decay(elapsed_ns, DEVIATION_HALF_LIFE_NS)
    sources.mean_square = away * away * (1 - kept) + sources.mean_square * kept
    kept = decay(elapsed_ns, DEPTH_HALF_LIFE_NS)
    sources.mean_depth_lots = depth * (1 - kept) + sources.mean_depth_lots * kept


cdef inline bint sources_listen(Sources *sources, const Features *features,
                                int64_t interval_ns) noexcept nogil:
    """Take valid features; whether it is time to speak."""
    sources_update(sources, features)
    if sources.spoken and features.event_ts_ns < sources.spoke_ts_ns + interval_ns:
        return False
    sources.spoken = True
    sources.spoke_ts_ns = features.event_ts_ns
    return True


cdef inline double score_of(const Sources *sources, const Features *features,
                            int source) noexcept nogil:
    cdef double score = 0
    if source == BOOK_IMBALANCE:
        return features.imbalance
    if source == ORDER_FLOW_IMBALANCE:
        if sources.mean_depth_lots > 0:
            score = features.order_flow_imbalance / sources.mean_depth_lots
    else:
        score = (features.microprice_ticks - sources.mean_microprice_ticks) / max(
            DEVIATION_MIN_TICKS, sqrt(sources.mean_square)
        )
    return max(-SCORE_MAX, min(SCORE_MAX, score))


cdef inline double gain_of(int source) noexcept nogil:
    if source == BOOK_IMBALANCE:
        return IMBALANCE_GAIN
    return FLOW_GAIN if source == ORDER_FLOW_IMBALANCE else MOMENTUM_GAIN


cdef inline void sources_speak(const Sources *sources, const Features *features, int source,
                               uint16_t instrument, Signal *signal) noexcept nogil:
    """Fill in the signal of one source."""
    cdef double score = score_of(sources, features, source)
    memset(signal, 0, sizeof(Signal))
    signal.header.instrument = instrument
    signal.header.kind = SIGNAL
    signal.header.source = SOURCE_FUSION
    signal.event_ts_ns = features.event_ts_ns
    signal.expiry_ts_ns = features.event_ts_ns + HORIZON_NS
    signal.horizon_ns = HORIZON_NS
    signal.confidence = <float>(1 / (1 + exp(-gain_of(source) * fabs(score))))
    signal.model_version = MODEL_VERSION
    signal.signal_source = <uint16_t>source
    # A score of exactly nothing leans up with the confidence of a coin, and so counts for nothing.
    signal.direction = -1 if score < 0 else 1
