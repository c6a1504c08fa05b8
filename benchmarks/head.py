"""A new head on a frozen backbone: with revision notes, against the loop that is found in every tutorial.

That loop sends every picture through the whole network in every epoch, reads it from its file each time, and calls
`model.train()` on all of it, so that the frozen backbone's BatchNorm statistics drift.
"""

import math
import time
from statistics import fmean, stdev

import torch
from material import FULL, QUICK, Material
from side_by_side import Result, seconds
from torch import nn
from torch.utils.data import DataLoader
from torchvision.models import MobileNetV2

from course_utils import (
    DataLoaders,
    evaluate,
    extract_features,
    set_seed,
    standard_error,
    sweep_learning_rates,
    train_model,
)

CPU, CRITERION = torch.device("cpu"), nn.CrossEntropyLoss()
NUM_EPOCHS, SEEDS, RATES = 10, (0, 1, 2), (0.0001, 0.001, 0.01, 0.1)


class Tutorial(nn.Module):
    """Frozen features and a linear head, without the rule that a frozen BatchNorm stays in `eval()`."""

    def __init__(self, material: Material):
        super().__init__()
        model = material.classifier()
        self.backbone, self.head = model.backbone, model.head

    def forward(self, images):
        return self.head(self.backbone(images))


def tutorial_epoch(model, data: DataLoaders, optimizer) -> float:
    """One epoch of the tutorials' loop; returns the accuracy of its mock exam."""
    model.train()
    running_loss = 0.0
    for images, labels in data.train:
        optimizer.zero_grad()
        loss = CRITERION(model(images), labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    model.eval()
    correct = total = 0
    with torch.no_grad():
        for images, labels in data.val:
            correct += (model(images).argmax(1) == labels).sum().item()
            total += len(labels)
    return correct / total


def train_with_notes(model, notes: list, *, lr: float = 0.001):
    """Train the head on the notes of practice and mock exam for ten epochs."""
    loaders = DataLoader(notes[0], batch_size=32, shuffle=True), DataLoader(notes[1], batch_size=32)
    optimizer = torch.optim.Adam(model.head.parameters(), lr=lr)
    train_model(
        model.head,
        *loaders,
        criterion=CRITERION,
        optimizer=optimizer,
        num_epochs=NUM_EPOCHS,
        device=CPU,
        progress=False,
    )
    return evaluate(model.head, loaders[1], criterion=CRITERION, device=CPU, progress=False).accuracy


def take_notes(backbone: MobileNetV2, data: DataLoaders) -> list:
    """Practice and mock exam, read from their files and seen once."""
    return [extract_features(backbone, loader, device=CPU, progress=False) for loader in (data.train_eval, data.val)]


def measure(*, full: bool, complete: bool = False) -> list[Result]:
    """Time both ways from files to trained head, and a sweep; compare the mock exams.

    Quick runs the tutorials' loop for all ten epochs, full for two of them and scales (with `complete`: all ten).
    """
    material = FULL if full else QUICK
    data = material.loaders()
    num_timed = 2 if full and not complete else NUM_EPOCHS

    set_seed(0)
    tutorial = Tutorial(material)
    optimizer = torch.optim.Adam(tutorial.head.parameters(), lr=0.001)
    exams, times = [], []
    for epoch in range(num_timed):
        started = time.perf_counter()
        exams.append(tutorial_epoch(tutorial, data, optimizer))
        times.append(time.perf_counter() - started)
        print(f"tutorial's loop, epoch {epoch + 1}: {times[-1]:.1f} s, mock exam {exams[-1]:.3f}", flush=True)
    theirs = fmean(times) * NUM_EPOCHS

    marks, ours = [], []
    for seed in SEEDS:
        set_seed(seed)
        model = material.classifier()
        ours.append(seconds(lambda m=model: marks.append(train_with_notes(m, take_notes(m.backbone, data)))))
        print(f"with notes, seed {seed}: {ours[-1]:.1f} s, mock exam {marks[-1]:.3f}", flush=True)

    def sweep():
        backbone = material.classifier().backbone
        notes = take_notes(backbone, data)
        loaders = DataLoader(notes[0], batch_size=32, shuffle=True), DataLoader(notes[1], batch_size=32)

        def make_model(learning_rate):
            head = nn.Linear(1280, 10)
            return head, torch.optim.Adam(head.parameters(), lr=learning_rate)

        options = {"num_epochs": NUM_EPOCHS, "seeds": SEEDS, "criterion": CRITERION, "device": CPU, "progress": False}
        print(sweep_learning_rates(make_model, *loaders, learning_rates=RATES, **options))

    sweep_seconds = seconds(sweep)
    sweep_factor = len(RATES) * len(SEEDS) * theirs / sweep_seconds
    head_factor = theirs / fmean(ours)
    scaled = "" if num_timed == NUM_EPOCHS else f" ({num_timed} epochs timed and scaled)"

    # Theirs is one run: its uncertainty, and that of each of ours, is the exam's size and the spread of the seeds.
    spread = stdev(marks)
    error = math.hypot(spread / math.sqrt(len(marks)), spread, standard_error(fmean(marks), len(data.val.dataset)))
    compared = num_timed == NUM_EPOCHS  # otherwise theirs has not finished learning
    not_lower = not compared or fmean(marks) >= exams[-1] - 2 * error
    also = ", not less accurate" if compared else ""
    accuracy = f"mock exam {fmean(marks):.3f} ± {spread:.3f} over {len(SEEDS)} seeds, theirs {exams[-1]:.3f}"
    accuracy += "" if num_timed == NUM_EPOCHS else f" after {num_timed} epochs"
    return [
        Result(
            f"ten epochs of the head: {fmean(ours):.1f} s",
            f"the tutorials' loop: {theirs:.0f} s{scaled} ({material.name})",
            f"{head_factor:.0f} × faster; {accuracy}",
            ("≥ 20 ×" if full else "faster") + also,
            head_factor >= (20 if full else 1) and not_lower,
        ),
        Result(
            f"sweep of 4 rates × 3 seeds × 10 epochs: {sweep_seconds:.1f} s",
            f"the same sweep with that loop (from its measured epochs: {12 * theirs / 60:.0f} min)",
            f"{sweep_factor:.0f} × faster",
            "≥ 200 ×" if full else "faster",
            sweep_factor >= (200 if full else 1),
        ),
    ]
