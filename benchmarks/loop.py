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

from course_utils import train_model

CPU = torch.device("cpu")


def train_bare(model, train_loader, val_loader, *, criterion, optimizer, num_epochs):
    """The loop and nothing else: no bars, no report card, no copy of the best weights."""
    for _ in range(num_epochs):
        model.train()
        for images, labels in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
        model.eval()
        correct = 0
        with torch.no_grad():
            for images, labels in val_loader:
                correct += (model(images).argmax(1) == labels).sum().item()


def measure(*, full: bool) -> list[Result]:
    """The whole MobileNetV2 learns, on drawn garments in memory; both sides start from the same weights."""
    untrained = QUICK.classifier(frozen=False)
    loaders = QUICK.in_memory(640 if full else 160), QUICK.in_memory(160 if full else 64)
    criterion = nn.CrossEntropyLoss()

    def fresh():
        model = copy.deepcopy(untrained)
        return model, torch.optim.Adam(model.parameters(), lr=1e-4)

    def ours():
        model, optimizer = fresh()
        with contextlib.redirect_stdout(io.StringIO()):
            train_model(model, *loaders, criterion=criterion, optimizer=optimizer, num_epochs=2, device=CPU)

    def theirs():
        model, optimizer = fresh()
        train_bare(model, *loaders, criterion=criterion, optimizer=optimizer, num_epochs=2)

    os.environ["COURSE_PROGRESS"] = "1"  # with bars, as a learner has them
    measured = ratios(ours, theirs)
    return [
        Result(
            "`train_model`, the whole network learns",
            "the same loop written bare, no bars, no report card",
            f"{describe(measured)} × its time",
            "≤ 1.03",
            median(measured) <= 1.03,
        )
    ]
