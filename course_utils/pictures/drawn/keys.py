"""Patterns for instruments with keys, bars and skins: piano, accordion, xylophone, drum; arguments as in `strings`."""

from itertools import pairwise

import numpy as np

from .cloth import pick
from .shapes import Dot, Line, Part, Piece, both_sides, curve, ellipse, nudged, outline, transformed


def _box(left: float, top: float, right: float, bottom: float, fill: str, height: float, soften: float = 0.02) -> Piece:
    return Piece(outline((left, top), (right, top), (right, bottom), (left, bottom), soften=soften), fill, 0, height)


def _keyboard(left: float, top: float, right: float, bottom: float, count: int) -> list[Part]:
    """White keys from left to right, and black ones in groups of two and three."""
    parts: list[Part] = [_box(left, top, right, bottom, "ivory", 0.4, 0.005)]
    step = (right - left) / count
    for key in range(1, count):
        x = left + key * step
        parts.append(Line(np.array([(x, top), (x, bottom)]), 0.013, "key gap"))
        if key % 7 not in (3, 0):
            parts.append(_box(x - step * 0.3, top, x + step * 0.3, top + (bottom - top) * 0.6, "ebony", 0.4, 0.004))
    return parts


def piano(rng: np.random.Generator, view: np.random.Generator) -> list[Part]:
    """An upright piano from the front, a grand piano from above, or an electric one."""
    kind = pick(rng, upright=5, grand=4, electric=3)
    return _upright(rng, view) if kind == "upright" else _grand(rng) if kind == "grand" else _electric(rng)


def _upright(rng: np.random.Generator, view: np.random.Generator) -> list[Part]:
    half, high, legs = rng.uniform(0.95, 1.15), rng.uniform(-0.95, -0.75), rng.random() < 0.6
    count = int(rng.choice((15, 22)))
    parts: list[Part] = [
        _box(-half, high, half, 0.78, "body", 1.2),
        _box(-half * 0.9, high + 0.1, half * 0.9, -0.12, "panel", 0.3),
        _box(-half * 0.88, 0.34, half * 0.88, 0.68, "panel", 0.3),
        _box(-half * 1.05, high - 0.07, half * 1.05, high + 0.03, "body", 0.9),
        _box(-half * 1.06, -0.1, half * 1.06, 0.26, "body", 1.4),
        *_keyboard(-half * 0.93, -0.04, half * 0.93, 0.17, count),
    ]
    if legs:
        parts += both_sides([_box(half * 0.86, 0.24, half * 0.98, 0.82, "body", 1.0)])
    parts += [_box(x - 0.03, 0.7, x + 0.03, 0.86, "metal", 0.6) for x in (-0.12, 0.0, 0.12)]
    parts.append(_box(-half * 1.02, 0.76, half * 1.02, 0.84, "body", 0.5))
    if view.random() < 0.6:
        sheet = [_box(-0.27, -0.62, 0.27, -0.16, "white", 0.4)]
        lines = [Line(np.array([(x, y), (x + 0.18, y)]), 0.012, "key gap") for x in (-0.22, 0.04)
                 for y in np.linspace(-0.54, -0.24, 7)]  # fmt: skip
        parts += transformed([*sheet, *lines], shift=(view.uniform(-0.2, 0.2), 0))
    return parts


def _grand(rng: np.random.Generator) -> list[Part]:
    half, deep, waist = rng.uniform(0.78, 0.9), rng.uniform(1.15, 1.5), rng.uniform(0.1, 0.16)

    def rim(size: float) -> np.ndarray:
        shape = outline(
            (-half, 0.6), (-half, -deep, 0.1), (-half * 0.05, -deep * 0.98, 0.16), (half * 0.3, -deep * 0.55, -waist),
            (half, -0.05, 0.04), (half, 0.6), soften=0.08,
        )  # fmt: skip
        return nudged(nudged(shape, 0, 0.2) * size, 0, -0.2)

    open_lid = rng.random() < 0.65
    parts: list[Part] = [Piece(rim(1.0), "body", 0, 1.5), Piece(rim(0.9), "panel" if not open_lid else "gold", 0, 0.2)]
    if open_lid:
        inside = rim(0.86)
        for x in np.linspace(-half * 0.78, half * 0.8, 15):
            above = inside[np.abs(inside[:, 0] - x) < 0.06][:, 1].min()
            parts.append(Line(np.array([(x, above + 0.05), (x * 0.95, 0.3)]), 0.012, "string"))
        parts += [
            Line(curve([(-half * 0.8, -deep * 0.6, -0.05), (half * 0.75, 0.05)]), 0.045, "gold dark"),
            Line(curve([(-half * 0.1, -deep * 0.8), (-half * 0.05, 0.3)]), 0.05, "gold dark"),
            Line(curve([(half * 0.45, -deep * 0.35), (half * 0.4, 0.3)]), 0.05, "gold dark"),
        ]
    parts += [
        _box(-half, 0.28, half, 0.78, "body", 0.9),
        *_keyboard(-half * 0.9, 0.44, half * 0.9, 0.74, int(rng.choice((15, 22)))),
        _box(-half * 0.55, 0.27, half * 0.55, 0.36, "panel", 0.5),
    ]
    if rng.random() < 0.5:
        parts.append(_box(-0.36, 0.95, 0.36, 1.25, "seat", 1.2, 0.06))
    return parts


