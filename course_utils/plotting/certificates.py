"""The certificate that a student graduates with: what it learned, its mark, and which demands it meets (lesson 13)."""

import textwrap
from collections.abc import Mapping

from matplotlib.patches import Rectangle

from .display import Picture
from .lettering import legible
from .style import COLORS, INK, blank, new_figure

LINE_INCHES = 0.27


def draw_certificate(subject: str, mark: str, rubric: Mapping[str, bool], *, width: float = 7.0) -> Picture:
    """Draw a framed certificate: `subject` and `mark`, then each demand of `rubric` with a tick, or a cross where it is
    not met. The heading says whether all are. Raises ValueError without demands.
    """
    if not rubric:
        raise ValueError("A certificate needs at least one demand.")
    missing = [demand for demand, is_met in rubric.items() if not is_met]
    heading = "Certificate" if not missing else "Not yet a certificate"
    lines = textwrap.wrap(subject, width=int(9.5 * width)) or [""]
    below = 1.2 + LINE_INCHES * len(lines)  # where the mark stands
    height = below + 0.65 + LINE_INCHES * len(rubric)
    figure, ax = new_figure(width=width, height=height)
    figure.set_layout_engine("none")
    ax.set(xlim=(0, width), ylim=(height, 0), position=(0, 0, 1, 1))
    blank(ax)
    for margin, thickness in ((0.06, 3.0), (0.16, 1.0)):
        ax.add_patch(
            Rectangle(
                (margin, margin),
                width - 2 * margin,
                height - 2 * margin,
                fill=False,
                edgecolor=COLORS[0],
                linewidth=thickness,
            )
        )
    written = [(0.55, heading, 20), *((1.05 + LINE_INCHES * n, line, 11) for n, line in enumerate(lines))]
    for y, text, size in (*written, (below, mark, 14)):
        weight = "normal" if size == 11 else "bold"
        ax.text(width / 2, y, legible(text), ha="center", va="center", fontsize=size, fontweight=weight, color=INK)
    for row, (demand, is_met) in enumerate(rubric.items()):
        y = below + 0.45 + LINE_INCHES * row
        sign, color = ("✓", COLORS[0]) if is_met else ("✗", COLORS[1])
        ax.text(0.55, y, sign, ha="center", va="center", fontsize=12, fontweight="bold", color=color)
        ax.text(0.8, y, legible(demand), va="center", fontsize=10, color=INK)
    told = f"{len(rubric) - len(missing)} of {len(rubric)} demands are met"
    lacks = f"; not met: {'; '.join(missing)}" if missing else f": {'; '.join(rubric)}"
    return Picture(figure, f"{heading}. {subject}. {mark}. {told}{lacks}.")
