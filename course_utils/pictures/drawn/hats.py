"""Pattern for hats: caps, woollen hats, hats with a wide brim, bucket hats."""

import numpy as np

from .cloth import pick
from .shapes import Dot, Line, Part, Piece, both_sides, curve, ellipse, nudged, outline, symmetric, transformed


def hat(rng: np.random.Generator) -> list[Part]:
    """A cap, a woollen hat, a hat with a wide brim, or a bucket hat."""
    kind = pick(rng, cap=4, woollen=3, brimmed=4, bucket=2)
    parts = {"cap": _cap, "woollen": _woollen, "brimmed": _brimmed, "bucket": _bucket}[kind](rng)
    return transformed(parts, flip=rng.random() < 0.5)


def _cap(rng: np.random.Generator) -> list[Part]:
    """A cap from the side, or from the front."""
    tall, reach = rng.uniform(0.6, 0.72), rng.uniform(0.5, 0.68)
    peak = pick(rng, cloth=3, trim=2)
    if rng.random() < 0.65:
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
        visor = symmetric((0.52, 0.1, 0.15), (0.45, 0.2 + 0.2 * reach, -0.1), closing=0.12, soften=0.03)
        seams = [curve([(0, -tall, side * 0.18), (side * 0.32, 0.0)]) for side in (1, -1)]
        panels = [*seams, np.array([(0, -tall), (0, -0.1)])]
        stitches = [curve([(-0.44, 0.1 + y, 0.11), (0.44, 0.1 + y)]) for y in (0.06, 0.1)]
        badge = (0.0, -tall * 0.42)
    parts: list[Part] = [Piece(dome, height=1.3), *(Line(panel, 0.014) for panel in panels)]
    parts += [Line(nudged(panel, 0.03, 0), 0.009, "stitch", dashed=True) for panel in panels]
    parts += [Dot((top, -tall + 0.01), 0.045, "cloth")]
    if rng.random() < 0.6:
        parts.append(Piece(ellipse(badge, 0.15, 0.13), "print", 0, 0.15))
    return [*parts, Piece(visor, peak, 0.2, 0.8), *(Line(line, 0.009, "stitch", dashed=True) for line in stitches)]


def _woollen(rng: np.random.Generator) -> list[Part]:
    tall, half, deep = rng.uniform(0.75, 1.05), rng.uniform(0.48, 0.58), rng.uniform(0.2, 0.3)
    dome = symmetric((0.06, -tall, 0.16), (half * 0.88, -tall * 0.45, 0.07), (half, 0.02, 0.03))
    band = symmetric((half * 1.02, -deep, 0.02), (half * 1.03, 0.05, 0.04), closing=0.02)
    parts: list[Part] = [Piece(dome)]
    if rng.random() < 0.65:
        ball = ellipse((0, -tall - 0.06), 0.17, 0.16) + rng.normal(0, 0.012, (48, 2))
        parts.append(Piece(ball, "fur", 0, 1.0))
    ribs = [Line(curve([(x * half, -deep + 0.01), (x * half, 0.05)]), 0.01) for x in np.linspace(-0.9, 0.9, 13)]
    return [*parts, Piece(band, "rib", 0, 0.7), *ribs]


def _brimmed(rng: np.random.Generator) -> list[Part]:
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
    parts: list[Part] = [brim, Line(edge, 0.012), Piece(crown, height=1.2), *pinch, Piece(band, "trim", 0, 0.25)]
    return [*parts, Piece(ellipse((half * 0.7, -0.07), 0.09, 0.06), "trim", 0, 0.4)] if rng.random() < 0.4 else parts


def _bucket(rng: np.random.Generator) -> list[Part]:
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
