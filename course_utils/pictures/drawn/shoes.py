"""Pattern for shoes: sneakers, boots, heels and slip-ons from the side; sneakers and slippers from above."""

import numpy as np

from .cloth import pick
from .shapes import Dot, Line, Part, Piece, Place, curve, ellipse, outline, transformed


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


def _laces(start: Place, stop: Place, count: int, wide: float) -> list[Part]:
    """Laces across the tongue between two points, each from eyelet to eyelet."""
    first, last = np.array(start), np.array(stop)
    along = (last - first) / np.hypot(*(last - first))
    over = np.array([-along[1], along[0]]) * wide
    lines: list[Part] = []
    for share in np.linspace(0, 1, count):
        place = first + (last - first) * share
        lines += [Line(np.array([place - over * 0.2, place + over + along * 0.05]), 0.032, "lace")]
        x, y = place + over + along * 0.05
        lines += [Dot((x, y), 0.022, "metal")]
    return lines


def _sneaker(rng: np.random.Generator) -> list[Part]:
    top = rng.uniform(0.5, 0.62) + (0.4 if rng.random() < 0.3 else 0.0)  # ankle high, sometimes
    thick = rng.uniform(0.13, 0.24)
    upper = outline(
        (-0.93, 0.05, 0.04),
        (-0.92, -top, 0.05),
        (-0.72, -top + 0.02, -0.14),
        (-0.34, -top - 0.03, 0.08),
        (-0.22, -top - 0.05),
        (0.38, -0.27, 0.06),
        (0.78, -0.2, 0.14),
        (1.02, 0.05),
        soften=0.04,
    )
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


def _boot(rng: np.random.Generator) -> list[Part]:
    tall, thick = rng.uniform(0.95, 1.5), rng.uniform(0.1, 0.2)
    heel_high = rng.uniform(0.08, 0.25)
    shaft = rng.uniform(0.02, 0.12)
    upper = outline(
        (-0.85, 0.02, 0.05),
        (-0.78, -0.5),
        (-0.8 - shaft, -tall, -0.03),
        (-0.12 + shaft, -tall - 0.02),
        (-0.12, -0.55, -0.2),
        (0.4, -0.3, 0.12),
        (0.88, 0.02),
        soften=0.05,
    )
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


def _heel(rng: np.random.Generator) -> list[Part]:
    seat, block = -rng.uniform(0.45, 0.72), rng.uniform(0.05, 0.22)
    upper = outline(
        (-0.84, seat + 0.04, 0.06),
        (-0.9, seat - 0.34),
        (-0.78, seat - 0.36, -0.08),
        (0.05, -0.42, -0.06),
        (0.4, -0.34, 0.1),
        (1.06, 0.0, 0.1),
        (0.3, 0.05, -0.14),
        (-0.5, seat + 0.16),
        soften=0.025,
    )
    heel = outline(
        (-0.86, seat),
        (-0.46, seat + 0.13, -0.1),
        (-0.7 + block * 0.5, 0.06),
        (-0.77 - block * 0.3, 0.06, -0.06),
        soften=0.01,
    )
    sole = curve([(-0.86, seat + 0.06), (-0.5, seat + 0.18, 0.13), (0.32, 0.06), (1.04, 0.05)])
    mouth = outline((-0.84, seat - 0.36, 0.05), (0.4, -0.37), (0.05, -0.41, 0.08), (-0.78, seat - 0.33), soften=0.015)
    parts: list[Part] = [
        Piece(heel, pick(rng, cloth=2, sole=1), 0, 0.7),
        Line(sole, 0.04, "sole"),
        Piece(upper, height=1.0),
        Piece(mouth, "lining", 0, 0),
    ]
    if rng.random() < 0.4:
        strap = curve([(-0.84, seat - 0.3, 0.2), (-0.3, seat - 0.36, 0.2), (-0.2, seat * 0.9)])
        parts += [Line(strap, 0.045, "collar"), Dot((-0.3, seat - 0.34), 0.035, "metal")]
    elif rng.random() < 0.5:
        parts.append(Piece(ellipse((0.5, -0.2), 0.13, 0.08), "trim", 0, 0.4))
    return parts


def _slip_on(rng: np.random.Generator) -> list[Part]:
    thick, low = rng.uniform(0.07, 0.16), rng.uniform(0.36, 0.46)
    upper = outline(
        (-0.92, 0.04, 0.05),
        (-0.9, -low, 0.04),
        (-0.78, -low - 0.02, -0.2),
        (-0.08, -low + 0.05, 0.06),
        (0.05, -low),
        (0.6, -0.2, 0.12),
        (1.0, 0.04),
        soften=0.035,
    )
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


def _from_above(rng: np.random.Generator, *, slippers: bool) -> list[Part]:
    """A pair seen from above, toes up."""
    wide, long = rng.uniform(0.3, 0.36), rng.uniform(0.95, 1.08)
    sole = outline(
        (-0.02, -long, 0.12),
        (wide, -long * 0.55, 0.04),
        (wide * 0.82, 0.15, 0.02),
        (wide * 0.86, long * 0.75, 0.2),
        (0, long, 0.2),
        (-wide * 0.8, long * 0.7, 0.03),
        (-wide * 0.68, 0.1, 0.0),
        (-wide * 0.85, -long * 0.55, 0.14),
        soften=0.08,
    )
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
