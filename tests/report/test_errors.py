"""Each mistake is made for real, and its remedy is followed: PyTorch may change its words, and a test will say so."""

import functools

import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from course_utils.report.errors import KNOWN, explain_error, explained


def load(*samples, **options):
    return next(iter(DataLoader(list(samples), batch_size=2, **options)))


def pair(batch):
    [(inputs, targets)] = [batch]
    return inputs, targets


def normalised():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def through(transform):
    pictures = [Image.new("RGB", (7, 5)), Image.new("RGB", (4, 9))]
    return lambda: load(*((transform(picture), 0) for picture in pictures))


SCORES, LABELS = torch.randn(4, 3, requires_grad=True), torch.tensor([0, 1, 2, 0])
TO_TENSOR = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
PICTURES = torch.zeros(2, 3, 8, 8)


def weighted(weight):
    return lambda: functional.cross_entropy(SCORES, LABELS, weight=weight)


# Name: what is done wrongly, words of the explanation, the remedy that they give.
MISTAKES = {
    "no Resize": (
        through(TO_TENSOR),
        r"\[3, 5, 7\] and \[3, 9, 4\].*v2.Resize\(\(height, width\)\)",
        through(v2.Compose([v2.Resize((6, 6)), TO_TENSOR])),
    ),
    "one side resized": (
        through(v2.Compose([v2.Resize(6), TO_TENSOR])),
        r"differ in shape.*v2.Resize\(\(height, width\)\)",
        through(v2.Compose([v2.Resize((6, 6)), TO_TENSOR])),
    ),
    "no tensor": (
        through(v2.Resize((6, 6))),
        r"holds a PIL.Image.Image.*v2.ToImage",
        through(v2.Compose([v2.Resize((6, 6)), TO_TENSOR])),
    ),
    "no label": (lambda: load((torch.zeros(2), None)), "holds a NoneType", lambda: load((torch.zeros(2), 1))),
    "lists": (lambda: load(([1, 2], 0), ([1], 1)), "different lengths: pad", lambda: load(([1, 2], 0), ([1, 0], 1))),
    "a label that is text": (lambda: load((torch.zeros(2), 0), (torch.zeros(2), "a")), "one holds a str", None),
    "a label that is missing": (
        lambda: load((torch.zeros(2), 0), (torch.zeros(2), None)),
        "one holds a NoneType",
        None,
    ),
    "labels of two kinds": (lambda: load((torch.zeros(2), LABELS[0]), (torch.zeros(2), 1)), "one holds a int", None),
    "three things": (lambda: pair((1, 2, 3)), "pair of inputs and labels", lambda: pair((1, 2))),
    "one thing": (lambda: pair((1,)), "pair of inputs and labels", None),
    "a number": (lambda: pair(1), "pair of inputs and labels", None),
    "one sample": (
        lambda: normalised()(torch.zeros(1, 3)),
        r"one sample, \[1, 4\].*drop_last=True",
        lambda: normalised()(torch.zeros(2, 3)),
    ),
    "too few weights": (
        weighted(torch.ones(2)),
        r"shape \[2\], due is one weight for each of the 3",
        weighted(torch.ones(3)),
    ),
    "float64 weights": (
        weighted(torch.ones(3).double()),
        r"Float and Double.*\.float\(\)",
        weighted(torch.ones(3).double().float()),
    ),
    "weights elsewhere": (weighted(torch.ones(3, device="meta")), r"one device.*criterion.to\(device\)", None),
    "a label too high": (
        lambda: functional.cross_entropy(SCORES, LABELS + 1),
        "label is 3.*num_classes",
        weighted(None),
    ),
    "a negative label": (lambda: functional.cross_entropy(SCORES, LABELS - 1), "label is -1.*from 0", weighted(None)),
    "float64 inputs": (
        lambda: nn.Linear(3, 1)(torch.zeros(2, 3).double()),
        "Double and Float",
        lambda: nn.Linear(3, 1)(torch.zeros(2, 3).double().float()),
    ),
    "float64 pictures": (
        lambda: nn.Conv2d(3, 1, 3)(PICTURES.double()),
        "double and float",
        lambda: nn.Conv2d(3, 1, 3)(PICTURES.double().float()),
    ),
    "grey pictures": (
        lambda: nn.Conv2d(3, 1, 3)(PICTURES[:, :1]),
        "have 1 channels, the model looks at 3",
        lambda: nn.Conv2d(1, 1, 3)(PICTURES[:, :1]),
    ),
    "pictures for a layer": (
        lambda: nn.Linear(192, 1)(PICTURES),
        r"gets 8 numbers.*built for 192.*nn.Flatten\(\)",
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 1))(PICTURES),
    ),
    "another size": (
        lambda: nn.Linear(4, 1)(torch.zeros(2, 3)),
        "in_features=3",
        lambda: nn.Linear(3, 1)(torch.zeros(2, 3)),
    ),
    "small pictures": (
        lambda: nn.Conv2d(3, 1, 9)(PICTURES),
        "too small.*enlarge",
        lambda: nn.Conv2d(3, 1, 9)(v2.functional.resize(PICTURES, [9, 9])),
    ),
    "tiny pictures": (
        lambda: nn.MaxPool2d(9)(PICTURES),
        "too small.*enlarge",
        lambda: nn.MaxPool2d(9)(v2.functional.resize(PICTURES, [9, 9])),
    ),
    "fewer labels": (lambda: functional.cross_entropy(SCORES, LABELS[:3]), "4 answers to 3 labels", weighted(None)),
    "a word too many": (
        lambda: nn.Embedding(5, 2)(torch.tensor([5])),
        "num_embeddings",
        lambda: nn.Embedding(6, 2)(torch.tensor([5])),
    ),
    "a loss for each": (
        lambda: functional.cross_entropy(SCORES, LABELS, reduction="none").backward(),
        "reduction='mean'",
        lambda: functional.cross_entropy(SCORES, LABELS).backward(),
    ),
    "a plain number": (
        lambda: functional.cross_entropy(SCORES, LABELS).item().backward(),
        r"without \.item\(\)",
        lambda: functional.cross_entropy(SCORES, LABELS).backward(),
    ),
    "no way back": (
        lambda: functional.cross_entropy(SCORES.detach(), LABELS).backward(),
        r"no way back.*\.detach\(\)",
        lambda: functional.cross_entropy(SCORES, LABELS).backward(),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_explained_and_its_remedy_helps(mistake):
    make, explanation, mend = MISTAKES[mistake]
    with pytest.raises((RuntimeError, TypeError, ValueError, IndexError, AttributeError)) as plain:
        make()
    with pytest.raises(ValueError, match=rf"(?s){explanation}.*PyTorch's words: .*\w") as error, explained():
        make()
    assert type(error.value.__cause__) is plain.type
    assert str(plain.value).splitlines()[-1] in str(error.value)
    if mend is not None:
        mend()


# What no CPU can be made to say.
ON_A_GPU = {
    "Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be the same": "one device",
    "Input type (torch.FloatTensor) and weight type (torch.cuda.FloatTensor) should be the same": "one device",
    "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!": "one device",
}
FULL = {
    "CUDA": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "Metal": RuntimeError("MPS backend out of memory (MPS allocated: 8.50 GB)."),
    "Linux": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000 bytes."),
    "Windows": RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 4000 bytes."),
}


@pytest.mark.parametrize("said", ON_A_GPU)
def test_what_a_gpu_says_is_explained(said):
    assert ON_A_GPU[said] in str(explain_error(RuntimeError(said)))


@pytest.mark.parametrize("where", FULL)
def test_a_full_memory_is_explained_and_stays_what_it_is_for_those_who_try_again(where):
    with pytest.raises(torch.OutOfMemoryError, match="choose a smaller batch_size") as error, explained():
        raise FULL[where]
    assert str(FULL[where]) in str(error.value)
    assert isinstance(error.value, RuntimeError)


def test_a_memory_that_is_really_full_is_recognised():
    with pytest.raises(torch.OutOfMemoryError, match="smaller batch_size"), explained():
        torch.empty(2**60, dtype=torch.uint8)


def test_words_on_several_lines_are_recognised_and_the_last_line_is_quoted():
    said = "In a worker:\nRuntimeError: batch must contain tensors,\nnumpy arrays, numbers; found <class 'str'>\n"
    explanation = str(explain_error(TypeError(said)))
    assert explanation.startswith("A sample holds a str,")
    assert explanation.endswith("(PyTorch's words: numpy arrays, numbers; found <class 'str'>)")


def test_every_explanation_is_shown_by_a_mistake():
    shown = []
    for make, _, _ in MISTAKES.values():
        with pytest.raises(ValueError, match="words") as error, explained():
            make()
        shown.append(str(error.value))
    shown += [str(explain_error(error)) for error in [*map(RuntimeError, ON_A_GPU), *FULL.values()]]
    for known in KNOWN:
        start = known.sentence.split("{")[0]
        assert any(text.startswith(start) for text in shown), known.sentence


def test_a_mistake_in_a_worker_is_explained_too():
    with pytest.raises(ValueError, match=r"differ in shape, \[2\] and \[3\].*words: .*stack expects"), explained():
        load((torch.zeros(2), 0), (torch.zeros(3), 0), num_workers=1)


@pytest.mark.parametrize("error", [RuntimeError("my own"), OSError("out of memory"), KeyError(1), KeyboardInterrupt()])
def test_other_errors_pass_unchanged(error):
    with pytest.raises(type(error)) as seen, explained():
        raise error
    assert seen.value is error


def test_what_is_explained_is_not_explained_again():
    with pytest.raises(ValueError, match="words") as error, explained(), explained():
        functools.partial(functional.cross_entropy, SCORES)(LABELS + 1)
    assert str(error.value).count("words:") == 1
