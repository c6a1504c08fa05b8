"""What things cost: work for accuracy, memory for pictures, time for each step (lessons 01 to 03)."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from .display import Picture
from .lettering import legible
from .style import COLORS, axes_or_new, figure_of


def plot_zoo(
    zoo: Mapping[str, Mapping[str, float]],
    ax: Axes | None = None,
    *,
    highlight: str,
    title: str = "What a look costs, and what it brings",
) -> Picture:
    """Draw networks by cost and accuracy; the one named `highlight` is a star.

    `zoo`: name -> facts, of which "operations" (billions for one picture) and "accuracy" (percent right) are drawn.
    """
    ax = axes_or_new(ax, height=4.2)
    for name, facts in zoo.items():
        ours = name == highlight
        place = (facts["operations"], facts["accuracy"])
        ax.scatter(*place, s=90, marker="*" if ours else "o", color=COLORS[1 if ours else 0], zorder=3)
        ax.annotate(name, place, xytext=(0, 8), textcoords="offset points", ha="center")
    ax.set(title=title, xscale="log", xlabel="billion operations for one picture (logarithmic scale)")
    ax.set(ylabel="percent right")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.margins(x=0.18, y=0.12)
    told = "; ".join(
        f"{name}, {facts['operations']:.2g} billion operations, {facts['accuracy']:.0f} %"
        for name, facts in zoo.items()
    )
    return Picture(figure_of(ax), f"{len(zoo)} networks by cost and accuracy, {highlight} as a star: {told}.")


def plot_memory(
    gigabytes: Mapping[int, float],
    ax: Axes | None = None,
    *,
    one_batch: float,
    machine: float = 16,
    title: str = "Memory for pictures",
) -> Picture:
    """Draw what it takes to keep all pictures in memory, beside one batch at a time and what a machine has.

    `gigabytes`: number of pictures -> gigabytes for all of them. `one_batch` and `machine` are gigabytes, too.
    """
    ax = axes_or_new(ax, height=3.8)
    labels = [f"{value:.2f} GB" if value < 1 else f"{value:.0f} GB" for value in gigabytes.values()]
    ax.plot(list(gigabytes), list(gigabytes.values()), marker="o", label="all at once")
    ax.axhline(one_batch, color=COLORS[2], linestyle="-.", label="one batch at a time")
    ax.axhline(machine, color=COLORS[1], linestyle="--", label=f"a laptop with {machine:g} GB")
    for (number, value), label in zip(gigabytes.items(), labels, strict=True):
        ax.annotate(label, (number, value), xytext=(6, -12), textcoords="offset points")
    ax.set(title=title, xscale="log", yscale="log", xlabel="pictures in the data set", ylabel="gigabytes")
    ax.margins(x=0.12, y=0.12)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.legend(loc="upper left")
    told = ", ".join(f"{label} for {number:,}" for number, label in zip(gigabytes, labels, strict=True))
    return Picture(
        figure_of(ax),
        f"Memory against the number of pictures, both axes in powers of ten. All at once, it rises: {told}. One batch "
        f"at a time takes {one_batch:.2g} GB, however many there are. A dashed line marks a laptop's {machine:g} GB.",
    )


def plot_times(
    milliseconds: Mapping[str, float],
    ax: Axes | None = None,
    *,
    title: str = "Where the time goes",
    xlabel: str = "milliseconds for one picture",
) -> Picture:
    """Draw how long each step takes, as horizontal bars in the order given: name -> milliseconds."""
    ax = axes_or_new(ax, height=0.4 * len(milliseconds) + 0.7)
    names: Sequence[str] = [legible(name) for name in milliseconds]
    bars = ax.barh(range(len(names)), list(milliseconds.values()), color=COLORS[0])
    ax.bar_label(bars, [f"{value:.1f}" for value in milliseconds.values()], padding=4)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.margins(x=0.1)
    ax.set(title=title, xlabel=xlabel)
    told = ", ".join(f"{name} {value:.1f}" for name, value in milliseconds.items())
    return Picture(figure_of(ax), f"{title}, {xlabel}: {told}.")
