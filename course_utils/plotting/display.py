"""A picture is a figure and the sentence that says what it shows; both go onto the page as one HTML element."""

import base64
import html
import io
from dataclasses import dataclass
from typing import Any

from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image

from .lettering import legible, render
from .style import CSS_DPI

DPI = 144  # 1.5 pixels a CSS pixel: crisp on high-density screens, small enough to commit
PHOTO_DPI = 120
JPEG_QUALITY = 85


class Shown:
    """What Jupyter shows by itself at the end of a cell: as HTML, and as its alt text where only text can be shown."""

    alt: str

    def html(self) -> str:
        """Return the HTML element, with the picture inside the text itself."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **_formats: Any) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": one_line(self.alt)}


@dataclass(frozen=True)
class Picture(Shown):
    """A figure with its alt text. Every function of this package that draws returns one.

    Jupyter shows it where it is the last line of a cell, `show(picture)` shows it anywhere else. `figure` is
    matplotlib's own, `figure.axes` are its axes. `alt` says in a sentence what the picture shows, for readers who
    cannot see it. `photo=True` stores a JPEG, a tenth of the size where the figure is made of photographs; lines stay
    crisp in the default PNG. For a figure of your own:

        figure, ax = new_figure()
        ax.plot([1, 4, 9])
        Picture(figure, alt="A curve that rises from 1 to 9.")

    Raises ValueError where `alt` is empty, TypeError where `figure` is no figure.
    """

    figure: Figure
    alt: str
    photo: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.figure, Figure):
            raise TypeError(f"A picture needs a figure, not {type(self.figure).__name__}; axes know theirs: ax.figure.")
        check_alt(self.alt)

    def html(self) -> str:
        """Return `<img alt="..." src="data:...">`, as wide on the page as the figure: 96 CSS pixels an inch, or less
        where the page is narrower.
        """
        if self.photo:
            content = render(self.figure, format="jpeg", dpi=PHOTO_DPI, pil_kwargs={"quality": JPEG_QUALITY})
        else:
            content = few_colors(render(self.figure, format="png", dpi=DPI, pil_kwargs={"compress_level": 1}))
        width = round(self.figure.get_figwidth() * CSS_DPI)
        return image_tag(content, kind="jpeg" if self.photo else "png", alt=self.alt, width=width)


def show(picture: Shown) -> None:
    """Put a picture on the page in the middle of a cell or a loop; at its end, the picture shows itself."""
    display(picture)  # type: ignore[no-untyped-call]  # IPython's display carries no types


def few_colors(png: bytes) -> bytes:
    """Return the picture with a palette of 256: a plot looks the same and takes about a third of the bytes."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def check_alt(alt: str) -> None:
    """Raise ValueError where the alt text says nothing."""
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError("A picture needs alt text: alt='one sentence that says what it shows'.")


def one_line(text: str) -> str:
    """Return the text without line breaks and doubled spaces, and without what cannot be stored."""
    return legible(" ".join(text.split()))


def data_address(content: bytes, kind: str) -> str:
    """Return the address that holds the picture itself; `kind` is "png" or "jpeg"."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def image_tag(content: bytes, *, kind: str, alt: str, width: int) -> str:
    """Return an `<img>` of `width` CSS pixels that shrinks with the page."""
    return (
        f'<img alt="{html.escape(one_line(alt))}" width="{width}" style="max-width: 100%; height: auto" '
        f'src="{data_address(content, kind)}">'
    )
