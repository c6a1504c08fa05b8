"""Patterns for pants, shorts, skirt, hat and shoes. Each function returns the parts, bottom layer first."""

import numpy as np

from .cloth import pick
from .shapes import Dot, Line, Part, Piece, both_sides, curve, ellipse, outline, symmetric, transformed
from .tops import _pleats


def _waistband(half: float, fill: str, depth: float = 0.1) -> list[Part]:
    """A band along the top edge, with the inside of the back above it."""
    inside = outline((-half, 0, 0.05), (half, 0), (half * 0.97, 0.06), (-half * 0.97, 0.06))
    band = symmetric((half, 0.0), (half * 1.03, depth, 0.03), closing=-0.05, soften=0.012)
    return [Piece(inside, "lining", 0, 0.0), Piece(band, fill, 0, 0.35)]


def _legs(
    rng, *, waist: float, hip: float, crotch: float, length: float, knee: float, hem: float, apart: float
) -> np.ndarray:
    """The outline of two legs: half-widths of waist and hip, widths of knee and hem, `apart` moves the hems outwards."""
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


def _fly(rng, crotch: float, *, jeans: bool, waist: float) -> list[Part]:
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
    parts += both_sides([Line(pocket, 0.016), Line(pocket + [0, 0.03], 0.009, "stitch", dashed=True)])
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
    apart = rng.uniform(0.02, 0.2)
    legs = _legs(rng, waist=waist, hip=hip, crotch=crotch, length=length, knee=knee, hem=hem, apart=apart)
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
    legs = _legs(rng, waist=waist, hip=hip, crotch=crotch, length=length, knee=hem, hem=hem, apart=apart)
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
        parts += _pleats(rng, waist, 0.08, hem, length + 0.03, 11 if kind == "pleated" else None)
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


def hat(rng: np.random.Generator) -> list[Part]:
    """A cap, a woollen hat, a hat with a wide brim, or a bucket hat."""
    kind = pick(rng, cap=4, woollen=3, brimmed=4, bucket=2)
    parts = {"cap": _cap, "woollen": _woollen, "brimmed": _brimmed, "bucket": _bucket}[kind](rng)
    return transformed(parts, flip=rng.random() < 0.5)


def _cap(rng) -> list[Part]:
    """A cap from the side, or from the front."""
    tall, reach = rng.uniform(0.6, 0.72), rng.uniform(0.5, 0.68)
    peak = pick(rng, cloth=3, trim=2)
    if rng.random() < 0.55:
        top = -0.06
        dome = outline((-0.66, 0.1, 0.26), (top, -tall, 0.24), (0.6, 0.02, 0.05), soften=0.04)
        visor = outline(
            (0.0, 0.08, -0.05), (0.57, -0.06, 0.09), (0.6 + reach, 0.2, 0.3), (0.52 + reach, 0.26, -0.12), soften=0.02
        )
        panels = [curve([(top, -tall, 0.2), (0.3, 0.02)]), curve([(top, -tall, -0.16), (-0.34, 0.1)])]
        stitches = [curve([(0.2, 0.05, 0.04), (0.5 + reach, 0.2)]), curve([(0.4, 0.0, 0.06), (0.5 + reach, 0.17)])]
        badge = (0.3, -tall * 0.45)
    else:
        top = 0.0
        dome = symmetric((0.0, -tall, 0.2), (0.6, -0.05, 0.03), (0.57, 0.14, -0.05), soften=0.04)
        visor = symmetric((0.59, 0.05, 0.16), (0.42, 0.16 + reach * 0.35, 0.08), closing=0.13, soften=0.03)
        seams = [curve([(0, -tall, side * 0.18), (side * 0.32, 0.0)]) for side in (1, -1)]
        panels = [*seams, np.array([(0, -tall), (0, -0.1)])]
        stitches = [curve([(-0.5, 0.1 + y, -0.14), (0.5, 0.1 + y)]) for y in (0.04, 0.1)]
        badge = (0.0, -tall * 0.42)
    parts: list[Part] = [Piece(dome, height=1.3), *(Line(panel, 0.014) for panel in panels)]
    parts += [Line(panel + [0.03, 0], 0.009, "stitch", dashed=True) for panel in panels]
    parts += [Dot((top, -tall + 0.01), 0.045, "cloth")]
    if rng.random() < 0.6:
        parts.append(Piece(ellipse(badge, 0.15, 0.13), "print", 0, 0.15))
    return [*parts, Piece(visor, peak, 0.2, 0.8), *(Line(line, 0.009, "stitch", dashed=True) for line in stitches)]


