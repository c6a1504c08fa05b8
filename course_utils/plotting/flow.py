"""Boxes and arrows: how data flows through a training loop, or a picture through a network."""

import textwrap
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, PathPatch
from matplotlib.path import Path

from .display import Picture
from .lettering import legible
from .style import COLORS, INK, WIDTH, blank, new_figure

NAME_SIZE, NOTE_SIZE = 10.5, 9.0  # points
NAME_LINE, NOTE_LINE = 0.2, 0.175  # inches a line
NAME_CHARACTER, NOTE_CHARACTER = 0.098, 0.0755  # inches a character, on average
SMALLEST_NOTE = 7.5  # points: notes that are too wide shrink to this, then break into lines
PADDING, COLUMN_GAP, ROW_GAP = 0.06, 0.4, 0.62  # inches: inside a box, between columns, between rows
MARGIN = 0.05  # inches above the first row and below the last
TITLE_HEIGHT = 0.4  # inches
GROUND = "#eef4fb"

Step = str | tuple[str, str]
Loop = tuple[int, int, str]


class Box(NamedTuple):
    """One step, laid out in inches: its wrapped texts, the centre, and half the width and height."""

    name: str
    note: str
    x: float
    y: float
    half_width: float
    half_height: float
    row: int


class Layout(NamedTuple):
    """Where everything stands, in inches from the lower left corner of a drawing `WIDTH` wide."""

    boxes: list[Box]
    note_size: float  # points
    height: float


def lay_out(steps: Sequence[Step], *, loops: Sequence[Loop] = (), num_columns: int = 4) -> Layout:
    """Place a box for each step: rows of `num_columns` run to the right and to the left in turn.

    All boxes have one size, high enough for the longest texts after wrapping. Takes and raises what `draw_flow` does.
    """
    pairs = [(legible(step), "") if isinstance(step, str) else (legible(step[0]), legible(step[1])) for step in steps]
    if not pairs:
        raise ValueError("There are no steps to draw.")
    _check_positions([position for start, end, _ in loops for position in (start, end)], len(pairs))
    num_columns = min(num_columns, len(pairs))
    num_rows = -(-len(pairs) // num_columns)
    rows_of_loops = [(min(start, end) // num_columns, max(start, end) // num_columns) for start, end, _ in loops]
    if any(lower - upper > 1 for upper, lower in rows_of_loops):
        raise ValueError("A loop joins steps in the same row or in neighbouring rows; choose another num_columns.")

    column_width = WIDTH / num_columns
    room = column_width - COLUMN_GAP - 2 * PADDING
    note_size = _note_size([note for _, note in pairs], room)
    note_character = NOTE_CHARACTER * note_size / NOTE_SIZE
    texts = [(_wrapped(name, room, NAME_CHARACTER), _wrapped(note, room, note_character)) for name, note in pairs]
    name_lines = max(_num_lines(name) for name, _ in texts)
    note_lines = max(_num_lines(note) for _, note in texts)
    box_height = name_lines * NAME_LINE + note_lines * NOTE_LINE + 0.24

    under = ROW_GAP * 0.62 if any(upper == num_rows - 1 for upper, _ in rows_of_loops) else 0
    height = num_rows * box_height + (num_rows - 1) * ROW_GAP + under + 2 * MARGIN
    boxes = []
    for position, (name, note) in enumerate(texts):
        row, place = divmod(position, num_columns)
        column = place if row % 2 == 0 else num_columns - 1 - place
        x = (column + 0.5) * column_width
        y = height - MARGIN - box_height / 2 - row * (box_height + ROW_GAP)
        boxes.append(Box(name, note, x, y, (column_width - COLUMN_GAP) / 2, box_height / 2, row))
    return Layout(boxes, note_size, height)


def _check_positions(positions: Collection[int], num_steps: int) -> None:
    if any(not 0 <= position < num_steps for position in positions):
        raise ValueError(f"loops and emphasis name positions from 0 to {num_steps - 1}; got {list(positions)}.")


def _note_size(notes: Sequence[str], room: float) -> float:
    """Return the size, in points, at which the longest line of the notes just fits, between smallest and usual."""
    longest = max(len(line) for note in notes for line in [*note.split("\n"), "x"])
    return max(SMALLEST_NOTE, min(NOTE_SIZE, NOTE_SIZE * room / (longest * NOTE_CHARACTER)))


def _wrapped(text: str, width: float, character: float) -> str:
    longest = max(round(width / character + 0.01), 4)
    return "\n".join("\n".join(textwrap.wrap(line, longest, break_long_words=False)) for line in text.split("\n"))


def _num_lines(text: str) -> int:
    return text.count("\n") + 1 if text else 0


def draw_flow(
    steps: Sequence[Step],
    *,
    loops: Sequence[Loop] = (),
    emphasis: Collection[int] = (),
    num_columns: int = 4,
    title: str | None = None,
    alt: str | None = None,
) -> Picture:
    """Draw steps as boxes joined by arrows.

    `steps`: a name, or a pair (name, note); the note stands in typewriter letters under the name: a tensor's shape, a
    line of code. Rows of `num_columns` boxes run to the right and to the left in turn, so that every arrow is short.
    `loops`: triples (from, to, label) of positions in `steps`, drawn as dashed arrows; both lie in the same row or in
    neighbouring rows. `emphasis`: positions of boxes with a thick dark frame. `alt`: left out, it tells the steps,
    their notes, the loops and what is framed.

        draw_flow([("picture", "(3, 96, 96)"), ("backbone", "(1280,)"), ("head", "(10,)")], emphasis=[2])

    Raises ValueError without steps, for a position that does not exist, and for a loop over more than two rows.
    """
    boxes, note_size, height = lay_out(steps, loops=loops, num_columns=num_columns)
    _check_positions(emphasis, len(boxes))
    full_height = height + (TITLE_HEIGHT if title else 0)
    figure, ax = new_figure(height=full_height, title=title)
    figure.set_layout_engine("none")  # the axes fill the width: their units are inches, in which boxes fit their texts
    ax.set_position((0, 0, 1, height / full_height))
    ax.set(xlim=(0, WIDTH), ylim=(0, height))
    blank(ax)
    for position, box in enumerate(boxes):
        _draw_box(ax, box, note_size=note_size, framed=position in emphasis)
    for box, following in pairwise(boxes):
        _step_arrow(ax, box, following)
    for start, end, label in loops:
        starts = [other for other, its_end, _ in loops if its_end == end]
        _loop_arrow(ax, boxes[start], boxes[end], label, arrival=_arrival(boxes, start, starts, end))
    return Picture(figure, alt or _describe(steps, loops, emphasis))


def _describe(steps: Sequence[Step], loops: Sequence[Loop], emphasis: Collection[int]) -> str:
    names = [step if isinstance(step, str) else step[0] for step in steps]
    told = [step if isinstance(step, str) else _told(*step) for step in steps]
    text = f"A flow of {len(told)} steps: {'; '.join(told)}."
    for start, end, label in loops:
        text += f" A dashed arrow leads from “{names[start]}” to “{names[end]}”{f': {label}' if label else ''}."
    framed = ", ".join(names[position] for position in sorted(emphasis))
    return text + (f" Framed: {framed}." if framed else "")


def _told(name: str, note: str) -> str:
    note = note.replace("\n", ", ")
    return name if not note else f"{name} {note}" if note.startswith("(") else f"{name} ({note})"


def _draw_box(ax: Axes, box: Box, *, note_size: float, framed: bool) -> None:
    ax.add_patch(
        FancyBboxPatch(
            (box.x - box.half_width, box.y - box.half_height),
            2 * box.half_width,
            2 * box.half_height,
            boxstyle="round,pad=0,rounding_size=0.1",
            facecolor=GROUND,
            edgecolor=INK if framed else COLORS[0],
            linewidth=2.4 if framed else 1.0,
        )
    )
    name_y = box.y + NOTE_LINE * _num_lines(box.note) / 2
    note_y = box.y - NAME_LINE * _num_lines(box.name) / 2
    ax.text(box.x, name_y, box.name, ha="center", va="center", fontsize=NAME_SIZE, fontweight="bold")
    ax.text(box.x, note_y, box.note, ha="center", va="center", fontsize=note_size, family="monospace")


def _arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    color: str = INK,
    linewidth: float = 1.3,
    gap: float = 2,
) -> None:
    """Draw an arrow that begins `gap` points after its start."""
    ax.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=13, shrinkA=gap, shrinkB=2, color=color, linewidth=linewidth
        )
    )


