"""What a memory is worth in an exam, and what luck is: students who learn by heart, students who guess (lesson 02)."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.ticker import PercentFormatter
from PIL import Image
from torch import Tensor

from .display import Picture
from .images import draw_images
from .style import BASELINE, COLORS, new_figure

Sample = tuple[Image.Image, int]  # a picture and its target


def draw_reminders(
    questions: Sequence[Sample], reminders: Mapping[str, Sequence[Sample]], classes: Sequence[str]
) -> Picture:
    """Draw what students with a memory are reminded of by each of the questions, a row for each student.

    A sample is a picture and its target, whose name is in `classes`; `reminders`: student -> a sample for each
    question. Where the names agree, the answer is right, and ticked.
    """
    images, told = [image for image, _ in questions], []
    titles = [f"question\n{classes[target]}" for _, target in questions]
    for student, samples in reminders.items():
        right = [target == asked for (_, target), (_, asked) in zip(samples, questions, strict=True)]
        images += [image for image, _ in samples]
        titles += [
            f"{student}\n{classes[target]}{' ✓' * is_right}"
            for (_, target), is_right in zip(samples, right, strict=True)
        ]
        told.append(f"{student}, {sum(right)} of {len(right)} right")
    return draw_images(
        images,
        titles=titles,
        title="What it is reminded of",
        num_columns=len(questions),
        width=4.8,
        alt=f"{len(questions)} pictures of the exam, and below each the practice picture that is nearest: "
        f"by {'; by '.join(told)}.",
        photo=True,
    )


def plot_guessers(mock_marks: Tensor, final_marks: Tensor, *, chance: float, title: str = "Chosen by luck") -> Picture:
    """Draw the marks (N,) of many students in a mock exam, and where the best of them stands in the final exam.

    `chance`, the mark to be expected of each, is a dotted line.
    """
    figure, ax = new_figure(height=3.2, title=title)
    best = int(mock_marks.argmax())
    before, after = mock_marks[best].item(), final_marks[best].item()
    lowest, highest = math.floor(100 * mock_marks.min().item()), math.ceil(100 * before) + 1
    edges = [percent / 100 - 1e-4 for percent in range(lowest, highest + 1)]  # a mark on an edge belongs to its right
    ax.hist(mock_marks.tolist(), bins=edges, color=COLORS[0], label="all, mock exam")
    ax.axvline(chance, label=f"chance: {chance:.0%}", **BASELINE)
    for mark, name, row in ((before, "the chosen one, mock exam", 1), (after, "the chosen one, final exam", 2)):
        ax.axvline(mark, color=COLORS[row], linestyle=("--", "-")[row - 1], label=f"{name}: {mark:.1%}")
    ax.set(xlabel="mark (share of right answers)", ylabel="students", ylim=(0, 1.45 * ax.get_ylim()[1]))
    ax.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    ax.legend(loc="upper right", ncols=2)
    return Picture(
        figure,
        f"How {len(mock_marks)} students who guess are spread around {chance:.0%} in the mock exam, from "
        f"{mock_marks.min():.1%} to {before:.1%}. The best of them gets {after:.1%} in the final exam.",
    )
