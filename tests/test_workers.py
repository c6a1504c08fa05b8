"""What cannot go to worker processes is told before a DataLoader hangs; what can go is let through."""

import multiprocessing
import sys

import pytest
from torch.utils.data import Dataset
from torchvision.transforms import v2

from course_utils.workers import check_workers


class Pictures(Dataset):
    """A data set of nothing, with a transform."""

    def __init__(self, transform):
        self.transform = transform


@pytest.fixture
def notebook(monkeypatch):
    """Make `__main__` look like a notebook's: without a file. Returns a class and a function defined in it."""
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)

    class Invert:
        def __call__(self, image):
            return 1 - image

    def invert(image):
        return 1 - image

    for definition in (Invert, invert):
        definition.__module__, definition.__qualname__ = "__main__", definition.__name__
        monkeypatch.setattr(sys.modules["__main__"], definition.__name__, definition, raising=False)
    return Invert, invert


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("which", ["class", "function"])
def test_a_definition_in_a_notebook_meeting_fresh_workers_is_explained(notebook, monkeypatch, method, which):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda **_: method)
    transform = v2.Compose([v2.Identity(), notebook[0]() if which == "class" else notebook[1]])
    name = "Invert" if which == "class" else "invert"
    with pytest.raises(RuntimeError, match=rf"'{name}' is defined in this notebook.*{method}.*num_workers=0"):
        check_workers(Pictures(transform))


def test_a_lambda_meeting_fresh_workers_is_explained(monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda **_: "spawn")
    with pytest.raises(RuntimeError, match=r"lambda.*num_workers=0"):
        check_workers(Pictures(v2.Lambda(lambda image: image)))


def test_what_can_be_imported_may_meet_fresh_workers(notebook, monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda **_: "spawn")
    check_workers(Pictures(v2.Identity()))
    # A script's definitions are found again, because workers import the script.
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "script.py", raising=False)
    check_workers(Pictures(notebook[0]()))


def test_forked_workers_know_the_notebook(notebook, monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda **_: "fork")
    check_workers(Pictures(notebook[0]()))


def test_the_start_method_is_not_decided_by_asking(monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda allow_none=False: None if allow_none else 1 / 0)
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn", "fork"])
    with pytest.raises(RuntimeError, match="'spawn'"):
        check_workers(Pictures(lambda image: image))
