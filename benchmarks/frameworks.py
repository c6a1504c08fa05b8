"""The training of `loop.py` in skorch, where it is installed (`pip install skorch`); the project does not need it."""

import contextlib
import copy
import importlib.util
import io
from statistics import median

import numpy as np
import torch
from loop import LEARNING_RATE, NUM_EPOCHS, school, train_ours
from side_by_side import Result, describe, ratios
from torch import nn


def measure(*, full: bool) -> list[Result]:
    """Train all of MobileNetV2 with ours and with skorch: same pictures, weights, optimizer, mock exam and epochs."""
    if importlib.util.find_spec("skorch") is None:
        print("skorch is not installed, so nothing is compared with it (pip install skorch).")
        return []
    from skorch import NeuralNetClassifier
    from skorch.helper import predefined_split

    untrained, train, val = school(full=full)
    images, labels = (tensor.numpy() for tensor in train.dataset.tensors)

    def theirs():
        net = NeuralNetClassifier(
            copy.deepcopy(untrained), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=LEARNING_RATE,
            max_epochs=NUM_EPOCHS, batch_size=32, train_split=predefined_split(val.dataset), classes=np.arange(10),
            verbose=1,
        )  # fmt: skip
        with contextlib.redirect_stdout(io.StringIO()):
            net.fit(images, labels)

    measured = ratios(lambda: train_ours(untrained, train, val), theirs)
    return [
        Result(
            "`train_model`, the whole network learns",
            "the same training in skorch",
            f"{describe(measured)} × its time",
            "≤ 1.05",
            median(measured) <= 1.05,
        )
    ]
