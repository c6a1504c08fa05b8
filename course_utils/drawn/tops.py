"""Patterns for what is worn above the waist: t-shirt, longsleeve, shirt, outwear and dress.

Each function returns the parts, bottom layer first. One unit is about the length of a child's arm; the neck is at y = 0.
"""

from dataclasses import dataclass

import numpy as np

from .cloth import pick
from .shapes import Dot, Line, Part, Piece, both_sides, curve, ellipse, outline, symmetric, transformed


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

    def outline(self, *, closing: float, hem_bend: float = 0.03, top: tuple = ()) -> np.ndarray:
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


def _body(rng, *, length, width=(0.4, 0.52), flare=(-0.03, 0.06), neck=(0.16, 0.21)) -> Body:
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


def _sleeve(body: Body, *, length: float, out: float, bend: float = 0.0, cuff: float = 0.6, fill="cloth", rib=None):
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


def _sleeves(rng, body: Body, *, length, out, bend=(0.0, 0.0), cuff=(0.55, 0.75), rib=None, fill="cloth") -> list[Part]:
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


def _back_of_neck(body: Body, depth: float, fill: str = "lining") -> Piece:
    """The inside of the back, seen through the neck hole."""
    return Piece(
        outline((-body.neck, 0, 0.08), (body.neck, 0), (body.neck * 0.8, depth + 0.1), (-body.neck * 0.8, depth + 0.1)),
        fill,
        0,
        0,
    )


def _hem_stitch(body: Body, above: float = 0.05) -> Line:
    y = body.length - above
    return Line(curve([(-body.hem * 0.98, y, -0.03), (body.hem * 0.98, y)]), 0.008, "stitch", dashed=True)


def _neckline(rng, body: Body, *, v_neck: bool, band: str) -> list[Part]:
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
        _back_of_neck(body, depth),
        back,
        front,
        Line(edge, rng.uniform(0.04, 0.07), band),
        Line(edge * [1.12, 1.1], 0.007),
    ]


def _chest_print(rng, body: Body) -> list[Part]:
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


def t_shirt(rng: np.random.Generator) -> list[Part]:
    """Short sleeves, round or V-shaped neck, no buttons, often a print."""
    body = _body(rng, length=(1.05, 1.35))
    parts = _neckline(rng, body, v_neck=rng.random() < 0.25, band=pick(rng, rib=3, trim=1))
    parts += _sleeves(
        rng, body, length=(0.34, 0.52), out=(0.55, 1.05), cuff=(0.8, 1.0), fill=pick(rng, cloth=5, trim=1)
    )
    parts.append(_hem_stitch(body))
    return parts + (_chest_print(rng, body) if rng.random() < 0.45 else [])


def longsleeve(rng: np.random.Generator) -> list[Part]:
    """A pullover: long sleeves, closed front, no collar; round, V-shaped or roll neck."""
    body = _body(rng, length=(1.05, 1.35))
    neck = pick(rng, round=6, v=2, roll=2)
    parts = _neckline(rng, body, v_neck=neck == "v", band="rib")
    ribbed = rng.random() < 0.7
    out = (0.1, 0.35) if rng.random() < 0.55 else (0.4, 0.85)
    parts += _sleeves(
        rng, body, length=(1.0, 1.2), out=out, bend=(-0.5, 0.15), cuff=(0.42, 0.6), rib="rib" if ribbed else None,
        fill=pick(rng, cloth=6, trim=1),
    )  # fmt: skip
    if ribbed:
        hem = symmetric(
            (body.hem * 1.01, body.length - 0.02), (body.hem * 0.95, body.length + 0.1, 0.03), closing=-0.03
        )
        parts.append(Piece(hem, "rib", 0, 0.4))
    else:
        parts.append(_hem_stitch(body))
    if neck == "roll":
        tall = rng.uniform(0.14, 0.24)
        roll = symmetric((body.neck * 0.95, -tall), (body.neck * 1.12, 0.06, 0.12), closing=0.1)
        parts += [
            Piece(roll, "rib", 0, 0.6),
            Line(curve([(-body.neck, -tall / 3, -0.1), (body.neck, -tall / 3)]), 0.012),
        ]
    return parts + (_chest_print(rng, body) if neck == "round" and rng.random() < 0.25 else [])


