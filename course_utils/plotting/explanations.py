"""What lesson 05 explains: from logits to the loss, the slope of a curve, walking downhill with a learning rate."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from .display import Picture
from .lettering import legible
from .style import COLORS, INK, new_figure

Floats = NDArray[np.float64]


def softmax(logits: Sequence[float]) -> Floats:
    """Return the probabilities (C,) that belong to the logits (C,), computed without overflow."""
    shifted: Floats = np.exp(np.asarray(logits, dtype=float) - np.max(logits))
    shares: Floats = shifted / shifted.sum()
    return shares


def plot_softmax_loss(logits: Sequence[float], target: int, *, classes: Sequence[str] | None = None) -> Picture:
    """Draw how the teacher marks one answer: the logits, their probabilities, and the loss -log p of the true class.

    `logits`: (C,), any numbers. `target`: the true class, in [0, C); its bars are hatched. `classes`: C names.
    Raises ValueError for a target outside, or a wrong number of class names.
    """
    if not 0 <= target < len(logits):
        raise ValueError(f"{len(logits)} logits stand for the classes 0 to {len(logits) - 1}; the target is {target}.")
    classes = classes if classes is not None else [f"class {index}" for index in range(len(logits))]
    if len(classes) != len(logits):
        raise ValueError(f"{len(logits)} logits need {len(logits)} class names, not {len(classes)}.")
    probabilities = softmax(logits)
    figure, axes = new_figure(1, 3, height=3.3, width_ratios=[1, 1, 1.15])
    names = [legible(name) + ("\n(the truth)" if index == target else "") for index, name in enumerate(classes)]
    for ax, values, text in ((axes[0], logits, "{:.1f}"), (axes[1], probabilities, "{:.1%}")):
        bars = ax.bar(range(len(values)), values, color=COLORS[0], width=0.7)
        bars[target].set(facecolor=COLORS[1], hatch="///", edgecolor="white", linewidth=0)
        ax.bar_label(bars, [text.format(value) for value in values], padding=2, fontsize=9)
        ax.set_xticks(range(len(values)), names, fontsize=8.5)
        ax.grid(axis="x", visible=False)
    axes[0].axhline(0, color=INK, linewidth=0.8)
    reach = max(6.2, 1.25 * float(np.abs(logits).max()))
    axes[0].set(title="1. Logits", ylabel="logit", ylim=(-reach, reach))
    axes[1].set(title="2. Softmax", ylabel="probability", ylim=(0, 1.12))

    chance = probabilities[target]
    loss = -math.log(max(chance, 1e-300))
    curve = np.geomspace(0.002, 1, 200)
    axes[2].plot(curve, -np.log(curve), color=COLORS[0])
    # A triangle at the upper end says: the mark lies above the picture; the title tells the number.
    marker = "s" if chance >= curve[0] else "^"
    axes[2].plot(max(chance, curve[0]), -math.log(max(chance, curve[0])), marker, color=COLORS[1], markersize=9)
    axes[2].set(title=f"3. Loss = {loss:.3f}", xlabel="probability of the truth", ylabel="loss = -log p")
    axes[2].set(xlim=(-0.03, 1.03), ylim=(-0.2, 6.5))
    answers = ", ".join(
        f"{name}: logit {logit:.1f}, probability {share:.1%}"
        for name, logit, share in zip(classes, logits, probabilities, strict=True)
    )
    return Picture(figure, f"{answers}. The truth is {classes[target]}, so the loss is {loss:.3f}.")


def draw_slope(
    curve: Callable[[Floats], Floats], at: float, *, nudge: float, xlabel: str, ylabel: str, title: str
) -> Picture:
    """Draw a curve, two points on it a nudge below and above `at`, and the line through them, whose slope the title
    tells. `curve` takes an array of numbers.
    """
    around = np.linspace(at - 2.5 * nudge, at + 2.5 * nudge, 200)
    ends = np.array([at - nudge, at + nudge])
    heights = curve(ends)
    slope = float(heights[1] - heights[0]) / (2 * nudge)
    figure, ax = new_figure(height=3.0, width=5.4)
    ax.plot(around, curve(around), color=COLORS[0], label="the curve")
    ax.plot(around, heights[0] + slope * (around - ends[0]), "--", color=COLORS[1], label="the line through both")
    ax.plot(ends, heights, "s", color=COLORS[1], markersize=8, label=f"nudged down and up by {nudge:g}")
    ax.plot([at], curve(np.array([at])), "D", color=INK, markersize=7, label=f"{xlabel} = {at:g}")
    ax.set(title=f"{title}: slope {slope:.3g}", xlabel=xlabel, ylabel=ylabel)
    ax.legend()
    said = f"{ylabel} over {xlabel}, around {at:g}. The line through the points {nudge:g} below and above it"
    return Picture(figure, f"{said} has the slope {slope:.3g}.")


class Landscape(NamedTuple):
    """A hilly line to walk down: its height and slope at x, where the walk starts, and the lowest point."""

    height: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]
    start: float
    lowest: float


def _hollow(x: Floats, *, center: float) -> tuple[Floats, Floats]:
    """A narrow hollow, 4 deep, and its slope."""
    depth = 4 * np.exp(-(((x - center) / 0.4) ** 2))
    return -depth, depth * 2 * (x - center) / 0.4**2


LANDSCAPES = {
    "bowl": Landscape(lambda x: x**2, lambda x: 2 * x, start=-4.0, lowest=0.0),
    "bumpy": Landscape(
        lambda x: x**2 + _hollow(x, center=-2.4)[0] + _hollow(x, center=2.6)[0],
        lambda x: 2 * x + _hollow(x, center=-2.4)[1] + _hollow(x, center=2.6)[1],
        start=-4.0,
        lowest=0.0,
    ),
}
EDGE = 4.6  # the drawing ends at x = -EDGE and x = EDGE, or where a wilder walk ends


def descend(landscape: Landscape, *, learning_rate: float, momentum: float = 0.0, num_steps: int = 20) -> Floats:
    """Walk downhill as SGD does, velocity = momentum * velocity + slope(x) and x = x - learning_rate * velocity; return
    the places (num_steps + 1,), start included.

    A walk that diverges ends early, at the first place further than 1e6 from the origin.
    """
    places, velocity = [landscape.start], 0.0
    while len(places) <= num_steps and abs(places[-1]) < 1e6:
        velocity = momentum * velocity + float(landscape.slope(np.array(places[-1])))
        places.append(places[-1] - learning_rate * velocity)
    return np.array(places)


def judge_descent(landscape: Landscape, places: Floats) -> str:
    """Say in a few words how a walk went, from its places (num_steps + 1,) alone; the first that is true of

    - it ends no lower than it began;
    - it has covered 99 % of the way down to the lowest point, having turned round more than three times or not;
    - it no longer moves (last step below 0.001);
    - it turned round at every third step or more often;
    - it turned round, as a ball does that has momentum;
    - it is still on the way.
    """
    heights = landscape.height(places)
    bottom = landscape.height(np.array(landscape.lowest))
    steps = np.diff(places)
    num_turns = int(np.sum(steps[1:] * steps[:-1] < 0))
    if heights[-1] >= heights[0]:
        return "much too large, it ends no lower than it began"
    if heights[-1] - bottom <= 0.01 * (heights[0] - bottom):
        return "large, it overshoots but comes close" if num_turns > 3 else "good, it comes close to the lowest point"
    if abs(steps[-1]) < 1e-3:
        return "small, it is caught in a hollow that is not the lowest"
    if num_turns > len(steps) / 3:
        return "too large, it jumps to and fro without settling"
    if num_turns:
        return "not yet, it still swings"
    return "too small, it is still on the way"


def plot_descent(
    learning_rate: float, *, landscape: str = "bowl", momentum: float = 0.0, num_steps: int = 20
) -> Picture:
    """Draw a walk downhill: the places on the hill on the left, the height after each step (the loss curve) beside it.

    `landscape`: "bowl" (x², one lowest point) or "bumpy" (with hollows that hold a careful walker). `momentum`: the
    share of its velocity that the walker keeps, in [0, 1). Every fifth step carries its number, where there is room.
    Raises KeyError for another landscape.
    """
    hill = LANDSCAPES[landscape]
    places = descend(hill, learning_rate=learning_rate, momentum=momentum, num_steps=num_steps)
    heights = hill.height(places)
    edge = max(EDGE, 1.1 * float(abs(places).max()))
    ground = np.linspace(-edge, edge, 500)
    top = float(hill.height(ground).max())
    verdict = judge_descent(hill, places)
    settings = f"earning rate {learning_rate:.3g}" + (f", momentum {momentum:g}" if momentum else "")
    figure, axes = new_figure(1, 2, height=3.6, title=f"L{settings}: {verdict}")
    axes[0].plot(ground, hill.height(ground), color=COLORS[4], linewidth=1.4, label="the hill")
    for ax, x, line in zip(axes, (places, np.arange(len(places))), ("--", "-"), strict=True):
        ax.plot(x, heights, marker="o", linestyle=line, color=COLORS[0], linewidth=1.2, label="the walk")
        ax.plot(x[:1], heights[:1], "D", color=COLORS[2], markersize=8, label="start")
        ax.plot(x[-1:], heights[-1:], "s", color=COLORS[1], markersize=8, label=f"step {len(places) - 1}")
        ax.set_ylim(-0.09 * top, 1.05 * top)
    axes[0].set(title="On the hill", xlabel="weight", ylabel="loss (height)", xlim=(-edge, edge))
    axes[1].set(title="The loss curve", xlabel="step", ylabel="loss", xlim=(-0.5, num_steps + 0.5))
    axes[1].xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 5, 10], integer=True))
    _number_steps(axes[0], hill, places)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return Picture(
        figure,
        f"Walking down a {landscape} landscape with l{settings}: {verdict}. "
        f"In {len(places) - 1} steps the loss goes from {heights[0]:.3g} to {heights[-1]:.3g}.",
    )


def _number_steps(ax: Axes, hill: Landscape, places: Floats) -> None:
    """Write its number under every fifth step of a walk, but where an earlier number or the last step is near."""
    points = np.column_stack([places, hill.height(places)])
    where = ax.transLimits.transform(points)  # in [0, 1], what is inside the axes
    taken = [where[-1]]
    for step in range(5, len(places) - 1, 5):
        if min(np.abs(where[step] - other).max() for other in taken) < 0.06:
            continue
        taken.append(where[step])
        rise = float(hill.slope(places[step])) * np.ptp(ax.get_xlim()) / np.ptp(ax.get_ylim())
        below = 11 * np.array([rise, -1.6]) / np.hypot(rise, 1.6)  # under the hill, at a right angle; axes are 1.6 : 1
        around: dict[str, Any] = {
            "textcoords": "offset points",
            "ha": "center",
            "va": "center",
            "fontsize": 9,
            "color": INK,
        }
        ax.annotate(str(step), points[step], below, **around)
