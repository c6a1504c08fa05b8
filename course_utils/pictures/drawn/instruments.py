"""Ten kinds of musical instrument, drawn: what lesson 13 practises on where nobody has pictures of their own.

A kind has several instruments, and each of them is photographed several times, as in a folder that somebody has
collected: the same wood and the same shape in the same room, another spot, light and moment. A picture has a seed of
its own, so it does not depend on what was drawn before.
"""

import math

import numpy as np
from PIL import Image

from .canvas import FINE, Canvas
from .cloth import (
    BRIGHTS,
    TILE,
    Cloth,
    Colour,
    any_colour,
    blend,
    contrasting,
    distance,
    make_cloth,
    plain,
    ramp,
    shaded,
)
from .keys import accordion, drum, piano, xylophone
from .scenes import background, choose_background, lay_down, photograph, with_thing
from .shapes import Part, Piece
from .strings import banjo, guitar, harp, violin
from .winds import saxophone, trumpet

# Count it up whenever a picture changes: everybody's pictures are then drawn anew. `tools/draw_sheet.py` remembers what
# they look like.
INSTRUMENTS_VERSION = 1
_KINDS = {
    "accordion": accordion,
    "banjo": banjo,
    "drum": drum,
    "guitar": guitar,
    "harp": harp,
    "piano": piano,
    "saxophone": saxophone,
    "trumpet": trumpet,
    "violin": violin,
    "xylophone": xylophone,
}
INSTRUMENT_CLASSES = tuple(_KINDS)
# How far each is turned in its pictures (radians); what stands on the floor stands upright. Others lie anywhere.
_TURNS = {"drum": 0.12, "harp": 0.15, "piano": 0.12}
_FROM_BOTH_SIDES = ("harp", "saxophone", "trumpet")
_VARNISHES: tuple[Colour, ...] = (
    (224, 182, 118), (204, 132, 60), (164, 84, 40), (122, 58, 34), (92, 50, 34), (218, 160, 90), (146, 96, 58),
)  # fmt: skip
_METALS: tuple[Colour, ...] = ((216, 172, 78), (196, 198, 204), (202, 134, 92), (228, 198, 120), (120, 122, 130))
_LACQUERS: tuple[Colour, ...] = (*BRIGHTS, (30, 30, 34), (30, 30, 34), (240, 238, 232), (150, 28, 36), (28, 60, 120))
_RAINBOW: tuple[Colour, ...] = (
    (206, 44, 50), (232, 128, 44), (240, 202, 62), (96, 168, 74), (58, 160, 166), (58, 106, 184), (112, 78, 160),
    (214, 92, 150),
)  # fmt: skip


def draw_instrument(kind: str, *, instrument: int, view: int, seed: int = 0) -> Image.Image:
    """Return an RGB picture of 160 x 160 pixels: picture number `view` of instrument number `instrument` of its kind.

    `kind` is one of `INSTRUMENT_CLASSES`; the numbers are whole and >= 0. Raises ValueError for an unknown kind.
    """
    if kind not in _KINDS:
        raise ValueError(f"Unknown kind of instrument {kind!r}: the kinds are {', '.join(INSTRUMENT_CLASSES)}.")
    numbers = [INSTRUMENTS_VERSION, seed, INSTRUMENT_CLASSES.index(kind), instrument]
    its, here = np.random.default_rng([0, *numbers]), np.random.default_rng([1, *numbers, view])
    turn = here.uniform(0, 2 * np.pi)
    light = (math.cos(turn), math.sin(turn))
    room = choose_background(its)
    page, floor = background(here, room)
    cloths = _materials(kind, room[1], its)
    if here.random() < 0.3:
        page = with_thing(page, here, light, floor)
    parts = _KINDS[kind](its, here)
    canvas = Canvas(cloths, **_pose(kind, parts, here), light=light)
    canvas.lay(parts)
    return photograph(lay_down(page, canvas, here, light), here, light)


def make_wood(colour: Colour, rng: np.random.Generator) -> Cloth:
    """Return varnished wood, its grain along the threads."""
    rings = rng.random((1, TILE)) * 0.6 + 0.4 * np.cumsum(rng.normal(0, 0.12, (TILE, TILE)), axis=0)
    flecks = rng.random((TILE, TILE))
    flecks = np.mean([np.roll(flecks, n, axis=0) for n in range(12)], axis=0)
    grain = np.clip(0.5 * rings + 1.6 * (flecks - 0.5) + 0.3, 0, 1)
    palette = ramp(shaded(colour, 0.78), blend(shaded(colour, 1.08), (255, 240, 210), 0.06))
    return Cloth(colour, "wood", palette, 1.1, (grain * 255).astype(np.uint8))


def _apart(choices: tuple[Colour, ...], floor: Colour, rng: np.random.Generator, *, at_least: float = 85) -> Colour:
    """Return one of the colours, a little varied, that stands out from the floor if any does."""
    for _ in range(12):
        colour = shaded(choices[rng.integers(len(choices))], rng.uniform(0.88, 1.1))
        if distance(colour, floor) > at_least:
            break
    return colour


