"""The scoreboard of checking libraries, without the libraries: what counts as seen, and that a look changes no run."""

import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn

TOOLS = Path(__file__).resolve().parent.parent / "tools"


@pytest.fixture
def script(monkeypatch):
    for library in ("torch_audit", "torchtest2"):
        monkeypatch.setitem(sys.modules, library, ModuleType(library))
    monkeypatch.syspath_prepend(TOOLS)
    yield importlib.import_module("score_checkers")
    sys.modules.pop("score_checkers")


def test_news_is_said_for_every_seed_and_of_no_healthy_run(script):
    assert script.news([{"a", "b", "usual"}, {"a", "usual"}, {"a", "c"}], {"usual"}) == {"a"}
    assert script.news([{"a"}, set()], set()) == set()
    assert script.news([{"usual"}, {"usual"}], {"usual", "more"}) == set()


def test_a_refused_run_counts_for_no_library(script):
    assert script.count_seen([{"refused: ValueError"}, set()]) == 0
    assert script.count_seen([{"refused: ValueError", "TA101"}, {"TA101", "TA102"}, set()]) == 2


SAYS = {  # exhibit -> what each library says, once for each seed
    "healthy": {"torch-audit": [{"always"}, set()], "torchtest2": [set(), set()]},
    "a": {"torch-audit": [{"always", "TA1"}, {"TA1", "TA2"}], "torchtest2": [{"refused: ValueError"}] * 2},
    "b": {"torch-audit": [{"always"}, {"always"}], "torchtest2": [{"bias", "range"}, {"range"}]},
    "c": {"torch-audit": [{"TA1"}, {"TA2"}], "torchtest2": [{"range"}, {"range"}]},
}


class Exhibit(SimpleNamespace):
    def _replace(self, **changes):
        return Exhibit(**vars(self) | changes)


def test_the_table_has_a_row_an_exhibit_and_the_tally_below(script, monkeypatch, capsys):
    exhibits = [
        Exhibit(name=name, caught="attendant", place="loop", small_school=name == "c", changes={"a line": "another"})
        for name in "abc"
    ]
    monkeypatch.setattr(script, "EXHIBITS", exhibits)
    monkeypatch.setattr(script, "museum", SimpleNamespace(open_museum=lambda *_: None, SEEDS=(0, 1)))
    monkeypatch.setattr(script, "run", lambda _, exhibit, library, seed: SAYS[exhibit.name][library][seed])
    monkeypatch.setattr(script, "version", lambda library: f"1.0-{library}")
    for name in ("clothing", "build_classifier"):
        monkeypatch.setattr(script, name, lambda *_, **__: None)
    script.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "| a | attendant | TA1 | refused: ValueError |",
        "| b | attendant | – | range |",
        "| c | attendant | – | range |",
    ]
    assert lines[3] == "torch 1.0-torch; torch-audit 1.0-torch-audit; torchtest2 1.0-torchtest2"
    assert lines[4:6] == ["torch-audit: 1 of 3", "torchtest2: 2 of 3"]
    assert lines[6] == "('torch-audit', 'loop', False): ['always']"
    assert len(lines) == 10  # and the other three kinds of healthy run


def test_a_first_look_leaves_the_run_as_it_is(script, monkeypatch):
    looked = []

    def look(_model, inputs, _labels, **_):
        looked.append(inputs + torch.rand(1))
        return SimpleNamespace(failures=[SimpleNamespace(name="range")], warnings=[SimpleNamespace(name="bias")])

    monkeypatch.setattr(sys.modules["torchtest2"], "check_model", look, raising=False)
    said = set()
    seat = script.Seat("torchtest2", said).watch(nn.Linear(1, 1), None, criterion=nn.MSELoss())
    loader = torch.utils.data.DataLoader([(torch.zeros(1), 0)] * 4, batch_size=2, shuffle=True)
    before = torch.get_rng_state()
    seat.look_at(loader, loader)
    assert torch.equal(torch.get_rng_state(), before)
    assert len(looked) == 1
    assert said == {"range", "bias"}
