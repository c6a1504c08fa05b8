"""The certificate that a student graduates with: what it learned, its mark, and which demands it meets (lesson 13)."""

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
    height = 1.9 + LINE_INCHES * len(rubric)
    figure, ax = new_figure(width=width, height=height)
    ax.set(xlim=(0, width), ylim=(height, 0))
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
    for y, text, size, weight in ((0.5, heading, 19, "bold"), (0.95, subject, 11, "normal"), (1.28, mark, 13, "bold")):
        ax.text(width / 2, y, legible(text), ha="center", va="center", fontsize=size, fontweight=weight, color=INK)
    for row, (demand, is_met) in enumerate(rubric.items()):
        y = 1.72 + LINE_INCHES * row
        sign, color = ("✓", COLORS[0]) if is_met else ("✗", COLORS[1])
        ax.text(0.55, y, sign, ha="center", va="center", fontsize=12, fontweight="bold", color=color)
        ax.text(0.8, y, legible(demand), va="center", fontsize=10, color=INK)
    told = f"{len(rubric) - len(missing)} of {len(rubric)} demands are met"
    lacks = f"; not met: {'; '.join(missing)}" if missing else f": {'; '.join(rubric)}"
    return Picture(figure, f"{heading}. {subject}. {mark}. {told}{lacks}.")
