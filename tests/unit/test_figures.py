"""`python -m tools.figures` shows what was measured, where, and refuses what it can't trust."""

from pathlib import Path
from typing import Any

import pyperf
import pytest

from hft.errors import UserError
from tools.figures import BEGIN, END, STAR, load, main, replaced, screen, table

MACHINE = {
    "cpu_model_name": "Some CPU",
    "cpu_count": 2,
    "platform": "Linux-6.1-x86_64-with-glibc2.36",
    "python_version": "3.11.7 (64-bit)",
}
RING, ONE_WAY = "ring, round trip p50", "ring, one way, one by one"


def store(folder: Path, script: str, figures: dict[str, tuple[float, ...]], **changed: Any) -> None:
    """Results as a benchmark leaves them; a value that is None takes its key out."""
    metadata = {**MACHINE, "date": "2026-11-21 10:00:00", "duration": 0.5, **changed}
    metadata = {key: value for key, value in metadata.items() if value is not None}
    benchmarks = [
        pyperf.Benchmark(
            [
                pyperf.Run([value], metadata={**metadata, "name": name}, collect_metadata=False)
                for value in values
            ]
        )
        for name, values in figures.items()
    ]
    pyperf.BenchmarkSuite(benchmarks).dump(str(folder / f"{script}.json"))


def loaded(folder: Path) -> Any:
    results = load(folder)
    assert results is not None
    return results


def refused(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_readme_has_median_spread_unit_script_and_machine(tmp_path: Path) -> None:
    figures = {RING: (250e-9, 260e-9, 252e-9), ONE_WAY: (20e-9, 25e-9, 16e-9)}
    store(tmp_path, "ring", figures, load_avg_1min=1.25)
    lines = table(loaded(tmp_path)).splitlines()
    assert lines[2:] == [
        "| Ring between two cores: messages, published one by one "
        "| 50.0 | 10.0 \\* | 40.0 - 62.5 | M/s | `ring.py` |",
        "| Ring between two cores: round trip, p50 | 252 | 2 | 250 - 260 | ns | `ring.py` |",
        "",
        "Measured on Some CPU, 2 cores, Linux-6.1-x86_64, Python 3.11.7; 2026-11-21; "
        "load average 1.2 to 1.2.",
        "",
        f"\\{STAR}.",
    ]


def test_screen_shows_every_benchmark_and_marks_noise(tmp_path: Path) -> None:
    store(tmp_path, "ring", {RING: (1e-3, 2e-3, 3e-3), "of no row": (1.5, 1.5)})
    lines = screen(loaded(tmp_path)).splitlines()
    assert lines[1].split()[4:] == ["2.00", "1.00*", "ms", "3", "1.00", "-", "3.00"]
    assert lines[2].split()[3:] == ["1.50", "0.00", "s", "2", "1.50", "-", "1.50"]


def test_a_ratio_is_of_the_values_of_one_repetition(tmp_path: Path) -> None:
    """The machine slows both down fourfold: their medians show it, their ratio does not."""
    flag = "bare flag, round trip p50"
    store(tmp_path, "ring", {RING: (120e-9, 480e-9, 120e-9), flag: (1e-7, 4e-7, 1e-7)})
    row = next(line for line in table(loaded(tmp_path)).splitlines() if "Ring to bare" in line)
    assert row == (
        "| Ring to bare flag: round trip, p50 | 1.20 | 0.00 | 1.20 - 1.20 | x | `ring.py` |"
    )


def test_what_is_no_time_has_a_unit_of_its_own(tmp_path: Path) -> None:
    name = "compiled engine, memory of a resting order"
    store(tmp_path, "engine", {name: (64.0, 64.5, 66.0)}, unit="byte")
    row = table(loaded(tmp_path)).splitlines()[2]
    assert row == (
        "| Engine: memory of a resting order | 64.5 | 0.5 | 64.0 - 66.0 | B | `engine.py` |"
    )


def test_only_what_is_between_the_markers_changes(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert replaced(readme, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}\n{BEGIN}\n{END}"])
def test_a_readme_without_its_markers_is_refused(tmp_path: Path, text: str) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(text)
    with pytest.raises(UserError, match="must have"):
        replaced(readme, "new")


def test_without_results_readme_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("as it was")
    assert main([str(tmp_path), "--readme", str(readme)]) == 0
    assert "stays as it is" in capsys.readouterr().out
    assert readme.read_text() == "as it was"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"benchmarks": 3}', '{"version": "1.0"}'])
def test_a_file_that_is_not_pyperfs_ends_with_one_line(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ring.json").write_text(text)
    assert main([str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "ring.json: must be pyperf's JSON" in error
    assert error.count("\n") == 1


def test_a_machine_that_is_not_named_is_refused(tmp_path: Path) -> None:
    store(tmp_path, "ring", {RING: (1e-6,)}, cpu_model_name=None)
    assert "cpu_model_name: the machine isn't named" in refused(tmp_path)


def test_results_of_two_machines_are_not_mixed(tmp_path: Path) -> None:
    store(tmp_path, "ring", {RING: (1e-6,)})
    store(tmp_path, "bench_engine", {"engine, mix A": (1e-7,)}, cpu_model_name="Another CPU")
    assert "different machines" in refused(tmp_path)


def test_a_benchmark_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    for script in ("ring", "ring_again"):
        store(tmp_path, script, {RING: (1e-6,)})
    assert "must be there once" in refused(tmp_path)
