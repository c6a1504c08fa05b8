"""The offline pictures: ten kinds of garment, drawn. The same seed draws the same bytes on the same machine.

A garment is a list of parts (`shapes`, `tops`, `bottoms`, ...) laid on a canvas in cloth (`canvas`, `cloth`), on a
background under a lamp (`scenes`). Every picture has a seed of its own, so it does not depend on what was drawn before.
"""

import math
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from ...runtime import progress_bar
from .bottoms import pants, shorts, skirt
from .canvas import FINE, Canvas, blurred, shifted
from .cloth import DENIMS, LEATHERS, Cloth, any_colour, blend, contrasting, distance, make_cloth, pick, plain, shaded
from .hats import hat
from .outwear import outwear
from .scenes import background, photograph
from .shapes import Dot, Line, Part, Piece, ellipse, outline, transformed
from .shoes import shoes
from .tops import dress, longsleeve, shirt, t_shirt

# Pictures of each kind in the training set of clothing-dataset-small, whose class balance the drawn set copies.
PHOTO_COUNTS = {
    "dress": 241,
    "hat": 123,
    "longsleeve": 455,
    "outwear": 184,
    "pants": 468,
    "shirt": 290,
    "shoes": 198,
    "shorts": 202,
    "skirt": 112,
    "t-shirt": 795,
}
CLASSES = tuple(PHOTO_COUNTS)
PROPORTIONS = {kind: count / sum(PHOTO_COUNTS.values()) for kind, count in PHOTO_COUNTS.items()}
SPLIT_SIZES = {"train": 1000, "validation": 300, "test": 300}
_WORTH_WORKERS = 200  # pictures: fewer are drawn sooner than processes start
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
    if rng.random() < 0.5:
        page = _with_thing(page, rng, light, floor)
    parts = GARMENTS[kind](rng)
    canvas = Canvas(cloths, **_pose(kind, parts, rng), light=light)
    canvas.warp = np.array([*rng.normal(0, 0.018, 2), *rng.uniform(0, 6, 2)])
    canvas.lay(parts)
    stiff = kind in ("shoes", "hat")
    canvas.fold(rng, strength=rng.uniform(0.05, 0.1) if stiff else rng.uniform(0.12, 0.26), count=4 if stiff else 9)
    return photograph(_lay_down(page, canvas, rng, light), rng, light)


def _wardrobe(kind: str, floor, rng) -> dict[str, Cloth]:
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


def _pose(kind: str, parts: Sequence[Part], rng) -> dict[str, np.ndarray]:
    """Where the garment lies: a matrix from garment units to fine pixels, and a shift. It fills most of the picture."""
    low, high = _extent(parts)
    angle = rng.normal(0, 0.2 if kind in ("shoes", "hat") else 0.4)
    if kind not in ("shoes", "hat") and rng.random() < 0.12:
        angle += rng.choice((-1, 1)) * np.pi / 2
    scale = rng.uniform(0.58, 1.02) * FINE / max(high - low)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    slant = np.array([[1.0, rng.normal(0, 0.05)], [0.0, rng.uniform(0.9, 1.06)]])
    matrix = turn @ slant * scale
    room = np.clip((FINE - (high - low) * scale) / 2, 8, 70)
    shift = FINE / 2 + rng.uniform(-1, 1, 2) * room * 0.8 - matrix @ ((low + high) / 2)
    return {"matrix": matrix, "shift": shift}


def _with_thing(page: np.ndarray, rng, light, floor) -> np.ndarray:
    """The page with a second object peeping in at the edge: a book, a plate, a rug, a leaf, a towel."""
    colour = contrasting(floor, rng, at_least=60)
    cloths = {"cloth": make_cloth(pick(rng, plain=3, stripes=1, gingham=1, heather=1), colour, rng)}
    cloths |= {"trim": plain(shaded(colour, 0.7)), "seam": plain(shaded(colour, 0.75)), "print": plain(any_colour(rng))}
    box = outline((-1, -1.3), (1, -1.3), (1, 1.3), (-1, 1.3), soften=0.05)
    leaf = outline((0, -1.4, 0.22), (0, 1.4, 0.22), soften=0.02)
    thing = {
        "book": [
            Piece(box, "cloth"),
            Line(np.array([(-0.8, -1.3), (-0.8, 1.3)]), 0.05),
            Piece(box * [0.5, 0.2], "print", 0, 0),
        ],
        "plate": [Piece(ellipse((0, 0), 1, 1)), Piece(ellipse((0, 0), 0.65, 0.65), "cloth", 0, 0.4)],
        "rug": [Piece(box * 2, "cloth", 0, 0.6), Line(np.vstack([box, box[:1]]) * 1.9, 0.06)],
        "leaf": [Piece(leaf), Line(np.array([(0, -1.4), (0, 1.8)]), 0.07, "trim")],
        "cup": [Dot((0, 0), 0.8, "cloth"), Piece(ellipse((0, 0), 0.6, 0.6), "trim", 0, 0)],
    }[pick(rng, book=3, plate=2, rug=2, leaf=2, cup=1)]
    size = rng.uniform(34, 70)
    side, along = int(rng.integers(4)), rng.uniform(0.05, 0.95) * FINE
    out = -rng.uniform(0.1, 0.6) * size
    spot = [(along, out), (FINE - out, along), (along, FINE - out), (out, along)][side]
    canvas = Canvas(cloths, matrix=np.eye(2) * size, shift=np.array(spot), light=light)
    canvas.lay(transformed(thing, angle=rng.uniform(0, 6)))
    return _lay_down(page, canvas, rng, light)


