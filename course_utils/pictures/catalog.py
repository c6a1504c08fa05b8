"""Where data sets live: one function a data set, which returns its folder prepared and verified (lesson 02).

Each has an offline default. Nothing switches silently: what cannot be had raises, and says what else there is.
"""

import hashlib
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import NamedTuple

from course_utils.pictures import drawn
from course_utils.pictures.downloads import DownloadError, download, extract_zip
from course_utils.runtime import atomic_write, data_dir, setting

DRAWN_FOLDER = "clothing-drawn"
PHOTOS_FOLDER = "clothing-dataset-small-master"
# How many photos each split holds, and the SHA-256 over the sorted lines "relative path NUL sha256 LF" of all of them.
PHOTO_COUNTS = {"train": 3068, "validation": 341, "test": 372}
PHOTOS_DIGEST = "297dce0c2b9b4e3533abd57bbad296ae5ed3f93712356f067ca5739ca915bef5"


class RemoteFile(NamedTuple):
    """A file to fetch: its name in the data folder and in a mirror, where the public keeps it, what it must be."""

    name: str
    addresses: tuple[str, ...]
    sha256: str | None = None
    size: int | None = None
    check: Callable[[Path], None] | None = None


def clothing(source: str | None = None, *, progress: bool = True, num_workers: int | None = None) -> Path:
    """Return the folder of the clothing pictures: `train/`, `validation/` and `test/`, a folder per class in each.

    The ten classes are dress, hat, longsleeve, outwear, pants, shirt, shoes, shorts, skirt and t-shirt. The first call
    prepares the folder in `data_dir()`; later calls look at its file count and size and return in a fraction of a
    second. Keep pictures of your own elsewhere: a changed folder is refused, never repaired behind your back.

    Args:
        source: `"drawn"` (pictures drawn on this machine, no network) or `"photos"` (3,781 real photos, 3,068 / 341 /
            372, CC0, a download of 106 MB; the content is verified, not only the size). None: what the setting
            `COURSE_DATASET` says, else `"drawn"`.
        progress: show progress bars.
        num_workers: processes that draw, as in `draw_dataset`.

    Raises:
        ValueError: any other source.
        DownloadError: the photos cannot be had (the message says how to get them).
        RuntimeError: the folder is there, but is not what the course put there.
    """
    chosen = setting("COURSE_DATASET", "drawn") if source is None else source
    if chosen not in _CLOTHING:
        known = " or ".join(repr(name) for name in _CLOTHING)
        place = "the setting COURSE_DATASET" if source is None else "source"
        raise ValueError(f"{place} is {chosen!r}: the clothing pictures come as {known}.")
    return _CLOTHING[chosen](progress=progress, num_workers=num_workers)


def fetch_file(key: str, *, progress: bool = True) -> Path:
    """Return the path of one of `REMOTE_FILES` in `data_dir()`, fetched and verified if it is not there yet.

    Raises KeyError for an unknown key and DownloadError where the file cannot be had.
    """
    if key not in REMOTE_FILES:
        raise KeyError(f"no file {key!r}; the files are {', '.join(REMOTE_FILES)}")
    file = REMOTE_FILES[key]
    return download(
        file.addresses,
        data_dir() / file.name,
        sha256=file.sha256,
        size=file.size,
        check=file.check,
        progress=progress,
    )


def _drawn(*, progress: bool, num_workers: int | None) -> Path:
    folder, version = data_dir() / DRAWN_FOLDER, _drawing_version()
    if folder.exists():
        noted = _read_note(folder)
        if not noted.endswith(_size_of(folder)):
            raise RuntimeError(
                f"{folder} is not as the course drew it. Move pictures of your own elsewhere, delete the folder and "
                "call again: it is drawn afresh, without a network."
            )
        if noted.startswith(version):
            return folder
        if progress:
            print(f"The drawing code has changed: drawing {folder.name} afresh.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.", suffix=".tmp") as temporary:
        new = drawn.draw_dataset(Path(temporary) / "new", num_workers=num_workers, progress=progress)
        # Another notebook may have drawn the same meanwhile: then its folder stays, somebody may be reading it.
        if not folder.exists() or not _read_note(folder).startswith(version):
            if folder.exists():
                folder.rename(Path(temporary) / "old")
            _write_note(folder, f"{version} {_size_of(new)}")
            new.rename(folder)
    return folder


