"""The graph of a computation: values go forward along its arrows, slopes come back (lesson 09)."""

import math
from collections.abc import Hashable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from .animation import Animation, animate
from .display import Picture
from .lettering import legible
from .style import COLORS, FAINT, INK, WIDTH, blank, new_figure

Key = Hashable
# What a value was made of, with the link to each: how fast the one changes with the other.
Links = Mapping[Key, Mapping[Key, float] | Sequence[tuple[Key, float]]]

ROW_HEIGHT, BOX_HEIGHT = 0.92, 0.66  # inches
BOX_WIDTH, SHARE_OF_COLUMN = 0.84, 0.56  # inches, or less where there are many columns
ROOM_FOR_A_LINK, MARGIN = 0.62, 0.06  # inches: between columns, for an arrow and its link; at the sides
TITLE_HEIGHT = 0.45  # inches
GROUND = "#eef4fb"
TITLE = "Values go forward, slopes come back"


def draw_graph(
    values: Mapping[Key, float],
    links: Links,
    *,
    slopes: Mapping[Key, float] | None = None,
    labels: Mapping[Key, str] | None = None,
    title: str = TITLE,
    num_values: int | None = None,
    num_slopes: int | None = None,
) -> Picture:
    """Draw what was computed from what: a box for each value, an arrow to it from each value that it was made of.

    `values`: key -> number, in the order in which they were computed. `links`: key -> what it was made of, as
    `{key: link}` or pairs (key, link); the link stands beside the arrow, and those between the same two boxes are added
    up. `slopes`: key -> the slope of the last value, where it is known. `labels`: key -> what stands in the box, where
    it is not the key itself. `num_values` and `num_slopes` show only the first so many: values from the first on,
    slopes from the last value back.

        draw_graph({"a": 2, "b": 3, "a · b": 6}, {"a · b": {"a": 3, "b": 2}}, slopes={"a": 3, "b": 2, "a · b": 1})

    Raises ValueError without values, and for a value made of one that does not come before it.
    """
    slopes, labels, arrows = slopes or {}, labels or {}, _arrows(values, links)
    places = _places(values, arrows)
    shown_values = set(list(values)[:num_values])
    shown_slopes = set([key for key in reversed(list(values)) if key in slopes][:num_slopes])

    num_columns = max(column for column, _ in places.values()) + 1
    height = ROW_HEIGHT * (max(row for _, row in places.values()) + 1)
    figure, ax = new_figure(height=height + TITLE_HEIGHT, title=title)
    figure.set_layout_engine("none")  # the axes fill the width: their units are inches, in which boxes fit their texts
    ax.set_position((0, 0, 1, height / (height + TITLE_HEIGHT)))
    ax.set(xlim=(0, WIDTH), ylim=(0, height))
    blank(ax)
    width = min(BOX_WIDTH, SHARE_OF_COLUMN * WIDTH / num_columns)
    side = WIDTH / num_columns / 2 if width == BOX_WIDTH else width / 2 + MARGIN  # many columns use the whole width
    step = (WIDTH - 2 * side) / max(1, num_columns - 1)
    centres = {key: (side + x * step, (y + 0.5) * ROW_HEIGHT) for key, (x, y) in places.items()}
    for (start, end), link in arrows.items():
        color = COLORS[1] if end in shown_slopes else COLORS[4]
        text = f"× {_digits(link)}" if end in shown_values else ""  # a link may be computed from a value
        _draw_arrow(ax, centres[start], centres[end], width, text=text, color=color)
    for key, centre in centres.items():
        value = _digits(values[key]) if key in shown_values else ""
        slope = _digits(slopes[key]) if key in shown_slopes else ""
        _draw_box(ax, centre, width, label=legible(labels.get(key, str(key))), value=value, slope=slope)
    told = [
        f"{labels.get(key, key)} = {_digits(values[key])}"
        + (f", slope {_digits(slopes[key])}" if key in shown_slopes else "")
        for key in values
        if key in shown_values
    ]
    return Picture(figure, f"A graph of {len(values)} values: {'; '.join(told)}.")


def animate_graph(
    values: Mapping[Key, float],
    links: Links,
    *,
    slopes: Mapping[Key, float],
    labels: Mapping[Key, str] | None = None,
    title: str = TITLE,
    seconds: float = 8.0,
) -> Animation:
    """Show `draw_graph` as it fills: value by value in the order of computing, then slope by slope on the way back."""
    forward = [(count, 0) for count in range(1, len(values) + 1)]
    back = [(len(values), count) for count in range(1, len(slopes) + 1)]
    frames = [
        draw_graph(values, links, slopes=slopes, labels=labels, title=title, num_values=num_values, num_slopes=num)
        for num_values, num in forward + back
    ]
    alt = f"{frames[-1].alt} The values appear first, one by one; then the slopes, from the last."
    return animate(frames, alt=alt, seconds=seconds)


