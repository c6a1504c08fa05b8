"""The graph of a computation: values go forward along its arrows, slopes come back (lesson 09)."""

from collections.abc import Hashable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from .animation import Animation, animate
from .display import Picture
from .lettering import legible
from .style import COLORS, FAINT, INK, WIDTH, blank, new_figure

Key = Hashable
Arrow = tuple[Key, Key, float]  # from, to, and the link: how fast the second changes with the first
Places = dict[Key, tuple[float, float]]

ROW_HEIGHT = 0.92  # inches
BOX_WIDTH, BOX_HEIGHT = 0.84, 0.66  # inches; narrower where there are many columns
TITLE_HEIGHT = 0.45
GROUND = "#eef4fb"


def draw_graph(
    values: Mapping[Key, float],
    arrows: Sequence[Arrow],
    *,
    slopes: Mapping[Key, float] | None = None,
    labels: Mapping[Key, str] | None = None,
    title: str = "Values go forward, slopes come back",
    num_values: int | None = None,
    num_slopes: int | None = None,
) -> Picture:
    """Draw what was computed from what: a box for each value, an arrow from each value to what was made of it.

    `values`: key -> number, in the order in which they were computed. `arrows`: triples (from, to, link) of keys; the
    link is written beside the arrow, those between the same two boxes are added up. `slopes`: key -> the slope of the
    last value, where it is known. `labels`: key -> what stands in the box, where it is not the key itself.
    `num_values` and `num_slopes` show only the first so many: values from the first on, slopes from the last value
    back. Raises ValueError without values, and for an arrow to a value that comes no later than its start.
    """
    slopes, labels = slopes or {}, labels or {}
    places = place_values(values, arrows)
    coming = [key for key in reversed(values) if key in slopes]
    with_value = list(values)[:num_values]
    with_slope = set(coming[:num_slopes])
    links: dict[tuple[Key, Key], float] = {}
    for start, end, link in arrows:
        links[start, end] = links.get((start, end), 0.0) + float(link)

    num_rows = max(y for _, y in places.values()) + 1
    height = ROW_HEIGHT * num_rows + TITLE_HEIGHT
    figure, ax = new_figure(height=height, title=title)
    figure.set_layout_engine("none")  # the axes fill the width: their units are inches, in which boxes fit their texts
    ax.set_position((0, 0, 1, 1 - TITLE_HEIGHT / height))
    ax.set(xlim=(0, WIDTH), ylim=(0, height - TITLE_HEIGHT))
    blank(ax)
    column = WIDTH / (max(x for x, _ in places.values()) + 1)
    width = min(BOX_WIDTH, 0.72 * column)
    centres = {key: ((x + 0.5) * column, (y + 0.5) * ROW_HEIGHT) for key, (x, y) in places.items()}
    for (start, end), link in links.items():
        _draw_arrow(ax, centres[start], centres[end], width, text=_number(link), came_back=end in with_slope)
    for key, (x, y) in centres.items():
        value = _number(values[key]) if key in with_value else ""
        slope = _number(slopes[key]) if key in with_slope else ""
        _draw_box(ax, x, y, width, legible(labels.get(key, str(key))), value, slope)
    return Picture(figure, _describe(values, slopes, labels, with_value, with_slope))


def animate_graph(
    values: Mapping[Key, float],
    arrows: Sequence[Arrow],
    *,
    slopes: Mapping[Key, float],
    labels: Mapping[Key, str] | None = None,
    title: str = "Values go forward, slopes come back",
    seconds: float = 8.0,
) -> Animation:
    """Show `draw_graph` as it fills: value by value in the order of computing, then slope by slope on the way back."""
    counts = [(count, 0) for count in range(1, len(values) + 1)]
    counts += [(len(values), count) for count in range(1, len(slopes) + 1)]
    frames = [
        draw_graph(values, arrows, slopes=slopes, labels=labels, title=title, num_values=forward, num_slopes=back)
        for forward, back in counts
    ]
    alt = f"{frames[-1].alt} The values appear first, one by one; then the slopes, from the last."
    return animate(frames, alt=alt, seconds=seconds)


