"""The engine's functions for C, called through ctypes, are the engine that Python has."""

import ctypes
import os
import re
from collections.abc import Iterator
from ctypes import CFUNCTYPE, c_char_p, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hft.core import MatchingEngine, include_dir
from hft.core.engine_api import API
from hft.core.messages import COMMAND, LAYOUT_VERSION, Kind, Side, order_id
from hft.core.ring import Ring, RingPolicy

ON_ANSWERS = CFUNCTYPE(None, c_void_p, c_void_p, c_size_t)
COLUMN = ctypes.POINTER(c_int64)


class Table(ctypes.Structure):
    """hft_engine_api, as hft_engine.h declares it."""

    _fields_ = (
        ("api_version", c_uint32),
        ("layout_version", c_uint32),
        ("create", CFUNCTYPE(c_void_p, c_uint32, c_uint32, c_uint32, c_uint32)),
        ("destroy", CFUNCTYPE(None, c_void_p)),
        ("prefault", CFUNCTYPE(None, c_void_p)),
        ("apply", CFUNCTYPE(c_size_t, c_void_p, c_void_p, c_size_t, ON_ANSWERS, c_void_p)),
        ("apply_to_ring", CFUNCTYPE(c_size_t, c_void_p, c_void_p, c_size_t, c_void_p)),
        ("ring_attach", CFUNCTYPE(c_void_p, c_char_p)),
        ("ring_detach", CFUNCTYPE(None, c_void_p)),
        ("state_hash", CFUNCTYPE(c_uint64, c_void_p)),
        ("order_count", CFUNCTYPE(c_uint64, c_void_p)),
        ("check", CFUNCTYPE(c_uint32, c_void_p)),
        ("mapped_bytes", CFUNCTYPE(c_uint64, c_void_p)),
        ("resident_bytes", CFUNCTYPE(c_uint64, c_void_p)),
        (
            "depth",
            CFUNCTYPE(c_uint32, c_void_p, c_uint32, c_uint32, c_uint32, COLUMN, COLUMN, COLUMN),
        ),
    )


def table() -> Any:
    address = ctypes.pythonapi.PyCapsule_GetPointer
    address.restype, address.argtypes = c_void_p, (ctypes.py_object, c_char_p)
    return Table.from_address(address(API, b"hft.core.engine_api.API"))


api = table()
NOBODY = ON_ANSWERS()


@pytest.fixture
def engine() -> Iterator[int]:
    made = api.create(2, 1000, 2, 0)
    assert made
    yield made
    api.destroy(made)


@pytest.fixture
def ring() -> Iterator[Ring]:
    made = Ring.create(f"test-c-{os.getpid()}", 64)
    yield made
    made.unlink()


def flow(count: int = 700) -> Any:
    """Orders that trade now and then, on two instruments."""
    random = np.random.default_rng(5)
    commands = np.zeros(count, COMMAND)
    commands["kind"] = Kind.NEW_ORDER
    commands["sequence"] = np.arange(1, count + 1)
    commands["instrument"] = random.integers(0, 2, count)
    commands["order_id"] = [order_id(1, number) for number in range(1, count + 1)]
    commands["side"] = random.choice([Side.BUY, Side.SELL], count)
    commands["price_ticks"] = 100 + random.integers(-5, 6, count)
    commands["qty_lots"] = random.integers(1, 20, count)
    return commands


def apply(engine: int, commands: Any) -> tuple[list[bytes], int]:
    """The answers of each call, and how many messages were consumed."""
    answers: list[bytes] = []

    @ON_ANSWERS
    def keep(_context: int, first: int, count: int) -> None:
        answers.append(ctypes.string_at(first, count * 64))

    return answers, api.apply(engine, commands.ctypes.data, len(commands), keep, None)


def test_the_versions_are_those_of_the_headers() -> None:
    text = Path(include_dir(), "hft_engine.h").read_text()
    version = re.search(r"API_VERSION (\d+)u", text)
    assert version is not None
    assert api.api_version == int(version[1])
    assert api.layout_version == LAYOUT_VERSION