def _photos(*, progress: bool, **_) -> Path:
    folder = data_dir() / PHOTOS_FOLDER
    if not folder.exists():
        try:
            archive = fetch_file("photos", progress=progress)
        except DownloadError as error:
            raise DownloadError(f"{error}\n  - work with 'drawn' instead of 'photos': it needs no network") from None
        with suppress(FileExistsError):  # another notebook has extracted it meanwhile; what it left is verified below
            extract_zip(archive, folder, strip_top_folder=True, progress=progress)
    verified = f"{PHOTOS_DIGEST} {_size_of(folder)}"
    if _read_note(folder) != verified:
        try:
            _check_photos((path.relative_to(folder).as_posix(), path.read_bytes()) for path in _pictures(folder))
        except ValueError as error:
            raise RuntimeError(f"{folder} is not the published data set: {error}. Delete it and call again.") from error
        with suppress(OSError):  # a data folder that may only be read works too, and is verified at each call
            _write_note(folder, verified)
    return folder


def _check_photos(pictures: Iterable[tuple[str, bytes]]) -> None:
    """Raise ValueError unless `pictures`, pairs (path below the data set's folder, content), are the published ones."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in pictures}
    counts = Counter(name.partition("/")[0] for name in digests)
    if counts != PHOTO_COUNTS:
        found, wanted = (", ".join(f"{split} {c[split]:,}" for split in sorted(c)) for c in (counts, PHOTO_COUNTS))
        raise ValueError(f"its pictures are {found or 'none'} instead of {wanted}")
    lines = sorted(f"{name}\0{digest}\n" for name, digest in digests.items())
    if hashlib.sha256("".join(lines).encode()).hexdigest() != PHOTOS_DIGEST:
        raise ValueError("the number of pictures is right, but not their names or content")


def _check_photos_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if _is_picture(PurePosixPath(name))]
            # GitHub puts everything into one folder, named after the branch or commit.
            _check_photos((name.partition("/")[2], archive.read(name)) for name in names)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"the archive is damaged ({error})") from error


def _is_picture(path: PurePosixPath | Path) -> bool:
    # macOS leaves a hidden ._name.jpg beside each file that it copies to a USB stick.
    return path.suffix == ".jpg" and not path.name.startswith(".")


def _pictures(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.jpg") if _is_picture(path))


def _size_of(folder: Path) -> str:
    """How many pictures a folder holds and how many bytes: cheap to ask at each call, and few accidents escape it."""
    sizes = [path.stat().st_size for path in _pictures(folder)]
    return f"{len(sizes)} pictures {sum(sizes)} bytes"


def _note(folder: Path) -> Path:
    # Beside the folder, not in it: the data doctor of lesson 02 is to find a clean folder clean.
    return folder.with_name(f".{folder.name}.verified")


def _read_note(folder: Path) -> str:
    """What the last preparation noted about `folder`: a version or digest, and the size; empty where there is none."""
    return _note(folder).read_text(encoding="utf-8") if _note(folder).exists() else ""


def _write_note(folder: Path, text: str) -> None:
    with atomic_write(_note(folder)) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _drawing_version() -> str:
    """A digest of the drawing code itself, so that nobody has to remember to count a version up."""
    sources = sorted(Path(drawn.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()


_CLOTHING: dict[str, Callable[..., Path]] = {"drawn": _drawn, "photos": _photos}

_CLOTHING_REPOSITORY = "https://github.com/alexeygrigorev/clothing-dataset-small"
REMOTE_FILES = {
    "photos": RemoteFile(
        "clothing-dataset-small-master.zip",
        (
            f"{_CLOTHING_REPOSITORY}/archive/refs/heads/master.zip",
            # The commit that the digest was taken from, should the branch move on.
            f"{_CLOTHING_REPOSITORY}/archive/11961516512414bf9f6c150a832cfd21b54a6b54.zip",
        ),
        check=_check_photos_archive,  # no hash: the host may pack the same pictures into other bytes
    ),
    "ag_news": RemoteFile(
        "ag_news_test.csv",
        ("https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/master/data/ag_news_csv/test.csv",),
        sha256="521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699",
        size=1_857_427,
    ),
}
