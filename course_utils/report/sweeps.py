"""What a sweep found, and which of its differences are more than chance (lesson 07).

All is computed from one list of runs. Two settings are compared in pairs: run by run with the same seed, and, where the
answers to the mock exam were kept, sample by sample, because what is hard for one student is hard for the other too.
"""

import math
from dataclasses import dataclass, field
from statistics import fmean, variance
from typing import Any, NamedTuple

from torch import Tensor

from course_utils.report.history import History
from course_utils.report.metrics import standard_error
from course_utils.report.tables import html_table, text_table


class Run(NamedTuple):
    """One training of a sweep: the setting that was tried, the seed, and the report card.

    `right` says for each sample of the mock exam, in order, whether the student of the best term was right: bool (N,).
    None where that is not known (regression, or an exam in another order each time).
    """

    value: Any
    seed: int
    history: History
    right: Tensor | None = None


@dataclass(repr=False)
class SweepResult:
    """What a sweep over `parameter` found: its `runs`, of which `num_planned` were to be made (None: all are there).

    A run's score is what it monitored, in its best epoch: the mock exam's accuracy in [0, 1], or its loss. The best of
    several epochs is partly luck, which flatters a setting whose marks swing: `lifts` says by how much.
    """

    parameter: str
    runs: list[Run] = field(default_factory=list)
    num_planned: int | None = None

    @property
    def is_complete(self) -> bool:
        """False where the sweep was stopped before its last run."""
        return self.num_planned is None or len(self.runs) >= self.num_planned

    @property
    def by_loss(self) -> bool:
        """True where the runs monitored the loss: then the lowest score is the best."""
        return bool(self.runs) and self.runs[0].history.monitor == "val_loss"

    @property
    def runs_by_value(self) -> list[list[Run]]:
        """The runs of each value, in the order in which the values were tried."""
        found: dict[str, list[Run]] = {}
        for run in self.runs:
            found.setdefault(repr(run.value), []).append(run)  # not every value can be compared, or be a key
        return list(found.values())

    @property
    def values(self) -> list[Any]:
        """The settings that were tried, in order."""
        return [runs[0].value for runs in self.runs_by_value]

    @property
    def labels(self) -> list[str]:
        """The values as tables and figures write them."""
        return [label(value) for value in self.values]

    @property
    def histories(self) -> dict[Any, list[History]]:
        """The report cards of each value, one a seed. A value that cannot be a key (a list) stands under its label."""
        return {_key(runs[0].value): [run.history for run in runs] for runs in self.runs_by_value}

    @property
    def scores(self) -> list[list[float]]:
        """A row for each value: each run's score, one a seed; NaN where the run diverged."""
        return [[_score(run) for run in runs] for runs in self.runs_by_value]

    @property
    def means(self) -> list[float]:
        """The mean score over the seeds for each value; NaN where a run diverged."""
        return [fmean(marks) for marks in self.scores]

    @property
    def errors(self) -> list[float]:
        """The standard error of each mean: chance of the seeds, and of the pictures that happen to be in the exam.

        The seeds' chance shrinks with their number; the exam's does not, for all runs sit the same exam. A loss has the
        first only, since its spread over the pictures is not kept. NaN where neither is known.
        """
        return [
            _together(_variance_of_mean(marks), None if self.by_loss else _variance_of_exam(fmean(marks), runs[0]))
            for marks, runs in zip(self.scores, self.runs_by_value, strict=True)
        ]

    @property
    def lifts(self) -> list[float]:
        """By how much the best epoch's score is better than the last one's, at least 0, the mean over the seeds of each
        value: what choosing the epoch by the exam has brought, some of it luck. NaN where a run diverged.
        """
        return [fmean(map(_lift, runs)) for runs in self.runs_by_value]

    @property
    def best(self) -> Any:
        """The value with the best mean. Raises ValueError where there is none."""
        place = self._best_place()
        if place is None:
            raise ValueError(self._why_no_best())
        return self.values[place]

    @property
    def indistinguishable(self) -> list[Any]:
        """The values, the best included, that differ from the best by at most two standard errors of the difference,
        taken in pairs; all, where that error is not known. Empty where there is no best.
        """
        return [self.values[place] for place in self._same_as_best()]

    def explain(self) -> str:
        """Say in plain sentences what the sweep allows to choose."""
        best, same, values = self._best_place(), self._same_as_best(), self.values
        if best is None:
            return self._why_no_best()
        mean, error = self._shown(self.means[best]), self._shown(self.errors[best])
        num_seeds = len(self.runs_by_value[best])
        text = f"{self.parameter} {self.labels[best]} has the best mean {self._kind}, {mean}{error and f' ± {error}'}"
        text += (
            f" over {num_seeds} seeds." if num_seeds > 1 else ", with one seed: what others would give is not known."
        )
        if len(same) > 1:
            names = ", ".join(self.labels[place] for place in same)
            text += (
                f" These {len(same)} cannot be told apart ({names}): compared in pairs, seed by seed on the same exam, "
                "they differ from the best by at most two standard errors, so any of them would do."
            )
        elif len(self._compared()) > 1:
            text += (
                " Compared in pairs, seed by seed on the same exam, all others are worse by more than two standard "
                "errors: chance alone does that about once in twenty comparisons."
            )
        if (
            all(map(_is_number, values))
            and len(values) > 1
            and values[best] in (min(values), max(values))
            and values[best] != 0
        ):
            # Below no dropout, or no inner layer, there is nothing to try.
            text += " The best lies at the edge of what was tried: try values beyond it."
        return text if self.is_complete else f"{self._stopped()} {text}"

    def rows(self) -> list[list[str]]:
        """Return the table, headings first; what cannot be computed stays blank."""
        heads = [f"mock exam {self._kind}", "standard error", "above the last term", "seeds", "overfit gap", ""]
        rows, lifts = [[self.parameter, *heads]], self.lifts
        best = self._best_place()
        for place, runs in enumerate(self.runs_by_value):
            diverged = not all(run.history.is_finite for run in runs)
            mean = "diverged" if diverged else self._shown(self.means[place])
            error, gap = self._shown(self.errors[place]), self._shown(fmean(map(_gap, runs)), sign="+")
            lift, verdict = self._shown(lifts[place]), "best" if place == best else ""
            rows.append([self.labels[place], mean, error, lift, str(len(runs)), gap, verdict])
        return rows

    def __repr__(self) -> str:
        return text_table(self.rows()) + ("" if self.is_complete else f"\n{self._stopped()}")

    def _repr_html_(self) -> str:
        best, stopped = self._best_place(), "" if self.is_complete else f" {self._stopped()}"
        return html_table(
            self.rows(), caption=f"Sweep over {self.parameter}.{stopped}", bold=[] if best is None else [best]
        )

    @property
    def _kind(self) -> str:
        return "loss" if self.by_loss else "accuracy"

    def _compared(self) -> list[int]:
        """The places of the values that can be compared: with every seed, and none of them diverged."""
        counts = [len(runs) for runs in self.runs_by_value]
        full = [n for n, mean in enumerate(self.means) if counts[n] == max(counts) and math.isfinite(mean)]
        return full if self.is_complete or len(full) > 1 else []

    def _best_place(self) -> int | None:
        choose = min if self.by_loss else max
        return choose(self._compared(), key=self.means.__getitem__, default=None)

    def _same_as_best(self) -> list[int]:
        best = self._best_place()
        return [] if best is None else [place for place in self._compared() if not self._is_worse(place, best)]

    def _is_worse(self, place: int, best: int) -> bool:
        """True where the paired difference from the best is more than two of its standard errors."""
        ours = {run.seed: run for run in self.runs_by_value[place]}
        pairs = [(ours[run.seed], run) for run in self.runs_by_value[best] if run.seed in ours]
        moves = [_score(run) - _score(counterpart) for run, counterpart in pairs]
        if not moves:
            return False
        error = _together(_variance_of_mean(moves), None if self.by_loss else _variance_of_shared_exam(pairs))
        return abs(fmean(moves)) > 2 * error  # never, where the error is not known (NaN)

    def _why_no_best(self) -> str:
        if not self.is_complete:
            return f"{self._stopped()} Too few for a verdict: it needs two values with every seed."
        advice = "much smaller" if all(map(_is_number, self.values)) else "other"
        return f"No {self.parameter} gave finite losses with every seed: try {advice} ones."

    def _stopped(self) -> str:
        return f"Stopped after {len(self.runs)} of {self.num_planned} runs."

    def _shown(self, figure: float, *, sign: str = "") -> str:
        return "" if math.isnan(figure) else f"{figure:{sign}.3f}" if self.by_loss else f"{figure:{sign}.1%}"


