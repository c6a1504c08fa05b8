"""What a garment is made of: smooth outlines, and pieces of cloth, lines and dots laid over one another.

Garments are described in their own units, x to the right and y downwards; the canvas turns units into pixels.
Outlines run clockwise as seen on the page, so that a positive bend always bulges outwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# How much each of 12 points along a bent edge (a quadratic Bezier curve) owes to the edge's start, middle and stop.
_T = np.linspace(0, 1, 12, endpoint=False)[:, None, None]
_START, _MIDDLE, _STOP = (1 - _T) ** 2, 2 * _T * (1 - _T), _T**2

Place = tuple[float, float]
Corner = Sequence[float]  # (x, y) or (x, y, bend): bend is how far the edge that leaves it bulges, in edge lengths


@dataclass(frozen=True)
class Piece:
    """A closed outline `(P, 2)` filled with the cloth named `fill`; `angle` (radians) turns the cloth's threads."""

    points: np.ndarray
    fill: str = "cloth"
    angle: float = 0.0
    height: float = 1.0  # how far it stands up from what lies under it: 0 is a print, 1 is a layer of cloth


@dataclass(frozen=True)
class Line:
    """An open line `(P, 2)` of the given width (units) in the colour of `fill`; dashed for stitches."""

    points: np.ndarray
    width: float = 0.012
    fill: str = "seam"
    dashed: bool = False


@dataclass(frozen=True)
class Dot:
    """A button, rivet or eyelet."""

    centre: Place
    radius: float = 0.025
    fill: str = "button"


Part = Piece | Line | Dot


def curve(corners: Sequence[Corner], *, closed: bool = False, soften: float = 0.03) -> np.ndarray:
    """Return points `(P, 2)` along edges that bend from corner to corner, the corners rounded over `soften` units."""
    ends = np.array([corner[:2] for corner in corners], dtype=float)
    bends = np.array([corner[2] if len(corner) > 2 else 0.0 for corner in corners])[:, None]
    starts, stops = (ends, np.roll(ends, -1, axis=0)) if closed else (ends[:-1], ends[1:])
    edges = stops - starts
    middles = (starts + stops) / 2 + 2 * bends[: len(starts)] * edges[:, ::-1] * (1, -1)
    points = _START * starts + _MIDDLE * middles + _STOP * stops
    points = points.swapaxes(0, 1).reshape(-1, 2)
    if not closed:
        return np.vstack([points, ends[-1:]])
    return _round_corners(points, soften)


def _round_corners(points: np.ndarray, soften: float) -> np.ndarray:
    """Space the points of a closed outline evenly and average each with its neighbours within `soften` units."""
    around = np.concatenate([points, points[:1]])
    distance = np.zeros(len(around))
    np.cumsum(np.hypot(*np.diff(around, axis=0).T), out=distance[1:])
    step = max(distance[-1] / 240, 1e-6)
    places = np.arange(0, distance[-1], step)
    even = np.array([np.interp(places, distance, column) for column in around.T]).T
    reach = int(soften / step)
    if reach < 1:
        return even
    wrapped = np.concatenate([even[-reach:], even, even[:reach]])
    kernel = np.ones(2 * reach + 1) / (2 * reach + 1)
    return np.array([np.convolve(column, kernel, "valid") for column in wrapped.T]).T


def outline(*corners: Corner, soften: float = 0.03) -> np.ndarray:
    """Return a closed outline through `corners`."""
    return curve(corners, closed=True, soften=soften)


def symmetric(*right: Corner, closing: float = 0.0, soften: float = 0.03) -> np.ndarray:
    """Return a closed outline from its right half, top to bottom; `closing` bends the edge across the top."""
    bends = [corner[2] if len(corner) > 2 else 0.0 for corner in right]
    left = [(-corner[0], corner[1], bend) for corner, bend in zip(right, [closing, *bends[:-1]], strict=True)]
    return curve([*right, *reversed(left)], closed=True, soften=soften)


def ellipse(centre: Place, across: float, down: float) -> np.ndarray:
    """Return an ellipse `(P, 2)` with half-axes `across` and `down`."""
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.stack([centre[0] + across * np.cos(t), centre[1] + down * np.sin(t)], axis=1)


def tube(points: np.ndarray, width: float, end: float | None = None) -> np.ndarray:
    """Return the outline of a tube along the open line `points`, `width` wide at its start and `end` at its end."""
    steps = np.gradient(points, axis=0)
    across = steps[:, ::-1] * (1, -1) / np.maximum(np.hypot(*steps.T), 1e-9)[:, None]
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    half = (width + ((width if end is None else end) - width) * along / max(along[-1], 1e-9))[:, None] / 2
    return np.vstack([points + across * half, (points - across * half)[::-1]])


def nudged(points: np.ndarray, right: float, down: float) -> np.ndarray:
    """Return the points moved by `right` and `down` units."""
    moved: np.ndarray = points + np.array((right, down))
    return moved


def transformed(
    parts: Sequence[Part],
    *,
    angle: float = 0.0,
    scale: float = 1.0,
    shift: Place = (0.0, 0.0),
    flip: bool = False,
) -> list[Part]:
    """Return the parts mirrored (if asked), then turned by `angle` radians, scaled and shifted."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * scale
    side = np.array([-1.0 if flip else 1.0, 1.0])

    def place(points: np.ndarray | Place) -> np.ndarray:
        placed: np.ndarray = (np.asarray(points) * side) @ turn + shift
        return placed

    moved: list[Part] = []
    for part in parts:
        if isinstance(part, Piece):
            moved.append(Piece(place(part.points), part.fill, part.angle * side[0] + angle, part.height))
        elif isinstance(part, Line):
            moved.append(Line(place(part.points), part.width * scale, part.fill, part.dashed))
        else:
            x, y = place(part.centre)
            moved.append(Dot((x, y), part.radius * scale, part.fill))
    return moved


def both_sides(parts: Sequence[Part]) -> list[Part]:
    """Return the parts and their mirror images about x = 0."""
    return [*transformed(parts, flip=True), *parts]
