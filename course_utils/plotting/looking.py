"""A picture on its way into a network, and what the network looks at in it (lesson 01)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from .animation import Animation, animate
from .display import Picture
from .lettering import legible
from .style import COLORS, INK, blank, new_figure

GREY = "#7c7468"  # ImageNet's mean colour: what 0 is after `Normalize`
NUM_COLORS = 48  # of an animated photograph: hardly visible, and a tenth fewer bytes
REACH = 2.7  # how far normalised values lie from 0


def draw_to_scale(images: Mapping[str, Image.Image], *, width: float = 4.4, title: str | None = None) -> Picture:
    """Draw pictures side by side, a pixel of each as large as a pixel of the others: title -> picture.

    `width` is that of the figure in inches. Raises ValueError where there are none.
    """
    if not images:
        raise ValueError("There is no picture to show.")
    widths, heights = zip(*(image.size for image in images.values()), strict=True)
    gap = 2 * max(widths) // 5
    total, tallest = sum(widths) + gap * len(images), max(heights)
    figure, ax = new_figure(height=width * tallest / total + (0.6 if title else 0.3), width=width, title=title)
    place = 0
    for name, image in images.items():
        right = place + image.width
        ax.imshow(np.asarray(image), extent=(place, right, 0, image.height))
        ax.annotate(legible(name), (place, image.height), xytext=(0, 4), textcoords="offset points", fontsize=9.5)
        place = right + gap
    ax.set(xlim=(0, total), ylim=(0, tallest), anchor="S")
    blank(ax)
    told = "; ".join(f"{name}, {image.width} by {image.height} pixels" for name, image in images.items())
    return Picture(figure, f"Pictures drawn to one scale: {told}.", photo=True)


def draw_normalization(pixels: Tensor, normalized: Tensor, *, channel: int = 0, name: str = "red") -> Picture:
    """Draw one colour of a picture before and after `Normalize`, above how many of its numbers lie where.

    `pixels` and `normalized`: (3, H, W). Purple is negative, orange positive, white is 0; both sides share all axes.
    """
    sheets = {"before": pixels[channel], "after": normalized[channel]}
    figure, grid = new_figure(2, 2, height=3.5, width=5.6, sharey="row", height_ratios=[1.7, 1])
    edges = np.linspace(-REACH, REACH, 55)
    told = []
    for (when, sheet), above, below in zip(sheets.items(), grid[0], grid[1], strict=True):
        image = above.imshow(sheet.numpy(force=True), cmap="PuOr_r", vmin=-REACH, vmax=REACH)
        above.set_title(f"{name.capitalize()}, {when}")
        blank(above)
        counts, _ = np.histogram(sheet.numpy(force=True), bins=edges)
        below.stairs(100 * counts / sheet.numel(), edges, fill=True, color=COLORS[0])
        below.axvline(0, color=INK, linewidth=1)
        below.set(xlabel="value of a pixel", xlim=(-REACH, REACH))
        told.append(f"{when}, from {sheet.min():.1f} to {sheet.max():.1f} around a mean of {sheet.mean():.2f}")
    grid[1, 0].set_ylabel("percent of the pixels")
    figure.colorbar(image, ax=grid[0], label="value", shrink=0.9)
    return Picture(
        figure, f"The {name} numbers of a picture as colours and as a histogram: {'; '.join(told)}.", photo=True
    )


def animate_covering(
    image: Image.Image,
    corners: Sequence[tuple[int, int]],
    probabilities: Tensor,
    classes: Sequence[str],
    *,
    size: int,
    answer: str,
    num_bars: int = 5,
) -> Animation:
    """Show a grey square that wanders over a picture, the probabilities beside it, and at last where covering costs.

    `corners`: the (top, left) of each place of the square of `size` pixels, row by row, as many in each row as there
    are rows. `probabilities`: (1 + number of places, C), the first without a square. `answer` is the class that the
    last frame is about: a map of its probability, each place under the middle of its square. Raises ValueError where
    the numbers of places and probabilities do not fit.
    """
    side = round(len(corners) ** 0.5)
    if side < 2 or side**2 != len(corners) or tuple(probabilities.shape) != (len(corners) + 1, len(classes)):
        raise ValueError(
            f"{len(corners)} places in a square and {len(classes)} classes need probabilities "
            f"({len(corners) + 1}, {len(classes)}); there are {tuple(probabilities.shape)}."
        )
    few = image.convert("RGB").quantize(NUM_COLORS, dither=Image.Dither.NONE)
    pixels = np.asarray(few.convert("RGB"))
    shown = probabilities.max(dim=0).values.topk(min(num_bars, len(classes))).indices.tolist()
    shown.sort(key=lambda index: -probabilities[0, index].item())
    names = [classes[index] for index in shown]
    frames = [
        _covering(pixels, names, probabilities[place][shown], corner, size)
        for place, corner in enumerate([None, *corners])
    ]
    costs = probabilities[1:, list(classes).index(answer)]
    lowest = int(costs.argmin())
    top, left = corners[lowest]
    alt = (
        f"A grey square wanders over the picture, and the bars beside it move. At last a map: {answer}, at "
        f"{probabilities[0, list(classes).index(answer)]:.0%} without a square, falls to {costs[lowest]:.0%} where the "
        f"square lies {left} pixels from the left and {top} from the top, and stays at {costs.max():.0%} at best."
    )
    frames.append(_cost_map(pixels, costs.view(side, side), corners, size, answer))
    return animate(frames, alt=alt, seconds=7, rest=4)


def _covering(
    pixels: NDArray[Any], names: Sequence[str], shares: Tensor, corner: tuple[int, int] | None, size: int
) -> Picture:
    """Draw one frame: the picture with its square on the left, the bars on the right."""
    figure, (left, right) = _frame()
    _put_square(left, pixels, corner, size)
    right.barh(range(len(names)), shares.tolist(), height=0.68, color=COLORS[0])
    right.set_yticks(range(len(names)), list(map(legible, names)))
    right.set(xlim=(0, 1), ylim=(len(names) - 0.4, -0.6), xlabel="probability", title="The student sees")
    right.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    right.grid(axis="y", visible=False)
    right.tick_params(axis="y", length=0)
    return Picture(figure, "A picture with a grey square, and the student's answers.")


def _cost_map(
    pixels: NDArray[Any], costs: Tensor, corners: Sequence[tuple[int, int]], size: int, answer: str
) -> Picture:
    """Draw the last frame: the square where it costs most, and the picture lit by what each place costs."""
    figure, (left, right) = _frame()
    side, lowest = len(costs), int(costs.argmin())
    _put_square(left, pixels, corners[lowest], size)
    left.set_title(f"{legible(answer)}: {costs.min():.0%}", fontsize=11)
    middles = [corner[1] + size / 2 - 0.5 for corner in corners[:side]]
    rows, columns = range(pixels.shape[0]), range(pixels.shape[1])
    wide = np.array([np.interp(columns, middles, row) for row in costs.numpy(force=True)])
    full = np.array([np.interp(rows, middles, column) for column in wide.T]).T
    light = (full.max() - full) / max(full.max() - full.min(), 1e-9)
    right.imshow(pixels / 255 * (0.08 + 0.92 * light[..., None]))
    right.set_title("Lit: what it hangs on", fontsize=11)
    blank(right)
    return Picture(figure, "A picture, lit where covering it costs the answer.")


def _put_square(ax: Axes, pixels: NDArray[Any], corner: tuple[int, int] | None, size: int) -> None:
    ax.imshow(pixels)
    blank(ax)
    if corner is not None:
        ax.add_patch(Rectangle((corner[1] - 0.5, corner[0] - 0.5), size, size, color=GREY))


def _frame() -> tuple[Figure, Any]:
    """Return a figure of two panels. Fixed places: what lays axes out takes longer than all the drawing."""
    figure, panels = new_figure(1, 2, height=2.2, width=5.2, width_ratios=[1, 1.15])
    figure.set_layout_engine(None)
    figure.subplots_adjust(left=0.01, right=0.95, bottom=0.16, top=0.88, wspace=0.5)
    return figure, panels
