"""Addresses of NumPy arrays' memory. Each is valid while the caller keeps the array.

A typed memoryview would do the same and check more, at ten thousand lines of generated C a module.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer


cdef inline const char *bytes_of(object array) except? NULL:
    """Address of a contiguous array to read from."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, PyBUF_SIMPLE)
    # NumPy's memory does not move when the view is given back.
    PyBuffer_Release(&view)
    return <const char *>view.buf


cdef inline char *writable_bytes_of(object array) except? NULL:
    """Address of a contiguous array to write to; BufferError if it is read-only."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, PyBUF_WRITABLE)
    PyBuffer_Release(&view)
    return <char *>view.buf