def _electric(rng: np.random.Generator) -> list[Part]:
    half, deep, count = rng.uniform(1.15, 1.3), rng.uniform(0.62, 0.8), int(rng.choice((15, 22)))
    back = -deep * 0.36
    parts: list[Part] = [
        _box(-half, -deep * 0.85, half, deep * 0.55, "body", 1.4, 0.06),
        *_keyboard(-half * 0.93, back + 0.04, half * 0.93, deep * 0.5, count),
        _box(-0.2, -deep * 0.76, 0.2, back - 0.1, "screen", 0.3),
    ]
    parts += both_sides([_box(half * 0.62, -deep * 0.74, half * 0.94, back - 0.08, "grille", 0.3, 0.05)])
    parts += both_sides([Dot((x * half, -deep * 0.58), 0.045, "button") for x in (0.26, 0.36, 0.46)])
    return parts


def accordion(rng: np.random.Generator, view: np.random.Generator) -> list[Part]:
    """An accordion, held open by as much as the picture shows: buttons, bellows, keys."""
    tall, pleats = rng.uniform(0.72, 0.9), int(rng.integers(9, 15))
    spread, bend = view.uniform(0.45, 0.95), view.uniform(0.0, 0.16)
    left, right = -spread / 2, spread / 2
    parts: list[Part] = []
    edges = np.linspace(left, right, 2 * pleats + 1)
    lift = bend * (1 - (2 * edges / spread) ** 2)
    out = np.where(np.arange(len(edges)) % 2, 0.045, 0.0)
    top = np.stack([edges, -tall * 0.93 - lift - out], axis=1)
    bottom = np.stack([edges, tall * 0.93 - lift * 0.7 + out], axis=1)
    parts.append(Piece(np.vstack([top, bottom[::-1]]), "bellows", 0, 0.9))
    for number in range(len(edges) - 1):
        strip = np.array([top[number], top[number + 1], bottom[number + 1], bottom[number]])
        parts.append(Piece(strip, "bellows" if number % 2 else "fold", 0, 0))
    parts += [Line(np.array([top[n], bottom[n]]), 0.016, "metal") for n in range(1, len(edges), 2)]
    block = outline((-0.42, -tall, 0.06), (0, -tall * 0.98), (0, tall * 0.98), (-0.42, tall, 0.06), soften=0.07)
    bass: list[Part] = [Piece(block, "body", 0, 1.4), Piece(nudged(block * 0.88, -0.02, 0), "body glow", 0, 0.0)]
    rows = np.linspace(-tall * 0.72, tall * 0.72, int(rng.integers(8, 12)))
    bass += [Dot((x, y + 0.03 * n), 0.032, "button") for n, x in enumerate((-0.33, -0.24, -0.15)) for y in rows]
    treble: list[Part] = [
        _box(0.0, -tall, 0.42, tall, "body", 1.4, 0.06),
        _box(0.06, -tall * 0.85, 0.32, tall * 0.85, "grille", 0.3, 0.08),
    ]
    slits = np.linspace(-tall * 0.72, tall * 0.72, 12)
    treble += [Line(np.array([(0.09, y), (0.29, y)]), 0.022, "body") for y in slits]
    keys = transformed(_keyboard(-tall * 0.97, 0.0, tall * 0.97, 0.3, int(rng.choice((13, 17)))), angle=-np.pi / 2)
    treble += transformed(keys, shift=(0.39, 0))
    parts += transformed(bass, shift=(left, 0.0), angle=bend * 0.7)
    parts += transformed(treble, shift=(right, 0.0), angle=-bend * 0.7)
    return parts


def xylophone(rng: np.random.Generator, view: np.random.Generator) -> list[Part]:
    """Bars that grow shorter from left to right, on two rails, struck with mallets."""
    count, small = int(rng.integers(8, 14)), rng.uniform(0.4, 0.6)
    colours = pick(rng, rainbow=4, wood=3, metal=2)
    half, deep = rng.uniform(1.0, 1.2), rng.uniform(0.62, 0.8)
    step = 2 * half / count
    parts: list[Part] = []
    for share in (-0.62, 0.62):
        rail = np.array([(-half * 1.06, share * deep), (half * 1.06, share * deep * small)])
        parts.append(Line(rail, 0.1, "frame"))
    if rng.random() < 0.5:
        for x, reach in ((-half * 1.03, 0.78 * deep), (half * 1.03, 0.78 * deep * small)):
            parts.append(Line(np.array([(x, -reach), (x, reach)]), 0.1, "frame"))
    for bar in range(count):
        x = -half + step * (bar + 0.5)
        reach = deep * (1 - (1 - small) * bar / (count - 1))
        fill = {"rainbow": f"bar {bar % 8}", "wood": "body", "metal": "metal"}[colours]
        parts.append(_box(x - step * 0.41, -reach, x + step * 0.41, reach, fill, 1.0, 0.025))
        parts += [Dot((x, side * reach * 0.72), 0.032, "pin") for side in (-1, 1)]
    for _ in range(int(view.integers(0, 3))):
        mallet: list[Part] = [
            Line(np.array([(0, 0), (0, 1.15)]), 0.04, "stick"),
            Piece(ellipse((0, 0), 0.1, 0.1), "felt", 0, 1.3),
        ]
        spot = (view.uniform(-0.7, 0.7), view.uniform(-0.3, 0.2))
        parts += transformed(mallet, angle=view.uniform(-1.0, 1.0), shift=spot)
    return parts


