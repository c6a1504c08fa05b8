"""What a good teacher reads from the curves of a report card (lesson 06).

Each rule looks at one `History` and returns a sentence with the figures that it rests on and what to try next, or None
where the figures do not carry it. `History.remarks` lists the rules.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Protocol


class ReportCard(Protocol):
    """What the rules read of a `History`."""

    train_loss: list[float]
    train_accuracy: list[float | None]
    val_loss: list[float]
    val_accuracy: list[float | None]
    learning_rate: list[float]
    num_val: int | None
    majority: float | None

    def __len__(self) -> int: ...

    @property
    def best_epoch(self) -> int | None: ...

    def standard_error(self, accuracy: float | None) -> float | None: ...


def write_remarks(history: ReportCard) -> list[str]:
    """Return the remarks on `history`, most important first; a loss that is not finite silences all others."""
    if not len(history):
        return []
    not_finite = _not_finite(history)
    return [not_finite] if not_finite else [said for rule in RULES if (said := rule(history))]


def _rate(history: ReportCard, epoch: int) -> str:
    """The learning rate of an epoch, in brackets, where it is known."""
    return f" (it was {history.learning_rate[epoch]:.3g})" if history.learning_rate else ""


def _not_finite(history: ReportCard) -> str | None:
    for epoch, losses in enumerate(zip(history.train_loss, history.val_loss, strict=True)):
        if not all(map(math.isfinite, losses)):
            return (
                f"In term {epoch + 1} the loss is no longer a finite number (practice {losses[0]:.3g}, mock exam "
                f"{losses[1]:.3g}). Most often the learning rate is too high{_rate(history, epoch)}: try a tenth. "
                "Otherwise look at the inputs for values that are not numbers, and at the labels: a batch in which the "
                "criterion ignores all of them has no loss."
            )
    return None


def _majority(history: ReportCard) -> str | None:
    best = max((value for value in history.val_accuracy if value is not None), default=None)
    error = history.standard_error(history.majority)
    if best is None or history.majority is None or error is None or best >= history.majority + 2 * error:
        return None
    return (
        f"The best mock exam, {best:.1%}, is no better than always answering the most frequent class "
        f"({history.majority:.1%} ± {error:.1%}): nothing useful is learned yet. Check that pictures and labels belong "
        "together, that the coach holds the right parameters, and try other learning rates."
    )


def _hardly_moving(history: ReportCard) -> str | None:
    first = history.train_loss[0]
    if len(history) < 3 or any(abs(loss - first) > 0.02 * abs(first) for loss in history.train_loss):
        return None
    return (
        f"The practice loss hardly moves: {first:.3f} in term 1, {history.train_loss[-1]:.3f} in term {len(history)}. "
        f"The learning rate is too low{_rate(history, 0)}, try ten times as much; or nothing trains: does the "
        "optimizer hold the trainable parameters?"
    )


def _turns(losses: Sequence[float]) -> int:
    """How often a curve turns around, with a move of more than a tenth of its mean before and after the turn."""
    tenth = 0.1 * abs(sum(losses)) / len(losses)
    moves = [move for before, after in pairwise(losses) if abs(move := after - before) > tenth]
    return sum((before > 0) != (after > 0) for before, after in pairwise(moves))


def _up_and_down(history: ReportCard) -> str | None:
    for name, losses in (("practice", history.train_loss), ("mock-exam", history.val_loss)):
        if (turns := _turns(losses)) >= 2:
            return (
                f"The {name} loss goes up and down: it turned around {turns} times in {len(history)} terms, between "
                f"{min(losses):.3f} and {max(losses):.3f}. The learning rate is probably too high{_rate(history, -1)}: "
                "try a third or a tenth of it, or an assistant (scheduler) that lowers it."
            )
    return None


def _overfitting(history: ReportCard) -> str | None:
    lowest = min(history.val_loss)
    term = history.val_loss.index(lowest) + 1
    practice_then, practice_now, exam_now = history.train_loss[term - 1], history.train_loss[-1], history.val_loss[-1]
    if len(history) - term < 2 or exam_now <= lowest + 0.05 * abs(lowest) or practice_now >= practice_then:
        return None
    if _turns(history.train_loss) >= 2:  # who jumps to and fro learns nothing by heart
        return None
    return (
        f"Since term {term} the student learns by heart (overfitting): the practice loss fell from "
        f"{practice_then:.3f} to {practice_now:.3f}, the mock exam's rose from {lowest:.3f} to {exam_now:.3f}. "
        f"Stop there (patience), or try augmentation, dropout, weight decay or more data."
    )


def _still_improving(history: ReportCard) -> str | None:
    losses = history.val_loss
    if len(losses) < 2 or _up_and_down(history):
        return None
    if losses[-1] > min(losses) or losses[-1] > losses[-2] - 0.02 * abs(losses[-2]):
        return None
    return (
        f"The mock exam was still improving in the last term (loss {losses[-2]:.3f} to {losses[-1]:.3f}): "
        f"{len(losses)} terms are too few. Try about {2 * len(losses)}."
    )


def _better_than_practice(history: ReportCard) -> str | None:
    practice, exam = history.train_accuracy[-1], history.val_accuracy[-1]
    error = history.standard_error(exam)
    if practice is not None and exam is not None and error is not None:
        if exam - practice <= error:
            return None
        figures = f"{exam:.1%} ± {error:.1%} against {practice:.1%}"
    else:
        if exam is not None or history.val_loss[-1] >= 0.95 * history.train_loss[-1]:
            return None
        figures = f"loss {history.val_loss[-1]:.3f} against {history.train_loss[-1]:.3f}"
    return (
        f"The mock exam went better than practice ({figures}). This is no bug: dropout and augmentation make practice "
        "harder, and it is measured all through the term, while the student still learns. To compare fairly, "
        "evaluate the training pictures in order and without augmentation (the loader train_eval)."
    )


def _any_would_do(history: ReportCard) -> str | None:
    best, last = history.best_epoch, len(history)
    if best is None or best == last or _overfitting(history):  # it has named the better term already
        return None
    accuracy, final = history.val_accuracy[best - 1], history.val_accuracy[-1]
    error = history.standard_error(accuracy)
    if accuracy is None or final is None or error is None or abs(accuracy - final) > error:
        return None
    return (
        f"The best term ({best}: {accuracy:.1%}) and the last ({last}: {final:.1%}) lie within one standard error "
        f"(± {error:.1%}, from {history.num_val} samples): either would do. "
        "A difference that small is no reason to prefer one setting to another."
    )


RULES: tuple[Callable[[ReportCard], str | None], ...] = (
    _majority,
    _hardly_moving,
    _up_and_down,
    _overfitting,
    _still_improving,
    _better_than_practice,
    _any_would_do,
)
# Those that speak of a fault in the run; the others explain, or say how to go on.
ALARMS = (_majority, _hardly_moving, _up_and_down, _overfitting)