def _step_arrow(ax: Axes, box: Box, following: Box) -> None:
    """Within a row the arrow joins the sides of two boxes, at the end of a row it points down to the next."""
    if box.row == following.row:
        side = 1 if following.x > box.x else -1
        _arrow(ax, (box.x + side * box.half_width, box.y), (following.x - side * following.half_width, following.y))
    else:
        _arrow(ax, (box.x, box.y - box.half_height), (following.x, following.y + following.half_height))


def _arrival(boxes: Sequence[Box], start: int, starts: Sequence[int], end: int) -> float:
    """Return where a loop reaches its box: all that end there arrive side by side, in the order in which they start."""
    order = sorted(starts, key=lambda other: boxes[other].x)
    share = (order.index(start) + 1) / (len(order) + 1)
    return boxes[end].x + (2 * share - 1) * boxes[end].half_width


def _loop_arrow(ax: Axes, start: Box, end: Box, label: str, *, arrival: float) -> None:
    """A dashed arrow with square corners that runs in the gap under the upper of the two rows."""
    upper = start if start.row <= end.row else end
    level = upper.y - upper.half_height - ROW_GAP / 2
    leaves_down, enters_down = start.row <= end.row, end.row > start.row
    departure = arrival if start.x == end.x else start.x
    first = (departure, start.y - start.half_height if leaves_down else start.y + start.half_height)
    last = (arrival, end.y + end.half_height if enters_down else end.y - end.half_height)
    corners = Path([first, (departure, level), (arrival, level)])
    ax.add_patch(PathPatch(corners, fill=False, color=COLORS[1], linewidth=1.5, linestyle="--"))
    _arrow(ax, (arrival, level), last, color=COLORS[1], linewidth=1.5, gap=0)
    if label:
        middle = (departure + arrival) / 2
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        ax.text(middle, level, label, ha="center", va="center", fontsize=NOTE_SIZE, color=COLORS[1], bbox=ground)
