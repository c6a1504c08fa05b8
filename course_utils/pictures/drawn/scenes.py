"""Where a thing lies: floors, sheets and walls, things at the edge, and the camera that looks at it all."""

import math

import numpy as np
from PIL import Image, ImageFilter

from .canvas import FINE, SIZE, Canvas, blurred, folds, shifted
from .cloth import Colour, any_colour, blend, contrasting, make_cloth, pick, plain, shaded
from .shapes import Dot, Line, Part, Piece, Place, ellipse, outline, transformed

Array = np.ndarray


def _noise(rng: np.random.Generator, rows: int, columns: int | None = None) -> Array:
    """Smooth noise `(SIZE, SIZE)`, about -1 to 1, from a random grid of `rows` by `columns` stretched over the page."""
    grid = rng.uniform(-1, 1, (rows, columns or rows)).astype(np.float32)
    return np.asarray(Image.fromarray(grid).resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def _page(rng: np.random.Generator, *, turned: bool = True) -> tuple[Array, Array]:
    """Coordinates `(SIZE, SIZE)` in page widths, turned to any angle near the upright or the level."""
    x = np.arange(SIZE, dtype=np.float32)[None] / SIZE
    y = x.reshape(-1, 1)
    angle = rng.normal(0, 0.2) + (np.pi / 2 if rng.random() < 0.5 else 0) if turned else 0.0
    return x * math.cos(angle) + y * math.sin(angle) + 9, y * math.cos(angle) - x * math.sin(angle) + 9


def _tinted(colour: Colour, shade: Array) -> Array:
    tinted: Array = np.asarray(colour, np.float32) * shade[..., None]
    return tinted


def _line(place: Array, width: float) -> Array:
    """1 on whole numbers of `place`, falling to 0 at `width` from them."""
    line: Array = np.clip(1 - np.abs(place - np.round(place)) / width, 0, 1)
    return line


def wood(rng: np.random.Generator, colour: Colour) -> Array:
    """Planks with grain, each in its own tone."""
    u, v = _page(rng)
    planks = rng.uniform(2.5, 6)
    plank = np.floor(v * planks).astype(np.int32)
    tone = rng.normal(0, 0.07, 256).astype(np.float32)[plank & 255]
    start = rng.uniform(0, 9, 256).astype(np.float32)[plank & 255]
    swirl = 0.6 * np.sin(u * 5 + start) + 0.5 * np.sin(u * 11 + 3 * start)
    grain = np.sin((v + start) * 95 + swirl * 2.4) * 0.04 + np.sin((v + start) * 230 + swirl) * 0.025
    joints = _line(u * 0.8 + start, 0.008)
    return _tinted(colour, 1 + tone + grain - 0.45 * np.maximum(_line(v * planks, 0.03), joints))


def tiles(rng: np.random.Generator, colour: Colour) -> Array:
    """Square or oblong tiles with grout between them."""
    u, v = _page(rng)
    across, down = rng.uniform(2, 5.5, 2).tolist() if rng.random() < 0.4 else [rng.uniform(2, 5.5)] * 2
    column, row = np.floor(u * across).astype(np.int32), np.floor(v * down).astype(np.int32)
    tone = rng.normal(0, 0.05, 1024).astype(np.float32)[(column * 31 + row * 17) & 1023]
    if rng.random() < 0.25:
        tone = tone - 0.3 * ((column + row) & 1)
    grout = np.maximum(_line(u * across, 0.035), _line(v * down, 0.035))
    return _tinted(colour, 1 + tone + 0.05 * _noise(rng, 9) - rng.uniform(-0.25, 0.4) * grout)


def sheet(rng: np.random.Generator, colour: Colour) -> Array:
    """A crumpled bed sheet, sometimes striped."""
    page = _tinted(blend(colour, (245, 243, 240), 0.5), 1 + 0.2 * folds(rng, count=12, sharp=0.8))
    if rng.random() < 0.35:
        u, v = _page(rng)
        bands = (np.sin((v + 0.02 * np.sin(9 * u)) * rng.uniform(18, 60)) > 0.2)[..., None]
        page = np.where(bands, page * (np.array(any_colour(rng), np.float32) / 255 * 0.5 + 0.5), page)
    return page


def wall(rng: np.random.Generator, colour: Colour) -> Array:
    """A plain wall or paper, from one tone to another."""
    u, v = _page(rng)
    other = np.asarray(blend(colour, any_colour(rng), 0.3), np.float32)
    share = np.clip((v - 9) * rng.uniform(0.4, 1) + 0.1 * np.sin(2 * u), 0, 1)[..., None]
    page: Array = np.asarray(colour, np.float32) * (1 - share) + other * share + 3 * _noise(rng, 20)[..., None]
    return page


def carpet(rng: np.random.Generator, colour: Colour) -> Array:
    """A short-haired carpet."""
    pile = rng.normal(0, 0.1, (SIZE, SIZE)).astype(np.float32)
    pile = pile + np.roll(pile, 1, 0) + 0.6 * np.roll(pile, 1, 1)
    return _tinted(colour, 1 + 0.6 * pile + 0.08 * _noise(rng, 6))


def stone(rng: np.random.Generator, colour: Colour) -> Array:
    """Concrete or terrazzo: noise at several sizes."""
    shade = 0.09 * _noise(rng, 5) + 0.06 * _noise(rng, 14) + 0.05 * _noise(rng, 50)
    page = _tinted(colour, 1 + shade)
    if rng.random() < 0.4:
        page[_noise(rng, 40) > 0.55] *= rng.uniform(0.6, 1.3)
    return page


WOODS: tuple[Colour, ...] = ((196, 158, 112), (150, 108, 70), (222, 196, 160), (104, 72, 50), (178, 166, 150))
BACKGROUNDS = {"wood": wood, "tiles": tiles, "sheet": sheet, "wall": wall, "carpet": carpet, "stone": stone}


def choose_background(rng: np.random.Generator) -> tuple[str, Colour]:
    """Return a kind of background, a key of `BACKGROUNDS`, and its colour."""
    kind = pick(rng, wood=5, tiles=3, sheet=5, wall=5, carpet=3, stone=3)
    colour = any_colour(rng, neutral=0.6)
    if kind == "wood":
        colour = shaded(WOODS[rng.integers(len(WOODS))], rng.uniform(0.75, 1.1))
    elif kind in ("tiles", "stone", "wall"):
        colour = blend(colour, (205, 202, 197), rng.uniform(0.25, 0.85))
    return kind, colour


def background(rng: np.random.Generator, chosen: tuple[str, Colour] | None = None) -> tuple[Array, Colour]:
    """Return a background's picture `(SIZE, SIZE, 3)` in 0 to 255, and its middle colour; `chosen`: which one."""
    kind, colour = choose_background(rng) if chosen is None else chosen
    page = BACKGROUNDS[kind](rng, colour)
    red, green, blue = (int(c) for c in np.clip(page[::8, ::8].mean(axis=(0, 1)), 0, 255))
    return page, (red, green, blue)


def with_thing(page: np.ndarray, rng: np.random.Generator, light: Place, floor: Colour) -> np.ndarray:
    """The page with a second object peeping in at the edge: a book, a plate, a rug, a leaf, a towel."""
    colour = contrasting(floor, rng, at_least=60)
    cloths = {"cloth": make_cloth(pick(rng, plain=3, stripes=1, gingham=1, heather=1), colour, rng)}
    cloths |= {"trim": plain(shaded(colour, 0.7)), "seam": plain(shaded(colour, 0.75)), "print": plain(any_colour(rng))}
    box = outline((-1, -1.3), (1, -1.3), (1, 1.3), (-1, 1.3), soften=0.05)
    leaf = outline((0, -1.4, 0.22), (0, 1.4, 0.22), soften=0.02)
    things: dict[str, list[Part]] = {
        "book": [
            Piece(box, "cloth"),
            Line(np.array([(-0.8, -1.3), (-0.8, 1.3)]), 0.05),
            Piece(box * [0.5, 0.2], "print", 0, 0),
        ],
        "plate": [Piece(ellipse((0, 0), 1, 1)), Piece(ellipse((0, 0), 0.65, 0.65), "cloth", 0, 0.4)],
        "rug": [Piece(box * 2, "cloth", 0, 0.6), Line(np.vstack([box, box[:1]]) * 1.9, 0.06)],
        "leaf": [Piece(leaf), Line(np.array([(0, -1.4), (0, 1.8)]), 0.07, "trim")],
        "cup": [Dot((0, 0), 0.8, "cloth"), Piece(ellipse((0, 0), 0.6, 0.6), "trim", 0, 0)],
    }
    thing = things[pick(rng, book=3, plate=2, rug=2, leaf=2, cup=1)]
    size = rng.uniform(34, 70)
    side, along = int(rng.integers(4)), rng.uniform(0.05, 0.95) * FINE
    out = -rng.uniform(0.1, 0.6) * size
    spot = [(along, out), (FINE - out, along), (along, FINE - out), (out, along)][side]
    canvas = Canvas(cloths, matrix=np.eye(2) * size, shift=np.array(spot), light=light)
    canvas.lay(transformed(thing, angle=rng.uniform(0, 6)))
    return lay_down(page, canvas, rng, light)


def lay_down(page: np.ndarray, canvas: Canvas, rng: np.random.Generator, light: Place) -> np.ndarray:
    """The page with what is on the canvas lying on it, and its shadow beside it."""
    colour, mask = canvas.finished()
    reach = rng.uniform(1.5, 5)
    far = shifted(blurred(mask, rng.uniform(3.5, 7)), -light[0] * reach, -light[1] * reach)
    shadow = np.minimum(0.35 * blurred(mask, 1.6) + rng.uniform(0.15, 0.45) * far, 0.75)
    cover = np.asarray(mask, np.float32) * np.float32(1 / 255)
    covered: np.ndarray = page * ((1 - shadow) * (1 - cover))[..., None] + colour
    return covered


def photograph(page: Array, rng: np.random.Generator, light: Place) -> Image.Image:
    """Return the RGB picture a camera takes of `page` `(SIZE, SIZE, 3)`: light, white balance, lens and sensor."""
    x = np.linspace(-1, 1, SIZE, dtype=np.float32)[None]
    y = x.reshape(-1, 1)
    falloff = 1 + rng.uniform(0.02, 0.2) * (x * light[0] + y * light[1]) - rng.uniform(0, 0.13) * (x * x + y * y)
    contrast = rng.uniform(0.86, 1.1)
    gain = contrast * rng.uniform(0.72, 1.2) * (1 + rng.normal(0, 0.035, 3))
    page = page * falloff[..., None] * gain.astype(np.float32) + (128 * (1 - contrast) + rng.uniform(-4, 10))
    picture = Image.fromarray(np.clip(page, 0, 255).astype(np.uint8))
    blur = rng.uniform(0, 1.0)
    if blur > 0.25:
        picture = picture.filter(ImageFilter.GaussianBlur(blur))
    grain = np.frombuffer(rng.bytes(3 * SIZE * SIZE), np.int8).reshape(SIZE, SIZE, 3).astype(np.float32)
    grain += grain[..., :1]  # brightness varies more than colour
    page = np.asarray(picture, np.float32) + grain * (rng.uniform(1, 6) / 75)
    return Image.fromarray(np.clip(page, 0, 255).astype(np.uint8))
