"""Patterns for instruments with strings: violin, guitar, banjo and harp.

Each function gets the instrument's own random numbers, which are the same in all its pictures, and those of one
picture, for what may lie beside it. It returns the parts, bottom layer first.
"""

import numpy as np

from .cloth import pick
from .shapes import Dot, Line, Part, Piece, both_sides, curve, ellipse, nudged, outline, symmetric, transformed, tube


def _line(start: tuple[float, float], stop: tuple[float, float], width: float, fill: str) -> Line:
    return Line(np.array([start, stop]), width, fill)


def _strings(count: int, top: tuple[float, float], bottom: tuple[float, float], width: float = 0.01) -> list[Part]:
    """Strings from `top` to `bottom`, each a half-width and a height."""
    return [
        _line((share * top[0], top[1]), (share * bottom[0], bottom[1]), width, "string")
        for share in np.linspace(-1, 1, count)
    ]


def _neck(top: float, foot: float, half: float, *, frets: int, fill: str = "dark") -> list[Part]:
    """A fingerboard, narrower at its top, with frets that come closer towards its foot, and inlays."""
    board = outline((-half * 0.8, top), (half * 0.8, top), (half, foot), (-half, foot), soften=0.01)
    parts: list[Part] = [Piece(board, fill, 0, 0.7)]
    places = [top + (foot - top) * 1.25 * (1 - 0.5 ** (fret / 10)) for fret in range(1, frets + 1)]
    parts += [_line((-half * 0.9, y), (half * 0.9, y), 0.014, "metal") for y in places if y < foot]
    parts += [Dot((0, (places[i] + places[i - 1]) / 2), 0.022, "white") for i in range(2, frets, 2) if places[i] < foot]
    return parts


def _head(top: float, half: float, tall: float, pegs: int, *, fill: str = "body") -> list[Part]:
    """A head with `pegs` pegs on each side."""
    shape = symmetric((half * 0.5, top - tall, 0.1), (half, top - tall * 0.85), (half * 0.62, top, 0), closing=-0.08)
    at = np.linspace(top - tall * 0.82, top - tall * 0.25, pegs)
    knobs = [_line((half * 0.6, y), (half * 1.5, y), 0.03, "metal") for y in at]
    buttons: list[Part] = [Piece(ellipse((half * 1.65, y), 0.05, 0.035), "peg", 0, 0.5) for y in at]
    return [*both_sides([*knobs, *buttons]), Piece(shape, fill, 0, 0.8)]


def violin(rng: np.random.Generator, view: np.random.Generator) -> list[Part]:
    """A violin with f-holes, chin rest and scroll; in some pictures its bow lies beside it."""
    wide, waist, neck = rng.uniform(0.92, 1.1), rng.uniform(0.32, 0.46), rng.uniform(-1.36, -1.24)
    chin, tail = rng.random() < 0.75, rng.uniform(0.2, 0.3)

    def body(size: float) -> np.ndarray:
        return size * symmetric(
            (0.05, -0.66, 0.2),
            (0.33 * wide, -0.38, 0.03),
            (0.335 * wide, -0.14, -waist),
            (0.385 * wide, 0.17, 0.05),
            (0.43 * wide, 0.43, 0.16),
            (0.27 * wide, 0.66, 0.07),
            (0.0, 0.7),
            soften=0.013,
        )

    hole = curve([(0.17, -0.11, 0.22), (0.2, 0.03, -0.06), (0.21, 0.1, -0.22), (0.27, 0.24)])
    holes: list[Part] = [Line(hole, 0.03, "hole"), Dot((0.15, -0.1), 0.028, "hole"), Dot((0.28, 0.23), 0.034, "hole")]
    parts: list[Part] = [
        Piece(body(1.0), "body", 0, 1.3),
        Line(np.vstack([body(0.95), body(0.95)[:1]]), 0.012, "edge"),
        Piece(nudged(body(0.8), 0, 0.005), "glow", 0, 0.5),
        *both_sides(holes),
        Piece(tube(curve([(0, neck), (0, -0.5)]), 0.1, 0.13), "body", 0, 0.9),
        Piece(tube(curve([(0, neck), (0, neck - 0.26)]), 0.11, 0.07), "body", 0, 0.8),
    ]
    parts += [
        _line((-0.15 * side, neck - 0.06 * n), (0.05 * side, neck - 0.06 * n), 0.035, "dark")
        for n, side in ((1, 1), (2, -1), (3, 1), (4, -1))
    ]
    parts += [
        Piece(ellipse((0, neck - 0.3), 0.075, 0.07), "body", 0, 0.8),
        Dot((0, neck - 0.3), 0.03, "edge"),
        *_neck(neck, -0.08, 0.062, frets=0),
        Piece(outline((-0.05, tail), (0.05, tail), (0.085, 0.62), (-0.085, 0.62)), "dark", 0, 0.6),
        Piece(outline((-0.13, 0.1, 0.12), (0.13, 0.1), (0.12, 0.14), (-0.12, 0.14), soften=0.01), "light", 0, 0.6),
    ]
    if chin:
        parts.append(Piece(ellipse((-0.2, 0.58), 0.17, 0.11), "dark", 0, 0.9))
    parts += _strings(4, (0.035, neck), (0.06, 0.12)) + _strings(4, (0.06, 0.12), (0.045, tail + 0.06))
    if view.random() < 0.45:
        bow: list[Part] = [
            _line((0.06, -1.25), (0.06, 0.95), 0.016, "white"),
            Line(curve([(0, -1.3, -0.02), (0, 1.05)]), 0.032, "stick"),
            Piece(outline((-0.02, 0.78), (0.09, 0.8), (0.09, 0.95), (-0.02, 0.97)), "dark", 0, 0.5),
            Piece(outline((-0.02, -1.32), (0.08, -1.22), (-0.02, -1.2)), "stick", 0, 0.3),
        ]
        side = view.choice((-1.0, 1.0))
        shift = (side * view.uniform(0.6, 0.75), -0.3)
        parts += transformed(bow, angle=view.uniform(-0.1, 0.1), shift=shift, flip=side > 0)
    return parts


