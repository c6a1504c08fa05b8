"""Pictures of words: how long texts are, which words tell classes apart, where word vectors lie, and one text taken
apart (lesson 10).
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from course_utils.text import UNKNOWN, BagOfWords, encode, telling_words, word_scores, word_shares

from .classes import plot_predictions
from .display import Picture
from .lettering import legible
from .style import COLORS, MARKERS, axes_or_new, figure_of, new_figure

STROKES = ("-", "--", "-.", ":")
LETTERS = 72  # in a line of `draw_text`
DOT = 3  # half a spot of the map, in pixels
# Where a name may stand beside its spot on the map: offset in points, and the alignment that goes with it.
SIDES = (
    ((4, 0), "left", "center"),
    ((-4, 0), "right", "center"),
    ((0, 3), "center", "bottom"),
    ((0, -3), "center", "top"),
)


def plot_lengths(lengths: Mapping[str, Sequence[int]], ax: Axes | None = None) -> Picture:
    """Draw how many words the texts of each class have, as a line each: class name -> numbers of words.

    Raises ValueError where there is no text.
    """
    if not lengths or not all(len(values) for values in lengths.values()):
        raise ValueError("There are no texts to measure.")
    ax = axes_or_new(ax, height=3.2)
    longest = max(max(values) for values in lengths.values())
    told = []
    for place, (name, values) in enumerate(lengths.items()):
        counts = np.bincount(values, minlength=longest + 1)
        look: dict[str, Any] = {"color": COLORS[place % len(COLORS)], "linestyle": STROKES[place % len(STROKES)]}
        ax.plot(range(longest + 1), counts, label=legible(name), **look)
        told.append(f"{name} half at most {np.median(values):.0f}")
    ax.set(title="How long are the sentences?", xlabel="words", ylabel="sentences", xlim=(0, longest))
    ax.set_ylim(0, None)
    ax.legend()
    return Picture(figure_of(ax), f"Lines: how many sentences have how many words, up to {longest}. {'; '.join(told)}.")


def plot_telling_words(words: Sequence[Sequence[tuple[str, float]]], classes: Sequence[str]) -> Picture:
    """Draw the words that speak most for each class, a panel of bars each, as `text.telling_words` returns them.

    The longest bar of a panel is the class's strongest word; panels share one scale. Raises ValueError where classes
    and lists differ in number.
    """
    if len(words) != len(classes):
        raise ValueError(f"{len(words)} lists of words need as many classes, not {len(classes)}.")
    columns = min(4, len(classes))
    rows = -(-len(classes) // columns)
    height = rows * (0.26 * max(map(len, words)) + 1.0)
    figure, axes = new_figure(rows, columns, height=height, squeeze=False, sharex=True)
    for place, (ax, name, best) in enumerate(zip(axes.flat, classes, words, strict=False)):
        ax.barh(range(len(best)), [score for _, score in best], height=0.68, color=COLORS[place % len(COLORS)])
        ax.set_yticks(range(len(best)), [legible(word) for word, _ in best])
        ax.set_ylim(len(best) - 0.4, -0.6)
        ax.grid(axis="y", visible=False)
        ax.tick_params(axis="y", length=0)
        ax.set(title=textwrap.fill(legible(name), 12), xlabel="speaks for it by")
    for ax in axes.flat[len(classes) :]:
        ax.set_axis_off()
    told = "; ".join(
        f"{name}: {', '.join(word for word, _ in best)}" for name, best in zip(classes, words, strict=True)
    )
    return Picture(figure, f"The words that speak most for each class, strongest first. {told}.")


def plot_word_map(
    model: BagOfWords, vocabulary: Mapping[str, int], classes: Sequence[str], *, telling: int = 12, frequent: int = 15
) -> Picture:
    """Draw the vectors of the most telling words of each class and of the most frequent words, seen from two sides:
    along the three directions in which they spread most (PCA).

    A word has the colour and the marker of the class it speaks for; as many as find room carry their names, those
    furthest from the middle first. No name covers a spot or another name.
    """
    best = telling_words(model, vocabulary, number=telling)
    names = list(vocabulary)[UNKNOWN + 1 :][:frequent]
    names = list(dict.fromkeys([word for words in best for word, _ in words] + names))
    numbers = [vocabulary[name] for name in names]
    vectors = model.words.weight.detach().cpu()[numbers].double()
    vectors = vectors - vectors.mean(0)
    directions = torch.linalg.svd(vectors, full_matrices=False).Vh[:3]
    spots = (vectors @ directions.T).numpy()
    spoken_for = word_scores(model)[numbers].argmax(1).numpy()
    order = (-(spots**2).sum(1)).argsort()
    figure, axes = new_figure(1, 2, height=4.6, title="Where the words lie", sharex=True)
    for ax, side, seen in zip(axes, (1, 2), ("second", "third"), strict=True):
        for place, name in enumerate(classes):
            look: dict[str, Any] = {"color": COLORS[place % len(COLORS)], "marker": MARKERS[place % len(MARKERS)]}
            theirs = spots[spoken_for == place]
            ax.plot(theirs[:, 0], theirs[:, side], linestyle="", markersize=4, label=legible(name), **look)
        ax.set(xlabel="first direction", ylabel=f"{seen} direction")
        ax.margins(0.14)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(classes))
    figure.draw_without_rendering()  # only now the spots lie where they will
    colors = [COLORS[winner % len(COLORS)] for winner in spoken_for]
    for ax, side in zip(axes, (1, 2), strict=True):
        _name_spots(ax, spots[:, [0, side]], names, colors, order=order)
    told = "; ".join(
        f"{name}: {', '.join(names[place] for place in order if spoken_for[place] == label)}"
        for label, name in enumerate(classes)
    )
    return Picture(figure, f"A map of {len(names)} words from two sides, by the class that they speak for. {told}.")


def _name_spots(
    ax: Axes, spots: np.ndarray[Any, Any], names: Sequence[str], colors: Sequence[str], *, order: np.ndarray[Any, Any]
) -> None:
    """Write names beside their spots (N, 2), on a side with room, in `order`; a name without room is left out."""
    dots = [Bbox.from_extents(*(spot - DOT), *(spot + DOT)) for spot in ax.transData.transform(spots)]
    taken: list[Bbox] = []
    for place in order.tolist():
        for offset, horizontal, vertical in SIDES:
            name = ax.annotate(
                legible(names[place]),
                spots[place],
                xytext=offset,
                textcoords="offset points",
                fontsize=8.5,
                color=colors[place],
                ha=horizontal,
                va=vertical,
            )
            box = name.get_window_extent()
            inside = ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1 and ax.bbox.y0 <= box.y0 and box.y1 <= ax.bbox.y1
            if inside and not box.count_overlaps(dots + taken):
                taken.append(box)
                break
            name.remove()


def draw_text(text: str, *, model: BagOfWords, vocabulary: Mapping[str, int], classes: Sequence[str]) -> Picture:
    """Draw a text word by word, each on the colour of the class it speaks for, the stronger the deeper; and below, the
    model's answer.

    Under each word stand that class and by how much the word raises its score beside the others'. A word that the
    vocabulary lacks says so.
    """
    shares = word_shares(model, vocabulary, text)
    with torch.no_grad():
        tokens = encode([text], vocabulary).to(model.head.weight.device)
        probabilities = model(tokens)[0].softmax(0).tolist()
    answers = sorted(zip(classes, probabilities, strict=True), key=lambda answer: -answer[1])
    lines = _lines([share.word for share in shares])
    words, bars = 0.62 * len(lines) + 0.3, 0.34 * len(classes) + 0.95
    figure, (top, bottom) = new_figure(2, 1, height=words + bars + 0.4, height_ratios=[words, bars])
    top.set(title="Word by word", xlim=(-1, LETTERS), ylim=(len(lines) - 0.2, -0.6))
    top.set_axis_off()
    raised = [(share.word, share.scores - share.scores.mean()) for share in shares]
    strongest = max([scores.max().item() for _, scores in raised], default=0) or 1.0
    told = []
    for (line, column), (word, scores) in zip(_places(lines), raised, strict=True):
        winner, strength = int(scores.argmax()), scores.max().item()
        caption = f"{classes[winner].split()[0][:10]} +{strength:.1f}" if word in vocabulary else "unknown"
        depth = 0.08 + 0.52 * max(0.0, strength) / strongest
        ground = {"boxstyle": "round,pad=0.25", "linewidth": 0, "facecolor": (COLORS[winner % len(COLORS)], depth)}
        top.text(column, line, legible(word), family="monospace", fontsize=11, va="center", bbox=ground)
        top.text(column, line + 0.42, legible(caption), fontsize=7, va="center")
        told.append(f"{word} {caption}")
    plot_predictions(answers, bottom, title="Whose is it?")
    for bar, (name, _) in zip(bottom.patches, answers, strict=True):
        bar.set_color(COLORS[classes.index(name) % len(COLORS)])
    said = ", ".join(f"{name} {probability:.1%}" for name, probability in answers)
    return Picture(figure, f"A text taken apart: {', '.join(told) or 'no word'}. The answer: {said}.")


def _lines(words: Sequence[str]) -> list[list[str]]:
    """Break words into lines of `LETTERS`."""
    lines: list[list[str]] = [[]]
    for word in words:
        if lines[-1] and sum(map(_room, lines[-1])) + _room(word) > LETTERS:
            lines.append([])
        lines[-1].append(word)
    return lines


def _places(lines: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Return line and column of each word."""
    return [(number, sum(map(_room, line[:place]))) for number, line in enumerate(lines) for place in range(len(line))]


def _room(word: str) -> int:
    """How many letters wide a word stands, with its caption below and the gap behind it."""
    return max(len(word), 10) + 2
