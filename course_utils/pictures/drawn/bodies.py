"""The cut of tops: torso, sleeves, necks, collars, pockets, pleats. Outlines are in units, the neck at y = 0."""

from dataclasses import dataclass

import numpy as np

from .cloth import pick
from .shapes import (
    Corner,
    Line,
    Part,
    Piece,
    Place,
    both_sides,
    curve,
    ellipse,
    nudged,
    outline,
    symmetric,
    transformed,
)

Range = tuple[float, float]  # the least and the most that a measure may be


@dataclass(frozen=True)
class Body:
    """Where the right half of a torso runs: half-widths and heights in units."""

    neck: float
    shoulder: float
    slope: float
    chest: float
    armhole: float
    waist: float
    hem: float
    length: float

    def outline(self, *, closing: float, hem_bend: float = 0.03, top: tuple[Corner, ...] = ()) -> np.ndarray:
        """The torso's outline; `closing` bends the neckline, or `top` puts a point in its middle (V-neck)."""
        return symmetric(
            *top,
            (self.neck, 0, -0.03),
            (self.shoulder, self.slope, -0.12),
            (self.chest, self.armhole, -0.04),
            (self.waist, self.armhole + 0.5 * (self.length - self.armhole)),
            (self.hem, self.length, hem_bend),
            closing=closing,
        )


def make_body(
    rng: np.random.Generator,
    *,
    length: Range,
    width: Range = (0.4, 0.52),
    flare: Range = (-0.03, 0.06),
    neck: Range = (0.16, 0.21),
) -> Body:
    chest = rng.uniform(*width)
    hem = chest + rng.uniform(*flare)
    return Body(
        neck=rng.uniform(*neck),
        shoulder=chest * rng.uniform(0.88, 0.98),
        slope=rng.uniform(0.07, 0.15),
        chest=chest,
        armhole=rng.uniform(0.36, 0.46),
        waist=(chest + hem) / 2 - rng.uniform(0, 0.04),
        hem=hem,
        length=rng.uniform(*length),
    )


def _sleeve(
    body: Body, *, length: float, out: float, bend: float, cuff: float, fill: str, rib: str | None
) -> list[Part]:
    """The right sleeve: `out` is its angle from hanging straight down, `bend` the turn at the elbow (radians)."""
    shoulder, armpit = np.array([body.shoulder, body.slope]), np.array([body.chest, body.armhole])
    wide = np.hypot(*(armpit - shoulder)) * 0.5
    narrow = wide * cuff
    down, hand = np.array([np.sin(out), np.cos(out)]), np.array([np.sin(out + bend), np.cos(out + bend)])
    over, over_hand = np.array([down[1], -down[0]]), np.array([hand[1], -hand[0]])
    elbow = (shoulder + armpit) / 2 + down * length * 0.5
    wrist = elbow + hand * length * 0.5
    middle = (wide * 0.95 + narrow) / 2
    points = outline(
        (*shoulder, 0.08),
        (*(elbow + over * middle), 0.02),
        (*(wrist + over_hand * narrow), 0.03),
        (*(wrist - over_hand * narrow), 0.02),
        (*(elbow - over * middle), 0.03),
        (*armpit, 0.15),
    )
    parts: list[Part] = [Piece(points, fill, -out)]
    ends = [wrist + over_hand * narrow * 0.97, wrist - over_hand * narrow * 0.97]
    if rib:  # a knitted or buttoned cuff
        depth = hand * 0.11
        strip = outline(
            (*(ends[0] - depth * 0.2),), (*(ends[0] + depth),), (*(ends[1] + depth),), (*(ends[1] - depth * 0.2),)
        )
        parts.append(Piece(strip, rib, -out - bend, 0.4))
    else:
        inset = hand * 0.05
        parts.append(Line(np.array([ends[0] - inset, ends[1] - inset]), 0.008, "stitch", dashed=True))
    return parts


def sleeves(
    rng: np.random.Generator,
    body: Body,
    *,
    length: Range,
    out: Range,
    bend: Range = (0.0, 0.0),
    cuff: Range = (0.55, 0.75),
    rib: str | None = None,
    fill: str = "cloth",
) -> list[Part]:
    """Both sleeves, alike in cut, each lying as it fell."""
    reach, narrow, spread = rng.uniform(*length), rng.uniform(*cuff), rng.uniform(*out)
    parts: list[Part] = []
    for flip in (True, False):
        sleeve = _sleeve(
            body,
            length=reach,
            out=spread + rng.normal(0, 0.06),
            bend=rng.uniform(*bend),
            cuff=narrow,
            rib=rib,
            fill=fill,
        )
        parts += transformed(sleeve, flip=flip)
    return parts


def back_of_neck(body: Body, depth: float, fill: str = "lining") -> Piece:
    """The inside of the back, seen through the neck hole."""
    return Piece(
        outline((-body.neck, 0, 0.08), (body.neck, 0), (body.neck * 0.8, depth + 0.1), (-body.neck * 0.8, depth + 0.1)),
        fill,
        0,
        0,
    )


def hem_stitch(body: Body, above: float = 0.05) -> Line:
    y = body.length - above
    return Line(curve([(-body.hem * 0.98, y, -0.03), (body.hem * 0.98, y)]), 0.008, "stitch", dashed=True)