def guitar(rng: np.random.Generator, _view: np.random.Generator) -> list[Part]:
    """An acoustic guitar with a sound hole, or an electric one with horns and pick-ups."""
    return _acoustic(rng) if rng.random() < 0.55 else _electric(rng)


def _acoustic(rng: np.random.Generator) -> list[Part]:
    wide, waist, top = rng.uniform(0.9, 1.12), rng.uniform(0.28, 0.36), rng.uniform(-1.5, -1.3)

    def body(size: float) -> np.ndarray:
        return size * (
            symmetric(
                (0.06, -0.6, 0.04),
                (0.28 * wide, -0.57, 0.14),
                (0.41 * wide, -0.34, 0.12),
                (waist * wide, 0.0, -0.1),
                (0.54 * wide, 0.4, 0.12),
                (0.44 * wide, 0.76, 0.13),
                (0.0, 0.9),
                soften=0.06,
            )
            - (0, 0.1)
        ) + (0, 0.1)

    parts: list[Part] = [
        Piece(body(1.0), "edge", 0, 1.3),
        Piece(body(0.96), "body", 0, 0.15),
        Piece(body(0.84), "glow", 0, 0.0),
        Piece(body(0.66), "light", 0, 0.0),
    ]
    parts += [Piece(ellipse((0, -0.06), size, size), fill, 0, 0) for size, fill in ((0.19, "trim"), (0.15, "hole"))]
    if rng.random() < 0.6:
        guard = outline(
            (0.16, -0.06, 0.0), (0.24, -0.04, 0.15), (0.31, 0.3, 0.15), (0.14, 0.18, 0.0), (0.1, 0.08, -0.2)
        )
        parts.append(Piece(guard, "guard", 0, 0.15))
    parts += [
        Piece(outline((-0.24, 0.44), (0.24, 0.44), (0.22, 0.53), (-0.22, 0.53)), "dark", 0, 0.5),
        _line((-0.13, 0.47), (0.13, 0.47), 0.02, "white"),
        *_head(top, 0.12, 0.36, 3, fill="head"),
        *_neck(top, -0.16, 0.085, frets=14),
    ]
    return [*parts, *_strings(6, (0.055, top - 0.05), (0.075, 0.47))]


def _electric(rng: np.random.Generator) -> list[Part]:
    shape = pick(rng, horns=4, single=2, arrow=1)
    top = rng.uniform(-1.55, -1.4)
    if shape == "horns":
        left = [(-0.38, 0.62), (-0.48, 0.35), (-0.33, 0.02), (-0.42, -0.4), (-0.3, -0.66), (-0.19, -0.5), (-0.1, -0.3)]
        right = [(0.1, -0.28), (0.2, -0.42), (0.33, -0.55), (0.39, -0.35), (0.32, 0.06), (0.47, 0.38), (0.36, 0.66)]
        body = outline(*left, *right, (0.0, 0.76), soften=0.09)
    elif shape == "single":
        left = [(-0.32, 0.72), (-0.5, 0.4), (-0.34, 0.0), (-0.4, -0.36), (-0.24, -0.5), (-0.08, -0.45)]
        right = [(0.1, -0.3), (0.26, -0.44), (0.36, -0.3), (0.33, 0.02), (0.5, 0.4), (0.34, 0.72)]
        body = outline(*left, *right, (0.0, 0.82), soften=0.1)
    else:
        body = symmetric((0.09, -0.42), (0.18, -0.3), (0.62, 0.78), (0.44, 0.86), (0.0, 0.36), soften=0.05)
    parts: list[Part] = [
        Piece(body, "paint", 0, 1.2),
        Piece(nudged(body * 0.86, 0, 0.01), "paint glow", 0, 0),
        *_head(top, 0.11, 0.34, 3, fill="head"),
    ]
    if shape == "horns":
        guard = outline((-0.08, -0.36), (0.12, -0.34), (0.24, -0.05), (0.3, 0.42), (0.06, 0.36), (-0.24, 0.3),
                        (-0.2, -0.1), soften=0.05)  # fmt: skip
        parts.append(Piece(guard, "white", 0, 0.2))
    parts += _neck(top, -0.1, 0.08, frets=18, fill="dark" if rng.random() < 0.6 else "light")
    parts += [
        Piece(outline((-0.12, y), (0.12, y), (0.12, y + 0.08), (-0.12, y + 0.08)), "pickup", 0, 0.4)
        for y in ((-0.02, 0.16) if rng.random() < 0.5 else (-0.04, 0.08, 0.2))
    ]
    parts += [
        Piece(outline((-0.11, 0.34), (0.11, 0.34), (0.11, 0.42), (-0.11, 0.42)), "metal", 0, 0.5),
        Dot((0.26, 0.42), 0.04, "peg"),
        Dot((0.3, 0.54), 0.04, "peg"),
    ]
    return [*parts, *_strings(6, (0.05, top - 0.05), (0.07, 0.38))]


