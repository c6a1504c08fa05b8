"""What is said of a data set is what a loader gives, sample by sample, through any wrapper."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import ChainDataset, ConcatDataset, Dataset, IterableDataset, StackDataset, Subset, TensorDataset
from torch.utils.data import random_split as split

from course_utils.report import samples
from course_utils.report.samples import dataset_targets


def class_names(dataset):
    return samples.class_names(SimpleNamespace(dataset=dataset))


class Pictures(Dataset):
    """A data set as torchvision makes them: a list of targets, and a list of names."""

    def __init__(self, *classes, targets=(0, 1, 1), target_transform=None):
        self.targets, self.target_transform = targets, target_transform
        if classes:
            self.classes = list(classes)

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        target = self.targets[index]
        return index, target if self.target_transform is None else self.target_transform(target)


class Stream(IterableDataset):
    classes = ("cat", "dog")

    def __iter__(self):
        yield 0, 1


def cats(**more):
    return Pictures("cat", "dog", **more)


def numbers(*values):
    return TensorDataset(torch.zeros(len(values), 2), torch.tensor(values))


WRAPPED = {
    "none": cats(),
    "Subset": Subset(cats(), [2, 0]),
    "Subset of Subset": Subset(Subset(cats(), [2, 1, 0]), [2, 0]),
    "random_split": split(cats(), [2, 1])[0],
    "ConcatDataset": ConcatDataset([cats(), cats()]),
    "ConcatDataset of Subsets": ConcatDataset([Subset(cats(), [1]), Subset(cats(), [2, 0])]),
    "Subset of ConcatDataset": Subset(ConcatDataset([cats(), cats()]), [5, 0]),
    "ConcatDataset of ConcatDatasets": ConcatDataset([ConcatDataset([cats()]), cats()]),
    "indices as a tensor": Subset(cats(), torch.tensor([1, 0])),
    "indices as an array": Subset(cats(), np.array([1, 0])),
    "targets as a tensor": cats(targets=torch.tensor([1, 0])),
    "targets as an array": cats(targets=np.array([1, 0])),
}


@pytest.mark.parametrize("wrapping", WRAPPED)
def test_targets_and_names_are_found_through_every_wrapper(wrapping):
    dataset = WRAPPED[wrapping]
    assert dataset_targets(dataset).tolist() == [int(dataset[index][1]) for index in range(len(dataset))]
    assert class_names(dataset) == ["cat", "dog"]


def test_targets_are_the_last_tensor_and_the_last_of_a_stack():
    assert dataset_targets(ConcatDataset([numbers(1, 2), numbers(0)])).tolist() == [1, 2, 0]
    stack = StackDataset(torch.zeros(3, 2), [2, 0, 1])
    assert dataset_targets(Subset(stack, [2, 0])).tolist() == [stack[2][1], stack[0][1]]
    of_three = StackDataset(torch.zeros(3, 2), torch.ones(3), [2, 0, 1])
    assert dataset_targets(of_three).tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    "dataset",
    [
        None,
        Stream(),
        Pictures(targets=["cat", "dog"]),
        Pictures(targets=[{"boxes": 1}]),
        Pictures(targets=[[0], [0, 1]]),
        cats(target_transform=lambda target: 1 - target),
        ConcatDataset([cats(), StackDataset(cats(), cats())]),
        ConcatDataset([numbers(1), TensorDataset(torch.zeros(2, 2))]),
        StackDataset(image=torch.zeros(2, 3), label=torch.zeros(2)),
    ],
    ids=["none", "stream", "names", "boxes", "lists", "relabelled", "one unknown", "two shapes", "dictionary"],
)
def test_targets_that_only_the_samples_would_tell_are_none(dataset):
    assert dataset_targets(dataset) is None
    assert dataset_targets(Subset(dataset, [0])) is None


@pytest.mark.parametrize("classes", [10, {}, [], torch.arange(3), [("cat", "puss"), ("dog",)]])
def test_what_is_no_list_of_names_is_no_name(classes):
    dataset = Pictures()
    dataset.classes = classes
    assert class_names(dataset) is None


def test_names_are_found_in_streams_and_stacks_and_beside_data_without_names():
    assert class_names(ChainDataset([Stream(), Stream()])) == ["cat", "dog"]
    assert class_names(StackDataset(numbers(1, 2, 3), cats())) == ["cat", "dog"]
    assert class_names(StackDataset(image=cats(), label=numbers(1, 2, 3))) == ["cat", "dog"]
    assert class_names(ConcatDataset([numbers(1), cats()])) == ["cat", "dog"]
    assert class_names(cats(target_transform=str)) is None
    assert class_names(None) is None
    assert samples.class_names([]) is None


def test_a_wrappers_own_names_stand_for_all_it_wraps():
    joined = ConcatDataset([cats(), Pictures("bird", "cat")])
    joined.classes = ["animal", "thing"]
    assert class_names(joined) == ["animal", "thing"]


@pytest.mark.parametrize(
    "join",
    [
        lambda one, other: ConcatDataset([one, other]),
        lambda one, other: Subset(ConcatDataset([one, Subset(other, [0])]), [0]),
        lambda one, other: ConcatDataset([ConcatDataset([one]), Subset(Subset(other, [0]), [0])]),
    ],
)
def test_joined_data_sets_that_number_their_classes_differently_are_refused(join):
    with pytest.raises(ValueError, match=r"differently: cat, dog; bird, cat\..*classes=\['bird', 'cat', 'dog'\]"):
        class_names(join(cats(), Pictures("bird", "cat")))
