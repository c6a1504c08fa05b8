"""Pictures side by side: photographs, tensors on their way into a network, and what its layers make of them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from course_utils.pictures.folders import entries, is_hidden, walk, why_no_picture
from course_utils.runtime import seeded
from course_utils.transforms import AUGMENTATIONS, InputSpec, build_train_transform, denormalize, load_image, to_rgb

from .display import Picture
from .style import WIDTH, blank, new_figure

LINE_INCHES, GAP_INCHES = 0.17, 0.08  # a line of a picture's title; the space between two pictures
LINE_BREAK = "\n"
NARROW_INCHES = 1.2  # a column in which names of two words want smaller letters

Pixels = Image.Image | NDArray[Any] | torch.Tensor  # one picture, as `to_pixels` takes it


def to_pixels(image: Pixels, *, spec: InputSpec | None = None) -> NDArray[Any]:
    """Return the picture as an array that matplotlib can draw: (H, W, 3) or (H, W), uint8 or float in [0, 1].

    Takes a PIL picture, an array (H, W) or (H, W, 3), or a tensor (H, W), (1, H, W) or (3, H, W). Numbers are uint8 in
    0..255 or floats in [0, 1]; with `spec`, a normalised tensor, which is turned back first. Raises ValueError for any
    other shape or range, TypeError for any other type.
    """
    if isinstance(image, Image.Image):
        return np.asarray(to_rgb(image))
    if isinstance(image, torch.Tensor):
        image = image.detach().cpu()
        if spec is not None:
            image = denormalize(image, spec)
        if image.ndim == 3 and image.shape[0] in (1, 3):
            image = image.movedim(0, -1)  # tensors carry the channels first, matplotlib wants them last
        image = image.numpy()
    if not isinstance(image, np.ndarray):
        raise TypeError(f"Expected a PIL picture, an array or a tensor, got {type(image).__name__}.")
    pixels = image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[-1] != 3):
        raise ValueError(
            f"Cannot draw a picture of shape {tuple(pixels.shape)}: use a tensor (3, H, W), (1, H, W) or (H, W), "
            "or an array (H, W, 3) or (H, W)."
        )
    if pixels.dtype != np.uint8:
        pixels = pixels.astype(np.float32)
        low, high = float(pixels.min()), float(pixels.max())
        if not (low >= -1e-3 and high <= 1 + 1e-3):  # a NaN fails this too
            raise ValueError(
                f"Cannot draw numbers from {low:.2f} to {high:.2f}: a picture of floats lies in [0, 1]. "
                "For a normalised tensor pass spec=, so that it is turned back first."
            )
    return pixels


def _listed(images: Pixels | Iterable[Pixels]) -> list[Pixels]:
    """A single picture becomes a list of one; a batch (N, C, H, W) the list of its pictures."""
    if isinstance(images, Image.Image):
        return [images]
    if isinstance(images, (np.ndarray, torch.Tensor)):
        return list(images) if images.ndim == 4 else [images]
    return list(images)


def draw_images(
    images: Pixels | Iterable[Pixels],
    *,
    alt: str | None = None,
    titles: Sequence[str] | None = None,
    title: str | None = None,
    spec: InputSpec | None = None,
    num_columns: int | None = None,
    width: float | None = None,
    photo: bool = True,
) -> Picture:
    """Draw the pictures in a grid, each under its own title, `title` above them all.

    `images`: one picture, a list of pictures (each as `to_pixels` takes them) or a batch (N, C, H, W). `alt` says in a
    sentence what they show; left out, it lists the titles. `spec` turns normalised tensors back. `num_columns` defaults
    to at most five; `width` (inches) to the notebook's, or less for a few pictures. Stored as JPEG; `photo=False` keeps
    every pixel's exact colour (for enlarged pixels, say). Raises ValueError without pictures, where titles and pictures
    differ in number, and where there is neither alt text nor titles.
    """
    pictures = [to_pixels(image, spec=spec) for image in _listed(images)]
    if not pictures:
        raise ValueError("There is no picture to show.")
    if titles is not None and len(titles) != len(pictures):
        raise ValueError(f"{len(pictures)} pictures need {len(pictures)} titles, not {len(titles)}.")
    if alt is None and titles:
        alt = f"{title or 'Pictures'}: {'; '.join(text.replace(LINE_BREAK, ', ') for text in titles)}."
    num_columns = min(num_columns or 5, len(pictures))
    num_rows = math.ceil(len(pictures) / num_columns)
    width = width or min(WIDTH, 2.7 * num_columns)
    tallest = max(pixels.shape[0] / pixels.shape[1] for pixels in pictures)
    num_title_lines = max((text.count(LINE_BREAK) + 1 for text in titles), default=0) if titles else 0
    title_height = LINE_INCHES * num_title_lines + (0.06 if num_title_lines else 0)
    height = num_rows * ((width / num_columns - GAP_INCHES) * tallest + title_height + GAP_INCHES)
    figure, grid = _grid(num_rows, num_columns, width=width, height=height + (0.38 if title else 0), title=title)
    for index, (ax, pixels) in enumerate(zip(grid.flat, pictures, strict=False)):
        ax.set_anchor("N")  # titles stand in one line even where the pictures differ in height
        ax.imshow(pixels, cmap="gray", vmin=0, vmax=255 if pixels.dtype == np.uint8 else 1)
        _frame(ax, pixels)
        if titles is not None:
            fontsize = 8.5 if width / num_columns < NARROW_INCHES else 10
            ax.set_title(titles[index], fontsize=fontsize, fontweight="normal", loc="center", pad=4)
    return Picture(figure, alt or "", photo=photo)


def _frame(ax: Axes, pixels: NDArray[Any]) -> None:
    """Draw a hair's breadth of grey around a picture, by which a white one is seen on a white page."""
    height, width = pixels.shape[:2]
    ax.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, edgecolor="0.8", linewidth=0.6))


