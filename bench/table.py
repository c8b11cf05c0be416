"""The engine's function table, as the address that C takes."""

import ctypes

from hft.core.engine_api import API


def engine_table() -> int:
    address = ctypes.pythonapi.PyCapsule_GetPointer
    address.restype, address.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    return int(address(API, b"hft.core.engine_api.API"))
