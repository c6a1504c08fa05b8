"""Fine-tuning on notes of the trunk, against fine-tuning through the pictures; and a folder to its finished student.

Both sides let the same blocks learn, from the same head, for as many epochs, and see each picture or its mirror image
at random. Through the pictures, each is read, resized and sent through all blocks in every epoch.
"""

import copy
import time
from itertools import pairwise
from statistics import fmean, stdev
from typing import NamedTuple

import torch
from material import FULL, QUICK, Material
from side_by_side import Result, seconds
from torch import nn
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from course_utils import (
    DataLoaders,
    extract_features,
    make_dataloaders,
    set_seed,
    split_for_fine_tuning,
    train_model,
    unfreeze_last_blocks,
)
from course_utils.evaluation import predict
from course_utils.models import TransferClassifier
from course_utils.pictures import catalog
from course_utils.transforms import build_eval_transform

CPU, SEEDS = torch.device("cpu"), (0, 1, 2)
HEAD_EPOCHS, NUM_EPOCHS, RATE = 8, 8, 0.001  # lesson 08's
PUBLISHED = "0.898, the best published result on these photographs (Xception at 299 px)"


class TrunkNotes(NamedTuple):
    """Of the trunk: practice in both views, mock exam in one."""

    practice: torch.utils.data.Dataset
    mock_exam: torch.utils.data.Dataset


def loaders_with_mirror(material: Material) -> DataLoaders:
    """Loaders that read each practice picture from its file each time, mirrored every second time."""
    look = build_eval_transform(material.classifier().spec)
    mirrored = v2.Compose([v2.RandomHorizontalFlip(), look])
    return make_dataloaders(catalog.clothing(material.dataset), train_transform=mirrored, eval_transform=look)


def train_head(model: TransferClassifier, practice, mock_exam) -> None:
    """The head alone, on the backbone's features."""
    optimizer = torch.optim.AdamW(model.head.parameters(), lr=0.001)
    loaders = DataLoader(practice, batch_size=32, shuffle=True), DataLoader(mock_exam, batch_size=50)
    train(model.head, *loaders, optimizer=optimizer, num_epochs=HEAD_EPOCHS)


def fine_tune(learner: nn.Module, practice: DataLoader, mock_exam: DataLoader, num_epochs: int = NUM_EPOCHS) -> None:
    """Train what may learn in `learner`, the whole model or its end."""
    learning = [parameter for parameter in learner.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=RATE, weight_decay=0.05)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=num_epochs * len(practice))
    train(learner, practice, mock_exam, optimizer=optimizer, scheduler=scheduler, num_epochs=num_epochs)


def train(learner: nn.Module, practice: DataLoader, mock_exam: DataLoader, **options) -> None:
    """What head and eye have in common: the loss, and the figure by which the best weights are kept."""
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    options |= {"criterion": criterion, "device": CPU, "monitor": "val_loss", "progress": False}
    train_model(learner, practice, mock_exam, **options)


def take_notes(model: TransferClassifier, data: DataLoaders, num_blocks: int) -> TrunkNotes:
    """Ask the trunk below the last `num_blocks` blocks once."""
    trunk, _ = split_for_fine_tuning(model, num_blocks)
    views = {"practice": (data.train_eval, ("plain", "mirrored")), "mock_exam": (data.val, ("plain",))}
    taken = {
        name: extract_features(trunk, loader, device=CPU, views=looks, progress=False)
        for name, (loader, looks) in views.items()
    }
    return TrunkNotes(**taken)


def schooled(
    model: TransferClassifier, data: DataLoaders, num_blocks: int
) -> tuple[dict[str, float], TransferClassifier]:
    """Take a new model from the folder to its finished student; return the seconds of each part, and the student as it
    was before fine-tuning.
    """
    clock = [time.perf_counter()]
    notes = take_notes(model, data, num_blocks)
    clock.append(time.perf_counter())
    _, part = split_for_fine_tuning(model, num_blocks)
    part.eval()
    features = [
        extract_features(part.blocks, DataLoader(dataset.of_view("plain"), batch_size=50), device=CPU, progress=False)
        for dataset in notes
    ]
    train_head(model, *features)
    clock.append(time.perf_counter())
    with_head = copy.deepcopy(model)
    unfreeze_last_blocks(model, num_blocks)
    fine_tune(part, DataLoader(notes.practice, batch_size=32, shuffle=True), DataLoader(notes.mock_exam, batch_size=50))
    clock.append(time.perf_counter())
    spent = [after - before for before, after in pairwise(clock)]
    return dict(zip(("notes", "head", "fine-tuning"), spent, strict=True)), with_head


def measure(*, full: bool, complete: bool = False) -> list[Result]:
    """Train students of three seeds on notes, and one through the pictures (with `complete`: for all epochs)."""
    material, num_blocks = (FULL, 3) if full else (QUICK, 12)
    data, times, finals, students = material.loaders(), [], [], []
    for seed in SEEDS:
        set_seed(seed)
        model = material.classifier().to(memory_format=torch.channels_last)
        parts, with_head = schooled(model, data, num_blocks)
        times.append(sum(parts.values()))
        final = predict(model, data.test, device=CPU, progress=False)
        finals.append(final.accuracy)
        students.append((with_head, parts))
        spent = ", ".join(f"{name} {value:.0f} s" for name, value in parts.items())
        print(f"seed {seed}: {spent}; final exam {final.accuracy:.3f}", flush=True)

    num_timed = NUM_EPOCHS if complete or not full else 1
    model, parts = students[0]
    unfreeze_last_blocks(model, num_blocks)
    pictures = loaders_with_mirror(material)
    through = seconds(lambda: fine_tune(model, pictures.train, pictures.val, num_timed)) * NUM_EPOCHS / num_timed
    on_notes = parts["notes"] + parts["fine-tuning"]
    theirs = predict(model, data.test, device=CPU, progress=False).accuracy
    compared = f"final exam {fmean(finals):.3f} ± {stdev(finals):.3f}, theirs "
    compared += f"{theirs:.3f}" if num_timed == NUM_EPOCHS else "not trained to its end"
    scaled = "" if num_timed == NUM_EPOCHS else f" ({num_timed} epoch timed and scaled)"
    speedup = through / on_notes
    lines = [
        Result(
            f"fine-tuning {num_blocks} blocks for {NUM_EPOCHS} epochs on notes: {on_notes:.0f} s, notes included",
            f"the same through the pictures: {through:.0f} s{scaled} ({material.name})",
            f"{speedup:.1f} × faster; {compared}",
            "≥ 3 ×",
            speedup >= 3,
        )
    ]
    if full:
        lines.append(
            Result(
                f"from folder to finished student: {fmean(times):.0f} s",
                PUBLISHED,
                f"final exam {fmean(finals):.3f} ± {stdev(finals):.3f} over {len(SEEDS)} seeds",
                "≥ 0.91 in ≤ 180 s",
                fmean(finals) >= 0.91 and fmean(times) <= 180,
            )
        )
    return lines