def drum(rng: np.random.Generator, view: np.random.Generator) -> list[Part]:
    """A drum seen from a little above: a shell between two hoops, or a goblet with ropes; sometimes with its sticks."""
    kind, tilt = pick(rng, snare=4, tall=3, goblet=3), view.uniform(0.26, 0.4)
    if kind == "goblet":
        return _goblet(rng, tilt)
    half = rng.uniform(0.75, 0.9) if kind == "snare" else rng.uniform(0.55, 0.68)
    tall = rng.uniform(0.5, 0.75) if kind == "snare" else rng.uniform(1.1, 1.45)
    flat = half * tilt
    low = ellipse((0, tall), half, flat)
    shell = np.vstack([ellipse((0, 0), half, flat)[24:], low[:25]])
    parts: list[Part] = [Piece(low, "hoop", 0, 0.8), Piece(shell, "paint", 0, 1.2)]
    gleam = [(-0.55, 0.0, 0.0), (-0.3, 0.0, 0.0), (-0.3, tall, 0.9), (-0.55, tall, 0.8)]
    parts.append(Piece(np.array([(x * half, y + z * flat) for x, y, z in gleam]), "paint glow", 0, 0))
    lugs = [(np.cos(turn), np.sin(turn)) for turn in np.linspace(0.12, np.pi - 0.12, int(rng.integers(5, 8)))]
    if rng.random() < 0.5:
        for (x, y), (u, v) in pairwise(lugs):
            middle = ((x + u) / 2 * half, tall + (y + v) / 2 * flat)
            rope = np.array([(x * half, y * flat), middle, (u * half, v * flat)])
            parts.append(Line(rope, 0.035, "rope"))
    else:
        for x, y in lugs:
            parts += [
                Line(np.array([(x * half, y * flat), (x * half, tall + y * flat)]), 0.03, "metal"),
                Piece(ellipse((x * half, tall / 2 + y * flat), 0.04, 0.1), "metal", 0, 0.6),
            ]
    bottom = np.vstack([low[:25], nudged(low[24::-1], 0, -0.12)])
    parts.append(Piece(bottom, "hoop", 0, 0.7))
    rim = ellipse((0, 0), half * 1.03, flat * 1.05)
    parts.append(Piece(np.vstack([nudged(rim[:25], 0, 0.11), rim[24:]]), "hoop", 0, 0.9))
    parts.append(Piece(ellipse((0, -0.01), half * 0.95, flat * 0.93), "skin", 0, 0.4))
    if view.random() < 0.6:
        for side in (-1.0, 1.0):
            stick: list[Part] = [
                Line(np.array([(0, 0), (0, 1.2)]), 0.05, "stick"),
                Piece(ellipse((0, 0), 0.04, 0.06), "stick", 0, 0.6),
            ]
            spot = (side * view.uniform(0.0, 0.25), view.uniform(-0.1, 0.05))
            parts += transformed(stick, angle=-side * view.uniform(1.9, 2.5), shift=spot)
    return parts


def _goblet(rng: np.random.Generator, tilt: float) -> list[Part]:
    half, waist, tall = rng.uniform(0.55, 0.68), rng.uniform(0.2, 0.26), rng.uniform(1.35, 1.6)
    flat, foot = half * tilt, rng.uniform(0.36, 0.46)
    shell = outline(
        (-half, 0.0, 0.0), (half, 0.0, 0.12), (waist, tall * 0.6, -0.06), (foot, tall, 0.16), (-foot, tall, -0.06),
        (-waist, tall * 0.6, 0.12), soften=0.03,
    )  # fmt: skip
    parts: list[Part] = [Piece(shell, "body", 0, 1.5)]
    corners = np.linspace(-0.97, 0.97, 13)
    down = [
        (x * (half if n % 2 == 0 else half * 0.82), (np.sqrt(1 - x * x) * flat) + (0.08 if n % 2 == 0 else tall * 0.36))
        for n, x in enumerate(corners)
    ]
    parts.append(Line(np.array(down), 0.028, "rope"))
    parts.append(Line(curve([(-waist * 1.15, tall * 0.55, -0.12), (waist * 1.15, tall * 0.55)]), 0.06, "trim"))
    rim = ellipse((0, 0), half * 1.04, flat * 1.06)
    parts.append(Piece(np.vstack([nudged(rim[:25], 0, 0.1), rim[24:]]), "rope", 0, 0.7))
    parts.append(Piece(ellipse((0, 0), half * 0.98, flat * 0.96), "skin", 0, 0.5))
    return parts
