"""The canvas that a garment's parts are laid on: pixels, cloth, relief, folds and seams.

Colours are drawn at twice the final size and reduced (smooth edges); light and shade are computed at the final size.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .cloth import Cloth
from .shapes import Dot, Line, Part, Piece, Place

SIZE = 160  # pixels a side of a finished picture
FINE = 2 * SIZE
Box = tuple[int, int, int, int]


def blurred(mask: Image.Image, radius: float) -> np.ndarray:
    """Return a mask as a float32 field `(H, W)` in [0, 1], smoothed over `radius` pixels."""
    if radius > 3:  # wide blurs are smooth: half the resolution does
        small = mask.reduce(2).filter(ImageFilter.GaussianBlur(radius / 2))
        mask = small.resize(mask.size, Image.Resampling.BILINEAR)
    else:
        mask = mask.filter(ImageFilter.GaussianBlur(radius) if radius > 1.8 else ImageFilter.BoxBlur(1.4 * radius))
    return np.asarray(mask, np.float32) * np.float32(1 / 255)


def shifted(field: np.ndarray, right: float, down: float) -> np.ndarray:
    """Return the field moved by whole pixels, 0 where nothing came from."""
    dx, dy = round(right), round(down)
    height, width = field.shape
    moved = np.zeros_like(field)
    source = field[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
    moved[max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)] = source
    return moved


class Canvas:
    """Parts laid over one another. `light` is the unit vector, in pixels, that points to the lamp."""

    def __init__(self, cloths: Mapping[str, Cloth], *, matrix: np.ndarray, shift: np.ndarray, light: Place):
        self.cloths, self.matrix, self.shift, self.light = cloths, matrix, shift, light
        self.unit = float(np.sqrt(abs(np.linalg.det(matrix))))  # fine pixels a garment unit
        self.image = Image.new("RGB", (FINE, FINE))
        self.alpha = Image.new("L", (FINE, FINE))
        self.shade = np.ones((SIZE, SIZE), np.float32)
        self.warp = np.zeros(4)

    def to_pixels(self, points: np.ndarray | Place) -> np.ndarray:
        """Return fine pixel places of points in garment units; the warp makes left and right differ a little."""
        flat = np.asarray(points, dtype=float).reshape(-1, 2)
        x, y = flat[:, 0], flat[:, 1]
        a, b, phase_a, phase_b = self.warp
        bent = np.empty_like(flat)
        bent[:, 0] = x + a * np.sin(2.6 * y + phase_a)
        bent[:, 1] = y + b * np.sin(2.9 * x + phase_b)
        places: np.ndarray = bent @ self.matrix.T + self.shift
        return places

    def lay(self, parts: Sequence[Part]) -> None:
        """Lay the parts in order, the first at the bottom."""
        for part in parts:
            if isinstance(part, Piece):
                self._lay_piece(part)
            elif isinstance(part, Line):
                self._draw_line(part)
            else:
                self._draw_dot(part)

    def _lay_piece(self, piece: Piece) -> None:
        places = self.to_pixels(piece.points)
        box = self._box(places, margin=0)
        if box is None:
            return
        stencil = _filled(places, box)
        cloth = self.cloths[piece.fill]
        paint = cloth.colour if cloth.pattern == "plain" else cloth.paint(*self._threads(box, piece.angle))
        self.image.paste(paint, box, stencil)
        self.alpha.paste(255, box, stencil)
        around = self._box(places, margin=12 + 2 * int(6 * piece.height))  # as far as blur and shadow reach
        if piece.height > 0 and around is not None:
            self._raise(_filled(places, around).reduce(2), around, piece.height)

    @staticmethod
    def _box(places: np.ndarray, *, margin: int) -> Box | None:
        """Return left, top, right, bottom (all even) of the canvas around `places`; None where they lie outside."""
        left, top = (max(0, int(edge) // 2 * 2 - margin) for edge in places.min(axis=0))
        right, bottom = (min(FINE, int(edge) // 2 * 2 + 2 + margin) for edge in places.max(axis=0))
        return (left, top, right, bottom) if left < right and top < bottom else None

    def _threads(self, box: Box, angle: float) -> tuple[np.ndarray, np.ndarray]:
        """Return thread coordinates (u across, v along) of the pixels in `box`, slightly wavy as cloth is."""
        left, top, right, bottom = box
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        back = (turn @ np.linalg.inv(self.matrix)).astype(np.float32)
        x = np.arange(left, right, dtype=np.float32)[None] - np.float32(self.shift[0])
        y = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(self.shift[1])
        u = back[0, 0] * x + back[0, 1] * y
        v = back[1, 0] * x + back[1, 1] * y
        return u + 0.012 * np.sin(5 * v + 1), v + 0.014 * np.sin(4 * u)

    def _raise(self, stencil: Image.Image, box: Box, height: float) -> None:
        """Round a piece's edges towards the light, and let it cast a soft shadow on what lies under it."""
        left, top, right, bottom = (edge // 2 for edge in box)
        soft = blurred(stencil, 0.8 + 1.9 * height)
        cover = np.asarray(stencil, np.float32) * np.float32(1 / 255)
        down, across = np.gradient(soft)
        x, y = self.light
        own = 0.93 + 0.07 * soft - (across * x + down * y) * (1 + 2.2 * height)
        cast = shifted(soft, -1.8 * height * x, -1.8 * height * y) * min(0.5, 0.42 * height)
        under = self.shade[top:bottom, left:right]
        under *= (1 - cast) * (1 - cover)
        under += own * cover

    def _draw_line(self, line: Line) -> None:
        places = self.to_pixels(line.points)
        width = max(1, round(line.width * self.unit))
        colour, pen = self.cloths[line.fill].colour, ImageDraw.Draw(self.image)
        for run in _dashes(places) if line.dashed else [places]:
            pen.line(run.ravel().tolist(), fill=colour, width=width, joint="curve")
            if not line.dashed:
                ImageDraw.Draw(self.alpha).line(run.ravel().tolist(), fill=255, width=width, joint="curve")

    def _draw_dot(self, dot: Dot) -> None:
        (x, y), radius = self.to_pixels(dot.centre)[0], max(1.6, dot.radius * self.unit)
        colour, pen = self.cloths[dot.fill].colour, ImageDraw.Draw(self.image)
        dark, pale = tuple(int(c * 0.5) for c in colour), tuple(int(c + (255 - c) * 0.4) for c in colour)
        away = np.array(self.light) * (-0.35 * radius)
        for centre, r, fill in (((x + away[0], y + away[1]), radius * 1.15, dark), ((x, y), radius, colour)):
            pen.ellipse((centre[0] - r, centre[1] - r, centre[0] + r, centre[1] + r), fill=fill)
        if radius >= 3:
            px, py, r = x - away[0], y - away[1], radius * 0.35
            pen.ellipse((px - r, py - r, px + r, py + r), fill=pale)

    def fold(self, rng: np.random.Generator, *, strength: float, count: int) -> None:
        """Press soft folds and a few dents into the cloth."""
        relief = folds(rng, count=count) * strength
        self.shade *= 1 + relief

    def finished(self) -> tuple[np.ndarray, Image.Image]:
        """Return shaded colour `(SIZE, SIZE, 3)`, already multiplied by the cover, and the cover: a mask of SIZE."""
        colour = np.asarray(self.image.reduce(2), np.float32)
        return colour * self.shade[..., None], self.alpha.reduce(2)


def _filled(places: np.ndarray, box: Box) -> Image.Image:
    """Return the mask of a polygon within `box`."""
    left, top, right, bottom = box
    mask = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(mask).polygon((places - (left, top)).ravel().tolist(), fill=255)
    return mask


def _dashes(places: np.ndarray, on: float = 4.0, off: float = 3.0) -> list[np.ndarray]:
    """Cut a line in pixels into dashes."""
    distance = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(places, axis=0).T))])
    starts = np.arange(0, max(distance[-1] - on, 0.1), on + off)
    return [np.stack([np.interp([s, s + on], distance, places[:, axis]) for axis in (0, 1)], axis=1) for s in starts]


def folds(rng: np.random.Generator, *, count: int, sharp: float = 1.0) -> np.ndarray:
    """Return a relief `(SIZE, SIZE)` around 0, about -1 to 1: creases with a bright and a dark flank, and dents."""
    side = SIZE * 2 // 5  # folds are soft: a coarse grid does
    x = np.arange(side, dtype=np.float32)[None] / side
    y = x.reshape(-1, 1)
    dents = Image.fromarray(rng.normal(0, 0.25, (7, 7)).astype(np.float32))
    relief = np.array(dents.resize((side, side), Image.Resampling.BICUBIC))
    for _ in range(count):
        cx, cy, turn = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9), rng.uniform(0, np.pi)
        width, length, bow = rng.uniform(0.015, 0.05) / sharp, rng.uniform(0.08, 0.4), rng.uniform(-2, 2)
        cosine, sine = math.cos(turn), math.sin(turn)
        along = (x - cx) * cosine + (y - cy) * sine
        across = ((y - cy) * cosine - (x - cx) * sine + bow * along * along) * (1 / width)
        along *= 1 / length
        relief += rng.uniform(0.4, 1.0) * across * np.exp(-0.5 * across * across - along * along)
    return np.asarray(Image.fromarray(relief).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
