"""The whole schooling in one call (lesson 13): doctor, split, notes, head, eye, and one final exam.

The recipe is that of lesson 08: the head learns first, on notes of the backbone; then the last blocks learn, on notes
of the trunk below them, each picture and its mirror image. What the mock exam likes better, head alone or eye and head,
sits the final exam.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, TensorDataset

from course_utils.evaluation import Predictions, majority_baseline, predict
from course_utils.features import Notes, extract_features
from course_utils.inference import save_classifier
from course_utils.models import (
    TransferClassifier,
    build_classifier,
    split_for_fine_tuning,
    unfreeze_last_blocks,
)
from course_utils.parallel import process_group, sum_over_processes
from course_utils.pictures.splitting import DEFAULT_SHARES, Group
from course_utils.report.history import History
from course_utils.report.metrics import wilson_interval
from course_utils.runtime import get_device, given_path, progress_bar, say, set_seed, setting
from course_utils.schooling.desk import Desk, picture_loader
from course_utils.schooling.subject import Subject, find_subject
from course_utils.training import train_model
from course_utils.transforms import build_eval_transform

BATCH_SIZE = 32
RATE, WEIGHT_DECAY, SMOOTHING = 0.001, 0.05, 0.1
# Blocks that learn, counted from the head. ImageNet's eye, schooled on larger photographs, needs less (lesson 08).
NUM_BLOCKS = {"course": 12, "imagenet": 3}
VIEWS = ("plain", "mirrored")
_ROOM = 0.4  # of the free memory, for notes
_WAIT = 86_400.0  # seconds that one of several processes waits for another


class Phase(NamedTuple):
    """How long the head or the eye learns: enough corrections where there are few pictures, enough terms where many."""

    least_epochs: int
    most_epochs: int
    corrections: int
    patience: int  # terms without a new best, after which it stops

    def num_epochs(self, num_pictures: int) -> int:
        """Return the number of terms for so many practice pictures."""
        wanted = math.ceil(self.corrections / math.ceil(num_pictures / BATCH_SIZE))
        return min(self.most_epochs, max(self.least_epochs, wanted))


HEAD = Phase(least_epochs=15, most_epochs=100, corrections=500, patience=10)
EYE = Phase(least_epochs=8, most_epochs=30, corrections=250, patience=6)


class Schooling(NamedTuple):
    """What came of a run: the student, and everything that its report tells.

    cards     the report cards of the "head" and of the "eye", which is missing where there was no room for its notes
    chosen    whose weights the student has: "head" or "eye"
    exam      the answers to the final exam, or, without one, to the mock exam; `exam_name` says which
    baseline  the accuracy that always giving the practice pictures' most frequent class reaches there
    seconds   of each part of the run; a resumed part counts what was left of it
    """

    model: TransferClassifier
    output: Path
    subject: Subject
    settings: dict[str, Any]
    cards: dict[str, History]
    chosen: str
    exam: Predictions
    exam_name: str
    baseline: float
    seconds: dict[str, float]
    remarks: list[str]

    @property
    def interval(self) -> tuple[float, float]:
        """Between which accuracies the true one lies, in 95 of 100 exams."""
        return wilson_interval(self.exam.accuracy, len(self.exam.labels))

    @property
    def verdict(self) -> str:
        """The mark in one sentence."""
        low, high = self.interval
        spread = f" ± {self.exam.error:.1%}" if 0 < self.exam.accuracy < 1 else ""
        labels = torch.tensor(self.subject.pictures("train", None).targets)
        majority = self.model.classes[int(labels.mode().values)]
        return (
            f"{self.exam_name.capitalize()}: {self.exam.accuracy:.1%}{spread} of {len(self.exam.labels):,} pictures "
            f"named rightly (with 95 % certainty between {low:.1%} and {high:.1%}); always saying {majority} gets "
            f"{self.baseline:.1%}."
        )


def check_output(output: str | Path, *, resume: bool = False) -> Path:
    """Return the path of the student's file. Raises ValueError for another ending, OSError for a name that is taken."""
    path = given_path(output, kind="file")
    if path.suffix != ".pt":
        raise ValueError(f"{path} is to be the student's file: give it the ending .pt, such as {path.stem}.pt.")
    if path.exists() and not (resume and Desk(path).folder.exists()):  # broken off before its report was written
        raise FileExistsError(f"{path} is there already: give another name with --output, or move it away.")
    return path