def _lay_down(page: np.ndarray, canvas: Canvas, rng, light) -> np.ndarray:
    """The page with what is on the canvas lying on it, and its shadow beside it."""
    colour, mask = canvas.finished()
    reach = rng.uniform(1.5, 5)
    far = shifted(blurred(mask, rng.uniform(3.5, 7)), -light[0] * reach, -light[1] * reach)
    shadow = np.minimum(0.35 * blurred(mask, 1.6) + rng.uniform(0.15, 0.45) * far, 0.75)
    cover = np.asarray(mask, np.float32) * np.float32(1 / 255)
    return page * ((1 - shadow) * (1 - cover))[..., None] + colour


def draw_dataset(
    root: str | Path,
    *,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    num_workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Draw the whole data set into the new folder `root` and return it: `root/<split>/<class>/0000.jpg`, ...

    `sizes` is the number of pictures of each split (default `SPLIT_SIZES`); every split has the class proportions
    `PROPORTIONS`, and at least one picture of each class. The folder appears only when all of it is drawn.
    `num_workers` processes share the drawing (0: this one does it alone); the pictures are the same. By default a
    notebook uses one for each core, and a script none: there they need `if __name__ == "__main__":`.
    Raises FileExistsError where `root` is already there, ValueError for a split too small to hold every class.
    """
    root, sizes = Path(root), SPLIT_SIZES if sizes is None else sizes
    if root.exists():
        raise FileExistsError(f"{root} is already there: delete it to draw it afresh, or use it as it is.")
    counts = {split: class_counts(size) for split, size in sizes.items()}
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=f".{root.name}.") as temporary:
        whole = Path(temporary) / "whole"
        jobs = [
            (kind, (seed, split_number, number), whole / split / kind / f"{number:04d}.jpg")
            for split_number, split in enumerate(counts)
            for kind, count in counts[split].items()
            for number in range(count)
        ]
        for folder in {path.parent for *_, path in jobs}:
            folder.mkdir(parents=True)
        with _mapper(_default_workers(len(jobs)) if num_workers is None else num_workers) as each:
            drawings = each(_draw_file, jobs)
            for _ in progress_bar(drawings, total=len(jobs), description="drawing", show=progress, unit="picture"):
                pass
        try:
            whole.rename(root)
        except OSError:
            if not root.is_dir():  # else another process has finished the same set meanwhile: keep it
                raise
    return root


def _draw_file(job: tuple[str, tuple[int, ...], Path]) -> None:
    kind, seed, path = job
    draw_garment(kind, seed=seed).save(path, quality=90)


def worker_per_core() -> int:
    """Return how many processes draw where all cores are to be used: one for each, at most eight."""
    return min(os.cpu_count() or 1, 8)


def _default_workers(num_pictures: int) -> int:
    """A worker for each core; none for a handful of pictures, or where workers would run the caller's script again."""
    is_script = hasattr(sys.modules["__main__"], "__file__")
    num_workers = worker_per_core()
    return 0 if is_script or num_workers == 1 or num_pictures < _WORTH_WORKERS else num_workers


@contextmanager
def _mapper(num_workers: int) -> Iterator:
    """Give a `map` that works here (0) or in so many fresh processes, which end with the block."""
    if num_workers == 0:
        yield map
        return
    with multiprocessing.get_context("spawn").Pool(num_workers) as pool:
        yield lambda work, jobs: pool.imap_unordered(work, jobs, chunksize=16)


def class_counts(size: int) -> dict[str, int]:
    """Return how many of `size` pictures each class gets: `PROPORTIONS`, rounded so that they add up to `size`."""
    if size < len(CLASSES):
        raise ValueError(f"{size} pictures cannot show {len(CLASSES)} classes: give each split {len(CLASSES)} or more.")
    shares = {kind: max(1.0, share * size) for kind, share in PROPORTIONS.items()}
    counts = {kind: int(share) for kind, share in shares.items()}
    by_remainder = sorted(CLASSES, key=lambda kind: counts[kind] - shares[kind])
    for kind in by_remainder[: max(0, size - sum(counts.values()))]:
        counts[kind] += 1
    while sum(counts.values()) > size:  # very small splits, where some class was raised to one
        counts[max(counts, key=counts.get)] -= 1
    return counts
