"""The report card as curves: `plot_history` once the training is over, `LiveCurves` while it runs."""

import math
from collections.abc import Sequence

from IPython.display import DisplayHandle, display
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from course_utils.report.history import History
from course_utils.report.metrics import standard_error

from .display import Picture
from .style import BASELINE, INK, MOCK_EXAM, PRACTICE, RING, axes_or_new, figure_of, new_figure


def plot_history(
    history: History, *, title: str | None = None, guessing: float | None = None, height: float = 3.8
) -> Picture:
    """Draw a `training.History`: `plot_losses` on the left, `plot_accuracies` on the right.

    Practice is dashed with circles, the mock exam solid with squares; the best term is ringed. Where accuracy is None
    (regression) there is one pair of axes, the loss. `guessing` is the loss of a student who guesses, a dotted line
    (`math.log(C)` for cross-entropy with C classes). Raises ValueError where the history holds no epoch.
    """
    num_panels = 2 if history.has_accuracy else 1
    figure, panels = new_figure(1, num_panels, height=height, title=title, squeeze=False)
    plot_losses(history, panels[0, 0], guessing=guessing)
    if history.has_accuracy:
        plot_accuracies(history, panels[0, 1])
    legend: dict[str, Artist] = {}
    for ax in panels.flat:
        handles, labels = ax.get_legend_handles_labels()
        legend |= dict(zip(labels, handles, strict=True))
    order = sorted(legend, key=lambda label: label not in (PRACTICE["label"], MOCK_EXAM["label"]))
    figure.legend([legend[label] for label in order], order, loc="outside lower center", ncols=3)
    return Picture(figure, describe_history(history))


def plot_losses(
    history: History,
    ax: Axes | None = None,
    *,
    title: str = "Loss (lower is better)",
    guessing: float | None = None,
) -> Picture:
    """Draw the loss per sample by term, practice and mock exam; `guessing` as in `plot_history`.

    Raises ValueError where the history holds no epoch.
    """
    ax = _terms(history, ax, title=title, ylabel="loss per sample")
    ax.plot(range(1, len(history) + 1), history.train_loss, **PRACTICE)
    ax.plot(range(1, len(history) + 1), history.val_loss, **MOCK_EXAM)
    _mark_best(ax, history, history.val_loss)
    if guessing is not None:
        ax.axhline(guessing, label=f"guessing: {guessing:.2f}", **BASELINE)
    return Picture(figure_of(ax), _describe_losses(history))


def plot_accuracies(history: History, ax: Axes | None = None, *, title: str = "Accuracy (higher is better)") -> Picture:
    """Draw the share of right answers by term, practice and mock exam.

    The bars on the mock exam's accuracy p are one standard error, sqrt(p (1 - p) / history.num_val), up and down:
    terms whose bars overlap can hardly be told apart (no bars where num_val is unknown). `history.majority`, where it
    is known, is a dotted line: what the most frequent answer alone would get.
    Raises ValueError where the history holds no epoch, or no accuracy.
    """
    if len(history) and not history.has_accuracy:
        raise ValueError("This history holds no accuracy; plot_losses draws its losses.")
    practice, exam = (_floats(values) for values in (history.train_accuracy, history.val_accuracy))
    ax = _terms(history, ax, title=title, ylabel="share of right answers")
    ax.plot(range(1, len(history) + 1), practice, **PRACTICE)
    errors = None
    if history.num_val is not None:
        errors = [standard_error(value, history.num_val) if math.isfinite(value) else value for value in exam]
    ax.errorbar(range(1, len(history) + 1), exam, yerr=errors, elinewidth=1.1, **MOCK_EXAM)
    _mark_best(ax, history, exam)
    if history.majority is not None:
        ax.axhline(history.majority, label=f"majority baseline: {history.majority:.1%}", **BASELINE)
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    return Picture(figure_of(ax), _describe_accuracies(history))


def describe_history(history: History) -> str:
    """Say in a few sentences what `plot_history` shows: its alt text."""
    text = _describe_losses(history)
    if history.has_accuracy:
        text += " " + _describe_accuracies(history)
    return text + ("" if history.best_epoch is None else f" The best term is {history.best_epoch}.")


def _describe_losses(history: History) -> str:
    num_epochs, lowest = len(history), min(history.val_loss)
    return (
        f"Curves over {num_epochs} term{'s' if num_epochs > 1 else ''}. The practice loss goes from "
        f"{history.train_loss[0]:.2f} to {history.train_loss[-1]:.2f}, the mock exam's loss from "
        f"{history.val_loss[0]:.2f} to {history.val_loss[-1]:.2f}, lowest in term {history.val_loss.index(lowest) + 1} "
        f"({lowest:.2f})."
    )


def _describe_accuracies(history: History) -> str:
    text = f"The mock exam's accuracy goes from {history.val_accuracy[0]:.1%} to {history.val_accuracy[-1]:.1%}"
    return text + ("." if history.majority is None else f"; the majority baseline is {history.majority:.1%}.")


def _terms(history: History, ax: Axes | None, *, title: str, ylabel: str) -> Axes:
    """Return axes whose horizontal axis counts the terms of the history."""
    if not len(history):
        raise ValueError("The history is empty: no epoch has ended yet.")
    ax = axes_or_new(ax, height=3.6)
    ax.set(title=title, xlabel="term (epoch)", ylabel=ylabel, xlim=(0.5, len(history) + 0.5))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
    return ax


def _floats(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _mark_best(ax: Axes, history: History, values: Sequence[float]) -> None:
    """A vertical line and a ring tell the epoch whose weights are kept, not colour alone."""
    best = history.best_epoch
    if best is None:
        return
    ax.axvline(best, color=INK, linewidth=1, linestyle=":", zorder=1)
    ax.scatter(
        [best],
        [values[best - 1]],
        label=f"best term: {best}",
        s=130,
        linewidths=1.4,
        **RING,
    )


class LiveCurves:
    """Curves that grow while the training runs: pass `LiveCurves()` as `on_epoch_end` of `training.train_model`.

    Called with the `History` after each epoch, it redraws one figure in place. When the training is over, that figure
    stays, in a saved notebook too. A history of one epoch begins a new figure: the next training. `title` and
    `guessing` as in `plot_history`.
    """

    def __init__(self, *, title: str | None = None, guessing: float | None = None) -> None:
        self.title, self.guessing = title, guessing
        self._handle: DisplayHandle | None = None

    def __call__(self, history: History) -> None:
        picture = plot_history(history, title=self.title, guessing=self.guessing)
        if self._handle is None or len(history) == 1:
            # IPython's display carries no types.
            self._handle = display(picture, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(picture)  # type: ignore[no-untyped-call]