def _materials(kind: str, floor: Colour, rng: np.random.Generator) -> dict[str, Cloth]:
    """The cloths that the parts of an instrument name, its main ones in colours that stand out from the floor."""
    varnish, metal = _apart(_VARNISHES, floor, rng), _apart(_METALS, floor, rng)
    lacquer, other = _apart(_LACQUERS, floor, rng), any_colour(rng, neutral=0.2)
    lacquered = rng.random() < {"piano": 0.6, "accordion": 0.9, "harp": 0.15}.get(kind, 0.0)
    black_piano = kind == "piano" and lacquered and rng.random() < 0.7
    base = ((36, 35, 38) if black_piano else lacquer) if lacquered else varnish
    body = plain(base) if lacquered else make_wood(base, rng)
    light = make_wood(blend(varnish, (240, 214, 160), 0.6), rng)
    skin = ((240, 236, 224), (226, 208, 176), (246, 245, 242), (44, 44, 48))[int(rng.choice(4, p=(0.4, 0.3, 0.2, 0.1)))]
    bellows = contrasting(base, rng)
    gold = blend((206, 160, 70), metal, 0.2)
    rubber = (46, 42, 42)
    sparkle = make_cloth("heather", lacquer, rng) if rng.random() < 0.3 else plain(lacquer)
    cloths = {
        "body": body,
        "glow": make_wood(blend(varnish, (255, 214, 130), 0.22), rng),
        "body glow": plain(blend(base, (255, 255, 255), 0.1)),
        "panel": plain(blend(base, (255, 255, 255), 0.08)) if lacquered else make_wood(shaded(base, 1.12), rng),
        "light": light,
        "column": plain(gold) if rng.random() < 0.4 else body,
        "head": body if rng.random() < 0.6 else plain((44, 36, 34)),
        "edge": plain(shaded(base, 0.5)),
        "dark": plain(((38, 32, 32), (62, 42, 34))[rng.integers(2)]),
        "hole": plain((28, 22, 20)),
        "guard": plain(((52, 34, 28), (110, 60, 36), (30, 28, 30))[rng.integers(3)]),
        "peg": plain(((236, 232, 220), (200, 200, 204), (40, 36, 36))[rng.integers(3)]),
        "paint": sparkle,
        "paint glow": plain(blend(lacquer, (255, 255, 255), 0.16)),
        "pickup": plain(((40, 40, 44), (232, 228, 216))[rng.integers(2)]),
        "trim": plain(other),
        "metal": plain(metal),
        "shine": plain(blend(metal, (255, 255, 246), 0.6)),
        "gloom": plain(shaded(metal, 0.55)),
        "gold": plain(gold),
        "gold dark": plain(shaded(gold, 0.62)),
        "pearl": plain((238, 234, 226)),
        "string": plain((222, 216, 202)),
        "red string": plain((178, 50, 46)),
        "dark string": plain((56, 54, 66)),
        "white": plain((242, 240, 234)),
        "ivory": plain((246, 243, 234)),
        "ebony": plain((32, 31, 34)),
        "key gap": plain((132, 126, 120)),
        "button": plain((244, 240, 232) if sum(base) < 480 else (40, 38, 42)),
        "grille": plain(metal),
        "bellows": plain(bellows),
        "fold": plain(shaded(bellows, 0.66) if sum(bellows) > 150 else blend(bellows, (255, 255, 255), 0.25)),
        "screen": plain(((40, 66, 60), (120, 190, 200))[rng.integers(2)]),
        "seat": plain(((40, 38, 40), (110, 40, 40), (84, 56, 40))[rng.integers(3)]),
        "frame": make_wood(_VARNISHES[rng.integers(len(_VARNISHES))], rng),
        "pin": plain((70, 68, 72)),
        "stick": plain(blend(_VARNISHES[rng.integers(len(_VARNISHES))], (230, 200, 150), 0.3)),
        "felt": plain(contrasting(rubber, rng)),
        "skin": plain(skin),
        "hoop": plain(metal) if rng.random() < 0.5 else plain(contrasting(lacquer, rng)),
        "rope": plain(((226, 216, 190), (60, 56, 58), (180, 140, 90))[rng.integers(3)]),
    }
    return cloths | {f"bar {n}": plain(shaded(colour, rng.uniform(0.9, 1.1))) for n, colour in enumerate(_RAINBOW)}


def _pose(kind: str, parts: list[Part], here: np.random.Generator) -> dict[str, np.ndarray]:
    """Where the instrument lies: a matrix from its units to fine pixels, and a shift. It fills most of the picture."""
    points = np.vstack([part.points for part in parts if isinstance(part, Piece)])
    angle = here.normal(0, _TURNS.get(kind, 0.4))
    if kind not in _TURNS and here.random() < 0.3:
        angle += here.choice((-1, 1)) * np.pi / 2
    side = here.choice((-1.0, 1.0)) if kind in _FROM_BOTH_SIDES else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    slant = np.array([[side, here.normal(0, 0.05)], [0.0, here.uniform(0.9, 1.06)]])
    turned = points @ (turn @ slant).T
    low, high = turned.min(axis=0), turned.max(axis=0)
    scale = here.uniform(0.78, 1.0) * FINE / max(high - low)
    room = np.clip((FINE - (high - low) * scale) / 2, 8, 70)
    shift = FINE / 2 + here.uniform(-1, 1, 2) * room * 0.8 - (low + high) / 2 * scale
    return {"matrix": turn @ slant * scale, "shift": shift}