def label(value: Any) -> str:
    """Write a setting of any kind in one short line: a number with at most six digits, a function by its name."""
    if isinstance(value, float):
        return f"{value:g}"
    text = " ".join(str(getattr(value, "__name__", value)).split())
    return text if len(text) <= 40 else f"{text[:37]}..."


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _key(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return label(value)
    return value


def _score(run: Run) -> float:
    """What the run monitored, in its best epoch; NaN where the run diverged."""
    history = run.history
    if history.best_epoch is None or not history.is_finite:
        return math.nan
    return float(getattr(history, history.monitor)[history.best_epoch - 1])


def _lift(run: Run) -> float:
    """By how much the score of the best epoch is better than that of the last; NaN where the run diverged."""
    last = getattr(run.history, run.history.monitor)[-1]
    return abs(_score(run) - float(last))


def _gap(run: Run) -> float:
    """By how much practice went better than the mock exam in the best epoch; NaN where that is not known."""
    history = run.history
    if history.best_epoch is None or not history.is_finite:
        return math.nan
    epoch = history.best_epoch - 1
    if history.monitor == "val_loss":
        return history.val_loss[epoch] - history.train_loss[epoch]
    practice, exam = history.train_accuracy[epoch], history.val_accuracy[epoch]
    return math.nan if practice is None or exam is None else practice - exam


def _variance_of_mean(marks: list[float]) -> float | None:
    """The squared standard error of a mean over seeds; None where one seed says nothing of it."""
    return variance(marks) / len(marks) if len(marks) > 1 else None


def _variance_of_exam(accuracy: float, run: Run) -> float | None:
    """The squared standard error of an accuracy; None where the number of the exam's samples is not known."""
    num_val = run.history.num_val
    if math.isnan(accuracy) or not num_val:
        return None
    return standard_error(accuracy, num_val) ** 2


def _variance_of_shared_exam(pairs: list[tuple[Run, Run]]) -> float | None:
    """The squared standard error of the difference between two accuracies on the same exam.

    Of two students who are right and wrong together, it is small. Where their answers were not kept, they count as
    independent: more than it is.
    """
    moves = [
        run.right.float() - other.right.float()
        for run, other in pairs
        if run.right is not None and other.right is not None
    ]
    if len(moves) == len(pairs) and len({len(move) for move in moves}) == 1 and len(moves[0]) > 1:
        per_sample = sum(moves[1:], moves[0]) / len(moves)
        return per_sample.var().item() / len(per_sample)
    of_each = [_variance_of_exam(fmean(map(_score, runs)), runs[0]) for runs in zip(*pairs, strict=True)]
    return None if None in of_each else math.fsum(part for part in of_each if part is not None)


def _together(*variances: float | None) -> float:
    """The standard error that independent chances add up to; NaN where none of them is known."""
    known = [part for part in variances if part is not None]
    return math.sqrt(math.fsum(known)) if known else math.nan
