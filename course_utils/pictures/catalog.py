"""Where data sets live: one function a data set, which returns its folder prepared and verified (lesson 02).

Each has an offline default. Nothing switches silently: what cannot be had raises, and says what else there is.
"""

import hashlib
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from course_utils.pictures import drawn
from course_utils.pictures.archives import DAMAGED_ARCHIVE, extract_zip
from course_utils.pictures.downloads import DownloadError, download
from course_utils.pictures.folders import is_hidden, walk
from course_utils.runtime import atomic_write, data_dir, setting

# A folder for each version of the drawing, so that checkouts which share a data folder leave each other's alone.
DRAWN_FOLDER = f"clothing-drawn-{drawn.DRAWING_VERSION}"
INSTRUMENTS_FOLDER = f"instruments-drawn-{drawn.INSTRUMENTS_VERSION}"
PHOTOS_FOLDER = "clothing-dataset-small-master"
# How many photos each split holds, and the SHA-256 over the sorted lines "relative path NUL sha256 LF" of all of them.
PHOTOS_PER_SPLIT = {"train": 3068, "validation": 341, "test": 372}
PHOTOS_DIGEST = "297dce0c2b9b4e3533abd57bbad296ae5ed3f93712356f067ca5739ca915bef5"


class RemoteFile(NamedTuple):
    """A file to fetch: its name in the data folder and in a mirror, where the public keeps it, what it must be."""

    name: str
    addresses: tuple[str, ...]
    sha256: str | None = None
    size: int | None = None
    check: Callable[[Path], None] | None = None


class Source(NamedTuple):
    """One way to come by pictures: where they live, what puts them there, what tells them from others."""

    folder: str  # below `data_dir()`
    prepare: Callable[..., None]  # called with the folder, progress and num_workers: makes all of it or nothing
    verify: Callable[[Path], None]  # raises ValueError that says what in the folder is not as it was put there


def clothing(source: str | None = None, *, progress: bool = True, num_workers: int | None = None) -> Path:
    """Return the folder of the clothing pictures: `train/`, `validation/` and `test/`, a folder per class in each.

    The ten classes are dress, hat, longsleeve, outwear, pants, shirt, shoes, shorts, skirt and t-shirt. The first call
    prepares the folder in `data_dir()`; later calls look at the number and size of its files and return in a fraction
    of a second. Keep pictures of your own elsewhere: a changed folder is refused, and never repaired or deleted behind
    your back.

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
        OSError: the data folder cannot be written.
    """
    chosen = setting("COURSE_DATASET", "drawn") if source is None else source
    if chosen not in _SOURCES:
        known = " or ".join(repr(name) for name in _SOURCES)
        place = "the setting COURSE_DATASET" if source is None else "source"
        raise ValueError(f"{place} is {chosen!r}: the clothing pictures come as {known}.")
    return _ready(f"The {chosen} pictures", _SOURCES[chosen], progress=progress, num_workers=num_workers)


def instruments(*, progress: bool = True, num_workers: int | None = None) -> Path:
    """Return the folder of the drawn musical instruments: a folder for each of ten kinds, no splits (lesson 13).

    The kinds are accordion, banjo, drum, guitar, harp, piano, saxophone, trumpet, violin and xylophone; each has 12
    instruments, and each of these 6 pictures: `violin/violin_07_3.jpg` is the third of the seventh violin. Prepared,
    checked and refused as in `clothing`; raises RuntimeError and OSError as there.
    """
    return _ready("The instruments", _INSTRUMENTS, progress=progress, num_workers=num_workers)


def _ready(what: str, source: Source, *, progress: bool, num_workers: int | None) -> Path:
    """Return the folder of a source, prepared where it is not there yet, and as it was put there."""
    name, prepare, verify = source
    folder = data_dir() / name
    if not folder.exists():
        try:
            prepare(folder, progress=progress, num_workers=num_workers)
        except OSError as error:
            raise OSError(
                f"{what} cannot be put into {folder.parent} ({error}). Set COURSE_DATA_DIR to a folder "
                "that you may write to and that has room."
            ) from error
    if _read_note(folder) != _size_of(folder):
        try:
            verify(folder)
        except ValueError as error:
            raise RuntimeError(
                f"{folder} is not as the course put it there: {error}. Give that folder another name and call again: "
                "it is made afresh, and what is yours stays yours."
            ) from error
        with suppress(OSError):  # a data folder that may only be read works too, and is verified at each call
            _write_note(folder)
    return folder


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


