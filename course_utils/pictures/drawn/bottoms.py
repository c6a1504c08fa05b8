"""Patterns for pants, shorts and skirt. Each function returns the parts, bottom layer first."""

import numpy as np

from .bodies import pleats
from .cloth import pick
from .shapes import Dot, Line, Part, Piece, both_sides, curve, ellipse, nudged, outline, symmetric


def _waistband(half: float, fill: str, depth: float = 0.1) -> list[Part]:
    """A band along the top edge, with the inside of the back above it."""
    inside = outline((-half, 0, 0.05), (half, 0), (half * 0.97, 0.06), (-half * 0.97, 0.06))
    band = symmetric((half, 0.0), (half * 1.03, depth, 0.03), closing=-0.05, soften=0.012)
    return [Piece(inside, "lining", 0, 0.0), Piece(band, fill, 0, 0.35)]


def _legs(
    *, waist: float, hip: float, crotch: float, length: float, knee: float, hem: float, apart: float
) -> np.ndarray:
    """The outline of two legs: half-widths of waist and hip, widths of knee and hem; `apart` moves the hems out."""
    middle = crotch + (length - crotch) * 0.45
    centre = hip * 0.52
    at_knee, at_hem = centre + apart * 0.45, centre + apart
    return symmetric(
        (waist, 0.03, 0.05),
        (hip, crotch * 0.75, 0.01),
        (at_knee + knee / 2, middle, 0.0),
        (at_hem + hem / 2, length, 0.04),
        (at_hem - hem / 2, length, 0.0),
        (at_knee - knee / 2, middle, 0.0),
        (0.015, crotch, 0.0),
        closing=-0.03,
        soften=0.022,
    )


def _fly(rng: np.random.Generator, crotch: float, *, jeans: bool, waist: float) -> list[Part]:
    """What tells trousers from other cloth: fly, pockets, rivets and loops, or a draw-string."""
    if not jeans:
        ends = [
            curve([(0.02, 0.08, 0.2 * side), (side * rng.uniform(0.06, 0.14), rng.uniform(0.28, 0.4))])
            for side in (1, -1)
        ]
        pockets = both_sides([Line(curve([(waist * 0.86, 0.14, -0.08), (waist * 1.04, 0.42)]), 0.014)])
        return [*pockets, *(Line(end, 0.02, "lace") for end in ends), Line(np.array([(0, 0.12), (0, crotch)]), 0.01)]
    fly = curve([(0.07, 0.11), (0.07, crotch * 0.55, 0.2), (0.0, crotch * 0.85)])
    pocket = curve([(waist * 0.45, 0.11, -0.28), (waist * 1.04, 0.3)])
    parts: list[Part] = [Line(np.array([(0, 0.1), (0, crotch)]), 0.014), Line(fly, 0.01, "stitch", dashed=True)]
    parts += both_sides([Line(pocket, 0.016), Line(nudged(pocket, 0, 0.03), 0.009, "stitch", dashed=True)])
    loops = [(x * waist, 0.0) for x in (-0.75, -0.3, 0.3, 0.75)]
    parts += [Line(np.array([(x, y - 0.01), (x, y + 0.12)]), 0.028, "seam") for x, y in loops]
    return [*parts, Dot((0.0, 0.055), 0.03, "metal")]


def pants(rng: np.random.Generator) -> list[Part]:
    """Two long legs: jeans or chinos with fly and pockets, or joggers with cuffs."""
    jeans = rng.random() < 0.68
    waist, crotch, length = rng.uniform(0.3, 0.4), rng.uniform(0.5, 0.64), rng.uniform(1.85, 2.35)
    hip = waist + rng.uniform(0.04, 0.1)
    cut = pick(rng, skinny=3, straight=4, flared=1, wide=1.5)
    knee = hip * {"skinny": 0.68, "straight": 0.8, "flared": 0.66, "wide": 0.98}[cut] * rng.uniform(0.93, 1.07)
    hem = knee * {"skinny": 0.74, "straight": 0.92, "flared": 1.35, "wide": 1.12}[cut]
    apart = max(rng.uniform(0.02, 0.2), hem / 2 - hip * 0.52 + 0.04, (knee / 2 - hip * 0.52 + 0.02) / 0.45)
    legs = _legs(waist=waist, hip=hip, crotch=crotch, length=length, knee=knee, hem=hem, apart=apart)
    parts: list[Part] = [Piece(legs)]
    parts += _waistband(waist, "cloth" if jeans else "rib", 0.1)
    parts += _fly(rng, crotch, jeans=jeans, waist=waist)
    x = hip * 0.52 + apart
    if not jeans or rng.random() < 0.25:  # ribbed or turned-up hems
        cuff = outline(
            (x - hem * 0.5, length - 0.1),
            (x + hem * 0.5, length - 0.1),
            (x + hem * 0.44, length + 0.05),
            (x - hem * 0.44, length + 0.05),
        )
        parts += both_sides([Piece(cuff, "lining" if jeans else "rib", 0, 0.4)])
    else:
        parts += both_sides(
            [
                Line(
                    np.array([(x - hem * 0.48, length - 0.05), (x + hem * 0.48, length - 0.05)]),
                    0.009,
                    "stitch",
                    dashed=True,
                )
            ]
        )
    if rng.random() < 0.4:  # pressed crease or side seam
        seam = curve(
            [(hip * 0.6, 0.3), (hip * 0.52 + apart * 0.45, crotch + (length - crotch) * 0.45), (x, length - 0.06)]
        )
        parts += both_sides([Line(seam, 0.01)])
    if jeans and rng.random() < 0.2:
        y = crotch + (length - crotch) * 0.42
        parts.append(Piece(ellipse((hip * 0.52 + apart * 0.4, y), knee * 0.27, 0.06), "lining", 0, 0.2))
    return parts


