"""Several trainings side by side: one figure of the report card each, or all their losses in a grid."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from course_utils.report.history import History
from course_utils.report.metrics import Metrics

from .curves import plot_losses
from .display import Picture
from .style import BASELINE, COLORS, INK, MARKERS, MOCK_EXAM, PRACTICE, RING, new_figure

# Figures of a report card: the title of its panel, and its vertical axis.
PANELS = {
    "learning_rate": ("The rate in each term", "learning rate"),
    "train_loss": ("Loss in practice", "loss per sample"),
    "val_loss": ("Loss in the mock exam", "loss per sample"),
    "train_accuracy": ("Accuracy in practice", "share of right answers"),
    "val_accuracy": ("Accuracy in the mock exam", "share of right answers"),
}


def plot_runs(
    histories: Mapping[str, History],
    *,
    figures: Sequence[str] = ("val_loss", "val_accuracy"),
    start: Metrics | None = None,
    title: str | None = None,
) -> Picture:
    """Draw figures of several report cards over the terms: a panel for each figure, a line for each run.

    `figures` are names of `History`'s lists. `start`: the marks before the first term, drawn as term 0 of the mock
    exam. Bars on the mock exam's accuracy are one standard error; a dotted line there is the majority baseline, where
    all runs know the same one. Raises ValueError for a name that is no figure of a report card, or where there is no
    run.
    """
    unknown = [name for name in figures if name not in PANELS]
    if unknown or not figures or not histories:
        raise ValueError(f"Runs and figures are needed; the figures are {', '.join(PANELS)}, not {', '.join(unknown)}.")
    figure, panels = new_figure(1, len(figures), height=3.8, title=title, squeeze=False)
    told = []
    for name, ax in zip(figures, panels[0], strict=True):
        for place, (run, history) in enumerate(histories.items()):
            values, first = list(getattr(history, name)), 1
            if start is not None and name.startswith("val_"):
                values, first = [getattr(start, name.removeprefix("val_")), *values], 0
            look: dict[str, Any] = {"color": COLORS[place], "marker": MARKERS[place], "label": run}
            errors = [history.standard_error(value) for value in values] if name == "val_accuracy" else None
            # A little apart, so that the bars of two runs do not hide each other.
            terms = [term + 0.05 * place * bool(errors) for term in range(first, first + len(values))]
            ax.errorbar(terms, values, yerr=None if errors is None or None in errors else errors, **look)
            told.append(f"{run}, {PANELS[name][0].lower()}: {values[0]:.3g} to {values[-1]:.3g}")
        ax.set(title=PANELS[name][0], xlabel="term (epoch)", ylabel=PANELS[name][1])
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if name.endswith("accuracy"):
            ax.yaxis.set_major_formatter("{x:.0%}")
        baselines = {history.majority for history in histories.values()}
        if name == "val_accuracy" and len(baselines) == 1 and (majority := baselines.pop()) is not None:
            ax.axhline(majority, label=f"majority baseline: {majority:.1%}", **BASELINE)
    shown = {label: handle for ax in panels[0] for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=min(4, len(shown)))
    return Picture(figure, f"Lines over the terms. {'; '.join(told)}.")


def plot_seeds(
    runs: Mapping[str, Sequence[History]], *, guessing: float | None = None, title: str | None = None
) -> Picture:
    """Draw the losses of several settings on one pair of axes, practice left and mock exam right: name -> report cards.

    The thick line of a setting is the mean over its seeds, each seed a thin line; both panels share one axis.
    `guessing`: the loss of a student who guesses, a dotted line. Raises ValueError where there is no run, and where the
    runs of a setting differ in length.
    """
    if not runs or not all(runs.values()):
        raise ValueError("Each setting needs at least one run.")
    figure, panels = new_figure(1, 2, height=3.9, sharey=True, title=title)
    told = []
    for place, (name, cards) in enumerate(runs.items()):
        color, terms = COLORS[place], range(1, len(cards[0]) + 1)
        for ax, losses in zip(panels, ("train_loss", "val_loss"), strict=True):
            lines = [getattr(card, losses) for card in cards]
            for line in lines:
                ax.plot(terms, line, color=color, linewidth=0.9, alpha=0.7)
            means = [sum(values) / len(values) for values in zip(*lines, strict=True)]
            ax.plot(terms, means, color=color, marker=MARKERS[place], label=name, linewidth=2.4)
        told.append(f"{name} {means[0]:.2f} to {means[-1]:.2f}, lowest {min(means):.2f}")
    for ax, heading in zip(panels, (PANELS["train_loss"][0], PANELS["val_loss"][0]), strict=True):
        ax.set(title=heading, xlabel="term (epoch)")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if guessing is not None:
            ax.axhline(guessing, label=f"guessing: {guessing:.2f}", **BASELINE)
    panels[0].set_ylabel("loss per sample")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=min(5, len(runs) + 1))
    return Picture(figure, f"Losses over the terms, mean over the seeds. In the mock exam: {'; '.join(told)}.")


def plot_loss_grid(histories: Mapping[str, History], *, guessing: float) -> Picture:
    """Draw the losses of several runs in a grid, a panel each, as `plot_losses` does: three in a row, else two columns.

    `guessing`: the loss of a student who guesses, a dotted line. So that panels can be compared, they share the axis of
    the terms, and those whose losses stay below three times `guessing` the vertical one; a run that flies off has its
    own. Raises ValueError for no run.
    """
    if not histories:
        raise ValueError("There is no run to draw.")
    columns = 3 if len(histories) == 3 else 2
    rows = -(-len(histories) // columns)
    figure, axes = new_figure(rows, columns, height=2.5 * rows + 0.5, squeeze=False)
    calm, longest = [], max(len(history) for history in histories.values())
    for ax, (name, history) in zip(axes.flat, histories.items(), strict=False):
        if max([*history.train_loss, *history.val_loss]) < 3 * guessing:
            calm.append(ax)
            ax.sharey(calm[0])
        if ax is not axes[0, 0]:
            ax.sharex(axes[0, 0])
        plot_losses(history, ax, title=name.capitalize(), guessing=guessing)
        ax.set_xlim(0.5, longest + 0.5)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=5 if columns == 3 else 10, integer=True, min_n_ticks=1))
    for ax in axes[:, 1:].flat:
        ax.set_ylabel("")
    for ax in axes.flat[len(histories) :]:
        ax.set_axis_off()
    shown = dict(zip(*reversed(axes[0, 0].get_legend_handles_labels()), strict=True))
    shown = {label: handle for label, handle in shown.items() if not label.startswith("best term")}
    figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=3)
    ends = "; ".join(f"{name} {run.val_loss[0]:.3g} to {run.val_loss[-1]:.3g}" for name, run in histories.items())
    return Picture(figure, f"Loss curves of {len(histories)} runs. Mock-exam loss, first to last term: {ends}.")


def plot_broken(
    healthy: History | Mapping[str, History],
    broken: Mapping[str, History],
    *,
    guessing: float,
    keep_last: Collection[str] = (),
    title: str = "The healthy run, and what breaks it",
) -> Picture:
    """Draw the losses of broken runs, name -> report card: a panel each, on shared axes, over the healthy run in grey.

    `healthy` is one report card for all, or name -> report card where the runs have healthy ones of their own.
    A ring marks the term whose weights were kept: the best, or for the names in `keep_last` the last. `guessing`, the
    loss of a student who guesses, is a dotted line; the axes end at 1.4 times that, and a run that flies off says how
    far. Raises ValueError where there is no broken run.
    """
    if not broken:
        raise ValueError("There is no broken run to draw beside the healthy one.")
    num_columns = 3 if len(broken) > 4 else min(2, len(broken))
    num_rows = -(-len(broken) // num_columns)
    figure, axes = new_figure(
        num_rows,
        num_columns,
        height=2.4 * num_rows + 0.9,
        title=title,
        sharex=len({len(run) for run in broken.values()}) == 1,
        sharey=True,
        squeeze=False,
    )
    axes[0, 0].set_ylim(0, 1.4 * guessing)
    controls = {name: healthy if isinstance(healthy, History) else healthy[name] for name in broken}
    for ax, (name, run) in zip(axes.flat, broken.items(), strict=False):
        draw_beside(ax, controls[name], run, guessing=guessing, keeps_last=name in keep_last)
        ax.set_title(name[:1].upper() + name[1:])
    for ax in axes.flat[len(broken) :]:
        ax.set_axis_off()
    for ax in axes[-1]:
        ax.set_xlabel("term (epoch)")
    for ax in axes[:, 0]:
        ax.set_ylabel("loss per sample")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    first = next(iter(controls.values()))
    ends = "; ".join(f"{name} {run.val_loss[0]:.3g} to {run.val_loss[-1]:.3g}" for name, run in broken.items())
    return Picture(
        figure,
        f"Loss curves of {len(broken)} broken runs, each over the healthy one. Mock-exam loss, first to last term: "
        f"healthy {first.val_loss[0]:.3g} to {first.val_loss[-1]:.3g}; {ends}.",
    )


def draw_beside(ax: Axes, healthy: History, run: History, *, guessing: float, keeps_last: bool = False) -> None:
    """Draw the losses of a broken run, and the healthy one's behind them in grey; a ring around the weights kept."""
    grey: dict[str, Any] = {"color": COLORS[7], "linewidth": 3, "alpha": 0.7}
    plain = {"marker": ""}
    ax.plot(range(1, len(healthy) + 1), healthy.train_loss, **grey, linestyle="--", label="healthy, practice")
    ax.plot(range(1, len(healthy) + 1), healthy.val_loss, **grey, label="healthy, mock exam")
    ax.axhline(guessing, label=f"guessing: {guessing:.2f}", **BASELINE)
    terms = range(1, len(run) + 1)
    ax.plot(terms, run.train_loss, **PRACTICE | plain | {"label": "broken, practice"})
    ax.plot(terms, run.val_loss, **MOCK_EXAM | plain | {"label": "broken, mock exam"})
    kept = len(run) if keeps_last else run.best_epoch
    if kept is not None:
        ax.scatter([kept], [run.val_loss[kept - 1]], label="weights kept", s=90, linewidths=1.4, **RING)
    highest, top = max(run.val_loss), ax.get_ylim()[1]
    if highest > top:
        # Below all curves: a run that flies off leaves the bottom of its panel free.
        ax.text(0.03, 0.04, f"exam up to {highest:.3g} ↑", transform=ax.transAxes, va="bottom", color=INK, fontsize=9)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=1))
