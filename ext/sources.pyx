"""The built-in sources for Python: what they say over an array of BOOK_TOP messages."""

import numpy as np

from libc.string cimport memset

from hft.core.buffers cimport bytes_of, writable_bytes_of
from hft.core.features cimport features_update
from hft.core.messages cimport BookTop

from hft.core.messages import BOOK_TOP_DTYPE, SIGNAL_DTYPE

__all__ = ["BUILT_IN_SOURCES", "signals_of"]

BUILT_IN_SOURCES = BUILT_IN


def signals_of(tops, int64_t interval_ns=0):
    """What each source says after a BOOK_TOP array of one instrument: SIGNAL array of shape (n, 3).

    Row k holds what they said after the k-th message at which they spoke: those with both sides
    that came at least `interval_ns` after the last such one.
    """
    cdef Features features
    cdef Sources sources
    cdef const BookTop *messages
    cdef Signal *signals
    cdef Py_ssize_t place
    cdef Py_ssize_t rows = 0
    cdef int source
    memset(&features, 0, sizeof(features))
    memset(&sources, 0, sizeof(sources))
    tops = np.ascontiguousarray(tops).view(BOOK_TOP_DTYPE)
    said = np.zeros((len(tops), BUILT_IN), SIGNAL_DTYPE)
    if len(tops) == 0:
        return said
    messages = <const BookTop *>bytes_of(tops)
    signals = <Signal *>writable_bytes_of(said)
    for place in range(len(tops)):
        features_update(&features, &messages[place])
        if features.valid and sources_listen(&sources, &features, interval_ns):
            for source in range(BUILT_IN):
                sources_speak(&sources, &features, source, messages[place].header.instrument,
                              &signals[rows * BUILT_IN + source])
            rows += 1
    return said[:rows]