def _woollen(rng) -> list[Part]:
    tall, half, deep = rng.uniform(0.75, 1.05), rng.uniform(0.48, 0.58), rng.uniform(0.2, 0.3)
    dome = symmetric((0.06, -tall, 0.16), (half * 0.88, -tall * 0.45, 0.07), (half, 0.02, 0.03))
    band = symmetric((half * 1.02, -deep, 0.02), (half * 1.03, 0.05, 0.04), closing=0.02)
    parts: list[Part] = [Piece(dome)]
    if rng.random() < 0.65:
        ball = ellipse((0, -tall - 0.06), 0.17, 0.16) + rng.normal(0, 0.012, (48, 2))
        parts.append(Piece(ball, "fur", 0, 1.0))
    ribs = [Line(curve([(x * half, -deep + 0.01), (x * half, 0.05)]), 0.01) for x in np.linspace(-0.9, 0.9, 13)]
    return [*parts, Piece(band, "rib", 0, 0.7), *ribs]


def _brimmed(rng) -> list[Part]:
    reach, tall, tilt = rng.uniform(0.9, 1.2), rng.uniform(0.45, 0.62), rng.uniform(0.16, 0.3)
    half = rng.uniform(0.42, 0.52)
    dip = rng.uniform(0.0, 0.1)
    brim = Piece(ellipse((0, 0), reach, tilt), "cloth", 0, 1.2)
    edge = ellipse((0, 0), reach * 0.95, tilt * 0.9)[2:23]
    crown = symmetric(
        (0.0, -tall + dip, 0.05),
        (half * 0.55, -tall - 0.03, 0.1),
        (half * 0.88, -tall * 0.7, 0.02),
        (half, -0.02, 0.12),
    )
    band = symmetric((half * 0.97, -0.16), (half * 1.0, 0.0, 0.12), closing=-0.1, soften=0.01)
    pinch = [Line(curve([(0.0, -tall + dip + 0.03, 0.2), (half * 0.3, -tall * 0.6)]), 0.016)] if dip > 0.04 else []
    parts = [brim, Line(edge, 0.012), Piece(crown, height=1.2), *pinch, Piece(band, "trim", 0, 0.25)]
    return [*parts, Piece(ellipse((half * 0.7, -0.07), 0.09, 0.06), "trim", 0, 0.4)] if rng.random() < 0.4 else parts


def _bucket(rng) -> list[Part]:
    half, tall, reach = rng.uniform(0.4, 0.48), rng.uniform(0.42, 0.55), rng.uniform(0.72, 0.88)
    drop = rng.uniform(0.22, 0.32)
    brim = symmetric((half, -0.05), (reach, drop, 0.16), closing=0)
    crown = symmetric((half * 0.72, -tall, 0.06), (half * 1.02, 0.0, 0.1), closing=0.12)
    parts: list[Part] = [Piece(crown), Piece(brim, height=1.1)]
    for share in (0.35, 0.65, 0.9):
        x, y = half + (reach - half) * share, -0.05 + (drop + 0.05) * share
        parts.append(Line(curve([(-x, y, -0.15), (x, y)]), 0.009, "stitch", dashed=True))
    return [
        *parts,
        Line(curve([(-half * 0.72, -tall, -0.1), (half * 0.72, -tall)]), 0.014),
        *both_sides([Dot((half * 0.75, -tall * 0.45), 0.03, "lining")]),
    ]


def shoes(rng: np.random.Generator) -> list[Part]:
    """A pair or one: sneaker, boot, court shoe with a heel, slip-on from the side; sneakers or slippers from above."""
    kind = pick(rng, sneaker=4, boot=3, heel=3, slip_on=2, above=3, slippers=1.5)
    if kind in ("above", "slippers"):
        return _from_above(rng, slippers=kind == "slippers")
    make = {"sneaker": _sneaker, "boot": _boot, "heel": _heel, "slip on": _slip_on}[kind]
    state = rng.bit_generator.state
    one = make(rng)
    pair = rng.random() < 0.65
    if pair:  # the other shoe is cut from the same numbers
        after, rng.bit_generator.state = rng.bit_generator.state, state
        other = make(rng)
        rng.bit_generator.state = after
        shift = (rng.uniform(-0.45, 0.3), -rng.uniform(0.3, 0.6))
        one = [*transformed(other, angle=rng.normal(0, 0.12), scale=0.97, shift=shift), *one]
    return transformed(one, flip=rng.random() < 0.5)