def place_values(values: Mapping[Key, float], arrows: Sequence[Arrow]) -> Places:
    """Return (column, row) of each value, from 0: columns follow the arrows to the right, and what is not computed
    stands just before what it first serves; rows, which may be fractions, run upwards and keep one apart in a column.
    """
    if not values:
        raise ValueError("There are no values to draw.")
    order = {key: number for number, key in enumerate(values)}
    for start, end, _ in arrows:
        if start not in order or end not in order or order[start] >= order[end]:
            raise ValueError(f"The arrow from {start!r} to {end!r} is to lead from an earlier value to a later one.")
    made_of = {key: [start for start, end, _ in arrows if end == key] for key in values}
    serves = {key: [end for start, end, _ in arrows if start == key] for key in values}
    columns: dict[Key, int] = {}
    for key in values:
        columns[key] = 1 + max((columns[start] for start in made_of[key]), default=-1)
    for key in values:
        if not made_of[key] and serves[key]:
            columns[key] = min(columns[end] for end in serves[key]) - 1
    rows: dict[Key, float] = {}
    for column in sorted(set(columns.values()), reverse=True):
        members = [key for key in values if columns[key] == column]
        # A value wishes to stand beside what it serves.
        wished = {
            key: sum(rows[end] + _above(key, made_of[end]) for end in serves[key]) / max(1, len(serves[key]))
            for key in members
        }
        members.sort(key=lambda key: (wished[key], -order[key]))
        middle = sum(wished.values()) / len(wished)
        spread = _apart([wished[key] for key in members])
        shift = middle - sum(spread) / len(spread)
        rows |= {key: row + shift for key, row in zip(members, spread, strict=True)}
    lowest = min(rows.values())
    return {key: (columns[key], rows[key] - lowest) for key in values}


def _above(key: Key, siblings: Sequence[Key]) -> float:
    """Return how far above the middle of its siblings a value wishes to stand: the first highest, an only one level."""
    return (len(siblings) - 1) / 2 - siblings.index(key)


def _apart(wished: Sequence[float]) -> list[float]:
    """Return the rows, lowest first, moved up where they would be less than one apart."""
    rows: list[float] = []
    for row in wished:
        rows.append(max(row, rows[-1] + 1) if rows else row)
    return rows


def _number(value: float) -> str:
    """Three digits, as short as they get: 0.64, -3.2, 1."""
    return f"{float(value):.3g}".replace("-", "−")


def _draw_box(ax: Axes, x: float, y: float, width: float, label: str, value: str, slope: str) -> None:
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
    ax.text(x, y + 0.19, label, ha="center", va="center", fontsize=9.5, fontweight="bold")
    ax.text(x, y, value, ha="center", va="center", fontsize=9.5, color=INK)
    words = f"slope {slope}" if slope and width > 0.8 else slope
    ax.text(x, y - 0.2, words, ha="center", va="center", fontsize=8.5, color=COLORS[1])


def _draw_arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], width: float, *, text: str, came_back: bool
) -> None:
    first, last = (start[0] + width / 2, start[1]), (end[0] - width / 2, end[1])
    color = COLORS[1] if came_back else COLORS[4]
    ax.add_patch(
        FancyArrowPatch(
            first, last, arrowstyle="-|>", mutation_scale=11, shrinkA=1, shrinkB=1, color=color, linewidth=1.1
        )
    )
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    middle = ((first[0] + last[0]) / 2 - 0.03, (first[1] + last[1]) / 2)
    ax.text(*middle, f"× {text}", ha="center", va="center", fontsize=7.5, color=color, bbox=ground)


def _describe(
    values: Mapping[Key, float],
    slopes: Mapping[Key, float],
    labels: Mapping[Key, str],
    with_value: Sequence[Key],
    with_slope: set[Key],
) -> str:
    told = []
    for key in with_value:
        slope = f", slope {_number(slopes[key])}" if key in with_slope else ""
        told.append(f"{labels.get(key, key)} = {_number(values[key])}{slope}")
    return f"A graph of {len(values)} values: {'; '.join(told)}."