def _arrows(values: Mapping[Key, float], links: Links) -> dict[tuple[Key, Key], float]:
    """Return (from, to) -> link; checked."""
    if not values:
        raise ValueError("There are no values to draw.")
    order = {key: number for number, key in enumerate(values)}
    arrows: dict[tuple[Key, Key], float] = {}
    for end, parents in links.items():
        for start, link in parents.items() if isinstance(parents, Mapping) else parents:
            if start not in order or end not in order or order[start] >= order[end]:
                raise ValueError(f"{end!r} cannot be made of {start!r}: values come in the order of computing.")
            arrows[start, end] = arrows.get((start, end), 0.0) + float(link)
    return arrows


def _places(values: Mapping[Key, float], arrows: Mapping[tuple[Key, Key], float]) -> dict[Key, tuple[int, float]]:
    """Return (column, row) of each value. Columns follow the arrows to the right; what is not computed stands just
    before what it first serves. Rows, which may be fractions, run upwards from 0, at least 1 apart in a column.
    """
    made_of = {key: [start for start, end in arrows if end == key] for key in values}
    serves = {key: [end for start, end in arrows if start == key] for key in values}
    columns: dict[Key, int] = {}
    for key in values:
        columns[key] = 1 + max((columns[start] for start in made_of[key]), default=-1)
    for key in values:
        if not made_of[key] and serves[key]:
            columns[key] = min(columns[end] for end in serves[key]) - 1
    rows: dict[Key, float] = {}
    for column in sorted(set(columns.values()), reverse=True):
        # A value wishes to stand beside what it serves, the first that a value was made of above the second.
        wished = {
            key: sum(rows[end] + _above(key, made_of[end]) for end in serves[key]) / max(1, len(serves[key]))
            for key in values
            if columns[key] == column
        }
        members = sorted(wished, key=lambda key: wished[key])
        spread = _apart([wished[key] for key in members])
        shift = (sum(wished.values()) - sum(spread)) / len(spread)
        rows |= {key: row + shift for key, row in zip(members, spread, strict=True)}
    lowest = min(rows.values())
    return {key: (columns[key], rows[key] - lowest) for key in values}


def _above(key: Key, siblings: Sequence[Key]) -> float:
    """Return how far above the middle of its siblings a value wishes to stand: the first highest, an only one level."""
    return (len(siblings) - 1) / 2 - siblings.index(key)


def _apart(wished: Sequence[float]) -> list[float]:
    """Return the rows, lowest first, moved up where they would be less than 1 apart."""
    rows: list[float] = []
    for row in wished:
        rows.append(max(row, rows[-1] + 1) if rows else row)
    return rows


def _digits(value: float) -> str:
    """Three digits, as short as they get: 0.64, −3.2, 1."""
    return f"{float(value):.3g}".replace("-", "−")


def _draw_box(ax: Axes, centre: tuple[float, float], width: float, *, label: str, value: str, slope: str) -> None:
    x, y = centre
    ax.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - BOX_HEIGHT / 2),
            width,
            BOX_HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor=GROUND if value else "white",
            edgecolor=COLORS[1] if slope else COLORS[0] if value else FAINT,
            linewidth=1.3,
        )
    )
    is_wide = width > 0.8
    ax.text(x, y + 0.19, label, ha="center", va="center", fontsize=9.5 if is_wide else 8, fontweight="bold")
    ax.text(x, y, value, ha="center", va="center", fontsize=9.5 if is_wide else 8.5, color=INK)
    words = f"slope {slope}" if slope and is_wide else slope
    ax.text(x, y - 0.2, words, ha="center", va="center", fontsize=8.5, color=COLORS[1])


def _draw_arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], width: float, *, text: str, color: str
) -> None:
    first, last = (start[0] + width / 2, start[1]), (end[0] - width / 2, end[1])
    ax.add_patch(
        FancyArrowPatch(
            first, last, arrowstyle="-|>", mutation_scale=11, shrinkA=1, shrinkB=1, color=color, linewidth=1.1
        )
    )
    rise = last[1] - first[1]
    if last[0] - first[0] < ROOM_FOR_A_LINK and abs(rise) < BOX_HEIGHT / 2:  # a short, flat one: above it
        angle = math.degrees(math.atan2(rise, last[0] - first[0]))
        x, y = (first[0] + last[0]) / 2, (first[1] + last[1]) / 2 + 0.04
        here = ax.text(x, y, text, ha="center", va="bottom", fontsize=7.5, color=color)
        here.set(rotation=angle, rotation_mode="anchor")
        return
    # Nearer to where the arrow begins: there the arrows of different boxes are still apart.
    place = (0.55 * first[0] + 0.45 * last[0], 0.55 * first[1] + 0.45 * last[1])
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    ax.text(*place, text, ha="center", va="center", fontsize=7.5, color=color, bbox=ground)
