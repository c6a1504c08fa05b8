"""What did the student look at? A part of the picture is covered, and it is asked again (lesson 01, and after school).

Where covering costs much probability, there it looked: Zeiler and Fergus 2014, "Visualizing and Understanding
Convolutional Networks", https://arxiv.org/abs/1311.2901, section 4.2.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils.transforms import InputSpec

NUM_CELLS = 8  # the picture is divided into 8 x 8 cells,
NUM_COVERED = 3  # and 3 x 3 of them are covered at a time
DECIDES = 0.05  # where no cover costs more probability than this, no single part decides
_ROWS, _COLUMNS = ("upper", "", "lower"), ("left", "", "right")
_SIDES = {"upper": "top", "lower": "bottom", "left": "left side", "right": "right side", "": "middle"}


class Look(NamedTuple):
    """What covering parts of a picture does to the first answer.

    `target` is the class answered, `probability` what it had, uncovered; `covered` (6, 6) what it has while the square
    at that place is covered, row by row from the upper left.
    """

    target: int
    probability: float
    covered: Tensor

    @property
    def largest_drop(self) -> float:
        """By how much the probability falls at most, in [-1, 1]."""
        return self.probability - self.covered.min().item()

    @property
    def decides(self) -> bool:
        """True where covering some part costs more than `DECIDES`."""
        return self.largest_drop > DECIDES

    @property
    def heat(self) -> Tensor:
        """How much each cell matters, in [0, 1]: float32 (8, 8), the mean fall under all covers that lie over it,
        of the largest such mean. All 0 where covering costs nothing.
        """
        drops = (self.probability - self.covered).clamp(min=0)[None, None]
        kernel = torch.ones(1, 1, NUM_COVERED, NUM_COVERED)
        spread = F.conv_transpose2d(drops, kernel) / F.conv_transpose2d(torch.ones_like(drops), kernel)
        return (spread / spread.max().clamp(min=1e-9))[0, 0]

    def describe(self, name: str) -> str:
        """Say where the student looked, for those who cannot see a map; `name` is that of the class answered."""
        before, after = (f"{100 * share:.0f} %" for share in (self.probability, self.covered.min().item()))
        if not self.decides:
            return f"No single part decides: whichever is covered, “{name}” keeps {after} or more."
        place = divmod(int(self.covered.argmin()), self.covered.shape[1])
        vertical, horizontal = (
            words[3 * position // self.covered.shape[0]]
            for words, position in zip((_ROWS, _COLUMNS), place, strict=True)
        )
        part = f"{vertical} {horizontal}" if vertical and horizontal else _SIDES[vertical or horizontal]
        return f"It looked at the {part} most: with that covered, “{name}” falls from {before} to {after}."


def cover_and_ask(answer: Callable[[Tensor], Tensor], seen: Tensor) -> Look:
    """Return how the first answer to a picture depends on its parts.

    `answer` gives logits (N, C) for pictures (N, 3, S, S), without gradients: a model in `eval()` mode under
    `torch.no_grad()`. `seen` is one picture as the network gets it, (3, S, S), normalised; a cover has the mean colour.
    """
    side = seen.shape[-1]
    edges = [round(cell * side / NUM_CELLS) for cell in range(NUM_CELLS + 1)]
    spans = [slice(edges[start], edges[start + NUM_COVERED]) for start in range(NUM_CELLS - NUM_COVERED + 1)]
    pictures = seen.repeat(1 + len(spans) ** 2, 1, 1, 1)
    for number, (rows, columns) in enumerate(((rows, columns) for rows in spans for columns in spans), start=1):
        pictures[number, :, rows, columns] = 0
    probabilities = answer(pictures).float().softmax(1).cpu()
    target = int(probabilities[0].argmax())
    covered = probabilities[1:, target].reshape(len(spans), len(spans))
    return Look(target, probabilities[0, target].item(), covered)


def visible_part(width: int, height: int, spec: InputSpec) -> tuple[float, float, float, float]:
    """Return which part of a picture the network gets: left, top, right, bottom, as shares of its width and height."""
    if spec.resize_size is None:
        return 0.0, 0.0, 1.0, 1.0
    side = min(width, height) * spec.image_size / spec.resize_size
    across, down = side / width / 2, side / height / 2
    return 0.5 - across, 0.5 - down, 0.5 + across, 0.5 + down
