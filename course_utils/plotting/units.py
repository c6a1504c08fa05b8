"""What the units behind a ReLU get and let through, correction by correction: how they die (lesson 07)."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from .animation import Animation, animate
from .display import Picture
from .style import COLORS, INK, lay_out_once, new_figure

NUM_BINS = 32


def draw_units(sums: Tensor, *, title: str) -> Picture:
    """Draw what arrives at each unit, before its ReLU, for every picture: `sums` (N, units), a histogram a unit.

    Blue is what passes the ReLU, grey what becomes 0.
    """
    (figure,) = _drawn([sums], title)
    return Picture(figure, _describe(sums, title))


def animate_units(moments: Sequence[Tensor], *, title: str = "After {} corrections") -> Animation:
    """Show `draw_units` for each of the moments (N, units), the first before any correction, on the same axes.

    `title` holds a pair of braces for the number of corrections.
    """
    first, last = _describe(moments[0], title.format(0)), _describe(moments[-1], title.format(len(moments) - 1))
    alt = f"What arrives at each unit, correction by correction. {first} {last}"
    return animate(_drawn(moments, title), alt=alt, seconds=5)


def _drawn(moments: Sequence[Tensor], title: str) -> Iterator[Figure]:
    """Give one figure for each of the moments in turn: only the bars and the titles are drawn anew."""
    low = min(-0.5, *(sums.min().item() for sums in moments))
    high = max(0.5, *(sums.max().item() for sums in moments))
    width = (high - low) / NUM_BINS
    edges = width * np.arange(np.floor(low / width), np.ceil(high / width) + 1)  # 0 is one of them
    figure, panels = new_figure(1, moments[0].shape[1], height=2.5, title=title.format(0), sharey=True, squeeze=False)
    colors = [COLORS[0] if edge > -width / 2 else COLORS[7] for edge in edges[:-1]]
    bars = [ax.bar(edges[:-1], edges[:-1], width=width, align="edge", color=colors) for ax in panels[0]]
    for ax in panels[0]:
        ax.axvline(0, color=INK, linewidth=0.9)
        ax.set(title="unit 1: 100 % pass", xlabel="arrives at the ReLU", ylim=(0, 0.6 * len(moments[0])))
    panels[0, 0].set_ylabel("pictures")
    lay_out_once(figure)
    for step, sums in enumerate(moments):
        figure.suptitle(title.format(step), x=0.01, ha="left")
        for number, (ax, group) in enumerate(zip(panels[0], bars, strict=True), start=1):
            values = sums[:, number - 1].numpy(force=True)
            for bar, count in zip(group, np.histogram(values, edges)[0], strict=True):
                bar.set_height(count)
            share = (values > 0).mean()
            ax.set_title(f"unit {number}: {share:.0%} pass" if share else f"unit {number}: dead")
        yield figure


def _describe(sums: Tensor, title: str) -> str:
    passing = (sums > 0).double().mean(dim=0).tolist()
    told = ", ".join(f"unit {number} {share:.0%}" for number, share in enumerate(passing, start=1))
    return f"{title}: what passes each unit's ReLU, of {len(sums):,} pictures: {told}."
