"""Where something moves: a short animated picture that plays a few times and rests on its last frame.

It is an animated PNG inside an `<img>`, as the stills are: whatever shows those (JupyterLab, Colab, the pages, GitHub,
which drops `<video>` and scripts) shows this too. Its default image is the last frame, so that a viewer that knows no
animation shows the still that says enough alone; so does a browser that is asked to reduce motion.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageOps, PngImagePlugin

from .display import Picture, Shown, check_alt, data_address, few_colors, image_tag
from .lettering import render
from .style import CSS_DPI

LIMIT = 250_000  # characters on the page, for the animation and its still together
UNCHANGED = 255  # the place in the palette that lets the frame before show through
# What is tried in turn until it fits: the size, and which frames are kept (1: all, 2: every second).
ATTEMPTS = ((1.0, 1), (0.8, 1), (0.8, 2), (0.6, 2), (0.6, 3))


@dataclass(frozen=True)
class Animation(Shown):
    """What `animate` returns: `content`, the animated PNG, `still`, its last frame as a PNG, and the alt text.

    Like a `Picture` it shows itself at the end of a cell, and `show(animation)` shows it anywhere else.
    """

    content: bytes = field(repr=False)
    still: bytes = field(repr=False)
    alt: str
    width: int  # CSS pixels

    def html(self) -> str:
        """Return the animation, or its still for readers whose system is set to reduced motion."""
        still = f'<source media="(prefers-reduced-motion: reduce)" srcset="{data_address(self.still, "png")}">'
        return f"<picture>{still}{image_tag(self.content, kind='png', alt=self.alt, width=self.width)}</picture>"


def animate(
    frames: Iterable[Picture | Figure | Image.Image],
    *,
    alt: str,
    seconds: float = 3.0,
    rest: float = 1.5,
    num_plays: int = 3,
) -> Animation:
    """Turn frames into an animation: pictures (or figures, or Pillow pictures of one size), at least two.

    One play takes `seconds` and `rest` seconds on the last frame; after `num_plays` plays it stays there, so the last
    frame is to say enough alone. `alt` says in a sentence what moves, and where it ends. Where the page would take more
    than 250 kB, the frames get smaller and every second or third is left out. Raises ValueError where that does not
    suffice, for fewer than two frames, frames of different sizes, and without alt text.

        animate([draw_step(step) for step in range(20)], alt="A ball rolls down the valley and stops at its floor.")
    """
    check_alt(alt)
    pictures = [_pixels(frame) for frame in frames]
    if len(pictures) < 2:
        raise ValueError(f"An animation needs at least two frames, not {len(pictures)}.")
    sizes = sorted({picture.size for picture in pictures})
    if len(sizes) > 1:
        raise ValueError(f"The frames of an animation have one size; these have {len(sizes)}: {sizes}.")
    width = pictures[0].width
    for scale, step in ATTEMPTS:
        kept = [ImageOps.scale(picture, scale) for picture in pictures[::-step][::-1]]
        durations = [1000 * seconds / len(kept)] * (len(kept) - 1) + [1000 * rest]
        content = _animated_png(kept, durations, num_plays)
        animation = Animation(content, few_colors(_png(kept[-1])), alt, width)
        if len(animation.html()) <= LIMIT:
            return animation
    raise ValueError(
        f"{len(pictures)} frames of {width} × {pictures[0].height} pixels take {len(animation.html()):,} characters "
        f"even when they are made smaller; {LIMIT:,} are allowed. Draw smaller or fewer frames, or less that changes."
    )


def _pixels(frame: Picture | Figure | Image.Image) -> Image.Image:
    """Return the frame as RGB, a figure with one pixel a CSS pixel."""
    if isinstance(frame, Picture):
        frame = frame.figure
    if isinstance(frame, Figure):
        with Image.open(io.BytesIO(render(frame, format="png", dpi=CSS_DPI))) as picture:
            return picture.convert("RGB")
    return frame.convert("RGB")


def _animated_png(pictures: list[Image.Image], durations: list[float], num_plays: int) -> bytes:
    """Return an animated PNG of at most 256 colours, which all frames share; the default image is the last one.

    A frame holds what differs from the one before it, and is transparent elsewhere: where little moves, it takes
    little.
    """
    sample = pictures[:: max(1, len(pictures) // 6)] + pictures[-1:]
    sheet = Image.new("RGB", (sample[0].width, sample[0].height * len(sample)))
    for place, picture in enumerate(sample):
        sheet.paste(picture, (0, place * picture.height))
    colors = sheet.quantize(UNCHANGED - 1, dither=Image.Dither.NONE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([255, 255, 255, *colors, *[255] * 768][:768])
    indexed = [_indices(picture, palette) for picture in pictures]
    changes = [np.where(new == old, UNCHANGED, new) for old, new in pairwise(indexed)]
    last, *frames = (_with_palette(picture, palette) for picture in (indexed[-1], indexed[0], *changes))
    buffer = io.BytesIO()
    last.save(
        buffer,
        format="png",
        save_all=True,
        default_image=True,
        append_images=frames,
        duration=durations,
        loop=num_plays,
        transparency=UNCHANGED,
        blend=PngImagePlugin.Blend.OP_OVER,
        optimize=True,
    )
    return buffer.getvalue()


def _indices(picture: Image.Image, palette: Image.Image) -> np.ndarray:
    """Return the place in the palette of each pixel's colour; the ground stays white (place 0), not nearly so."""
    indices = np.array(picture.quantize(palette=palette, dither=Image.Dither.NONE))
    indices[(np.asarray(picture) == 255).all(axis=2) | (indices == UNCHANGED)] = 0
    return indices


def _with_palette(indices: np.ndarray, palette: Image.Image) -> Image.Image:
    """Return the frame. The transparent place gets a colour that no other has: Pillow, which stores only the part of a
    frame that differs from the one before, compares colours, and would take it for white.
    """
    colors = (palette.getpalette() or [])[: 3 * UNCHANGED]
    used = {tuple(colors[place : place + 3]) for place in range(0, len(colors), 3)}
    unused = next(color for color in ((255, 0, blue) for blue in range(256)) if color not in used)
    picture = Image.fromarray(indices.astype(np.uint8))
    picture.putpalette([*colors, *unused])
    return picture


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="png")
    return buffer.getvalue()
