"""Many runs on one sheet: the poster of the bug museum (lesson 11)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from course_utils.report.history import History

from .display import Picture
from .runs import draw_beside
from .style import COLORS, INK, new_figure


class Poster(NamedTuple):
    """What a panel of the poster shows: a run over its healthy one, or words where a run was refused; a line below."""

    run: History | None
    healthy: History | None
    caption: str
    words: str = ""
    keeps_last: bool = False  # whether the last weights were kept, rather than the best


def draw_poster(panels: Mapping[str, Poster], *, guessing: float, title: str, num_columns: int = 4) -> Picture:
    """Draw all runs on one sheet, name -> panel: no axes, one scale for all losses, the healthy run in grey behind.

    `guessing`, the loss of a student who guesses, is a dotted line; the scale ends at 1.4 times that. Raises ValueError
    for no panel.
    """
    if not panels:
        raise ValueError("There is nothing to put on the poster.")
    num_rows = -(-len(panels) // num_columns)
    figure, axes = new_figure(
        num_rows, num_columns, height=1.4 * num_rows + 0.9, title=title, squeeze=False, sharey=True
    )
    for ax, (name, panel) in zip(axes.flat, panels.items(), strict=False):
        ax.set_ylim(0, 1.4 * guessing)
        if panel.run is not None and panel.healthy is not None:
            draw_beside(ax, panel.healthy, panel.run, guessing=guessing, keeps_last=panel.keeps_last)
        else:
            ax.text(0.5, 0.5, panel.words, transform=ax.transAxes, ha="center", va="center", color=INK, wrap=True)
        ax.set_title(name[:1].upper() + name[1:], fontsize=10, pad=4)
        ax.set(xticks=[], yticks=[])
        ax.set_xlabel(panel.caption, fontsize=9, color=COLORS[1] if panel.run is not None else COLORS[4], loc="left")
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    drawn: Sequence[object] = [ax for ax in axes.flat if ax.get_lines()]
    if drawn:
        handles, labels = drawn[0].get_legend_handles_labels()  # type: ignore[attr-defined]
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
    told = "; ".join(f"{name} {panel.caption}" for name, panel in panels.items())
    return Picture(figure, f"{title}: loss curves of {len(panels)} exhibits over the healthy run. {told}.")
