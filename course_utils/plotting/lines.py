"""Lines over one axis, and walks through a landscape: figures that several lessons share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor

from .display import Picture
from .style import BASELINE, COLORS, INK, MARKERS, axes_or_new, figure_of, new_figure


def plot_lines(
    lines: Mapping[str, Sequence[float]],
    ax: Axes | None = None,
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    x: Sequence[float] | None = None,
    level: tuple[str, float] | None = None,
    **properties: Any,
) -> Picture:
    """Draw lines that share one axis, each in a colour and with a marker of its own.

    `lines`: name -> values, all over `x` (default: 1, 2, 3, ...). `level`: the name and height of a dotted line across.
    `properties` go to the axes (`xscale="log"`, `ylim=(0, 1)`, ...). Raises ValueError where there are no values, or
    where a line is not as long as `x`.
    """
    if not lines or not all(map(len, lines.values())):
        raise ValueError("There are no values to draw.")
    ax = axes_or_new(ax)
    for place, (name, values) in enumerate(lines.items()):
        places = range(1, len(values) + 1) if x is None else x
        if len(places) != len(values):
            raise ValueError(f"The line {name!r} has {len(values)} values for {len(places)} places.")
        look: dict[str, Any] = {"color": COLORS[place % len(COLORS)], "marker": MARKERS[place % len(MARKERS)]}
        ax.plot(places, values, label=name, markevery=max(1, len(values) // 15), **look)
    if level is not None:
        ax.axhline(level[1], label=level[0], **BASELINE)
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel, **properties)
    ax.legend()
    return Picture(figure_of(ax), f"{title}: {ylabel} over {xlabel}. {describe_lines(lines)}.")


def describe_lines(lines: Mapping[str, Sequence[float]]) -> str:
    """Say of each line where it begins and ends, and how high it climbs where that is higher than both."""
    told = []
    for name, values in lines.items():
        first, last, highest = float(values[0]), float(values[-1]), float(max(values))
        peak = f", by way of {highest:.3g}" if highest > max(first, last) else ""
        told.append(f"{name} from {first:.3g} to {last:.3g}{peak}")
    return "; ".join(told)


def plot_walks(height: Callable[[Any], Tensor], walks: Mapping[str, Tensor]) -> Picture:
    """Draw walks down a valley of two weights: from above, and the height after each step.

    `height` takes two numbers, or two grids of them, and returns the height, which is 0 at the origin and nowhere
    lower. `walks`: name -> places (steps, 2).
    """
    across, along = torch.meshgrid(torch.linspace(-1.6, 1.6, 80), torch.linspace(-4.4, 1.4, 80), indexing="ij")
    figure, (left, right) = new_figure(1, 2, height=3.8, width_ratios=[1.3, 1])
    left.contour(along, across, height((along, across)), levels=12, colors=COLORS[4], linewidths=0.5)
    ends = []
    for (name, places), color, marker in zip(walks.items(), COLORS, MARKERS, strict=False):
        heights = [height(place).item() for place in places]
        look: dict[str, Any] = {"color": color, "marker": marker, "markersize": 3, "linewidth": 1.1, "label": name}
        left.plot(places[:, 0], places[:, 1], **look)
        right.plot(heights, markevery=6, **look)
        ends.append(f"{name} {heights[-1]:.1g}")
    left.plot(0, 0, "*", color=INK, markersize=12)
    left.set(title="The valley from above", xlabel="one weight", ylabel="another weight")
    right.set(title="The loss", xlabel="step", ylabel="loss, each tick ten times more", yscale="log", ylim=(1e-5, 100))
    right.legend(fontsize=8)
    alt = f"{len(walks)} walks down a narrow valley to its lowest point, a star, and the loss after each step. Losses"
    return Picture(figure, f"{alt} at the end: {', '.join(ends)}.")