def _draw(folder: Path, *, progress: bool, num_workers: int | None) -> None:
    drawn.draw_dataset(folder, num_workers=num_workers, progress=progress)
    _write_note(folder)


def _draw_instruments(folder: Path, *, progress: bool, num_workers: int | None) -> None:
    drawn.draw_instruments(folder, num_workers=num_workers, progress=progress)
    _write_note(folder)


def _verify_drawn(folder: Path) -> None:
    _verify_names(folder, drawn.planned_files())


def _verify_instruments(folder: Path) -> None:
    _verify_names(folder, drawn.planned_instruments())


def _verify_names(folder: Path, files: Iterable[Path]) -> None:
    """Raise ValueError unless the files of `folder` are those that the course draws, as far as can be told."""
    names = {name for name, _ in _files(folder)}
    planned = {path.as_posix() for path in files}
    for found, fault in ((names - planned, "was added"), (planned - names, "is missing")):
        if found:
            more = f" (and {len(found) - 1:,} more)" if len(found) > 1 else ""
            raise ValueError(f"{min(found)}{more} {fault}")
    if _read_note(folder):  # without one, the folder was copied here without the hidden file beside it
        raise ValueError("some of its pictures have been changed")


def _fetch_photos(folder: Path, *, progress: bool, **_: Any) -> None:
    try:
        archive = fetch_file("photos", progress=progress)
    except DownloadError as error:
        raise DownloadError(f"{error}\n  - work with 'drawn' instead of 'photos': it needs no network") from None
    with suppress(FileExistsError):  # another notebook has extracted it meanwhile; what it left is verified as well
        extract_zip(archive, folder, strip_top_folder=True, progress=progress)


def _verify_photos(folder: Path) -> None:
    _check_photos((name, path.read_bytes()) for name, path in _files(folder) if _is_photo(name))


def _check_photos(photos: Iterable[tuple[str, bytes]]) -> None:
    """Raise ValueError unless `photos`, pairs (path below the data set's folder, content), are the published ones."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in photos}
    counts = Counter(name.partition("/")[0] for name in digests)
    if counts != PHOTOS_PER_SPLIT:
        found, wanted = (", ".join(f"{split} {c[split]:,}" for split in sorted(c)) for c in (counts, PHOTOS_PER_SPLIT))
        raise ValueError(f"its pictures are {found or 'none'} instead of {wanted}")
    lines = sorted(f"{name}\0{digest}\n" for name, digest in digests.items())
    if hashlib.sha256("".join(lines).encode()).hexdigest() != PHOTOS_DIGEST:
        raise ValueError("the number of pictures is right, but not their names or content")


def _check_photos_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            # GitHub puts everything into one folder, named after the branch or commit.
            members = {name.partition("/")[2]: name for name in archive.namelist() if not name.endswith("/")}
            _check_photos((name, archive.read(member)) for name, member in members.items() if _is_photo(name))
    except DAMAGED_ARCHIVE as error:
        raise ValueError(f"the archive is damaged ({error})") from error


def _is_photo(name: str) -> bool:
    """True for every file of a split, so that no file of somebody else's passes for a part of the data set."""
    return name.partition("/")[0] in PHOTOS_PER_SPLIT and not is_hidden(name)


def _files(folder: Path) -> list[tuple[str, Path]]:
    """Every file below `folder` with its name there, except for what systems leave lying about."""
    return [(path.relative_to(folder).as_posix(), path) for path in walk(folder) if not is_hidden(path)]


def _size_of(folder: Path) -> str:
    """How many files a folder holds and how many bytes: cheap to ask at each call, and few accidents escape it."""
    sizes = [path.lstat().st_size for _, path in _files(folder)]
    return f"{len(sizes)} files {sum(sizes)} bytes"


def _note(folder: Path) -> Path:
    # Beside the folder, not in it: the data doctor of lesson 02 is to find a clean folder clean.
    return folder.with_name(f".{folder.name}.verified")


def _read_note(folder: Path) -> str:
    """What `_size_of` was when the folder was last known to be right; empty where nobody noted it."""
    return _note(folder).read_text(encoding="utf-8") if _note(folder).exists() else ""


def _write_note(folder: Path) -> None:
    with atomic_write(_note(folder)) as temporary:
        temporary.write_text(_size_of(folder), encoding="utf-8")


_SOURCES = {
    "drawn": Source(DRAWN_FOLDER, _draw, _verify_drawn),
    "photos": Source(PHOTOS_FOLDER, _fetch_photos, _verify_photos),
}

_INSTRUMENTS = Source(INSTRUMENTS_FOLDER, _draw_instruments, _verify_instruments)

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
