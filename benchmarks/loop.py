"""`train_model` with its checks, bars, report card and best weights, against the same loop written bare."""

import contextlib
import copy
import io
import os
from statistics import median

import torch
from material import QUICK
from side_by_side import Result, describe, ratios
from torch import nn
from torch.utils.data import DataLoader

from course_utils import train_model

CPU, CRITERION, NUM_EPOCHS, LEARNING_RATE = torch.device("cpu"), nn.CrossEntropyLoss(), 2, 1e-4


def school(*, full: bool) -> tuple[nn.Module, DataLoader, DataLoader]:
    """Return all of MobileNetV2, free to learn, with drawn garments in memory: practice and mock exam."""
    model = QUICK.classifier(frozen=False)
    return model, QUICK.in_memory(640 if full else 160), QUICK.in_memory(160 if full else 64)


def train_ours(untrained: nn.Module, train_loader: DataLoader, val_loader: DataLoader) -> nn.Module:
    """Train a copy with `train_model`, with bars, as a learner has them; what it says goes nowhere."""
    os.environ["COURSE_PROGRESS"] = "1"
    model = copy.deepcopy(untrained)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    options = {"criterion": CRITERION, "optimizer": optimizer, "num_epochs": NUM_EPOCHS, "device": CPU}
    with contextlib.redirect_stdout(io.StringIO()):
        train_model(model, train_loader, val_loader, **options)
    return model


def train_bare(untrained: nn.Module, train_loader: DataLoader, val_loader: DataLoader) -> nn.Module:
    """Train a copy with the loop and nothing else: no bars, no report card, no copy of the best weights."""
    model = copy.deepcopy(untrained)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    for _ in range(NUM_EPOCHS):
        model.train()
        for images, labels in train_loader:
            optimizer.zero_grad()
            loss = CRITERION(model(images), labels)
            loss.backward()
            optimizer.step()
        model.eval()
        correct = 0
        with torch.no_grad():
            for images, labels in val_loader:
                correct += (model(images).argmax(1) == labels).sum().item()
    return model


def measure(*, full: bool) -> list[Result]:
    """The whole MobileNetV2 learns; both sides start from the same weights."""
    pupils = school(full=full)
    measured = ratios(lambda: train_ours(*pupils), lambda: train_bare(*pupils))
    return [
        Result(
            "`train_model`, the whole network learns",
            "the same loop written bare, no bars, no report card",
            f"{describe(measured)} × its time",
            "≤ 1.03",
            median(measured) <= 1.03,
        )
    ]
