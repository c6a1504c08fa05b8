"""The measuring itself: what is slower is found slower, whoever goes first; the table lands in the README."""

import importlib.util
import re
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils import DataLoaders, InputSpec, TransferClassifier

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
    for name in ("side_by_side", "material", "loop", "features", "head", "fine_tuning", "frameworks"):
        sys.modules.pop(name, None)


def test_a_ratio_compares_two_times_and_the_sides_take_turns(side_by_side):
    calls, now = [], 0.0

    def work(name, seconds):
        nonlocal now
        calls.append(name)
        now += seconds

    measured = side_by_side.ratios(
        lambda: work("ours", 4 if len(calls) < 6 else 8), lambda: work("theirs", 2), num_pairs=4, clock=lambda: now
    )
    assert measured == [2, 2, 4, 4]
    assert calls == ["ours", "theirs", *("theirs", "ours", "ours", "theirs") * 2]  # the first pair only warms up


def test_a_work_takes_the_time_between_its_beginning_and_its_end(side_by_side):
    ticks = iter([10.0, 12.5])
    assert side_by_side.seconds(lambda: None, clock=lambda: next(ticks)) == 2.5


def test_median_and_range_are_written_out(side_by_side):
    assert side_by_side.describe([0.9, 1.0, 1.234]) == "1.00 (0.90 to 1.23)"


def test_measured_lines_replace_their_own_in_the_readme_and_no_others(command, side_by_side, tmp_path, monkeypatch):
    readme = tmp_path / "README.md"
    monkeypatch.setattr(command, "README", readme)

    def lines(name, figure):
        return command.rows([side_by_side.Result(name, "theirs", figure, "≥ 2 ×", True)], f"python benchmarks {name}")

    readme.write_text(f"before\n{command.START}\n{command.END}\nafter ü\n", encoding="utf-8")
    command.write_readme({name: lines(name, "3 ×") for name in command.NAMES})
    command.write_readme({"features": lines("features", "5 ×")})
    written = readme.read_text(encoding="utf-8")
    assert written.startswith(f"before\n{command.START}\n{command.HEAD[0]}\n")
    assert written.endswith(f"{command.END}\nafter ü\n")
    table = written.splitlines()[4:-2]
    assert [(line.split(" | ")[0][2:], line.split(" | ")[2]) for line in table] == [
        ("loop", "3 ×"),
        ("features", "5 ×"),
        ("head", "3 ×"),
        ("fine_tuning", "3 ×"),
        ("frameworks", "3 ×"),
    ]


def test_every_line_of_the_readme_has_the_form_that_the_command_prints(command):
    _, rest = command.README.read_text(encoding="utf-8").split(command.START)
    head, rule, *table = rest.split(command.END)[0].strip().splitlines()
    assert [head, rule] == command.HEAD
    names = "|".join(command.NAMES)
    form = rf"\| .+ \| .+ \| .+ \| .+ \| `python benchmarks( --full| --complete)* ({names})` \(.+\) \|"
    for line in table:
        assert re.fullmatch(form, line), line


class Backbone(nn.Module):
    """1,280 numbers of a picture after a chain of blocks, as MobileNetV2 gives, at next to no cost."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 1280, 1), *[nn.ReLU() for _ in range(12)])

    def forward(self, images):
        return self.features(images).flatten(1)


class TwoPictures:
    name = "two pictures"

    def classifier(self, *, frozen=True):
        spec, classes = InputSpec(image_size=8), [f"class {index}" for index in range(10)]
        classifier = TransferClassifier(Backbone(), classes=classes, spec=spec, source="made up")
        classifier.backbone.requires_grad_(not frozen).train(not frozen)
        return classifier

    def in_memory(self, _num_pictures):
        return DataLoader(TensorDataset(torch.randn(2, 3, 8, 8), torch.tensor([0, 1])), batch_size=2)

    def loaders(self):
        pictures = self.in_memory(2)
        return DataLoaders(pictures, pictures, pictures, pictures)


@pytest.mark.parametrize(
    ("name", "num_lines"), [("loop", 1), ("features", 1), ("head", 2), ("fine_tuning", 1), ("frameworks", 1)]
)
@pytest.mark.usefixtures("command")
def test_every_measurement_runs(side_by_side, monkeypatch, capsys, name, num_lines):
    module = importlib.import_module(name)
    for place in (module, importlib.import_module("loop")):
        for constant in ("QUICK", "FULL"):
            monkeypatch.setattr(place, constant, TwoPictures(), raising=False)
        monkeypatch.setattr(place, "NUM_EPOCHS", 1, raising=False)
        monkeypatch.setattr(place, "ratios", partial(side_by_side.ratios, num_pairs=1), raising=False)
    if name == "fine_tuning":
        monkeypatch.setattr(module, "loaders_with_mirror", TwoPictures.loaders)
    if name == "frameworks":
        monkeypatch.setattr(module, "FRAMEWORKS", {"torch": module.train_bare, "no_such_framework": None})
    lines = module.measure(full=False)
    assert len(lines) == num_lines
    assert all(line.what and line.against and line.measured and line.wanted for line in lines)
    if name == "frameworks":
        assert "no_such_framework is not installed" in capsys.readouterr().out
        assert lines[0].against.startswith("the same training in torch 2.")


def test_an_unknown_measurement_is_refused_by_name(command, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmarks", "warp"])
    with pytest.raises(SystemExit):
        command.main()
    assert "warp" in capsys.readouterr().err
