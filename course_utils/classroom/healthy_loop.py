"""A healthy loop in one piece, how its notes are taken, and how a line of their text is changed (lesson 11).

An exhibit of the bug museum is the text of `school` or of `take_notes` with a line replaced: what stands on a placard
is what runs.
"""

import copy
import inspect
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset  # noqa: F401 - exhibits use ConcatDataset
from torchvision.transforms import v2

from course_utils.datasets import ImageFolderDataset
from course_utils.features import check_notes
from course_utils.folding import make_fast
from course_utils.report.history import History
from course_utils.report.metrics import Metrics, describe_samples
from course_utils.runtime import set_seed
from course_utils.transforms import InputSpec
from course_utils.watching import Finding, watch


class Notes(NamedTuple):
    """Pictures as an eye noted them down, (N, 1280), with labels (N,); and how many terms they are practised."""

    practice: TensorDataset
    exam: TensorDataset
    final: TensorDataset
    twins: TensorDataset  # the mock exam's garments once more, mirrored
    num_epochs: int


class Visit(NamedTuple):
    """What a loop hands back: the student, its report card, and what the attendant saw."""

    model: nn.Module
    card: History
    findings: Sequence[Finding]


def take_notes(eye: nn.Module, folder: Path, spec: InputSpec) -> tuple[TensorDataset, list[str]]:
    """A frozen eye looks once at every picture of a folder. Return its notes, and what the package says of them."""
    look = [v2.Resize(spec.resize_size), v2.CenterCrop(spec.image_size), v2.ToImage()]
    look += [v2.ToDtype(torch.float32, scale=True), v2.Normalize(spec.mean, spec.std)]
    loader = DataLoader(ImageFolderDataset(folder, v2.Compose(look)), batch_size=20)
    eye.eval()
    sayings = overheard(check_notes, eye, loader, spec=spec)
    see = make_fast(eye)  # lesson 07
    with torch.no_grad():
        notes = [(see(images), labels) for images, labels in loader]
    return TensorDataset(*map(torch.cat, zip(*notes, strict=True))), sayings


def school(notes: Notes, seed: int) -> Visit:
    """Lesson 06's loop, in one piece, for a head that learns on notes. The attendant watches it."""
    set_seed(seed)
    pictures, truths = notes.practice.tensors
    practice, exam = TensorDataset(pictures, truths), notes.exam
    train_loader = DataLoader(practice, batch_size=50, shuffle=True)
    val_loader = DataLoader(exam, batch_size=128)
    inner = [nn.LayerNorm(1280), nn.Linear(1280, 64), nn.ReLU(), nn.Dropout(0.3)]
    model = nn.Sequential(*inner, nn.Linear(64, 10))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    num_steps = notes.num_epochs * len(train_loader)
    scheduler = OneCycleLR(optimizer, max_lr=0.003, total_steps=num_steps)
    attendant = watch(model, optimizer, criterion=criterion, scheduler=scheduler)
    attendant.look_at(train_loader, val_loader, num_epochs=notes.num_epochs)
    card = History(monitor="val_loss", **describe_samples(train_loader, val_loader))
    best_loss = math.inf
    for _ in range(notes.num_epochs):
        model.train()
        total_loss, num_right, num_seen = 0.0, 0, 0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            scheduler.step()
            total_loss += loss.item() * len(labels)
            num_right += (outputs.argmax(1) == labels).sum().item()
            num_seen += len(labels)
        marks = Metrics(float(total_loss) / num_seen, num_right / num_seen)
        model.eval()
        total_loss, num_right, num_seen = 0.0, 0, 0
        with torch.no_grad():
            for inputs, labels in val_loader:
                scores = model(inputs)
                total_loss += criterion(scores, labels).item() * len(labels)
                num_right += (scores.argmax(1) == labels).sum().item()
                num_seen += len(labels)
        exam_marks = Metrics(total_loss / num_seen, num_right / num_seen)
        card.append(marks, exam_marks, learning_rate=optimizer.param_groups[0]["lr"], seconds=0)
        if exam_marks.loss < best_loss:
            best_loss, best_weights = exam_marks.loss, copy.deepcopy(model.state_dict())
    model.load_state_dict(best_weights)
    return Visit(model, card, attendant.leave())


PLACES: Mapping[str, Callable[..., Any]] = {"school": school, "take_notes": take_notes}


def overheard(check: Callable[..., object], *arguments: Any, **options: Any) -> list[str]:
    """Return what `check` warns of, or refuses with a ValueError, as sentences."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            check(*arguments, **options)
        except ValueError as error:
            return [str(error)]
    return [str(each.message) for each in heard]


def change_text(function: Callable[..., Any], changes: Mapping[str, str]) -> str:
    """Return the text of `function` with parts replaced, old -> new; "" takes the whole line away.

    Raises ValueError where the old text does not stand in it exactly once.
    """
    text = inspect.getsource(function)
    for old, new in changes.items():
        if text.count(old) != 1:
            raise ValueError(f"{old!r} stands {text.count(old)} times in {function.__name__}, not once.")
        if new:
            text = text.replace(old, new)
        else:
            text = "".join(line for line in text.splitlines(keepends=True) if old.strip() not in line)
    return text


def changed(function: Callable[..., Any], changes: Mapping[str, str], **stand_ins: Any) -> Callable[..., Any]:
    """Return `function` with its text changed, as `change_text` does, ready to run.

    `stand_ins` take the place of names that the text uses, such as `watch=`.
    """
    text = change_text(function, changes)
    namespace = function.__globals__ | stand_ins
    code = compile(text, f"<{function.__name__}, changed>", "exec")
    exec(code, namespace)  # the text of this module, and what the table of exhibits puts into it
    built: Callable[..., Any] = namespace[function.__name__]
    return built
