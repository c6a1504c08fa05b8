"""Lines over one axis, a figure that several lessons share."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from .display import Picture
from .style import BASELINE, COLORS, MARKERS, axes_or_new, figure_of


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
