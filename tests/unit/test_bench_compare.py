"""`python -m tools.bench_compare` finds what got slower, and takes no noise for it."""

import json
import random
from pathlib import Path

import pytest

from tests.unit.test_figures import store
from tools.bench_compare import LEAST, differ, main

NOISE = 0.05
SETS = 2000


def values(generator: random.Random, count: int, middle: float = 1e-6) -> tuple[float, ...]:
    return tuple(middle * (1 + NOISE * generator.gauss(0, 1)) for _ in range(count))


def share_called_different(count: int, change: float) -> float:
    """Of pairs of noisy sets, the second of which takes so much longer."""
    generator = random.Random(count)
    return (
        sum(
            differ(
                values(generator, count),
                values(generator, count, 1e-6 * (1 + change)),
                LEAST["second"],
            )
            for _ in range(SETS)
        )
        / SETS
    )


@pytest.mark.parametrize(("count", "most"), [(3, 0.08), (5, 0.015), (10, 0.002), (40, 0.001)])
def test_sets_that_differ_by_noise_only_are_rarely_called_different(
    count: int, most: float
) -> None:
    assert share_called_different(count, 0.0) <= most


@pytest.mark.parametrize("count", [3, 5, 10, 40])
def test_a_change_by_a_fifth_is_mostly_found_and_by_a_half_always(count: int) -> None:
    assert share_called_different(count, 0.2) >= 0.75
    assert share_called_different(count, 0.5) >= 0.95


def test_one_outlier_in_many_values_hides_nothing() -> None:
    old = (1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.01, 0.99, 9.0)
    assert differ(old, tuple(1.2 * value for value in old), LEAST["second"])


def test_less_than_a_twentieth_is_no_difference_however_quiet_it_was() -> None:
    assert not differ((1.0,) * 10, (1.04,) * 10, LEAST["second"])
    assert differ((1.0,) * 10, (1.06,) * 10, LEAST["second"])


def folders(tmp_path: Path) -> tuple[Path, Path]:
    both = tmp_path / "base", tmp_path / "now"
    for folder in both:
        folder.mkdir()
    return both


QUIET = {"same": (1.0, 1.01, 0.99), "changed": (2.0, 2.01, 1.99), "one run": (1.0,)}


def test_what_got_slower_is_named_and_the_exit_code_is_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, now = folders(tmp_path)
    store(base, "bench_a", {**QUIET, "gone": (1.0, 1.0, 1.0)})
    store(now, "bench_a", {**QUIET, "changed": (2.6, 2.61, 2.59), "one run": (9.0,)})
    assert main([str(base), "--new", str(now)]) == 1
    said = capsys.readouterr()
    lines = said.out.splitlines()
    words = {line.split("  ")[0]: line for line in lines[1:4]}
    assert words["same"].endswith("1.00x  within the noise")
    assert words["changed"].endswith("1.30x  slower")
    assert words["one run"].endswith("9.00x  too few values")
    assert "slower: changed, 1.30 times the base" in lines
    assert "1 only in the base" in lines
    assert said.err == ""


def test_the_other_way_it_got_faster_which_is_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, now = folders(tmp_path)
    store(base, "bench_a", {**QUIET, "changed": (2.6, 2.61, 2.59)})
    store(now, "bench_a", QUIET)
    assert main([str(base / "bench_a.json"), "--new", str(now)]) == 0
    out = capsys.readouterr().out
    assert "0.77x  faster" in out
    assert "nothing got slower beyond the noise" in out


def test_instructions_are_compared_to_the_hundredth_even_of_one_value_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, now = folders(tmp_path)
    store(base, "engine", {"same": (100,), "count": (170,)}, unit="integer")
    store(now, "engine", {"same": (101,), "count": (173,)}, unit="integer")
    assert main([str(base), "--new", str(now)]) == 1
    assert "more: count, 1.02 times the base" in capsys.readouterr().out


def test_another_machine_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, now = folders(tmp_path)
    store(base, "bench_a", QUIET, cpu_model_name="Another CPU")
    store(now, "bench_a", QUIET)
    assert main([str(base), "--new", str(now)]) == 0
    error = capsys.readouterr().err
    assert "warning: different machines: Another CPU" in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("base", "says"),
    [
        ("missing.json", "there is no such file or folder"),
        ("empty", "has no results"),
        ("text.json", "must be pyperf's JSON"),
        ("foreign.json", "must be pyperf's JSON"),
        ("others.json", "has no benchmark that was measured now"),
        ("bytes.json", "in bytes, is in seconds now"),
    ],
)
def test_a_base_that_is_none_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], base: str, says: str
) -> None:
    now = tmp_path / "now"
    now.mkdir()
    store(now, "bench_a", QUIET)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.json").write_text("no JSON")
    (tmp_path / "foreign.json").write_text(json.dumps({"benchmarks": 1}))
    store(tmp_path, "others", {"another": (1.0,)})
    store(tmp_path, "bytes", {"same": (1.0,)}, unit="byte")
    assert main([str(tmp_path / base), "--new", str(now)]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert base in error
    assert len(error.splitlines()) == 1
