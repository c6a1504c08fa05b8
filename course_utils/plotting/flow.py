"""Boxes and arrows: how data flows through a training loop, or a picture through a network."""

import textwrap
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, PathPatch
from matplotlib.path import Path

from .style import COLORS, INK, WIDTH, blank, new_figure

NAME_SIZE, NOTE_SIZE = 10.5, 9  # points
NAME_LINE, NOTE_LINE = 0.2, 0.175  # inches a line
NAME_CHARACTER, NOTE_CHARACTER = 0.098, 0.0755  # inches a character, on average
SMALLEST_NOTE = 7.5  # points: notes that are too wide shrink to this, then break into lines
PADDING, COLUMN_GAP, ROW_GAP = 0.06, 0.4, 0.62  # inches: inside a box, between columns, between rows
GROUND = "#eef4fb"


class _Box(NamedTuple):
    """Where one step is drawn, in inches: the centre, and half the width and height."""

    x: float
    y: float
    half_width: float
    half_height: float
    row: int


def _wrapped(text: str, width: float, character: float) -> str:
    lines = (
        textwrap.wrap(line, max(round(width / character + 0.01), 4), break_long_words=False)
        for line in text.split("\n")
    )
    return "\n".join("\n".join(line) for line in lines)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], **line) -> None:
    options = {"arrowstyle": "-|>", "mutation_scale": 13, "shrinkA": 2, "shrinkB": 2, "color": INK, "linewidth": 1.3}
    ax.add_patch(FancyArrowPatch(start, end, **options | line))


def _step_arrow(ax: Axes, box: _Box, following: _Box) -> None:
    """Within a row the arrow joins the sides of two boxes, at the end of a row it points down to the next."""
    if box.row == following.row:
        side = 1 if following.x > box.x else -1
        _arrow(ax, (box.x + side * box.half_width, box.y), (following.x - side * following.half_width, following.y))
    else:
        _arrow(ax, (box.x, box.y - box.half_height), (following.x, following.y + following.half_height))


def _loop_arrow(ax: Axes, start: _Box, end: _Box, label: str) -> None:
    """A dashed arrow with square corners that runs in the gap under the upper of the two rows."""
    upper = start if start.row <= end.row else end
    level = upper.y - upper.half_height - ROW_GAP / 2
    leaves_down, enters_down = start.row <= end.row, end.row > start.row
    first = (start.x, start.y - start.half_height if leaves_down else start.y + start.half_height)
    last = (end.x, end.y + end.half_height if enters_down else end.y - end.half_height)
    line = {"color": COLORS[1], "linewidth": 1.5, "linestyle": "--"}
    corners = [first, (start.x, level), (end.x, level)]
    ax.add_patch(PathPatch(Path(corners), fill=False, **line))
    _arrow(ax, (end.x, level), last, shrinkA=0, **line | {"linestyle": "-"})
    if label:
        middle = (start.x + end.x) / 2 if start.x != end.x else start.x
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        ax.text(middle, level, label, ha="center", va="center", fontsize=NOTE_SIZE, color=COLORS[1], bbox=ground)


def draw_flow(
    steps: Sequence[str | tuple[str, str]],
    *,
    loops: Sequence[tuple[int, int, str]] = (),
    emphasis: Collection[int] = (),
    num_columns: int = 4,
    title: str | None = None,
) -> Axes:
    """Draw steps as boxes joined by arrows, and return the axes.

    `steps`: a name, or a pair (name, note); the note stands in typewriter letters under the name: a tensor's shape, a
    line of code. Rows of `num_columns` boxes run to the right and to the left in turn, so that every arrow is short.
    `loops`: triples (from, to, label) of positions in `steps`, drawn as dashed arrows; both lie in the same row or in
    neighbouring rows. `emphasis`: positions of boxes with a thick dark frame.

        draw_flow([("picture", "(3, 96, 96)"), ("backbone", "(1280,)"), ("head", "(10,)")], emphasis=[2])

    Raises ValueError without steps, for a position that does not exist, and for a loop over more than two rows.
    """
    pairs = [(step, "") if isinstance(step, str) else tuple(step) for step in steps]
    positions = [*emphasis, *(position for start, end, _ in loops for position in (start, end))]
    if not pairs:
        raise ValueError("There are no steps to draw.")
    if any(not 0 <= position < len(pairs) for position in positions):
        raise ValueError(f"loops and emphasis name positions from 0 to {len(pairs) - 1}; got {positions}.")
    num_columns = min(num_columns, len(pairs))
    num_rows = -(-len(pairs) // num_columns)
    column_width = WIDTH / num_columns
    box_width = column_width - COLUMN_GAP
    room = box_width - 2 * PADDING
    longest = max(len(line) for _, note in pairs for line in [*note.split("\n"), "x"])
    note_size = max(SMALLEST_NOTE, min(NOTE_SIZE, NOTE_SIZE * room / (longest * NOTE_CHARACTER)))
    note_character = NOTE_CHARACTER * note_size / NOTE_SIZE
    texts = [(_wrapped(name, room, NAME_CHARACTER), _wrapped(note, room, note_character)) for name, note in pairs]
    name_lines = max(name.count("\n") + 1 for name, _ in texts)
    note_lines = max(note.count("\n") + 1 if note else 0 for _, note in texts)
    box_height = name_lines * NAME_LINE + note_lines * NOTE_LINE + 0.24
    if any(abs(start // num_columns - end // num_columns) > 1 for start, end, _ in loops):
        raise ValueError("A loop joins steps in the same row or in neighbouring rows; choose another num_columns.")
    under = ROW_GAP * 0.62 if any(min(start, end) // num_columns == num_rows - 1 for start, end, _ in loops) else 0
    height = num_rows * box_height + (num_rows - 1) * ROW_GAP + under + 0.1

    full_height = height + (0.4 if title else 0)
    figure, ax = new_figure(height=full_height, title=title)
    figure.set_layout_engine("none")  # the axes fill the width: their units are inches, in which boxes fit their texts
    ax.set_position((0, 0, 1, height / full_height))
    ax.set(xlim=(0, WIDTH), ylim=(0, height))
    blank(ax)
    boxes = []
    for position, (name, note) in enumerate(texts):
        row, column = divmod(position, num_columns)
        column = column if row % 2 == 0 else num_columns - 1 - column
        x, y = (column + 0.5) * column_width, height - 0.05 - box_height / 2 - row * (box_height + ROW_GAP)
        boxes.append(_Box(x, y, box_width / 2, box_height / 2, row))
        frame = {"edgecolor": INK, "linewidth": 2.4} if position in emphasis else {"edgecolor": COLORS[0]}
        corner = (x - box_width / 2, y - box_height / 2)
        ax.add_patch(
            FancyBboxPatch(
                corner, box_width, box_height, boxstyle="round,pad=0,rounding_size=0.1", facecolor=GROUND, **frame
            )
        )
        note_height = NOTE_LINE * (note.count("\n") + 1 if note else 0)
        ax.text(x, y + note_height / 2, name, ha="center", va="center", fontsize=NAME_SIZE, fontweight="bold")
        below = y - NAME_LINE * (name.count("\n") + 1) / 2
        ax.text(x, below, note, ha="center", va="center", fontsize=note_size, family="monospace")
    for box, following in pairwise(boxes):
        _step_arrow(ax, box, following)
    for start, end, label in loops:
        _loop_arrow(ax, boxes[start], boxes[end], label)
    return ax
