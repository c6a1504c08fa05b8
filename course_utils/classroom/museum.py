"""The bug museum (lesson 11): a walk past exhibits that each change a line or two of a healthy loop.

Damage is measured twice. To the *student*: points that the final exam, properly sat, falls short of the healthy
student's. To the *report card*: points by which it tells more than its student is worth.
"""

import copy
import inspect
import math
import statistics
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import ndiff
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from torchvision.transforms import v2

from course_utils.classroom.exhibits import EXHIBITS, Exhibit
from course_utils.classroom.healthy_loop import PLACES, Notes, Visit, change_text, changed, school, take_notes
from course_utils.datasets import ImageFolderDataset
from course_utils.features import extract_features
from course_utils.models import TransferClassifier
from course_utils.pictures.folders import find_splits
from course_utils.report.history import History
from course_utils.report.remarks import ALARMS
from course_utils.report.tables import html_table, text_table
from course_utils.runtime import evaluating, set_seed
from course_utils.transforms import InputSpec, build_eval_transform

SEEDS = (0, 1, 2)
SMALL_SCHOOL = 100  # practice pictures where learning by heart is to be seen


class Points(NamedTuple):
    """A damage in percentage points: its mean over the seeds, paired with the healthy runs, and its standard error."""

    mean: float
    error: float

    @property
    def is_clear(self) -> bool:
        """True where it is more than two of its standard errors."""
        return abs(self.mean) > 2 * self.error

    def __str__(self) -> str:
        return f"{self.mean:+.1f} ± {self.error:.1f}"


class Shown(NamedTuple):
    """An exhibit after its runs, one for each seed. A run that was refused has no visits but a `refusal`."""

    exhibit: Exhibit
    healthy: Sequence[Visit]
    visits: Sequence[Visit]
    student: Points | None  # points that its student lacks in the final exam
    loss: Points | None  # the same for its loss, in hundredths
    card: Points | None  # points that its report card tells too many
    notes: Notes
    sayings: Sequence[str]  # what the package says beyond what it says of the healthy loop, the first thing first
    caught: str  # by whom

    @property
    def damage(self) -> Points | None:
        """The one that the exhibit is shown for; None where that is told by numbers of its own."""
        cards = dict.fromkeys(("card", "exam", "practice"), self.card)
        return {"student": self.student, "loss": self.loss, **cards}.get(self.exhibit.harms)

    @property
    def spoils_the_student(self) -> bool:
        """True where the student itself is worse, clearly: by two points, or by a tenth in its loss."""
        damages = ((self.student, 2), (self.loss, 10))
        return any(points is not None and points.is_clear and points.mean > least for points, least in damages)

    @property
    def headline(self) -> str:
        """The damage in a few words."""
        if self.damage is None:
            return {"memory": "memory grows", "answers": "single answers"}.get(self.exhibit.harms, "no curve")
        mean = self.damage.mean
        words = {"student": f"{mean:.0f} points lost", "loss": f"loss up by {mean / 100:.2f}"}
        return words.get(self.exhibit.harms, f"card {mean:+.0f} points".replace("-", "−"))


class Room(dict[str, Shown]):
    """The exhibits of a room by name, after their runs. A cell that ends in one shows its placards."""

    @property
    def cards(self) -> dict[str, History]:
        """The report card of each exhibit's first run, where it was not refused."""
        return {name: shown.visits[0].card for name, shown in self.items() if shown.visits}

    @property
    def healthy(self) -> dict[str, History]:
        """The report card of the healthy run that belongs to each of `cards`."""
        return {name: self[name].healthy[0].card for name in self.cards}

    @property
    def sayings(self) -> str:
        """What the package says of each exhibit, a sentence each."""
        said = {name: shown.sayings[0] if shown.sayings else "(not a word)" for name, shown in self.items()}
        return "\n".join(f"{name}: {sentence}" for name, sentence in said.items())

    def rows(self) -> list[list[str]]:
        """Return the placards, headings first, ready to print."""
        head = ["exhibit", "student lacks", "its loss is up by", "card tells too much", "caught by", "mend"]
        return [head, *(_placard(shown) for shown in self.values())]

    def __repr__(self) -> str:
        return text_table(self.rows(), align="left")

    def _repr_html_(self) -> str:
        return html_table(self.rows(), caption="Damage in points, over three seeds", align="left")


def _placard(shown: Shown) -> list[str]:
    loss = "–" if shown.loss is None else f"{shown.loss.mean / 100:+.2f} ± {shown.loss.error / 100:.2f}"
    student, card = ("–" if points is None else str(points) for points in (shown.student, shown.card))
    damages = [student, loss, card]
    return [shown.exhibit.name, *damages, shown.caught, shown.exhibit.mend]


def show_changes(room: str) -> str:
    """Return what each exhibit of a room changes: its name, the lines that go (-) and the lines that come (+)."""
    parts = []
    for exhibit in EXHIBITS:
        if exhibit.room == room:
            function = PLACES[exhibit.place]
            old = inspect.getsource(function).splitlines()
            new = change_text(function, exhibit.changes).splitlines()
            lines = [line for line in ndiff(old, new) if line[0] in "+-"]
            shift = min(len(line[2:]) - len(line[2:].lstrip()) for line in lines)
            parts.append("\n".join([f"{exhibit.name}:", *(f"    {line[:2]}{line[2 + shift :]}" for line in lines)]))
    return "\n".join(parts)


