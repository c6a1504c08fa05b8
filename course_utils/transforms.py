"""How a picture becomes a tensor (lesson 03): any picture as RGB, and the transforms of training and evaluation.

A network can only be used with the size and the normalisation it was schooled on. `InputSpec` says both, travels with
the weights (`models`), and builds every transform here, so that a transform cannot disagree with the weights.
"""

import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import ExifTags, Image
from torchvision.transforms import v2

from course_utils.pictures.unreadable import REMEDIES, explain
from course_utils.runtime import given_path

# Mean and standard deviation of the red, green and blue values (0 to 1) of ImageNet's training pictures, as torchvision
# uses them for all its classification weights.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

# How a picture is turned upright that was stored with this EXIF orientation. Not `ImageOps.exif_transpose`: that writes
# the camera's other notes anew, and refuses the picture where one of them is odd.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Where Pillow looks for the orientation.
_NOTES_OF_ORIENTATION = ("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp")

# What `build_train_transform` does beyond the evaluation transform, from nothing to much.
AUGMENTATIONS = {
    "none": "the evaluation transform itself: every epoch sees the same pixels",
    "light": "sized as in evaluation, moved a little (its mirrored edge fills the gap), mirrored half of the time",
    "strong": "a random part of the picture (35 to 100 % of its area), mirrored half of the time, in another light",
}


class InputSpec(NamedTuple):
    """What a network expects to see; it travels with the weights.

    image_size   side of the square that the network gets, in pixels
    resize_size  the picture's shorter side is resized to this many pixels, then the central square is cut out;
                 None: the whole picture is squashed to the square
    mean, std    of the red, green and blue values (range 0 to 1), for `Normalize`
    """

    image_size: int
    resize_size: int | None = None
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def to_plain(self) -> dict[str, Any]:
        """Return the fields as plain types, for a file of weights: `{"image_size": 96, ..., "std": [...]}`."""
        return self._asdict() | {"mean": list(map(float, self.mean)), "std": list(map(float, self.std))}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "InputSpec":
        """Return what `to_plain` was called on. Raises ValueError where the fields are not those of an InputSpec."""
        if plain.keys() != set(cls._fields):
            raise ValueError(f"An InputSpec has the fields {', '.join(cls._fields)}, got {', '.join(plain) or 'none'}.")
        return cls(plain["image_size"], plain["resize_size"], tuple(plain["mean"]), tuple(plain["std"]))


def load_image(path: str | Path) -> Image.Image:
    """Return the picture in the file `path` as RGB, 8 bits a channel, fully decoded and upright (see `to_rgb`).

    Raises FileNotFoundError where there is no such file, and OSError, naming the file, the cause and the way out, where
    it cannot be read (PermissionError where it may not be).
    """
    try:
        with Image.open(Path(path).expanduser()) as image:
            return to_rgb(image)
    except (FileNotFoundError, IsADirectoryError):
        given_path(path, kind="file", must_exist=True)  # asked only now, for its many looks at the disk cost time
        raise
    except Exception as error:  # given damaged bytes, Pillow's many decoders raise nearly every type there is
        kind, detail = explain(path, error)
        kind_of_error = PermissionError if isinstance(error, PermissionError) else OSError
        raise kind_of_error(f"Cannot read {path} as a picture ({detail}): {REMEDIES[kind]}.") from error