def _laces(start, stop, count: int, wide: float) -> list[Part]:
    """Laces across the tongue between two points, each from eyelet to eyelet."""
    start, stop = np.array(start), np.array(stop)
    along = (stop - start) / np.hypot(*(stop - start))
    over = np.array([-along[1], along[0]]) * wide
    lines: list[Part] = []
    for share in np.linspace(0, 1, count):
        place = start + (stop - start) * share
        lines += [Line(np.array([place - over * 0.2, place + over + along * 0.05]), 0.032, "lace")]
        lines += [Dot(tuple(place + over + along * 0.05), 0.022, "metal")]
    return lines


def _sneaker(rng) -> list[Part]:
    top = rng.uniform(0.5, 0.62) + (0.4 if rng.random() < 0.3 else 0.0)  # ankle high, sometimes
    thick = rng.uniform(0.13, 0.24)
    upper = outline(
        (-0.93, 0.05, 0.04), (-0.92, -top, 0.05), (-0.72, -top + 0.02, -0.14), (-0.34, -top - 0.03, 0.08), (-0.22, -top - 0.05),
        (0.38, -0.27, 0.06), (0.78, -0.2, 0.14), (1.02, 0.05), soften=0.04,
    )  # fmt: skip
    sole = outline(
        (-0.97, 0.0),
        (0.2, 0.03),
        (1.03, -0.02, 0.2),
        (1.0, thick * 0.8, 0.1),
        (0.85, thick),
        (-0.92, thick, 0.1),
        soften=0.03,
    )
    mouth = ellipse((-0.56, -top + 0.01), 0.24, 0.06)
    toe = outline((0.5, 0.03), (0.56, -0.24, 0.1), (0.85, -0.2, 0.15), (1.0, 0.03), soften=0.02)
    heel = outline((-0.92, 0.03), (-0.92, -top * 0.7), (-0.72, -top * 0.5), (-0.66, 0.03), soften=0.02)
    mark = pick(rng, stripes=2, swoosh=2, none=1)
    parts: list[Part] = [Piece(upper, height=1.2), Piece(mouth, "lining", 0, 0)]
    parts += [Piece(toe, pick(rng, trim=1, sole=1), 0, 0.3)] if rng.random() < 0.6 else []
    parts += [Piece(heel, "trim", 0, 0.3)] if rng.random() < 0.7 else []
    if mark == "stripes":
        parts += [Line(np.array([(x, 0.0), (x - 0.16, -0.33)]), 0.05, "print") for x in (-0.35, -0.2, -0.05)]
    elif mark == "swoosh":
        parts.append(
            Piece(outline((-0.55, -0.2, -0.25), (0.25, -0.25, -0.1), (-0.35, -0.04, 0.1), soften=0.01), "print", 0, 0)
        )
    parts += [Piece(sole, "sole", 0, 0.6), Line(curve([(-0.9, thick * 0.62), (0.95, thick * 0.5)]), 0.014)]
    flank = curve([(-0.4, -top + 0.06), (-0.25, -0.22, -0.1), (0.42, -0.18)])
    return [*parts, Line(flank, 0.012), *_laces((-0.27, -top + 0.02), (0.3, -0.32), 5 + 2 * (top > 0.7), 0.16)]