def test_answers_and_state_are_those_of_the_engine_in_python(engine: int) -> None:
    commands = flow()
    ours = MatchingEngine(instruments=2, orders=1000)
    answers, consumed = apply(engine, commands)
    assert consumed == len(commands)
    assert len(answers) == 3  # of 256, 256 and 188 commands
    assert b"".join(answers) == ours.process_all(commands).tobytes()
    assert api.state_hash(engine) == ours.state_hash()
    assert api.order_count(engine) == len(ours)


def test_without_anyone_to_answer_the_state_is_the_same(engine: int) -> None:
    commands = flow()
    assert api.apply(engine, commands.ctypes.data, len(commands), NOBODY, None) == len(commands)
    ours = MatchingEngine(instruments=2, orders=1000)
    ours.process_all(commands)
    assert api.state_hash(engine) == ours.state_hash()
    assert api.apply(engine, None, 0, NOBODY, None) == 0


def test_depth_is_that_of_the_engine_in_python(engine: int) -> None:
    commands = flow()
    apply(engine, commands)
    ours = MatchingEngine(instruments=2, orders=1000)
    ours.process_all(commands)
    columns = np.zeros((3, 4), np.int64)
    pointers = [column.ctypes.data_as(COLUMN) for column in columns]
    for side in (Side.BUY, Side.SELL):
        found = api.depth(engine, 1, side, 4, *pointers)
        expected = ours.depth(1, 4)[0 if side == Side.BUY else 1]
        assert found == np.count_nonzero(expected[:, 2])
        assert np.array_equal(columns[:, :found].T, expected[:found])
    assert api.depth(engine, 1, Side.BUY, 4, None, None, None) > 0
    assert api.depth(engine, 2, Side.BUY, 4, *pointers) == 0
    assert api.depth(engine, 0, 3, 4, *pointers) == 0


def test_a_full_ring_stops_and_nothing_is_lost(engine: int, ring: Ring) -> None:
    commands = flow()
    end = api.ring_attach(ring.name.encode())
    assert end
    consumed, rounds, answers = 0, 0, []
    while True:
        rest = commands[consumed:]
        consumed += api.apply_to_ring(engine, rest.ctypes.data, len(rest), end)
        taken = ring.take(64)
        if not len(taken):
            break
        answers.append(taken.copy())
        ring.release()
        rounds += 1
    api.ring_detach(end)
    assert consumed == len(commands)
    assert rounds > 10
    found = np.concatenate(answers)
    expected = MatchingEngine(instruments=2, orders=1000).process_all(commands)
    assert np.array_equal(found["sequence"], np.arange(1, len(found) + 1))
    assert found["stamp"].all()
    found["sequence"] = expected["sequence"] = found["stamp"] = expected["stamp"] = 0
    assert found.tobytes() == expected.tobytes()


def test_a_drop_ring_never_stops_the_engine(engine: int) -> None:
    ring = Ring.create(f"test-c-drop-{os.getpid()}", 64, RingPolicy.RING_DROP)
    try:
        end = api.ring_attach(ring.name.encode())
        commands = flow()
        assert api.apply_to_ring(engine, commands.ctypes.data, len(commands), end) == len(commands)
        api.ring_detach(end)
    finally:
        ring.unlink()


@pytest.mark.parametrize("name", [b"test-c-no-such-ring", b"", b"a/b", b"\xff"])
def test_a_ring_that_is_not_there_is_null(name: bytes) -> None:
    assert not api.ring_attach(name)
    api.ring_detach(None)


@pytest.mark.parametrize(("instruments", "orders"), [(0, 10), (65537, 10), (1, 0), (1, 2**28 + 1)])
def test_capacities_out_of_range_are_null(instruments: int, orders: int) -> None:
    assert not api.create(instruments, orders, instruments, 0)


def test_memory_is_counted(engine: int) -> None:
    before = api.resident_bytes(engine)
    api.prefault(engine)
    assert before < api.resident_bytes(engine) <= api.mapped_bytes(engine) + 4096
    api.destroy(None)