def _grid(num_rows: int, num_columns: int, *, width: float, height: float, title: str | None) -> tuple[Figure, Any]:
    """Return a figure with (num_rows, num_columns) axes close together, without ticks and frames."""
    figure, grid = new_figure(num_rows, num_columns, width=width, height=height, title=title, squeeze=False)
    figure.set_layout_engine("constrained", w_pad=GAP_INCHES / 2, h_pad=GAP_INCHES / 2, wspace=0, hspace=0)
    blank(grid)
    return figure, grid


def plot_feature_maps(
    feature_maps: torch.Tensor,
    *,
    alt: str | None = None,
    title: str = "Feature maps",
    num_maps: int = 12,
    num_columns: int = 6,
) -> Picture:
    """Draw the first channels of a layer's answer to one picture, one map a channel.

    `feature_maps`: (C, H, W), or (1, C, H, W). Each map is scaled to its own smallest (dark) and largest (bright)
    value: compare places within a map, not brightness between maps. Raises ValueError for any other shape.
    """
    if feature_maps.ndim == 4 and feature_maps.shape[0] == 1:
        feature_maps = feature_maps[0]
    if feature_maps.ndim != 3:
        raise ValueError(f"Expected the feature maps of one picture, (C, H, W), got {tuple(feature_maps.shape)}.")
    maps = feature_maps[:num_maps].float().numpy(force=True)
    num_columns = min(num_columns, len(maps))
    num_rows = math.ceil(len(maps) / num_columns)
    high, wide = maps.shape[1:]
    height = num_rows * ((WIDTH / num_columns - GAP_INCHES) * high / wide + LINE_INCHES + 0.06 + GAP_INCHES) + 0.38
    figure, grid = _grid(num_rows, num_columns, width=WIDTH, height=height, title=title)
    for channel, (ax, values) in enumerate(zip(grid.flat, maps, strict=False)):
        ax.imshow(values, interpolation="nearest")
        ax.set_title(f"channel {channel}", fontsize=9, fontweight="normal", loc="center", pad=3)
    return Picture(figure, alt or f"{title}: {len(maps)} feature maps, {high} by {wide} places each.")


def draw_augmentations(
    image: Image.Image, spec: InputSpec, *, augment: str, seed: int = 0, num_looks: int = 10
) -> Picture:
    """Draw `num_looks` looks at one RGB picture through the training transform.

    `augment` is one of `transforms.AUGMENTATIONS`. The same `seed` gives the same looks; no random generator of PyTorch
    is left changed, on whatever device.
    """
    transform = build_train_transform(spec, augment=augment)
    with seeded(seed):
        looks = [transform(image) for _ in range(num_looks)]
    return draw_images(
        looks,
        spec=spec,
        title=f"{augment}: {num_looks} looks at one picture (seed {seed})",
        alt=f"{num_looks} looks at one picture, augmentation {augment!r}, seed {seed}: {AUGMENTATIONS[augment]}.",
    )