def _collar(body: Body, spread: float, drop: float) -> list[Part]:
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


def _pocket(centre, wide, tall, *, flap: bool = False) -> list[Part]:
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


def shirt(rng: np.random.Generator) -> list[Part]:
    """A turned-down collar and a placket with buttons; sleeves long or short."""
    body = _body(rng, length=(1.2, 1.5), flare=(-0.04, 0.05), neck=(0.15, 0.19))
    long = rng.random() < 0.62
    parts: list[Part] = [Piece(body.outline(closing=-0.3, hem_bend=rng.choice([0.02, 0.09])))]
    if long:
        out = (0.08, 0.35) if rng.random() < 0.6 else (0.4, 0.8)
        parts += _sleeves(rng, body, length=(1.05, 1.2), out=out, bend=(-0.5, 0.1), cuff=(0.42, 0.55), rib="collar")
    else:
        parts += _sleeves(rng, body, length=(0.38, 0.52), out=(0.5, 0.95), cuff=(0.85, 1.0))
    half = rng.uniform(0.035, 0.055)
    placket = outline((-half, 0.08), (half, 0.08), (half, body.length + 0.01), (-half, body.length + 0.01), soften=0.0)
    parts += [Piece(placket, "collar", 0, 0.2), Line(np.array([(half, 0.1), (half, body.length)]), 0.012)]
    buttons = int(rng.integers(5, 8))
    parts += [Dot((0, y), 0.026) for y in np.linspace(0.17, body.length - 0.15, buttons)]
    if rng.random() < 0.6:
        wide = body.chest * 0.24
        pocket = _pocket((body.chest * 0.52, body.armhole - 0.08), wide, 0.24, flap=rng.random() < 0.3)
        parts += pocket if rng.random() < 0.65 else both_sides(pocket)
    parts += _collar(body, rng.uniform(0.55, 1.0), rng.uniform(0.2, 0.3))
    return [*parts, Dot((0, 0.11), 0.022)]


def _front_opening(rng, body: Body, gap: float) -> list[Part]:
    """The lining between the two halves of an open front."""
    wide = max(gap, 0.01)
    inside = outline(
        (-body.neck, 0),
        (body.neck, 0),
        (wide, body.armhole),
        (wide * 1.5, body.length),
        (-wide * 1.5, body.length),
        (-wide, body.armhole),
    )
    return [
        Piece(inside, "lining", 0, 0.0),
        *both_sides([Line(curve([(body.neck, 0.02), (wide, body.armhole), (wide * 1.5, body.length)]), 0.022)]),
    ]


def _lapels(body: Body, depth: float, gap: float) -> list[Part]:
    """Lapels and collar of a coat or blazer; what shows between them is the lining."""
    inside = outline((-body.neck, -0.03), (body.neck, -0.03), (gap, depth), (-gap, depth), soften=0.01)
    lapel = outline(
        (body.neck * 0.95, -0.05),
        (body.neck * 1.75, 0.2),
        (body.neck * 1.45, 0.26),
        (body.neck * 1.7, 0.32),
        (gap, depth, 0.04),
        soften=0.008,
    )
    return [Piece(inside, "lining", 0, 0), *both_sides([Piece(lapel, "collar", 0.35, 0.55)])]


def _hood(rng, body: Body) -> list[Part]:
    tall = rng.uniform(0.34, 0.45)
    hood = symmetric((0.02, -tall, 0.12), (body.neck * 1.35, -tall * 0.62, 0.1), (body.neck * 1.5, 0.08, 0.1))
    hole = symmetric((0.01, -tall * 0.7, 0.12), (body.neck * 0.85, -tall * 0.4, 0.1), (body.neck * 0.7, 0.12, 0.1))
    edge = "fur" if rng.random() < 0.3 else "seam"
    ring = np.vstack([hole, hole[:1]])
    return [Piece(hood), Piece(hole, "lining", 0, 0.0), Line(ring, 0.1 if edge == "fur" else 0.02, edge)]


