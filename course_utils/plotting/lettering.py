"""Text is text: `$` is drawn as a dollar sign, and letters that matplotlib's font lacks come from another font."""

import io
import unicodedata
import warnings
from functools import cache
from typing import Any

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager, get_font
from matplotlib.text import Text
from matplotlib.ticker import LogFormatterMathtext


def legible(text: str) -> str:
    """Return a text that can be drawn and stored: a tab, a bell, half a letter of a broken file name become `�`; line
    breaks stay.
    """
    return "".join(
        "\ufffd" if letter != "\n" and unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in text
    )


def render(figure: Figure, **options: Any) -> bytes:
    """Return the figure as a picture file; `options` go to `Figure.savefig` (`format="png"`, `dpi=144`, ...).

    Texts may come from a learner: names of classes, of files, titles. matplotlib takes what stands between two `$` for
    a formula, garbles it or refuses it; here every text is taken literally, except the powers of ten that matplotlib
    writes beside a logarithmic axis. A text with letters that its font lacks gets the first installed font that has
    them. Where there is none, a warning names the letters, and boxes are drawn in their place.
    """
    formulas = {id(label) for ax in figure.axes for axis in (ax.xaxis, ax.yaxis) for label in _powers_of_ten(axis)}
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    for text in texts:
        text.set_parse_math(id(text) in formulas)
        text.set_text(legible(text.get_text()))
    homeless: set[str] = set().union(*map(_settle, texts))
    if homeless:
        warnings.warn(
            f"No installed font has these letters: {' '.join(sorted(homeless))}. Boxes are drawn in their place; "
            "install a font that has them (the Noto fonts have most), and start Python anew.",
            stacklevel=2,
        )
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)  # said above, and what helps
        figure.savefig(buffer, facecolor="white", **options)
    return buffer.getvalue()


def _powers_of_ten(axis: Axis) -> list[Text]:
    """Return the labels of an axis that are formulas of matplotlib's own."""
    labels: list[Text] = []
    if isinstance(axis.get_major_formatter(), LogFormatterMathtext):
        labels += axis.get_majorticklabels()
    if isinstance(axis.get_minor_formatter(), LogFormatterMathtext):
        labels += axis.get_minorticklabels()
    return labels


def _settle(text: Text) -> set[str]:
    """Give a text a font that has all its letters; return the letters for which there is none."""
    letters = {letter for letter in text.get_text() if letter.isprintable()}
    missing = letters - _letters_of(str(fontManager.findfont(text.get_fontproperties())))
    if not missing:
        return set()
    for font in fontManager.ttflist:
        if missing <= _letters_of(font.fname) and not font.name.startswith("Last Resort"):  # that one has only boxes
            text.set_fontfamily([*text.get_fontfamily(), font.name])
            return set()
    return missing


@cache
def _letters_of(font_file: str) -> frozenset[str]:
    return frozenset(map(chr, get_font(font_file).get_charmap()))
