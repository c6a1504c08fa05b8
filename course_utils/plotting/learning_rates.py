"""Which learning rate? A sweep with its error bars, and the range test's curve."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from .style import COLORS, INK, MOCK_EXAM, axes_or_new


def plot_learning_rate_sweep(
    learning_rates: Sequence[float],
    scores: Sequence[Sequence[float]] | np.ndarray,
    errors: Sequence[float] | None = None,
    ax: Axes | None = None,
    *,
    title: str = "Which learning rate?",
    ylabel: str = "mock exam accuracy",
) -> Axes:
    """Draw the result of a sweep: a dot for each run, and for each learning rate the mean with its error bar.

    `scores`: (num_rates, num_seeds), a row for each learning rate, accuracies in [0, 1]. `errors`: (num_rates,), one
    standard error of each mean; without it, that of the runs themselves, std / sqrt(num_seeds). The band is the best
    mean's error bar: rates whose own bar reaches it cannot be told apart from the best.
    Raises ValueError where the lengths differ, or where there is one seed and no `errors`.
    """
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 2 or len(scores) != len(learning_rates):
        raise ValueError(f"{len(learning_rates)} learning rates need {len(learning_rates)} rows of scores, one a seed.")
    if errors is None:
        if scores.shape[1] < 2:
            raise ValueError("One run a learning rate tells nothing about chance: pass errors=, or use more seeds.")
        errors = scores.std(axis=1, ddof=1) / np.sqrt(scores.shape[1])
    errors = np.asarray(errors, dtype=float)
    if errors.shape != (len(scores),):
        raise ValueError(f"{len(scores)} learning rates need {len(scores)} errors, not {errors.shape}.")
    means = scores.mean(axis=1)
    best = int(np.nanargmax(means))
    ax = axes_or_new(ax, height=3.8)
    low, high = means[best] - errors[best], means[best] + errors[best]
    ax.axhspan(low, high, color=MOCK_EXAM["color"], alpha=0.13, linewidth=0, label="best, ± one standard error")
    for rate, runs in zip(learning_rates, scores, strict=True):
        ax.scatter([rate] * len(runs), runs, s=16, color=COLORS[4], alpha=0.8, zorder=2, label="one run (one seed)")
    look = {
        "color": MOCK_EXAM["color"],
        "marker": MOCK_EXAM["marker"],
        "linestyle": ":",
        "linewidth": 1.2,
        "elinewidth": 1.6,
    }
    ax.errorbar(learning_rates, means, yerr=errors, zorder=3, label="mean, ± one standard error", **look)
    ax.set_xscale("log")
    ax.set_xticks(learning_rates, [f"{rate:g}" for rate in learning_rates])
    ax.minorticks_off()
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    handles, labels = ax.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2), "ncols": 3, "frameon": False}
    ax.legend(unique.values(), unique.keys(), **below)
    ax.set(title=title, xlabel="learning rate (logarithmic scale)", ylabel=ylabel)
    return ax


def plot_range_test(
    learning_rates: Sequence[float],
    losses: Sequence[float],
    ax: Axes | None = None,
    *,
    suggestion: float | None = None,
    title: str = "Learning rate range test",
) -> Axes:
    """Draw the loss over a learning rate that grows from batch to batch; `suggestion` is marked where given.

    The vertical axis ends at twice the first loss: above, the training has blown up. Loss per sample.
    Raises ValueError where the lengths differ or nothing was measured. (L. Smith, "Cyclical Learning Rates", 2015)
    """
    if len(learning_rates) != len(losses) or not len(losses):
        raise ValueError(f"{len(learning_rates)} learning rates and {len(losses)} losses: one loss a rate is needed.")
    ax = axes_or_new(ax, height=3.5)
    ax.plot(learning_rates, losses, color=COLORS[0], label="loss of one batch")
    if suggestion is not None:
        ax.axvline(suggestion, color=INK, linestyle="--", linewidth=1.3, label=f"suggested: {suggestion:.2g}")
    ax.set_xscale("log")
    finite = np.asarray(losses, dtype=float)
    finite = finite[np.isfinite(finite)]
    if finite.size:
        margin = 0.05 * finite[0]
        ax.set_ylim(finite.min() - margin, min(finite.max(), 2 * finite[0]) + margin)
    ax.legend()
    ax.set(title=title, xlabel="learning rate (grows from batch to batch)", ylabel="loss per sample")
    return ax
