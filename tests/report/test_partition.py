"""Sorted practice and shared samples are found, and what is healthy or small is left alone."""

import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader, Subset, TensorDataset

from course_utils.report.partition import describe_shared, describe_sorted, identities


def data(number=60, seed=0, labels=None):
    generator = torch.Generator().manual_seed(seed)
    given = torch.arange(number) // 20 if labels is None else labels
    return TensorDataset(torch.randn(number, 5, generator=generator), given)


def test_practice_in_the_order_of_the_classes_is_found():
    assert "shuffle=True" in describe_sorted(DataLoader(data(), batch_size=10))


@pytest.mark.parametrize(
    "loader",
    [
        DataLoader(data(), batch_size=10, shuffle=True),
        DataLoader(data(labels=torch.arange(60) % 3), batch_size=10),
        DataLoader(data(labels=torch.zeros(60, dtype=torch.int64)), batch_size=10),
        DataLoader(data(labels=torch.linspace(0, 1, 60)), batch_size=10),
        DataLoader(data(), batch_size=60),
        DataLoader(data(12), batch_size=4),
        [(torch.zeros(4, 5), torch.zeros(4))],
    ],
)
def test_any_other_order_is_left_alone(loader):
    assert describe_sorted(loader) is None


def test_samples_on_both_sides_are_counted():
    train, val = data(seed=0), data(seed=1)
    both = ConcatDataset([train, Subset(val, range(30))])
    assert describe_shared(DataLoader(both), DataLoader(val)) == (
        "30 of the 60 samples of the mock exam are practised on as well: its mark says what is known by heart. Split "
        "once, before anything else, and let no sample stand on both sides."
    )


def test_twenty_samples_are_enough_and_one_in_twenty_may_be_chance():
    val = data(20, seed=1)
    one, two = (ConcatDataset([data(seed=0), Subset(val, range(number))]) for number in (1, 2))
    assert describe_shared(DataLoader(one), DataLoader(val)) is None
    assert describe_shared(DataLoader(two), DataLoader(val)).startswith("2 of the 20 samples")


def test_what_has_no_data_set_is_left_alone():
    assert describe_shared([], DataLoader(data())) is None
    assert describe_shared(DataLoader(data()), []) is None


@pytest.mark.parametrize(
    ("train", "val"),
    [
        (data(seed=0), data(seed=1)),
        (ConcatDataset([data(seed=0), Subset(data(seed=1), [0, 1])]), data(seed=1)),  # chance makes a few alike
        (data(12), data(12)),
        (data(), [1, 2, 3]),
    ],
)
def test_separate_and_small_sets_are_left_alone(train, val):
    assert describe_shared(DataLoader(train), DataLoader(val)) is None


def test_the_same_samples_on_both_sides_are_meant_so():
    one = data()
    assert describe_shared(DataLoader(one), DataLoader(one)) is None
    assert describe_shared(DataLoader(data()), DataLoader(data())) is None


class Folder:
    """A data set that lists its files, as ImageFolder does."""

    def __init__(self, number):
        self.samples = [(f"{place}.png", 0) for place in range(number)]


def test_a_picture_is_known_by_its_file():
    assert identities(Folder(3)) == ["0.png", "1.png", "2.png"]
    assert identities(Subset(Folder(3), [2, 0])) == ["2.png", "0.png"]
    assert identities([1, 2]) is None
    assert identities(ConcatDataset([data(), Subset([1], [0])])) is None


def test_a_sample_of_numbers_is_known_by_some_of_them():
    assert identities(TensorDataset(torch.tensor([3, 4]))) == [(3.0,), (4.0,)]
    assert identities(TensorDataset(torch.arange(4).view(2, 2))) == [(0.0, 1.0), (2.0, 3.0)]
    picture = torch.arange(2 * 3 * 100 * 100, dtype=torch.bfloat16).view(2, 3, 100, 100)
    first, second = identities(TensorDataset(picture.requires_grad_()))
    assert len(first) == 65  # 30,000 numbers, of which every 468th is looked at
    assert first != second
    assert identities(TensorDataset(torch.arange(130)[None]))[0] == tuple(float(number) for number in range(0, 130, 2))
