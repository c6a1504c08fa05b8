"""Why a file cannot be read as a picture, and what to do about it.

Each cause has its own words and its own remedy, for `transforms.load_image` and for the data doctor alike.
"""

import re
from pathlib import Path

from PIL import Image, UnidentifiedImageError

# The kinds of cause. Only where nothing can be read is deleting a remedy.
REMEDIES = {
    "unreadable": "no picture inside: fetch it again, or delete it",
    "truncated": "breaks off or is damaged: fetch it again",
    "unsupported": "Pillow does not read this kind: save it as .jpg or .png",
    "too large": "too large: shrink it, or cut it up",
    "no access": "not to be had: ask its owner for the right to read it, or copy it elsewhere",
    "broken link": "a link to nowhere: put the file back, or remove the link",
    "vanished": "not there any more: look where it went",
}

_BEGINNING = 1024  # bytes that are looked at
# How files begin that Pillow takes for no picture: the kind of trouble, and what the file is.
_BEGINNINGS = (
    (rb"....ftyp(hei|hev|mif1|msf1)", "unsupported", "a HEIC photo, as iPhones take them"),
    (rb"....ftypavi[fs]", "unsupported", "an AVIF picture"),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "unsupported", "a JPEG XL picture"),
    (rb"%PDF", "unsupported", "a PDF document"),
    (rb"\s*(<\?xml.*?>\s*)?(<!.*?>\s*)*<svg", "unsupported", "an SVG drawing"),
    (rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF....WEBP|BM|II\*\0|MM\0\*", "truncated", "begins as a picture, and is none"),
    (rb"\s*(<\?xml.*?>\s*)?(<!.*?>\s*)*<html|\s*<!doctype html", "unreadable", "a web page"),
    (rb"version https://git-lfs", "unreadable", "a pointer of Git LFS: `git lfs pull` fetches the picture"),
    (rb"\0+$", "unreadable", "nothing but zeros"),
    (rb"$", "unreadable", "the file is empty"),
)


def explain(path: str | Path, error: Exception, *, content: bytes | None = None) -> tuple[str, str]:
    """Return the kind of cause, a key of `REMEDIES`, and its particulars, after reading `path` ended in `error`.

    `content`: the bytes that were read, where they come from no file.
    """
    words = str(error).replace(str(path), Path(path).name).rstrip(".") or type(error).__name__
    if isinstance(error, UnidentifiedImageError):
        return _look_inside(Path(path)) if content is None else _judge(content[:_BEGINNING])
    if isinstance(error, FileNotFoundError):
        return ("broken link" if Path(path).is_symlink() else "vanished"), "there is no such file"
    if isinstance(error, OSError) and error.errno is not None:  # the system's, not Pillow's
        return "no access", error.strerror or words
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning | MemoryError):
        return "too large", words.partition(", could be")[0]
    if isinstance(error, ValueError | NotImplementedError):  # whole, but of a form that nobody wrote a decoder for
        return "unsupported", words
    return "truncated", words


def _look_inside(path: Path) -> tuple[str, str]:
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
    except OSError as error:
        return explain(path, error)
    return _judge(beginning)


def _judge(beginning: bytes) -> tuple[str, str]:
    for pattern, kind, what in _BEGINNINGS:
        if re.match(pattern, beginning, re.DOTALL | re.IGNORECASE):
            return kind, what
    return "unreadable", "not what a picture file begins with"
