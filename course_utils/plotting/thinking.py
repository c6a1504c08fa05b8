"""A student watched thinking: garments, and how it shares its 100 % among the classes, term after term (lesson 06)."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from torch import Tensor

from course_utils.transforms import InputSpec

from .animation import Animation, animate
from .display import Picture
from .images import Pixels, to_pixels
from .lettering import legible
from .style import COLORS, INK, blank, new_figure

NUM_COLUMNS = 4
ROW_INCHES = 2.75
OTHER = COLORS[7]  # the bars of the classes that are not the truth


def draw_thoughts(
    images: Sequence[Pixels],
    probabilities: Tensor,
    labels: Sequence[int],
    classes: Sequence[str],
    *,
    spec: InputSpec | None = None,
    title: str = "What the student thinks",
) -> Picture:
    """Draw pictures, each above a bar for every class: the student's probabilities (N, C). The truth has a mark.

    `images`: N, as `to_pixels` takes them, `spec` turns normalised tensors back. `labels`: the N true classes. Above
    each picture stands the likeliest answer. Good as a frame of `animate`: the axes are always the same. Raises
    ValueError where the numbers of pictures, labels, classes and probabilities do not fit.
    """
    if tuple(probabilities.shape) != (len(images), len(classes)) or len(labels) != len(images):
        raise ValueError(
            f"{len(images)} pictures and {len(classes)} classes need probabilities ({len(images)}, {len(classes)}) and "
            f"{len(images)} labels; there are {tuple(probabilities.shape)} and {len(labels)}."
        )
    num_columns = min(NUM_COLUMNS, len(images))
    num_rows = -(-len(images) // num_columns)
    answers = probabilities.argmax(dim=1).tolist()
    right = [answer == label for answer, label in zip(answers, labels, strict=True)]
    headline = f"{title}: {sum(right)} of {len(right)} right"
    figure, grid = new_figure(
        2 * num_rows,
        num_columns,
        height=ROW_INCHES * num_rows + 0.3,
        title=headline,
        height_ratios=[1, 1.4] * num_rows,
        squeeze=False,
    )
    for place in range(num_rows * num_columns):
        row, column = divmod(place, num_columns)
        above, below = grid[2 * row, column], grid[2 * row + 1, column]
        blank(above)
        if place >= len(images):
            blank(below)
            continue
        above.imshow(to_pixels(images[place], spec=spec))
        says = f"{'✓' if right[place] else '✗'} {legible(classes[answers[place]])}"
        above.set_title(says, fontsize=10.5, loc="center", pad=4)
        _draw_shares(below, probabilities[place], labels[place], classes if column == 0 else [])
    told = "; ".join(
        f"{classes[label]}: says {classes[answer]}, {shares[answer]:.0%}"
        for label, answer, shares in zip(labels, answers, probabilities, strict=True)
    )
    return Picture(figure, f"{headline}. The truth, and the student's answer: {told}.")


def _draw_shares(ax: Axes, shares: Tensor, truth: int, names: Sequence[str]) -> None:
    colors = [COLORS[0] if place == truth else OTHER for place in range(len(shares))]
    ax.barh(range(len(shares)), shares.tolist(), height=0.8, color=colors)
    ax.plot([-0.03], [truth], marker=">", color=INK, markersize=4, clip_on=False)  # the truth, not by colour alone
    ax.set(xlim=(0, 1), ylim=(len(shares) - 0.4, -0.6), xticks=[0, 0.5, 1])
    ax.set_xticklabels(["0", "50%", "100%"], fontsize=7.5)
    ax.set_yticks(range(len(shares)) if names else [], list(map(legible, names)), fontsize=7.5)
    ax.tick_params(length=0, pad=6)
    ax.grid(axis="y", visible=False)


def animate_thoughts(
    images: Sequence[Pixels],
    thoughts: Sequence[Tensor],
    labels: Sequence[int],
    classes: Sequence[str],
    *,
    spec: InputSpec | None = None,
) -> Animation:
    """Show `draw_thoughts` term by term: `thoughts` holds the probabilities (N, C) before the first term, after the
    first, and so on. Raises ValueError for fewer than two, and what `draw_thoughts` raises.
    """
    frames = [
        draw_thoughts(images, shares, labels, classes, spec=spec, title=f"After {term} term{'s' * (term != 1)}")
        for term, shares in enumerate(thoughts)
    ]
    return animate(
        frames, alt=f"The bars of each class move, term by term, until most stand by the truth. {frames[-1].alt}"
    )