def shorts(rng: np.random.Generator) -> list[Part]:
    """Two short legs: cut-off jeans, chinos or sports shorts."""
    kind = pick(rng, jeans=3, chino=3, sport=3)
    waist, crotch = rng.uniform(0.36, 0.46), rng.uniform(0.46, 0.56)
    hip, length = waist + rng.uniform(0.06, 0.14), rng.uniform(0.72, 1.08)
    hem, apart = hip * rng.uniform(0.95, 1.1), rng.uniform(0.06, 0.18)
    legs = _legs(waist=waist, hip=hip, crotch=crotch, length=length, knee=hem, hem=hem, apart=apart)
    parts: list[Part] = [
        Piece(legs),
        *_waistband(waist, "rib" if kind == "sport" else "cloth", rng.uniform(0.09, 0.14)),
    ]
    parts += _fly(rng, crotch, jeans=kind != "sport", waist=waist)
    x = hip * 0.52 + apart
    if kind == "sport":
        side = outline(
            (hip * 0.98, crotch * 0.4),
            (hip * 1.03, crotch * 0.4),
            (x + hem * 0.5, length),
            (x + hem * 0.36, length),
            soften=0.0,
        )
        parts += both_sides([Piece(side, "trim", 0, 0)]) if rng.random() < 0.6 else []
    elif kind == "jeans" and rng.random() < 0.6:
        fringe = rng.uniform(-1, 1, 30)
        places = np.linspace(x - hem * 0.48, x + hem * 0.48, 30)
        parts += both_sides(
            [
                Line(np.array([(p, length - 0.02), (p + 0.02 * f, length + 0.03 + 0.02 * f)]), 0.012, "trim")
                for p, f in zip(places, fringe, strict=True)
            ]
        )
    else:
        cuff = outline(
            (x - hem * 0.5, length - 0.11),
            (x + hem * 0.51, length - 0.11),
            (x + hem * 0.53, length + 0.01, 0.03),
            (x - hem * 0.51, length + 0.01),
            soften=0.012,
        )
        parts += both_sides([Piece(cuff, "cloth", 0, 0.35)])
    return parts


def skirt(rng: np.random.Generator) -> list[Part]:
    """One wide tube from the waist: A-line, pencil, pleated, tiered or buttoned."""
    kind = pick(rng, flared=3, pencil=2, pleated=3, tiered=1.5, buttoned=2)
    waist = rng.uniform(0.3, 0.38)
    length = rng.uniform(0.85, 1.4) if kind != "pencil" else rng.uniform(1.0, 1.3)
    hem = waist * rng.uniform(1.05, 1.3) if kind == "pencil" else waist + length * rng.uniform(0.3, 0.6)
    side = 0.06 if kind == "pencil" else rng.uniform(-0.04, 0.06)
    parts: list[Part] = [Piece(symmetric((waist, 0.04, side), (hem, length, rng.uniform(0.04, 0.09)), closing=-0.04))]
    if kind in ("flared", "pleated"):
        parts += pleats(rng, waist, 0.08, hem, length + 0.03, 11 if kind == "pleated" else None)
    if kind == "pencil":
        parts += both_sides([Line(np.array([(waist * 0.5, 0.1), (waist * 0.56, 0.36)]), 0.012)])
        parts.append(Line(np.array([(0, length * 0.7), (0, length * 1.03)]), 0.022))
    if kind == "tiered":
        for share in (0.4, 0.7):
            half, y = waist + (hem - waist) * share, length * share
            tier = symmetric(
                (half * 0.97, y, side),
                (hem * (1.02 if share == 0.7 else 0.86), length * (share + 0.33), 0.06),
                closing=-0.05,
            )
            parts.append(Piece(tier, pick(rng, cloth=2, trim=1), 0, 0.6))
    if kind == "buttoned":
        parts.append(Line(np.array([(0.05, 0.1), (0.05, length * 1.04)]), 0.012))
        parts += [Dot((0, y), 0.03) for y in np.arange(0.17, length, 0.17)]
        parts += both_sides(_patch_pocket(waist))
    parts += _waistband(waist, pick(rng, cloth=2, rib=2, trim=1), rng.uniform(0.08, 0.14))
    hem_line = curve([(-hem * 0.96, length - 0.05, -0.06), (hem * 0.96, length - 0.05)])
    return [*parts, Line(hem_line, 0.009, "stitch", dashed=True)] if kind in ("pencil", "buttoned") else parts


def _patch_pocket(waist: float) -> list[Part]:
    x, wide = waist * 0.72, waist * 0.3
    return [
        Piece(
            outline((x - wide, 0.26), (x + wide, 0.24), (x + wide, 0.5), (x, 0.56), (x - wide, 0.5), soften=0.02),
            "cloth",
            0,
            0.25,
        )
    ]
