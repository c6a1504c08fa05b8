"""A ball in a valley, beside the loss of a real head at the same learning rate (lesson 07)."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .animation import Animation, animate
from .display import Picture
from .explanations import Floats, Landscape, descend
from .style import BASELINE, COLORS, INK, lay_out_once, new_figure

# It bends about as much as the loss of a new head does where it bends most, on the course's notes in one batch.
VALLEY = Landscape(lambda w: 75 * w**2, lambda w: 150 * w, start=-0.2, lowest=0.0)
RIM = 0.3  # the valley is drawn from -RIM to RIM
NUM_STEPS = 10
BETWEEN = 2  # frames of the animation for each step


def roll(learning_rate: float, *, num_steps: int = NUM_STEPS) -> Floats:
    """Return where the ball lies, (num_steps + 1,) with the start, fewer where it flies out: w = w - rate * slope."""
    return descend(VALLEY, learning_rate=learning_rate, num_steps=num_steps)


def judge_roll(places: Floats) -> str:
    """Say what the ball does: "crawls", "glides", "bounces" or "flies out"."""
    if abs(places[-1]) >= abs(places[0]):
        return "flies out"
    if np.sum(places[1:] * places[:-1] < 0) > 3:
        return "bounces"
    return "glides" if abs(places[-1]) < 0.1 * abs(places[0]) else "crawls"


def plot_ball(learning_rate: float, losses: Sequence[float], *, guessing: float) -> Picture:
    """Draw the ball's way through the valley on the left, and on the right the loss of a real head, correction by
    correction, that learned at the same rate.

    `losses` of the head before each correction; `guessing`, the loss of a student who guesses, is a dotted line.
    """
    places = roll(learning_rate)
    verdict = judge_roll(places)
    title = f"Learning rate {learning_rate:g}: the ball {verdict}"
    figure, (left, right) = new_figure(1, 2, height=3.5, title=title)
    _Ball(left, places)
    left.set(title="A ball in a valley", xlabel="its one weight", ylabel="loss (height)")
    right.plot(range(len(losses)), losses, color=COLORS[1], marker="s", markersize=4, label="the head")
    right.axhline(guessing, label=f"guessing: {guessing:.2f}", **BASELINE)
    right.set(title="A real head, 12,810 weights", xlabel="corrections so far", ylabel="loss in practice")
    right.set_ylim(0, max(1.5 * guessing, 1.05 * max(losses)))
    right.legend(loc="lower left" if losses[-1] > guessing else "upper right")
    return Picture(
        figure,
        f"{title}, from the weight {places[0]:g} to {places[-1]:.3g} in {len(places) - 1} steps. Beside it the loss of "
        f"a real head goes from {losses[0]:.2f} to {losses[-1]:.2f}, by way of {max(losses):.2f}.",
    )


def animate_balls(learning_rates: Sequence[float]) -> Animation:
    """Show balls side by side that roll through the same valley, one for each learning rate, step by step."""
    ways = [roll(rate) for rate in learning_rates]
    told = "; ".join(
        f"at the rate {rate:g} it {judge_roll(places)}" for rate, places in zip(learning_rates, ways, strict=True)
    )
    alt = f"A ball in a valley, {NUM_STEPS} steps, {len(ways)} times: {told}."
    return animate(_rolling(learning_rates, ways), alt=alt, seconds=5)


def _rolling(learning_rates: Sequence[float], ways: Sequence[Floats]) -> Iterator[Figure]:
    """Give one figure again and again, each time with the balls a little further on: only they are drawn anew."""
    figure, panels = new_figure(1, len(ways), height=2.7, sharey=True, squeeze=False)
    balls = [_Ball(ax, places) for ax, places in zip(panels[0], ways, strict=True)]
    for rate, places, ax in zip(learning_rates, ways, panels[0], strict=True):
        ax.set(title=f"{rate:g}: {judge_roll(places)}", xlabel="weight")
    panels[0, 0].set_ylabel("loss (height)")
    lay_out_once(figure)
    for frame in range(BETWEEN * NUM_STEPS + 1):
        for ball in balls:
            ball.move(frame / BETWEEN)
        yield figure


class _Ball:
    """A valley in `ax`, the ball in it and the places where it has been."""

    def __init__(self, ax: Axes, places: Floats) -> None:
        self.places = places
        ground = np.linspace(-RIM, RIM, 200)
        top = float(VALLEY.height(np.array(RIM)))
        ax.plot(ground, VALLEY.height(ground), color=COLORS[4], linewidth=1.4)
        (self.trail,) = ax.plot([], [], "o--", color=COLORS[0], linewidth=0.8, markersize=4, alpha=0.7)
        (self.ball,) = ax.plot([], [], "o", color=COLORS[1], markersize=13, markeredgecolor=INK)
        self.gone = ax.text(0.5, 0.85, "gone", color=COLORS[1], weight="bold", ha="center", transform=ax.transAxes)
        ax.set(xlim=(-1.05 * RIM, 1.05 * RIM), ylim=(-0.06 * top, 1.02 * top))
        self.move(len(places) - 1)

    def move(self, step: float) -> None:
        """Put the ball where it is at this step, or at its last; between two steps it is on its way."""
        step = min(step, len(self.places) - 1)
        been = self.places[: int(step) + 1]
        now = np.array([np.interp(step, range(len(self.places)), self.places)])
        is_here = bool(abs(now[0]) <= RIM)
        self.trail.set_data(been, VALLEY.height(been))
        self.ball.set_data(now, VALLEY.height(now))
        self.ball.set_visible(is_here)
        self.gone.set_visible(not is_here)