@dataclass
class Museum:
    """Notes, healthy students, and the way through the rooms. `open_museum` makes one of a data set."""

    notes: Notes
    few: Notes  # the small school
    eye: nn.Module
    spec: InputSpec
    exam_folder: Path

    @cached_property
    def healthy(self) -> list[Visit]:
        """The healthy loop, once for each seed."""
        return [school(self.notes, seed) for seed in SEEDS]

    @cached_property
    def healthy_few(self) -> list[Visit]:
        """The same in the small school: few pictures, many terms."""
        return [school(self.few, seed) for seed in SEEDS]

    def show(self, exhibit: Exhibit) -> Shown:
        """Run an exhibit for every seed, beside the healthy loop; say what it harms, and who catches it."""
        notes, healthy = (self.few, self.healthy_few) if exhibit.small_school else (self.notes, self.healthy)
        loop, sayings = school, []
        if exhibit.place == "take_notes":
            eye = copy.deepcopy(self.eye)
            broken = changed(take_notes, exhibit.changes)
            set_seed(SEEDS[0])  # chance in a look is the same whatever was shown before
            exam, sayings = broken(eye, self.exam_folder, self.spec)
            notes = notes._replace(exam=exam)
        else:
            loop = changed(school, exhibit.changes)
        visits: list[Visit] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # findings are kept
            try:
                visits = [loop(notes, seed) for seed in SEEDS]
            except (ValueError, RuntimeError) as error:
                return Shown(exhibit, healthy, [], None, None, None, notes, [str(error)], "refused")
        pairs = list(zip(visits, healthy, strict=True))
        exams = [(self.final(broken), self.final(sound)) for broken, sound in pairs]
        student = _points([sound.accuracy - broken.accuracy for broken, sound in exams])
        loss = _points([broken.loss - sound.loss for broken, sound in exams])
        card = _points([self._boast(exhibit, *pair) for pair in pairs])
        said, caught = _who_catches(visits, healthy, sayings)
        return Shown(exhibit, healthy, visits, student, loss, card, notes, said, exhibit.caught_elsewhere or caught)

    def walk(self, room: str) -> Room:
        """Show every exhibit of a room, by name."""
        return Room({exhibit.name: self.show(exhibit) for exhibit in EXHIBITS if exhibit.room == room})

    def final(self, visit: Visit) -> "Marks":
        """The student's marks in the final exam, properly sat."""
        notes, labels = self.notes.final.tensors
        with evaluating(visit.model):
            scores = visit.model(notes)
        right = (scores.argmax(1) == labels).float().mean()
        return Marks(functional.cross_entropy(scores, labels).item(), right.item())

    def _boast(self, exhibit: Exhibit, broken: Visit, sound: Visit) -> float:
        """By how much the report card tells too much, beside the healthy one's.

        Where only the exam is another, both cards speak of the same student in their last term. Else what a card says
        of its best term is held against its student's final exam.
        """
        if exhibit.harms == "practice":
            return (broken.card.train_accuracy[-1] or 0.0) - (sound.card.train_accuracy[-1] or 0.0)
        if exhibit.harms in ("exam", "answers"):
            return (broken.card.val_accuracy[-1] or 0.0) - (sound.card.val_accuracy[-1] or 0.0)
        told = [visit.card.val_accuracy[(visit.card.best_epoch or 1) - 1] or 0.0 for visit in (broken, sound)]
        return (told[0] - self.final(broken).accuracy) - (told[1] - self.final(sound).accuracy)


def open_museum(root: Path, model: TransferClassifier, *, device: torch.device | str = "cpu") -> Museum:
    """Return the museum of a data set with folders for train, validation and test: `model`'s frozen eye takes notes.

    They are kept in the data folder. The eye's memory is laid out by channel, in which a processor is faster.
    """
    folders, spec, eye = find_splits(root), model.spec, model.backbone.eval().to(memory_format=torch.channels_last)
    look = build_eval_transform(spec)
    mirrored = v2.Compose([look, v2.RandomHorizontalFlip(1.0)])

    def notes_of(split: str, transform: Any = look) -> TensorDataset:
        loader = DataLoader(ImageFolderDataset(folders[split], transform), batch_size=20)
        return extract_features(eye, loader, device=device, keep=True, progress=False)

    practice, exam, final = map(notes_of, ("train", "val", "test"))
    notes = Notes(practice, exam, final, notes_of("val", mirrored), num_epochs=10)
    few = torch.randperm(len(practice), generator=torch.Generator().manual_seed(1))[:SMALL_SCHOOL]
    small = notes._replace(practice=TensorDataset(*practice[few]), num_epochs=60)
    return Museum(notes, small, eye, spec, folders["val"])


class Marks(NamedTuple):
    """The marks of an exam: loss per sample, and accuracy in [0, 1]."""

    loss: float
    accuracy: float


def _points(shares: Sequence[float]) -> Points:
    percent = [100 * share for share in shares]
    return Points(statistics.fmean(percent), statistics.stdev(percent) / math.sqrt(len(percent)))


def _who_catches(visits: Sequence[Visit], healthy: Sequence[Visit], sayings: Sequence[str]) -> tuple[list[str], str]:
    """Return what was said in every run, and of no healthy one, and who said the first of it."""
    if sayings:
        return list(sayings), "first look"
    usual = {finding.kind for visit in healthy for finding in visit.findings}
    found = [
        finding
        for finding in visits[0].findings
        if finding.kind not in usual and all(finding.kind in {f.kind for f in v.findings} for v in visits)
    ]
    if found:
        return [finding.sentence for finding in found], "first look" if found[0].num_steps == 0 else "attendant"
    usual = {rule.__name__ for visit in healthy for rule in ALARMS if rule(visit.card)}
    remarks = [
        rule(visits[0].card)
        for rule in ALARMS
        if rule.__name__ not in usual and all(rule(visit.card) for visit in visits)
    ]
    return [remark for remark in remarks if remark], "report card" if remarks else "nobody"
