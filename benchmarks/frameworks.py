"""The same training in skorch, where it is installed (`pip install skorch`); the project does not need it."""

import contextlib
import copy
import importlib.util
import io
from statistics import median

import numpy as np
import torch
from material import QUICK
from side_by_side import Result, describe, ratios
from torch import nn

from course_utils import train_model

CPU = torch.device("cpu")


def measure(*, full: bool) -> list[Result]:
    """Train all of MobileNetV2 with ours and with skorch: same pictures, weights, optimizer, mock exam and epochs."""
    if importlib.util.find_spec("skorch") is None:
        print("skorch is not installed, so nothing is compared with it (pip install skorch).")
        return []
    from skorch import NeuralNetClassifier
    from skorch.helper import predefined_split

    untrained = QUICK.classifier(frozen=False)
    train, val = QUICK.in_memory(640 if full else 160), QUICK.in_memory(160 if full else 64)
    images, labels = (tensor.numpy() for tensor in train.dataset.tensors)

    def ours():
        model = copy.deepcopy(untrained)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
        with contextlib.redirect_stdout(io.StringIO()):
            train_model(
                model, train, val, criterion=nn.CrossEntropyLoss(), optimizer=optimizer, num_epochs=2, device=CPU
            )

    def theirs():
        net = NeuralNetClassifier(
            copy.deepcopy(untrained), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=1e-4,
            max_epochs=2, batch_size=32, train_split=predefined_split(val.dataset), classes=np.arange(10), verbose=1,
        )  # fmt: skip
        with contextlib.redirect_stdout(io.StringIO()):
            net.fit(images, labels)

    measured = ratios(ours, theirs)
    return [
        Result(
            "`train_model`, the whole network learns",
            "the same training in skorch",
            f"{describe(measured)} × its time",
            "≤ 1.05",
            median(measured) <= 1.05,
        )
    ]
