"""Which learning rate? A sweep with its error bars, and the range test's curve (lesson 07)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from course_utils.tuning import RangeTest, SweepResult

from .display import Picture
from .lettering import legible
from .style import BASELINE, COLORS, INK, MOCK_EXAM, RING, axes_or_new, figure_of


def plot_sweep(
    result: SweepResult, ax: Axes | None = None, *, title: str | None = None, majority: float | None = None
) -> Picture:
    """Draw the result of `tuning.sweep` or `sweep_learning_rates`: a dot for each run, the mean of each value with one
    standard error up and down. Accuracy, or loss where the runs monitored it.

    Rings mark the best mean and all that cannot be told apart from it (`result.indistinguishable`); a value where a
    run diverged says so and has no mean. The values stand at equal distances, in the order in which they were tried.
    `majority`: the accuracy of the most frequent answer alone, a dotted line. Where no value can be called the best
    (all diverged, or the sweep was stopped too early), there is no ring.
    """
    kind = "loss" if result.by_loss else "accuracy"
    name = result.parameter.replace("_", " ")
    ax = axes_or_new(ax, height=3.9)
    places = np.arange(len(result.values))
    for place, runs in zip(places, result.scores, strict=True):
        ax.scatter([place] * len(runs), runs, s=16, color=COLORS[4], alpha=0.8, zorder=2, label="one run")
    ax.errorbar(
        places,
        result.means,
        yerr=result.errors,
        color=MOCK_EXAM["color"],
        marker=MOCK_EXAM["marker"],
        linestyle=":",
        linewidth=1.2,
        elinewidth=1.6,
        zorder=3,
        label="mean ± standard error",
    )
    ringed = _ringed(result)
    if ringed:
        ax.scatter(
            ringed,
            [result.means[place] for place in ringed],
            s=170,
            linewidths=1.5,
            **RING,
            label="the best" if len(ringed) == 1 else "the best, and all not told apart from it",
        )
    for place in places[~np.isfinite(result.means)]:
        ax.text(place + 0.06, 0.03, "diverged", rotation=90, ha="left", transform=ax.get_xaxis_transform())
    if majority is not None:
        ax.axhline(majority, label=f"majority baseline: {majority:.1%}", **BASELINE)
    ax.set_xticks(places, list(map(legible, result.labels)))
    ax.set_xlim(-0.5, len(places) - 0.5)
    if not result.by_loss:
        ax.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    handles, labels = ax.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    ax.legend(
        list(unique.values()), list(unique), loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=3, frameon=False
    )
    ax.set(title=title or f"Which {name}?", xlabel=name, ylabel=f"mock exam {kind}")
    return Picture(figure_of(ax), _describe_sweep(result, majority))


def _ringed(result: SweepResult) -> list[int]:
    """Return the places of the best value and of all that cannot be told apart from it."""
    same = [repr(value) for value in result.indistinguishable]  # not every value can be compared
    return [place for place, value in enumerate(result.values) if repr(value) in same]


def _describe_sweep(result: SweepResult, majority: float | None) -> str:
    kind, form = ("loss", "{:.3f}") if result.by_loss else ("accuracy", "{:.1%}")
    means = ", ".join(
        f"{label}: {form.format(mean) if np.isfinite(mean) else 'diverged'}"
        for label, mean in zip(result.labels, result.means, strict=True)
    )
    text = f"Mock-exam {kind} by {result.parameter.replace('_', ' ')}, the mean of its runs: {means}."
    ringed = [result.labels[place] for place in _ringed(result)]
    if len(ringed) > 1:
        text += f" Ringed are the best and what cannot be told apart from it: {', '.join(ringed)}."
    elif ringed:
        text += f" The best, ringed, is {ringed[0]}."
    return text if majority is None else f"{text} The majority baseline is {majority:.1%}."


def plot_range_test(result: RangeTest, ax: Axes | None = None, *, title: str = "Learning rate range test") -> Picture:
    """Draw the result of `tuning.learning_rate_range_test`: the loss while the learning rate grows from batch to batch.

    Dots are the batches, the line their running average; the suggested rate, where there is one, is a dashed line.
    The vertical axis ends at twice the first average: above, the training has blown up. Loss per sample.
    """
    ax = axes_or_new(ax, height=3.5)
    ax.plot(result.learning_rates, result.losses, ".", color=COLORS[4], alpha=0.7, label="loss of one batch")
    ax.plot(result.learning_rates, result.smoothed, color=COLORS[0], label="running average")
    if result.suggestion is not None:
        label = f"suggested: {result.suggestion:.2g}"
        ax.axvline(result.suggestion, color=INK, linestyle="--", linewidth=1.3, label=label)
    ax.set_xscale("log")
    seen = np.array([*result.losses, *result.smoothed], dtype=float)
    seen = seen[np.isfinite(seen)]
    if seen.size and np.isfinite(result.smoothed[0]):
        margin = 0.05 * result.smoothed[0]
        ax.set_ylim(seen.min() - margin, min(seen.max(), 2 * result.smoothed[0]) + margin)
    ax.legend()
    ax.set(title=title, xlabel="learning rate (grows from batch to batch)", ylabel="loss per sample")
    return Picture(figure_of(ax), _describe_range_test(result))


def _describe_range_test(result: RangeTest) -> str:
    rates, average = result.learning_rates, np.array(result.smoothed, dtype=float)
    text = f"The loss, batch after batch, while the learning rate grows from {rates[0]:.2g} to {rates[-1]:.2g}."
    if np.isfinite(average).any():
        lowest = int(np.nanargmin(average))
        text += (
            f" Its running average begins at {average[0]:.2f}, is lowest at the rate {rates[lowest]:.2g} "
            f"({average[lowest]:.2f}) and ends at {average[-1]:.2f}."
        )
    suggestion = result.suggestion
    return text + (" No rate is suggested." if suggestion is None else f" The suggested rate is {suggestion:.2g}.")
