"""Patterns for t-shirt, longsleeve, shirt and dress. Each function returns the parts, bottom layer first."""

import numpy as np

from .bodies import Body, back_of_neck, chest_print, collar, hem_stitch, make_body, neckline, pleats, pocket, sleeves
from .cloth import pick
from .shapes import Dot, Line, Part, Piece, both_sides, curve, outline, symmetric


def t_shirt(rng: np.random.Generator) -> list[Part]:
    """Short sleeves, round or V-shaped neck, no buttons, often a print."""
    body = make_body(rng, length=(1.05, 1.35))
    parts = neckline(rng, body, v_neck=rng.random() < 0.25, band=pick(rng, rib=3, trim=1))
    parts += sleeves(rng, body, length=(0.34, 0.52), out=(0.55, 1.05), cuff=(0.8, 1.0), fill=pick(rng, cloth=5, trim=1))
    parts.append(hem_stitch(body))
    return parts + (chest_print(rng, body) if rng.random() < 0.45 else [])


def longsleeve(rng: np.random.Generator) -> list[Part]:
    """A pullover: long sleeves, closed front, no collar; round, V-shaped or roll neck."""
    body = make_body(rng, length=(1.05, 1.35))
    neck = pick(rng, round=6, v=2, roll=2)
    parts = neckline(rng, body, v_neck=neck == "v", band="rib")
    ribbed = rng.random() < 0.7
    out = (0.1, 0.35) if rng.random() < 0.55 else (0.4, 0.85)
    parts += sleeves(
        rng,
        body,
        length=(1.0, 1.2),
        out=out,
        bend=(-0.5, 0.15),
        cuff=(0.42, 0.6),
        rib="rib" if ribbed else None,
        fill=pick(rng, cloth=6, trim=1),
    )
    if ribbed:
        hem = symmetric(
            (body.hem * 1.01, body.length - 0.02), (body.hem * 0.95, body.length + 0.1, 0.03), closing=-0.03
        )
        parts.append(Piece(hem, "rib", 0, 0.4))
    else:
        parts.append(hem_stitch(body))
    if neck == "roll":
        tall = rng.uniform(0.14, 0.24)
        roll = symmetric((body.neck * 0.95, -tall), (body.neck * 1.12, 0.06, 0.12), closing=0.1)
        parts += [
            Piece(roll, "rib", 0, 0.6),
            Line(curve([(-body.neck, -tall / 3, -0.1), (body.neck, -tall / 3)]), 0.012),
        ]
    return parts + (chest_print(rng, body) if neck == "round" and rng.random() < 0.25 else [])


def shirt(rng: np.random.Generator) -> list[Part]:
    """A turned-down collar and a placket with buttons; sleeves long or short."""
    body = make_body(rng, length=(1.2, 1.5), flare=(-0.04, 0.05), neck=(0.15, 0.19))
    long = rng.random() < 0.62
    parts: list[Part] = [Piece(body.outline(closing=-0.3, hem_bend=rng.choice([0.02, 0.09])))]
    if long:
        out = (0.08, 0.35) if rng.random() < 0.6 else (0.4, 0.8)
        parts += sleeves(rng, body, length=(1.05, 1.2), out=out, bend=(-0.5, 0.1), cuff=(0.42, 0.55), rib="collar")
    else:
        parts += sleeves(rng, body, length=(0.38, 0.52), out=(0.5, 0.95), cuff=(0.85, 1.0))
    half = rng.uniform(0.035, 0.055)
    placket = outline((-half, 0.08), (half, 0.08), (half, body.length + 0.01), (-half, body.length + 0.01), soften=0.0)
    parts += [Piece(placket, "collar", 0, 0.2), Line(np.array([(half, 0.1), (half, body.length)]), 0.012)]
    buttons = int(rng.integers(5, 8))
    parts += [Dot((0, y), 0.026) for y in np.linspace(0.17, body.length - 0.15, buttons)]
    if rng.random() < 0.6:
        wide = body.chest * 0.24
        patch = pocket((body.chest * 0.52, body.armhole - 0.08), wide, 0.24, flap=rng.random() < 0.3)
        parts += patch if rng.random() < 0.65 else both_sides(patch)
    parts += collar(body, rng.uniform(0.55, 1.0), rng.uniform(0.2, 0.3))
    return [*parts, Dot((0, 0.11), 0.022)]


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
        parts = [back_of_neck(body, 0.15)]
    parts += [Piece(skirt), Piece(bodice, height=0.8)]
    parts += pleats(rng, chest * 0.78, waist_y, flare, length)
    if top in ("short", "long"):
        span = (0.3, 0.42) if top == "short" else (0.85, 1.0)
        parts += sleeves(rng, body, length=span, out=(0.3, 0.8), cuff=(0.7, 1.0) if top == "short" else (0.5, 0.7))
    if rng.random() < 0.55:
        belt = symmetric((chest * 0.8, waist_y - 0.05), (chest * 0.81, waist_y + 0.05))
        parts.append(Piece(belt, pick(rng, trim=2, rib=1), 0, 0.35))
        parts += [Dot((0, waist_y), 0.035, "metal")] if rng.random() < 0.4 else []
    else:
        parts.append(Line(curve([(-chest * 0.8, waist_y, -0.03), (chest * 0.8, waist_y)])))
    return parts
