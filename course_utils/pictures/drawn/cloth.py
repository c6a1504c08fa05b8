"""Cloth: colours, and patterns that are computed wherever a piece of a garment needs them.

A pattern turns thread coordinates (u across, v along, in garment units) into one byte a pixel, and a palette
`(256, 3)` turns bytes into colours.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
TILE = 64  # side of the repeating tile of prints and speckled cloth, in tile pixels

NEUTRALS: tuple[Colour, ...] = (
    (28, 28, 32), (52, 53, 58), (96, 98, 102), (150, 151, 153), (198, 197, 193), (240, 238, 233), (247, 246, 244),
    (222, 210, 188), (196, 178, 148), (120, 92, 66), (30, 40, 68), (86, 88, 66),
)  # fmt: skip
BRIGHTS: tuple[Colour, ...] = (
    (178, 36, 44), (120, 28, 44), (226, 96, 72), (232, 148, 128), (214, 116, 40), (232, 178, 60), (244, 220, 130),
    (198, 172, 60), (112, 142, 62), (52, 102, 66), (150, 186, 150), (36, 86, 84), (72, 158, 160), (166, 210, 214),
    (120, 172, 214), (56, 112, 180), (36, 66, 130), (98, 96, 160), (176, 160, 206), (98, 56, 104), (206, 92, 142),
    (240, 184, 196), (170, 104, 110), (112, 60, 44), (188, 130, 84), (64, 80, 104), (104, 124, 140), (206, 60, 90),
)  # fmt: skip
DENIMS: tuple[Colour, ...] = ((52, 76, 118), (88, 118, 158), (34, 44, 70), (134, 160, 190), (60, 64, 74))
LEATHERS: tuple[Colour, ...] = (
    (40, 36, 36), (112, 70, 42), (150, 98, 60), (74, 46, 34), (196, 160, 120), (232, 230, 226), (120, 30, 36),
)  # fmt: skip


def any_colour(rng: np.random.Generator, *, neutral: float = 0.38) -> Colour:
    """Return a colour that clothes come in: a neutral with the given probability, else a dye, a little varied."""
    colours = NEUTRALS if rng.random() < neutral else BRIGHTS
    colour, brightness = colours[rng.integers(len(colours))], rng.uniform(0.88, 1.1)
    red, green, blue = (
        int(min(250, max(10, c * brightness + off))) for c, off in zip(colour, rng.normal(0, 7, 3), strict=True)
    )
    return red, green, blue


def shaded(colour: Colour, factor: float) -> Colour:
    """Return the colour `factor` times as bright."""
    red, green, blue = (int(min(255, max(0, c * factor))) for c in colour)
    return red, green, blue


def blend(one: Colour, other: Colour, share: float) -> Colour:
    """Return `one` with a `share` in [0, 1] of `other` mixed in."""
    red, green, blue = (int(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def distance(one: Colour, other: Colour) -> float:
    """Return how far apart two colours are, 0 to 441."""
    return math.dist(one, other)


def contrasting(colour: Colour, rng: np.random.Generator, *, at_least: float = 90.0) -> Colour:
    """Return a random colour that stands out from `colour`."""
    for _ in range(20):
        candidate = any_colour(rng)
        if distance(candidate, colour) >= at_least:
            return candidate
    return (245, 244, 240) if sum(colour) < 384 else (30, 30, 36)


@dataclass(frozen=True)
class Cloth:
    """A pattern in its colours. `scale` is repeats a unit; `tile` holds the bytes of printed patterns."""

    colour: Colour  # the ground; a plain cloth has nothing else
    pattern: str = "plain"
    palette: np.ndarray = field(default_factory=lambda: np.zeros((256, 3), np.uint8), repr=False)
    scale: float = 10.0
    tile: np.ndarray | None = field(default=None, repr=False)

    def paint(self, u: np.ndarray, v: np.ndarray) -> Image.Image:
        """Return the RGB picture of patterned cloth at thread coordinates `u` and `v`, both `(H, W)`."""
        if self.tile is not None:
            rows = (v * (self.scale * TILE)).astype(np.int32) & (TILE - 1)
            columns = (u * (self.scale * TILE)).astype(np.int32) & (TILE - 1)
            return Image.fromarray(self.palette[self.tile[rows, columns]])
        return Image.fromarray(self.palette[PATTERNS[self.pattern](u * self.scale, v * self.scale)])


def plain(colour: Colour) -> Cloth:
    """Return cloth of one colour."""
    return Cloth(colour)


def _fraction(x: np.ndarray) -> np.ndarray:
    fraction: np.ndarray = x - np.floor(x)
    return fraction


def _byte(x: np.ndarray) -> np.ndarray:
    return (x * 255).astype(np.uint8)


def _bands(x: np.ndarray) -> np.ndarray:
    """0 on the ground, 1 in a wide band, 2 on a thin line: one thread direction of a tartan."""
    place = _fraction(x)
    bands: np.ndarray = (place < 0.38).astype(np.uint8) + 2 * (np.abs(place - 0.69) < 0.04).astype(np.uint8)
    return bands


def _dots(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    row = np.floor(v)
    across = _fraction(u + 0.5 * (row % 2)) - 0.5
    dots: np.ndarray = ((across**2 + (v - row - 0.5) ** 2) < 0.075).astype(np.uint8)
    return dots


PATTERNS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "stripes": lambda _u, v: (_fraction(v) < 0.5).astype(np.uint8),
    "thin stripes": lambda _u, v: (_fraction(v) < 0.2).astype(np.uint8),
    "pinstripes": lambda u, _v: (_fraction(u) < 0.18).astype(np.uint8),
    "blocks": lambda _u, v: (np.floor(v).astype(np.int32) % 4).astype(np.uint8),
    "gingham": lambda u, v: (_fraction(u) < 0.5).astype(np.uint8) + (_fraction(v) < 0.5),
    "tartan": lambda u, v: 3 * _bands(u) + _bands(v),
    "dots": _dots,
    "knit": lambda u, v: _byte(_fraction(v + np.abs(_fraction(u) - 0.5))),
    "rib": lambda u, _v: _byte(np.abs(2 * _fraction(u) - 1)),
    "weave": lambda u, v: _byte(_fraction((np.floor(u) + np.floor(v)) / 2) * 0.9 + 0.1 * _fraction(u)),
}  # fmt: skip


def _palette(*colours: Colour) -> np.ndarray:
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(colours)] = colours
    return palette


def ramp(dark: Colour, light: Colour) -> np.ndarray:
    """Return the palette `(256, 3)` from one colour to another."""
    share = np.linspace(0, 1, 256)[:, None]
    ramp: np.ndarray = (1 - share) * dark + share * np.array(light)
    return ramp.astype(np.uint8)


def _speckled(rng: np.random.Generator) -> np.ndarray:
    """A tile of fine random threads, longer along the cloth than across."""
    threads: np.ndarray = rng.random((TILE, TILE))
    threads = (threads + np.roll(threads, 1, 0) + np.roll(threads, 2, 0)) / 3
    return _byte(np.clip((threads - 0.5) * 1.4 + 0.5, 0, 1))


def _printed(rng: np.random.Generator) -> np.ndarray:
    """A tile of scattered flowers: 0 ground, 1 petals, 2 hearts, 3 leaves; drawn nine times so that it repeats."""
    picture = Image.new("L", (TILE, TILE))
    pen = ImageDraw.Draw(picture)
    for _ in range(rng.integers(3, 7)):
        x, y = rng.uniform(0, TILE, 2)
        size, turn, petals = rng.uniform(5, 9), rng.uniform(0, 6), rng.integers(4, 7)
        for dx in (-TILE, 0, TILE):
            for dy in (-TILE, 0, TILE):
                _flower(pen, x + dx, y + dy, size, turn + 2 * np.pi * np.arange(petals) / petals)
    return np.asarray(picture)


def _flower(pen: ImageDraw.ImageDraw, x: float, y: float, size: float, turns: np.ndarray) -> None:
    pen.ellipse((x + size * 0.6, y + size * 0.5, x + size * 1.7, y + size * 1.1), fill=3)
    for turn in turns:
        px, py, r = x + np.cos(turn) * size * 0.6, y + np.sin(turn) * size * 0.6, size * 0.45
        pen.ellipse((px - r, py - r, px + r, py + r), fill=1)
    pen.ellipse((x - size * 0.3, y - size * 0.3, x + size * 0.3, y + size * 0.3), fill=2)


def make_cloth(pattern: str, colour: Colour, rng: np.random.Generator) -> Cloth:
    """Return cloth of the named pattern on a ground of `colour`; other colours and sizes are drawn from `rng`."""
    other, third = contrasting(colour, rng), any_colour(rng)
    if pattern in ("stripes", "thin stripes"):
        return Cloth(colour, pattern, _palette(colour, other), rng.uniform(3, 11))
    if pattern == "pinstripes":
        return Cloth(colour, pattern, _palette(colour, other), rng.uniform(8, 14))
    if pattern == "blocks":
        return Cloth(colour, pattern, _palette(colour, other, third, other), rng.uniform(2, 5))
    if pattern == "gingham":
        light = blend(colour, (250, 250, 248), 0.85)
        return Cloth(colour, pattern, _palette(light, blend(colour, light, 0.5), colour), rng.uniform(6, 13))
    if pattern == "tartan":
        threads = (colour, other, third)
        return Cloth(
            colour, pattern, _palette(*(blend(a, b, 0.5) for a in threads for b in threads)), rng.uniform(2, 5)
        )
    if pattern == "dots":
        return Cloth(colour, pattern, _palette(colour, other), rng.uniform(5, 13))
    if pattern == "flowers":
        colours = _palette(colour, other, third, blend(colour, (60, 110, 60), 0.7))
        return Cloth(colour, pattern, colours, rng.uniform(1.2, 2.4), _printed(rng))
    if pattern in ("denim", "heather"):
        spread = 0.26 if pattern == "denim" else 0.16
        dark, light = shaded(colour, 1 - spread), blend(shaded(colour, 1 + spread / 2), (255, 255, 255), spread / 3)
        return Cloth(colour, pattern, ramp(dark, light), rng.uniform(0.9, 1.3), _speckled(rng))
    if pattern in ("knit", "rib", "weave"):
        repeats = {"knit": rng.uniform(10, 18), "rib": rng.uniform(14, 20), "weave": rng.uniform(18, 24)}[pattern]
        return Cloth(colour, pattern, ramp(shaded(colour, 0.72), shaded(colour, 1.12)), repeats)
    return plain(colour)


def pick(rng: np.random.Generator, **weights: float) -> str:
    """Return one of the names, drawn with the given weights; an underscore stands for a space."""
    steps = np.cumsum(list(weights.values()))
    name = list(weights)[int(np.searchsorted(steps, rng.random() * steps[-1], side="right"))]
    return name.replace("_", " ")