def neckline(rng: np.random.Generator, body: Body, *, v_neck: bool, band: str) -> list[Part]:
    """Torso with a round or V-shaped neck and the band around it."""
    depth = rng.uniform(0.22, 0.42) if v_neck else rng.uniform(0.1, 0.22)
    if v_neck:
        front = Piece(body.outline(closing=0, top=((0, depth, 0.06),)))
        edge = np.vstack([curve([(-body.neck, 0, -0.06), (0, depth)]), curve([(0, depth, -0.06), (body.neck, 0)])])
    else:
        front = Piece(body.outline(closing=-depth / body.neck / 2))
        edge = curve([(-body.neck, 0, -depth / body.neck / 2), (body.neck, 0)])
    back = Line(curve([(-body.neck, 0, 0.08), (body.neck, 0)]), 0.05, band)
    return [
        back_of_neck(body, depth),
        back,
        front,
        Line(edge, rng.uniform(0.04, 0.07), band),
        Line(edge * [1.12, 1.1], 0.007),
    ]


def chest_print(rng: np.random.Generator, body: Body) -> list[Part]:
    """A picture or lettering printed on the chest."""
    size, y = body.chest * rng.uniform(0.3, 0.55), body.armhole + rng.uniform(0.05, 0.15)
    kind = pick(rng, disc=2, words=3, mountain=2, star=2, bar=1, badge=2)
    if kind == "badge":
        return [Piece(ellipse((body.chest * 0.5, body.armhole - 0.02), 0.06, 0.06), "print", 0, 0)]
    if kind == "disc":
        disc = [Piece(ellipse((0, y), size, size), "print", 0, 0)]
        return [*disc, Piece(ellipse((size * 0.3, y - size * 0.2), size * 0.5, size * 0.5), "second", 0, 0)]
    if kind == "mountain":
        hill = outline(
            (-size, y + size),
            (-size * 0.3, y - size * 0.6),
            (0.1 * size, y),
            (size * 0.4, y - size * 0.4),
            (size, y + size),
            soften=0.0,
        )
        return [
            Piece(hill, "print", 0, 0),
            Piece(ellipse((size * 0.6, y - size * 0.8), size * 0.2, size * 0.2), "second", 0, 0),
        ]
    if kind == "star":
        turns = np.arange(10) * np.pi / 5 - np.pi / 2
        reach = np.where(np.arange(10) % 2 == 0, size, size * 0.42)
        return [
            Piece(
                outline(*zip(reach * np.cos(turns), y + reach * np.sin(turns), strict=True), soften=0.0), "print", 0, 0
            )
        ]
    if kind == "bar":
        strip = outline((-body.chest, y), (body.chest, y), (body.chest, y + 0.2), (-body.chest, y + 0.2), soften=0.0)
        return [Piece(strip, "print", 0, 0)]
    letters: list[Part] = []
    for row in range(rng.integers(1, 4)):
        x, base = -size * rng.uniform(0.6, 1), y + row * size * 0.55
        while x < size * 0.8:
            wide, tall = size * rng.uniform(0.16, 0.34), size * 0.34
            letter = [(x, base), (x + wide, base), (x + wide * rng.uniform(0.3, 1), base + tall), (x, base + tall)]
            letters.append(Piece(outline(*letter, soften=0.0), "print", 0, 0))
            x += wide * 1.3
    return letters


def collar(body: Body, spread: float, drop: float) -> list[Part]:
    """A stand with two turned-down leaves that meet at the top button."""
    stand = outline((-body.neck, -0.04, 0.1), (body.neck, -0.04), (body.neck * 0.9, 0.09), (-body.neck * 0.9, 0.09))
    leaf = outline(
        (0.0, 0.1, 0.05),
        (body.neck * 0.9, -0.07, 0.1),
        (body.neck * 1.25, 0.05),
        (body.neck * spread, drop),
        soften=0.012,
    )
    return [Piece(stand, "lining", 0, 0.2), *both_sides([Piece(leaf, "collar", 0.5, 0.5)])]


def pocket(centre: Place, wide: float, tall: float, *, flap: bool = False) -> list[Part]:
    x, y = centre
    parts: list[Part] = [
        Piece(
            outline(
                (x - wide, y),
                (x + wide, y),
                (x + wide, y + tall),
                (x, y + tall * 1.15),
                (x - wide, y + tall),
                soften=0.02,
            ),
            "cloth",
            0,
            0.22,
        )
    ]
    if flap:
        parts.append(
            Piece(
                outline(
                    (x - wide * 1.08, y - 0.02),
                    (x + wide * 1.08, y - 0.02),
                    (x + wide * 1.08, y + tall * 0.3),
                    (x, y + tall * 0.42),
                    (x - wide * 1.08, y + tall * 0.3),
                    soften=0.01,
                ),
                "cloth",
                0,
                0.3,
            )
        )
    return parts


def pleats(
    rng: np.random.Generator, top: float, top_y: float, hem: float, hem_y: float, count: int | None = None
) -> list[Part]:
    """Folds that fall from the waist of a skirt to its hem."""
    places = np.linspace(-0.85, 0.85, count or int(rng.integers(3, 8)))
    lines: list[Part] = []
    for place in places + rng.normal(0, 0.03, len(places)):
        start = top_y + (hem_y - top_y) * (0.03 if count else rng.uniform(0.03, 0.5))
        share = (start - top_y) / (hem_y - top_y)
        path = curve([(place * (top + (hem - top) * share), start, 0.03 * place), (place * hem * 0.97, hem_y - 0.01)])
        lines += [Line(path, 0.016), Line(nudged(path, 0.02, 0), 0.012, "gleam")]
    return lines
