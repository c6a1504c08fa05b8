"""Pattern for outwear: puffer jackets, coats, parkas and bombers."""

import numpy as np

from .bodies import Body, make_body, pocket, sleeves
from .cloth import pick
from .shapes import Dot, Line, Part, Piece, both_sides, curve, nudged, outline, symmetric


def outwear(rng: np.random.Generator) -> list[Part]:
    """A jacket or coat: thick, opening all the way down; hood, lapels, stand collar or quilting."""
    kind = pick(rng, puffer=3, coat=3, parka=3, bomber=2)
    tall = {"puffer": (1.1, 1.4), "coat": (1.7, 2.1), "parka": (1.35, 1.75), "bomber": (1.05, 1.2)}[kind]
    body = make_body(
        rng, length=tall, width=(0.5, 0.6), flare=(0.0, 0.12) if kind == "coat" else (-0.03, 0.04), neck=(0.18, 0.22)
    )
    gap = rng.uniform(0.06, 0.16) if rng.random() < 0.4 else 0.0
    out = (0.1, 0.3) if rng.random() < 0.6 else (0.35, 0.65)
    knitted = "rib" if kind == "bomber" else None
    parts: list[Part] = [Piece(body.outline(closing=-0.15), height=1.5)]
    if gap:
        parts += _front_opening(body, gap)
    if kind == "bomber":
        hem = symmetric(
            (body.hem * 0.99, body.length - 0.03), (body.hem * 0.9, body.length + 0.12, 0.02), closing=-0.02
        )
        parts.append(Piece(hem, "rib", 0, 0.5))
    if kind == "puffer":
        rows = np.arange(body.armhole - 0.15, body.length - 0.05, rng.uniform(0.15, 0.24))
        parts += [part for y in rows for part in _quilting(body, y, gap)]
    parts += sleeves(rng, body, length=(1.05, 1.2), out=out, bend=(-0.35, 0.05), cuff=(0.6, 0.78), rib=knitted)
    if kind != "bomber" or rng.random() < 0.5:
        low = body.length * rng.uniform(0.58, 0.66)
        parts += both_sides(pocket((body.chest * 0.58, low), body.chest * 0.25, 0.26, flap=rng.random() < 0.7))
    if kind == "coat":
        depth = rng.uniform(0.55, 0.8)
        parts += _lapels(body, depth, gap or 0.02)
        columns = (-0.13, 0.13) if rng.random() < 0.5 and not gap else (gap + 0.06,)
        parts += [] if gap else [Line(np.array([(0.03, depth), (0.03, body.length)]), 0.016)]
        parts += [Dot((x, y), 0.036) for y in np.linspace(depth + 0.08, body.length * 0.75, 3) for x in columns]
        return parts
    parts += both_sides(_zip(body, gap, body.armhole * 0.6)) if gap else _zip(body, 0.0, 0.06)
    if kind == "parka" or rng.random() < 0.35:
        return parts + _hood(rng, body)
    stand = symmetric((body.neck * 0.95, -0.12), (body.neck * 1.15, 0.08, 0.1), closing=0.05)
    return [
        *parts,
        Piece(stand, "rib" if knitted else "collar", 0, 0.7),
        *([] if gap else [Line(np.array([(0, -0.12), (0, 0.1)]), 0.02)]),
    ]


def _front_opening(body: Body, gap: float) -> list[Part]:
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


def _hood(rng: np.random.Generator, body: Body) -> list[Part]:
    tall = rng.uniform(0.34, 0.42)
    hood = symmetric((0.02, -tall, 0.12), (body.neck * 1.3, -tall * 0.6, 0.12), (body.neck * 1.45, 0.1, 0.12))
    hole = symmetric((0.01, -tall * 0.72, 0.12), (body.neck * 0.85, -tall * 0.4, 0.1), (body.neck * 0.65, 0.1, 0.1))
    rim = "fur" if rng.random() < 0.35 else "seam"
    ring = np.vstack([hole, hole[:1]])
    parts: list[Part] = [Piece(hood), Piece(hole, "lining", 0, 0.0), Line(ring, 0.11 if rim == "fur" else 0.02, rim)]
    return parts + both_sides([Line(curve([(0.06, 0.12, 0.05), (0.08, 0.42)]), 0.018, "lace")])


def _zip(body: Body, x: float, top: float) -> list[Part]:
    places = np.array([(x, top), (x, body.length)])
    return [
        Line(places, 0.045, "lining"),
        Line(places, 0.02, "metal", dashed=True),
        Dot((x, top + 0.06), 0.028, "metal"),
    ]


def _quilting(body: Body, y: float, gap: float) -> list[Part]:
    """A quilting seam across both fronts, with the puffed edge under it catching the light."""
    wide = body.chest * 0.99
    seams = [curve([(gap + 0.02, y, 0.05), (wide, y - 0.02)])]
    return both_sides(
        [part for seam in seams for part in (Line(seam, 0.022), Line(nudged(seam, 0, 0.03), 0.018, "gleam"))]
    )
