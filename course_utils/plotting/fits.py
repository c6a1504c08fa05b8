"""A line that learns: through which points it runs, and how near its loss comes to the noise floor (lesson 09)."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from .animation import Animation, animate
from .display import Picture
from .style import BASELINE, COLORS, INK, MOCK_EXAM, new_figure

Line = tuple[float, float]  # slope and height at 0
STYLES = ({"color": COLORS[1]}, {"color": INK, "linestyle": ":"}, {"color": COLORS[2], "linestyle": "--"})


def draw_fit(
    points: tuple[Tensor, Tensor],
    lines: Mapping[str, Line],
    losses: Sequence[float],
    *,
    floor: float,
    floor_error: float,
    num_epochs: int | None = None,
    highest: float | None = None,
    title: str = "A line learns",
) -> Picture:
    """Draw points with lines through them, and beside it the mock exam's loss term by term, down to the noise floor.

    `points`: x and y, (N, 1) or (N,). `lines`: name -> (slope, height at 0). `losses`: one for each term so far.
    `floor`, the loss of the truth itself, is a dotted line with a band of two `floor_error` up and down. `num_epochs`
    and `highest` fix the axes, so that figures can be compared (default: those of `losses`). Raises ValueError where
    there are no losses.
    """
    if not losses:
        raise ValueError("There are no losses to draw: no term has ended yet.")
    x, y = (values.detach().flatten().numpy(force=True) for values in points)
    figure, (left, right) = new_figure(1, 2, height=3.1, title=title)
    left.scatter(x, y, s=9, color=COLORS[0], alpha=0.6, linewidth=0)
    ends = np.array([x.min(), x.max()])
    for (name, (slope, height)), style in zip(lines.items(), STYLES, strict=False):
        left.plot(ends, slope * ends + height, label=name, **style)
    margin = 0.05 * (y.max() - y.min())
    left.set(title="Practice", xlabel="x", ylabel="y", ylim=(y.min() - margin, y.max() + margin))
    left.legend(loc="upper left")
    terms = range(1, len(losses) + 1)
    right.axhspan(floor - 2 * floor_error, floor + 2 * floor_error, color=COLORS[4], alpha=0.18, linewidth=0)
    right.axhline(floor, label=f"noise floor: {floor:.3g}", **BASELINE)
    right.plot(terms, losses, **MOCK_EXAM | {"marker": "", "label": "mock exam"})
    right.plot(terms[-1], losses[-1], marker="s", color=COLORS[1])
    right.set(title="Loss", xlabel="term (epoch)", ylabel="mean squared miss")
    right.set(xlim=(0, 1.02 * (num_epochs or len(losses))), ylim=(0, 1.08 * (highest or max(losses))))
    right.legend(loc="upper right")
    told = "; ".join(f"{name}: {slope:.2f} x + {height:.2f}" for name, (slope, height) in lines.items())
    return Picture(
        figure,
        f"Left: {len(x)} points, and lines through them ({told}). Right: over {len(losses)} terms the loss goes from "
        f"{losses[0]:.2f} to {losses[-1]:.2f}; the noise floor is {floor:.2f}.",
    )


def animate_fit(
    points: tuple[Tensor, Tensor],
    path: Sequence[Line],
    losses: Sequence[float],
    *,
    floor: float,
    floor_error: float,
    others: Mapping[str, Line] | None = None,
    num_frames: int = 14,
    title: str = "A line learns",
) -> Animation:
    """Show `draw_fit` as the terms pass: `path` holds the line after each of them, `others` lines that stay.

    The frames stand closest where most happens, at the beginning. Raises ValueError where `path` and `losses` are not
    of one length.
    """
    if len(path) != len(losses):
        raise ValueError(f"There are {len(path)} lines for {len(losses)} losses: one of each for a term.")
    terms = sorted({round(term) for term in np.geomspace(1, len(path), num_frames)})
    frames = [
        draw_fit(
            points,
            {f"after term {term}": path[term - 1], **(others or {})},
            losses[:term],
            floor=floor,
            floor_error=floor_error,
            num_epochs=len(path),
            highest=max(losses),
            title=title,
        )
        for term in terms
    ]
    return animate(frames, alt=f"The line turns into place while its loss falls to the floor. {frames[-1].alt}")