def _zip(body: Body, x: float, top: float) -> list[Part]:
    places = np.array([(x, top), (x, body.length)])
    return [
        Line(places, 0.045, "lining"),
        Line(places, 0.02, "metal", dashed=True),
        Dot((x, top + 0.06), 0.028, "metal"),
    ]


def outwear(rng: np.random.Generator) -> list[Part]:
    """A jacket or coat: thick, opening all the way down; hood, lapels, stand collar or quilting."""
    kind = pick(rng, puffer=3, coat=3, parka=3, bomber=2)
    tall = {"puffer": (1.1, 1.4), "coat": (1.7, 2.1), "parka": (1.35, 1.75), "bomber": (1.05, 1.2)}[kind]
    body = _body(
        rng, length=tall, width=(0.5, 0.6), flare=(0.0, 0.12) if kind == "coat" else (-0.03, 0.04), neck=(0.18, 0.22)
    )
    gap = rng.uniform(0.06, 0.16) if rng.random() < 0.4 else 0.0
    out = (0.1, 0.3) if rng.random() < 0.6 else (0.35, 0.65)
    knitted = "rib" if kind == "bomber" else None
    parts: list[Part] = [Piece(body.outline(closing=-0.15), height=1.5)]
    if gap:
        parts += _front_opening(rng, body, gap)
    if kind == "bomber":
        hem = symmetric(
            (body.hem * 0.99, body.length - 0.03), (body.hem * 0.9, body.length + 0.12, 0.02), closing=-0.02
        )
        parts.append(Piece(hem, "rib", 0, 0.5))
    if kind == "puffer":
        rows = np.arange(body.armhole - 0.15, body.length - 0.05, rng.uniform(0.15, 0.24))
        parts += [part for y in rows for part in _quilting(body, y, gap)]
    sleeves = _sleeves(rng, body, length=(1.05, 1.2), out=out, bend=(-0.35, 0.05), cuff=(0.6, 0.78), rib=knitted)
    parts += sleeves
    if kind != "bomber" or rng.random() < 0.5:
        low = body.length * rng.uniform(0.58, 0.66)
        parts += both_sides(_pocket((body.chest * 0.58, low), body.chest * 0.25, 0.26, flap=rng.random() < 0.7))
    if kind == "coat":
        depth = rng.uniform(0.55, 0.8)
        parts += _lapels(body, depth, gap or 0.02)
        columns = (-0.13, 0.13) if rng.random() < 0.5 and not gap else (gap + 0.06,)
        parts += [] if gap else [Line(np.array([(0.03, depth), (0.03, body.length)]), 0.016)]
        parts += [Dot((x, y), 0.036) for y in np.linspace(depth + 0.08, body.length * 0.75, 3) for x in columns]
        return parts
    parts += both_sides(_zip(body, gap, body.armhole * 0.6)) if gap else _zip(body, 0.0, 0.06)
    if kind == "parka" or rng.random() < 0.35:
        return _hood(rng, body)[:1] + parts + _hood_front(rng, body)
    stand = symmetric((body.neck * 0.95, -0.12), (body.neck * 1.15, 0.08, 0.1), closing=0.05)
    return [
        *parts,
        Piece(stand, "rib" if knitted else "collar", 0, 0.7),
        *([] if gap else [Line(np.array([(0, -0.12), (0, 0.1)]), 0.02)]),
    ]


def _hood_front(rng, body: Body) -> list[Part]:
    tall = rng.uniform(0.34, 0.42)
    hood = symmetric((0.02, -tall, 0.12), (body.neck * 1.3, -tall * 0.6, 0.12), (body.neck * 1.45, 0.1, 0.12))
    hole = symmetric((0.01, -tall * 0.72, 0.12), (body.neck * 0.85, -tall * 0.4, 0.1), (body.neck * 0.65, 0.1, 0.1))
    rim = "fur" if rng.random() < 0.35 else "seam"
    ring = np.vstack([hole, hole[:1]])
    parts: list[Part] = [Piece(hood), Piece(hole, "lining", 0, 0.0), Line(ring, 0.11 if rim == "fur" else 0.02, rim)]
    return parts + both_sides([Line(curve([(0.06, 0.12, 0.05), (0.08, 0.42)]), 0.018, "lace")])