def school(
    folder: str | Path,
    output: str | Path,
    *,
    weights: str | None = None,
    shares: Sequence[float] = DEFAULT_SHARES,
    group: Group | None = None,
    seed: int = 0,
    resume: bool = False,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> Schooling | None:
    """School a student on the pictures of `folder`, write it to `output`, and return what the report needs.

    `folder` is as in `find_subject`, `group` and `shares` as in `split_folder`, `device` as in `get_device`; `weights`
    are "course" or "imagenet" (default: `COURSE_WEIGHTS`, else "course"). What a run has done so far stands in a folder
    beside `output`, until it is over: after an interrupt, `resume=True` goes on with it, and ends as if nothing had
    happened. Where `torchrun` has started several processes, they share the notes, and the first of them does the rest;
    the others return None.

    Raises OSError and ValueError, each with the way out, for what cannot be had, read or written.
    """
    output, device = check_output(output, resume=resume), get_device(device)
    weights = weights or setting("COURSE_WEIGHTS", "course")
    settings = {
        "folder": str(Path(folder).resolve()),
        "weights": weights,
        "shares": list(shares),
        "group": None if group is None else str(group),
        "seed": seed,
    }
    with process_group(timeout=_WAIT) as member:
        clock, desk, is_first = _Clock(), Desk(output), member.rank == 0
        if not is_first:
            sum_over_processes(0)  # waits until the first has found the subject
            if device == torch.device("cuda"):
                device = torch.device("cuda", member.rank % torch.cuda.device_count())
        subject = desk.open(settings, resume=resume or not is_first)
        if subject is None:
            subject = find_subject(folder, shares=shares, group=group, seed=seed, progress=progress)
            desk.keep(subject, settings)
        clock.stop("looking at the pictures")
        tell = say if progress and is_first else _keep_quiet
        tell(f"{subject.split}\n")

        set_seed(seed)
        model = build_classifier(len(subject.classes), weights=weights, classes=subject.classes).to(device)
        run = _Run(model, subject, desk, device, seed, progress and is_first, tell)
        plan = desk.settle("plan", lambda: _fit_into_memory(run, NUM_BLOCKS[weights]))
        if is_first:
            sum_over_processes(0)
        practice, mock_exam = _take_notes(run, plan["num_blocks"], plan["views"])
        clock.stop("revision notes")
    return _teach(run, plan, practice, mock_exam, output, settings, clock) if is_first else None


def _teach(
    run: "_Run",
    plan: dict[str, Any],
    practice: Notes,
    mock_exam: Notes,
    output: Path,
    settings: dict[str, Any],
    clock: "_Clock",
) -> Schooling:
    """What comes after the notes: head, eye, the exam, the file."""
    model, subject, num_blocks, remarks = run.model, run.subject, plan["num_blocks"], list(plan["remarks"])
    cards = {"head": _teach_head(run, num_blocks, practice, mock_exam)}
    clock.stop("head")
    chosen = "head"
    if num_blocks:
        chosen, cards["eye"] = _teach_eye(run, num_blocks, practice, mock_exam, cards["head"])
        clock.stop("eye")

    exam_name = "final exam" if subject.pictures("test", None).samples else "mock exam"
    if exam_name == "mock exam":
        remarks.append("There is no test part: the mock exam, which also chose the student, flatters it a little.")
    look = build_eval_transform(model.spec)
    pictures = subject.pictures("test" if exam_name == "final exam" else "validation", look)
    loader = picture_loader(pictures, device=run.device)
    exam = predict(model.eval(), loader, device=run.device, progress=run.progress)
    clock.stop(exam_name)
    labels = torch.tensor(subject.pictures("train", None).targets)
    baseline = majority_baseline(labels, exam.labels)
    save_classifier(output, model)
    result = Schooling(
        model, output, subject, settings, cards, chosen, exam, exam_name, baseline, clock.seconds, remarks
    )
    run.tell(result.verdict)
    return result


class _Run(NamedTuple):
    """What all phases of a run need."""

    model: TransferClassifier
    subject: Subject
    desk: Desk
    device: torch.device
    seed: int
    progress: bool
    tell: Callable[..., object]


class _Clock:
    """Seconds since the part before."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started = time.perf_counter()

    def stop(self, part: str) -> None:
        now = time.perf_counter()
        self.seconds[part], self._started = now - self._started, now


def _fit_into_memory(run: _Run, num_blocks: int) -> dict[str, Any]:
    """Return how many blocks learn, and which views are noted: fewer where their notes would not fit into memory."""
    num_practice, num_exam = (len(run.subject.pictures(name, None)) for name in ("train", "validation"))
    room = _ROOM * psutil.virtual_memory().available
    side = run.model.spec.image_size
    trunk, _ = split_for_fine_tuning(run.model, num_blocks)
    trunk.eval()
    with torch.inference_mode():
        size = 2 * trunk(torch.zeros(1, 3, side, side, device=run.device)).numel()  # float16
    for views in (VIEWS, VIEWS[:1]):
        if size * (num_practice * len(views) + num_exam) <= room:
            told = [] if views == VIEWS else ["Mirror images were left out: their notes would not fit into the memory."]
            return {"num_blocks": num_blocks, "views": views, "remarks": told}
    told = ["The eye was left as it was: the notes of its trunk would not fit into the memory."]
    return {"num_blocks": 0, "views": VIEWS, "remarks": told}


def _take_notes(run: _Run, num_blocks: int, views: Sequence[str]) -> tuple[Notes, Notes]:
    """Return the notes of practice and mock exam: of the trunk, or of the whole backbone where no block learns."""
    trunk: nn.Module = run.model.backbone
    if num_blocks:
        trunk, _ = split_for_fine_tuning(run.model, num_blocks)
    trunk.eval()
    look = build_eval_transform(run.model.spec)
    practice, mock_exam = (
        run.desk.take_notes(
            trunk, run.subject.pictures(split, look), name=split, views=seen, device=run.device, progress=run.progress
        )
        for split, seen in (("train", views), ("validation", ("plain",)))
    )
    return practice, mock_exam


def _teach_head(run: _Run, num_blocks: int, practice: Notes, mock_exam: Notes) -> History:
    """The head learns on what the backbone, frozen as a whole, says about each picture."""
    features: list[TensorDataset] = [practice, mock_exam]
    if num_blocks:
        _, part = split_for_fine_tuning(run.model, num_blocks)
        part.eval()
        features = [
            extract_features(
                part.blocks, DataLoader(notes.of_view("plain"), batch_size=256), device=run.device, progress=False
            )
            for notes in (practice, mock_exam)
        ]
    return _train(run, run.model.head, features[0], features[1], name="head", phase=HEAD, weight_decay=0.0)


def _teach_eye(
    run: _Run, num_blocks: int, practice: Notes, mock_exam: Notes, head_card: History
) -> tuple[str, History]:
    """The last blocks learn as well; return which student the mock exam likes better, which `run.model` then is."""
    before = copy.deepcopy(run.model.state_dict())
    unfreeze_last_blocks(run.model, num_blocks, batch_norm=False)
    _, part = split_for_fine_tuning(run.model, num_blocks)
    card = _train(run, part, practice, mock_exam, name="eye", phase=EYE, weight_decay=WEIGHT_DECAY)
    if _lowest(card) < _lowest(head_card):
        return "eye", card
    run.model.load_state_dict(before)
    return "head", card


def _lowest(card: History) -> float:
    return min((loss for loss in card.val_loss if math.isfinite(loss)), default=math.inf)


def _train(
    run: _Run,
    learner: nn.Module,
    practice: TensorDataset,
    mock_exam: TensorDataset,
    *,
    name: str,
    phase: Phase,
    weight_decay: float,
) -> History:
    """Train what may learn in `learner`, from a seed of its own, so that it does not matter what ran before."""
    set_seed(run.seed)
    num_epochs = phase.num_epochs(len(practice))
    learning = [weight for weight in learner.parameters() if weight.requires_grad]
    batches = DataLoader(practice, batch_size=BATCH_SIZE, shuffle=True)
    optimizer = torch.optim.AdamW(learning, lr=RATE, weight_decay=weight_decay)
    with _terms(name, num_epochs, run) as on_epoch_end:
        card = train_model(
            learner,
            batches,
            DataLoader(mock_exam, batch_size=256),
            criterion=nn.CrossEntropyLoss(label_smoothing=SMOOTHING),
            optimizer=optimizer,
            scheduler=OneCycleLR(optimizer, max_lr=RATE, total_steps=num_epochs * len(batches)),
            num_epochs=num_epochs,
            patience=phase.patience,
            device=run.device,
            monitor="val_loss",
            checkpoint_path=run.desk.checkpoint(name),
            resume=True,
            on_epoch_end=on_epoch_end,
            progress=False,
            catch_interrupt=False,
        )
    best = card.best_epoch
    if best is None:
        raise ValueError(f"The {name} learned nothing: {' '.join(card.remarks())}")
    run.tell(f"The {name}: mock exam {card.val_accuracy[best - 1]:.1%}, best in term {best} of {len(card)}.")
    return card


@contextmanager
def _terms(name: str, num_epochs: int, run: _Run) -> Iterator[Callable[[History], None]]:
    """A bar that counts terms and says how the mock exam went; it knows the time that is left."""
    bar = progress_bar(total=num_epochs, description=f"the {name} learns", show=run.progress, unit=" terms")

    def on_epoch_end(history: History) -> None:
        if not bar.n:
            bar.total = num_epochs - len(history) + 1  # a resumed run has only the rest before it
        bar.update()
        bar.set_postfix_str(f"mock exam {history.val_accuracy[-1]:.1%}")

    with bar:
        yield on_epoch_end


def _keep_quiet(*_: object) -> None:
    """What `progress=False` says."""
