"""Each cause of an unreadable picture has its own words, and deleting is advised only where nothing can be read."""

import errno
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from course_utils.pictures.unreadable import REMEDIES, explain
from course_utils.transforms import load_image


def encoded(file_format: str, size=(48, 40), **options) -> bytes:
    values = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, format=file_format, **options)
    return buffer.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def huge_png(width=20_000, height=10_000) -> bytes:
    """A PNG that says how large it is, without the pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def cause(path) -> tuple[str, str]:
    """What `explain` says about the error that Pillow raises for this file."""
    try:
        with Image.open(path) as image:
            image.load()
    except Exception as error:
        return explain(path, error)
    raise AssertionError(f"{path} can be read.")


HALVES = {
    f: (encoded(f)[: len(encoded(f)) // 2], "truncated", "") for f in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
}
CASES = HALVES | {
    "only a beginning": (encoded("PNG")[:8] + bytes(40), "truncated", "begins as a picture"),
    "a flipped byte": (encoded("PNG")[:900] + b"\x00\xff" + encoded("PNG")[902:], "truncated", "broken"),
    "20,000 x 10,000": (huge_png(), "too large", "200000000 pixels"),
    "notes without end": (
        encoded("PNG")[:33] + chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2**21))) + encoded("PNG")[33:],
        "unsupported",
        "MAX_TEXT_CHUNK",
    ),
    "iPhone": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "unsupported", "HEIC"),
    "JPEG XL": (b"\xff\x0a\xfa\x1f", "unsupported", "JPEG XL"),
    "PDF": (b"%PDF-1.7\n", "unsupported", "PDF"),
    "drawing": (b"<?xml version='1.0'?>\n<!-- made by hand -->\n<SVG/>", "unsupported", "SVG"),
    "empty": (b"", "unreadable", "the file is empty"),
    "zeros": (bytes(3000), "unreadable", "nothing but zeros"),
    "web page": (b"\n<!DOCTYPE html>\n<title>404</title>", "unreadable", "a web page"),
    "old web page": (b"<HTML><body>404</body>", "unreadable", "a web page"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "unreadable", "git lfs pull"),
    "text": (b"Ask Mia for it.", "unreadable", "not what a picture file begins with"),
}


@pytest.mark.filterwarnings("ignore:image file could not be identified:UserWarning")  # a plug-in that is not there
@pytest.mark.parametrize("name", CASES)
def test_each_content_has_its_own_cause(tmp_path, name):
    content, kind, detail = CASES[name]
    path = tmp_path / "bild für alle.jpg"
    path.write_bytes(content)
    assert cause(path)[0] == kind
    assert detail in cause(path)[1]
    assert str(tmp_path) not in cause(path)[1]
    with pytest.raises(OSError, match=r"Cannot read .*bild für alle\.jpg as a picture") as caught:
        load_image(path)
    assert detail in str(caught.value)
    assert REMEDIES[kind] in str(caught.value)


def test_the_remedy_works_for_a_picture_that_is_too_large(tmp_path, monkeypatch):
    path = tmp_path / "map.png"
    path.write_bytes(encoded("PNG", size=(60, 60)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(OSError, match="too large: shrink it"):
        load_image(path)
    path.write_bytes(encoded("PNG", size=(30, 30)))
    assert load_image(path).size == (30, 30)


@pytest.mark.parametrize(
    ("error", "kind", "detail"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "x.jpg"), "no access", "Permission denied"),
        (OSError(errno.EIO, "Input/output error"), "no access", "Input/output error"),
        (FileNotFoundError(errno.ENOENT, "No such file", "x.jpg"), "vanished", "no such file"),
        (MemoryError(), "too large", "MemoryError"),
        (Image.DecompressionBombWarning("Image size (9 pixels), could be an attack"), "too large", "Image size"),
        (OSError("image file is truncated"), "truncated", "image file is truncated"),
        (SyntaxError("broken PNG file"), "truncated", "broken PNG file"),
        (ValueError("mode 'F' holds values ..."), "unsupported", "mode 'F'"),
        (NotImplementedError("Unimplemented pixel format"), "unsupported", "pixel format"),
    ],
)
def test_each_error_has_its_own_cause(tmp_path, error, kind, detail):
    found = explain(tmp_path / "x.jpg", error)
    assert found[0] == kind
    assert detail in found[1]


def test_a_link_to_nowhere_is_told_from_a_file_that_vanished(tmp_path):
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    assert cause(tmp_path / "link.jpg")[0] == "broken link"
    assert cause(tmp_path / "never.jpg")[0] == "vanished"


def test_a_file_that_vanishes_between_two_looks_is_no_crash(tmp_path):
    assert explain(tmp_path / "gone.jpg", UnidentifiedImageError("cannot identify"))[0] == "vanished"


def test_deleting_is_advised_only_where_nothing_can_be_read():
    assert [kind for kind, remedy in REMEDIES.items() if "delete" in remedy] == ["unreadable"]
