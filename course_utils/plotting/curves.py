"""The report card as curves: `plot_history` once the training is over, `LiveCurves` while it runs."""

import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from course_utils.report.history import History
from course_utils.report.metrics import standard_error

from .display import page_bundle
from .style import INK, MOCK_EXAM, PRACTICE, new_figure


def _mark_best(ax: Axes, history: History, values: list[float]) -> None:
    """A vertical line and a ring tell the epoch whose weights are kept, not colour alone."""
    best = history.best_epoch
    if best is None:
        return
    ax.axvline(best, color=INK, linewidth=1, linestyle=":", zorder=1)
    ring = {"s": 130, "facecolors": "none", "edgecolors": INK, "linewidths": 1.4, "zorder": 4}
    ax.scatter([best], [values[best - 1]], label=f"best term: {best}", **ring)


def plot_history(history: History, *, title: str | None = None, height: float = 3.8) -> np.ndarray:
    """Draw a `training.History`: loss on the left, accuracy on the right; return the array of axes.

    Practice is dashed with circles, the mock exam solid with squares; the best term is ringed. The bars on the mock
    exam's accuracy p are one standard error, sqrt(p (1 - p) / history.num_val), up and down: terms whose bars overlap
    can hardly be told apart (no bars where num_val is unknown). Where accuracy is None (regression) there is one pair
    of axes, the loss.
    Raises ValueError where the history holds no epoch.
    """
    num_epochs = len(history.train_loss)
    if not num_epochs:
        raise ValueError("The history is empty: no epoch has ended yet.")
    epochs = range(1, num_epochs + 1)
    with_accuracy = history.has_accuracy
    figure, axes = new_figure(1, 2 if with_accuracy else 1, height=height, title=title, squeeze=False)
    loss_ax = axes[0, 0]
    loss_ax.plot(epochs, history.train_loss, **PRACTICE)
    loss_ax.plot(epochs, history.val_loss, **MOCK_EXAM)
    _mark_best(loss_ax, history, history.val_loss)
    loss_ax.set(title="Loss (lower is better)", ylabel="loss per sample")
    if with_accuracy:
        ax = axes[0, 1]
        ax.plot(epochs, history.train_accuracy, **PRACTICE)
        errors = history.num_val and [standard_error(value, history.num_val) for value in history.val_accuracy]
        ax.errorbar(epochs, history.val_accuracy, yerr=errors, elinewidth=1.1, **MOCK_EXAM)
        _mark_best(ax, history, history.val_accuracy)
        ax.yaxis.set_major_formatter(PercentFormatter(xmax=1))
        ax.set(title="Accuracy (higher is better)", ylabel="share of right answers")
    for ax in axes.flat:
        ax.set_xlabel("term (epoch)")
        ax.set_xlim(0.5, num_epochs + 0.5)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
    handles, labels = axes.flat[-1].get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda index: labels[index].startswith("best"))
    figure.legend(
        [handles[index] for index in order], [labels[index] for index in order], loc="outside lower center", ncols=3
    )
    return axes[0]


def describe_history(history: History) -> str:
    """Say in one or two sentences what `plot_history` shows: its alt text."""
    num_epochs, lowest = len(history.train_loss), min(history.val_loss)
    text = (
        f"Curves over {num_epochs} term{'s' if num_epochs > 1 else ''}. The practice loss goes from "
        f"{history.train_loss[0]:.2f} to {history.train_loss[-1]:.2f}, the mock exam's loss from "
        f"{history.val_loss[0]:.2f} to {history.val_loss[-1]:.2f}, lowest in term {history.val_loss.index(lowest) + 1} "
        f"({lowest:.2f})"
    )
    if history.has_accuracy:
        text += f", the mock exam's accuracy from {history.val_accuracy[0]:.1%} to {history.val_accuracy[-1]:.1%}"
    return text + ("." if history.best_epoch is None else f". The best term is {history.best_epoch}.")


class LiveCurves:
    """Curves that grow while the training runs: pass `LiveCurves()` as `on_epoch_end` of `training.train_model`.

    Called with the `History` after each epoch, it redraws one figure in place. When the training is over, that figure
    stays, in a saved notebook too. A history of one epoch begins a new figure: the next training.
    """

    def __init__(self, *, title: str | None = None) -> None:
        self.title = title
        self._handle = None

    def __call__(self, history: History) -> None:
        page = page_bundle(plot_history(history, title=self.title), alt=describe_history(history))
        if self._handle is None or len(history.train_loss) == 1:
            self._handle = display(page, raw=True, display_id=True)
        else:
            self._handle.update(page, raw=True)
