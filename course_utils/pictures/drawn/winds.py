"""Patterns for instruments that are blown: trumpet and saxophone; the arguments are as in `strings`."""

import numpy as np

from .shapes import Dot, Line, Part, Piece, Place, curve, ellipse, nudged, outline, tube


def _pipe(points: np.ndarray, width: float, end: float | None = None, *, height: float = 0.8) -> list[Part]:
    """A metal pipe with a gleam along it."""
    last = width if end is None else end
    gleam = nudged(tube(points, width * 0.25, last * 0.25), -width / 7, -width / 7)
    return [Piece(tube(points, width, last), "metal", 0, height), Piece(gleam, "shine", 0, 0)]


def _ring(at: Place, across: float, along: float) -> Piece:
    corners = ((-along, -across), (along, -across), (along, across), (-along, across))
    return Piece(nudged(outline(*corners, soften=0.01), *at), "gloom", 0, 0.4)


def trumpet(rng: np.random.Generator, _view: np.random.Generator) -> list[Part]:
    """A trumpet from the side: mouthpiece, loop, three valves, bell."""
    flare, low, thick = rng.uniform(0.3, 0.4), rng.uniform(0.34, 0.46), rng.uniform(0.075, 0.095)
    back, front = rng.uniform(-0.72, -0.6), rng.uniform(0.6, 0.74)
    bell = outline(
        (0.5, -0.05), (0.85, -0.08, -0.1), (1.25, -flare, 0.0), (1.3, -flare), (1.3, flare), (1.25, flare, -0.1),
        (0.85, 0.08), (0.5, 0.05), soften=0.012,
    )  # fmt: skip
    lead = curve([(-1.3, -0.04), (front, -0.04, 0.5), (front, low - 0.02), (0.2, low - 0.02)])
    parts: list[Part] = [
        *_pipe(curve([(0.9, 0.0), (back, 0.0, -0.5), (back, low), (-0.1, low)]), thick),
        *_pipe(lead, thick * 0.9),
        *_pipe(np.array([(-1.32, -0.04), (-1.1, -0.04)]), 0.12, 0.07),
        _ring((-1.33, -0.04), 0.1, 0.025),
    ]
    parts += [Piece(bell, "metal", 0, 1.0), Line(curve([(0.8, -0.03, -0.06), (1.25, -flare * 0.6)]), 0.035, "shine")]
    parts.append(Piece(ellipse((1.29, 0), 0.045, flare), "gloom", 0, 0.2))
    for x in (-0.24, -0.06, 0.12):
        parts += [
            Line(np.array([(x, -0.4), (x, -0.2)]), 0.035, "gloom"),
            Piece(ellipse((x, -0.42), 0.065, 0.03), "pearl", 0, 0.5),
            *_pipe(np.array([(x, -0.22), (x, low + 0.12)]), 0.155),
            _ring((x, -0.2), 0.03, 0.085),
            _ring((x, low + 0.12), 0.035, 0.08),
        ]
    parts += _pipe(curve([(0.2, low * 0.4), (0.46, low * 0.4, 0.5), (0.46, low * 0.75), (0.2, low * 0.75)]), 0.06)
    parts += [_ring((front - 0.12, low), 0.06, 0.02), _ring((back + 0.12, low), 0.06, 0.02)]
    return parts


def saxophone(rng: np.random.Generator, _view: np.random.Generator) -> list[Part]:
    """A saxophone from the side: mouthpiece, neck, a tube that widens and turns up into the bell, keys."""
    deep, flare, lean = rng.uniform(0.75, 0.95), rng.uniform(0.34, 0.44), rng.uniform(0.0, 0.1)
    rise, crook = rng.uniform(-0.25, 0.05), rng.uniform(-1.2, -1.08)
    body = curve([(0.0, -1.0), (lean, deep - 0.2, 0.0)])
    turn = curve([(lean, deep - 0.2, -0.5), (lean + 0.52, deep - 0.2)])
    horn = curve([(lean + 0.52, deep - 0.2, 0.03), (lean + 0.62, rise + 0.25)])
    top = (lean + 0.66, rise)
    cup = outline(
        (top[0] - flare, top[1] - 0.03, 0.05), (top[0] + flare, top[1] + 0.06, -0.12), (lean + 0.76, rise + 0.45),
        (lean + 0.46, rise + 0.45, -0.12), soften=0.015,
    )  # fmt: skip
    neck = curve([(-0.62, crook + 0.14, 0.16), (-0.2, crook, 0.2), (0.0, -0.98)])
    parts: list[Part] = [
        *_pipe(neck, 0.075, 0.11),
        Piece(tube(curve([(-0.86, crook + 0.3), (-0.56, crook + 0.1)]), 0.06, 0.12), "dark", 0, 0.8),
        Line(np.array([(-0.64, crook + 0.11), (-0.6, crook + 0.2)]), 0.05, "shine"),
        *_pipe(body, 0.13, 0.27, height=1.1),
        *_pipe(turn, 0.27, 0.31, height=1.1),
        *_pipe(horn, 0.31, 0.33, height=1.1),
        Piece(cup, "metal", 0, 1.2),
        Piece(ellipse((top[0], top[1] + 0.02), flare, flare * 0.28), "gloom", 0, 0.3),
        _ring((0.0, -0.98), 0.03, 0.1),
        Line(np.array([(lean + 0.14, 0.35), (lean + 0.4, 0.35)]), 0.05, "gloom"),
    ]
    rod = curve([(0.13, -0.85), (lean + 0.2, deep - 0.3)])
    parts += [Line(rod, 0.025, "gloom")]
    for number, y in enumerate(np.linspace(-0.78, deep - 0.35, int(rng.integers(7, 10)))):
        share = (y + 1) / (deep + 0.8)
        x, size = lean * share + 0.02, 0.055 + 0.05 * share
        parts += [
            Line(np.array([(x, y), (x + 0.14 + 0.05 * share, y)]), 0.03, "gloom"),
            Piece(ellipse((x, y), size, size), "shine" if number % 2 else "metal", 0, 0.7),
            Dot((x, y), size * 0.55, "pearl"),
        ]
    parts += [Piece(ellipse((lean + 0.6, y), 0.1, 0.1), "shine", 0, 0.6) for y in (rise + 0.42, deep - 0.42)]
    return parts