def decode_image(content: bytes, *, name: str, max_pixels: int | None = None) -> Image.Image:
    """Return the picture in the bytes of a file, as `load_image` does; messages call it `name`.

    Raises OSError with the cause and the way out, also where it has more than `max_pixels` pixels: a small file can
    hold a huge picture.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            if max_pixels is not None and image.width * image.height > max_pixels:
                raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels")
            return to_rgb(image)
    except Exception as error:
        kind, detail = explain(name, error, content=content)
        raise OSError(f"Cannot read {name} as a picture ({detail}): {REMEDIES[kind]}.") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """Return any Pillow picture as a new RGB picture with values 0 to 255, the way a person would see it.

    The camera's note on which side is up (EXIF orientation) is applied; transparent parts become white; 16-bit values
    (0 to 65535) are scaled, not cut off; of an animation the first frame is taken. What is RGB and upright already
    keeps its pixels.

    Raises ValueError for floating-point or 32-bit pictures, whose range of values the file does not tell.
    """
    image.load()  # what is written behind the pixels counts too
    orientation = orientation_of(image)
    if orientation != 1:
        image = image.transpose(_TURNS[orientation])
        for note in _NOTES_OF_ORIENTATION:  # it is upright now, and must not be turned once more
            image.info.pop(note, None)
    if image.mode.startswith("I") or image.mode == "F":
        image = _scale_to_8_bits(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return image.convert("RGB")


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation of a loaded picture, 1 to 8; 1, upright, where the camera left no readable note."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # damaged notes raise what damaged pixels do, and are no reason to do without the picture
        return 1
    return orientation if isinstance(orientation, int) and orientation in _TURNS else 1


def _scale_to_8_bits(image: Image.Image) -> Image.Image:
    """Scale a grey 16-bit picture, 0 to 65535, to 0 to 255: `convert` alone would turn everything above 255 white."""
    values = np.asarray(image)
    # Some versions and formats hand 16-bit values over in 32-bit integers (mode "I").
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ValueError(
            f"mode {image.mode!r} holds values from {values.min()} to {values.max()}, and the file does not say which "
            "of them is white; save the picture with 8 or 16 bits a channel"
        )
    return Image.fromarray(np.round(values / 257).astype(np.uint8))


def build_eval_transform(spec: InputSpec) -> v2.Compose:
    """Return the transform for validation, test and inference: the same picture always gives the same tensor.

    It takes an RGB Pillow picture (see `load_image`) and returns a float32 tensor (3, image_size, image_size),
    normalised with `spec.mean` and `spec.std`: about -2.1 to 2.6 for ImageNet's. With torchvision's numbers in `spec`
    it equals the transform that comes with torchvision's weights. Lesson 03.

    Raises ValueError where `spec.resize_size` is smaller than `spec.image_size`.
    """
    return v2.Compose([*_resize_and_crop(spec), *_to_normalized_tensor(spec)])


def build_train_transform(spec: InputSpec, *, augment: str = "light") -> v2.Compose:
    """Return the transform for training: as `build_eval_transform`, but each look at a picture differs a little.

    `augment` is "none", "light" or "strong" (`AUGMENTATIONS` says what each does). Takes and returns what
    `build_eval_transform` does. The random choices come from PyTorch's global generator: `set_seed` repeats them.

    Raises ValueError for another word.
    """
    if augment == "none":
        return build_eval_transform(spec)
    if augment == "light":
        look = [*_resize_and_crop(spec, random=True), v2.RandomHorizontalFlip()]
    elif augment == "strong":
        look = [
            v2.RandomResizedCrop(spec.image_size, scale=(0.35, 1.0)),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3, hue=0.03),
        ]
    else:
        raise ValueError(f"Unknown augment={augment!r}: use one of {', '.join(map(repr, AUGMENTATIONS))}.")
    return v2.Compose([*look, *_to_normalized_tensor(spec)])


def _resize_and_crop(spec: InputSpec, *, random: bool = False) -> list[v2.Transform]:
    """The steps from a picture of any size to the network's square; `random` crops anywhere, not in the middle.

    Things have the same size either way: a student who practised on larger ones would meet smaller ones in the exam.
    """
    size, resize_size = spec.image_size, spec.resize_size
    if resize_size is not None and resize_size < size:
        raise ValueError(
            f"resize_size={resize_size} is smaller than image_size={size}: the crop would have black edges."
        )
    resize = v2.Resize((size, size) if resize_size is None else resize_size)
    if random:
        room = round(size / 7)  # to move in: as much as 256 leaves around 224
        missing = max(0, room - ((resize_size or size) - size))
        return [resize, v2.RandomCrop(size, padding=math.ceil(missing / 2), padding_mode="reflect")]
    return [resize] if resize_size is None else [resize, v2.CenterCrop(size)]


def _to_normalized_tensor(spec: InputSpec) -> list[v2.Transform]:
    """The steps from a Pillow picture (0 to 255) to a plain normalised tensor.

    Older code calls the first two together `ToTensor`.
    """
    return [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(spec.mean, spec.std), v2.ToPureTensor()]


def denormalize(images: torch.Tensor, spec: InputSpec) -> torch.Tensor:
    """Undo `Normalize`, to look at what the network sees: (N, 3, H, W) or (3, H, W) in, the same shape out, in [0, 1].

    Values that an augmentation pushed outside [0, 1] are clipped. For matplotlib, which wants the colours last, add
    `.permute(1, 2, 0)` to a single picture. Raises ValueError for another shape, TypeError for whole numbers.
    """
    if not images.is_floating_point():
        raise TypeError(f"{images.dtype} holds whole numbers, so these pictures were never normalised: use them as is.")
    if images.ndim not in (3, 4) or images.shape[-3] != len(spec.mean):
        raise ValueError(
            f"Expected shape (N, {len(spec.mean)}, H, W) or ({len(spec.mean)}, H, W), got {tuple(images.shape)}."
        )
    mean, std = (
        torch.tensor(values, dtype=images.dtype, device=images.device).view(-1, 1, 1)
        for values in (spec.mean, spec.std)
    )
    return (images * std + mean).clamp(0, 1)


def transform_steps(transform: v2.Transform, image: Any) -> Iterator[tuple[str, Any]]:
    """Yield `(name, result)` after each step of `transform`, to look at a picture on its way (lessons 01 and 03).

    The name is the step's class, "Resize"; the result a Pillow picture, later a tensor (3, H, W). The last result is
    that of `transform(image)`; with random steps, that of the same seed.
    """
    # Others have .transforms too (RandomChoice), but do not simply apply one after the other.
    for step in transform.transforms if isinstance(transform, v2.Compose) else [transform]:
        image = step(image)
        yield type(step).__name__, image
