"""Putting a figure on the page: one HTML picture that carries its alt text wherever the notebook is read."""

import base64
import html
import io

import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from .style import CSS_DPI

DPI = 144  # 1.5 pixels a CSS pixel: crisp on high-density screens, small enough to commit
PHOTO_DPI = 120
JPEG_QUALITY = 85

# What can be put on the page: a figure, its axes, or an array of axes.
Drawing = Figure | Axes | np.ndarray


def figure_of(drawing: Drawing) -> Figure:
    """Return the figure that `drawing` (a figure, axes, or an array of axes) belongs to."""
    if isinstance(drawing, np.ndarray) and drawing.size:
        drawing = drawing.flat[0]
    figure = drawing if isinstance(drawing, Figure) else getattr(drawing, "figure", None)
    if not isinstance(figure, Figure):
        raise TypeError(f"Expected a figure or its axes, got {type(drawing).__name__}.")
    return figure


def figure_html(drawing: Drawing, *, alt: str, photo: bool = False) -> str:
    """Return `<img alt="..." src="data:...">` for a figure or its axes, with the picture inside the text itself.

    `alt` says in a sentence what the picture shows, for readers who cannot see it; empty, it raises ValueError.
    `photo=True` stores a JPEG, a tenth of the size where the figure is made of photographs; lines stay crisp in the
    default PNG. The width on the page is the figure's own, in inches at 96 CSS pixels each, and shrinks with the page.
    """
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError("A figure needs alt text: alt='one sentence that says what the picture shows'.")
    figure = figure_of(drawing)
    buffer = io.BytesIO()
    if photo:
        figure.savefig(buffer, format="jpeg", dpi=PHOTO_DPI, facecolor="white", pil_kwargs={"quality": JPEG_QUALITY})
    else:
        figure.savefig(buffer, format="png", dpi=DPI, facecolor="white", pil_kwargs={"compress_level": 1})
        with Image.open(buffer) as picture:
            # A plot has few colours: a palette of 256 looks the same and takes about a third of the bytes.
            few_colors = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        buffer = io.BytesIO()
        few_colors.save(buffer, format="png", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    width = round(figure.get_figwidth() * CSS_DPI)
    return (
        f'<img alt="{html.escape(" ".join(alt.split()))}" width="{width}" style="max-width: 100%; height: auto" '
        f'src="data:image/{"jpeg" if photo else "png"};base64,{data}">'
    )


def page_bundle(drawing: Drawing, *, alt: str, photo: bool = False) -> dict[str, str]:
    """Return what Jupyter displays for a figure: the picture, and its alt text where only text can be shown."""
    return {"text/html": figure_html(drawing, alt=alt, photo=photo), "text/plain": " ".join(alt.split())}


def show(drawing: Drawing, *, alt: str, photo: bool = False) -> None:
    """End a figure cell: put the figure (or the figure of these axes) on the page, with its alt text.

    See `figure_html` for `alt` and `photo`. Raises ValueError where `alt` is empty, TypeError for what is no figure.
    """
    display(page_bundle(drawing, alt=alt, photo=photo), raw=True)
