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
WIDTH_INCHES, ROW_INCHES, TITLE_INCHES = 6.9, 2.5, 0.3
NUM_FRAMES = 11  # of an animation, closest together at the beginning, where most happens
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
    height = ROW_INCHES * num_rows + TITLE_INCHES
    figure, grid = new_figure(
        2 * num_rows,
        num_columns,
        height=height,
        width=WIDTH_INCHES,
        title=headline,
        height_ratios=[1.1, 1.6] * num_rows,
        squeeze=False,
    )
    # Fixed places: what lays axes out takes longer than all the drawing, for every frame.
    figure.set_layout_engine(None)
    top = 1 - (TITLE_INCHES + 0.25) / height
    figure.subplots_adjust(left=0.11, right=0.97, bottom=0.22 / height, top=top, hspace=0.24, wspace=0.14)
    for place in range(num_rows * num_columns):
        row, column = divmod(place, num_columns)
        above, below = grid[2 * row, column], grid[2 * row + 1, column]
        blank(above)
        if place >= len(images):
            blank(below)
            continue
        above.imshow(to_pixels(images[place], spec=spec))
        says = f"{'✓' if right[place] else '✗'} {legible(classes[answers[place]])}"
        above.set_title(says, fontsize=9.5, fontweight="normal", loc="center", pad=3)
        _draw_shares(
            below, probabilities[place], labels[place], classes if column == 0 else [], is_lowest=row == num_rows - 1
        )
    told = "; ".join(
        f"{classes[label]}: says {classes[answer]}, {shares[answer]:.0%}"
        for label, answer, shares in zip(labels, answers, probabilities, strict=True)
    )
    return Picture(figure, f"{headline}. The truth, and the student's answer: {told}.")


def _draw_shares(ax: Axes, shares: Tensor, truth: int, names: Sequence[str], *, is_lowest: bool) -> None:
    colors = [COLORS[0] if place == truth else OTHER for place in range(len(shares))]
    ax.barh(range(len(shares)), shares.tolist(), height=0.8, color=colors)
    ax.plot([1], [truth], marker="<", color=INK, markersize=5, clip_on=False)  # the truth, not by colour alone
    ax.set(xlim=(0, 1), ylim=(len(shares) - 0.4, -0.6), xticks=[0, 0.5, 1], xticklabels=[])
    if is_lowest:
        ax.set_xticklabels(["", "50%", ""], fontsize=7.5)
    ax.set_yticks(range(len(shares)) if names else [], list(map(legible, names)), fontsize=6.5)
    ax.tick_params(length=0, pad=2)
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
    first, and so on; of many, a dozen are shown. Raises ValueError for fewer than two, and what `draw_thoughts` raises.
    """
    terms = sorted({round((len(thoughts) - 1) * (frame / (NUM_FRAMES - 1)) ** 1.5) for frame in range(NUM_FRAMES)})
    frames = [
        draw_thoughts(images, thoughts[term], labels, classes, spec=spec, title=f"After {term} term{'s' * (term != 1)}")
        for term in terms
    ]
    return animate(
        frames, alt=f"The bars of each class move, term by term, until most stand by the truth. {frames[-1].alt}"
    )
