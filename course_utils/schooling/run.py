"""The whole schooling in one call (lesson 13): doctor, split, notes, head, eye, and one final exam.

The recipe is that of lesson 08: the head learns first, on notes of the backbone; then the last blocks learn, on notes
of the trunk below them, each picture and its mirror image. What the mock exam likes better, head alone or eye and head,
sits the final exam.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from course_utils.evaluation import Predictions, majority_baseline, predict
from course_utils.features import Notes
from course_utils.inference import save_classifier
from course_utils.models import TransferClassifier, build_classifier
from course_utils.parallel import process_group, sum_over_processes
from course_utils.pictures.splitting import DEFAULT_SHARES, Group
from course_utils.report.history import History
from course_utils.report.metrics import wilson_interval
from course_utils.runtime import get_device, given_path, may_write, say, set_seed, setting
from course_utils.schooling.desk import Desk, picture_loader
from course_utils.schooling.subject import Subject, find_subject
from course_utils.schooling.teaching import NUM_BLOCKS, Run, fit_into_memory, take_notes, teach_eye, teach_head
from course_utils.transforms import build_eval_transform

_WAIT = 86_400.0  # seconds that one of several processes waits for another


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
    if not may_write(path.parent):
        raise PermissionError(f"{path.parent} may not be written to: name a file elsewhere with --output.")
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
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed={seed}: a whole number from 0 to {2**32 - 1:,}.")
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
        run = Run(model, subject, desk, device, seed, progress and is_first, tell)
        plan = desk.settle("plan", lambda: fit_into_memory(run, NUM_BLOCKS[weights]))
        if is_first:
            sum_over_processes(0)
        practice, mock_exam = take_notes(run, plan["num_blocks"], plan["views"])
        clock.stop("revision notes")
    return _teach(run, plan, practice, mock_exam, output, settings, clock) if is_first else None


def _teach(
    run: "Run",
    plan: dict[str, Any],
    practice: Notes,
    mock_exam: Notes,
    output: Path,
    settings: dict[str, Any],
    clock: "_Clock",
) -> Schooling:
    """What comes after the notes: head, eye, the exam, the file."""
    model, subject, num_blocks, remarks = run.model, run.subject, plan["num_blocks"], list(plan["remarks"])
    cards = {"head": teach_head(run, num_blocks, practice, mock_exam)}
    clock.stop("head")
    chosen = "head"
    if num_blocks:
        chosen, cards["eye"] = teach_eye(run, num_blocks, practice, mock_exam, cards["head"])
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


class _Clock:
    """Seconds since the part before."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started = time.perf_counter()

    def stop(self, part: str) -> None:
        now = time.perf_counter()
        self.seconds[part], self._started = now - self._started, now


def _keep_quiet(*_: object) -> None:
    """What `progress=False` says."""
