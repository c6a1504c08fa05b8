"""Several processes and fewer digits: what gets lost, what differs, and what each room knows (lesson 12)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .animation import Animation, animate
from .display import Picture
from .plane import Student, plot_opinion
from .style import BASELINE, COLORS, FAINT, INK, new_figure

# The smallest and the largest number that float16 can hold. Half of the smallest is already rounded down to 0.
FLOAT16_SMALLEST, FLOAT16_LARGEST = 2.0**-24, 65504.0
FLOAT16_FULL = 2.0**-14  # below it the number has fewer and fewer digits


def plot_slope_sizes(slopes: Tensor, *, factor: float, title: str = "How large are the slopes?") -> Picture:
    """Draw how large the slopes (any shape) of a network are, as they are and multiplied by `factor`, beside what
    float16 can hold. Slopes of exactly 0 are left out. Raises ValueError where all are 0.
    """
    sizes = slopes.detach().flatten().abs().double()
    sizes = sizes[sizes > 0]
    if not len(sizes):
        raise ValueError("All slopes are 0: there are no sizes to draw.")
    figure, ax = new_figure(height=3.4, title=title)
    lost = []
    for place, (scale, name) in enumerate(((1.0, "as they are"), (factor, f"times {factor:,.0f}"))):
        powers = (sizes * scale).log10().numpy(force=True)
        look: dict[str, Any] = {"color": COLORS[place], "linestyle": ("-", "--")[place], "linewidth": 2}
        weights = np.full(len(powers), 1 / len(powers))
        ax.hist(powers, bins=np.arange(-12, 7.1, 0.25), weights=weights, histtype="step", label=name, **look)
        lost.append(f"{name}, {(sizes * scale <= FLOAT16_SMALLEST / 2).double().mean():.1%} become 0")
    ax.set_ylim(0, 1.25 * ax.get_ylim()[1])
    zero, full, infinite = (float(np.log10(size)) for size in (FLOAT16_SMALLEST / 2, FLOAT16_FULL, FLOAT16_LARGEST))
    for left, right, shade, name in (
        (-12.0, zero, 1.0, "0 in float16"),
        (zero, full, 0.4, "fewer digits"),
        (infinite, 7.0, 1.0, "infinite"),
    ):
        ax.axvspan(left, right, color=FAINT, alpha=shade, zorder=0, linewidth=0)
        ax.text(left + 0.1, 0.96 * ax.get_ylim()[1], name, va="top")
    ax.set(xlabel="size of a slope: ten to the power of ...", ylabel="share of the slopes")
    ax.set(xlim=(-12, 7), xticks=range(-12, 8, 2))
    ax.legend(loc="center left")
    return Picture(figure, f"{title} Two histograms over powers of ten. In float16, {'; '.join(lost)}.")


def plot_differences(differences: Mapping[str, float], *, rounding: float, title: str) -> Picture:
    """Draw how far each result lies from what it should equal, name -> largest difference, on a logarithmic axis.
    Below `rounding`, which is shaded, it is rounding. Raises ValueError where there is none.
    """
    if not differences:
        raise ValueError("There is no difference to draw.")
    figure, ax = new_figure(height=0.9 + 0.42 * len(differences), title=title)
    floor = min(rounding / 100, *(value / 3 for value in differences.values() if value > 0))
    places = range(len(differences))
    colors = [COLORS[0] if value < rounding else COLORS[1] for value in differences.values()]
    bars = [max(value, floor * 1.5) for value in differences.values()]
    ax.barh(places, bars, left=0, color=colors, height=0.62)
    for place, value in zip(places, differences.values(), strict=True):
        ax.text(max(value, floor * 1.5) * 1.3, place, f"{value:.0e}" if value else "0", va="center", fontsize=9)
    ax.axvspan(floor, rounding, color=FAINT, zorder=0)
    ax.axvline(rounding, label="rounding ends here", **BASELINE)
    ax.set_yticks(places, list(differences))
    ax.set(
        xscale="log", xlim=(floor, 30 * max(rounding, *bars)), xlabel="largest difference of a weight (grey: rounding)"
    )
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    told = "; ".join(f"{name.replace(chr(10), ' ')} {value:.0e}" for name, value in differences.items())
    return Picture(
        figure, f"{title}. Bars, the largest difference of a weight: {told}. Rounding ends at {rounding:.0e}."
    )


def animate_rooms(
    rooms: Mapping[str, Sequence[Sequence[Student]]], points: Tensor, labels: Tensor, *, steps: Sequence[int]
) -> Animation:
    """Show students learning in two rooms, each of which holds the points of one label: name -> the students of room 0
    and those of room 1, one for each of `steps`. A panel a room, with the room's own points only.

    The heading of a panel says which share of *all* points (N, 2) with labels (N,) its student answers rightly.
    """
    frames: list[Picture] = []
    told: list[str] = []
    for number, step in enumerate(steps):
        figure, panels = new_figure(len(rooms), 2, height=3.05 * len(rooms), width=6.2, sharex=True, sharey=True)
        figure.suptitle(f"after {step} corrections", x=0.01, ha="left")
        told = []
        for row, (name, both) in zip(np.atleast_2d(panels), rooms.items(), strict=True):
            for room, (ax, students) in enumerate(zip(row, both, strict=True)):
                own, student = labels == room, students[number]
                with torch.no_grad():
                    right = (student(points).argmax(dim=1) == labels).float().mean().item()
                heading = f"{name}, room {room}: {right:.0%}"
                plot_opinion(student, points[own], labels[own], ax, title=heading)
                ax.set(xlabel="", ylabel="", xticks=[], yticks=[])
                ax.title.set_fontsize(10.5)
                ax.title.set_color(INK)
                told.append(heading)
        frames.append(Picture(figure, alt=f"after {step} corrections"))
    return animate(
        frames,
        seconds=5,
        alt="Students learn in two rooms; each room holds one spiral only, and the plane is coloured by the student's "
        f"answer. Share of all points answered rightly in the end: {'; '.join(told)}.",
    )
