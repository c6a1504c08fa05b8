"""The measuring itself: what is slower is found slower, whoever goes first; the table lands in the README."""

import importlib.util
import sys
import time
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


def load(name: str):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name.removeprefix('benchmarks')}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def side_by_side():
    return load("side_by_side")


@pytest.fixture
def command(monkeypatch):
    """`python benchmarks`, as a module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield load("benchmarks__main__")
    sys.modules.pop("side_by_side", None)


def test_a_ratio_compares_two_times_and_the_sides_take_turns(side_by_side):
    calls = []

    def ours():
        calls.append("ours")
        time.sleep(0.04)

    def theirs():
        calls.append("theirs")
        time.sleep(0.01)

    measured = side_by_side.ratios(ours, theirs, num_pairs=4)
    assert measured == sorted(measured)
    assert 2 < measured[1] < 5
    assert calls == ["ours", "theirs", *("theirs", "ours", "ours", "theirs") * 2]  # the first pair only warms up


def test_median_and_range_are_written_out(side_by_side):
    assert side_by_side.describe([0.9, 1.0, 1.234]) == "1.00 (0.90 to 1.23)"


def test_the_table_replaces_the_old_one_in_the_readme(command, side_by_side, tmp_path, monkeypatch):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{command.START}\nold\n{command.END}\nafter ü\n", encoding="utf-8")
    monkeypatch.setattr(command, "README", readme)
    text = command.table([side_by_side.Result("ours", "theirs", "3 ×", "≥ 2 ×", True)], "python benchmarks")
    command.write_readme(text)
    written = readme.read_text(encoding="utf-8")
    assert written == f"before\n{command.START}\n{text}\n{command.END}\nafter ü\n"
    assert "| ours | theirs | 3 × | ≥ 2 × |" in written


def test_an_unknown_measurement_is_refused_by_name(command, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmarks", "warp"])
    with pytest.raises(SystemExit):
        command.main()
    assert "warp" in capsys.readouterr().err
