"""The report card of a training run, and the remarks a good teacher would write under it (lesson 06)."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NamedTuple

from course_utils.report.metrics import NO_ACCURACY, Metrics, standard_error
from course_utils.report.remarks import write_remarks
from course_utils.report.tables import html_table, text_table


class Column(NamedTuple):
    """How the report card shows one list of figures."""

    heading: str
    form: str


# One entry for each figure that an epoch has, in the order in which they are shown.
COLUMNS = {
    "train_loss": Column("practice loss", "{:.3f}"),
    "train_accuracy": Column("practice accuracy", "{:.1%}"),
    "val_loss": Column("mock exam loss", "{:.3f}"),
    "val_accuracy": Column("mock exam accuracy", "{:.1%}"),
    "learning_rate": Column("learning rate", "{:.3g}"),
    "seconds": Column("seconds", "{:.1f}"),
}


@dataclass(repr=False)
class History:
    """The report card: one figure per epoch in each list, first epoch first.

    `train_loss` and `val_loss` are means per sample; `train_accuracy` and `val_accuracy` lie in [0, 1], or are None for
    regression; `learning_rate` is the first parameter group's at the start of the epoch; `seconds` is practice and
    mock exam together. `num_train` and `num_val` count samples, `majority` is the accuracy that always answering the
    training data's most frequent class reaches in the mock exam (each None where unknown), `monitor` the figure that
    decides which epoch is best.
    """

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float | None] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    val_accuracy: list[float | None] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    num_train: int | None = None
    num_val: int | None = None
    majority: float | None = None
    monitor: str = "val_accuracy"

    def __post_init__(self) -> None:
        if self.monitor not in ("val_loss", "val_accuracy"):
            raise ValueError(f"monitor is 'val_loss' or 'val_accuracy', not {self.monitor!r}.")
        self.train_accuracy = self.train_accuracy or [None] * len(self)
        self.val_accuracy = self.val_accuracy or [None] * len(self)
        lengths = {len(values) for name in COLUMNS if (values := getattr(self, name))}
        if len(lengths) > 1:
            raise ValueError(f"The lists of a report card have one figure per epoch each, not {sorted(lengths)}.")

    def __len__(self) -> int:
        return len(self.train_loss)

    @property
    def has_accuracy(self) -> bool:
        """False where the targets are floating-point numbers (regression): tables and plots leave accuracy out."""
        return any(value is not None for value in self.val_accuracy)

    @property
    def best_epoch(self) -> int | None:
        """The number of the best epoch, counted from 1 (the earliest of equals), or None before the first finite one:
        `history.val_loss[history.best_epoch - 1]` is its loss.
        """
        scores = [self._score(epoch) for epoch in range(len(self))]
        best = max(scores, default=-math.inf)
        return scores.index(best) + 1 if best > -math.inf else None

    def _score(self, epoch: int) -> float:
        return _score(self.monitor, self.train_loss[epoch], self.val_loss[epoch], self.val_accuracy[epoch])

    def is_new_best(self, train: Metrics, val: Metrics) -> bool:
        """True where an epoch with these marks would be better than all before. Never so with a non-finite loss.

        Raises ValueError where accuracy is to decide and there is none (regression).
        """
        if self.monitor == "val_accuracy" and val.accuracy is None:
            raise ValueError(NO_ACCURACY)
        score = _score(self.monitor, train.loss, val.loss, val.accuracy)
        return score > (-math.inf if self.best_epoch is None else self._score(self.best_epoch - 1))

    def is_out_of_patience(self, patience: int | None) -> bool:
        """True where the last `patience` epochs brought no new best."""
        return patience is not None and len(self) - (self.best_epoch or 0) >= patience

    def standard_error(self, accuracy: float | None) -> float | None:
        """Return the standard error of a mock-exam accuracy, or None where it cannot be known."""
        return None if accuracy is None or not self.num_val else standard_error(accuracy, self.num_val)

    @property
    def is_finite(self) -> bool:
        """False where a loss has become NaN or infinite."""
        return all(map(math.isfinite, self.train_loss + self.val_loss))

    def append(self, train: Metrics, val: Metrics, *, learning_rate: float, seconds: float) -> None:
        """Enter one epoch. Raises ValueError for an accuracy outside [0, 1]."""
        for accuracy in (train.accuracy, val.accuracy):
            if accuracy is not None and not 0 <= accuracy <= 1:
                raise ValueError(
                    f"An accuracy lies in [0, 1], not {accuracy:.4g}. Where more answers are right than were given, "
                    "(N, 1) has been compared with (N,), so that each answer met every label: use outputs.argmax(1) "
                    "without keepdim, or labels.squeeze(1). Percentages are divided by 100."
                )
        row = {
            "train_loss": train.loss,
            "train_accuracy": train.accuracy,
            "val_loss": val.loss,
            "val_accuracy": val.accuracy,
            "learning_rate": float(learning_rate),
            "seconds": seconds,
        }
        # One assignment, so that an interrupt from the keyboard never leaves the lists with different lengths.
        vars(self).update({name: [*getattr(self, name), value] for name, value in row.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return lists and numbers only, ready for JSON or a data frame."""
        return asdict(self)

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> "History":
        """Rebuild a report card from `to_dict()`. Raises ValueError for unknown names."""
        unknown = set(state) - {entry.name for entry in fields(cls)}
        if unknown:
            raise ValueError(f"A report card has no {', '.join(sorted(unknown))}.")
        entries: dict[str, Any] = {name: list(value) if name in COLUMNS else value for name, value in state.items()}
        return cls(**entries)

    def rows(self) -> list[list[str]]:
        """Return the table, headings first, ready to print: a row per epoch, accuracy left out where there is none."""
        shown = [
            (column, values)
            for name, column in COLUMNS.items()
            if (values := getattr(self, name)) and (self.has_accuracy or not name.endswith("accuracy"))
        ]
        rows = [["epoch", *(column.heading for column, _ in shown), ""]]
        for epoch in range(len(self)):
            cells = ["" if values[epoch] is None else column.form.format(values[epoch]) for column, values in shown]
            rows.append([str(epoch + 1), *cells, "best" if epoch + 1 == self.best_epoch else ""])
        return rows

    def __repr__(self) -> str:
        if not len(self):
            return "History: no epoch yet"
        return text_table(self.rows())

    def _repr_html_(self) -> str:
        best = [] if self.best_epoch is None else [self.best_epoch - 1]
        return html_table(self.rows(), caption=f"Report card: {len(self)} epochs", bold=best)

    def summary(self) -> list[str]:
        """Return the last lines of a training run: time, best epoch, and the remarks."""
        if not len(self):
            return []
        lines = [f"Trained for {len(self)} epochs in {sum(self.seconds):.1f} s."]
        if self.best_epoch is not None:
            best = Metrics(self.val_loss[self.best_epoch - 1], self.val_accuracy[self.best_epoch - 1])
            lines += [f"The model holds the weights of its best term, {self.best_epoch}: mock exam {best}."]
        return [*lines, *(f"- {remark}" for remark in self.remarks())]

    def remarks(self) -> list[str]:
        """Say in plain sentences what a good teacher reads from the curves; silent where the figures do not carry it.

        The rules, for T terms; a standard error is that of an accuracy measured on the `num_val` mock-exam samples:

        - **Not finite**: a loss is NaN or infinite. Nothing else is said then.
        - **Majority**: the best accuracy is less than two standard errors above `majority`.
        - **Hardly moving**: T ≥ 3, and the practice loss never left 2 % of its first value, up or down.
        - **Up and down**: a loss turned around at least twice, moving by more than 10 % of its mean before and after.
        - **Overfitting**: the mock exam's loss was lowest in term k, at least two terms ago, and is now more than 5 %
          above that, while the practice loss fell further.
        - **Still improving**: the last term has the lowest mock-exam loss, at least 2 % below the term before, and is
          not going up and down.
        - **Mock exam better than practice**: in the last term, by more than one standard error (without accuracies:
          a loss more than 5 % lower).
        - **Any of them would do**: the accuracies of the best and the last term, if they are two terms, differ by at
          most one standard error.
        """
        return write_remarks(self)


def _score(monitor: str, train_loss: float, val_loss: float, val_accuracy: float | None) -> float:
    """What the best epoch has most of; minus infinity where it cannot be the best."""
    if not (math.isfinite(train_loss) and math.isfinite(val_loss)):
        return -math.inf
    if monitor == "val_loss":
        return -val_loss
    return -math.inf if val_accuracy is None else val_accuracy
