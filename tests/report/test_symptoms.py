"""Each symptom of a batch is made, explained with its figures, and gone once the sentence's way out is followed."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.transforms import v2

from course_utils.checks import check_batch
from course_utils.report.symptoms import _is_same_device


def pictures(number=8):
    return torch.randn(number, 3, 6, 6)


def picture_model(num_classes=3):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes))


def check(**given):
    batch = {"inputs": pictures(), "targets": torch.arange(8) % 3, "model": picture_model()}
    batch |= {"criterion": nn.CrossEntropyLoss()} | given
    check_batch(batch.pop("model"), batch.pop("inputs"), batch.pop("targets"), **batch)


LABELS, WEIGHTS = torch.arange(8) % 3, torch.ones(3, dtype=torch.float64)
MEASURED = {"inputs": torch.rand(8, 4), "targets": torch.rand(8), "model": nn.Linear(4, 1), "criterion": nn.MSELoss()}
LOADED = next(iter(torch.utils.data.DataLoader([(torch.randn(3, 6, 6), 1)])))

# What is wrong, how it is explained, and what the explanation says to do.
MISTAKES = {
    "a data set for a loader": (
        {"targets": 1},
        r"not Tensor and int: pass a DataLoader",
        {"inputs": LOADED[0], "targets": LOADED[1]},
    ),
    "no batch": (
        {"inputs": pictures()[0], "targets": torch.tensor(1)},
        r"\(3, 6, 6\), targets \(\).*unsqueeze\(0\)",
        {"inputs": pictures()[0].unsqueeze(0), "targets": torch.tensor([1])},
    ),
    "no batch, targets in one": ({"inputs": pictures()[0]}, r"batch dimension is missing", {}),
    "channels last": (
        {"inputs": torch.randn(8, 6, 6, 3)},
        r"\(8, 6, 6, 3\).*permute\(0, 3, 1, 2\)",
        {"inputs": torch.randn(8, 6, 6, 3).permute(0, 3, 1, 2)},
    ),
    **{
        f"channels last, {channels} of them": (
            {"inputs": torch.randn(8, 6, 5, channels)},
            rf"\(8, 6, 5, {channels}\), which looks like \(N, H, W, C\)",
            {"inputs": pictures()},
        )
        for channels in (1, 4)
    },
    "bytes": (
        {"inputs": (pictures() * 50 + 128).byte()},
        r"torch.uint8.*ToDtype\(torch.float32, scale=True\) and Normalize",
        {
            "inputs": v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.25] * 3)])(
                (pictures() * 50 + 128).byte()
            )
        },
    ),
    "another number of labels": ({"targets": torch.zeros(5).long()}, r"8 inputs but 5 targets", {}),
    "two devices": (
        {"device": "cuda"},
        r"model is on cpu, the batch goes to cuda.*model.to\('cuda'\)",
        {"device": "cpu"},
    ),
    "a loss for each sample": (
        {"criterion": nn.CrossEntropyLoss(reduction="none")},
        "one loss per sample.*reduction='mean'",
        {"criterion": nn.CrossEntropyLoss(reduction="mean")},
    ),
    "a loss for each sample, by a function": (
        {"criterion": partial(functional.cross_entropy, reduction="none")},
        "one loss per sample",
        {"criterion": partial(functional.cross_entropy, reduction="mean")},
    ),
    "no scores": (
        {"model": nn.Sequential(picture_model(1), nn.Flatten(0))},
        r"shape \(8,\), due are scores for each class, \(N, C\)",
        {"model": picture_model(3)},
    ),
    "classes": (
        {"classes": ["cat", "dog"]},
        r"2 classes \(cat, dog\).*3 scores.*num_classes=len",
        {"classes": ["cat", "dog"], "model": picture_model(2), "targets": LABELS % 2},
    ),
    "one score": (
        {"model": picture_model(1), "targets": torch.rand(8, 1)},
        r"one score.*always 1, so cross-entropy is 0.*BCEWithLogitsLoss",
        {"model": picture_model(1), "targets": torch.rand(8, 1), "criterion": nn.BCEWithLogitsLoss()},
    ),
    "weights too few": (
        {"criterion": nn.CrossEntropyLoss(weight=torch.ones(2))},
        r"shape \(2,\).*3 scores: one weight is due for each class",
        {"criterion": nn.CrossEntropyLoss(weight=torch.ones(3))},
    ),
    "weights in float64": (
        {"criterion": nn.CrossEntropyLoss(weight=WEIGHTS)},
        r"torch.float64.*torch.float32.*weights.to\(torch.float32\)",
        {"criterion": nn.CrossEntropyLoss(weight=WEIGHTS.to(torch.float32))},
    ),
    "weights in float64, by a function": (
        {"criterion": partial(functional.cross_entropy, weight=WEIGHTS)},
        r"torch.float64.*torch.float32.*weights.to\(torch.float32\)",
        {"criterion": partial(functional.cross_entropy, weight=WEIGHTS.float())},
    ),
    "weights elsewhere": (
        {"criterion": nn.CrossEntropyLoss(weight=torch.ones(3, device="meta"))},
        r"class weights are on meta, the batch goes to cpu.*weights.to\('cpu'\)",
        {"criterion": nn.CrossEntropyLoss(weight=torch.ones(3).to("cpu"))},
    ),
    "labels of the wrong type": (
        {"targets": LABELS.int()},
        r"torch.int32.*labels.long\(\)",
        {"targets": LABELS.int().long()},
    ),
    "labels as floats": (
        {"targets": torch.ones(8)},
        r"torch.float32.*MSELoss",
        MEASURED | {"targets": torch.rand(8, 1)},
    ),
    "labels as a column": (
        {"targets": LABELS[:, None]},
        r"\(8, 1\), due is \(8,\).*squeeze\(1\)",
        {"targets": LABELS[:, None].squeeze(1)},
    ),
    "labels one-hot": (
        {"targets": torch.eye(3)[LABELS].long()},
        r"\(8, 3\), due is \(8,\).*argmax\(1\)",
        {"targets": torch.eye(3)[LABELS].long().argmax(1)},
    ),
    "labels too high": (
        {"targets": torch.arange(8)},
        r"between 0 and 7.*gives 3 scores, for the labels 0 to 2.*num_classes=len",
        {"targets": torch.arange(8), "model": picture_model(8)},
    ),
    "labels negative": (
        {"targets": LABELS - 1},
        r"between -1 and 1.*Count classes from 0",
        {"targets": LABELS - 1 + 1},
    ),
    "labels too high beside ignored ones": (
        {"targets": torch.tensor([9, -1] * 4), "criterion": nn.CrossEntropyLoss(ignore_index=-1)},
        r"between 9 and 9",
        {"targets": torch.tensor([2, -1] * 4), "criterion": nn.CrossEntropyLoss(ignore_index=-1)},
    ),
    "labels for NLLLoss": (
        {"targets": LABELS + 1, "criterion": nn.NLLLoss()},
        r"between 1 and 3",
        {"criterion": nn.NLLLoss()},
    ),
    "class numbers for a measuring loss": (
        {"criterion": nn.MSELoss()},
        r"torch.int64, MSELoss compares.*CrossEntropyLoss",
        {"criterion": nn.CrossEntropyLoss()},
    ),
    "class numbers for a measuring function": (
        {"criterion": functional.mse_loss},
        r"torch.int64, mse_loss compares.*targets.float\(\)",
        {"criterion": functional.mse_loss, "targets": LABELS.float()[:, None], "model": picture_model(1)},
    ),
    "shapes that would broadcast": (
        MEASURED,
        r"shape \(8,\), the answers \(8, 1\).*unsqueeze\(1\)",
        MEASURED | {"targets": torch.rand(8).unsqueeze(1)},
    ),
    "answers that would broadcast": (
        MEASURED | {"criterion": partial(functional.l1_loss)},
        r"l1_loss would pair.*outputs.squeeze\(1\)",
        MEASURED | {"model": nn.Sequential(nn.Linear(4, 1), nn.Flatten(0))},
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_explained_and_its_remedy_helps(mistake):
    given, explanation, mended = MISTAKES[mistake]
    with pytest.raises(ValueError, match=explanation):
        check(**given)
    check(**mended)


def test_a_loss_that_nobody_knows_is_left_to_itself():
    check(criterion=lambda outputs, _: outputs.sum(), targets=torch.full((8,), 99.0))


def test_probabilities_and_labels_for_each_pixel_are_right():
    check(targets=torch.randn(8, 3).softmax(1))
    check(targets=torch.zeros(8, 6, 6).long(), model=nn.Conv2d(3, 3, 1))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(6, 3), (6, 6), (1, 4)])
def test_channels_in_their_place_are_right_however_narrow_the_pictures(channels, size):
    model = nn.Sequential(nn.Conv2d(channels, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    check(inputs=torch.randn(8, channels, *size), model=model)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_another_number_of_channels_is_not_called_another_order(channels):
    model = nn.Sequential(nn.Conv2d(2, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ValueError, match=f"have {channels} channels, the model looks at 2"):
        check(inputs=torch.randn(8, channels, 6, 4), model=model)


def test_a_device_without_a_number_is_any_of_its_kind():
    check(device="cpu:0")
    check(device="cpu:0", model=picture_model().to("cpu:0"))
    assert _is_same_device(torch.device("cuda", 1), torch.device("cuda"))
    assert _is_same_device(torch.device("cuda"), torch.device("cuda", 1))
    assert _is_same_device(torch.device("cuda", 1), torch.device("cuda", 1))
    assert not _is_same_device(torch.device("cuda", 0), torch.device("cuda", 1))
    assert not _is_same_device(torch.device("cuda"), torch.device("cpu"))


@pytest.mark.parametrize("side", [1, 3, 4])
def test_small_maps_are_not_taken_for_pictures_with_the_channels_last(side):
    model = nn.Sequential(nn.Conv2d(160, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    check(inputs=torch.randn(8, 160, side, side), model=model)
    with pytest.raises(ValueError, match=r"which looks like \(N, H, W, C\)"):
        check(inputs=torch.randn(8, 32, 32, side), model=model)
