"""Near copies (lesson 02): pictures that were saved again, resized, brightened, mirrored or cut a little at the edge.

All that is compared of a picture is its fingerprint: how a small grey picture of it changes from point to point.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

# Chosen on 3,781 photos of clothing, of which many show one carpet in one light.
NEARLY_THE_SAME = 0.95
_WORTH_A_LOOK = 0.7  # what a copy that was cut still reaches
_SMALL, _GRID = 64, 16  # sides of the small picture that is kept, and of the one that is compared, in pixels
_CUT = 0.025  # how much of a side a second look takes away
_FAINT = 30.0  # length of the changes below which there is hardly anything to see: blank pages are no copies
_BLOCK = 256  # pictures that are compared with all others at once
_KEPT_CUTS = 4096  # cut pictures that are remembered, 30 kB each

Vector = NDArray[np.float32]


def shrink(image: Image.Image) -> Image.Image:
    """Return the small grey picture that fingerprints are taken from."""
    return image.convert("L").resize((_SMALL, _SMALL), Image.Resampling.BOX)


def fingerprint(small: Image.Image, box: tuple[float, float, float, float] | None = None) -> Vector:
    """Return how grey changes from point to point to the right and downwards in `small`, as a vector of length 1.

    The sum of the products of two fingerprints is 1 for the same picture, lighter, darker or flatter ones included,
    and near 0 for two that have nothing in common. With `box`, only this part of `small` is looked at.
    """
    grey = np.asarray(small.resize((_GRID, _GRID), Image.Resampling.BOX, box=box), dtype=np.float32)
    changes = np.concatenate([(grey[:, 1:] - grey[:, :-1]).ravel(), (grey[1:] - grey[:-1]).ravel()])
    return np.asarray(changes / max(float(np.linalg.norm(changes)), _FAINT), dtype=np.float32)


def likeness(one: Image.Image, other: Image.Image) -> float:
    """Return the highest product of the fingerprints of two small pictures, either of them cut at any of its edges."""
    return _likeness(_cuts(one), _cuts(other))


def near_copies(
    smalls: Sequence[Image.Image], *, on_compared: Callable[[int], object] | None = None
) -> Iterator[tuple[int, int, float]]:
    """Yield `(i, j, likeness)`, i < j, for each pair of small pictures that are nearly the same, one mirrored or not.

    All pairs are compared, so that the time grows with the square of their number: a second for 5,000 pictures, a
    quarter of a minute for 30,000. `on_compared` is called with numbers of pairs, for a progress bar; in all they are
    `num_pairs(len(smalls))`.
    """
    if not smalls:
        return
    plain = np.stack([fingerprint(small) for small in smalls])
    mirrored = np.stack([fingerprint(ImageOps.mirror(small)) for small in smalls])

    @lru_cache(_KEPT_CUTS)
    def cuts(index: int, side: int) -> Vector:
        return _cuts(ImageOps.mirror(smalls[index]) if side else smalls[index])

    for start in range(0, len(smalls), _BLOCK):
        rows = plain[start : start + _BLOCK]
        products = np.stack([rows @ plain[start:].T, rows @ mirrored[start:].T])
        found: dict[tuple[int, int], float] = {}
        for side, row, column in np.argwhere(products > _WORTH_A_LOOK).tolist():
            if row < column:
                pair = start + row, start + column
                found[pair] = max(found.get(pair, 0.0), _likeness(cuts(pair[0], 0), cuts(pair[1], side)))
        yield from ((*pair, value) for pair, value in found.items() if value > NEARLY_THE_SAME)
        if on_compared is not None:
            on_compared(products[0].size)


def num_pairs(num_pictures: int) -> int:
    """Return how many comparisons `near_copies` makes of so many pictures; it does them in blocks."""
    return sum(min(_BLOCK, left) * left for left in range(num_pictures, 0, -_BLOCK))


def _cuts(small: Image.Image) -> Vector:
    """The fingerprints of a small picture, first of the whole, then cut at each choice of its four edges: (16, 480)."""
    near, far = (0.0, _CUT * _SMALL), (_SMALL, _SMALL * (1 - _CUT))
    return np.stack([fingerprint(small, box) for box in product(near, near, far, far)])


def _likeness(one: Vector, other: Vector) -> float:
    return float(max((one @ other[0]).max(), (other @ one[0]).max()))
