"""The offline pictures: ten kinds of garment, drawn. The same seed draws the same bytes on the same machine.

A garment is a list of parts (`shapes`, `tops`, `bottoms`, ...) laid on a canvas in cloth (`canvas`, `cloth`), on a
background under a lamp (`scenes`). Every picture has a seed of its own, so it does not depend on what was drawn before.
"""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from .bottoms import pants, shorts, skirt
from .canvas import FINE, Canvas
from .cloth import (
    DENIMS,
    LEATHERS,
    Cloth,
    Colour,
    any_colour,
    blend,
    contrasting,
    distance,
    make_cloth,
    pick,
    plain,
    shaded,
)
from .hats import hat
from .outwear import outwear
from .scenes import background, lay_down, photograph, with_thing
from .shapes import Part, Piece
from .shoes import shoes
from .tops import dress, longsleeve, shirt, t_shirt

# Count it up whenever a picture changes: everybody's pictures are then drawn anew. `tools/draw_sheet.py` remembers what
# they look like.
DRAWING_VERSION = 2
GARMENTS = {
    "dress": dress,
    "hat": hat,
    "longsleeve": longsleeve,
    "outwear": outwear,
    "pants": pants,
    "shirt": shirt,
    "shoes": shoes,
    "shorts": shorts,
    "skirt": skirt,
    "t-shirt": t_shirt,
}
CLASSES = tuple(GARMENTS)
_WEIGHTS = {  # how often each kind of garment is made of each pattern
    "dress": {"plain": 3, "flowers": 4, "dots": 2, "stripes": 1, "gingham": 1, "heather": 1},
    "hat": {"plain": 4, "heather": 3, "tartan": 1, "weave": 2, "knit": 2, "denim": 1},
    "longsleeve": {"plain": 4, "knit": 4, "stripes": 2, "thin_stripes": 2, "heather": 3},
    "outwear": {"plain": 7, "heather": 3, "tartan": 1},
    "pants": {"denim": 5, "plain": 4, "heather": 2, "tartan": 1, "pinstripes": 1},
    "shirt": {"plain": 4, "tartan": 3, "gingham": 2, "pinstripes": 2, "denim": 1, "flowers": 1, "dots": 1},
    "shoes": {"plain": 7, "heather": 2},
    "shorts": {"denim": 3, "plain": 4, "heather": 2, "tartan": 1, "flowers": 2, "stripes": 1},
    "skirt": {"plain": 3, "tartan": 2, "denim": 2, "flowers": 2, "dots": 1, "gingham": 1},
    "t-shirt": {"plain": 6, "heather": 2, "stripes": 2, "thin_stripes": 2, "blocks": 1, "flowers": 1},
}


def draw_garment(kind: str, *, seed: int | Sequence[int]) -> Image.Image:
    """Return an RGB picture of 160 x 160 pixels of a garment lying or hanging somewhere.

    `kind` is one of `CLASSES`; `seed` is a whole number >= 0, or several. Raises ValueError for an unknown kind.
    """
    if kind not in GARMENTS:
        raise ValueError(f"Unknown kind of garment {kind!r}: the kinds are {', '.join(CLASSES)}.")
    numbers = np.atleast_1d(seed).tolist()
    # NumPy takes (3,) and (3, 0) for the same seed, so the length goes in as well
    rng = np.random.default_rng([len(numbers), CLASSES.index(kind), *numbers])
    turn = rng.uniform(0, 2 * np.pi)
    light = (math.cos(turn), math.sin(turn))
    page, floor = background(rng)
    cloths = _wardrobe(kind, floor, rng)
    if rng.random() < 0.3:
        page = with_thing(page, rng, light, floor)
    parts = GARMENTS[kind](rng)
    canvas = Canvas(cloths, **_pose(kind, parts, rng), light=light)
    canvas.warp = np.array([*rng.normal(0, 0.018, 2), *rng.uniform(0, 6, 2)])
    canvas.lay(parts)
    stiff = kind in ("shoes", "hat")
    canvas.fold(rng, strength=rng.uniform(0.05, 0.1) if stiff else rng.uniform(0.12, 0.26), count=4 if stiff else 9)
    return photograph(lay_down(page, canvas, rng, light), rng, light)


def _wardrobe(kind: str, floor: Colour, rng: np.random.Generator) -> dict[str, Cloth]:
    """The cloths that the parts of a garment name, in colours that stand out from the floor."""
    pattern = pick(rng, **_WEIGHTS[kind])
    choices = {"denim": DENIMS, "plain": LEATHERS if kind == "shoes" and rng.random() < 0.6 else None}.get(pattern)
    for _ in range(12):
        colour = choices[rng.integers(len(choices))] if choices else any_colour(rng)
        if distance(colour, floor) > 85:
            break
    dark = sum(colour) < 150
    seam = shaded(colour, 0.62) if not dark else blend(colour, (255, 255, 255), 0.2)
    trim, second = contrasting(colour, rng), any_colour(rng)
    cloth = make_cloth(pattern, colour, rng)
    collar = plain(contrasting(colour, rng)) if rng.random() < 0.12 else cloth
    sole = ((240, 238, 232), (34, 32, 32), (196, 158, 112), (120, 84, 56))[rng.integers(4)]
    fur = make_cloth("heather", ((226, 214, 196), (120, 98, 78), colour, trim)[rng.integers(4)], rng)
    return {
        "cloth": cloth,
        "collar": collar,
        "rib": make_cloth("rib", blend(colour, trim, 0.0 if rng.random() < 0.75 else 0.8), rng),
        "trim": plain(trim),
        "print": plain(contrasting(colour, rng, at_least=120)),
        "second": plain(second),
        "lining": plain(shaded(colour, 0.5) if not dark else blend(colour, (120, 110, 110), 0.35)),
        "seam": plain(seam),
        "gleam": plain(blend(colour, (255, 255, 255), 0.16)),
        "stitch": plain((206, 150, 74) if pattern == "denim" else blend(seam, (255, 255, 255), 0.12)),
        "button": plain(((244, 242, 236), (38, 36, 38), (120, 84, 56))[0 if dark else int(rng.integers(3))]),
        "metal": plain(((190, 190, 194), (198, 162, 92), (92, 92, 98))[rng.integers(3)]),
        "lace": plain((244, 243, 240) if sum(colour) < 600 else (60, 60, 66)),
        "sole": plain(sole),
        "fur": fur,
    }


def _extent(parts: Sequence[Part]) -> tuple[np.ndarray, np.ndarray]:
    points = np.vstack([part.points for part in parts if isinstance(part, Piece)])
    return points.min(axis=0), points.max(axis=0)


def _pose(kind: str, parts: Sequence[Part], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Where the garment lies: a matrix from garment units to fine pixels, and a shift. It fills most of the picture."""
    low, high = _extent(parts)
    angle = rng.normal(0, 0.2 if kind in ("shoes", "hat") else 0.25)
    if kind not in ("shoes", "hat") and rng.random() < 0.04:
        angle += rng.choice((-1, 1)) * np.pi / 2
    scale = rng.uniform(0.78, 1.04) * FINE / max(high - low)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    slant = np.array([[1.0, rng.normal(0, 0.05)], [0.0, rng.uniform(0.9, 1.06)]])
    matrix = turn @ slant * scale
    room = np.clip((FINE - (high - low) * scale) / 2, 8, 70)
    shift = FINE / 2 + rng.uniform(-1, 1, 2) * room * 0.8 - matrix @ ((low + high) / 2)
    return {"matrix": matrix, "shift": shift}
