"""The whole state of an engine as bytes: versioned, checked. The format is in snapshot.pyx."""

from hft.core.matching cimport Engine


cdef bytes snapshot_write(const Engine *engine)
cdef tuple snapshot_capacities(bytes data)
cdef int snapshot_read(Engine *engine, bytes data) except -1