def _boot(rng) -> list[Part]:
    tall, thick = rng.uniform(0.95, 1.5), rng.uniform(0.1, 0.2)
    heel_high = rng.uniform(0.08, 0.25)
    shaft = rng.uniform(0.02, 0.12)
    upper = outline(
        (-0.85, 0.02, 0.05), (-0.78, -0.5), (-0.8 - shaft, -tall, -0.03), (-0.12 + shaft, -tall - 0.02), (-0.12, -0.55, -0.2),
        (0.4, -0.3, 0.12), (0.88, 0.02), soften=0.05,
    )  # fmt: skip
    sole = outline(
        (-0.88, 0.0),
        (0.92, 0.0, 0.1),
        (0.88, thick, 0),
        (-0.3, thick * 0.8),
        (-0.36, thick + heel_high),
        (-0.86, thick + heel_high),
        soften=0.015,
    )
    parts: list[Part] = [
        Piece(upper, height=1.3),
        Piece(ellipse((-0.46, -tall), 0.33 + shaft, 0.05), "lining", 0, 0),
        Piece(sole, "sole", 0, 0.6),
    ]
    parts.append(Line(curve([(-0.84, -0.07), (0.86, -0.05)]), 0.012, "stitch", dashed=True))
    style = pick(rng, laces=2, elastic=1, zip=1, fur=1)
    if style == "laces":
        parts += _laces((-0.16, -tall + 0.12), (0.12, -0.42), 6, -0.2)
    elif style == "elastic":
        gore = outline((-0.55, -tall + 0.05), (-0.25, -tall + 0.05), (-0.36, -0.4), (-0.48, -0.4))
        parts.append(Piece(gore, "rib", 0, 0.2))
    elif style == "zip":
        parts += [Line(curve([(-0.5, -tall + 0.04, 0.04), (-0.45, -0.1)]), 0.03, "metal", dashed=True)]
    else:
        collar = outline(
            (-0.84 - shaft, -tall - 0.04),
            (-0.08 + shaft, -tall - 0.06),
            (-0.1 + shaft, -tall + 0.18),
            (-0.82 - shaft, -tall + 0.2),
        )
        parts.append(Piece(collar, "fur", 0, 0.8))
    return parts


def _heel(rng) -> list[Part]:
    seat, block = -rng.uniform(0.45, 0.72), rng.uniform(0.05, 0.22)
    upper = outline(
        (-0.84, seat + 0.04, 0.06), (-0.9, seat - 0.34), (-0.78, seat - 0.36, -0.08), (0.05, -0.42, -0.06), (0.4, -0.34, 0.1),
        (1.06, 0.0, 0.1), (0.3, 0.05, -0.14), (-0.5, seat + 0.16), soften=0.025,
    )  # fmt: skip
    heel = outline(
        (-0.86, seat),
        (-0.46, seat + 0.13, -0.1),
        (-0.7 + block * 0.5, 0.06),
        (-0.77 - block * 0.3, 0.06, -0.06),
        soften=0.01,
    )
    sole = curve([(-0.86, seat + 0.06), (-0.5, seat + 0.18, -0.13), (0.32, 0.06), (1.04, 0.05)])
    mouth = outline((-0.84, seat - 0.36, 0.05), (0.4, -0.37), (0.05, -0.41, 0.08), (-0.78, seat - 0.33), soften=0.015)
    parts: list[Part] = [
        Piece(heel, pick(rng, cloth=2, sole=1), 0, 0.7),
        Piece(upper, height=1.0),
        Piece(mouth, "lining", 0, 0),
        Line(sole, 0.035, "sole"),
    ]
    if rng.random() < 0.4:
        strap = curve([(-0.84, seat - 0.3, 0.2), (-0.3, seat - 0.36, 0.2), (-0.2, seat * 0.9)])
        parts += [Line(strap, 0.045, "collar"), Dot((-0.3, seat - 0.34), 0.035, "metal")]
    elif rng.random() < 0.5:
        parts.append(Piece(ellipse((0.5, -0.2), 0.13, 0.08), "trim", 0, 0.4))
    return parts


