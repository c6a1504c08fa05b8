"""The bug museum (lesson 11): a healthy loop, and exhibits that each change a line or two of it.

What stands on a placard is what runs: an exhibit is the text of `school` or of `take_notes` with its line replaced.
Damage is measured twice. To the *student*: points that the final exam, properly sat, falls short of the healthy
student's. To the *report card*: points by which it tells more than its student is worth.
"""

import copy
import inspect
import math
import statistics
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import ndiff
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset  # noqa: F401 - exhibits use ConcatDataset
from torchvision.transforms import v2

from course_utils.classroom.exhibits import EXHIBITS, Exhibit
from course_utils.datasets import ImageFolderDataset
from course_utils.features import check_notes, extract_features
from course_utils.models import TransferClassifier
from course_utils.pictures.folders import find_splits
from course_utils.report.history import History
from course_utils.report.metrics import Metrics, describe_samples
from course_utils.report.remarks import ALARMS
from course_utils.report.tables import html_table, text_table
from course_utils.runtime import evaluating, set_seed
from course_utils.transforms import InputSpec, build_eval_transform
from course_utils.watching import Finding, watch

SEEDS = (0, 1, 2)
SMALL_SCHOOL = 100  # practice pictures where learning by heart is to be seen


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
    loader = DataLoader(ImageFolderDataset(folder, v2.Compose(look)), batch_size=50)
    eye.eval()
    sayings = overheard(check_notes, eye, loader, spec=spec)
    with torch.no_grad():
        notes = [(eye(images), labels) for images, labels in loader]
    return TensorDataset(*map(torch.cat, zip(*notes, strict=True))), sayings


def school(notes: Notes, seed: int) -> Visit:
    """Lesson 06's loop, in one piece, for a head that learns on notes. The attendant watches it."""
    set_seed(seed)
    pictures, truths = notes.practice.tensors
    practice, exam = TensorDataset(pictures, truths), notes.exam
    train_loader = DataLoader(practice, batch_size=50, shuffle=True)
    val_loader = DataLoader(exam, batch_size=128)
    eased = [nn.LayerNorm(1280), nn.Dropout(0.5)]
    model = nn.Sequential(*eased, nn.Linear(1280, 64), nn.ReLU(), nn.Linear(64, 10))
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


def changed(function: Callable[..., Any], changes: Mapping[str, str]) -> Callable[..., Any]:
    """Return `function` with its text changed, as `change_text` does, ready to run."""
    text = change_text(function, changes)
    namespace = dict(function.__globals__)
    code = compile(text, f"<{function.__name__}, changed>", "exec")
    exec(code, namespace)  # the text of this module, and what the table of exhibits puts into it
    built: Callable[..., Any] = namespace[function.__name__]
    return built


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
        loader = DataLoader(ImageFolderDataset(folders[split], transform), batch_size=50)
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