def draw_answers(
    views: Mapping[str, Pixels], answers: Mapping[str, tuple[str, float]], *, width: float | None = None
) -> Picture:
    """Draw pictures, each under its name and the model's best answer: a pair (name, probability in [0, 1]).

    `views` and `answers` have the same keys; KeyError where an answer is missing. `width` as in `draw_images`.
    """
    titles = [f"{view}\n{answers[view][0]}\n{answers[view][1]:.0%}" for view in views]
    told = "; ".join(title.replace("\n", ", ") for title in titles)
    alt = f"{len(views)} pictures, each with the student's best answer: {told}."
    return draw_images(list(views.values()), titles=titles, width=width, alt=alt)


def draw_class_folders(
    folder: str | Path, *, num_each: int = 2, title: str | None = None, width: float | None = None
) -> Picture:
    """Draw `num_each` pictures of each class folder in `folder`, taken from all over it; four in a row.

    Raises FileNotFoundError for a missing folder, ValueError where it holds no class folder with a picture.
    """
    sheet: list[Path] = []
    for class_folder in entries(folder):
        if not class_folder.is_dir() or is_hidden(class_folder):
            continue
        paths = [path for path in walk(class_folder) if why_no_picture(path) is None]
        sheet += paths[:: max(1, len(paths) // num_each)][:num_each]
    names = [path.parent.name for path in sheet]
    told = f"A contact sheet, each picture under the name of its kind: {', '.join(dict.fromkeys(names))}."
    pictures = [load_image(path) for path in sheet]
    return draw_images(pictures, titles=names, title=title, num_columns=4, width=width, alt=told, photo=True)


def draw_pairs(
    pairs: Sequence[tuple[Pixels, Pixels]],
    *,
    names: Sequence[tuple[str, str]],
    words: tuple[str, str],
    title: str | None = None,
    width: float | None = None,
) -> Picture:
    """Draw pairs of pictures, the first of each above the second.

    `names`: the names of both, pair by pair; `words` say what the upper and the lower ones are ("question", "answer").
    """
    upper, lower = ([pair[row] for pair in pairs] for row in (0, 1))
    titles = [f"{words[row]}\n{name[row]}" for row in (0, 1) for name in names]
    told = "; ".join(f"{words[0]} {first}, {words[1]} {second}" for first, second in names)
    alt = f"{title or 'Pictures'}, in pairs: {told}."
    return draw_images(
        [*upper, *lower], titles=titles, title=title, num_columns=len(pairs), width=width, alt=alt, photo=True
    )


def draw_grids(grids: Mapping[str, torch.Tensor], *, highest: float = 7, title: str | None = None) -> Picture:
    """Draw numbers on squared paper: title -> values (H, W), side by side, all squares of one size.

    Purple is negative, orange positive, strongest at `highest`.
    """
    widths = [values.shape[1] for values in grids.values()]
    width, tallest = 0.46 * sum(widths) + 0.25 * len(grids), max(len(values) for values in grids.values())
    figure, panels = new_figure(
        1, len(grids), width=width, height=0.46 * tallest + 0.5, width_ratios=widths, title=title, squeeze=False
    )
    for ax, (name, values) in zip(panels.flat, grids.items(), strict=True):
        ax.imshow(values.numpy(force=True), cmap="PuOr_r", vmin=-highest, vmax=highest)
        for row, column in np.ndindex(*values.shape):
            ax.text(column, row, f"{values[row, column]:.0f}", ha="center", va="center")
        ax.set(title=name, xticks=[], yticks=[], anchor="N")
        ax.grid(visible=False)
    told = "; ".join(f"{name}: {_rows(values)}" for name, values in grids.items())
    return Picture(figure, f"Numbers on squared paper. {told}.")


def _rows(values: torch.Tensor) -> str:
    """Read a grid aloud, row by row; equal rows once."""
    rows = [" ".join(f"{value:.0f}" for value in row) for row in values.tolist()]
    return f"{len(rows)} rows of {rows[0]}" if len(set(rows)) == 1 else ", ".join(rows)
