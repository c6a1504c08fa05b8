"""Whatever a learner hands over as one picture becomes what the network sees, or is told what it is (lesson 01)."""

import os
import warnings
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from course_utils.checks import describe_odd_pixels
from course_utils.runtime import given_path
from course_utils.transforms import InputSpec, build_eval_transform, load_image, to_rgb

Picture = str | os.PathLike[str] | Image.Image | np.ndarray[Any, Any] | Tensor

# By the number of channels: what a picture is that is none of red, green and blue, and which channels to take.
_CHANNELS = {
    1: ("That is a grey picture", "[0, 0, 0]"),
    2: ("That is a grey picture with alpha, which says how opaque each pixel is", "[0, 0, 0]"),
    3: ("The colours are at the wrong end: in tensors they come first, in arrays last", ":"),
    4: ("The fourth channel is alpha, which says how opaque each pixel is", ":3"),
}


def as_input(image: Picture, spec: InputSpec) -> Tensor:
    """Return what a network of `spec` gets for `image`: a normalised floating-point tensor (3, H, W).

    `image` is the path of a file, a Pillow picture, an array (H, W, 3) or a tensor (3, H, W) of dtype uint8, or a
    floating-point tensor that `build_eval_transform(spec)` has made, which is used as it is. Warns where that has
    another size than `spec.image_size`, or looks unnormalised. Raises ValueError for another shape or type, saying
    what it may be and how to make a picture of it, OSError for a file that cannot be read, TypeError for anything else.
    """
    if isinstance(image, Tensor | np.ndarray):
        _check_shape(image)
    if isinstance(image, Tensor) and image.is_floating_point():
        _check_tensor(image, spec)
        return image
    seen: Tensor = build_eval_transform(spec)(_as_rgb(image))
    return seen


def _as_rgb(image: Picture) -> Image.Image:
    if isinstance(image, str | os.PathLike):
        return load_image(given_path(image, kind="file", must_exist=True))
    if isinstance(image, Tensor):
        values = image.permute(1, 2, 0).cpu().numpy()
        _check_bytes(values, cast="to(torch.uint8)")
        image = Image.fromarray(values)
    elif isinstance(image, np.ndarray):
        _check_bytes(image, cast="astype(np.uint8)")
        image = Image.fromarray(image)
    elif not isinstance(image, Image.Image):
        raise TypeError(f"Expected a path, a Pillow picture, an array or a tensor, got {type(image).__name__}.")
    if 0 in image.size:
        raise ValueError(f"The picture holds no pixel: its size is {image.width} x {image.height}.")
    return to_rgb(image)


def _check_shape(image: np.ndarray[Any, Any] | Tensor) -> None:
    """Raise ValueError where `image` has not three channels, first in a tensor, last in an array."""
    shape, is_tensor = tuple(image.shape), isinstance(image, Tensor)
    due, kind, here = ("(3, H, W)", "a tensor", 0) if is_tensor else ("(H, W, 3)", "an array", 2)
    if len(shape) != 3 or shape[here] != 3 or 0 in shape:
        raise ValueError(f"Expected one picture {due}, got {kind} {shape}. {_hint(shape, is_tensor=is_tensor)}")


def _hint(shape: tuple[int, ...], *, is_tensor: bool) -> str:
    """Say what has such a shape, and the code that makes a picture of it."""
    if 0 in shape:
        return "It holds no pixel: was it cut out beyond the edge of a picture?"
    if len(shape) == 4:
        return "That is a batch; for its first picture, hand over image[0]."
    if len(shape) == 2:
        code = "image.expand(3, -1, -1)" if is_tensor else "np.stack([image] * 3, axis=2)"
        return f"{_CHANNELS[1][0]}: hand over {code}."
    axes = [axis for axis in ((0, 2) if is_tensor else (2, 0)) if len(shape) == 3 and shape[axis] in _CHANNELS]
    if not axes:
        return "No side of it has the length 3, for red, green and blue."
    sentence, channels = _CHANNELS[shape[axes[0]]]
    code = {":": "image"}.get(channels, f"image[{channels}]" if axes[0] == 0 else f"image[:, :, {channels}]")
    if is_tensor != (axes[0] == 0):
        code += ".permute(2, 0, 1)" if is_tensor else ".transpose(1, 2, 0)"
    return f"{sentence}: hand over {code}."


def _check_bytes(values: np.ndarray[Any, Any], *, cast: str) -> None:
    """Raise ValueError, with the code that makes bytes of it, where `values` are not of dtype uint8."""
    if values.dtype == np.uint8:
        return
    got = f"Expected values 0 to 255 of dtype uint8, got {values.dtype}"
    if values.dtype.kind not in "buif":
        raise ValueError(f"{got}, which holds no picture.")
    low, high = values.min(), values.max()
    got += f" from {low:.4g} to {high:.4g}"
    for limit, code in ((1, "(image * 255)"), (255, "image"), (65_535, "(image / 257)")):
        if low >= 0 and high <= limit:
            raise ValueError(f"{got}: hand over {code}.round().{cast}.")
    if low < 0 and values.dtype.kind == "f":
        raise ValueError(f"{got}. Is it normalised? Then hand over torch.from_numpy(image).permute(2, 0, 1).")
    raise ValueError(f"{got}, and nothing says which of them is white.")


def _check_tensor(image: Tensor, spec: InputSpec) -> None:
    """Say of a floating-point tensor (3, H, W) what a training would say."""
    if not image.isfinite().all():
        raise ValueError("The tensor holds values that are no numbers (infinite, or nan).")
    side, suspicions = spec.image_size, [describe_odd_pixels(image.unsqueeze(0), spec)]
    if image.shape[1:] != (side, side):
        suspicions.append(
            f"The tensor holds {image.shape[1]} x {image.shape[2]} pixels, the model was schooled on {side} x {side} "
            "and knows less of other sizes: build_eval_transform(model.spec) gives its own."
        )
    for suspicion in filter(None, suspicions):
        warnings.warn(suspicion, stacklevel=4)