def _quilting(body: Body, y: float, gap: float) -> list[Part]:
    """A quilting seam across both fronts, with the puffed edge under it catching the light."""
    wide = body.chest * 0.99
    seams = [curve([(gap + 0.02, y, 0.05), (wide, y - 0.02)])]
    return both_sides([part for seam in seams for part in (Line(seam, 0.022), Line(seam + [0, 0.03], 0.018, "gleam"))])


def dress(rng: np.random.Generator) -> list[Part]:
    """A bodice and a skirt in one: narrow waist, wide hem; straps, no sleeves, or sleeves."""
    length, chest = rng.uniform(1.55, 2.2), rng.uniform(0.34, 0.42)
    waist_y, flare = rng.uniform(0.66, 0.82), rng.uniform(0.42, 0.85)
    top = pick(rng, straps=3, sleeveless=3, short=3, long=1.5)
    body = Body(rng.uniform(0.16, 0.22), chest * 0.94, 0.09, chest, 0.38, chest * 0.8, chest, waist_y)
    hem_bend = rng.uniform(0.04, 0.1)
    skirt = symmetric((chest * 0.78, waist_y - 0.02, -0.03 if rng.random() < 0.5 else 0.09), (flare, length, hem_bend))
    bodice = body.outline(closing=-rng.uniform(0.3, 0.6))
    if top == "straps":
        y = rng.uniform(0.2, 0.3)
        bodice = symmetric(
            (chest * 0.72, y, -0.15),
            (chest, 0.42, -0.05),
            (chest * 0.8, waist_y, 0.02),
            closing=rng.uniform(-0.18, 0.08),
        )
        parts: list[Part] = both_sides(
            [Line(curve([(chest * 0.62, y + 0.05, -0.05), (chest * 0.45, -0.08)]), 0.05, "rib")]
        )
        parts += (
            [Line(curve([(-chest * 0.45, -0.08, 0.1), (chest * 0.45, -0.08)]), 0.03, "lining")]
            if rng.random() < 0.4
            else []
        )
    else:
        parts = [_back_of_neck(body, 0.15)]
    parts += [Piece(skirt), Piece(bodice, height=0.8)]
    parts += _pleats(rng, chest * 0.78, waist_y, flare, length)
    if top in ("short", "long"):
        span = (0.3, 0.42) if top == "short" else (0.85, 1.0)
        parts += _sleeves(rng, body, length=span, out=(0.3, 0.8), cuff=(0.7, 1.0) if top == "short" else (0.5, 0.7))
    if rng.random() < 0.55:
        belt = symmetric((chest * 0.8, waist_y - 0.05), (chest * 0.81, waist_y + 0.05))
        parts.append(Piece(belt, pick(rng, trim=2, rib=1), 0, 0.35))
        parts += [Dot((0, waist_y), 0.035, "metal")] if rng.random() < 0.4 else []
    else:
        parts.append(Line(curve([(-chest * 0.8, waist_y, -0.03), (chest * 0.8, waist_y)])))
    return parts


def _pleats(rng, top: float, top_y: float, hem: float, hem_y: float, count: int | None = None) -> list[Part]:
    """Folds that fall from the waist of a skirt to its hem."""
    places = np.linspace(-0.85, 0.85, count or int(rng.integers(3, 8)))
    lines: list[Part] = []
    for place in places + rng.normal(0, 0.03, len(places)):
        start = top_y + (hem_y - top_y) * (0.03 if count else rng.uniform(0.03, 0.5))
        share = (start - top_y) / (hem_y - top_y)
        path = curve([(place * (top + (hem - top) * share), start, 0.03 * place), (place * hem * 0.97, hem_y - 0.01)])
        lines += [Line(path, 0.016), Line(path + [0.02, 0], 0.012, "gleam")]
    return lines