def banjo(rng: np.random.Generator, _view: np.random.Generator) -> list[Part]:
    """A drum with a neck: a skin in a hoop with hooks around it, and four or five strings."""
    size, top, hooks = rng.uniform(0.56, 0.64), rng.uniform(-1.75, -1.5), int(rng.integers(14, 23))
    five = rng.random() < 0.7
    ring = ellipse((0, 0.2), size, size)
    parts: list[Part] = [*_head(top, 0.12, 0.33, 2, fill="head")]
    parts.append(Piece(ellipse((0, 0.2), size * rng.uniform(1.1, 1.2), size * 1.14), "body", 0, 1.3))
    parts.append(Piece(ring, "metal", 0, 0.9))
    for turn in np.linspace(0, 2 * np.pi, hooks, endpoint=False):
        spoke = np.array((np.sin(turn), np.cos(turn)))
        parts.append(Line(nudged(np.array([spoke * size * 0.93, spoke * size * 1.12]), 0, 0.2), 0.035, "gloom"))
    parts += [
        Piece(ellipse((0, 0.2), size * 0.9, size * 0.9), "skin", 0, 0.5),
        *_neck(top, -0.22 + rng.uniform(0, 0.15), 0.085, frets=16),
        Piece(outline((-0.14, 0.36), (0.14, 0.36), (0.12, 0.4), (-0.12, 0.4), soften=0.005), "body", 0, 0.5),
        Piece(outline((-0.06, 0.62), (0.06, 0.62), (0.09, 0.8), (-0.09, 0.8)), "metal", 0, 0.6),
    ]
    if five:
        parts += [_line((-0.07, top + 0.42), (-0.17, top + 0.42), 0.03, "metal"), Dot((-0.2, top + 0.42), 0.045, "peg")]
    return [*parts, *_strings(5 if five else 4, (0.05, top), (0.065, 0.66))]


def harp(rng: np.random.Generator, _view: np.random.Generator) -> list[Part]:
    """A harp: column, curved neck and sounding board around a fan of strings."""
    tall, reach, bow = rng.uniform(1.0, 1.25), rng.uniform(0.95, 1.25), rng.uniform(0.0, 0.14)
    dip, count, crown = rng.uniform(0.16, 0.3), int(rng.integers(15, 23)), rng.random() < 0.6
    high = -tall
    neck = curve([(-0.55, high, dip * 0.9), (0.0, high + 0.22, -dip), (-0.55 + reach, high + 0.5)])
    board = curve([(-0.55 + reach, high + 0.5, rng.uniform(-0.04, 0.06)), (-0.42, 1.0)])
    column = curve([(-0.55, high, -bow), (-0.5, 1.05)])
    parts: list[Part] = [Piece(outline((-0.66, 1.0), (-0.1, 1.0), (-0.02, 1.16), (-0.72, 1.16)), "dark", 0, 0.8)]
    for share in np.linspace(0.07, 0.97, count):
        x = -0.5 + share * (reach - 0.08)
        above = np.interp(x, neck[:, 0], neck[:, 1])
        below = np.interp(x, board[::-1, 0], board[::-1, 1])
        fill = ("red string", "string", "string", "dark string", "string", "string", "string")[int(share * count) % 7]
        parts.append(_line((x, above), (x, below - 0.05), 0.013, fill))
    parts += [
        Piece(tube(board, rng.uniform(0.1, 0.16), rng.uniform(0.34, 0.46)), "body", 0.5, 1.2),
        Line(board, 0.03, "edge"),
        Piece(tube(column, rng.uniform(0.09, 0.14)), "column", 0, 1.1),
        Piece(tube(neck, 0.17, 0.12), "body", 1.2, 1.1),
    ]
    parts += [Dot((x, y + 0.03), 0.02, "metal") for x, y in neck[2:-1:2]]
    if crown:
        parts += [
            Piece(ellipse((-0.55, high - 0.02), 0.13, 0.15), "metal", 0, 1.0),
            Piece(outline((-0.64, 0.92), (-0.38, 0.92), (-0.36, 1.04), (-0.66, 1.04)), "metal", 0, 0.6),
        ]
    elif rng.random() < 0.6:
        parts.append(Piece(ellipse((-0.6, high + 0.02), 0.11, 0.11), "body", 0, 0.8))
    return parts
