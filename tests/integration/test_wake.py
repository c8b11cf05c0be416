"""Waking a process that waits in the kernel: none is forgotten, however the two race."""

import importlib.util
import mmap
import multiprocessing
import os
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SOURCE = Path(__file__).with_name("wake_loops.pyx")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled loops."""
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    folder = tmp_path_factory.mktemp("wake")
    modules = cythonize(
        [Extension("wake_loops", [str(SOURCE)], extra_compile_args=["-O2"])],
        build_dir=str(folder),
        include_path=[str(ROOT)],
        quiet=True,
        compiler_directives={"language_level": 3, "cdivision": True, "boundscheck": False},
    )
    command: Any = Distribution({"ext_modules": modules}).get_command_obj("build_ext")
    command.build_lib = command.build_temp = str(folder)
    command.ensure_finalized()
    command.run()
    return next(folder.glob("wake_loops.*.so"))


def load(library: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("wake_loops", library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def side(
    library: Path,
    memory: mmap.mmap,
    second: bool,
    core: int,
    turns: int,
    pause: int,
    answers: "SimpleQueue[Any]",
) -> None:
    """A process of one side, on one core."""
    os.sched_setaffinity(0, {core})
    took_ns = np.zeros(turns, np.int64)
    answer = load(library).play(memory, second, turns, pause, 7 + second, took_ns)
    answers.put((*answer, took_ns))


def play(library: Path, cores: tuple[int, int], turns: int, pause: int) -> tuple[int, int, Any]:
    """Turns of two processes: how often one waited, how many wake-ups were lost, how long each
    took that was waited for, in ns."""
    context = multiprocessing.get_context("fork")
    memory = mmap.mmap(-1, max(mmap.PAGESIZE, load(library).SIDES_BYTES))
    answers = context.SimpleQueue()
    sides = [
        context.Process(
            target=side, args=(library, memory, bool(n), cores[n], turns, pause, answers)
        )
        for n in range(2)
    ]
    for each in sides:
        each.start()
    # Before they are joined: they end when their answers are taken.
    (waited, lost, took), (waited_too, lost_too, took_too) = answers.get(), answers.get()
    for each in sides:
        each.join()
        assert each.exitcode == 0
    took_ns = np.concatenate([took, took_too])
    return waited + waited_too, lost + lost_too, took_ns[took_ns > 0]


def core_pairs() -> list[tuple[int, int]]:
    cores = sorted(os.sched_getaffinity(0))
    return sorted({(cores[0], cores[0]), (cores[0], cores[-1])})


@pytest.mark.parametrize("pause", [1, 200, 20_000])
@pytest.mark.parametrize("cores", core_pairs())
def test_no_wake_up_is_lost(library: Path, cores: tuple[int, int], pause: int) -> None:
    """Whether the one is about to wait, waits, or does not wait yet when the other gives."""
    waited, lost, took_ns = play(library, cores, 2000, pause)
    assert lost == 0
    assert waited > 0
    # Its bound is the load of the machine: without wake-ups it would be half of two seconds.
    assert np.median(took_ns) < 100e6


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("cores", core_pairs())
def test_none_of_a_million(library: Path, cores: tuple[int, int]) -> None:
    """The same for long."""
    for pause in (1, 100, 1000):
        waited, lost, took_ns = play(library, cores, 200_000, pause)
        p50, p99 = np.percentile(took_ns, (50, 99)) / 1e3
        print(f"cores {cores}: waited {waited}, woken within {p50:.1f} µs, p99 {p99:.1f} µs")
        assert lost == 0
