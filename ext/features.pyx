"""Features for Python: the same arithmetic over an array of BOOK_TOP messages."""

import numpy as np

from libc.string cimport memset

from hft.core.buffers cimport bytes_of

from hft.core.messages import BOOK_TOP_DTYPE

__all__ = ["FEATURES", "features_of"]

FEATURES = np.dtype([
    ("spread_ticks", np.float64), ("imbalance", np.float64), ("microprice_ticks", np.float64),
    ("order_flow_imbalance", np.float64), ("valid", np.bool_),
])


def features_of(tops):
    """The features after each of a BOOK_TOP array's messages, one instrument: FEATURES array."""
    cdef Features features
    cdef const BookTop *messages
    cdef Py_ssize_t place
    memset(&features, 0, sizeof(features))
    rows = np.zeros(len(tops), FEATURES)
    tops = np.ascontiguousarray(tops).view(BOOK_TOP_DTYPE)
    messages = <const BookTop *>bytes_of(tops)
    for place in range(len(tops)):
        features_update(&features, &messages[place])
        rows[place] = (features.spread_ticks, features.imbalance, features.microprice_ticks,
                       features.order_flow_imbalance, features.valid)
    return rows