def _slip_on(rng) -> list[Part]:
    thick, low = rng.uniform(0.07, 0.16), rng.uniform(0.36, 0.46)
    upper = outline(
        (-0.92, 0.04, 0.05), (-0.9, -low, 0.04), (-0.78, -low - 0.02, -0.2), (-0.08, -low + 0.05, 0.06), (0.05, -low),
        (0.6, -0.2, 0.12), (1.0, 0.04), soften=0.035,
    )  # fmt: skip
    sole = outline((-0.95, 0.0), (1.02, 0.0, 0.15), (0.96, thick), (-0.92, thick, 0.06), soften=0.02)
    mouth = outline(
        (-0.88, -low, 0.08), (-0.08, -low + 0.05, 0.05), (-0.2, -low + 0.12, 0.2), (-0.8, -low + 0.06), soften=0.02
    )
    strap = outline((-0.1, -low + 0.03), (0.14, -low), (0.3, 0.0), (0.08, 0.0), soften=0.015)
    parts: list[Part] = [
        Piece(upper, height=1.1),
        Piece(mouth, "lining", 0, 0),
        Piece(strap, pick(rng, trim=1, rib=1), 0, 0.3),
    ]
    parts += [Line(curve([(0.3, -0.3, 0.15), (0.75, -0.12)]), 0.014), Piece(sole, "sole", 0, 0.5)]
    return [*parts, Line(curve([(-0.9, -0.05), (0.95, -0.05)]), 0.01, "stitch", dashed=True)]


def _from_above(rng, *, slippers: bool) -> list[Part]:
    """A pair seen from above, toes up."""
    wide, long = rng.uniform(0.3, 0.36), rng.uniform(0.95, 1.08)
    sole = outline(
        (-0.02, -long, 0.12), (wide, -long * 0.55, 0.04), (wide * 0.82, 0.15, 0.02), (wide * 0.86, long * 0.75, 0.2), (0, long, 0.2),
        (-wide * 0.8, long * 0.7, 0.03), (-wide * 0.68, 0.1, 0.0), (-wide * 0.85, -long * 0.55, 0.14), soften=0.08,
    )  # fmt: skip
    if slippers:
        thong = [
            curve([(-0.05, -long * 0.62, 0.12), (wide * 0.86, 0.0)]),
            curve([(-0.05, -long * 0.62, -0.12), (-wide * 0.76, 0.0)]),
        ]
        bar = outline(
            (-wide * 0.92, -long * 0.5, 0.1),
            (wide * 0.98, -long * 0.5),
            (wide * 0.9, -0.02, -0.06),
            (-wide * 0.8, -0.02),
            soften=0.02,
        )
        straps = [Line(path, 0.09, "trim") for path in thong] if rng.random() < 0.55 else [Piece(bar, "trim", 0, 0.9)]
        one: list[Part] = [Piece(sole, "sole", 0, 1.0), Piece(sole * [0.88, 0.94], "cloth", 0, 0.2), *straps]
    else:
        mouth = outline(
            (0, 0.02, 0.16),
            (wide * 0.55, 0.3, 0.06),
            (wide * 0.5, long * 0.72, 0.22),
            (-wide * 0.5, long * 0.72, 0.06),
            (-wide * 0.5, 0.3, 0.16),
        )
        tongue = outline((-wide * 0.3, -0.42), (wide * 0.3, -0.42), (wide * 0.42, 0.2, 0.1), (-wide * 0.42, 0.2))
        toe = outline(
            (-wide * 0.82, -long * 0.52, 0.28),
            (-0.02, -long * 0.99, 0.24),
            (wide * 0.97, -long * 0.52, -0.14),
            soften=0.02,
        )
        one = [Piece(sole, "sole", 0, 1.0), Piece(sole * [0.92, 0.96], "cloth", 0, 0.9)]
        one += [Piece(toe * [0.9, 0.95], pick(rng, sole=1, trim=1), 0, 0.3)] if rng.random() < 0.6 else []
        one += [Piece(mouth, "lining", 0, 0), Piece(tongue, pick(rng, trim=1, cloth=1), 0, 0.5)]
        laces = [
            np.array([(-wide * 0.42, y), (wide * 0.42, y + 0.05 * (-1) ** row)])
            for row, y in enumerate(np.linspace(-0.38, 0.08, 6))
        ]
        one += [Line(lace, 0.036, "lace") for lace in laces]
        bow = [ellipse((side * 0.12, 0.12), 0.11, 0.055) for side in (-1, 1)]
        one += [Line(np.vstack([loop, loop[:1]]), 0.025, "lace") for loop in bow]
    apart, splay = rng.uniform(0.38, 0.5), rng.uniform(0, 0.12)
    right = transformed(one, angle=splay, shift=(apart, rng.normal(0, 0.05)))
    return [*transformed(one, flip=True, angle=-splay, shift=(-apart, rng.normal(0, 0.05))), *right]
