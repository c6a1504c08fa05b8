"""Unpacking archives so that a learner never meets half a folder, nor a file outside of it.

What an archive holds goes into a temporary folder, and only when all of it is there the folder is renamed.
"""

import stat
import zipfile
import zlib
from pathlib import Path, PureWindowsPath
from tempfile import TemporaryDirectory

from course_utils.pictures.downloads import DownloadError
from course_utils.runtime import progress_bar

# What reading a damaged archive raises; RuntimeError where a flipped bit says "encrypted" or names another compression.
DAMAGED_ARCHIVE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)


def extract_zip(
    archive: str | Path, destination: str | Path, *, strip_top_folder: bool = False, progress: bool = True
) -> Path:
    """Extract a zip archive into the new folder `destination`, all of it or nothing, and return the folder.

    The members go into a temporary folder beside `destination` that is renamed at the end, so a half-extracted
    archive is never taken for a whole one. With `strip_top_folder` the one folder that holds all members becomes
    `destination`, whatever its name.

    Raises:
        FileExistsError: `destination` is there already.
        ValueError: a member would leave the folder (`..`, an absolute path, a drive) or is a link or device; or
            `strip_top_folder` and there is no single top folder. Nothing is written then.
        DownloadError: the archive is damaged.
    """
    archive, destination = Path(archive), Path(destination)
    if destination.exists():
        raise FileExistsError(f"{destination} is there already; give it another name to extract {archive.name} again.")
    destination.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{destination.name}."
    try:
        with (
            zipfile.ZipFile(archive) as opened,
            TemporaryDirectory(dir=destination.parent, prefix=prefix, suffix=".tmp") as temporary,
        ):
            members = opened.infolist()
            _refuse_unsafe(members, archive)
            top = _top_folder(members, archive) if strip_top_folder else ""
            # A folder of its own, because a temporary one is closed to other users of the machine.
            whole = Path(temporary) / "whole"
            whole.mkdir()
            for member in progress_bar(members, description=f"extracting {archive.name}", show=progress):
                opened.extract(member, whole)
            if destination.exists():
                raise FileExistsError(f"{destination} has appeared meanwhile; {archive.name} is not extracted.")
            (whole / top).rename(destination)
    except DAMAGED_ARCHIVE as error:
        raise DownloadError(f"{archive} is damaged ({error}): delete it and fetch it again.") from error
    return destination


def _refuse_unsafe(members: list[zipfile.ZipInfo], archive: Path) -> None:
    for member in members:
        # Windows rules are the stricter ones: both slashes separate, and a drive makes a path absolute.
        path = PureWindowsPath(member.filename)
        if path.root or path.drive or ".." in path.parts:
            raise ValueError(f"{archive}: the member {member.filename!r} would leave the folder; nothing is extracted.")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ValueError(f"{archive}: the member {member.filename!r} is a link or device; nothing is extracted.")


def _top_folder(members: list[zipfile.ZipInfo], archive: Path) -> str:
    tops = sorted({member.filename.partition("/")[0] for member in members})
    if len(tops) != 1 or not all("/" in member.filename for member in members):
        raise ValueError(f"{archive}: expected one top folder that holds everything, found {', '.join(tops[:5])}.")
    return tops[0]
