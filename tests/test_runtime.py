"""What everything else stands on: devices, settings, safe writing."""

import pytest
import torch

from course_utils import runtime
from course_utils.runtime import get_device


@pytest.mark.parametrize("prefer", ["cpu", torch.device("cpu")])
def test_a_device_is_asked_for_by_name_or_as_it_is(prefer, monkeypatch):
    monkeypatch.setenv("COURSE_DEVICE", "cuda")  # what is asked for wins
    assert get_device(prefer) == torch.device("cpu")


def test_the_setting_chooses_the_device_and_is_read_where_all_settings_are(monkeypatch):
    monkeypatch.setattr(runtime, "setting", lambda name: {"COURSE_DEVICE": "cpu"}[name])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert get_device() == torch.device("cpu")


@pytest.mark.parametrize("available", [True, False])
def test_without_a_wish_cuda_is_taken_where_there_is_one(available, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert get_device() == torch.device("cuda" if available else "cpu")


@pytest.mark.parametrize("prefer", ["tpu", torch.device("meta")])
def test_a_kind_of_device_that_nobody_knows_is_refused(prefer):
    with pytest.raises(ValueError, match=f"Unknown device '{prefer}': use 'cpu', 'cuda' or 'mps'"):
        get_device(prefer)


@pytest.mark.parametrize("prefer", ["cuda:1", torch.device("cuda", 1)])
def test_an_absent_device_is_refused(prefer, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="no 'cuda' device"):
        get_device(prefer)
